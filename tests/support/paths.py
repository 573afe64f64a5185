# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the checkout and its git-ignored cache are."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
"""The root of this checkout."""

CACHE = CHECKOUT / ".cache"
"""Everything `make` builds or downloads; `make clean` removes it and it is rebuilt when missing."""

AGENT = CHECKOUT / "agent" / "bin" / "podwright"
"""The agent, run straight from the checkout."""
