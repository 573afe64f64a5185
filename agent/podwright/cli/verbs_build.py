# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-commands of `image` that make images."""

from __future__ import annotations

from podwright.cli.options import Verb

BUILD_VERBS: tuple[Verb, ...] = ()
