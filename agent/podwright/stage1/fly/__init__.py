# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flavour fly: one verified app with the host's view of things, in a mount namespace of its own."""
