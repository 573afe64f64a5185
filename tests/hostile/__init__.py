# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile input: archives, manifests, pages and signatures made to do harm, and the rig that they are tried in."""
