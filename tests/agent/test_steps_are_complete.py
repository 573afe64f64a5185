# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What strace sees a verb change is what the verb announced as steps, so that crash tests leave no change out.

Each step of a verb that is counted writes a line to a file, which strace sees too. So a change that comes without a
line of the same process before it is one that nobody announced.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.agent.test_killed_in_teardown import GC
from tests.agent.test_run_again import run
from tests.conftest import Keys
from tests.support.agent import Agent

IMAGE = "example.com/tiny"
CHANGES = (
    *("rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat"),
    *("link", "linkat", "symlink", "symlinkat", "mknod", "mknodat", "chmod", "fchmod", "fchmodat"),
    *("chown", "fchown", "lchown", "fchownat", "utimensat", "truncate", "ftruncate", "setxattr"),
    *(
        "fsetxattr",
        "removexattr",
        "fremovexattr",
        "fsync",
        "fdatasync",
        "syncfs",
        "mount",
        "umount2",
    ),
    *(
        "move_mount",
        "open_tree",
        "fsmount",
        "mount_setattr",
        "pivot_root",
        "unshare",
        "openat",
        "openat2",
    ),
)
LINE = re.compile(r"^(?P<pid>\d+) +(?P<call>\w+)\((?P<rest>.*)\) += (?P<result>-?\d+)")
FOLLOWS = {
    # A file that is new, and what makes it complete before it has its name.
    "open": ("fchmod", "fsync", "ftruncate", "unlinkat", "unlink"),
    "mkdir": ("chmod", "fchmodat"),
    "mknod": ("chmod", "fchmodat"),
    "write": ("ftruncate",),
    "rename": ("unlink",),
    # One step for a tree that nobody else sees, or that is being removed.
    "copy": CHANGES,
    "remove": CHANGES,
    "rmdir": ("unlinkat", "unlink", "rmdir"),
}
"""What may come after a step besides what it announces: parts of the same act, between which nobody sees a state."""


@pytest.fixture
def stored(agent: Agent, signed_image: Callable[..., Path], lab: Keys) -> Agent:
    """The agent with an image in its store."""
    agent.trust(lab.key, "example.com")
    agent.ok("fetch", signed_image())
    return agent


def whole(lines: list[str]) -> Iterator[str]:
    """The lines of a trace, those that strace has cut in two put together."""
    begun: dict[str, str] = {}
    for line in lines:
        pid = line.partition(" ")[0]
        if line.endswith("<unfinished ...>"):
            begun[pid] = line.removesuffix("<unfinished ...>").rstrip()
        elif " resumed>" in line and pid in begun:
            yield begun.pop(pid) + line.partition(" resumed>")[2]
        else:
            yield line


def changes(trace: Path, counted: Path, shared: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """(step before it, call, arguments) of each change of shared state beyond the first after a step."""
    before: dict[str, str] = collections.defaultdict(str)
    used: dict[str, bool] = collections.defaultdict(bool)
    for line in whole(trace.read_text(errors="replace").splitlines()):
        found = LINE.match(line)
        if found is None or found["result"].startswith("-"):
            continue
        pid, call = found["pid"], found["call"]
        rest = re.sub(r'AT_FDCWD<[^>]*>, "/', '"/', found["rest"])
        if call == "write":
            if str(counted) in rest:
                before[pid], used[pid] = rest.split('"')[1].split(" ")[0], False
            continue
        if call in ("openat", "openat2") and "O_CREAT" not in rest:
            continue
        if str(counted) in rest or not any(place in rest for place in shared):
            continue
        if "/data/tmp/" in rest or call in ("open_tree", "fsmount", "unshare"):
            continue  # work that nobody sees before it is renamed
        if not before[pid] and "/data/cache" in rest:
            continue  # compiled modules, by a child that counts nothing: the next start writes them
        if not used[pid] and before[pid]:
            used[pid] = True
            continue
        yield before[pid], call, rest


VERBS: dict[str, Callable[[Agent], list[str]]] = {
    "prepare": lambda agent: ["prepare", "--quiet", IMAGE],
    "run": lambda agent: ["run", "--net=none", IMAGE, "--exec=/bin/true"],
    "run with a copy": lambda agent: ["run", "--net=none", "--no-overlay", IMAGE, "--exec=/bin/true"],
    "run with a network": lambda agent: ["run", IMAGE, "--exec=/bin/true"],
    "rm": lambda agent: ["rm", run(agent, "--net=none")],
    "gc": lambda agent: [run(agent, "--net=none") and GC[0], *GC[1:]],
    "run again": lambda agent: ["run-prepared", run(agent, "--net=none", exit=3)],
    "image rm": lambda agent: ["image", "rm", IMAGE],
}  # fmt: skip


@pytest.mark.threat("T83", "T85")
@pytest.mark.parametrize("verb", VERBS)
def test_what_strace_sees_was_announced(stored: Agent, tmp_path: Path, verb: str) -> None:
    words = VERBS[verb](stored)
    trace, counted = tmp_path / "trace", tmp_path / "steps"
    wanted = ",".join(("write", *CHANGES))
    strace = [
        "strace",
        "-f",
        "-y",
        "-s",
        "300",
        "-o",
        str(trace),
        f"--trace=?{wanted.replace(',', ',?')}",
    ]
    done = stored.host.run(
        [*strace, *stored.command, *words], env={"PODWRIGHT_FAULT": f"count@{counted}"}, timeout=120
    )
    assert done.exit in (0, 3), done
    shared = (str(stored.data), "/run/podwright", "/sys/fs/cgroup")
    silent = {
        (step, call, rest[:160])
        for step, call, rest in changes(trace, counted, shared)
        if call not in FOLLOWS.get(step, ())
    }
    assert silent == set()
    assert len(counted.read_text().splitlines()) > 3
