# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app as it is handed to the PID 1 of a pod that runs: what `app add` knows of it, as JSON data.

Only what PID 1 needs is in it: the app's root is mounted already, and its control groups come as
descriptors. A field that an older PID 1 does not know is left alone.
"""

from __future__ import annotations

from podwright.host.cgrouplimits import Limits
from podwright.model import life
from podwright.stage1.namespaces.identity import Identity
from podwright.stage1.namespaces.plan import AppPlan
from podwright.stage1.namespaces.restrict import Restrictions
from podwright.stage2.app import Target, app_spaces
from podwright.values_json import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORMAT = 1
PLAIN = ("name", "root", "directory", "stop_signal", "stop_timeout")
LISTS = ("exec", "pre_start", "post_stop")
PAIRS = ("environment", "attributes")


def dump(target: Target) -> dict[str, Any]:
    """The JSON object of a target; its descriptors are handed over beside it."""
    plan = target.plan
    restrictions = to_json(plan.restrictions)
    del restrictions["profile"]  # it is the filter by now
    app = {name: to_json(getattr(plan, name)) for name in (*PLAIN, *LISTS, *PAIRS)}
    return {
        "format": FORMAT,
        "app": {**app, "restrictions": restrictions, "life": life.as_json(plan.life)},
        "root": target.root,
        "identity": to_json(target.identity),
        "capabilities": target.capabilities,
        "drop": list(target.drop),
        "filter": target.filter.hex(),
    }


def load(raw: dict[str, Any], own_users: bool) -> Target:
    """The target, without anything that is a descriptor. Raises KeyError, TypeError, ValueError."""
    if raw["format"] != FORMAT:
        raise ValueError(f"format {raw['format']}")
    who = raw["identity"]
    return Target(
        _plan(raw["app"]),
        raw["root"],
        Identity(who["uid"], who["gid"], tuple(who["groups"])),
        raw["capabilities"],
        tuple(raw["drop"]),
        (),
        bytes.fromhex(raw["filter"]),
        app_spaces(),
        own_users,
        shows_group=bool(raw.get("shows_group")),
    )


def _plan(raw: dict[str, Any]) -> AppPlan:
    plain = {name: raw[name] for name in PLAIN}
    lists = {name: tuple(raw[name]) for name in LISTS}
    pairs = {name: tuple((key, text) for key, text in raw[name]) for name in PAIRS}
    mounted = ("trees", "binds", "late_binds", "hidden", "read_only", "supplementary_gids")
    known: dict[str, Any] = {**plain, **lists, **pairs, **dict.fromkeys(mounted, ())}
    return AppPlan(
        **known,
        writable="",
        overlay=True,
        read_only_root=False,
        sys="",
        user="",
        group="",
        restrictions=_restrictions(raw["restrictions"]),
        limits=Limits(),
        life=life.from_json(raw["life"]),
    )


def _restrictions(raw: dict[str, Any]) -> Restrictions:
    names = raw["capabilities"]
    return Restrictions(
        None if names is None else tuple(names),
        raw["no_new_privileges"],
        None,
        raw["oom_score_adj"],
        tuple(raw["removed"]),
        raw["ambient"],
        tuple((name, soft, hard) for name, soft, hard in raw["rlimits"]),
        frozenset(raw["optional"]),
    )
