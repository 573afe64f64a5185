# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests that need more than pytest: real images, real keys, real servers, real hosts."""
