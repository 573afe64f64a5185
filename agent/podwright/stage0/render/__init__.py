# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the bytes of an archive to a tree: decoding in a confined child, unpacking, lists of files."""
