# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which system calls an app can really make, each one tried (threats.md T68)."""

from __future__ import annotations

import ctypes
import platform
from pathlib import Path

import pytest

from podwright.stage1.namespaces.seccomp import NARROW
from tests.agent.launch_bed import USR, Bed, app, isolator, python, sh
from tests.support.private_host import PrivateHost

GOLDEN = Path(__file__).parents[1] / "unit/stage1/golden"

# Each number is called in a child with arguments that no call accepts, and the answer is told apart by errno: a
# filter says EPERM or ENOSYS, the kernel says anything else, or the same by chance, so both are compared with what the
# same call answers without a filter. Calls that never return or end the process are left out.
TRY = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
for number in range(int(sys.argv[1]), int(sys.argv[2])):
    if number in (15, 34, 57, 58, 60, 61, 130, 219, 231, 247):
        print(number, "skipped")
        continue
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        ctypes.set_errno(0)
        bad = ctypes.c_long(-1)
        result = libc.syscall(ctypes.c_long(number), bad, bad, bad, bad, bad, bad)
        os.write(write, str(ctypes.get_errno() if result == -1 else 0).encode())
        os._exit(0)
    os.close(write)
    answer = os.read(read, 20).decode()
    os.close(read)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(number, answer or f"ended {status}")
"""
EPERM, ENOSYS = "1", "38"
UNFILTERED = (335, 336)
"""uretprobe and uprobe: since Linux 6.14 no filter sees them; outside a probe they end the process."""

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="numbers are those of x86-64"
)


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


def golden() -> set[str]:
    """Names of the calls that are allowed by default."""
    lines = (GOLDEN / "syscalls-x86_64.txt").read_text().splitlines()
    return {line for line in lines if not line.startswith("#")}


def number_of() -> dict[str, int]:
    """Names to numbers, by libseccomp."""
    lib = ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_syscall_resolve_num_arch.restype = ctypes.c_void_p
    found = {}
    for number in range(512):
        text = lib.seccomp_syscall_resolve_num_arch(ctypes.c_uint32(0xC000003E), number)
        if text:
            found[(ctypes.cast(text, ctypes.c_char_p).value or b"").decode()] = number
    return found


def answers(bed: Bed, low: int, high: int, insecure: list[str]) -> dict[int, str]:
    """What each number answers in a pod."""
    code = TRY.replace("sys.argv[1]", str(low)).replace("sys.argv[2]", str(high))
    text = bed.python(code, insecure=insecure)
    return {int(line.split(" ", 1)[0]): line.split(" ", 1)[1] for line in text.splitlines()}


def test_every_number_is_allowed_refused_or_unknown_as_the_golden_list_says(bed: Bed) -> None:
    filtered = answers(bed, 0, 512, [])
    open_ = answers(bed, 0, 512, ["seccomp"])
    allowed = golden()
    numbers = number_of()
    names = {number: name for name, number in numbers.items()}
    wrong = []
    for number, answer in filtered.items():
        name = names.get(number)
        if name in allowed and name not in NARROW:
            expected = open_[number]
        elif name in allowed or answer == "skipped" or number in UNFILTERED:
            continue
        else:
            expected = ENOSYS if name is None or name == "clone3" else EPERM
        if answer != expected:
            wrong.append((number, name, answer, expected))
    assert wrong == []
    assert len(allowed) <= 269
    assert len(filtered) == 512


CASES = [
    ("clone in a new user namespace", "c(56, 0x10000000 | 17, 0, 0, 0, 0)", 1),
    ("clone in a new pid namespace", "c(56, 0x20000000 | 17, 0, 0, 0, 0)", 1),
    ("clone in a new mount namespace", "c(56, 0x00020000 | 17, 0, 0, 0, 0)", 1),
    ("clone3", "c(435, 0, 0)", 38),
    ("unshare", "c(272, 0x10000000)", 1),
    ("AF_ALG", "c(41, 38, 5, 0)", 1),
    ("AF_VSOCK", "c(41, 40, 1, 0)", 1),
    ("AF_PACKET", "c(41, 17, 3, 0)", 1),
    ("AF_ALG with high bits", "c(41, (1 << 32) | 38, 5, 0)", 1),
    ("AF_KEY", "c(41, 15, 3, 2)", 1),
    ("TIOCSTI", "c(16, 0, 0x5412, 0)", 1),
    ("TIOCSTI with high bits", "c(16, 0, (1 << 32) | 0x5412, 0)", 1),
    ("TIOCLINUX", "c(16, 0, 0x541c, 0)", 1),
    ("another ioctl", "c(16, 0, 0x541b, 0)", 25),
    ("READ_IMPLIES_EXEC", "c(135, 0x0400000)", 1),
    ("ADDR_NO_RANDOMIZE", "c(135, 0x0040000)", 1),
    ("asking for the personality", "c(135, 0xffffffff)", 0),
    ("keyctl", "c(250, 0, -3, 0)", 1),
    ("bpf", "c(321, 0, 0, 0)", 1),
    ("userfaultfd", "c(323, 0)", 1),
    ("io_uring", "c(425, 1, 0)", 1),
    ("ptrace", "c(101, 0, 0, 0, 0)", 1),
    ("mount", "c(165, 0, 0, 0, 0, 0)", 1),
    ("a number of the x32 ABI", "c(0x40000000 | 39)", 38),
    ("a number from the future", "c(900)", 38),
]
CALL = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def c(*arguments):
    result = libc.syscall(*(ctypes.c_long(argument) for argument in arguments))
    return ctypes.get_errno() if result == -1 else 0
"""


def test_arguments_that_matter_are_looked_at(bed: Bed) -> None:
    code = CALL + "".join(f"print({call})\n" for _, call, _ in CASES)
    got = [int(line) for line in bed.python(code).split()]
    wrong = [
        (what, found)
        for (what, _, expected), found in zip(CASES, got, strict=True)
        if found != expected
    ]
    assert wrong == []


@pytest.mark.kernel
@pytest.mark.parametrize("family", ["AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"])
def test_ordinary_sockets_work(bed: Bed, family: str) -> None:
    kind = "SOCK_RAW" if family == "AF_NETLINK" else "SOCK_STREAM"
    assert bed.python(f"import socket as s; s.socket(s.{family}, s.{kind}); print('ok')") == "ok\n"


@pytest.mark.kernel
def test_raw_packets_need_their_capability(bed: Bed) -> None:
    retain = isolator("os/linux/capabilities-retain-set", {"set": ["CAP_NET_RAW"]})
    assert (
        bed.python(
            "import socket as s; s.socket(s.AF_PACKET, s.SOCK_RAW); print('ok')", isolators=[retain]
        )
        == "ok\n"
    )


@pytest.mark.kernel
def test_an_i386_call_is_no_way_around(bed: Bed) -> None:
    # mov eax, 20 (getpid); int 0x80; ret
    code = """
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(b"\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3")
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
print(ctypes.CFUNCTYPE(ctypes.c_int)(address)(), flush=True)
"""
    pod = python("app", code, tree=bed.python_tree())
    ended = bed.run(pod, volumes=[USR])
    assert (ended.outcome, ended.stdout) == ([128 + 31, "failed"], "")


@pytest.mark.kernel
def test_threads_processes_and_exec_work(bed: Bed) -> None:
    code = """
import threading, subprocess
done = []
thread = threading.Thread(target=lambda: done.append(1)); thread.start(); thread.join()
print(done, subprocess.run(["/bin/echo", "x"], capture_output=True).stdout)
"""
    assert bed.python(code) == "[1] b'x\\n'\n"


def seccomp(kind: str, *names: str, errno: str = "") -> dict[str, object]:
    """A seccomp isolator."""
    return isolator(
        f"os/linux/seccomp-{kind}-set", {"set": list(names), **({"errno": errno} if errno else {})}
    )


@pytest.mark.kernel(brief=True)
def test_a_removed_call_kills_unless_an_errno_is_named(bed: Bed) -> None:
    script = "mkdir /x; echo after"
    killed = bed.run(
        app("app", "/bin/mkdir", "/x", isolators=[seccomp("remove", "mkdir", "mkdirat")])
    )
    refused = bed.run(
        sh("app", script, isolators=[seccomp("remove", "mkdir", "mkdirat", errno="ENOSPC")])
    )
    assert killed.outcome == [128 + 31, "failed"]
    assert refused.stdout == "after\n"
    assert "No space left" in refused.stderr


@pytest.mark.kernel
def test_a_retained_set_allows_only_itself(bed: Bed) -> None:
    keep = seccomp("retain", "@rkt/default-whitelist", "ptrace", errno="EPERM")
    code = CALL + "print(c(101, 0, 0, 0, 0), c(250, 0, -3, 0), c(41, 38, 5, 0))"
    assert bed.python(code, isolators=[keep]).split() == ["0", "1", "1"]


@pytest.mark.kernel
def test_everything_can_be_retained_explicitly(bed: Bed) -> None:
    assert (
        bed.says(
            "grep Seccomp: /proc/self/status", isolators=[seccomp("retain", "@appc.io/all")]
        ).split()[1]
        == "0"
    )


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["@no/such"], "app app: unknown group of system calls '@no/such'"),
        (["no_such_call"], "app app: unknown system call 'no_such_call' in its seccomp isolator"),
    ],
)
@pytest.mark.parametrize("kind", ["retain", "remove"])
def test_an_unknown_name_is_refused(bed: Bed, kind: str, names: list[str], says: str) -> None:
    ended = bed.run(sh("app", "echo never", isolators=[seccomp(kind, *names)]))
    assert ended.refused.startswith(says)
    assert ended.stdout == ""


@pytest.mark.kernel
def test_the_compiled_filter_is_kept_and_a_tampered_one_is_not_used(bed: Bed) -> None:
    look = "grep Seccomp: /proc/self/status"
    cache = bed.base / "data/cache/seccomp"
    assert bed.says(look).split()[1] == "2"
    [kept] = cache.iterdir()
    good = kept.read_bytes()
    assert (cache.stat().st_mode & 0o777, kept.stat().st_mode & 0o777) == (0o700, 0o600)
    allow_all = b"\x06\x00\x00\x00\x00\x00\xff\x7f"
    for bad in (allow_all, allow_all + good[-64:], good[:-72], b""):
        kept.write_bytes(bad)
        assert bed.says("mkdir /proc/x 2>/dev/null; " + look).split()[1] == "2"
        assert kept.read_bytes() == good
    kept.chmod(0o666)
    assert bed.says(look).split()[1] == "2"
    assert kept.stat().st_mode & 0o777 == 0o600
