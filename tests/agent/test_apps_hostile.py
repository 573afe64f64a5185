# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apps that are out for their pod's PID 1: through what it reads, waits for and is sent (threats.md T78, T79)."""

from __future__ import annotations

import signal
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.agent.enter_bed import LIVE, House
from tests.agent.launch_bed import USR, Bed, app, python, sh
from tests.support.private_host import PrivateHost


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


@pytest.fixture
def house(bed: Bed) -> House:
    return House(bed)


def polyglot() -> bytes:
    """The kernel sees a 32-bit program without its linker; as a 64-bit one its table is at 2^64-1."""
    data = bytearray(4096)
    data[0:16] = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    struct.pack_into(
        *("<HHIIIIIHHHHHH", data, 16),
        *(2, 3, 1, 0x8048000, 64, 0xFFFFFFFF, 0xFFFFFFFF, 52, 32, 1, 1, 0, 0),
    )
    struct.pack_into("<HH", data, 54, 0, 1)
    linker = b"/nonexistent\0"
    struct.pack_into("<8I", data, 64, 3, 256, 0x8048100, 0x8048100, len(linker), len(linker), 4, 1)
    data[256 : 256 + len(linker)] = linker
    return bytes(data)


def test_a_program_with_an_impossible_header_ended_the_pod(house: House) -> None:
    tree = house.bed.tree()
    (tree / "evil").write_bytes(polyglot())
    (tree / "evil").chmod(0o755)
    with house.start(sh("app", LIVE, tree=tree)) as pod:
        refused = house.enter(pod, "/evil")
        assert (refused.exit, "cannot execute /evil" in refused.stderr) == (203, True), refused
        assert house.says(pod, "echo here") == "here\n"


def test_an_app_whose_program_became_impossible_ended_the_other_apps(bed: Bed) -> None:
    tree = bed.tree()
    work = tree / "w"
    work.mkdir(mode=0o777)
    work.chmod(0o777)
    (tree / "evil").write_bytes(polyglot())
    (work / "p").write_text("#!/bin/sh\ncp /evil /w/q; chmod 755 /w/q; mv /w/q /w/p; exit 1\n")
    (work / "p").chmod(0o755)
    evil = app("evil", "/w/p", tree=tree, user="1000", group="1000", life={"restart": "always"})
    ended = bed.run(evil, sh("other", "sleep 2; exit 7"), exit_policy="app:other", backoff=0.05)
    assert (ended.outcome, ended.refused) == ([7, "failed"], "")
    assert any("cannot execute /w/p" in note for note in ended.notes), ended


SWAP = r"""
import ctypes, fcntl, os, threading, time
m = os.open("/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY)
fcntl.ioctl(m, 0x40045431, (0).to_bytes(4, "little"))
n = int.from_bytes(fcntl.ioctl(m, 0x80045430, bytes(4)), "little")
os.chdir("/w")
open("p", "w").write("#!/nope\n")
os.chmod("p", 0o755)
os.symlink(f"/dev/pts/{n}", "b")
os.mkdir("d")
libc = ctypes.CDLL(None)
def swap():
    while True:
        libc.renameat2(-100, b"p", -100, b"b", 2)
threading.Thread(target=swap, daemon=True).start()
open("/dev/shm/up", "w").close()
while True:
    time.sleep(1)
"""


def test_a_program_exchanged_for_a_terminal_ended_the_pod_or_gave_it_one(house: House) -> None:
    tree = house.bed.python_tree()
    (tree / "w").mkdir()
    (tree / "w").chmod(0o777)
    with house.start(python("app", SWAP, tree=tree), volumes=[USR]) as pod:
        codes = {house.enter(pod, "/w/p").exit for _ in range(40)}
        assert codes <= {203, 254}
        stat = house.says(pod, "cat /proc/1/stat").rpartition(")")[2].split()
        assert stat[4] == "0", "no controlling terminal"


def test_a_command_that_cannot_be_executed_ended_the_pod(house: House) -> None:
    tree = house.bed.tree({"bad": "garbage"})
    (tree / "bad").chmod(0o755)
    with house.start(sh("app", LIVE, tree=tree)) as pod:
        assert {house.enter(pod, "/bad").exit for _ in range(40)} == {203}
        assert house.says(pod, "echo here") == "here\n"


HOLD = r"""
import os, signal, time
open("/dev/shm/up", "w").close()
while True:
    top = max(int(name) for name in os.listdir("/proc") if name.isdigit())
    for _ in range(2000):
        for p in (top + 1, top + 2):
            try:
                os.kill(p, signal.SIGSTOP)
            except OSError:
                continue
            try:
                ours = open(f"/proc/{p}/comm").read().startswith("podwright")
            except OSError:
                continue
            if ours:
                print("held", flush=True)
                open("/dev/shm/held", "w").close()
                while True:
                    time.sleep(1)
            os.kill(p, signal.SIGCONT)
"""


def test_a_pod_whose_app_stopped_a_starting_one_could_not_be_stopped(bed: Bed) -> None:
    evil = python("evil", HOLD, tree=bed.python_tree())
    victim = sh("victim", "sleep 0.2; exit 1", life={"restart": "always"})
    watch = sh("watch", "until [ -e /dev/shm/held ]; do sleep 0.05; done; exec sleep 1000")
    ready = {"exec": ["/bin/test", "-e", "/dev/shm/held"], "app": "watch", "interval": 0.1}
    options = {"exit_policy": "all-ended", "backoff": 0.02, "stop_timeout": 1}
    with bed.start(evil, victim, watch, volumes=[USR], ready=ready, **options) as pod:
        pod.wait_until(lambda: held(bed), "a child was held")
        pod.signal(signal.SIGTERM)
        ended = pod.ended()
    assert (ended.outcome[1], "held" in ended.stdout) == ("stopped", True), ended


def held(bed: Bed) -> str:
    """Whether the pod's app has made /dev/shm/held, seen from the host."""
    script = "for p in /proc/[0-9]*; do [ -e $p/root/dev/shm/held ] && echo held; done; true"
    return bed.host.run(["sh", "-c", script]).stdout


LEASE = r"""
import fcntl, os, shutil, signal, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
shutil.copy("/bin/busybox", "/w/new")
os.chmod("/w/new", 0o755)
fd = os.open("/w/new", os.O_RDONLY)
os.rename("/w/new", "/w/probe")
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("leased", flush=True)
while True:
    time.sleep(1)
"""


def test_a_pod_whose_probe_was_leased_missed_its_time_and_could_not_be_stopped(bed: Bed) -> None:
    tree = bed.python_tree()
    (tree / "w").mkdir()
    (tree / "w").chmod(0o777)
    evil = python("app", LEASE, tree=tree, user="1000", group="1000")
    ready = {"exec": ["/w/probe"], "app": "app", "interval": 0.2, "timeout": 3}
    with bed.start(evil, volumes=[USR], ready=ready, stop_timeout=1) as pod:
        ended = pod.ended()
    assert ended.outcome[1] == "not-ready", ended
    assert "leased" in ended.stdout


SIGNALS = r"""
import ctypes, os, signal, time
libc = ctypes.CDLL(None)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1):
    os.kill(1, number)
    info = (ctypes.c_int * 32)(number, 0, -1)  # SI_QUEUE, from pid 0, uid 0
    libc.syscall(129, 1, number, info)
time.sleep(1)
"""


@pytest.mark.parametrize("private_users", ["true", "false"])
def test_an_app_stopped_its_pod_and_signalled_other_apps(bed: Bed, private_users: str) -> None:
    evil = python("evil", SIGNALS, tree=bed.python_tree())
    script = "trap 'exit 9' USR1 HUP TERM INT; for i in 1 2 3 4 5 6 7 8 9; do sleep 0.3; done"
    options: dict[str, Any] = {
        "volumes": [USR],
        "exit_policy": "all-ended",
        "private_users": private_users,
    }
    ended = bed.run(evil, sh("other", script), **options)
    assert (ended.outcome, dict(ended.apps)) == ([0, "exited"], {"evil": 0, "other": 0}), ended
    with House(bed).start(sh("other", f"trap 'exit 9' USR1; {LIVE}"), **options) as pod:
        pod.signal(signal.SIGUSR1)
        assert pod.ended().apps == {"other": 9}


LIMITS = r"""
import resource
print(resource.prlimit(1, resource.RLIMIT_NOFILE)[0] > 3)
resource.prlimit(0, resource.RLIMIT_CORE, (0, 0))
try:
    resource.prlimit(1, resource.RLIMIT_NOFILE, (3, 3))
    print("set")
except PermissionError:
    print("refused")
"""


def test_an_app_set_the_limits_of_pid_1(bed: Bed) -> None:
    evil = python("app", LIMITS, tree=bed.python_tree())
    assert bed.run(evil, volumes=[USR]).stdout == "True\nrefused\n"
    unfiltered = {"name": "os/linux/seccomp-retain-set", "value": {"set": ["@appc.io/all"]}}
    control = python("app", LIMITS, tree=bed.python_tree(), isolators=[unfiltered])
    assert bed.run(control, volumes=[USR]).stdout == "True\nset\n"


FLOOD = r"""
import os, time
open("/dev/shm/up", "w").close()
fds = {}
while True:
    for n in os.listdir("/dev/pts"):
        if n != "ptmx" and n not in fds:
            try:
                fds[n] = os.open("/dev/pts/" + n, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            except OSError:
                pass
    for n, fd in list(fds.items()):
        try:
            os.write(fd, b".")
        except BlockingIOError:
            pass
        except OSError:
            os.close(fds.pop(n))
    time.sleep(0.005)
"""


def test_an_app_that_kept_writing_kept_the_terminal_of_who_entered(house: House) -> None:
    evil = python("app", FLOOD, tree=house.bed.python_tree())
    with house.start(evil, volumes=[USR]) as pod:
        shown = house.at_terminal(pod, [], "/bin/sh", "-c", "sleep 0.5; echo done; exit 3")
    assert (shown.exit, "done" in shown.stdout, "." in shown.stdout) == (3, True, True), shown
