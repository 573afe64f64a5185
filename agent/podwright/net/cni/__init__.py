# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CNI plugins that are executables: found, run, recorded, and called again with what they made."""
