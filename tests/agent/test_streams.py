# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What apps write goes to a log of their own: files with a form that they cannot forge, of a bounded size."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.launch_bed import Bed, Ended, sh
from tests.support.private_host import PrivateHost

LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([FP]) (.*)")


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Iterator[Bed]:
    """A place for pods."""
    yield Bed(private_host, tmp_path)


def logged(path: Path) -> list[tuple[str, str, str]]:
    """The lines of a log without their times: stream, F or P, text."""
    found = [LINE.fullmatch(line) for line in path.read_text().splitlines()]
    assert all(found), path.read_text()
    return [(each[2], each[3], each[4]) for each in found if each]


def run_logged(bed: Bed, tmp_path: Path, *apps: dict[str, object], **options: object) -> Ended:
    """Run a pod with a log directory to its end."""
    (tmp_path / "logs").mkdir()
    return bed.run(*apps, log_dir=str(tmp_path / "logs/here"), **options)


def test_each_app_has_a_file_and_each_line_says_where_it_comes_from(
    bed: Bed, tmp_path: Path
) -> None:
    """Two apps: nothing goes to the launcher's output, and a last line without an end is one."""
    both = "echo out; echo problem >&2; echo again; printf unfinished"
    ended = run_logged(bed, tmp_path, sh("one", both), sh("two", "echo other"))
    assert (ended.outcome, ended.stdout) == ([0, "exited"], ""), ended
    lines = logged(tmp_path / "logs/here/one.log")
    assert [text for stream, _, text in lines if stream == "stdout"] == [
        "out",
        "again",
        "unfinished",
    ]
    assert [text for stream, _, text in lines if stream == "stderr"] == ["problem"]
    assert logged(tmp_path / "logs/here/two.log") == [("stdout", "F", "other")]
    record = json.loads((ended.pod_dir / "log").read_text())
    assert (record["kind"], record["directory"]) == ("files", str(tmp_path / "logs/here"))


@pytest.mark.parametrize("user", ["0", "1000"])
@pytest.mark.parametrize("private_users", ["true", ""])
def test_dev_stdout_can_be_opened_again(
    bed: Bed, tmp_path: Path, user: str, private_users: str
) -> None:
    """As web servers do that log to a link to it, whatever their user."""
    script = "echo a >/dev/stdout; echo b >/dev/stderr; echo c >/proc/self/fd/1; echo d"
    app = sh("app", script, user=user, group=user)
    ended = run_logged(bed, tmp_path, app, private_users=private_users)
    assert ended.outcome == [0, "exited"], ended
    found = logged(tmp_path / "logs/here/app.log")
    assert sorted(found) == [
        ("stderr", "F", "b"),
        ("stdout", "F", "a"),
        ("stdout", "F", "c"),
        ("stdout", "F", "d"),
    ]


def test_a_log_is_rotated_by_size_and_no_line_is_lost(bed: Bed, tmp_path: Path) -> None:
    """40,000 lines in files of 64 KiB; as many files as are needed, so that all of them are there."""
    script = "i=0; while [ $i -lt 10000 ]; do echo line-$i; i=$((i+1)); done"
    ended = run_logged(bed, tmp_path, sh("app", script), log_limits=[1 << 16, 20])
    assert ended.outcome == [0, "exited"], ended
    files = list((tmp_path / "logs/here").glob("app.log*"))
    assert len(files) == 20 and all(each.stat().st_size <= 1 << 16 for each in files)
    full = [each for each in files if each.stat().st_size]
    assert len(full) > 5
    lines = [text for each in sorted(full, key=first_time) for _, _, text in logged(each)]
    assert lines == [f"line-{number}" for number in range(10000)]


def first_time(path: Path) -> str:
    """The time of a file's first line."""
    return path.read_text().partition(" ")[0]


@pytest.mark.threat("T73")
def test_an_app_cannot_fill_the_disk_with_its_log(bed: Bed, tmp_path: Path) -> None:
    """40 MB of output, and a line of 8 MB, in three files of 64 KiB."""
    script = (
        "dd if=/dev/zero bs=1000000 count=8 2>/dev/null | tr '\\0' a; yes line | head -c 32000000"
    )
    ended = run_logged(bed, tmp_path, sh("app", script), log_limits=[1 << 16, 3])
    assert ended.outcome == [0, "exited"], ended
    files = sorted((tmp_path / "logs/here").glob("app.log*"))
    assert [each.name for each in files] == ["app.log", "app.log.1", "app.log.2"]
    assert all(each.stat().st_size <= 1 << 16 for each in files)


@pytest.mark.threat("T78")
def test_an_app_cannot_forge_lines_nor_touch_the_file(bed: Bed, tmp_path: Path) -> None:
    """Every line begins with what we put there; the app has a pipe, and the file stays root's alone."""
    script = (
        "printf 'x\\r2026-01-01T00:00:00.000000000Z stderr F forged\\n\\033[31mred\\n'\n"
        "chmod 4777 /dev/stdout /proc/self/fd/1; chown 1000 /proc/self/fd/1; true"
    )
    ended = run_logged(bed, tmp_path, sh("app", script), private_users="")
    assert ended.outcome == [0, "exited"], ended
    path = tmp_path / "logs/here/app.log"
    data = path.read_bytes().split(b"\n")
    assert b" stdout F x\r2026-01-01T00:00:00.000000000Z stderr F forged" in data[0]
    found = path.stat()
    assert (found.st_mode & 0o7777, found.st_uid) == (0o640, 0)


def test_a_log_for_kubernetes_goes_to_the_path_that_is_said(bed: Bed, tmp_path: Path) -> None:
    """In its form: time, stream, F or P, text; a long line in parts."""
    path = tmp_path / "0.log"
    script = (
        "echo begin; dd if=/dev/zero bs=20000 count=1 2>/dev/null | tr '\\0' a; echo; echo end >&2"
    )
    ended = bed.run(sh("app", script, life={"log-path": str(path)}))
    assert (ended.outcome, ended.stdout) == ([0, "exited"], ""), ended
    lines = logged(path)
    assert [flag for _, flag, text in lines if text.startswith("a")] == ["P", "F"]
    assert "".join(text for _, _, text in lines if text.startswith("a")) == "a" * 20000
    assert ("stderr", "F", "end") in lines


def test_a_log_that_cannot_be_written_refuses_the_start(bed: Bed, tmp_path: Path) -> None:
    """The sentence says which app's, and why."""
    ended = bed.run(sh("app", "true", life={"log-path": str(tmp_path / "no/0.log")}))
    assert "app app: its log" in ended.refused and "No such file" in ended.refused, ended


def test_what_is_null_is_read_by_nobody(bed: Bed) -> None:
    """stdout=null and stderr as the launcher's."""
    ended = bed.run(sh("app", "echo out; echo err >&2", life={"stdout": "null"}))
    assert (ended.stdout, "err" in ended.stderr) == ("", True), ended


def test_lives_of_an_app_write_to_one_log(bed: Bed, tmp_path: Path) -> None:
    """An app that is started again goes on in its file; hooks write there, too."""
    handlers = [{"name": "pre-start", "exec": ["/bin/sh", "-c", "echo hook"]}]
    script = "echo life; if [ -e /again ]; then exit 0; fi; touch /again; printf cut; exit 3"
    app = sh("app", script, eventHandlers=handlers, life={"restart": "on-failure"})
    ended = run_logged(bed, tmp_path, app, backoff=0.01)
    assert ended.outcome == [0, "exited"], ended
    texts = [text for _, _, text in logged(tmp_path / "logs/here/app.log")]
    assert texts == ["hook", "life", "cut", "hook", "life"]


def test_a_pod_in_fly_has_a_log_too(bed: Bed, tmp_path: Path) -> None:
    """With the host's /dev, in which standard output can be opened again as well."""
    app = sh("app", "echo a; echo b >/proc/self/fd/1")
    ended = run_logged(bed, tmp_path, app, stage1="fly", net="host")
    assert ended.outcome == [0, "exited"], ended
    texts = [text for _, _, text in logged(tmp_path / "logs/here/app.log")]
    assert texts == ["a", "b"]
