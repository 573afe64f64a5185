# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apps that speak sd_notify(3), with Python from the image as the one who speaks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.software_bed import Software, software_on
from tests.conftest import Keys
from tests.support import software_image

SAY = """\
import array, os, select, socket, sys, time
def say(*lines, fds=(), address=None):
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.connect(address or os.environ["NOTIFY_SOCKET"].replace("@", chr(0)))
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    channel.sendmsg(["\\n".join(lines).encode()], rights)
def barrier():
    inner, outer = os.pipe()
    say("BARRIER=1", fds=[outer])
    os.close(outer)
    poll = select.poll()
    poll.register(inner, select.POLLHUP)
    assert poll.poll(60000), "nobody has let go of the descriptor"
def touch(path): open(path, "w").close()
def await_file(path):
    while not os.path.exists(path): time.sleep(0.02)
"""
"""What every program here begins with."""


@pytest.fixture(scope="module")
def software(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Software]:
    with software_on(tmp_path_factory.mktemp("notify"), lab.key) as found:
        yield found


def program(text: str, **fields: Any) -> dict[str, Any]:
    """An app that runs some Python."""
    return {
        "image": software_image.NAME,
        "exec": ["/usr/bin/python3", "-c", SAY + text],
        **fields,
    }


def applied(software: Software, **pod: Any) -> dict[str, Any]:
    wanted = {"name": "speaker", "net": "none", "restart": "no", **pod}
    result = software.agent("apply", stdin=json.dumps({"pods": [wanted]}), timeout=120)
    (part,) = json.loads(result.stdout)["pods"]
    assert isinstance(part, dict)
    return part


@pytest.fixture(autouse=True)
def gone(software: Software) -> Iterator[None]:
    yield
    applied(software, state="absent")


def status(software: Software) -> dict[str, Any]:
    """What is known of the pod; no apps as long as nobody knows it."""
    result = software.agent("status", "--format=json", "speaker")
    found: dict[str, Any] = json.loads(result.stdout) if result.exit == 0 else {"apps": []}
    return found


def wait_for(
    software: Software, app: str, good: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The status of the pod once an app is as wanted."""
    deadline = time.monotonic() + 60
    while True:
        seen = status(software)
        if any(one["name"] == app and good(one) for one in seen["apps"]):
            return seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)


def told(text: str) -> Callable[[dict[str, Any]], bool]:
    return lambda app: bool(app["told"] == text)


@pytest.mark.parametrize("users", ["true", "false"])
def test_an_app_is_ready_when_it_says_so(software: Software, tmp_path: Path, users: str) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    text = """
say("STATUS=warming up")
await_file("/shared/go")
say("READY=1", "STATUS=serving \\x1b[31m3")
barrier()
touch("/shared/heard")
time.sleep(1000)
"""
    volume = {"name": "shared", "kind": "host", "source": str(shared)}
    mount = {"volume": "shared", "path": "/shared"}
    described = {
        "apps": [
            program(text, name="main", notify=True, mounts=[mount], user="1000"),
            program(
                "touch('/shared/after'); time.sleep(1000)",
                name="after",
                depends_on=["main:ready"],
                mounts=[mount],
            ),
        ],
        "volumes": [volume],
        "private_users": users,
    }
    wanted = {"name": "speaker", "net": "none", "restart": "no", **described}
    with software.agent.host.popen([*software.agent.command, "apply"]) as apply:
        assert apply.stdin is not None
        apply.stdin.write(json.dumps({"pods": [wanted]}))
        apply.stdin.close()
        seen = wait_for(software, "main", told("warming up"))
        assert not seen["ready"] and not (shared / "after").exists()
        (shared / "go").touch()
        assert apply.wait(timeout=60) == 0
        apply.stdin = None
    seen = wait_for(software, "main", told("serving \\x1b[31m3"))
    assert seen["ready"] and (shared / "heard").exists()


def test_an_app_that_never_says_so_is_not_ready_in_time(software: Software) -> None:
    silent = program("time.sleep(1000)", name="main", notify=True)
    part = applied(software, apps=[silent], ready={"timeout": 1})
    assert "app main: not ready after 1 s: it has not said READY=1" in part["error"]["message"]


def test_an_app_of_the_host_speaks_without_a_file_on_the_host(software: Software) -> None:
    """In fly /dev is the host's, so the address is an abstract one."""
    text = "assert os.environ['NOTIFY_SOCKET'][0] == '@'; say('STATUS=up', 'READY=1'); "
    app = program(text + "time.sleep(1000)", name="main", notify=True)
    part = applied(software, apps=[app], stage1="fly", net="host")
    assert part["error"] is None, part
    wait_for(software, "main", told("up"))


@pytest.mark.threat("T62")
def test_no_app_speaks_for_another_and_no_descriptor_is_kept(software: Software) -> None:
    """The other app is root, too, and sees the first one's socket through /proc."""
    main = (
        "await_file('/tmp/go'); say('FDSTORE=1', fds=[0]); barrier(); say('STATUS=mine', 'READY=1')"
    )
    other = """
def find():
    while True:
        for one in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = open(f"/proc/{one}/cmdline").read()
                if "'the first'" in words and int(one) != os.getpid():
                    return one
            except OSError: pass
        time.sleep(0.02)
root = f"/proc/{find()}/root"
await_file(root + "/tmp")
for _ in range(200):
    say("READY=1", "STATUS=stolen", "WATCHDOG=1", address=root + "/dev/podwright-notify")
    time.sleep(0.001)
touch(root + "/tmp/go")
time.sleep(1000)
"""
    part = applied(
        software,
        apps=[
            program(f"'the first'; {main}; time.sleep(1000)", name="main", notify=True),
            program(other, name="other", isolators=[CAPABILITIES]),
        ],
        private_users="false",
    )
    assert part["error"] is None, part
    seen = wait_for(software, "main", told("mine"))
    assert seen["ready"]
    assert "app main: it hands descriptors over, which are not kept" in software_notes(software)


LINGERING = """
import struct
server = socket.create_server(("127.0.0.1", 0))
lingering = socket.create_connection(server.getsockname())
peer, _ = server.accept()
lingering.setblocking(False)
try:
    while lingering.send(bytes(65536)): pass
except BlockingIOError: pass
lingering.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 100000))
say("READY=1")
await_file("/shared/go")
say("X=1", fds=[lingering.fileno()])
lingering.close()
touch("/shared/handed")
barrier()
say("STATUS=heard")
time.sleep(1000)
"""


@pytest.mark.threat("T62", "T73", "T78")
def test_a_socket_that_an_app_hands_over_does_not_hold_up_its_neighbours(
    software: Software, tmp_path: Path
) -> None:
    """Closing the last copy of such a socket takes as long as the app likes; nobody was served then."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    part = applied(
        software,
        apps=[
            program(
                LINGERING,
                name="main",
                notify=True,
                user="1000",
                mounts=[{"volume": "shared", "path": "/shared"}],
            ),
            program("time.sleep(1000)", name="other"),
        ],
        volumes=[{"name": "shared", "kind": "host", "source": str(shared)}],
    )
    assert part["error"] is None, part
    (record,) = (software.agent.data / "pods/run").glob("*/init")
    init = str(json.loads(record.read_text())["pid"])
    # PID 1 is held until the app has no copy any more.
    software.agent.host.run(["kill", "-STOP", init]).check()
    (shared / "go").touch()
    deadline = time.monotonic() + 60
    while not (shared / "handed").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    software.agent.host.run(["kill", "-CONT", init]).check()
    wait_for(software, "main", told("heard"))
    assert software.agent.ok("enter", "--app=other", "speaker", "/bin/echo", "served") == "served\n"


CAPABILITIES = {
    "name": "os/linux/capabilities-retain-set",
    "value": {"set": ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE"]},
}


def software_notes(software: Software) -> str:
    """What the pod has said when it has ended."""
    applied(software, apps=[program("pass", name="main")], state="stopped")
    return (software.agent.data / "logs/speaker.log").read_text()


def test_an_app_that_does_not_say_that_it_is_alive_begins_anew(software: Software) -> None:
    text = """
assert os.environ["WATCHDOG_USEC"] == "1000000"
for _ in range(4):
    say("WATCHDOG=1")
    time.sleep(0.3)
time.sleep(1000)
"""
    part = applied(software, apps=[program(text, name="main", watchdog=1, restart="always")])
    assert part["error"] is None, part
    wait_for(software, "main", lambda app: bool(app["restarts"]))
    log = software_notes(software)
    assert "app main: it has not said that it is alive for 1 s" in log
    assert "AssertionError" not in log


LAUNCHER = """\
import os, socket, sys, time
outer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
outer.bind(sys.argv[1])
tcp = socket.create_server(("127.0.0.1", 8080))
unix = socket.socket(socket.AF_UNIX)
unix.bind(sys.argv[2])
unix.listen()
pid = os.fork()
if pid == 0:
    os.dup2(tcp.fileno(), 13, True)
    os.dup2(unix.fileno(), 14, True)
    os.dup2(13, 3, True)
    os.dup2(14, 4, True)
    os.dup2(os.open("/", os.O_RDONLY), 23, True)
    os.environ.update(
        LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="web.socket:control",
        NOTIFY_SOCKET=sys.argv[1], WATCHDOG_USEC="500000", WATCHDOG_PID=str(os.getpid()),
    )
    os.execvp(sys.argv[3], sys.argv[3:])
tcp.close()
outer.settimeout(60)
said = []
while not ("READY=1" in said and said.count("WATCHDOG=1") >= 3 and "STATUS=at work" in said):
    said += outer.recv(4096).decode().split("\\n")
client = socket.create_connection(("127.0.0.1", 8080), 60)
print(client.makefile().read())
other = socket.socket(socket.AF_UNIX)
other.connect(sys.argv[2])
print(other.makefile().read())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""

SERVER = """
found = sorted(int(one) for one in os.listdir("/proc/self/fd"))
names = os.environ["LISTEN_FDNAMES"].split(":")
assert os.environ["LISTEN_PID"] == str(os.getpid()) and os.environ["LISTEN_FDS"] == "2"
say("STATUS=at work", "READY=1")
for number, family in ((3, socket.AF_INET), (4, socket.AF_UNIX)):
    server = socket.socket(fileno=number)
    assert server.family == family
    client, _ = server.accept()
    # One more than the standard three and the two: the directory that is read just now.
    client.sendall(f"{names[number - 3]} {len(found) - 1} {max(found) < 7}".encode())
    client.close()
"""


@pytest.mark.threat("T62")
def test_sockets_of_a_service_manager_go_to_the_app_that_is_for_them(
    software: Software, lab: Keys, tmp_path: Path
) -> None:
    """And nothing else does; PID 1 says that it is alive, and the manager hears what the app says."""
    image = tmp_path / "image.aci"
    built = software_image.with_ports(
        [
            {"name": "http", "protocol": "tcp", "port": 8080, "socketActivated": True},
            {"name": "control", "protocol": "tcp", "port": 81, "socketActivated": True},
        ]
    )
    image.hardlink_to(built)
    lab.key.sign(image)
    launcher = ["/usr/bin/python3", "-c", LAUNCHER, f"{tmp_path}/notify", f"{tmp_path}/unix"]
    agent = [*software.agent.command, "run", "--net=none"]
    words = [str(image), "--notify", "--exec=/usr/bin/python3", "--", "-c", SAY + SERVER]
    ended = software.agent.host.run([*launcher, *agent, *words], timeout=180)
    assert ended.exit == 0, ended
    assert ended.stdout.split("\n")[:2] == ["http 5 True", "control 5 True"]


@pytest.mark.parametrize("name", ["other.socket", ""])
def test_a_socket_that_is_for_no_app_is_refused(software: Software, name: str) -> None:
    script = """
import os, socket, sys
server = socket.create_server(("127.0.0.1", 9999))
os.dup2(server.fileno(), 13, True)
os.dup2(13, 3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES=sys.argv[1])
os.execvp(sys.argv[2], sys.argv[2:])
"""
    agent = [*software.agent.command, "run", "--net=none", software_image.NAME, "--exec=/bin/true"]
    ended = software.agent.host.run(["/usr/bin/python3", "-c", script, name, *agent])
    assert ended.exit == 254
    assert (
        "on tcp port 9999, which the service manager has opened, belongs to no app" in ended.stderr
    )
    assert "aborted prepare" not in software.agent.ok("list"), "each try left a pod"
