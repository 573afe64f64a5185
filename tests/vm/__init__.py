# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenarios that need another kernel: they run in a virtual machine, `make vm-tests`."""
