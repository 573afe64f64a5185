# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image's manifest from what a build starts with and what it is told to change."""

from __future__ import annotations

import copy

from podwright import jsonio
from podwright.errors import UsageError
from podwright.model.dependency import parse_dependencies, parse_whitelist
from podwright.model.image import parse_image
from podwright.stage0.platform import OS, host_arch
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

AC_VERSION = "0.8.11"


@value
class Edits:
    """What to change in a manifest; None and empty leave things as they are.

    labels, environment, annotations   (name, value) pairs, replacing those of the same name
    ports, mount_points, isolators     objects of the manifest, replacing those of the same name
    dependencies, path_whitelist       replace the whole list when there are any
    created                            RFC 3339 for the annotation of that name
    """

    name: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    exec: tuple[str, ...] = ()
    user: str = ""
    group: str = ""
    supplementary_gids: tuple[int, ...] = ()
    working_dir: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    ports: tuple[Any, ...] = ()
    mount_points: tuple[Any, ...] = ()
    isolators: tuple[Any, ...] = ()
    dependencies: tuple[Any, ...] = ()
    path_whitelist: tuple[str, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    created: str = ""


def assemble(base: Optional[dict[str, Any]], edits: Edits) -> bytes:
    """The manifest as canonical JSON, checked.

    Without an app in `base` one is made when the edits need it; `os` and `arch` are the host's
    unless they are said. Raises UsageError naming the field.
    """
    out: dict[str, Any] = copy.deepcopy(base) if base is not None else {}
    out.setdefault("acKind", "ImageManifest")
    out.setdefault("acVersion", AC_VERSION)
    if edits.name:
        out["name"] = edits.name
    if "name" not in out:
        raise UsageError("the image has no name", "give it one: --name=example.com/app")
    platform = {"os": OS, "arch": host_arch()}
    said = {item["name"] for item in out.get("labels") or () if isinstance(item, dict)}
    missing = tuple((key, text) for key, text in platform.items() if key not in said)
    _merge(out, "labels", _pairs((*missing, *edits.labels)))
    created = (("created", edits.created),) if edits.created else ()
    _merge(out, "annotations", _pairs((*created, *edits.annotations)))
    for key, wanted in (
        ("dependencies", edits.dependencies),
        ("pathWhitelist", edits.path_whitelist),
    ):
        if wanted:
            out[key] = list(wanted)
    _edit_app(out, edits)
    parsed = parse_image(out)
    parse_dependencies(parsed)
    parse_whitelist(parsed)
    return jsonio.dumps(out).encode()


def _edit_app(out: dict[str, Any], edits: Edits) -> None:
    plain = {
        "exec": list(edits.exec),
        "user": edits.user,
        "group": edits.group,
        "supplementaryGIDs": list(edits.supplementary_gids),
        "workingDirectory": edits.working_dir,
    }
    named = {
        "environment": _pairs(edits.environment),
        "ports": list(edits.ports),
        "mountPoints": list(edits.mount_points),
        "isolators": list(edits.isolators),
    }
    if not any((*plain.values(), *named.values())):
        return
    app = out.setdefault("app", {"exec": [], "user": "0", "group": "0"})
    if not isinstance(app, dict):
        raise UsageError("manifest.app: must be an object")
    if not app.get("exec") and not edits.exec:
        raise UsageError(
            "the image has an app without a command", "say what it runs: --exec=/bin/app -- ARGS"
        )
    app.update({key: wanted for key, wanted in plain.items() if wanted})
    for key, items in named.items():
        _merge(app, key, items)


def _pairs(pairs: tuple[tuple[str, str], ...]) -> list[dict[str, Any]]:
    return [{"name": name, "value": text} for name, text in dict(pairs).items()]


def _merge(into: dict[str, Any], key: str, items: list[dict[str, Any]]) -> None:
    """Put named items into a list, each in the place of the one that had its name."""
    if not items:
        return
    found = into.setdefault(key, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise UsageError(f"manifest: {key} must be a list of objects")
    for item in items:
        places = [at for at, old in enumerate(found) if old.get("name") == item.get("name")]
        if places:
            found[places[0]] = item
        else:
            found.append(item)
