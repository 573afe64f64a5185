# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The namespaces flavour: mount, PID, IPC, UTS, network and cgroup namespaces."""
