# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Install the agent's files on this host: first the list of what differs, then the changes."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
from typing import NamedTuple, Optional

from ansible_collections.podwright.fleet.plugins.module_utils import (
    agent_shared,
    agent_units,
    agent_versions,
)
from ansible_collections.podwright.fleet.plugins.module_utils.agent_versions import TREE
from ansible_collections.podwright.fleet.plugins.module_utils.changes import (
    Change,
    InstallError,
    point,
    run,
    sync,
    unfinished,
)

PROGRAM = "/usr/bin/podwright"
LINK = "../lib/podwright/bin/podwright"
CONFIG = "/etc/podwright"
DATA = "/var/lib/podwright"
STATE = "/run/podwright"
CERTIFICATES = f"{CONFIG}/ca.d/ansible.pem"
GROUPS = ("podwright", "podwright-admin")
USER = "podwright"
"""Who the agent becomes where it reads what strangers made; owns nothing, is in no group of ours."""
NOBODYS_GROUP = "65534"
DIRECTORIES = (
    (TREE, 0o755, "root"),
    (CONFIG, 0o755, "root"),
    (f"{CONFIG}/auth.d", 0o750, "podwright"),
    (f"{CONFIG}/ca.d", 0o755, "root"),
    (f"{CONFIG}/paths.d", 0o755, "root"),
    (f"{CONFIG}/stage1.d", 0o755, "root"),
    (f"{CONFIG}/kvm.d", 0o755, "root"),
    (f"{CONFIG}/xen.d", 0o755, "root"),
    (f"{CONFIG}/trustedkeys", 0o3775, "podwright-admin"),
    (f"{CONFIG}/trustedkeys/prefix.d", 0o2775, "podwright-admin"),
    (f"{CONFIG}/trustedkeys/root.d", 0o2775, "podwright-admin"),
    (DATA, 0o2750, "podwright"),
    (f"{DATA}/cas", 0o2750, "podwright"),
    (f"{DATA}/cas/inbox", 0o3770, "podwright"),
)


class Wanted(NamedTuple):
    """What should be there; `archive` is None as long as nobody knows that it is needed."""

    content_hash: str
    archive: Optional[str]
    ca_certificates: list[str]
    systemd: bool
    rkt_name: bool = False


def systemd_runs() -> bool:
    """Whether systemd is this host's init (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def install(wanted: Wanted) -> list[Change]:
    """What must change for the agent to be as wanted, in order. Changes nothing.

    Raises NeedsArchive and InstallError.
    """
    changes = [_new_group(name) for name in GROUPS if not _has_group(name)]
    if not _has_user():
        changes.append(Change(f"user {USER}", "absent", "present", _new_user))
    changes += [change for place in DIRECTORIES for change in _directory(*place)]
    version = agent_versions.in_use(wanted.content_hash, wanted.archive)
    changes += version + _link() + agent_shared.rkt_name(wanted.rkt_name)
    changes += agent_shared.files(upgrade=bool(version) or not os.path.exists(PROGRAM))
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
    for path in (*agent_units.FILES, CERTIFICATES, PROGRAM):
        changes += _no_file(unfinished(path))
    changes += agent_shared.rkt_name(False) + agent_shared.removed() + _no_file(PROGRAM)
    changes += agent_versions.removed()
    changes += _no_directory(STATE)
    if not data:
        return changes
    changes += _no_directory(DATA) + _no_directory(CONFIG)
    if _has_user():
        changes.append(Change(f"user {USER}", "present", "absent", lambda: run("userdel", USER)))
    return changes + [_old_group(name) for name in GROUPS if _has_group(name)]


def _has_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _has_user() -> bool:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return False
    return True


def _new_user() -> None:
    nowhere = ("--home-dir", "/nonexistent", "--no-create-home", "--shell", "/usr/sbin/nologin")
    run("useradd", "--system", "--gid", NOBODYS_GROUP, *nowhere, USER)


def _new_group(name: str) -> Change:
    return Change(f"group {name}", "absent", "present", lambda: run("groupadd", "--system", name))


def _old_group(name: str) -> Change:
    return Change(f"group {name}", "present", "absent", lambda: run("groupdel", name))


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
        try:  # whoever may write above it could have put a link there by now
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            raise InstallError(
                f"{path} is not a directory; move it away and run this again"
            ) from None
        try:
            os.fchown(fd, 0, grp.getgrnam(group).gr_gid)
            os.fchmod(fd, mode)
        finally:
            os.close(fd)

    return [Change(path, before, after, make)]


def _link() -> list[Change]:
    before = "absent"
    if os.path.islink(PROGRAM):
        before = f"link to {os.readlink(PROGRAM)}"
    elif os.path.lexists(PROGRAM):
        raise InstallError(f"{PROGRAM} is there and not a link; move it away and run this again")
    after = f"link to {LINK}"
    if before == after:
        return []
    return [Change(PROGRAM, before, after, lambda: point(PROGRAM, LINK))]


def _file(path: str, content: str) -> list[Change]:
    before = ""
    if os.path.lexists(path):
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            before = stream.read()
    if before == content:
        return []

    def make() -> None:
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        temporary = unfinished(path)
        if os.path.lexists(temporary):
            os.unlink(temporary)
        with open(temporary, "x", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(content)
            os.fchmod(stream.fileno(), 0o644)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(temporary, path)
        sync(os.path.dirname(path))

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


def mounts_below(path: str, table: str = "/proc/self/mountinfo") -> list[str]:
    """Mount points in `path` and `path` itself, from a table as in proc(5)."""
    with open(table, encoding="utf-8", errors="surrogateescape") as stream:
        points = [line.split(" ")[4] for line in stream]
    for escape, char in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        points = [point.replace(escape, char) for point in points]
    return [point for point in points if point == path or point.startswith(path + "/")]
