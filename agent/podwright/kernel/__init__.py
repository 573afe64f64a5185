# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place with system calls: one typed wrapper each, all errors through one function."""
