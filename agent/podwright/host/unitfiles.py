# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else stands in a pod's unit because somebody has asked for it, and its socket unit.

Everything was checked by `model.unitspec`; nothing but variables needs quoting.
"""

from __future__ import annotations

import os

from podwright.host.systemd import UNIT_DIR, quote, read_ours, systemctl, unit_name
from podwright.kernel import fs
from podwright.model import unitspec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SOCKET = """# Written by podwright for pod {name}; changes are overwritten. Put yours into a drop-in.
[Unit]
Description=Sockets of podwright pod {name}

[Socket]
{lines}
[Install]
WantedBy=sockets.target
"""


def socket_name(name: str) -> str:
    """The socket unit of a pod."""
    return f"podwright-{name}.socket"


def socket_path(name: str) -> str:
    """Its file."""
    return f"{UNIT_DIR}/{socket_name(name)}"


def sections(name: str, settings: dict[str, Any]) -> dict[str, str]:
    """Lines to add to each section of the unit, by its name."""
    unit = unitspec.load(settings.get("unit"))
    lines: dict[str, list[str]] = {"Unit": [], "Service": [], "Install": []}
    lines["Unit"] += [f"{directive}={other}" for directive, other in unit.relations]
    if settings.get("listens"):
        lines["Unit"] += [f"{word}={socket_name(name)}" for word in ("Wants", "After")]
        lines["Service"].append(f"Sockets={socket_name(name)}")
    lines["Service"] += [f"Environment={_variable(key, text)}" for key, text in unit.environment]
    for section, directive, text in unit.settings:
        lines[section].append(f"{directive}={text}")
    lines["Install"] += [f"WantedBy={other}" for other in unit.wanted_by]
    return {section: "".join(f"{line}\n" for line in found) for section, found in lines.items()}


def _variable(key: str, text: str) -> str:
    """A word of Environment=, where a dollar sign is one (systemd.exec(5))."""
    return quote(f"{key}={text}").replace("$$", "$")


def socket_text(name: str, settings: dict[str, Any]) -> str:
    """The socket unit; "" for a pod without."""
    listens = settings.get("listens") or ()
    if not listens:
        return ""
    lines = "".join(f"{directive}={address}\n" for directive, address in listens)
    return SOCKET.format(name=name, lines=lines)


def read_socket(name: str) -> str:
    """The socket unit as it is on disk, or ""."""
    return read_ours(socket_path(name), name)


def write_socket(name: str, text: str) -> None:
    """Write the socket unit, or remove it; systemd still has to read it.

    What listens on something else now has to stop first, and its pod with it: systemd restarts no
    socket of a service that runs.
    """
    if os.path.exists(socket_path(name)):
        systemctl("stop", socket_name(name), unit_name(name))
        if not text:
            systemctl("disable", "--quiet", socket_name(name))
            fs.unlink(socket_path(name))
    if text:
        fs.write_atomic(socket_path(name), text.encode(), 0o644)


def listening(name: str) -> bool:
    """Whether systemd listens for the pod, also after the next boot."""
    if not os.path.islink(f"{UNIT_DIR}/sockets.target.wants/{socket_name(name)}"):
        return False
    return systemctl("is-active", "--quiet", socket_name(name), check=False) == 0


def foreign(name: str) -> list[str]:
    """Drop-ins of the operator's for the pod's units, which nobody but he removes."""
    found = []
    for unit in (unit_name(name), socket_name(name)):
        directory = f"{UNIT_DIR}/{unit}.d"
        if os.path.isdir(directory):
            found += [f"{directory}/{file}" for file in sorted(os.listdir(directory))]
    return found
