# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What /proc/self/mountinfo says of a mount (proc(5)): where it is, and with whom it is shared."""

from __future__ import annotations

import errno


def of(fd: int) -> list[str]:
    """The line of /proc/self/mountinfo, in fields, of the mount that `fd` is on."""
    number = ""
    with open(f"/proc/self/fdinfo/{fd}") as file:
        for line in file:
            if line.startswith("mnt_id:"):
                number = line.split()[1]
    with open("/proc/self/mountinfo") as file:
        for line in file:
            fields = line.split()
            if fields[0] == number:
                return fields
    raise OSError(errno.ENOENT, "is on a mount that is not there any more")


def propagation(fields: list[str]) -> list[str]:
    """The optional fields of a line: shared:N, master:N, ..."""
    return fields[6 : fields.index("-")]
