# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths of /proc and /sys that tell about, or reach into, the host (B5, threats.md section 3).

What a kernel does not have is passed over. /sys as a whole is read-only.
"""

from __future__ import annotations

HIDDEN = (
    ("proc", "acpi"),
    ("proc", "asound"),
    ("proc", "config.gz"),
    ("proc", "interrupts"),
    ("proc", "iomem"),
    ("proc", "kallsyms"),
    ("proc", "kcore"),
    ("proc", "key-users"),
    ("proc", "keys"),
    ("proc", "kmem"),
    ("proc", "latency_stats"),
    ("proc", "mem"),
    ("proc", "modules"),
    ("proc", "sched_debug"),
    ("proc", "scsi"),
    ("proc", "timer_list"),
    ("proc", "timer_stats"),
    ("sys", "devices/system/cpu/cpu0/thermal_throttle"),
    ("sys", "devices/virtual/powercap"),
    ("sys", "firmware"),
    ("sys", "fs"),
    ("sys", "hypervisor"),
    ("sys", "kernel/boot_params"),
    ("sys", "kernel/debug"),
    ("sys", "kernel/notes"),
    ("sys", "kernel/vmcoreinfo"),
    ("sys", "module"),
    ("sys", "power"),
)

READ_ONLY = (
    ("proc", "bus"),
    ("proc", "fs"),
    ("proc", "irq"),
    ("proc", "pressure"),
    ("proc", "sys"),
    ("proc", "sysrq-trigger"),
)
