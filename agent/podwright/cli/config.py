# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright config`: the merged configuration as JSON (A10), log-ins included."""

from __future__ import annotations

from podwright.cli.context import Context, note, print_document
from podwright.errors import UsageError
from podwright.stage0 import stage1choice
from podwright.stage0.web.configfiles import documents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.cli.options import Arguments
    from podwright.host.paths import Layout

WHO = {"auth": "domains", "dockerAuth": "registries"}
"""What a log-in is for, by its kind: a later one for the same has the last word."""

TOLD = ("rktKind", "rktVersion", "type")
"""What is no secret in a log-in, besides what it is for."""


def run(context: Context, args: Arguments) -> int:
    """Print every kind of configuration that is in force."""
    layout = context.layout
    paths = {"data": layout.data, "stage1-images": stage1choice.images_directory(layout)}
    stage0: list[dict[str, Any]] = [{"rktKind": "paths", "rktVersion": "v1", **paths}]
    said = stage1choice.configured(layout)
    fields = {"name": said.name, "version": said.version, "location": said.location}
    if any(fields.values()):
        stage1choice.by_configuration(layout)  # refused where no pod could begin with it
        found = {key: text for key, text in fields.items() if text}
        stage0.append({"rktKind": "stage1", "rktVersion": "v1", **found})
    machines = _machines(layout)
    if machines:
        stage0.append({"rktKind": "kvm", "rktVersion": "v1", **machines})
    domains = _domains(layout)
    if domains:
        stage0.append({"rktKind": "xen", "rktVersion": "v1", **domains})
    merged = {
        "stage0": stage0 + _log_ins(context, known=not args.true("without-credentials")),
        "directories": {
            "system": layout.system_config,
            "local": layout.local_config,
            "user": layout.user_config,
        },
    }
    print_document(args, merged)
    return 0


def _machines(layout: Layout) -> dict[str, Any]:
    """What kvm.d comes to; empty where it says nothing."""
    from podwright.stage0 import machinesettings

    return _plain(machinesettings.said(layout))


def _domains(layout: Layout) -> dict[str, Any]:
    """What xen.d comes to."""
    from podwright.stage0 import xensettings

    return _plain(xensettings.said(layout))


def _plain(said: dict[str, Any]) -> dict[str, Any]:
    return {name: list(one) if isinstance(one, tuple) else one for name, one in said.items()}


def _log_ins(context: Context, *, known: bool) -> list[dict[str, Any]]:
    """One object for each server or registry; none for whom the files are not readable. known: with credentials"""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    try:
        for fields in (
            one for files in documents(context.layout, "auth.d", tuple(WHO)) for one in files
        ):
            kind = fields.text("rktKind")
            for name in fields.texts(WHO[kind]):
                kept = {key: one for key, one in fields.obj.items() if known or key in TOLD}
                found[kind, name] = {**kept, WHO[kind]: [name]}
    except (PermissionError, UsageError) as err:
        note(f"warning: log-ins are left out: {err}")
        return []
    return list(found.values())
