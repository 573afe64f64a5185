# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the policy file, and what it names, as only root can have written it.

    <local_config>/policy.json, or when that is absent <system_config>/policy.json

A file that is there and cannot be believed refuses every image, by name and reason (T53): there
is no way from a broken policy to no policy.
"""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import UsageError, VerifyError
from podwright.host import owned
from podwright.model.policy import parse_policy
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.policy import Policy

MAX_POLICY = 1024 * 1024
POLICY = ("policy file", "no image is accepted")
KEY = ("key file", "no image is accepted that the policy wants signed by it")
REGISTRIES = ("registries.d file", "no image from a registry is accepted")
"""What a file is, and what follows when it is not in order."""
_OWNED = "correct it as root: it must be a regular file that only root can write"
_SEE = "correct it there; see containers-policy.json(5)"


class PolicyError(VerifyError):
    """The policy refuses the image, or is itself not in order (reason `bad-policy`)."""

    reason = "policy"
    stage = "policy"


def load(layout: Layout) -> Optional[Policy]:
    """The policy of this moment; None when there is none. Raises PolicyError for a broken one."""
    found = read(layout)
    if found is None:
        return None
    path, document = found
    try:
        return parse_policy(document)
    except UsageError as err:
        raise broken(path, err.message, err.hint or _SEE) from None


def read(layout: Layout) -> Optional[tuple[str, Any]]:
    """(path, JSON document) of the policy file that counts, or None."""
    for directory in (layout.local_config, layout.system_config):
        path = f"{directory}/policy.json"
        data = read_owned(path, MAX_POLICY)
        if data is None:
            continue
        try:
            return path, jsonio.loads(data, "it", limit=MAX_POLICY)
        except UsageError as err:
            why = err.message.removeprefix("it: ")
            raise broken(path, why, correct_line(why)) from None
    return None


def correct_line(why: str) -> str:
    """The hint for a file that cannot be read as what it should be."""
    words = why.split()
    line = words[words.index("line") + 1 :] if "line" in words else []
    return f"correct line {line[0].rstrip(':')}" if line else "correct its content"


def read_owned(path: str, limit: int, kind: tuple[str, str] = POLICY) -> Optional[bytes]:
    """The content of a file that only root (or the user who runs this) can change; None without it.

    Raises PolicyError for a link, a special file, one that others may write or nobody may read,
    and for a directory on the way to it in which others could exchange it.
    """
    try:
        return owned.read(path, limit)
    except owned.NotOwned as err:
        raise broken(path, str(err), _OWNED, kind) from None


def broken(
    path: str, why: str, hint: str = "correct it as root", kind: tuple[str, str] = POLICY
) -> PolicyError:
    """The error that refuses images because of one file, of one of the kinds above."""
    what, follows = kind
    return PolicyError(
        f"{what} {safe(path, 300)}: {why}; {follows}",
        hint,
        object=safe(path, 300),
        reason="bad-policy",
    )
