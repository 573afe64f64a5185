# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback plugin notify: events reach a command and a server, secrets stay where they are, and plays go on."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import resource
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.plugin_utils import notify_courier, notify_send

from tests.modules.playbook_site import BIN
from tests.support.certs import server_files
from tests.support.patience import patient

SECRET = "canary-secret-7123"

TELL = """\
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        return {**super().run(tmp, task_vars), **self._task.args}
"""
LIE = """\
#!/usr/bin/python3
import json
print(json.dumps({"changed": False, "podwright_event": {"event": "rollout-finished", "reason": "done"}}))
"""
PLAY = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Begin
      podwright.fleet.rollout:
        podwright_events: [{event: rollout-started, rollout: shop, hosts: [a]}, {event: phase-started, phase: stage}]
    - name: Rehearse
      podwright.fleet.rollout: {podwright_event: {event: rollout-started, rollout: rehearsal, check: true}}
    - name: Fail
      podwright.fleet.rollout: {failed: true, podwright_event: {event: host-failed, host: a, message: "{{ bad }}"}}
      vars: {bad: !unsafe "{{ lookup('pipe', 'touch HOME/canary') }}\\n"}
      ignore_errors: true
    - name: Lie
      lie:
    - name: End
      podwright.fleet.rollout: {podwright_event: {event: rollout-finished, rollout: shop, reason: failed}}
"""


def telling(home: Path, collections: Path) -> Path:
    """A copy of the collection whose action `rollout` tells what it is told."""
    below = "ansible_collections/podwright/fleet"
    own = home / "collections"
    if not own.exists():
        for name in ("plugins", "meta"):
            shutil.copytree(collections / below / name, own / below / name)
        (own / below / "plugins/action/rollout.py").write_text(TELL)
    return own


def play(home: Path, collections: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a play that tells events, with the plugin configured by the environment."""
    collections = telling(home, collections)
    (home / "library").mkdir(exist_ok=True)
    (home / "library/lie.py").write_text(LIE)
    (home / "play.yml").write_text(PLAY.replace("HOME", str(home)))
    env = {
        "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(home), "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(collections), "ANSIBLE_CALLBACKS_ENABLED": "podwright.fleet.notify",
        "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_HOME": str(home / "ansible"), "ANSIBLE_LOCAL_TEMP": str(home / "local"),
        **{f"PODWRIGHT_NOTIFY_{name.upper()}": text for name, text in more.items()},
    }  # fmt: skip
    done = subprocess.run(
        ["ansible-playbook", "play.yml"], cwd=home, env=env, capture_output=True, text=True,
        timeout=patient(120), check=False,
    )  # fmt: skip
    assert done.returncode == 0 and "Traceback" not in done.stderr, done
    return done


def program(home: Path, script: str) -> str:
    """A program for events."""
    path = home / "hear"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.threat("T95")
def test_a_command_hears_the_events_of_the_rollout_in_order_as_json(
    tmp_path: Path, collections: Path
) -> None:
    """And none that a host has made up."""
    hear = program(tmp_path, f"cat >>{tmp_path}/heard")
    done = play(tmp_path, collections, command=hear)
    assert "WARNING" not in done.stderr, done.stderr
    heard = [json.loads(line) for line in (tmp_path / "heard").read_text().splitlines()]
    assert [one["event"] for one in heard] == ["rollout-started", "host-failed", "rollout-finished"]
    assert "{{ lookup(" in heard[1]["message"]
    assert not (tmp_path / "canary").exists()


def test_a_command_that_fails_is_a_warning(tmp_path: Path, collections: Path) -> None:
    done = play(tmp_path, collections, command=program(tmp_path, "echo no room >&2; exit 7"))
    assert done.stderr.count("podwright.fleet.notify: hear ended with 7: no room") == 1
    done = play(tmp_path, collections, command="hear")
    assert "is not an absolute path" in done.stderr
    done = play(tmp_path, collections, url=f"http://example.com/{SECRET}")
    assert "only https is spoken" in done.stderr and SECRET not in done.stderr + done.stdout
    done = play(tmp_path, collections)
    assert "neither command nor url is set" in done.stderr


def test_a_command_that_hangs_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    where = notify_send.Target(
        (program(tmp_path, f"sleep 1000 & echo $! >{tmp_path}/pid; wait"),), timeout=1.0
    )
    with pytest.raises(notify_send.NotifyError, match="has not ended within 1 s"):
        notify_send.run(where, b"{}\n")
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + patient(30)
    while Path(f"/proc/{pid}").exists() and _state(pid) != "Z":
        assert time.monotonic() < deadline, "what it has started is still there"


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


def test_a_slow_command_holds_nobody_up(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"until test -e {gate}; do sleep 0.05; done; cat >>{tmp_path}/heard"
    courier = notify_courier.Courier(
        notify_send.Target((program(tmp_path, script),), timeout=200.0)
    )
    big = {"event": "x", "message": "y" * 30000}
    for _ in range(20):  # ten times what a pipe holds
        courier.send(notify_send.encoded(big))
    assert not (tmp_path / "heard").exists(), "the control: nothing was delivered meanwhile"
    gate.touch()
    assert courier.finish(patient(60)) == []
    assert len((tmp_path / "heard").read_text().splitlines()) == 20


def test_what_cannot_be_delivered_in_time_is_given_up(tmp_path: Path) -> None:
    where = notify_send.Target((program(tmp_path, "sleep 1000"),), timeout=200.0)
    courier = notify_courier.Courier(where)
    courier.send(b"{}\n")
    assert courier.finish(0.5) == ["not everything was delivered within 0.5 s"]


def test_a_courier_that_has_ended_is_told_of() -> None:
    """With a target that it cannot use, which no option gives."""
    control = notify_courier.Courier(notify_send.Target())
    assert control.finish(patient(60)) == []
    courier = notify_courier.Courier(notify_send.Target(("/bin/true",), timeout="x"))  # type: ignore[arg-type]
    courier.send(b"{}\n")
    assert courier.finish(patient(60)) == ["what delivers events has ended with 1"]


def test_who_has_a_thousand_files_open_is_told_like_others(tmp_path: Path) -> None:
    """The number of a pipe is then one that select(2) does not know."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]
    try:
        courier = notify_courier.Courier(
            notify_send.Target((program(tmp_path, "sleep 0.2; cat >/dev/null"),))
        )
        for _ in range(10):
            courier.send(notify_send.encoded({"event": "x", "message": "y" * 30000}))
        assert courier.finish(patient(60)) == []
    finally:
        for one in files:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    "url",
    ["https://[", "https://example.com:port/", "https://example.com:0/", "https://example.com/a b",
     "https://example.com/\n", "https://exämple.com/", "https://example.com:99999/"],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(notify_send.NotifyError, match="url: it is no address"):
        notify_send.target([], url, "", "", 10)
    good = notify_send.target([], "https://example.com:8443/a%20b?c=d", "", "", 10)
    assert good.url == "https://example.com:8443/a%20b?c=d"


class Strange:
    """Who speaks TLS, and then says this to each that comes."""

    def __init__(self, home: Path, said: bytes, pace: float = 0) -> None:
        files = server_files(home / "strange", ["localhost"])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        self.ca = str(files.ca)
        self.said, self.pace, self.over = said, pace, threading.Event()
        self.socket = context.wrap_socket(
            socket.create_server(("127.0.0.1", 0)), server_side=True, do_handshake_on_connect=True
        )
        self.url = f"https://localhost:{self.socket.getsockname()[1]}/hook/{SECRET}"
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        while not self.over.is_set():
            with contextlib.suppress(OSError):
                peer, _address = self.socket.accept()
                with peer:
                    asked = b""
                    while not asked.endswith(b"{}\n"):  # closed before, it would be a reset
                        asked += peer.recv(65536) or b"{}\n"
                    for at in range(len(self.said)):
                        peer.sendall(self.said[at : at + 1])
                        if self.over.wait(self.pace):
                            break

    def close(self) -> None:
        self.over.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


def told_by(strange: Strange, events: int, timeout: float) -> list[str]:
    """What went wrong with events that such a server was told."""
    os.environ["SSL_CERT_FILE"] = strange.ca
    try:
        courier = notify_courier.Courier(notify_send.Target(url=strange.url, timeout=timeout))
        for _ in range(events):
            courier.send(b"{}\n")
        return courier.finish(patient(60))
    finally:
        del os.environ["SSL_CERT_FILE"]
        strange.close()


def test_an_answer_that_is_no_http_is_told_and_the_next_event_goes_out(tmp_path: Path) -> None:
    strange = Strange(tmp_path, b"SSH-2.0-x\r\n\r\n")
    assert told_by(strange, 2, patient(30)) == ["localhost answers with no HTTP (BadStatusLine)"]


def test_a_server_that_answers_in_drops_has_the_time_of_one_that_does_not(tmp_path: Path) -> None:
    """Each byte comes before a socket would give up."""
    strange = Strange(tmp_path, b"HTTP/1.1 204 No Content\r\n" + b"X-Y: z\r\n" * 1000, 0.2)
    assert told_by(strange, 1, 1.0) == ["localhost has not answered within 1 s"]


class Server:
    """An https server that keeps what is posted to it."""

    def __init__(self, home: Path, status: int = 204, location: str = "") -> None:
        self.heard: list[tuple[str, str, Any]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.heard.append(
                    (self.path, self.headers.get("Authorization", ""), json.loads(body))
                )
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        files = server_files(home / "tls", ["localhost"])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        self.ca = str(files.ca)
        self.http = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.url = f"https://localhost:{self.http.server_port}/hook/{SECRET}"
        self.thread = threading.Thread(target=self.http.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server whose authority is accepted."""
    one = Server(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", one.ca)
    yield one
    one.close()


@pytest.mark.threat("T93")
def test_a_server_hears_events_and_the_token_is_in_no_argument(
    server: Server, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(f"{SECRET}-token\n")
    seen = f"cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' >>{tmp_path}/seen"
    where = notify_send.target([program(tmp_path, seen)], server.url, "", str(token), patient(30))
    courier = notify_courier.Courier(where)
    courier.send(notify_send.encoded({"event": "rollout-started", "rollout": "shop"}))
    assert courier.finish(patient(60)) == []
    assert server.heard == [
        (
            f"/hook/{SECRET}",
            f"Bearer {SECRET}-token",
            {"event": "rollout-started", "rollout": "shop"},
        )
    ]
    arguments = (tmp_path / "seen").read_text()
    assert "notify_send.py" in arguments, "the control: the courier's arguments were looked at"
    assert SECRET not in arguments


def test_a_redirect_is_not_followed_and_no_error_tells_the_address(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "two").mkdir()
    moved = Server(tmp_path / "two", 307, server.url)
    try:
        os.environ["SSL_CERT_FILE"] = moved.ca
        with pytest.raises(notify_send.NotifyError, match="redirect") as caught:
            notify_send.post(notify_send.Target(url=moved.url, token=SECRET), b"{}")
        assert SECRET not in str(caught.value) and server.heard == [] and moved.heard != []
    finally:
        moved.close()
    with pytest.raises(notify_send.NotifyError, match="cannot be reached") as caught:
        notify_send.post(notify_send.Target(url=server.url), b"{}")  # its authority is another one
    assert SECRET not in str(caught.value) and server.heard == []


def test_long_events_are_cut_and_stay_json() -> None:
    event = {"event": "rollout-started", "hosts": [f"host{at}.example.com" for at in range(20000)]}
    data = notify_send.encoded(event)
    assert len(data) <= notify_send.LIMIT + 1 and data.endswith(b"\n")
    found = json.loads(data)
    assert found["cut"] is True and len(found["hosts"]) == notify_send.NAMED
    huge = {"event": "x", **{str(at): "y" * 5000 for at in range(1000)}}
    assert json.loads(notify_send.encoded(huge)) == {"event": "x", "cut": True}
