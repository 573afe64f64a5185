# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters of the role molecule: what a platform of a scenario is as a pod, and as an instance."""

from __future__ import annotations

import re
from typing import Any

from ansible.errors import AnsibleFilterError

OURS = {
    "network": "net",
    "ports": "ports",
    "volumes": "volumes",
    "environment": "environment",
    "insecure": "insecure_options",
}
"""Keys of a platform, and what they are in the module `pod`."""
BOOTED = ("/bin/sh", "-c", "systemctl is-system-running --wait | grep -qE '^(running|degraded)$'")
LONGEST = 63


def molecule_pod(platform: Any, prefix: str, absent: bool = False) -> dict[str, Any]:
    """The pod of a platform, as an element of the option `pods` of the module `pod`."""
    name = pod_name(platform, prefix)
    if absent:
        return {"name": name, "state": "absent"}
    if not isinstance(platform.get("image"), str) or not platform["image"]:
        raise AnsibleFilterError(f"platform {platform['name']}: says no image")
    profile = platform.get("profile", "system")
    if profile not in ("system", "none"):
        raise AnsibleFilterError(
            f"platform {platform['name']}: profile is system or none, not {profile!r}"
        )
    pod: dict[str, Any] = {
        "name": name,
        "image": platform["image"],
        "hostname": host_name(platform["name"]),
        "exec": platform.get("command") or _command(profile),
    }
    if profile == "system":
        pod.update(profile="system", stop_timeout=30, ready={"exec": list(BOOTED), "timeout": 120})
    pod.update({ours: platform[key] for key, ours in OURS.items() if platform.get(key)})
    pod.update(platform.get("options") or {})
    return pod


def molecule_instance(platform: Any, prefix: str) -> dict[str, str]:
    """What Molecule's file of instances says about a platform."""
    return {
        "instance": platform["name"],
        "address": pod_name(platform, prefix),
        "connection": "podwright.fleet.pod",
        "user": platform.get("user") or "root",
    }


def pod_name(platform: Any, prefix: str) -> str:
    """The name of a platform's pod."""
    if not isinstance(platform, dict) or not isinstance(platform.get("name"), str):
        raise AnsibleFilterError("a platform needs a name")
    name = f"{prefix}{_plain(platform['name'])}"
    if len(name) > LONGEST:
        raise AnsibleFilterError(
            f"platform {platform['name']}: its name is too long by {len(name) - LONGEST}"
        )
    return name


def host_name(name: str) -> str:
    """A host name like the instance's."""
    return _plain(name)


def _plain(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not plain:
        raise AnsibleFilterError(f"platform {name}: its name has neither letters nor digits")
    return plain


def _command(profile: str) -> list[str]:
    return ["/sbin/init"] if profile == "system" else ["/bin/sh", "-c", "exec sleep infinity"]


class FilterModule:
    """Ansible's entry."""

    def filters(self) -> dict[str, Any]:
        """The filters by name."""
        return {"molecule_pod": molecule_pod, "molecule_instance": molecule_instance}
