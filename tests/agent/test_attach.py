# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`podwright attach`: several at once, none of whom can hold the app up, at streams or at a terminal (B11)."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support.agent import Agent
from tests.support.private_host import PrivateHost, Result

IMAGE = "example.com/tiny:1.0"
PATIENCE = 60.0
TERMINAL = Path(__file__).with_name("launch_terminal.py")


class Place:
    """Runs pods of one app, and attaches to them."""

    def __init__(self, agent: Agent, host: PrivateHost, base: Path) -> None:
        self.agent = agent
        self.host = host
        self.base = base
        self.number = 0
        self.uuid = ""

    @contextmanager
    def pod(
        self, script: str, *options: str, also: Sequence[str] = ()
    ) -> Iterator[subprocess.Popen[str]]:
        """A pod that runs a shell script and is ready; its UUID is in `self.uuid`. `also`: its other apps."""
        self.number += 1
        path = self.base / f"uuid-{self.number}"
        words = ["run", "--net=none", f"--uuid-file-save={path}", IMAGE, "--exec=/bin/sh"]
        process = self.host.popen(
            [*self.agent.command, *words, *options, "--", "-c", script, *also]
        )
        try:
            deadline = time.monotonic() + PATIENCE
            while not path.exists() or not self.agent("status", f"--uuid-file={path}").stdout:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)
            self.uuid = path.read_text().strip()
            self.agent.ok("status", "--wait-ready", self.uuid)
            yield process
        finally:
            self.agent("stop", "--force", self.uuid)
            process.communicate(timeout=PATIENCE)

    def attach(self, *options: str, stdin: str | None = None) -> Result:
        """Attach, until that ends."""
        return self.agent("attach", *options, self.uuid, stdin=stdin)

    @contextmanager
    def attached(self, *options: str) -> Iterator[subprocess.Popen[str]]:
        """Somebody who is attached; ended at the end."""
        process = self.host.popen([*self.agent.command, "attach", *options, self.uuid])
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # with what nsenter has started
            process.communicate(timeout=PATIENCE)

    def typed(
        self, steps: list[tuple[str, str]], *options: str, wrap: Sequence[str] = ()
    ) -> Result:
        """Somebody at a terminal who types when something appears; `wrap` goes before the command."""
        user = ["/usr/bin/python3", str(TERMINAL), json.dumps(steps), *wrap]
        return self.host.run([*user, *self.agent.command, "attach", *options, self.uuid])


@pytest.fixture
def place(
    agent: Agent,
    private_host: PrivateHost,
    lab: Keys,
    published: Callable[..., Path],
    tmp_path: Path,
) -> Place:
    """A host with an image."""
    agent.trust(lab.key, "example.com")
    published()
    return Place(agent, private_host, tmp_path)


STREAMS = ("--stdin=stream", "--stdout=stream", "--stderr=stream")
TTY = ("--stdin=tty", "--stdout=tty", "--stderr=tty")


def test_what_is_sent_arrives_and_its_end_too(place: Place) -> None:
    """Both outputs come back apart, and the app's status; what to attach to is listed in rkt's form."""
    script = "while read word; do echo got $word; echo err $word >&2; done; exit 7"
    with place.pod(script, *STREAMS) as process:
        listed = json.loads(place.attach("--mode=list").check().stdout)
        assert listed["version"] == 1
        assert [each["name"] for each in listed["targets"]] == ["stdin", "stdout", "stderr"]
        found = place.attach(stdin="one\ntwo\n")
        assert (found.exit, found.stdout) == (7, "got one\ngot two\n"), found
        assert found.stderr == "err one\nerr two\n"
        assert process.wait(PATIENCE) == 7


def test_who_was_attached_to_one_app_of_several_did_not_learn_of_its_end(place: Place) -> None:
    """The pod goes on then, and the app says nothing when it ends."""
    script = (
        "until [ -e /tmp/now ]; do echo here; sleep 0.05; done; exec > /dev/null; sleep 0.5; exit 7"
    )
    other = ("---", IMAGE, "--name=other", "--exec=/bin/sleep", "--", "1000")
    options = ("--stdout=stream", "--exit-policy=app:other")
    with place.pod(script, *options, also=other), place.attached("--app=tiny") as reader:
        assert reader.stdout is not None and reader.stdout.readline() == "here\n"
        place.agent.ok("enter", "--app=tiny", place.uuid, "/bin/touch", "/tmp/now")
        _, err = reader.communicate(timeout=PATIENCE)
        assert (reader.returncode, err) == (7, "")


def test_who_goes_away_leaves_the_app_as_it_is(place: Place) -> None:
    """Its input stays open for the next one, and several may read at once."""
    script = "while read word; do echo got $word; done; echo end"
    with place.pod(script, "--stdin=stream", "--stdout=stream"):
        with place.attached() as first:
            say(first, "a")
            assert first.stdout is not None and first.stdout.readline() == "got a\n"
        with place.attached("--mode=stdout") as reader, place.attached() as writer:
            until_it_reads(reader, writer)
            say(writer, "b")
            out, err = writer.communicate(timeout=PATIENCE)  # which ends its input, too
            assert (writer.returncode, out[-10:]) == (0, "got b\nend\n"), err
            out, err = reader.communicate(timeout=PATIENCE)
            assert (reader.returncode, out[-10:]) == (0, "got b\nend\n"), err


def say(process: subprocess.Popen[str], word: str) -> None:
    """Send a line to who is attached."""
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()


def until_it_reads(reader: subprocess.Popen[str], writer: subprocess.Popen[str]) -> None:
    """Have the app write until the reader, who may still be on its way, sees a line of it."""
    deadline = time.monotonic() + PATIENCE
    assert reader.stdout is not None
    while not select.select([reader.stdout], [], [], 0.1)[0]:
        assert time.monotonic() < deadline and reader.poll() is None
        say(writer, "?")
    reader.stdout.readline()


def test_who_does_not_read_misses_something_and_holds_nobody_up(place: Place) -> None:
    """8 MB while one reader does not read: the app goes on, the others see all, and that one is told."""
    script = (
        "while read word && [ $word != go ]; do echo ?; done; i=0;"
        " while [ $i -lt 8 ]; do head -c 1000000 /dev/zero; i=$((i+1)); done;"
        " echo done >&2; read go; echo last"
    )
    with (
        place.pod(script, *STREAMS),
        place.attached("--mode=stdout") as slow,
        place.attached("--mode=stdin,stderr") as other,
    ):
        until_it_reads(slow, other)
        say(other, "go")
        assert other.stderr is not None and other.stderr.readline() == "done\n"
        say(other, "go")
        out, err = slow.communicate(timeout=PATIENCE)
    assert "bytes of stdout were missed" in err and len(out) < 8_000_000, err


def test_a_terminal_of_the_app_keys_and_a_way_out(place: Place) -> None:
    """Ctrl-C is for the app; the keys to detach leave it running."""
    script = "trap 'echo interrupted' INT; while :; do read x && echo got $x $(tty); done"
    with place.pod(script, *TTY) as process:
        listed = json.loads(place.attach("--mode=list").check().stdout)
        assert [each["name"] for each in listed["targets"]] == ["tty-in", "tty-out"]
        steps = [("leaves it", "hello\n"), ("got hello /dev/pts/", "\x10\x11")]
        found = place.typed(steps, "--mode=tty")
        assert found.exit == 0, found
        assert process.poll() is None
        steps = [("leaves it", "\x10\x03"), ("interrupted", "x")]
        found = place.typed(steps, "--detach-keys=x")
        assert found.exit == 0, found


def test_the_app_at_a_terminal_sees_its_size(place: Place) -> None:
    """Ours, when we attach."""
    with place.pod("while read x; do stty size; done", *TTY):
        user = ["sh", "-c", 'stty rows 33 cols 111; exec "$@"', "sh"]
        found = place.typed([("leaves it", "\n"), ("33 111", "\x10\x11")], wrap=user)
        assert found.exit == 0, found


def test_a_terminal_survives_a_new_start_of_the_app(place: Place) -> None:
    """Each life has a fresh one, at which who is attached stays."""
    script = "[ -t 0 ] && [ -t 1 ] && echo at-terminal; read x; echo got $x; exit 3"
    with place.pod(script, *TTY, "--restart=on-failure"):
        steps = [
            ("leaves it", "one\n"),
            ("got one", ""),
            ("at-terminal", "two\n"),
            ("got two", "\x10\x11"),
        ]
        found = place.typed(steps)
        assert found.exit == 0, found


@pytest.mark.threat("T78")
def test_a_stream_at_our_terminal_is_shown_with_escapes(place: Place) -> None:
    """What a terminal would obey is written out."""
    script = r"read go; printf 'a\033]0;title\007b\342\200\256c\n'"
    with place.pod(script, *STREAMS):
        user = ["sh", "-c", 'echo start; exec "$@"', "sh"]
        found = place.typed([("start", "go\n")], "--mode=stdin,stdout", wrap=user)
        assert r"a\x1b]0;title\x07b\u202ec" in found.stdout, found
        assert "\x1b]" not in found.stdout


def test_sentences_about_what_cannot_be_attached_to(place: Place) -> None:
    """An app without streams, an unknown mode, an input that has ended, a pod that has ended."""
    with place.pod("exec sleep 1000"):
        plain = place.agent.refused("attach", place.uuid)
        assert "has nothing to attach to" in plain and "--stdin" in plain
    assert "has ended" in place.agent.refused("attach", place.uuid)
    with place.pod("cat >/dev/null; exec sleep 1000", "--stdin=stream", "--stdout=null"):
        assert "is not a mode" in place.agent.refused("attach", "--mode=all", place.uuid)
        assert "has no stdout" in place.agent.refused("attach", "--mode=stdout", place.uuid)
        assert "is not a key" in place.agent.refused("attach", "--detach-keys=F1", place.uuid)
    refused = place.agent.refused("run", IMAGE, "--stdin=tty", "--stdout=stream")
    assert "tty and stream exclude each other" in refused
