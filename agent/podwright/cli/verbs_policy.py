# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-commands of `policy`."""

from __future__ import annotations

from podwright.cli.options import Verb

POLICY_VERBS: tuple[Verb, ...] = ()
