# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright app make -`: what the module app asks for, as JSON on standard input.

    {"version": 1, "apps": [{"pod": "UUID", "name": "web", "state": "started", "image": "example.com/web:1", ...}]}

    {"changed", "apps": [{"pod", "uuid", "name", "changed", "actions", "state", "diff"}], "warnings", "error"}

An app without `image` stays what it is. The first one that fails ends it; those before it are told.
"""

from __future__ import annotations

import sys

from podwright import jsonio
from podwright.cli.context import Context, note, say
from podwright.errors import PodwrightError, UsageError
from podwright.model.fields import Fields
from podwright.model.names import ac_name
from podwright.model.podspec import PULL_POLICIES, parse_added
from podwright.model.specfields import insecure
from podwright.model.volume import parse_volume
from podwright.stage0 import appstates
from podwright.stage0.changes import Asked
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.cli.options import Arguments

MAX_ORDER = 4 * 1024 * 1024


def make(context: Context, args: Arguments) -> int:
    """0 when all was (or would be) done, 254 when anything was refused or failed."""
    if args.rest != ["-"]:
        raise UsageError("app make reads standard input", "podwright app make -")
    context.need_root("app make")
    check = args.true("check")
    apps: list[dict[str, Any]] = []
    did: list[str] = []
    answer: dict[str, Any] = {"changed": False, "apps": apps, "warnings": []}
    try:
        data = sys.stdin.buffer.read(MAX_ORDER + 1)
        wanted_apps = order(jsonio.loads(data, "standard input", limit=MAX_ORDER))
        appstates.check_order(context.layout, wanted_apps)
        for wanted in wanted_apps:
            done, warnings = _settle(context, wanted, did, check=check)
            apps.append(done)
            answer["changed"] = answer["changed"] or done["changed"]
            about = f"app {done['name']}: "
            answer["warnings"] += [about + text.removeprefix(about) for text in warnings]
    except PodwrightError as err:
        from podwright.reconcile.answer import error_json

        note(safe(err.sentence(), 1000))
        answer["error"] = error_json(err)
        answer["changed"] = answer["changed"] or bool(did)
    if args.true("diff"):
        answer["diff"] = _diff(apps)
    say(jsonio.dumps(answer))
    return 254 if "error" in answer else 0


def _settle(
    context: Context, wanted: appstates.Wanted, did: list[str], *, check: bool
) -> tuple[dict[str, Any], list[str]]:
    """As `appstates.settle`; what the system refuses is an error of this app, and those before it are told."""
    try:
        return appstates.settle(context.layout, wanted, did, check=check)
    except OSError as err:
        from podwright.reconcile.answer import of_host

        about = f"app {wanted.name} of pod {safe(wanted.pod, 60)}"
        raise of_host(err, about) from None


def _diff(apps: list[dict[str, Any]]) -> dict[str, Any]:
    """What differs, by pod and app."""
    out: dict[str, Any] = {"before": {}, "after": {}}
    for app in apps:
        for side in out if app["changed"] else ():
            out[side].setdefault(app["pod"], {})[app["name"]] = app["diff"][side]
    return out


def order(raw: Any) -> tuple[appstates.Wanted, ...]:
    """Check what is asked for. Raises UsageError naming the field."""
    fields = Fields(raw, "")
    fields.integer("version", ..., 1, 1)
    out = tuple(_one(item) for item in fields.objects("apps"))
    fields.finish()
    return out


def _one(fields: Fields) -> appstates.Wanted:
    pod, state = fields.text("pod", ...), fields.choice("state", appstates.STATES, "started")
    name = ac_name(fields.text("name", ...), fields.at("name"))
    if not pod:
        raise UsageError(f"{fields.at('pod')}: is empty", "name the pod", object=fields.at("pod"))
    image = fields.text("image")
    if not image:
        _finish_without_image(fields, state)
        return appstates.Wanted(pod, name, state)
    asked = Asked(
        parse_added(fields, image, name),
        tuple(parse_volume(item) for item in fields.objects("volumes")),
        fields.choice("pull_policy", PULL_POLICIES, "new"),
        insecure(fields),
    )
    fields.finish()
    if state == "absent":
        raise UsageError(
            f"{fields.at('image')}: is not for state absent", "leave it out", object=name
        )
    names = [volume.name for volume in asked.volumes]
    if len(set(names)) != len(names):
        raise UsageError(f"{fields.at('volumes')}: names must be unique", object=name)
    return appstates.Wanted(pod, name, state, asked)


def _finish_without_image(fields: Fields, state: str) -> None:
    """Refuse what says how an app runs where nothing says what it is."""
    more = sorted(key for key, item in fields.obj.items() if item is not None)
    more = [key for key in more if key not in ("pod", "name", "state", "image")]
    if more:
        where = fields.at(safe(more[0], 60))
        hint = "leave it out" if state == "absent" else "say its image"
        raise UsageError(f"{where}: needs image beside it", hint, object=where)
