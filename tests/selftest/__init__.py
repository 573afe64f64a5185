# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test tools themselves, tested: a broken ruler measures nothing."""
