# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""podwright: signed container pods, staged: fetch, verify, render, isolate, run."""

__version__ = "0.1.0"
