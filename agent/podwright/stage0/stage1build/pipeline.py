# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have the stage1 image of machines on this host, or not, as the module stage1 asks for it.

    {"version": 1, "state": "present", "kind": "kvm", "path": "/srv/stage1-kvm.aci", "insecure_options": [],
     "build": {"kernel", "modules", "version", "compression"},
     "sign": as of image_build, "store": true}

or several of these without `version`: `{"version": 1, "images": [...]}`, one after the other until one fails; the
answer has their answers as `images` then.

With `build` the file is made; without, it is there already. It is signed, and then verified and stored like every
image. `absent` removes the stored images of the kind, and the file where one is named.
"""

from __future__ import annotations

import os

from podwright.errors import HostError, PodwrightError, UsageError
from podwright.kernel import fs
from podwright.model.fields import Fields
from podwright.model.spec import ImageSpec
from podwright.model.stage1 import KVM, MACHINES
from podwright.reconcile.stored import apply_image
from podwright.stage0.build import archive
from podwright.stage0.build.pipeline import Sign, read_sign
from podwright.stage0.build.sign import Signer, sign_archive
from podwright.stage0.insecure import expand
from podwright.stage0.stage1build import build as builder
from podwright.stage0.stage1choice import NAMES
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.host.paths import Layout

COMPRESSIONS = ("gzip", "zstd", "xz", "bzip2", "none")


@value
class Order:
    """What is asked for; parts that are None are not."""

    state: str
    kind: str
    path: str
    build: Optional[builder.Order]
    sign: Optional[Sign]
    store: bool
    insecure: frozenset[str]


def read(raw: Any) -> tuple[Order, ...]:
    """Check one order or several. Raises UsageError naming the field."""
    fields = Fields(raw, "")
    fields.integer("version", ..., 1, 1)
    if "images" not in fields.obj:
        return (_order(fields),)
    orders = tuple(_order(item) for item in fields.objects("images"))
    fields.finish()
    paths = [order.path for order in orders if order.path]
    for path in paths:
        if paths.count(path) > 1:
            raise UsageError(
                f"images: {safe(path, 200)} is named twice",
                "give each a file of its own",
                object=path,
            )
    return orders


def _order(fields: Fields) -> Order:
    state = fields.choice("state", ("present", "absent"), "present")
    kind, path = fields.choice("kind", MACHINES, KVM), fields.text("path")
    if (path and not path.startswith("/")) or (state == "present" and not path):
        where = fields.at("path")
        raise UsageError(
            f"{where}: must be absolute", "say where the image's file is", object=where
        )
    order = Order(
        state=state,
        kind=kind,
        path=path,
        build=_build(fields.child("build"), kind, path),
        sign=read_sign(fields.child("sign")),
        store=fields.boolean("store", True),
        insecure=expand(fields.texts("insecure_options")),
    )
    fields.finish()
    return order


def _build(fields: Optional[Fields], kind: str, path: str) -> Optional[builder.Order]:
    if fields is None:
        return None
    order = builder.Order(
        path,
        fields.text("kernel"),
        fields.text("modules"),
        fields.text("version"),
        fields.choice("compression", COMPRESSIONS, "gzip"),
        kind,
    )
    fields.finish()
    if bool(order.modules) != ("/" in order.kernel):
        raise UsageError(
            "build: a kernel's file and its modules belong together",
            "give the path of /boot/vmlinuz-RELEASE with /lib/modules/RELEASE, or the name of a package alone",
            object="kernel",
        )
    return order


def run(layout: Layout, order: Order, say: Callable[[str], None], *, check: bool) -> dict[str, Any]:
    """Do it, or say what would be done; the answer as JSON. Raises PodwrightError."""
    if order.state == "absent":
        return _remove(layout, order, check)
    out: dict[str, Any] = {"check": check, "kind": order.kind, "warnings": []}
    out["image"] = _made(order, say, check)
    if order.sign is not None:
        out["signature"] = _signed(order, order.sign, out["image"]["changed"], check)
    if order.store:
        out["stored"] = _stored(layout, order, out, check)
    parts = [out[name] for name in ("image", "signature", "stored") if name in out]
    out["changed"] = any(part["changed"] for part in parts)
    out["diff"] = _diff(out)
    return out


def every(
    layout: Layout, orders: tuple[Order, ...], say: Callable[[str], None], *, check: bool
) -> dict[str, Any]:
    """Do several, one after the other; with `error` when one failed, and what was done before it."""
    done: list[dict[str, Any]] = []
    out: dict[str, Any] = {"check": check, "changed": False, "warnings": [], "images": done}
    for order in orders:
        try:
            done.append({"path": order.path, **run(layout, order, say, check=check)})
        except (PodwrightError, OSError) as err:
            from podwright.reconcile.answer import error_json

            out["error"] = error_json(_explained(err, order))
            break
    out["changed"] = any(one["changed"] for one in done)
    out["diff"] = {
        side: [
            {"kind": one["kind"], "path": one["path"], **one["diff"][side]}
            for one in done
            if one["changed"]
        ]
        for side in ("before", "after")
    }
    return out


def _explained(err: Exception, order: Order) -> PodwrightError:
    if isinstance(err, PodwrightError):
        return err
    why = err.strerror if isinstance(err, OSError) else str(err)
    text = f"{safe(order.path, 200)} cannot be made or read: {why}"
    return HostError(text, "check that its directory is there", object=order.path)


def _id(path: str) -> Optional[str]:
    return archive.check(path).image_id if os.path.isfile(path) else None


def _made(order: Order, say: Callable[[str], None], check: bool) -> dict[str, Any]:
    before = _id(order.path)
    if order.build is None:
        found = archive.check(order.path)
        return {
            "path": order.path,
            "id": found.image_id,
            "before": found.image_id,
            "changed": False,
        }
    built = builder.build(replace(order.build, check=check), say)
    return {
        "path": built.path,
        "id": built.image_id,
        "before": before,
        "kernel": built.release,
        "package": built.package or None,
        "kinds": list(built.kinds),
        "changed": built.changed,
    }


def _signed(order: Order, sign: Sign, fresh: bool, check: bool) -> dict[str, Any]:
    with Signer(sign.key, sign.home, sign.passphrase, sign.secret.encode()) as signer:
        changed = (check and fresh) or sign_archive(order.path, signer, dry_run=check)
        path = f"{order.path}.asc"
        return {"path": path, "fingerprint": signer.fingerprint, "changed": changed}


def _stored(layout: Layout, order: Order, out: dict[str, Any], check: bool) -> dict[str, Any]:
    """In the store, as exactly the image of the file; in check mode the file may not be there yet."""
    image_id = out["image"]["id"]
    there = os.path.lexists(f"{layout.images}/{image_id}/record.json")
    if check and (out["image"]["changed"] or not os.path.lexists(order.path)):
        return {"id": image_id, "changed": not there}
    spec = ImageSpec(order.path, insecure=order.insecure, digest=image_id)
    part = apply_image(layout, spec, check, None)
    return {"id": image_id, "changed": part["changed"], "verdict": part.get("verdict")}


def _diff(out: dict[str, Any]) -> dict[str, Any]:
    """The image's ID and whether it is stored; only what is different."""
    image = out["image"]
    sides: dict[str, dict[str, Any]] = {"before": {}, "after": {}}
    if image["changed"]:
        sides["before"]["id"], sides["after"]["id"] = image["before"], image["id"]
    if out.get("signature", {}).get("changed"):
        sides["after"]["signed_by"] = out["signature"]["fingerprint"]
    if out.get("stored", {}).get("changed"):
        sides["before"]["stored"], sides["after"]["stored"] = False, True
    return sides


def _remove(layout: Layout, order: Order, check: bool) -> dict[str, Any]:
    part = apply_image(layout, ImageSpec(NAMES[order.kind], state="absent"), check, None)
    files = [
        path for path in (order.path, f"{order.path}.asc") if order.path and os.path.lexists(path)
    ]
    for path in files if not check else ():
        fs.unlink(path)
    changed = bool(part["changed"] or files)
    before = {"stored": part["diff"]["before"], "files": files} if changed else {}
    return {
        "check": check,
        "kind": order.kind,
        "warnings": [],
        "changed": changed,
        "stored": {"changed": part["changed"]},
        "diff": {"before": before, "after": {}},
    }
