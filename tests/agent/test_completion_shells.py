# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Completion in bash, zsh and fish themselves, and manual pages as man's own tools see them."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

from podwright import jsonio

AGENT = Path(__file__).parents[2] / "agent/bin/podwright"
UUID = "28b6a4f0-0000-4000-8000-000000000001"
DEADLINE = 60.0

# What readline would have made of the words, which it cuts at `=` and `:`, too.
BASH = """
set -o nounset
compopt() { echo "compopt $*"; }
PATH=$1:$PATH COMP_LINE=$2 COMP_POINT=${#2}
shift 2
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_podwright
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent as `podwright` on a path, and a data directory with a pod."""
    tmp_path = tmp_path_factory.mktemp("shells")
    pod = tmp_path / "data/pods/prepared" / UUID
    pod.mkdir(parents=True)
    (pod / "runtime-config").write_text(jsonio.dumps({"name": "web"}))
    (tmp_path / "bin").mkdir()
    os.symlink(AGENT, tmp_path / "bin/podwright")
    for shell in ("bash", "zsh", "fish"):
        script = subprocess.run([AGENT, "completion", shell], stdout=subprocess.PIPE, check=True)
        (tmp_path / shell).write_bytes(script.stdout)
    (tmp_path / "app.aci").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["statu"], ["status"]),
        (["st"], ["status", "stop"]),
        (["status", "w"], ["web"]),
        (["run", "--dns", "="], ["host", "none"]),
        (["run", "--dns", "=", "h"], ["host"]),
        (["run", "--memo"], []),
        (["run", "--ne"], ["--net=", "compopt -o nospace"]),
        (["apply", ""], ["compopt -o default"]),
    ],
)
def test_bash(words: list[str], offered: list[str], host: Path) -> None:
    line = f"podwright --dir={host}/data {' '.join(words)}".replace(" = ", "=").replace(" =", "=")
    cut = ["podwright", "--dir", "=", f"{host}/data", *words]
    done = subprocess.run(
        ["bash", "-c", (host / "bash").read_text() + BASH, "bash", f"{host}/bin", line, *cut],
        capture_output=True,
        text=True,
        check=True,
    )
    found = [word for word in done.stdout.split("\n") if word]
    assert done.stderr == ""
    assert set(offered) <= set(found)
    if offered and not offered[0].startswith("st"):
        assert set(found) == set(offered)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("statu", "status\tShow the status of a pod\n"),
        ("status w", "web\tprepared\n"),
        ("run --dns=", "--dns=host\n--dns=none\n"),
        ("cat-manifest 28", f"{UUID}\tprepared web\n"),
        ("apply ap", "app.aci\n"),
        ("run --set-env-file=ap", "--set-env-file=app.aci\n"),
    ],
)
def test_fish(line: str, offered: str, host: Path) -> None:
    script = f'source "{host}/fish"; complete -C "podwright --dir={host}/data {line}"'
    env = {"PATH": f"{host}/bin:/usr/bin:/bin", "HOME": str(host), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=host,
        env=env,
    )
    assert (done.stdout, done.stderr) == (offered, "")


ZSH = r"""
PS1='' PS2='' ; unsetopt prompt_sp prompt_cr beep
fpath=($1 $fpath)
autoload -Uz compinit; compinit -D -u
say() { print -r -- "<$BUFFER>"; BUFFER="" }
zle -N say; bindkey '^X' say
setopt no_auto_menu no_list_ambiguous
print -r -- "are you there"
"""


class Zsh:
    """A zsh at a terminal, into which somebody types."""

    def __init__(self, host: Path) -> None:
        functions = host / "functions"
        functions.mkdir()
        (functions / "_podwright").write_bytes((host / "zsh").read_bytes())
        (host / "rc").write_text(ZSH)
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(host)
            env = {"PATH": f"{host}/bin:/usr/bin:/bin", "HOME": str(host), "TERM": "dumb"}
            os.execve("/usr/bin/zsh", ["zsh", "-f", "-i"], env)
        self.type(f"set -- {functions}; source {host}/rc\n")
        self.until(rb"are you there\r\n.*are you there|\nare you there")

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def until(self, pattern: bytes) -> re.Match[bytes]:
        """Read until something was printed."""
        end = time.monotonic() + DEADLINE
        while (found := re.search(pattern, self.seen, re.DOTALL)) is None:
            left = end - time.monotonic()
            assert left > 0, self.seen
            if select.select([self.fd], [], [], left)[0]:
                self.seen += os.read(self.fd, 65536)
        self.seen = self.seen[found.end() :]
        return found

    def completed(self, typed: str) -> str:
        """What the line is after a tab."""
        self.type(f"{typed}\t\x18")
        return self.until(rb"<([^<>]*)>\r?\n").group(1).decode()

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def test_zsh(host: Path) -> None:
    shell = Zsh(host)
    try:
        before = f"podwright --dir={host}/data"
        for typed, line in (
            ("podwright statu", "podwright status "),
            (f"{before} status w", f"{before} status web "),
            (f"{before} status 28b", f"{before} status {UUID} "),
            ("podwright run --dns=h", "podwright run --dns=host "),
            ("podwright run --memo", "podwright run --memo"),
            ("podwright run a --memo", "podwright run a --memory="),
            ("podwright run --ne", "podwright run --net="),
            ("podwright apply ap", "podwright apply app.aci "),
            ("podwright run --set-env-file=ap", "podwright run --set-env-file=app.aci "),
        ):
            assert shell.completed(typed) == line
    finally:
        shell.close()


def test_the_scripts_are_what_the_shells_can_read(host: Path) -> None:
    for argv in (["bash", "-n"], ["zsh", "-n"], ["fish", "--no-execute"]):
        subprocess.run([*argv, str(host / argv[0])], check=True)


def test_manual_pages(tmp_path: Path) -> None:
    """Both programs that show manual pages understand ours; mandoc, which is fast, looks at all."""
    subprocess.run([AGENT, "help", f"--write={tmp_path}"], check=True, stdout=subprocess.PIPE)
    pages = sorted((tmp_path / "man/man1").iterdir())
    assert len(pages) > 40
    names = [str(page) for page in pages]
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *names], capture_output=True, text=True)
    assert lint.stdout + lint.stderr == ""
    some = [name for name in names if re.search(r"podwright(-run|-image-list)?\.1$", name)]
    shown = subprocess.run(
        ["man", "--warnings", "-Tutf8", "-P", "cat", "-l", *some],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "100"},
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    text = re.sub(".\b", "", shown.stdout)
    assert "podwright-run - run image(s) in a pod" in text
    assert "--uuid-file-save=FILE" in text
    again = subprocess.run([AGENT, "help", f"--write={tmp_path}"], capture_output=True, check=True)
    assert again.stdout == b""
