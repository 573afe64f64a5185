# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit codes, help and errors of the program (behaviour.md E)."""

from __future__ import annotations

import json
import os
import pstats
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from podwright.cli import verbs, version
from podwright.main import main

AGENT = Path(__file__).parents[3] / "agent/bin/podwright"


class Result:
    """What one command line did."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *argv: str) -> None:
        self.exit = main(list(argv))
        self.stdout, self.stderr = capsys.readouterr()


@pytest.mark.parametrize(
    "line, status, begins",
    [
        ("", 2, "podwright 0"),
        ("--help", 0, "podwright 0"),
        ("-h", 0, "podwright 0"),
        ("help", 0, "podwright 0"),
        (
            "help run",
            0,
            "podwright run: Run image(s) in a pod\n\nUsage: podwright run [OPTIONS] IMAGE",
        ),
        ("run --help", 0, "podwright run:"),
        ("run -h", 0, "podwright run:"),
        ("-h run", 0, "podwright run:"),
        ("run a --help", 0, "podwright run:"),
        ("--dir=/proc/none run a --pull-policy=never -- x --- b --help", 0, "podwright run:"),
        ("--dir=/proc/none run a --pull-policy=never -- x --- b -h", 0, "podwright run:"),
        ("list --help", 0, "podwright list:"),
        ("image --help", 0, "podwright image:"),
        ("image -h list", 0, "podwright image list:"),
        ("image list --help", 0, "podwright image list:"),
        ("image fetch --help", 0, "podwright fetch:"),
        ("version", 0, "podwright Version: "),
        ("vers", 0, "podwright Version: "),
        ("--version", 0, "podwright Version: "),
        ("--debug --version", 0, "podwright Version: "),
        ("help image rm", 0, "podwright image rm:"),
        ("help image fetch", 0, "podwright fetch:"),
        ("completion bash", 0, "# bash completion of podwright"),
        ("completion zsh", 0, "#compdef podwright rkt\n"),
        ("completion fish", 0, "# fish completion of podwright\n"),
        ("help --man", 0, ".TH PODWRIGHT 1 "),
        ("help --man run", 0, ".TH PODWRIGHT-RUN 1 "),
        ("help image list --man", 0, ".TH PODWRIGHT-IMAGE-LIST 1 "),
    ],
)
def test_what_is_printed(
    line: str, status: int, begins: str, capsys: pytest.CaptureFixture[str]
) -> None:
    result = Result(capsys, *line.split())
    assert (result.exit, result.stderr) == (status, "")
    assert result.stdout.startswith(begins)
    assert result.stdout.endswith("\n") and not result.stdout.endswith("\n\n")


@pytest.mark.parametrize("verb", [v.name for v in verbs.every() if not v.hidden])
def test_every_verb_explains_its_options(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Result(capsys, verb, "--help").stdout
    assert "\nExamples:\n  podwright " in shown or verb == "completion"
    for option in verbs.find_verb(verb).options:
        assert (f"--{option.name}" in shown) == (not option.deprecated and not option.hidden)
        assert option.help or option.deprecated
    assert f"  {verb} " in Result(capsys).stdout


@pytest.mark.parametrize(
    "argv, complaint",
    [
        (["begin"], "unknown command 'begin'; podwright help lists the commands"),
        (["networks"], "unknown command 'networks'; did you mean 'network'? podwright help lists"),
        (["network", "ls"], "unknown command 'network ls'; did you mean 'network list'? podwright"),
        (["st", "x"], "command 'st' is ambiguous; it may be start, status, stop"),
        (["--dri=/x", "list"], "unknown option --dri; did you mean --dir?"),
        (["list", "--dri=/x"], "unknown option --dri; did you mean --dir?"),
        (["--dir=/x", "list", "--dir=/y"], "--dir is given twice"),
        (["list", "--debug=maybe"], "--debug is true or false, not 'maybe'"),
        (
            ["image"],
            "image needs a sub-command; one of list, rm, gc, verify, render, extract, export",
        ),
        (
            ["image", "prune"],
            "unknown command 'image prune'; podwright help image lists the commands",
        ),
        (["--dir=/proc/none", "run"], "run needs an image; podwright run --help"),
        (["status"], "status needs a pod; podwright status UUID-OR-NAME; 'podwright list' shows"),
        (["status", "a", "b"], "status takes one pod, not 2"),
        (["version", "--insecure-options=sleep"], "insecure option 'sleep' is not known"),
        (["help", "\x1b[31m"], "unknown command '\\x1b[31m'"),
    ],
)
def test_errors_are_one_line_and_254(
    argv: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    result = Result(capsys, *argv)
    assert (result.exit, result.stdout) == (254, "")
    assert result.stderr.startswith(f"podwright: {complaint}")
    assert result.stderr.count("\n") == 1


def test_global_flags_stand_before_or_after_the_verb(capsys: pytest.CaptureFixture[str]) -> None:
    for line in ("--dir=/x config", "config --dir /x", "--dir /x config --debug"):
        result = Result(capsys, *line.split())
        assert json.loads(result.stdout)["stage0"][0]["data"] == "/x"


def fail(*_: object) -> int:
    """A mistake of ours."""
    raise KeyError("oops\n")


def test_our_own_mistakes_are_one_line_and_254_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version, "run", fail)
    result = Result(capsys, "version")
    assert result.exit == 254
    assert result.stderr.startswith("podwright: internal error: KeyError: ")
    assert "--debug" in result.stderr and result.stderr.count("\n") == 1
    assert "Traceback" in Result(capsys, "version", "--debug").stderr


def test_an_apps_own_debug_flag_is_not_ours(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--dir=/proc/none", "run", "--net=bridge", "example.com/web", "--", "--debug"]
    assert "Traceback" not in Result(capsys, *argv).stderr
    assert "Traceback" in Result(capsys, "--debug", *argv).stderr


def test_an_older_spelling_is_told_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--dir=/proc/none", "run", "a", "--store-only", "--cap-retain=x", "--", "--no-store"]
    assert Result(capsys, *argv).stderr.split("\n")[:2] == [
        "podwright: deprecated: --store-only is now --pull-policy=never",
        "podwright: deprecated: --cap-retain is now --caps-retain",
    ]
    assert "deprecated" not in Result(capsys, "--dir=/proc/none", "run", "a").stderr


def test_profiles_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cpu, memory = tmp_path / "cpu", tmp_path / "memory"
    assert Result(capsys, "version", f"--cpuprofile={cpu}", f"--memprofile={memory}").exit == 0
    assert pstats.Stats(str(cpu)).total_calls > 0  # type: ignore[attr-defined]
    assert tracemalloc.Snapshot.load(str(memory)).statistics("filename")


def test_the_program_itself(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-IS", str(AGENT), "version", "--format=json"],
        stdout=subprocess.PIPE,
        check=True,
        cwd=tmp_path,
    )
    assert set(json.loads(done.stdout)) == {
        *("podwright", "appc", "python", "os", "features"),
    }


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-IS", str(AGENT), "help"],
        stdout=write_end,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (254, b"")


def test_output_that_nothing_takes_is_said_on_standard_error() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(AGENT), "version"], stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (254, b"podwright: No space left on device\n")


@pytest.mark.parametrize(
    "line", ["tpm status extra", "tpm key extra", "check-host extra", "version extra", "list web"]
)
def test_arguments_were_ignored_by_commands_that_have_none(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 254
    assert "takes no arguments, and was given" in capsys.readouterr().err
    assert main([*line.split(), "--help"]) == 0
