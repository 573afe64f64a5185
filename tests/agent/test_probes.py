# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes: what they ask, what follows from their answers, and apps and commands that answer badly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.agent.launch_bed import USR, Bed, Ended, Pod, app, isolator, sh
from tests.support.paths import CHECKOUT
from tests.support.private_host import PrivateHost

FOREVER = "exec sleep 1000"
QUICK = {"interval": 0.1, "timeout": 5, "failure_threshold": 1}
SHARED = [{"name": "v", "path": "/v"}]

SERVER = """
import socket, sys, time
port, how = int(sys.argv[1]), sys.argv[2]
server = socket.create_server(("", port))
while True:
    peer, _ = server.accept()
    try:
        if how == "closes":
            peer.close()
            continue
        request = b""
        while b"\\r\\n\\r\\n" not in request:
            request += peer.recv(4096)
        if how == "says nothing":
            kept = peer
        elif how == "goes on with headers":
            peer.sendall(b"HTTP/1.1 200 OK\\r\\n")
            while True:
                peer.sendall(b"X: " + b"x" * 65536 + b"\\r\\n")
        elif how == "has one long line":
            while True:
                peer.sendall(b"x" * 65536)
        elif how == "trickles":
            while True:
                peer.sendall(b"H")
                time.sleep(0.01)
        elif how == "never ends":
            peer.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 10\\r\\n\\r\\nhalf")
            kept = peer
        elif how == "echoes":
            body = request.replace(b"\\r\\n", b"|")[:300]
            peer.sendall(b"HTTP/1.1 500 " + body + b"\\r\\n\\r\\n")
            peer.close()
        else:
            peer.sendall(how.encode().decode("unicode_escape").encode("latin-1"))
            peer.close()
    except OSError:
        pass
"""

PLACE = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from podwright.stage2.probeexec import make_place

class Groups:
    def app_files(self, app):
        return [f"{base}/{app}/cgroup.procs"]

base = f"/sys/fs/cgroup/{sys.argv[2]}/podwright-probes-{os.getpid()}"
app = f"{base}/app"
os.makedirs(app)
place = make_place(Groups(), "app", "liveness")

def forked(join):
    pid = os.fork()
    if pid == 0:
        os.setsid()
        join()
        os.fork()
        os.write(go, b".")
        time.sleep(1000)
    return pid

def join_app():
    with open(f"{app}/cgroup.procs", "w") as file:
        file.write("0")

ready, go = os.pipe()
others = forked(join_app)
for _ in range(3):
    one = forked(lambda: os.write(place.joins[0], b"0"))
    for _ in range(4 if others else 2):
        os.read(ready, 1)
    others = 0
    while not place.clear():
        time.sleep(0.01)
    os.waitpid(one, 0)
with open(f"{app}/cgroup.procs") as file:
    left = file.read().split()
print(len(left))
for pid in left:
    os.kill(int(pid), 9)
for path in (f"{app}/_liveness", app, base):
    while True:
        try:
            os.rmdir(path)
            break
        except OSError:  # who was killed takes a moment to go
            time.sleep(0.01)
"""


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


class Shared:
    """A directory that the test and the apps of a pod share, at /v."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        path.chmod(0o777)
        self.volume = {"name": "v", "kind": "host", "source": str(path)}

    def touch(self, name: str) -> None:
        (self.path / name).touch()

    def gone(self, name: str) -> None:
        (self.path / name).unlink()

    def wait(self, pod: Pod, name: str) -> None:
        pod.wait_until(lambda: self.lines(name), name)

    def lines(self, name: str) -> list[str]:
        path = self.path / name
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def shared(tmp_path: Path) -> Shared:
    return Shared(tmp_path / "shared")


def probe(**fields: Any) -> str:
    """The annotation of a probe that is asked often."""
    return json.dumps({**QUICK, **fields})


def shell(script: str, **fields: Any) -> str:
    """One that is a shell script in the app."""
    return probe(exec=["/bin/sh", "-c", script], **fields)


def health(pod: Pod, name: str = "app") -> Mapping[str, Any]:
    """What is recorded of an app's probes."""
    path = pod.pod_dir / "health"
    found = json.loads(path.read_text()).get(name) if path.exists() else None
    return found or {"serving": None, "failure": None}


def failure(pod: Pod, name: str = "app") -> str:
    """Why the probe of an app has failed last, or ""."""
    found = health(pod, name)["failure"]
    return f"{found['probe']}: {found['text']}" if found else ""


def wait_failure(pod: Pod, name: str, text: str) -> None:
    pod.wait_until(lambda: text in failure(pod, name), f"{name}: {text}")


def wait_serving(pod: Pod, name: str) -> None:
    pod.wait_until(lambda: health(pod, name)["serving"] is True, f"{name} serves")


def is_ready(pod: Pod) -> bool:
    return (pod.pod_dir / "stage1/rootfs/rkt/supervisor-status").is_symlink()


def restarts(pod: Pod, name: str = "app") -> int:
    path = pod.pod_dir / "apps"
    return int(json.loads(path.read_text())[name]["restarts"]) if path.exists() else 0


def stopped(pod: Pod) -> Ended:
    pod.signal(15)
    return pod.ended()


USERS = pytest.mark.parametrize("users", ["true", ""], ids=["own-users", "host-users"])


@USERS
def test_readiness_goes_both_ways(bed: Bed, shared: Shared, users: str) -> None:
    life = {"readiness": shell("echo not yet; test -e /v/up")}
    one = sh("app", FOREVER, mountPoints=SHARED, life=life, user="1000", group="1000")
    with bed.start(one, volumes=[shared.volume], private_users=users) as pod:
        pod.wait_until(lambda: "not yet" in failure(pod), "a failure")
        assert failure(pod) == "readiness: /bin/sh: ended with 1: not yet"
        assert not is_ready(pod)
        shared.touch("up")
        pod.wait_ready()
        assert is_ready(pod)
        assert health(pod)["serving"] is True
        shared.gone("up")
        pod.wait_until(lambda: not is_ready(pod), "not ready")
        pod.wait_until(lambda: health(pod)["serving"] is False, "told")
        shared.touch("up")
        pod.wait_until(lambda: is_ready(pod), "ready again")
        assert restarts(pod) == 0
        assert stopped(pod).outcome == [0, "stopped"]


def test_answers_of_http_and_what_is_no_answer(bed: Bed) -> None:
    ways = {
        "ok": "HTTP/1.1 200 OK\\r\\n\\r\\nfine",
        "old": "HTTP/1.0 204 None\\n\\n",
        "moved": "HTTP/1.1 302 Found\\r\\nLocation: http://127.0.0.1:1/\\r\\n\\r\\n",
        "headers": "goes on with headers",
        "failing": "HTTP/1.1 503 No \\x1b[31m\\r\\nContent-Length: 0\\r\\n\\r\\n",
        "closing": "closes",
        "silent": "says nothing",
        "slow": "trickles",
        "half": "never ends",
        "other": "SSH-2.0-x\\x07\\r\\n",
        "line": "has one long line",
        "shown": "echoes",
    }
    ports = {name: 8000 + number for number, name in enumerate(ways)}
    tree = bed.python_tree()
    points = [{"name": "usr", "path": "/usr", "readOnly": True}]

    def one(name: str) -> Mapping[str, Any]:
        http: dict[str, Any] = {"port": ports[name], "path": f"/{name}?x=1"}
        if name == "shown":
            http |= {"host": "example.com", "headers": {"X-Probe": "yes", "Accept": "text/plain"}}
        words = ["/usr/bin/python3", "-IS", "-c", SERVER, str(ports[name]), ways[name]]
        asked = {"http": http, "timeout": 1, "failure_threshold": 3}
        life = {"readiness": probe(**asked)}
        return app(name, *words, tree=tree, mountPoints=points, life=life)

    with bed.start(*(one(name) for name in ways), volumes=[USR]) as pod:
        good = ("ok", "old", "moved", "headers")
        for name in good:
            wait_serving(pod, name)
        expected = {
            "failing": r"HTTP 503 No \x1b[31m",
            "closing": "the connection",
            "silent": "nothing answered within 1 s",
            "slow": "the answer was not complete within 1 s",
            "half": "the answer was not complete within 1 s",
            "other": r"the answer is not HTTP: SSH-2.0-x\x07",
            "line": "the answer is not HTTP: xxx",
            "shown": "HTTP 500 GET /shown?x=1 HTTP/1.1|Host: example.com|Connection: close|",
        }
        for name, text in expected.items():
            # the first tries may have come before the app listened
            wait_failure(pod, name, text)
            assert health(pod, name)["serving"] is False, name
        assert not is_ready(pod)


def test_a_port_and_its_name(bed: Bed, shared: Shared) -> None:
    wait = "until [ -e /v/up ]; do sleep 0.05; done; exec httpd -f -p 8080"
    ports = [{"name": "web", "protocol": "tcp", "port": 8080}]
    life = {"readiness": probe(tcp="web")}
    one = sh("app", wait, mountPoints=SHARED, life=life, ports=ports)
    with bed.start(one, volumes=[shared.volume]) as pod:
        pod.wait_until(lambda: failure(pod), "a failure")
        assert failure(pod) == "readiness: tcp 8080: 127.0.0.1 port 8080: Connection refused"
        shared.touch("up")
        pod.wait_ready()
    ended = bed.run(sh("app", wait, life={"liveness": probe(tcp="other")}, ports=ports))
    assert "app app.liveness: the app has no TCP port called other" in ended.refused


def test_as_many_as_the_thresholds_say(bed: Bed, shared: Shared) -> None:
    asks = shell(
        "echo x >> /v/tries; test -e /v/up", failure_threshold=3, success_threshold=3, interval=0.1
    )
    one = sh("app", FOREVER, mountPoints=SHARED, life={"readiness": asks})
    with bed.start(one, volumes=[shared.volume]) as pod:
        pod.wait_until(lambda: failure(pod), "a failure")
        assert len(shared.lines("tries")) >= 3
        before = len(shared.lines("tries"))
        shared.touch("up")
        pod.wait_ready()
        assert len(shared.lines("tries")) >= before + 2


def test_who_fails_is_started_again_and_asked_anew(bed: Bed, shared: Shared) -> None:
    """The first life is bad after a while, the second one stays."""
    script = "echo x >> /v/lives; trap 'exit 0' TERM; sleep 1000 & wait"
    heals = [{"name": "pre-start", "exec": ["/bin/rm", "-f", "/v/bad"]}]
    asks = shell("echo x >> /v/tries; echo dead; ! test -e /v/bad", failure_threshold=2)
    life = {"liveness": asks, "restart": "always", "readiness": shell("true")}
    one = sh("app", script, mountPoints=SHARED, life=life, eventHandlers=heals)
    with bed.start(one, volumes=[shared.volume], backoff=0.1) as pod:
        pod.wait_ready()
        assert shared.lines("lives") == ["x"]
        shared.touch("bad")
        pod.wait_until(lambda: restarts(pod) == 1 and is_ready(pod), "another life")
        assert failure(pod) == "liveness: /bin/sh: ended with 1: dead"
        tries = len(shared.lines("tries"))
        pod.wait_until(lambda: len(shared.lines("tries")) > tries + 3, "asked again")
        assert shared.lines("lives") == ["x", "x"]
        ended = stopped(pod)
    assert ended.outcome == [0, "stopped"]
    assert "app app: unhealthy: liveness: /bin/sh: ended with 1: dead" in ended.notes


def test_a_pod_ends_with_an_app_that_fails_and_is_not_started_again(bed: Bed) -> None:
    asks = shell("printf 'gone \\033[31m'; exit 7")
    ended = bed.run(sh("app", "trap 'exit 0' TERM; sleep 1000 & wait", life={"liveness": asks}))
    assert ended.outcome == [254, "failed"]
    assert ended.reasons() == {"app": "unhealthy"}
    assert ended.status_file("app") == "254"
    assert ended.notes == [
        r"app app: unhealthy: liveness: /bin/sh: ended with 7: gone \x1b[31m",
    ]


def test_who_does_not_listen_is_killed(bed: Bed) -> None:
    life = {"liveness": shell("false"), "stop-timeout": "0.2"}
    ended = bed.run(sh("app", "trap '' TERM; while :; do sleep 1; done", life=life))
    assert ended.outcome == [137, "failed"]
    assert ended.reasons() == {"app": "unhealthy"}


def test_a_startup_probe_holds_the_others_back(bed: Bed, shared: Shared) -> None:
    life = {
        "startup": shell("echo x >> /v/asked; test -e /v/up", failure_threshold=1000),
        "liveness": shell("echo x >> /v/alive"),
        "readiness": shell("echo x >> /v/serves"),
    }
    slow = sh("slow", FOREVER, mountPoints=SHARED, life=life)
    needs = {"depends-on": "slow"}
    after = sh("after", f"echo x > /v/after; {FOREVER}", mountPoints=SHARED, life=needs)
    with bed.start(slow, after, volumes=[shared.volume]) as pod:
        pod.wait_until(lambda: len(shared.lines("asked")) > 3, "asked")
        assert not any(shared.lines(name) for name in ("alive", "serves", "after"))
        shared.touch("up")
        pod.wait_ready()
        for name in ("alive", "serves", "after"):
            shared.wait(pod, name)
        asked = len(shared.lines("asked"))
        alive = len(shared.lines("alive"))
        pod.wait_until(lambda: len(shared.lines("alive")) > alive + 2, "asked")
        assert len(shared.lines("asked")) == asked


def test_who_never_starts_fails(bed: Bed) -> None:
    life = {"startup": shell("echo too early; false", failure_threshold=3)}
    needs = {"depends-on": "slow"}
    ended = bed.run(sh("slow", FOREVER, life=life), sh("after", "echo never", life=needs))
    assert ended.outcome == [128 + 15, "failed"]
    assert ended.reasons() == {"slow": "unhealthy", "after": "never-started"}
    assert "app slow: unhealthy: startup: /bin/sh: ended with 1: too early" in ended.notes
    assert not ended.was_ready


def test_who_has_done_its_work_is_not_waited_for(bed: Bed) -> None:
    once = sh("once", "exit 0", life={"readiness": shell("false"), "startup": shell("false")})
    after = sh("after", FOREVER, life={"depends-on": "once"})
    with bed.start(once, after) as pod:
        pod.wait_ready()
        assert is_ready(pod)


def test_who_is_never_ready_ends_the_pod(bed: Bed) -> None:
    life = {"readiness": shell("echo no; false"), "ready": '{"timeout": 3}'}
    ended = bed.run(sh("app", FOREVER, life=life))
    assert ended.outcome == [254, "not-ready"]
    assert "app app: not ready after 3 s: readiness: /bin/sh: ended with 1: no" in ended.notes


@USERS
def test_a_command_that_hangs_is_ended_with_all_it_has_started(
    bed: Bed, shared: Shared, users: str
) -> None:
    hang = "trap '' TERM; setsid sleep 999 & sleep 999 & echo x >> /v/tries; echo up; sleep 999"
    count = "while :; do ps | grep -c '[s]leep 999' >> /v/counts; echo x >> /v/seen; done"
    asks = shell(hang, timeout=0.3)
    one = sh("app", count, mountPoints=SHARED, life={"readiness": asks})
    with bed.start(one, volumes=[shared.volume], private_users=users) as pod:
        pod.wait_until(lambda: len(shared.lines("tries")) >= 6, "tries")
        assert max(map(int, shared.lines("counts"))) <= 6  # a try's own; none of tries before it
        text = "readiness: /bin/sh: it was killed after 0.3 s: up"
        pod.wait_until(lambda: failure(pod) == text, text)


def test_what_a_command_leaves_behind_is_ended(bed: Bed, shared: Shared) -> None:
    leave = "setsid sleep 999 >/dev/null 2>&1 & echo x >> /v/tries"
    count = "while :; do ps | grep -c '[s]leep 999' >> /v/counts; echo x >> /v/seen; done"
    one = sh("app", count, mountPoints=SHARED, life={"liveness": shell(leave)})
    with bed.start(one, volumes=[shared.volume]) as pod:
        pod.wait_until(lambda: len(shared.lines("tries")) >= 10, "tries")
        assert max(map(int, shared.lines("counts"))) <= 4


def test_a_fork_bomb_as_probe(bed: Bed, shared: Shared) -> None:
    bomb = "trap '' TERM INT HUP; echo x >> /v/tries; b() { b | b & }; b; sleep 1000"
    limit = [isolator("resource/pids", {"limit": "100"})]
    life = {"readiness": shell(bomb, timeout=0.5), "liveness": shell("true", timeout=60)}
    one = sh("app", FOREVER, mountPoints=SHARED, life=life, isolators=limit)
    with bed.start(one, volumes=[shared.volume]) as pod:
        pod.wait_until(lambda: len(shared.lines("tries")) >= 3, "tries")
        pod.wait_until(lambda: "it was killed after 0.5 s" in failure(pod), "killed")
        assert stopped(pod).outcome == [0, "stopped"]


def test_what_a_command_says_is_bounded(bed: Bed) -> None:
    flood = "dd if=/dev/zero bs=1M count=20 2>/dev/null; printf '\\033[2J\\n\\tend'; exit 3"
    with bed.start(sh("app", FOREVER, life={"readiness": shell(flood, timeout=60)})) as pod:
        pod.wait_until(lambda: failure(pod), "a failure")
        text = failure(pod)
    assert text.startswith(r"readiness: /bin/sh: ended with 3: \x00\x00")
    assert len(text) < 400
    assert text.isprintable()


def test_commands_are_confined_like_the_app(bed: Bed, shared: Shared) -> None:
    look = "grep -E '^(Cap|NoNew|Seccomp|Groups|Uid)' /proc/self/status; env; umask; pwd"
    asks = shell(f"({look}) > /v/new && mv /v/new /v/probe")
    one = sh(
        *("app", f"({look}) > /v/main; {FOREVER}"),
        mountPoints=SHARED,
        life={"readiness": asks},
        user="1000",
        supplementaryGIDs=[5],
        workingDirectory="/var/tmp",
    )
    with bed.start(one, volumes=[shared.volume]) as pod:
        pod.wait_ready()
        assert shared.lines("probe") == shared.lines("main")
        assert "CapEff:\t0000000000000000" in shared.lines("probe")


def test_what_cannot_be_executed_is_said(bed: Bed) -> None:
    with bed.start(sh("app", FOREVER, life={"readiness": probe(exec=["/bin/none"])})) as pod:
        pod.wait_until(lambda: failure(pod), "a failure")
        assert "/bin/none" in failure(pod)


def test_nothing_is_asked_of_a_pod_that_is_being_stopped(bed: Bed, shared: Shared) -> None:
    last = "cp /v/tries /v/first; sleep 1; cp /v/tries /v/last; exit 0"
    script = f"trap '{last}' TERM; sleep 1000 & wait"
    asks = shell("echo x >> /v/tries", interval=0.1)
    one = sh("app", script, mountPoints=SHARED, life={"liveness": asks})
    with bed.start(one, volumes=[shared.volume]) as pod:
        pod.wait_until(lambda: len(shared.lines("tries")) >= 2, "tries")
        assert stopped(pod).outcome == [0, "stopped"]
    assert len(shared.lines("last")) <= len(shared.lines("first")) + 1


def test_probes_of_a_fly_pod(bed: Bed, shared: Shared) -> None:
    life = {
        "startup": shell("test $(id -u) = 1000"),
        "readiness": probe(http={"port": 18080, "path": "/v/page"}),
        "liveness": probe(tcp=18080, failure_threshold=3),
    }
    (shared.path / "page").write_text("here\n")
    serve = "exec httpd -f -p 127.0.0.1:18080 -h /"
    one = sh("app", serve, mountPoints=SHARED, life=life, user="1000", group="1000")
    with bed.start(one, volumes=[shared.volume], stage1="fly", net="host") as pod:
        pod.wait_ready()
        shared.gone("page")
        pod.wait_until(lambda: "HTTP 404" in failure(pod), "not found")
        pod.wait_until(lambda: not is_ready(pod), "not ready")


@pytest.mark.parametrize("kind", ["pids", "unified"])
def test_only_what_a_probe_has_started_is_ended(private_host: PrivateHost, kind: str) -> None:
    """Again and again, in either version of control groups; two processes of the app stay."""
    agent = str(CHECKOUT / "agent")
    command = ["/usr/bin/python3", "-IS", "-c", PLACE, agent, kind]
    assert private_host.run(command).check().stdout == "2\n"
