# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a guest, between scenarios: end what the last one left running, take away its files, and tell what stays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, "/checkout")

from tools import leftovers

AGENT = "/run/payload/agent/bin/podwright"
OURS = ("podwright-vm-ready.service", "podwright-vm-network.service")
"""Units of the test bed itself."""
LINKS = ("lo", "eth0")
SECONDS = 120.0


def say(*command: str) -> str:
    """What a command prints, whatever its status."""
    return subprocess.run(command, capture_output=True, text=True).stdout


def pods() -> list[str]:
    """UUIDs of all pods that there are: a name without a pod has none, and goes with the files."""
    listed = say(AGENT, "list", "--full", "--no-legend").splitlines()
    first = [line.split()[0] for line in listed if line[:1].strip()]
    return [uuid for uuid in first if uuid != "-"]


def end_all() -> None:
    """End units and pods."""
    listed = say("systemctl", "list-units", "--all", "--plain", "--no-legend", "podwright*")
    units = [line.split()[0] for line in listed.splitlines() if line.split()[0] not in OURS]
    if units:
        subprocess.run(["systemctl", "stop", *units])
        subprocess.run(["systemctl", "reset-failed", *units], capture_output=True)
    running = pods()
    if running:
        subprocess.run([AGENT, "stop", "--force", *running], capture_output=True)
    gone = ("gc", "--grace-period=0s", "--expire-prepared=0s")
    deadline = time.monotonic() + SECONDS
    while pods() and time.monotonic() < deadline:
        subprocess.run([AGENT, *gone], capture_output=True)


def take_away() -> None:
    """Remove files, units and links that are not the guest's."""
    found = [path for folder in leftovers.UNIT_FOLDERS for path in Path(folder).rglob("podwright*")]
    for unit in found:
        if unit.name not in OURS and (unit.is_symlink() or unit.is_file()):
            unit.unlink()
        elif unit.is_dir() and not unit.is_symlink():
            shutil.rmtree(unit)
    subprocess.run(["systemctl", "daemon-reload"])
    for name in os.listdir("/sys/class/net"):
        if name not in LINKS:
            subprocess.run(["ip", "link", "delete", name], capture_output=True)
    for line in say("ip", "netns", "list").splitlines():
        subprocess.run(["ip", "netns", "delete", line.split()[0]])
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in reversed(mounts):
        if mount.startswith("/srv/"):
            subprocess.run(["umount", mount])
    for path in (*leftovers.FILES, *map(str, Path("/srv").iterdir())):
        subprocess.run(["rm", "-rf", "--one-file-system", path])


def left() -> list[str]:
    """What is still there, our own units aside."""
    return [line for line in leftovers.find() if not line.endswith(OURS)]


end_all()
take_away()
deadline = time.monotonic() + SECONDS
# The kernel may take a moment to forget control groups and links.
while left() and time.monotonic() < deadline:
    time.sleep(0.5)
print("\n".join(left()))
sys.exit(1 if left() else 0)
