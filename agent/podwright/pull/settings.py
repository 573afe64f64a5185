# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host pulls and how: files of `pull.d` in the configuration, and the options of one call over them.

A file is an object with `rktKind` pull and `rktVersion` v1, and any of the fields of `Settings`.
"""

from __future__ import annotations

import os

from podwright.errors import UsageError
from podwright.model.names import ac_identifier
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.host.paths import Layout
    from podwright.model.fields import Fields
    from podwright.model.fleetstate import Host

DIRECTORY = "pull.d"
ALLOWED = ("keys", "policy", "insecure")


@value
class Settings:
    """How to pull.

    url, fleet  where the bundle lies (https or oci), and whose it must be
    host        the name that selectors see; "" = the host's own
    groups, labels  further words for selectors
    allow       what a bundle may do besides pods, images and networks: of ALLOWED
    adopt       take over pods of the same name that were here before
    splay       seconds; the longest pause before the fetch
    repair      look whether the host is as the bundle says although the bundle is the same
    minimum_serial  lower ones are refused, also where nothing is remembered
    report_url  where to send the result, over https
    """

    url: str = ""
    fleet: str = ""
    host: str = ""
    groups: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    allow: tuple[str, ...] = ()
    adopt: bool = False
    splay: int = 0
    repair: bool = False
    minimum_serial: int = 0
    report_url: str = ""

    def selected(self) -> Host:
        """What the bundle's selectors are matched with."""
        from podwright.model.fleetstate import Host

        return Host(self.host or os.uname().nodename, self.groups, self.labels)


def read(layout: Layout) -> Settings:
    """What the configuration says, and never rkt's. Raises UsageError naming the file and the field."""
    layout = replace(layout, rkt=False)
    if not any(os.path.lexists(f"{base}/{DIRECTORY}") for base in layout.config_dirs()):
        return Settings()
    from podwright.stage0.web import configfiles

    return replace(Settings(), **configfiles.merged(layout, DIRECTORY, "pull", _file))


def _file(fields: Fields) -> dict[str, Any]:
    from podwright.model.fleetstate import MAX_SERIAL

    found: dict[str, Any] = {
        "url": fields.text("url", None),
        "fleet": fields.text("fleet", None),
        "host": fields.text("host", None),
        "groups": fields.texts("groups") or None,
        "labels": tuple(sorted(fields.mapping("labels").items())) or None,
        "allow": allowed(fields.texts("allow"), fields.at("allow")) or None,
        "adopt": fields.optional_boolean("adopt"),
        "splay": fields.optional_integer("splay", 0, 86400),
        "repair": fields.optional_boolean("repair"),
        "minimum_serial": fields.optional_integer("minimum_serial", 0, MAX_SERIAL),
        "report_url": fields.text("report_url", None),
    }
    fields.finish()
    return {name: one for name, one in found.items() if one is not None}


def allowed(words: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Words of ALLOWED."""
    for word in words:
        if word not in ALLOWED:
            raise UsageError(f"{where}: {safe(word, 40)!r} is none of {', '.join(ALLOWED)}")
    return tuple(sorted(set(words)))


def complete(settings: Settings) -> Settings:
    """The same, if it says all that is needed. Raises UsageError."""
    if not settings.url or not settings.fleet:
        raise UsageError(
            "pull needs the URL of a bundle and the name of its fleet",
            "podwright pull https://example.com/fleet.json --fleet=NAME,"
            f" or say both in a file of /etc/podwright/{DIRECTORY}",
        )
    ac_identifier(settings.fleet, "fleet")
    for name, url in (("url", settings.url), ("report_url", settings.report_url)):
        scheme, found, rest = url.partition("://")
        # Before anything tells or keeps it; of what is misspelt nobody knows where the host begins.
        if "@" in (rest.partition("/")[0] if found else scheme):
            raise UsageError(
                f"{name}: has a log-in in it, which URLs may not have",
                "put the log-in into a file of /etc/podwright/auth.d",
                object=name,
            )
    if settings.report_url and not settings.report_url.startswith("https://"):
        raise UsageError(f"report_url: {safe(settings.report_url, 200)!r} is not an https URL")
    return settings
