# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""fs-verity (Documentation/filesystems/fsverity.rst): files that the kernel checks on every read.

A file with verity cannot be written to any more, and a read of what has changed on the disk fails
with EIO. Owner, mode and times are not covered.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct

from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

# _IOW('f', 133, struct fsverity_enable_arg), _IOWR('f', 134, struct fsverity_digest)
ENABLE, MEASURE = 0x40806685, 0xC0046686
SHA256 = 1
BLOCK = 4096
_ARGUMENT = struct.pack("=IIIIQIIQ88x", 1, SHA256, BLOCK, 0, 0, 0, 0, 0)
NOT_OFFERED = (errno.ENOTTY, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM, errno.EACCES, errno.EROFS)


def enable(fd: int) -> bool:
    """Turn it on for a file that is open for reading, and nowhere for writing.

    False where kernel or file system do not offer it. A file that has it already is fine. Raises
    OSError for everything else: ENOSPC, EIO.
    """
    step("verity")
    try:
        fcntl.ioctl(fd, ENABLE, _ARGUMENT)
    except OSError as err:
        if err.errno == errno.EEXIST:
            return True
        if err.errno in NOT_OFFERED:
            return False
        raise
    return True


def measure(fd: int) -> Optional[str]:
    """Hex SHA-256 verity digest of a file, at no cost; None when it has no verity."""
    answer = bytearray(struct.pack("=HH32x", 0, 32))
    try:
        fcntl.ioctl(fd, MEASURE, answer)
    except OSError as err:
        if err.errno in (errno.ENODATA, *NOT_OFFERED):
            return None
        raise
    algorithm, size = struct.unpack_from("=HH", answer)
    return bytes(answer[4 : 4 + size]).hex() if algorithm == SHA256 else None


def open_file(parent: int, name: str) -> int:
    """A descriptor for these calls."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    return os.open(name, flags, dir_fd=parent)
