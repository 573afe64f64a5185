# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is set for domains of Xen: files of `xen.d`, read as those of `kvm.d` are; and whether this host runs any."""

from __future__ import annotations

from podwright.errors import HostError, UsageError
from podwright.model.names import DIGITS, LETTERS, made_of
from podwright.stage0 import machinesettings
from podwright.stage0.web.configfiles import merged
from podwright.stage1.xen.machine import RUNNERS, TYPES, Settings
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.checks.value import Check
    from podwright.host.paths import Layout
    from podwright.model.fields import Fields

DIRECTORY = "xen.d"
NAMES = LETTERS + DIGITS + "_.-"
LONGEST = 64
LONGEST_LINK = 15


def read(layout: Layout) -> Settings:
    """What the configuration directories say. Raises UsageError naming the file and the field."""
    found = Settings(**said(layout))
    if bool(found.network_backend) != bool(found.network_bridge):
        raise UsageError(
            "xen.d: network_backend and network_bridge stand together",
            "name the domain, and the bridge there that pods are on",
            object=DIRECTORY,
        )
    return found


def said(layout: Layout) -> dict[str, Any]:
    """The same, without what nothing is said about."""
    return merged(layout, DIRECTORY, "xen", _file)


def _file(fields: Fields) -> dict[str, Any]:
    """What one file says."""
    most = machinesettings.MOST_OVERHEAD
    found: dict[str, Any] = {
        "runner": fields.choice("runner", ("", *RUNNERS), "") or None,
        "type": fields.choice("type", ("", *TYPES), "") or None,
        "overhead": fields.optional_integer("overhead", 0, most),
        "parameters": machinesettings.further_words(fields),
        "network_backend": _name(fields, "network_backend", LONGEST),
        "network_bridge": _name(fields, "network_bridge", LONGEST_LINK),
        "qemu": machinesettings.program(fields, "qemu"),
    }
    fields.finish()
    return {name: one for name, one in found.items() if one is not None}


def _name(fields: Fields, name: str, longest: int) -> Optional[str]:
    """A domain or a bridge by its name; one that could be read as something else is refused."""
    text = fields.text(name)
    if not text:
        return None
    plain = made_of(text, NAMES) and text[0] in LETTERS and len(text) <= longest
    if not plain:
        raise UsageError(
            f"{fields.at(name)}: {safe(text, 100)!r} is not such a name",
            f"at most {longest} letters, digits and _ . -, beginning with a letter",
            object=fields.at(name),
        )
    return text


def check_host(found: Optional[Check] = None) -> None:
    """Refuse a host that runs no domains. Raises HostError."""
    from podwright.host.checks import machines
    from podwright.host.checks.value import OK

    found = found or machines.xen()
    if found.status != OK:
        raise HostError(
            f"stage1 xen: this host cannot run domains of Xen: {found.detail}",
            f"{found.hint}; or choose another stage1",
            object="xen",
            reason="no-xen",
        )
