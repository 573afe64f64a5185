# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Files for hosts with systemd: what ended pods left is cleaned away twice a day; services on demand."""

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

PULL_SERVICE = """\
# Installed by the role podwright.fleet.agent; changes are overwritten. Put yours into a drop-in.
[Unit]
Description=Follow the desired state of the fleet that this host belongs to
ConditionDirectoryNotEmpty=/etc/podwright/pull.d
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=/usr/bin/podwright pull --format=json --splay=0
TimeoutStartSec=6h
Nice=5
"""
"""Pods that it starts are in units of their own. The timer spreads the hosts of a fleet, so the agent need not."""

PULL_TIMER = """\
# Installed by the role podwright.fleet.agent; changes are overwritten. Put yours into a drop-in.
[Unit]
Description=Follow the desired state of the fleet that this host belongs to, every quarter of an hour

[Timer]
OnCalendar=*:0/15
RandomizedDelaySec=15min
FixedRandomDelay=yes
AccuracySec=1s
Persistent=yes

[Install]
WantedBy=timers.target
"""
"""Each machine has a delay of its own, always the same (FixedRandomDelay=), so that a server sees them spread."""

METADATA_SOCKET = """\
# Installed by the role podwright.fleet.agent; changes are overwritten. Put yours into a drop-in.
[Unit]
Description=Where podwright pods are registered with the metadata service

[Socket]
ListenStream=/run/podwright/metadata-svc.sock
SocketMode=0660
DirectoryMode=0755
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
"""

METADATA_SERVICE = """\
# Installed by the role podwright.fleet.agent; changes are overwritten. Put yours into a drop-in.
[Unit]
Description=Tells podwright pods who they are
Requires=podwright-metadata.socket
After=podwright-metadata.socket network.target

[Service]
Type=notify
ExecStart=/usr/bin/podwright metadata-service
Restart=on-failure
LimitNOFILE=16384
LimitCORE=0
MemoryMax=256M
TasksMax=16
CapabilityBoundingSet=
LockPersonality=yes
NoNewPrivileges=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHome=read-only
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectSystem=strict
ReadOnlyPaths=/proc/sys /sys
ReadWritePaths=/run/podwright
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
"""
"""It is root without capabilities: pods' directories and its own files are root's.

ReadOnlyPaths instead of ProtectKernelTunables and ProtectControlGroups, which mount a proc of their own: in a machine
that is a container itself, that one tells another boot ID than everybody else sees.
"""

HARDENED = """\
CapabilityBoundingSet=
LimitCORE=0
LockPersonality=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectSystem=strict
ReadOnlyPaths=/proc/sys /sys
RestrictNamespaces=yes
RestrictRealtime=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp
"""
"""Of services that only look. Keys are read by children that confine themselves, with the calls of the last line.

RestrictSUIDSGID is not among them: it takes openat2 away (systemd answers ENOSYS, since a filter cannot see the mode in
its structure), by which files of pods are read without leaving their directory.
"""

METRICS_SOCKET = """\
# Installed by the role podwright.fleet.agent; changes are overwritten. Put yours into a drop-in.
[Unit]
Description=Where monitoring asks for numbers about podwright pods

[Socket]
ListenStream=127.0.0.1:18113
ExecStartPre=/bin/mkdir -p -m 0755 /run/podwright
ExecStartPre=/bin/touch /run/podwright/counters
ExecStartPre=/bin/chmod 0600 /run/podwright/counters
UMask=0077

[Install]
WantedBy=sockets.target
"""
"""The file is where calls of the agent count what they refuse, from then on. Who can open it can lock it: only root."""

METRICS_SERVICE = f"""\
# Installed by the role podwright.fleet.agent; changes are overwritten. Put yours into a drop-in.
[Unit]
Description=Numbers about podwright pods for monitoring
Requires=podwright-metrics.socket
After=podwright-metrics.socket

[Service]
Type=notify
ExecStart=/usr/bin/podwright metrics --serve
InaccessiblePaths=-/run/dbus -/run/systemd/private
MemoryMax=128M
TasksMax=8
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
{HARDENED}CapabilityBoundingSet=CAP_SETGID CAP_SETUID
"""
"""It is root with nothing to write to: pods' directories are root's. Children that read keys become another user."""

API_SOCKET = """\
# Installed by the role podwright.fleet.agent; changes are overwritten. Put yours into a drop-in.
[Unit]
Description=Where programs ask about podwright pods and images

[Socket]
ListenStream=/run/podwright/api.sock
SocketGroup=podwright
SocketMode=0660
DirectoryMode=0755
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
"""

API_SERVICE = f"""\
# Installed by the role podwright.fleet.agent; changes are overwritten. Put yours into a drop-in.
[Unit]
Description=Tells programs about podwright pods and images
Requires=podwright-api.socket
After=podwright-api.socket

[Service]
Type=notify
ExecStart=/usr/bin/podwright api-service
InaccessiblePaths=-/run/dbus -/run/systemd/private
MemoryMax=256M
TasksMax=128
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
{HARDENED}"""
"""It is root without capabilities and with nothing to write to: logs are root's."""

JOURNAL_SERVICE = f"""\
# Installed by the role podwright.fleet.agent; changes are overwritten. Put yours into a drop-in.
[Unit]
Description=Journals of podwright pods that are machines
StartLimitIntervalSec=60
StartLimitBurst=30

[Service]
Type=notify
ExecStart=/usr/bin/podwright journal-service
KillMode=mixed
LimitNOFILE=16384
MemoryMax=256M
PrivateNetwork=yes
ReadWritePaths=/run/podwright /var/log/journal
Restart=on-failure
RestartSec=100ms
RestrictAddressFamilies=AF_UNIX
TasksMax=1024
{HARDENED}"""
"""It is root without capabilities. The agent starts it when a pod becomes a machine; it ends with the last one."""

TMPFILES = """\
# Installed by the role podwright.fleet.agent; changes are overwritten.
d /var/lib/podwright 2750 root podwright
"""

FILES = {
    "/etc/systemd/system/podwright-gc.service": GC_SERVICE,
    "/etc/systemd/system/podwright-gc.timer": GC_TIMER,
    "/etc/systemd/system/podwright-pull.service": PULL_SERVICE,
    "/etc/systemd/system/podwright-pull.timer": PULL_TIMER,
    "/etc/systemd/system/podwright-metadata.socket": METADATA_SOCKET,
    "/etc/systemd/system/podwright-metadata.service": METADATA_SERVICE,
    "/etc/systemd/system/podwright-metrics.socket": METRICS_SOCKET,
    "/etc/systemd/system/podwright-metrics.service": METRICS_SERVICE,
    "/etc/systemd/system/podwright-api.socket": API_SOCKET,
    "/etc/systemd/system/podwright-api.service": API_SERVICE,
    "/etc/systemd/system/podwright-journal.service": JOURNAL_SERVICE,
    "/etc/tmpfiles.d/podwright.conf": TMPFILES,
}
"""Path and content."""
