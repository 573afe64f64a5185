# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs for watching a host: top, metrics, api-service."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Verb

VERBS: tuple[Verb, ...] = ()
