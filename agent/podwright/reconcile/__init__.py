# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired state, compared with one snapshot of the host, becomes a plan and then actions."""
