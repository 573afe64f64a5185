# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of an app: what the manifest says, the constants, and defaults (B4).

Nothing of the agent's own environment gets in. Who the user is and where at home is what the
image's /etc/passwd says, but for root, who is the same in every image.
"""

from __future__ import annotations

from podwright.kernel import beneath

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ROOT = {"SHELL": "/bin/sh", "USER": "root", "LOGNAME": "root", "HOME": "/root"}
MAX_FILE = 1 << 20

TYPE_CHECKING = False
if TYPE_CHECKING:
    Pairs = tuple[tuple[str, str], ...]


def environment(app: str, given: Pairs, system: bool = False) -> Pairs:
    """(name, value) pairs, still without those that tell about the user.

    system   for an init, which looks at `container` (systemd's container interface)
    """
    told = {"AC_APP_NAME": app, "container": "podwright" if system else "rkt"}
    return tuple({"PATH": PATH, **dict(given), **told}.items())


def complete(pairs: Pairs, root: int, user: str, uid: int) -> Pairs:
    """All pairs, sorted by name; gaps are filled from the passwd file in the app's root."""
    given = dict(pairs)
    if all(name in given for name in ROOT):
        return tuple(sorted(pairs))
    return tuple(sorted({**account(root, user, uid), **given}.items()))


def account(root: int, user: str, uid: int) -> dict[str, str]:
    """What a user is told of itself; the entry of that name comes before others of its number."""
    if uid == 0:
        return ROOT
    try:
        data = beneath.read_in_root(root, "etc/passwd", MAX_FILE) or b""
    except OSError:
        data = b""
    found: list[str] = []
    for line in data.decode("utf-8", "surrogateescape").split("\n"):
        fields = line.split(":")
        usable = len(fields) == 7 and fields[2] == str(uid) and "\0" not in line
        if usable and (fields[0] == user or not found):
            found = fields
    name, home, shell = (found[0], found[5], found[6]) if found else (str(uid), "/", "")
    return {
        "SHELL": shell or "/bin/sh",
        "USER": name,
        "LOGNAME": name,
        "HOME": home if home.startswith("/") else "/",
    }


def encode(pairs: Pairs) -> bytes:
    """As /proc/PID/environ has it, so that newlines in values survive."""
    return b"".join(f"{name}={text}\0".encode("utf-8", "surrogateescape") for name, text in pairs)
