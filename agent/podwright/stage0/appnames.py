# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said when an app of a pod is not there, or it is not said which one is meant."""

from __future__ import annotations

from podwright.errors import NotFoundError, UsageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

NONE = "it has none; podwright app add brings one"


def unknown(pod: str, app: str, names: Collection[str]) -> NotFoundError:
    """The error about an app that a pod does not have, with the `names` of those that it has."""
    return NotFoundError(
        f"pod {safe(pod, 60)} has no app called {safe(app, 60)!r}",
        f"it has {', '.join(safe(one, 60) for one in names)}" if names else NONE,
        object=safe(app, 60),
    )


def unclear(pod: str, names: Collection[str], to: str = "") -> UsageError:
    """The error about a pod of which one app is to be named; `to` is what for, such as ` to attach to`."""
    if not names:
        return UsageError(f"pod {safe(pod, 60)} has no apps{to}", NONE)
    return UsageError(
        f"pod {safe(pod, 60)} has {len(names)} apps{to}",
        f"say which one: --app={'|'.join(safe(one, 60) for one in names)}",
    )
