# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the administrator's trust store, changed through descriptors on their directories.

Members of the group `podwright-admin` may rename and replace directories there while root works in
them. So each is opened below the one above, never through a link, and files are made and removed
in what was opened: nothing outside of the trust store can change.
"""

from __future__ import annotations

import contextlib
import os
import stat

from podwright.kernel import fs
from podwright.kernel.step import step
from podwright.stage0 import trustring
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Optional

    from podwright.host.paths import Layout

SHARED = 0o2775
"""Mode of directories of the trust store that a group may write."""
MAX_NOTE = 8192
_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def base(layout: Layout) -> str:
    """The administrator's trust store."""
    return f"{layout.local_config}/trustedkeys"


def write(layout: Layout, below: str, name: str, data: bytes) -> None:
    """Write a file 0644 into a directory of the store: old or new content at every moment.

    Missing directories are made: 0755, or where the group `podwright-admin` may write
    `trustedkeys`, such that it may write them too, but for those of fleets. Raises TrustError when a link, or something
    that others may write, is in the way.
    """
    fs.ensure_dir(base(layout), 0o755)
    with _interference(f"{base(layout)}/{below}"):
        directory = _make(base(layout), below)
        try:
            fs.replace_at(directory, name, data, 0o644)
        finally:
            os.close(directory)


def remove(layout: Layout, below: str, *names: str) -> None:
    """Remove files of a directory of the store; those that are missing are fine."""
    directory = trustring.open_below(base(layout), below)
    if directory is None:
        return
    try:
        with _interference(f"{base(layout)}/{below}"):
            for name in names:
                fs.unlink(name, dir_fd=directory)
            fs.fsync(directory)
    finally:
        os.close(directory)


def note(layout: Layout, below: str, name: str) -> str:
    """What a short text file says, "" when it is not there."""
    directory = trustring.open_below(base(layout), below)
    if directory is None:
        return ""
    try:
        with _interference(f"{base(layout)}/{below}/{name}"):
            fd = os.open(name, _FILE, dir_fd=directory)
    except FileNotFoundError:
        return ""
    finally:
        os.close(directory)
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return ""
        return file.read(MAX_NOTE).decode("utf-8", "replace")


def _make(top: str, below: str) -> int:
    """Open a directory below `top`, making what is missing."""
    fd = os.open(top, _DIR)
    try:
        fleets = trustring.is_fleets(f"{top}/{below}")
        shared = os.fstat(fd).st_mode & 0o6777 == SHARED and not fleets
        shown = top
        for part in below.split("/"):
            shown = f"{shown}/{part}"
            made = False
            with contextlib.suppress(FileExistsError):
                fs.mkdir(part, dir_fd=fd)
                made = True
            upper, fd = fd, os.open(part, _DIR, dir_fd=fd)
            os.close(upper)
            found = os.fstat(fd)
            if made and found.st_uid == os.geteuid() and found.st_mode & 0o777 == 0o700:
                if fleets:
                    step("chown")
                    os.fchown(fd, -1, os.getegid())
                step("chmod")
                os.fchmod(fd, SHARED if shared else 0o755)
                found = os.fstat(fd)
            trustring.check_owner(found, shown, stat.S_ISDIR)
        return fd
    except BaseException:
        os.close(fd)
        raise


@contextlib.contextmanager
def _interference(shown: str) -> Iterator[None]:
    """Say of errors that only a link or a moved directory can cause what they mean."""
    caught: Optional[OSError] = None
    try:
        yield
    except (NotADirectoryError, IsADirectoryError) as err:
        caught = err
    except OSError as err:
        import errno

        if err.errno != errno.ELOOP:
            raise
        caught = err
    if caught is not None:
        raise trustring.TrustError(
            f"trust store: cannot write {safe(shown, 300)}: {caught.strerror}",
            "its directories must be directories, not links; see who changes them",
            object=safe(shown, 300),
        )
