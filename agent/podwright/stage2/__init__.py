# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""stage2: what runs inside the pod: init (PID 1) and the start of each app."""
