# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-commands of `trust`; other words are keys."""

from __future__ import annotations

from podwright.cli.options import Verb

TRUST_VERBS: tuple[Verb, ...] = ()
