# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright bundle make -`: have bundles as the module bundle asks for them, one after the other until one fails.

    {"version": 1, "bundles": [{"path": "/srv/www/shop.json", "fleet": "acme/shop", "expires": "720h", "renew": "360h",
     "serial": 0, "not_before": "", "minimum_agent": "", "state": {...} or "hosts": [...] and "rollout": [...],
     "sign": as of image_build, "push": "oci://registry.example.com/fleet:stable"}]}

A bundle that says the same and is good for longer than `renew` stays as it is, byte by byte. Another one gets the next
serial number (or `serial`, which may not be lower), so that a second run changes nothing.
"""

from __future__ import annotations

import time

from podwright import jsonio
from podwright.cli import durations
from podwright.cli.bundle import until
from podwright.errors import HostError, PodwrightError, UsageError
from podwright.model import fleetstate
from podwright.model.fields import Fields
from podwright.pull import make as making
from podwright.stage0.build.pipeline import read_sign
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.stage0.build.pipeline import Sign


@value
class Order:
    """What is asked for: `raw` is what `making.compose` takes, `serial` 0 the next one, `renew` in seconds."""

    path: str
    fleet: str
    serial: int
    expires: str
    renew: float
    not_before: str
    minimum_agent: str
    raw: dict[str, Any]
    sign: Optional[Sign]
    push: str


def read(raw: Any) -> tuple[Order, ...]:
    """Check the orders. Raises UsageError naming the field."""
    fields = Fields(raw, "")
    fields.integer("version", ..., 1, 1)
    orders = tuple(_order(item) for item in fields.objects("bundles"))
    fields.finish()
    for order in orders:
        if sum(other.path == order.path for other in orders) > 1:
            raise UsageError(
                f"bundles: {safe(order.path, 200)} is named twice",
                "give each a file of its own",
                object=order.path,
            )
    return orders


def _order(fields: Fields) -> Order:
    path, expires = fields.text("path", ...), fields.text("expires", "720h")
    if not path.startswith("/"):
        where = fields.at("path")
        raise UsageError(f"{where}: must be absolute", "say where the bundle is", object=where)
    content = {
        name: found for name in ("hosts", "rollout") if (found := fields.raw(name)) is not None
    }
    state = fields.raw("state")
    if (state is None) == ("hosts" not in content):
        raise UsageError(
            f"{fields.at('state')}: needs either a state for all hosts, or hosts",
            "give one of state and hosts",
            object=fields.at("state"),
        )
    order = Order(
        path,
        fields.text("fleet", ...),
        fields.integer("serial", 0, 0, fleetstate.MAX_SERIAL),
        expires,
        _renew(fields.text("renew"), expires),
        fields.text("not_before"),
        fields.text("minimum_agent"),
        content if state is None else {"hosts": [{"state": state}], **content},
        read_sign(fields.child("sign")),
        fields.text("push"),
    )
    fields.finish()
    return order


def _renew(text: str, expires: str) -> float:
    """For how many seconds a bundle must still be good; half of its life if nothing is said."""
    if text:
        return durations.seconds(text, "renew")
    return 0.0 if "T" in expires else durations.seconds(expires, "expires") / 2


def every(
    layout: Layout, orders: tuple[Order, ...], insecure: frozenset[str], *, check: bool
) -> dict[str, Any]:
    """Do it, or say what would be done; with `error` when one failed, and what was done before it."""
    done: list[dict[str, Any]] = []
    warnings = [
        f"{safe(order.path, 200)}: renew is not shorter than expires, so every run makes another bundle"
        for order in orders
        if "T" not in order.expires and order.renew >= durations.seconds(order.expires, "expires")
    ]
    out: dict[str, Any] = {"check": check, "changed": False, "warnings": warnings, "bundles": done}
    for order in orders:
        try:
            done.append(_have(layout, order, insecure, check))
        except (PodwrightError, OSError) as err:
            from podwright.reconcile.answer import error_json

            out["error"] = error_json(_explained(err, order))
            break
    out["changed"] = any(one["changed"] for one in done)
    out["diff"] = {
        side: {one["path"]: one["diff"][side] for one in done if one["changed"]}
        for side in ("before", "after")
    }
    return out


def _explained(err: Exception, order: Order) -> PodwrightError:
    if isinstance(err, PodwrightError):
        return err
    why = err.strerror if isinstance(err, OSError) else str(err)
    text = f"{safe(order.path, 200)} cannot be made or read: {why}"
    return HostError(text, "check that its directory is there", object=order.path)


def _have(layout: Layout, order: Order, insecure: frozenset[str], check: bool) -> dict[str, Any]:
    before = _before(order)
    data, now = _wanted(order, before)
    written, fingerprint = _write(order, data, check)
    told = {name: one for name, one in now.items() if name != "hosts"}
    out: dict[str, Any] = {"path": order.path, **told, "changed": written}
    if fingerprint:
        out["fingerprint"] = fingerprint
    if order.push:
        out["pushed"] = _push(layout, order, insecure, fresh=check and written, check=check)
        out["changed"] = written or out["pushed"]["changed"]
    out["diff"] = {"before": before[1] if before else {}, "after": dict(now)}
    return out


def _facts(document: dict[str, Any]) -> dict[str, Any]:
    """What is told of a bundle."""
    return {name: document[name] for name in ("fleet", "serial", "expires", "hosts")}


def _before(order: Order) -> Optional[tuple[bytes, dict[str, Any]]]:
    """The bundle that is there: its bytes, and what is told of it. Raises UsageError when it is something else."""
    data = making.read(order.path)
    if data is None:
        return None
    what = safe(order.path, 200)
    found = fleetstate.parse(data, what)
    if found.fleet != order.fleet:
        raise UsageError(
            f"{what} is a bundle of fleet {safe(found.fleet, 100)}, not of {safe(order.fleet, 100)}",
            "give each fleet a file of its own",
            object=order.path,
        )
    if order.serial and order.serial < found.serial:
        raise UsageError(
            f"{what} has serial {found.serial} already, and {order.serial} is lower: hosts would refuse it",
            "leave out serial, and it gets the next one",
            object=order.path,
        )
    return data, _facts(jsonio.loads(data, what, limit=fleetstate.MAX_BYTES))


def _wanted(
    order: Order, before: Optional[tuple[bytes, dict[str, Any]]]
) -> tuple[bytes, dict[str, Any]]:
    """The bytes that are to be there, and what is told of them."""
    if before is not None:
        data, told = before
        good = fleetstate.moment(told["expires"], "expires") - time.time() > order.renew
        kept = told["expires"] == order.expires if "T" in order.expires else good
        if kept and order.serial in (0, told["serial"]) and _compose(order, told) == data:
            return data, told
    serial = order.serial or (before[1]["serial"] + 1 if before else 1)
    if before is not None and serial == before[1]["serial"]:
        raise UsageError(
            f"{safe(order.path, 200)} has serial {serial} already, and says something else",
            "leave out serial, and it gets the next one",
            object=order.path,
        )
    data = _compose(order, {"serial": serial, "expires": until(order.expires, "expires")})
    return data, _facts(jsonio.loads(data, "the bundle", limit=fleetstate.MAX_BYTES))


def _compose(order: Order, told: dict[str, Any]) -> bytes:
    head = making.Head(
        order.fleet, told["serial"], told["expires"], order.not_before, order.minimum_agent
    )
    return making.compose(order.raw, head, safe(order.path, 200))


def _write(order: Order, data: bytes, check: bool) -> tuple[bool, str]:
    """Write it and its signature; whether anything was, or would be, and whose key signs."""
    if order.sign is None:
        return making.write(order.path, data, None, dry_run=check), ""
    from podwright.stage0.build.sign import Signer

    sign = order.sign
    with Signer(sign.key, sign.home, sign.passphrase, sign.secret.encode()) as signer:
        changed = making.write(order.path, data, signer, dry_run=check)
        return changed, signer.fingerprint


def _push(
    layout: Layout, order: Order, insecure: frozenset[str], *, fresh: bool, check: bool
) -> dict[str, Any]:
    """Publish it; `fresh`: what would be pushed is not there yet."""
    if fresh:
        return {"url": order.push, "digest": None, "changed": True}
    digest, changed = making.push(layout, order.path, order.push, insecure, dry_run=check)
    return {"url": order.push, "digest": digest, "changed": changed}
