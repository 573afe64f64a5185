# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An interactive app has a terminal of its own, tied to ours (behaviour.md B11; T78)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agent.launch_bed import PATIENCE, Bed, sh
from tests.support.private_host import PrivateHost

TERMINAL = Path(__file__).with_name("launch_terminal.py")


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


def at_terminal(*steps: tuple[str, str]) -> list[str]:
    """A wrapper that runs the agent in a terminal; each step types its second text after its first was shown."""
    return ["/usr/bin/python3", str(TERMINAL), json.dumps(steps)]


def test_the_terminal_is_the_pods_own(bed: Bed) -> None:
    script = "tty; ls /dev/pts; stat -c %F /dev/console; echo x > /dev/tty; readlink /proc/$$/fd/0"
    with bed.start(sh("app", script), interactive=True, wrap=at_terminal()) as pod:
        ended = pod.ended()
    assert ended.outcome == [0, "exited"]
    assert ended.stdout.split() == [
        *("/dev/pts/0", "0", "ptmx", "character", "special", "file", "x", "/dev/pts/0"),
    ]


def test_what_is_typed_arrives_and_keys_make_signals_inside_only(bed: Bed) -> None:
    script = "trap 'echo caught; exit 4' INT; echo name?; read name; echo hello $name; while :; do sleep 0.05; done"
    user = at_terminal(("name?", "you\n"), ("hello you", "\x03"))
    with bed.start(sh("app", script), interactive=True, wrap=user) as pod:
        ended = pod.ended()
    assert "caught" in ended.stdout
    assert ended.outcome == [4, "failed"]


def test_a_shell_has_job_control(bed: Bed) -> None:
    job = """sh -c "trap 'exit 9' INT; echo be''gun; while :; do sleep 0.05; done"\n"""
    user = at_terminal(("# ", job), ("begun", "\x03"), ("# ", "exit 5\n"))
    with bed.start(sh("app", "exec sh -i"), interactive=True, wrap=user) as pod:
        ended = pod.ended()
    assert "job control turned off" not in ended.stdout
    assert ended.outcome == [5, "failed"]


def test_an_ordinary_user_owns_the_terminal(bed: Bed) -> None:
    script = "echo x > /dev/console && stat -c '%u %F' $(tty)"
    with bed.start(sh("app", script, user="1000"), interactive=True, wrap=at_terminal()) as pod:
        assert pod.ended().stdout.split() == ["x", "1000", "character", "special", "file"]


def test_our_terminal_is_as_before_afterwards(bed: Bed) -> None:
    around = ["sh", "-c", 'stty -a > "$0.1"; "$@"; stty -a > "$0.2"', str(bed.base / "stty")]
    wrap = [*at_terminal(), *around]
    with bed.start(sh("app", "stty raw -echo"), interactive=True, wrap=wrap) as pod:
        assert pod.ended().outcome == [0, "exited"]
    assert (bed.base / "stty.1").read_text() == (bed.base / "stty.2").read_text()
    assert "icanon" in (bed.base / "stty.2").read_text()


def test_the_size_of_our_terminal_is_the_apps(bed: Bed) -> None:
    sized = ["sh", "-c", 'stty rows 33 cols 111; exec "$@"', "sh"]
    with bed.start(sh("app", "stty size"), interactive=True, wrap=[*at_terminal(), *sized]) as pod:
        assert pod.ended().stdout.split() == ["33", "111"]


def test_without_a_terminal_standard_input_is_passed_on(bed: Bed) -> None:
    with bed.start(sh("app", "cat; tty; ls /dev/console"), interactive=True) as pod:
        stdout, _ = pod.process.communicate("piped\n", timeout=PATIENCE)
    assert stdout == "piped\nnot a tty\n"


def test_hooks_of_an_interactive_app_leave_it_its_terminal(bed: Bed) -> None:
    hook = ["/bin/sh", "-c", "echo hook"]
    handlers = [{"name": "pre-start", "exec": hook}, {"name": "post-stop", "exec": hook}]
    app = sh("app", "tty; echo main > /dev/tty", eventHandlers=handlers)
    with bed.start(app, interactive=True, wrap=at_terminal()) as pod:
        ended = pod.ended()
    assert ended.outcome == [0, "exited"]
    assert ended.stdout.split() == ["hook", "/dev/pts/0", "main"]
