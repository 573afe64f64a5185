# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry points of a stage1 image as files, and how one is executed.

They run on the host, as root, outside of any root of their own; but they are looked up inside the stage1's
root, so that no link in it leads to a program of the host. What they were when the pod started is written
down beside the root, and what has been changed since is not executed.
"""

from __future__ import annotations

import errno
import os
import stat

from podwright import jsonio
from podwright.errors import HostError, LaunchError, UsageError
from podwright.kernel import beneath, fs, process, signals
from podwright.kernel.step import step
from podwright.stage1.external import contract
from podwright.stage1.external.roots import ROOT
from podwright.stage1.namespaces.follow import FORWARDED
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from podwright.stage1.external.contract import Contract

MANIFEST, PROGRAMS = "stage1/manifest", "stage1/programs"
RULES = beneath.IN_ROOT | beneath.NO_MAGICLINKS | beneath.NO_XDEV
PIECE = 1 << 20
MOST = 1 << 30
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PASSED = ("TERM", "LANG", "TZ")
RESERVED = (
    *("RKT_LOCK_FD", "RKT_SELINUX_CONTEXT", "RKT_SELINUX_MOUNT_CONTEXT"),
    *("RKT_STAGE1_ENTERCMD", "RKT_STAGE1_ENTERPID", "RKT_STAGE1_ENTERAPP"),
)


@value
class Program:
    """An entry point: its path inside the stage1's root, free of links, and the SHA-512 of what it is."""

    path: str
    digest: str


def find(pod_dir: str, stage1: Contract) -> dict[str, Program]:
    """Look up every entry point in the pod's stage1 root. Raises LaunchError."""
    return {name: _find(pod_dir, stage1.name, name, path) for name, path in stage1.points.items()}


def _find(pod_dir: str, stage1: str, point: str, path: str) -> Program:
    top = os.open(f"{pod_dir}/{ROOT}", beneath.DIRECTORY)
    try:
        fd = beneath.open_at(top, path.lstrip("/"), os.O_RDONLY | os.O_NONBLOCK, RULES)
        try:
            root = os.readlink(f"/proc/self/fd/{top}")
            found = os.readlink(f"/proc/self/fd/{fd}")
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode) or not info.st_mode & 0o111:
                raise OSError(errno.EACCES, "it is no executable file")
            if not found.startswith(f"{root}/"):
                raise OSError(errno.EXDEV, "it leads out of the image")
            return Program(found[len(root) :], _digest(fd))
        finally:
            os.close(fd)
    except OSError as err:
        raise LaunchError(
            f"stage1 {safe(stage1, 200)}: its entry point {point} ({safe(path, 200)}) cannot be used:"
            f" {safe(err.strerror, 100)}",
            "it must be an executable file of the image",
            object=stage1,
        ) from None
    finally:
        os.close(top)


def _digest(fd: int) -> str:
    import hashlib

    made = hashlib.sha512()
    size = 0
    while data := os.read(fd, PIECE):
        made.update(data)
        size += len(data)
        if size > MOST:
            raise OSError(errno.EFBIG, "it is too large")
    return made.hexdigest()


def record(pod_dir: str, manifest: object, programs: dict[str, Program]) -> None:
    """Write down the image's manifest, and what its programs are."""
    texts = {
        MANIFEST: manifest,
        PROGRAMS: {name: [each.path, each.digest] for name, each in programs.items()},
    }
    for name, what in texts.items():
        data = jsonio.dumps(what).encode()
        fs.write_atomic(f"{pod_dir}/{name}", data, 0o644)  # else a crash might leave it empty


def is_external(pod_dir: str) -> bool:
    """Whether a pod was started by a stage1 image of somebody else."""
    return os.path.lexists(f"{pod_dir}/{PROGRAMS}")


def contract_of(pod_dir: str) -> Contract:
    """What the stage1 of a started pod declares. Raises LaunchError for a record that is damaged."""
    from podwright.model.image import parse_image

    try:
        manifest = parse_image(_recorded(pod_dir, MANIFEST))
    except UsageError as err:
        raise _damaged(MANIFEST, err) from None
    return contract.parse(manifest.name, manifest.annotations)


def _recorded(pod_dir: str, name: str) -> dict[str, Any]:
    """A JSON object that `record` has written."""
    try:
        raw = jsonio.loads(beneath.read_regular(pod_dir, name, jsonio.MAX_BYTES), "its content")
    except (OSError, UsageError) as err:
        raise _damaged(name, err) from None
    if not isinstance(raw, dict):
        raise _damaged(name, "it is no object")
    return raw


def _damaged(name: str, why: object) -> LaunchError:
    text = why.strerror if isinstance(why, OSError) else why
    return LaunchError(
        f"the pod's record {name} cannot be used: {safe(text, 200)}",
        "without it no entry point of the pod's stage1 is executed",
        object=name,
        reason="damaged",
    )


def known(pod_dir: str, stage1: Contract, point: str) -> str:
    """The path by which to execute an entry point of a started pod, whose root is mounted here.

    Raises LaunchError for one that has changed since.
    """
    written = _recorded(pod_dir, PROGRAMS)
    declared = stage1.points[point]
    now = _find(pod_dir, stage1.name, point, declared)
    if [now.path, now.digest] != written.get(point):
        raise LaunchError(
            f"stage1 {safe(stage1.name, 200)}: its entry point {point} is not what it was when the"
            " pod started, and is not executed",
            "something in the pod can write to its stage1",
            object=stage1.name,
            reason="changed",
        )
    found, meant = f"{pod_dir}/{ROOT}{now.path}", f"{pod_dir}/{ROOT}{declared}"
    # A program may go by its name; a link that means something else to the host has none.
    return meant if os.path.realpath(meant) == os.path.realpath(found) else found


def environment(given: dict[str, str]) -> dict[str, str]:
    """The variables of an entry point: few of ours, those of the operator for stage1s, and `given`."""
    ours = {
        name: text
        for name, text in os.environ.items()
        if name in PASSED or (name.startswith("RKT_") and name not in RESERVED)
    }
    return {"PATH": PATH, **ours, **given}


def spawn(
    find: Callable[[], tuple[str, ...]],
    variables: dict[str, str],
    cwd: str,
    keep: frozenset[int] = frozenset(),
) -> int:
    """Execute a program in a child; returns its pid.

    find   called in the child: makes descriptors 0-2, groups and mounts what they are to be, and gives the
           program with its arguments, or () when there is nothing to execute
    keep   further descriptors that it inherits
    It gets SIGKILL when we die. Raises what `find` raises, and LaunchError when it cannot be executed.
    """
    from podwright.kernel import confinederrors

    reader, writer = os.pipe()
    ours = os.getpid()
    before = signals.pthread_sigmask(signals.SIG_BLOCK, range(1, 32))
    pid = os.fork()
    if pid == 0:
        try:
            _reset_signals()
            process.die_with_parent()
            if os.getppid() != ours:
                os._exit(254)
            argv = find()
            if not argv:
                os._exit(0)
            process.close_all_but(keep | {writer})
            for fd in keep:
                os.set_inheritable(fd, True)
            os.chdir(cwd)
            signals.pthread_sigmask(signals.SIG_SETMASK, before)
            _execute(argv, variables)
        except BaseException as err:
            confinederrors.send(writer, err)
        finally:
            os._exit(254)
    signals.pthread_sigmask(signals.SIG_SETMASK, before)
    os.close(writer)
    try:
        why = os.read(reader, confinederrors.MAX_BYTES)
    finally:
        os.close(reader)
    if why:
        os.waitpid(pid, 0)
        raise confinederrors.decode(why, "the stage1 image")
    return pid


def _execute(argv: tuple[str, ...], variables: dict[str, str]) -> NoReturn:
    try:
        os.execve(argv[0], list(argv), variables)
    except OSError as err:
        raise LaunchError(
            f"{safe(argv[0], 300)} cannot be executed: {err.strerror}",
            "it runs on the host: an interpreter or loader that it names must be there, too",
            object=argv[0],
        ) from None


def _reset_signals() -> None:
    """As a program expects them: Python ignores some."""
    for number in (*FORWARDED, signals.SIGCHLD, signals.SIGURG, signals.SIGPIPE, signals.SIGXFSZ):
        signals.signal(number, signals.SIG_DFL)


def join(files: tuple[str, ...]) -> None:
    """Join control groups."""
    for path in files:
        try:
            step("write")
            with open(path, "w", encoding="ascii") as file:
                file.write("0")
        except OSError as err:
            raise HostError(f"{path}: {err.strerror}", object=path) from err
