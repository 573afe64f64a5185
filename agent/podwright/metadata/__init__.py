# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata service (behaviour.md B13): pods ask who they are, and prove it to each other."""
