# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to the host: paths, locks, systemd, cgroups."""
