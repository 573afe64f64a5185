# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet's desired state: the document that `podwright pull` fetches and `podwright bundle` makes.

    {"kind": "podwright-fleet", "version": 1, "fleet": "acme/shop", "serial": 42,
     "not_before": "2026-01-31T00:00:00Z", "expires": "2026-03-01T00:00:00Z", "minimum_agent": "0.1.0",
     "rollout": [{"percent": 5}, {"percent": 100, "after": "2026-02-01T06:00:00Z"}],
     "hosts": [{"match": {"names": ["web-*"], "groups": ["web"], "labels": {"zone": "a"}},
                "state": {"pods": [...], "images": [...], "networks": [...], "keys": [...], "policy": {...}}}]}

A host gets the states of all entries that match it, together. All that an entry's `match` says must hold: any of
the names, any of the groups, every label. Without `match`, an entry is for all hosts. Pure.
"""

from __future__ import annotations

import calendar

from podwright import jsonio
from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.names import DIGITS, ac_identifier, made_of
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KIND, VERSION = "podwright-fleet", 1
MAX_BYTES = 16 * 1024 * 1024
MAX_SERIAL = 2**53
"""Above it, programs that read JSON disagree about numbers."""
OBJECTS = ("keys", "images", "pods", "networks")
TIME = "YYYY-MM-DDTHH:MM:SSZ"


@value
class Stage:
    """From `after` (seconds since the epoch) on, so many percent of the hosts follow."""

    percent: int
    after: float


@value
class Part:
    """States of the hosts that match; `path` is where it stands in the document.

    names   patterns of host names, with * and ?; () = any
    groups  of which the host is in one; () = any
    labels  which the host has, all of them
    state   as `apply` reads it, not checked yet
    """

    path: str
    names: tuple[str, ...]
    groups: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    state: dict[str, Any]


@value
class FleetState:
    """The document; times in seconds since the epoch, `not_before` is 0 where none is said."""

    fleet: str
    serial: int
    not_before: float
    expires: float
    minimum_agent: str
    rollout: tuple[Stage, ...]
    parts: tuple[Part, ...]


@value
class Host:
    """What entries are matched with."""

    name: str
    groups: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()


def parse(data: bytes, what: str) -> FleetState:
    """Read a document. Raises UsageError that names `what` and the bad field."""
    try:
        return _read(Fields(jsonio.loads(data, "it", limit=MAX_BYTES), ""))
    except UsageError as err:
        raise UsageError(
            f"{what}: {err.message}", err.hint, object=err.object, reason=err.reason
        ) from None


def _read(fields: Fields) -> FleetState:
    fields.choice("kind", (KIND,), ...)
    version = fields.integer("version", ..., 1)
    if version != VERSION:
        raise UsageError(
            f"version: this agent reads version {VERSION}, not {version}", "upgrade the agent"
        )
    state = FleetState(
        ac_identifier(fields.text("fleet", ...), "fleet"),
        fields.integer("serial", ..., 1, MAX_SERIAL),
        moment(fields.text("not_before"), "not_before") if fields.raw("not_before") else 0.0,
        moment(fields.text("expires", ...), "expires"),
        _version_text(fields),
        tuple(_stages(fields)),
        tuple(_part(item) for item in fields.objects("hosts")),
    )
    fields.finish()
    if state.expires <= state.not_before:
        raise UsageError("expires: is not after not_before", object="expires")
    return state


def _version_text(fields: Fields) -> str:
    text = fields.text("minimum_agent")
    if text:
        release(text, "minimum_agent")
    return text


def release(text: str, where: str) -> tuple[int, ...]:
    """The numbers of a version, `0.10.2`."""
    words = text.split(".")
    if not 1 <= len(words) <= 4 or not all(made_of(w, DIGITS) and len(w) < 8 for w in words):
        raise UsageError(f"{where}: {safe(text, 40)!r} is not a version such as 0.1.0")
    return tuple(int(word) for word in words)


def _stages(fields: Fields) -> list[Stage]:
    stages: list[Stage] = []
    for item in fields.objects("rollout"):
        after = item.text("after")
        stage = Stage(
            item.integer("percent", ..., 0, 100), moment(after, item.at("after")) if after else 0.0
        )
        item.finish()
        if stages and (stage.percent <= stages[-1].percent or stage.after <= stages[-1].after):
            raise UsageError(f"{item.path}: must have more percent, and later, than the one before")
        stages.append(stage)
    return stages


def _part(item: Fields) -> Part:
    match = item.child("match") or Fields({}, item.at("match"))
    state = item.child("state")
    if state is None:
        raise UsageError(f"{item.at('state')}: is missing", object=item.at("state"))
    part = Part(
        state.path,
        match.texts("names"),
        match.texts("groups"),
        tuple(sorted(match.mapping("labels").items())),
        state.obj,
    )
    match.finish()
    item.finish()
    for name in ("version", "policy", *OBJECTS):
        state.raw(name)
    state.finish()
    return part


def moment(text: str, where: str) -> float:
    """A time `YYYY-MM-DDTHH:MM:SSZ` in seconds since the epoch."""
    shape = "".join("0" if char in DIGITS else char for char in text)
    if shape == "0000-00-00T00:00:00Z":
        year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
        hour, minute, second = int(text[11:13]), int(text[14:16]), int(text[17:19])
        sound = year >= 1970 and 1 <= month <= 12 and hour < 24 and minute < 60 and second < 60
        if sound and 1 <= day <= calendar.monthrange(year, month)[1]:
            return float(calendar.timegm((year, month, day, hour, minute, second)))
    raise UsageError(f"{where}: {safe(text, 40)!r} is not a time of the form {TIME}", object=where)


def matches(part: Part, host: Host) -> bool:
    """Whether an entry is for a host."""
    from fnmatch import fnmatchcase

    return (
        (not part.names or any(fnmatchcase(host.name, each) for each in part.names))
        and (not part.groups or any(each in host.groups for each in part.groups))
        and all(each in host.labels for each in part.labels)
    )


def for_host(state: FleetState, host: Host) -> dict[str, Any]:
    """The desired state of one host, as `apply` reads it. Raises UsageError."""
    from podwright.model.spec import parse_desired

    whole: dict[str, Any] = {"version": 1}
    for part in state.parts:
        if not matches(part, host):
            continue
        try:
            parse_desired(part.state)
        except UsageError as err:
            raise UsageError(f"{part.path}.{err.message}", err.hint, object=err.object) from None
        for name in OBJECTS:
            whole.setdefault(name, []).extend(part.state.get(name) or [])
        if part.state.get("policy") is not None:
            if "policy" in whole:
                raise UsageError(f"{part.path}.policy: another entry of this host has one, too")
            whole["policy"] = part.state["policy"]
    return whole


def turn(state: FleetState, machine: str) -> float:
    """From when on this host follows, by the rollout; 0 = at once. `machine` is the same for ever.

    The share of a host is drawn anew for each serial, so that not always the same hosts come first.
    Without a stage of 100 percent the others wait for another serial: infinity.
    """
    if not state.rollout:
        return 0.0
    from podwright.stage0.trustring import sha256

    drawn = int(sha256(f"{state.fleet}\n{state.serial}\n{machine}".encode())[:13], 16) / 16**13
    for stage in state.rollout:
        if drawn * 100 < stage.percent:
            return stage.after
    return float("inf")
