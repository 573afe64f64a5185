# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files for hosts with systemd: what ended pods left is cleaned away twice a day."""

from __future__ import annotations

GC_SERVICE = """\
# Installed by the role podwright.fleet.agent; changes are overwritten. Put yours into a drop-in.
[Unit]
Description=Clean away what ended podwright pods left

[Service]
Type=oneshot
ExecStart=/usr/bin/podwright gc --grace-period=24h
Nice=10
IOSchedulingClass=idle
"""

GC_TIMER = """\
# Installed by the role podwright.fleet.agent; changes are overwritten. Put yours into a drop-in.
[Unit]
Description=Clean away what ended podwright pods left, twice a day

[Timer]
OnBootSec=10min
OnUnitActiveSec=12h
RandomizedDelaySec=10min

[Install]
WantedBy=timers.target
"""

TMPFILES = """\
# Installed by the role podwright.fleet.agent; changes are overwritten.
d /var/lib/podwright 2750 root podwright
"""

FILES = {
    "/etc/systemd/system/podwright-gc.service": GC_SERVICE,
    "/etc/systemd/system/podwright-gc.timer": GC_TIMER,
    "/etc/tmpfiles.d/podwright.conf": TMPFILES,
}
"""Path and content."""
