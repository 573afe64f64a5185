# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""stage1: the isolation flavours that a prepared pod can be launched in."""
