# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The QEMU that serves a domain its files and its channel: no machine runs in it. Pure but for `find`."""

from __future__ import annotations

PLACES = ("/usr/libexec/xen-qemu-system-i386", "/usr/lib/xen/bin/qemu-system-i386")
