# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback plugin live, on a real terminal and in logs, with real plays."""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.modules.playbook_site import BIN
from tests.support.patience import patient
from tests.support.terminal import Terminal

INVENTORY = """\
all:
  vars: {ansible_connection: local, ansible_python_interpreter: /usr/bin/python3}
  hosts: {"web[01:04]": , gone: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}}
"""
PLAY = r"""
- name: Try
  hosts: all
  gather_facts: false
  tasks:
    - name: Fine
      ansible.builtin.ping:
    - name: Change
      ansible.builtin.copy: {content: "x\n", dest: "HOME/out-{{ inventory_hostname }}", mode: "0644"}
      diff: "{{ inventory_hostname == 'web01' }}"
    - name: Refuse
      podwright.fleet.pod_info: {agent_path: /nowhere/podwright}
      when: inventory_hostname == 'web02'
    - name: Break
      ansible.builtin.shell: "printf 'two \\033[2J\\033]0;x\\007\\n' >&2; exit 3"
      when: inventory_hostname == 'web03'
    - name: Say
      ansible.builtin.debug: {msg: "hello\e[2J {{ inventory_hostname }}"}
      when: inventory_hostname == 'web01'
    - name: Ignore
      ansible.builtin.command: "false"
      ignore_errors: true
      when: inventory_hostname == 'web01'
    - name: Wait
      ansible.builtin.shell: |
        touch HOME/began-{{ inventory_hostname }}
        until test -e HOME/go -o ! -e HOME; do sleep 0.1; done
      changed_when: false
"""
RULE = re.compile("^[\u2500-]{20,}$")


@pytest.fixture
def env(tmp_path: Path, collections: Path) -> dict[str, str]:
    """The environment of a controller that uses the plugin."""
    return {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_STDOUT_CALLBACK": "podwright.fleet.live",
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "ANSIBLE_LOCAL_TEMP": str(tmp_path / "ansible/local"),
        "ANSIBLE_REMOTE_TEMP": str(tmp_path / "ansible/remote"),
    }


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """The play, which ends when there is a file `go`."""
    (tmp_path / "inventory.yml").write_text(INVENTORY)
    (tmp_path / "play.yml").write_text(PLAY.replace("HOME", str(tmp_path)))
    return ["ansible-playbook", "-i", str(tmp_path / "inventory.yml"), str(tmp_path / "play.yml")]


def logged(command: list[str], env: Mapping[str, str], tmp_path: Path) -> str:
    """What a log has of the play, which is told to end at once."""
    (tmp_path / "go").touch()
    done = subprocess.run(
        command, env=dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=patient(120), text=True, check=False,
    )  # fmt: skip
    assert done.returncode not in (0, 1, 250), done.stdout
    return done.stdout


def test_a_log_has_one_line_for_each_change_and_failure(
    command: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    text = logged(command, env, tmp_path)
    lines = text.splitlines()
    assert "\x1b" not in text and "\x07" not in text and not any(RULE.match(line) for line in lines)
    assert lines[0] == "Try: 5 hosts"
    assert not any("Fine" in line for line in lines if not line.startswith("Fine"))
    changed = [line for line in lines if "  changed  Change" in line]
    assert sorted(changed) == [f"web0{at}  changed  Change" for at in range(1, 5)]
    assert "+x" in lines and "Refuse" in lines
    assert "web01  differences:" in lines[: lines.index("+x")]
    (refused,) = [line for line in lines if line.startswith("web02  FAILED")]
    assert "[no-agent] host: there is no podwright agent at /nowhere/podwright" in refused
    assert "web03    stderr: two \\x1b[2J\\x1b]0;x\\x07" in lines
    assert "web01  hello\\x1b[2J web01" in lines
    assert any(line.startswith("gone  UNREACHABLE") for line in lines)
    assert any(line.startswith("web01  FAILED, which is ignored") for line in lines)
    assert re.fullmatch(
        r"5 hosts: 4 changed, 2 failed, 1 unreachable, 1 with failures .* in .*", lines[-1]
    )


@pytest.mark.parametrize("more", [{"TERM": "dumb"}, {"PODWRIGHT_LIVE": "lines"}])
def test_a_terminal_that_can_do_nothing_gets_lines(
    command: list[str], env: dict[str, str], tmp_path: Path, more: dict[str, str]
) -> None:
    (tmp_path / "go").touch()
    with Terminal(command, {**env, **more, "NO_COLOR": "1"}, 120, 40) as terminal:
        terminal.wait()
        assert b"\x1b" not in terminal.raw
        assert any(line.startswith("web02  FAILED") for line in terminal.lines())


def panel(lines: list[str]) -> list[str]:
    """The lines of the panel; none if there is none."""
    at = [number for number, line in enumerate(lines) if RULE.match(line)]
    return lines[at[-1] :] if at else []


def waits(terminal: Terminal, home: Path) -> list[str]:
    """Wait until the last task runs on all hosts that are left; the panel then."""
    terminal.until(lambda _: all((home / f"began-web0{at}").exists() for at in (1, 4)))
    return panel(terminal.until(lambda lines: "2 running" in "".join(panel(lines))))


def test_a_terminal_shows_what_is_going_on_and_is_clean_afterwards(
    command: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    with Terminal(command, env, 100, 30) as terminal:
        shown = waits(terminal, tmp_path)
        assert "Try  Wait" in shown[1]
        assert "1 unreachable" in shown[2] and "2 failed" in shown[2]
        hosts = ["gone", "web02", "web03", "web01", "web04"]
        assert [line.split()[1] for line in shown[3:]] == hosts
        assert not any(RULE.match(line) for line in terminal.lines()[: -len(shown)])
        for columns in (60, 132, 40, 100):
            terminal.resize(columns, 20)
            terminal.until(functools.partial(is_drawn, columns))
        (tmp_path / "go").touch()
        terminal.wait()
        after = terminal.lines()
        assert panel(after) == []
        assert after[-1].startswith("5 hosts: 4 changed, 2 failed, 1 unreachable")
        assert termios.tcgetattr(terminal.slave) == terminal.before
        assert b"\x1b[?25l" not in terminal.raw and b"\x1b[?1049h" not in terminal.raw
        assert b"\x1b[2J" not in terminal.raw and b"\x1b]0;" not in terminal.raw


def is_drawn(columns: int, lines: list[str]) -> bool:
    """Whether the panel is as wide as a terminal with so many columns."""
    return bool(panel(lines)) and len(panel(lines)[0]) == columns - 1


def test_ctrl_c_takes_the_panel_away(
    command: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    with Terminal(command, env, 100, 30) as terminal:
        waits(terminal, tmp_path)
        os.killpg(terminal.process.pid, signal.SIGINT)
        assert terminal.wait() != 0
        assert panel(terminal.lines()) == []
        assert termios.tcgetattr(terminal.slave) == terminal.before
        (tmp_path / "go").touch()


def test_who_wants_all_gets_all_that_ansible_writes(
    command: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    text = logged([*command, "-v"], env, tmp_path)
    assert "TASK [Fine]" in text and "PLAY RECAP" in text
    assert 'ok: [web01] => {"changed": false, "ping": "pong"}' in text
    assert "\x1b[2J" not in text


def test_a_question_is_asked_without_the_panel(env: dict[str, str], tmp_path: Path) -> None:
    play = tmp_path / "ask.yml"
    play.write_text(
        "- {name: Ask, hosts: localhost, gather_facts: false, tasks: [{name: Stop, ansible.builtin.pause:"
        " {prompt: Go on?}}, {name: Say, ansible.builtin.debug: {msg: went on}}]}\n"
    )
    with Terminal(["ansible-playbook", str(play)], env, 100, 30) as terminal:
        terminal.until(lambda lines: any("Go on?" in line for line in lines))

        def went_on(lines: list[str]) -> bool:
            terminal.type("\r")  # Ansible throws away what was typed before it begins to read
            return any("went on" in line for line in lines)

        terminal.until(went_on)
        assert terminal.wait() == 0
        assert any("went on" in line for line in terminal.lines())


def test_what_a_killed_play_leaves_is_a_usable_terminal(
    command: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    with Terminal(command, env, 100, 30) as terminal:
        waits(terminal, tmp_path)
        os.kill(terminal.process.pid, signal.SIGKILL)
        assert terminal.wait() == -signal.SIGKILL
        assert termios.tcgetattr(terminal.slave) == terminal.before
        assert not terminal.screen.cursor.hidden
        (tmp_path / "go").touch()
