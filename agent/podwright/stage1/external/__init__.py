# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage1 images of others, run by the published contract (docs/stage1.md)."""
