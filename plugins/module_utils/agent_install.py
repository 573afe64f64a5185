# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Install the agent's files on this host: first the list of what differs, then the changes.

    /usr/bin/podwright -> ../lib/podwright/bin/podwright
    /usr/lib/podwright/bin -> agent-0123456789ab/bin
    /usr/lib/podwright/agent-0123456789ab/{bin,podwright}

Everything else in /usr/lib/podwright is not ours: packages may ship keys and settings there.
"""

from __future__ import annotations

import grp
import os
import shutil
import stat
import subprocess
import tempfile
from typing import Callable, NamedTuple, Optional

from ansible_collections.podwright.fleet.plugins.module_utils import agent_tree, agent_units

TREE = "/usr/lib/podwright"
PROGRAM = "/usr/bin/podwright"
LINK = "../lib/podwright/bin/podwright"
CONFIG = "/etc/podwright"
DATA = "/var/lib/podwright"
CERTIFICATES = f"{CONFIG}/ca.d/ansible.pem"
PYTHON = "/usr/bin/python3"
VERSION = "agent-"
STAGING = ".new-"
GROUPS = ("podwright", "podwright-admin")
DIRECTORIES = (
    (TREE, 0o755, "root"),
    (CONFIG, 0o755, "root"),
    (f"{CONFIG}/auth.d", 0o750, "podwright"),
    (f"{CONFIG}/ca.d", 0o755, "root"),
    (f"{CONFIG}/paths.d", 0o755, "root"),
    (f"{CONFIG}/stage1.d", 0o755, "root"),
    (f"{CONFIG}/trustedkeys", 0o755, "root"),
    (f"{CONFIG}/trustedkeys/prefix.d", 0o755, "root"),
    (f"{CONFIG}/trustedkeys/root.d", 0o755, "root"),
    (DATA, 0o2750, "podwright"),
)


class InstallError(Exception):
    """What cannot be done, and why, in one sentence."""


class NeedsArchive(Exception):
    """The host has other files, and the archive with the right ones was not given."""


class Change(NamedTuple):
    """Something that differs: what it is, and how to make it right."""

    what: str
    before: str
    after: str
    make: Callable[[], None]


class Wanted(NamedTuple):
    """What should be there; `archive` is None as long as nobody knows that it is needed."""

    content_hash: str
    archive: Optional[str]
    ca_certificates: list[str]
    systemd: bool


def systemd_runs() -> bool:
    """Whether systemd is this host's init (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def install(wanted: Wanted) -> list[Change]:
    """What must change for the agent to be as wanted, in order. Changes nothing.

    Raises NeedsArchive and InstallError.
    """
    changes = [_new_group(name) for name in GROUPS if not _has_group(name)]
    changes += [change for place in DIRECTORIES for change in _directory(*place)]
    changes += _tree(wanted.content_hash, wanted.archive)
    changes += _link()
    pem = "".join(text.strip() + "\n" for text in wanted.ca_certificates)
    changes += _file(CERTIFICATES, pem) if pem else _no_file(CERTIFICATES)
    for path, content in agent_units.FILES.items():
        changes += _file(path, content) if wanted.systemd else _no_file(path)
    return changes


def remove(data: bool) -> list[Change]:
    """What must change for the agent to be gone, in order. Changes nothing.

    Raises InstallError when something is still mounted in what would be removed.
    """
    changes = [change for path in agent_units.FILES for change in _no_file(path)]
    changes += _no_file(PROGRAM)
    changes += _no_tree()
    if not data:
        return changes
    changes += _no_directory(DATA) + _no_directory(CONFIG)
    return changes + [_old_group(name) for name in GROUPS if _has_group(name)]


def _has_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _new_group(name: str) -> Change:
    return Change(f"group {name}", "absent", "present", lambda: _run("groupadd", "--system", name))


def _old_group(name: str) -> Change:
    return Change(f"group {name}", "present", "absent", lambda: _run("groupdel", name))


def _directory(path: str, mode: int, group: str) -> list[Change]:
    after = f"directory {mode:04o} root:{group}"
    try:
        info = os.lstat(path)
    except FileNotFoundError:
        before = "absent"
    else:
        if not stat.S_ISDIR(info.st_mode):
            raise InstallError(f"{path} is not a directory; move it away and run this again")
        before = f"directory {stat.S_IMODE(info.st_mode):04o} {info.st_uid}:{info.st_gid}"
        if _has_group(group) and info.st_uid == 0 and info.st_gid == grp.getgrnam(group).gr_gid:
            before = f"directory {stat.S_IMODE(info.st_mode):04o} root:{group}"
    if before == after:
        return []

    def make() -> None:
        os.makedirs(path, 0o755, exist_ok=True)
        os.chown(path, 0, grp.getgrnam(group).gr_gid)
        os.chmod(path, mode)

    return [Change(path, before, after, make)]


def _tree(content_hash: str, archive: str | None) -> list[Change]:
    current = _current()
    present = agent_tree.digest(os.path.join(TREE, current), installed=True) if current else ""
    if present == content_hash:
        return []
    if archive is None:
        raise NeedsArchive
    source = archive
    return [
        Change(
            f"{TREE}/bin",
            present or "absent",
            content_hash,
            lambda: _new_version(source, content_hash, current),
        )
    ]


def _current() -> str:
    """Name of the version that is in use, or ""."""
    try:
        return os.path.dirname(os.readlink(f"{TREE}/bin"))
    except FileNotFoundError:
        return ""
    except OSError:
        raise InstallError(
            f"{TREE}/bin is there and not a link; move it away and run this again"
        ) from None


def _new_version(archive: str, content_hash: str, old: str) -> None:
    """Unpack and compile beside the version in use, then switch the link to it.

    An interrupted run leaves the old version in use. The old one stays: supervisors of running
    pods have loaded only a part of it. It goes with the first upgrade after the next boot.
    """
    for name in os.listdir(TREE):
        if name.startswith(STAGING) or (name.startswith(VERSION) and unused(name, old)):
            shutil.rmtree(os.path.join(TREE, name))
    name = _free_name(VERSION + content_hash[:12])
    staging = tempfile.mkdtemp(prefix=STAGING, dir=TREE)
    try:
        agent_tree.unpack(archive, staging)
    except agent_tree.TreeError as error:
        raise InstallError(str(error)) from None
    if agent_tree.digest(staging, installed=True) != content_hash:
        raise InstallError("the agent's files did not arrive intact; run this again")
    _run(PYTHON, "-IS", "-m", "compileall", "-q", "-s", staging, "-p", f"{TREE}/{name}", staging)
    os.chmod(staging, 0o755)
    os.rename(staging, f"{TREE}/{name}")
    _point(f"{TREE}/bin", f"{name}/bin")
    if old:
        os.utime(f"{TREE}/{old}")


def _free_name(wanted: str) -> str:
    """`wanted`, or with a number behind it if a version of that name is there already."""
    taken = os.listdir(TREE)
    names = [wanted, *(f"{wanted}-{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def unused(name: str, current: str) -> bool:
    """Whether a version was replaced before the host booted, so that no process has it loaded."""
    with open("/proc/stat", encoding="ascii") as stream:
        booted = next(int(line.split()[1]) for line in stream if line.startswith("btime "))
    return name != current and os.lstat(os.path.join(TREE, name)).st_mtime < booted


def _point(link: str, target: str) -> None:
    """Make a link point to `target` in one step."""
    temporary = f"{link}.new"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.rename(temporary, link)


def _link() -> list[Change]:
    before = "absent"
    if os.path.islink(PROGRAM):
        before = f"link to {os.readlink(PROGRAM)}"
    elif os.path.lexists(PROGRAM):
        raise InstallError(f"{PROGRAM} is there and not a link; move it away and run this again")
    after = f"link to {LINK}"
    if before == after:
        return []
    return [Change(PROGRAM, before, after, lambda: _point(PROGRAM, LINK))]


def _file(path: str, content: str) -> list[Change]:
    before = ""
    if os.path.lexists(path):
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            before = stream.read()
    if before == content:
        return []

    def make() -> None:
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".podwright-")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(content)
            os.fchmod(handle, 0o644)
        os.rename(temporary, path)

    return [Change(path, before or "absent", content, make)]


def _no_file(path: str) -> list[Change]:
    if not os.path.lexists(path):
        return []
    return [Change(path, "present", "absent", lambda: os.unlink(path))]


def _no_directory(path: str) -> list[Change]:
    if not os.path.lexists(path):
        return []
    mounted = mounts_below(path)
    if mounted:
        raise InstallError(
            f"{path} is not removed because {mounted[0]} is mounted in it; stop what uses it,"
            f" or unmount it, and run this again"
        )
    return [Change(path, "present", "absent", lambda: shutil.rmtree(path))]


def _no_tree() -> list[Change]:
    """Our part of the directory, and the directory if nothing else is in it."""
    if not os.path.lexists(TREE):
        return []

    def make() -> None:
        for name in os.listdir(TREE):
            if name == "bin":
                os.unlink(f"{TREE}/bin")
            elif name.startswith((VERSION, STAGING)):
                shutil.rmtree(os.path.join(TREE, name))
        if not os.listdir(TREE):
            os.rmdir(TREE)

    ours = [name for name in os.listdir(TREE) if name.startswith(("bin", VERSION, STAGING))]
    if not ours and os.listdir(TREE):
        return []
    return [Change(TREE, "present", "absent", make)]


def mounts_below(path: str, table: str = "/proc/self/mountinfo") -> list[str]:
    """Mount points in `path` and `path` itself, from a table as in proc(5)."""
    with open(table, encoding="utf-8", errors="surrogateescape") as stream:
        points = [line.split(" ")[4] for line in stream]
    for escape, char in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        points = [point.replace(escape, char) for point in points]
    return [point for point in points if point == path or point.startswith(path + "/")]


def _run(*command: str) -> None:
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
    )
    if done.returncode != 0:
        said = done.stdout.decode("utf-8", "replace").strip()
        raise InstallError(f"{' '.join(command)} failed with status {done.returncode}: {said}")
