# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses by DHCP: a client of the distribution's, kept in the pod's namespaces, and what it says."""

EVENT_FD = 9
"""Where the client tells of its first lease; lower descriptors it uses itself."""
PRIORITY = "PODWRIGHT_PRIORITY"
"""In the client's environment: metric of the routes."""
