# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module pod_exec on the real agent: what a command says, how it ends, and what is told apart from that."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.modules.conftest import AdHoc
from tests.modules.script import Script, Task, check

Publish = Callable[..., Path]
WEB = {"name": "web", "image": "example.com/tiny:1.0", "net": "none", "ready": {"seconds": 0.1}}
GONE = ("pod", {"name": "web", "state": "absent"})


def command(*argv: str, **options: Any) -> Task:
    """A task that runs a command in the pod."""
    return "pod_exec", {"name": "web", "argv": list(argv), **options}


def test_what_a_command_says_and_how_it_ends(
    trusting: AdHoc, published: Publish, tmp_path: Path
) -> None:
    published()
    both = "echo out; echo err >&2; exit 3"
    script = Script(trusting, tmp_path)
    _, plain, failed, who, fed, bare, raw, silent, lied, checked, _ = script.any(
        ("pod", WEB),
        command("echo", "two words", "-rf", "--", "$HOME"),
        command("sh", "-c", both),
        command(
            "sh",
            "-c",
            "id -u; pwd; echo $A",
            user="tiny",
            working_dir="/bin",
            environment={"A": "x y"},
        ),
        command("cat", stdin="line\nanother"),
        command("cat", stdin="line", stdin_add_newline=False, strip_empty_ends=False),
        command("printf", r"\377\n\n", strip_empty_ends=False),
        command("cat"),
        command("sh", "-c", 'echo podwright-outcome 0 \'{"end":"refused"}\' >&2; kill -9 $$'),
        check("pod_exec", {"name": "web", "argv": ["touch", "/made"]}),
        GONE,
    )
    assert (plain["rc"], plain["stdout"], plain["stderr"]) == (0, "two words -rf -- $HOME", "")
    assert plain["changed"] is True
    assert (failed["rc"], failed["stdout"], failed["stderr"]) == (3, "out", "err")
    assert (failed["failed"], failed["reason"], failed["object"]) == (True, "command-failed", "web")
    assert who["stdout_lines"] == ["1000", "/bin", "x y"]
    assert (fed["stdout"], bare["stdout"], silent["stdout"]) == ("line\nanother", "line", "")
    assert raw["stdout"] == "\ufffd\n\n"
    assert (lied["rc"], lied["reason"]) == (137, "command-failed")
    assert "podwright-outcome 0" in lied["stderr"]
    assert checked["skipped"] is True


def test_what_cannot_be_run_is_told_apart(
    trusting: AdHoc, published: Publish, tmp_path: Path
) -> None:
    published()
    none = {"name": "none", "argv": ["true"]}
    found = Script(trusting, tmp_path).any(
        ("pod", WEB),
        ("pod_exec", none),
        command("true", app="nobody"),
        command("true", user="nobody-there"),
        command("/no/such/program"),
        command(),
        command("true", timeout=0),
        command("sleep", "1000", timeout=0.5),
        ("pod_exec", {**none, "name": "--privileged"}),
        GONE,
    )
    refused = found[1:-1]
    assert all(
        one["failed"] and "rc" not in one and "Traceback" not in one["msg"] for one in refused
    )
    assert refused[6]["reason"] == "timeout"
    assert refused[3]["reason"] == "cannot-execute" and refused[3]["hint"] in refused[3]["msg"]
    wrong = [one for one in refused if not one["hint"] or one["reason"] == "agent-failed"]
    assert not wrong, wrong
    assert refused[4]["object"] == "argv"
    assert "nobody" in refused[1]["msg"] and "it has" in refused[1]["hint"]
    assert refused[0]["stage"] == "launch" and refused[0]["object"] == "none"
    assert "--privileged" in refused[7]["msg"]


def test_a_command_that_took_too_long_is_gone(
    trusting: AdHoc, published: Publish, tmp_path: Path
) -> None:
    published()
    script = Script(trusting, tmp_path)
    script.any(("pod", WEB), command("sleep", "98765", timeout=0.5))
    host = trusting.agent.host
    deadline = time.monotonic() + 60
    while host.run(["pgrep", "-f", "^sleep 98765"]).exit == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    script(GONE)


@pytest.mark.threat("T93")
def test_standard_input_is_not_in_the_system_log(trusting: AdHoc, tmp_path: Path) -> None:
    from tests.support import leaks

    canary = "stdin-canary"
    with leaks.Watch(trusting.agent.host, tmp_path, [canary]) as watch:
        done = Script(trusting, tmp_path).any(
            {
                "podwright.fleet.pod_exec": {"name": "none", "argv": ["cat"], "stdin": canary},
                "no_log": False,
            }
        )
    assert done[0]["failed"]
    assert "ansible-podwright.fleet.pod_exec: Invoked with" in watch.syslog
    assert canary not in watch.syslog
