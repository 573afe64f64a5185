# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a confined child cannot do, tried out in one: as the decoder of archives, and as the network's."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import HostError, ImageError, PodwrightError
from podwright.kernel import confine, confinederrors
from tests.support.paths import CHECKOUT

SPAWN_WAIT = 20.0
LIBC = ctypes.CDLL(None, use_errno=True)
EPERM_OR_EACCES = (errno.EPERM, errno.EACCES)


def told(action: Callable[[], Any], *fds: int, **options: Any) -> Any:
    """What `action` returns in a confined child; the errno, as `{"errno": n}`, when it fails."""
    read_end, write_end = os.pipe()

    def work() -> None:
        try:
            answer = action()
        except OSError as err:
            answer = {"errno": err.errno}
        os.write(write_end, json.dumps(answer).encode())

    try:
        with confine.spawn(work, pass_fds=(write_end, *fds), **options) as child:
            os.close(write_end)
            write_end = -1
            child.wait(SPAWN_WAIT)
        return json.loads(os.read(read_end, 65536))
    finally:
        os.close(read_end)
        if write_end >= 0:
            os.close(write_end)


def refused(action: Callable[[], Any], **options: Any) -> bool:
    """Whether an action fails for want of permission."""
    answer = told(action, **options)
    return isinstance(answer, dict) and answer.get("errno") in EPERM_OR_EACCES


def call(name: str, *arguments: Any) -> int:
    """Make a call of the C library; raises OSError."""
    result: int = getattr(LIBC, name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def make_unix_socket() -> None:
    socket.socket(socket.AF_UNIX)


def make_raw_socket() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)


def make_tcp_socket() -> None:
    socket.socket(socket.AF_INET)


def listen() -> None:
    socket.create_server(("127.0.0.1", 0))


def write_a_file() -> None:
    os.open("/tmp/podwright-confined", os.O_WRONLY | os.O_CREAT)


def execute() -> None:
    os.execv("/usr/bin/true", ["true"])


def trace_parent() -> int:
    return call("ptrace", 16, os.getppid(), 0, 0)


BOTH = {
    "open /etc/shadow": lambda: os.open("/etc/shadow", os.O_RDONLY),
    "open /etc/passwd": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "open /proc/1/environ": lambda: os.open("/proc/1/environ", os.O_RDONLY),
    "open own memory": lambda: os.open("/proc/self/mem", os.O_RDWR),
    "write a file": write_a_file,
    "make a directory": lambda: os.mkdir("/tmp/podwright-confined"),
    "remove a file": lambda: os.unlink("/tmp/podwright-confined"),
    "execute": execute,
    "fork": os.fork,
    "trace its parent": trace_parent,
    "read its parent's memory": lambda: call("process_vm_readv", os.getppid(), None, 0, None, 0, 0),
    "signal its parent": lambda: os.kill(os.getppid(), 0),
    "become root": lambda: os.setresuid(0, 0, 0),
    "mount": lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "unshare": lambda: call("unshare", 0x10000000),
    "chroot": lambda: os.chroot("/tmp"),
    "make a Unix socket": make_unix_socket,
    "make a raw socket": make_raw_socket,
    "listen": listen,
    "change its limits": lambda: call("prlimit", 0, 7, None, None),
    "watch with bpf": lambda: call("syscall", 321, 0, None, 0),
    "use a keyring": lambda: call("syscall", 250, 0, 0, 0),
    "an io_uring": lambda: call("syscall", 425, 1, None),
}
ONLY_DECODER = {
    "make a TCP socket": make_tcp_socket,
    "look at a file": lambda: os.stat("/etc/passwd").st_size,
    "list a directory": lambda: os.listdir("/"),
    "open /etc/hosts": lambda: os.open("/etc/hosts", os.O_RDONLY),
    "open /dev/null": lambda: os.open("/dev/null", os.O_RDONLY),
    "executable memory": lambda: call("mprotect", ctypes.c_void_p(0), 0, 4),
}


@pytest.mark.threat("T42")
@pytest.mark.parametrize("what", [*BOTH, *ONLY_DECODER])
def test_a_decoder_cannot(what: str) -> None:
    assert refused({**BOTH, **ONLY_DECODER}[what])


@pytest.mark.threat("T42")
@pytest.mark.parametrize("what", BOTH)
def test_the_network_child_cannot(what: str) -> None:
    assert refused(BOTH[what], network=True)


def test_the_network_child_reads_what_names_and_tls_need_and_connects() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = server.getsockname()

        def work() -> list[Any]:
            with socket.create_connection(place, 5) as made:
                there = made.getpeername()
            found = socket.getaddrinfo("localhost", 80, socket.AF_INET, socket.SOCK_STREAM)
            return [there, found[0][4][0], bool(os.listdir("/etc/ssl/certs"))]

        assert told(work, network=True) == [list(place), "127.0.0.1", True]


@pytest.mark.parametrize("network", [False, True])
def test_it_is_not_root(network: bool) -> None:
    uid, gid = told(lambda: [os.getuid(), os.getgid()], network=network)
    assert uid != 0
    assert gid == confine.NOBODY


@pytest.fixture
def halted() -> Iterator[int]:
    """The pid of a confined child that waits, to be looked at from outside."""
    read_end, write_end = os.pipe()
    with confine.spawn(lambda: time.sleep(SPAWN_WAIT), pass_fds=(write_end,)) as child:
        status = Path(f"/proc/{child.pid}/status")
        deadline = time.monotonic() + SPAWN_WAIT
        while "Seccomp:\t2" not in status.read_text() and time.monotonic() < deadline:
            time.sleep(0.005)
        yield child.pid
    os.close(read_end)
    os.close(write_end)


def test_from_outside_it_has_no_groups_capabilities_or_descriptors_but_those_passed(
    halted: int,
) -> None:
    lines = Path(f"/proc/{halted}/status").read_text().splitlines()
    status = {key: text.strip() for key, _, text in (line.partition(":") for line in lines)}
    assert status["Groups"] == ""
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[capabilities], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    links = sorted(
        os.readlink(f"/proc/{halted}/fd/{fd}") for fd in os.listdir(f"/proc/{halted}/fd")
    )
    assert links[:3] == ["/dev/null"] * 3
    assert len(links) == 5, links  # the passed pipe, and the one that errors come by
    assert all(link.startswith("pipe:") for link in links[3:])
    assert os.stat(f"/proc/{halted}/mem").st_uid == 0  # not dumpable: hidden from its own user


def test_another_process_of_the_same_user_cannot_trace_it(halted: int) -> None:
    script = (
        "import ctypes,sys; libc=ctypes.CDLL(None,use_errno=True);"
        "libc.ptrace(16,int(sys.argv[1]),0,0); print(ctypes.get_errno())"
    )
    done = subprocess.run(
        ["/usr/bin/python3", "-IS", "-c", script, str(halted)],
        user=confine.NOBODY, group=confine.NOBODY, extra_groups=[], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert int(done.stdout) == errno.EPERM


def test_threads_memory_and_the_passed_descriptors_work() -> None:
    read_end, write_end = os.pipe()

    def work() -> int:
        total: list[int] = []
        thread = threading.Thread(target=lambda: total.append(len(bytearray(1 << 20))))
        thread.start()
        thread.join()
        return total[0] + len(os.read(read_end, 5))

    os.write(write_end, b"hello")
    try:
        assert told(work, read_end) == (1 << 20) + 5
    finally:
        os.close(read_end)
        os.close(write_end)


def failing(action: Callable[[], Any], **options: Any) -> PodwrightError:
    """The error that an action in a child ends with."""
    with pytest.raises(PodwrightError) as caught, confine.spawn(action, **options) as child:
        child.wait(SPAWN_WAIT)
    return caught.value


def test_its_error_arrives_as_it_was_raised() -> None:
    def work() -> None:
        raise ImageError("image x: is \x1b[1m bad", "mend it", object="x", reason="odd")

    err = failing(work)
    assert type(err) is ImageError
    assert (err.message, err.hint, err.object) == ("image x: is \\x1b[1m bad", "mend it", "x")
    assert (err.reason, err.stage) == ("odd", "render")


def test_too_much_memory_is_refused_and_said() -> None:
    err = failing(lambda: bytearray(1 << 30), memory=512 << 20)
    assert err.reason == "too-large", err.message
    assert "more memory" in err.message


def test_a_crash_is_an_error_that_names_the_signal() -> None:
    err = failing(lambda: ctypes.string_at(0))
    assert isinstance(err, HostError)
    assert "signal 11" in err.message


def test_one_that_does_not_end_is_killed_and_reaped() -> None:
    with confine.spawn(lambda: time.sleep(SPAWN_WAIT)) as child:
        with pytest.raises(HostError, match="did not end in time"):
            child.wait(0.05)
        with pytest.raises(ChildProcessError):
            os.waitpid(child.pid, os.WNOHANG)
        child.kill()  # once more does nothing


def test_it_dies_with_its_parent() -> None:
    script = (
        f"import sys; sys.path.insert(0, {str(CHECKOUT / 'agent')!r})\n"
        "import time\n"
        "from podwright.kernel import confine\n"
        "child = confine.spawn(lambda: time.sleep(60))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        watch = os.pidfd_open(pid)
        try:
            deadline = time.monotonic() + SPAWN_WAIT
            while "NoNewPrivs:\t1" not in Path(f"/proc/{pid}/status").read_text():
                assert time.monotonic() < deadline
            parent.send_signal(signal.SIGKILL)
            parent.wait()
            assert confine._ready(watch, time.monotonic() + SPAWN_WAIT)
        finally:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(watch, signal.SIGKILL)
            os.close(watch)


@pytest.mark.parametrize(
    "said",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"message": 1}', b'{"kind": "HostError"}',
        b'{"message": "x", "message": "y"}', b"[" * 10000, b'{"message": "x"' + b" " * 20000,
    ],
)  # fmt: skip
def test_what_is_no_error_is_an_error_of_the_child(said: bytes) -> None:
    err = confinederrors.decode(said, "the child")
    assert type(err) is HostError
    assert err.reason == "confined-child-failed"


@pytest.mark.parametrize(
    "kind", ["HostError", "Exception", "object", "TYPE_CHECKING", "__name__", 5]
)
def test_only_our_own_errors_come_back(kind: object) -> None:
    err = confinederrors.restore(
        {"kind": kind, "message": "m" * 5000, "reason": ["x"]}, "the child"
    )
    assert type(err) is HostError
    assert len(err.message) < 2100


def test_a_program_run_so_has_no_sockets_and_no_other_processes() -> None:
    script = """
import ctypes, socket
for make in (socket.socket, socket.socketpair,
             lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
             lambda: socket.socket(socket.AF_UNIX)):
    try:
        make()
        print("made")
    except PermissionError:
        print("refused")
libc = ctypes.CDLL(None, use_errno=True)
for number in (425, 434):  # io_uring_setup, pidfd_open
    print(libc.syscall(number, 1, 0), ctypes.get_errno())
"""
    done = subprocess.run(
        ["/usr/bin/python3", "-IS", "-c", script],
        preexec_fn=confine.before_program("/usr/bin"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["refused"] * 4 + ["-1 1"] * 2, done


def test_a_program_run_so_has_no_files_and_no_privilege(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o644)
    fd = os.memfd_create("data")
    script = f"id -u; cat /proc/self/fd/{fd}; cat {secret}; cat /etc/passwd; grep NoNew /proc/self/status"
    os.write(fd, b"data\n")
    os.lseek(fd, 0, os.SEEK_SET)
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        preexec_fn=confine.before_program("/bin"),
        pass_fds=(fd,), capture_output=True, text=True, check=False,
    )  # fmt: skip
    os.close(fd)
    lines = done.stdout.splitlines()
    assert lines[0] != "0"
    assert lines[1:] == ["data", "NoNewPrivs:\t1"]
    assert done.stderr.count("Permission denied") == 2
