# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build, sign, publish and push in one call, as the module image_build asks for it.

    {"version": 1, "path": "/srv/app.aci", "insecure_options": [],
     "build": {"source": ..., as in spec.py but for output},
     "sign": {"key" or "secret_key", "passphrase", "gpg_home"},
     "publish": {"directory", "keys", "prefix", "latest", "replace"},
     "push": {"target", "compression", "lookaside", "sigstore_key", "sigstore_passphrase",
              "registry_auth"}}

The parts that are there are done in this order. A dry run builds what would be new into a private
directory, so that what it says of the later parts is exact.
"""

from __future__ import annotations

import contextlib
import tempfile

from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.stage0.build import archive, make, publish, push, spec
from podwright.stage0.build.sign import Signer, read_passphrase, sign_archive
from podwright.stage0.insecure import expand
from podwright.stage0.web.givenlogins import parse_list
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.stage0.web.givenlogins import Credentials


@value
class Publish:
    """See `publish.Order`."""

    directory: str
    keys: tuple[str, ...]
    prefix: str
    latest: bool
    replace: bool


@value
class Push:
    """See `push.Order`."""

    target: str
    compression: str
    lookaside: str
    sigstore_key: str
    sigstore_passphrase: str
    credentials: Optional[Credentials]


@value
class Sign:
    """Which key signs: `key` names one in gpg's home, `secret` is one itself."""

    key: str
    secret: str
    passphrase: str
    home: str


@value
class Order:
    """What is asked for; parts that are None are not."""

    path: str
    build: Optional[spec.Spec]
    sign: Optional[Sign]
    publish: Optional[Publish]
    push: Optional[Push]
    insecure: frozenset[str]


def read(raw: Any) -> Order:
    """Check an order. Raises UsageError naming the field."""
    fields = Fields(raw, "")
    fields.integer("version", ..., 1, 1)
    path = fields.text("path", ...)
    if not path.startswith("/"):
        raise UsageError("path: must be absolute", object="path")
    build = fields.raw("build")
    order = Order(
        path=path,
        build=spec.read({**build, "output": path}) if isinstance(build, dict) else None,
        sign=read_sign(fields.child("sign")),
        publish=_publish(fields.child("publish")),
        push=_push(fields.child("push")),
        insecure=expand(fields.texts("insecure_options")),
    )
    fields.finish()
    return order


def read_sign(fields: Optional[Fields]) -> Optional[Sign]:
    """Who signs, of an order. Raises UsageError."""
    if fields is None:
        return None
    passphrase, file = fields.text("passphrase"), fields.text("passphrase_file")
    if passphrase and file:
        raise UsageError("sign: give either passphrase or passphrase_file", object="sign")
    found = Sign(
        fields.text("key"),
        fields.text("secret_key"),
        read_passphrase(file) if file else passphrase,
        fields.text("gpg_home"),
    )
    fields.finish()
    if bool(found.key) == bool(found.secret):
        raise UsageError("sign: give either key or secret_key", object="sign")
    return found


def _publish(fields: Optional[Fields]) -> Optional[Publish]:
    if fields is None:
        return None
    found = Publish(
        fields.text("directory", ...),
        fields.texts("keys"),
        fields.text("prefix"),
        fields.boolean("latest"),
        fields.boolean("replace"),
    )
    fields.finish()
    return found


def _push(fields: Optional[Fields]) -> Optional[Push]:
    if fields is None:
        return None
    found = Push(
        fields.text("target", ...),
        fields.choice("compression", ("gzip", "zstd", "none"), "gzip"),
        fields.text("lookaside"),
        fields.text("sigstore_key"),
        fields.text("sigstore_passphrase"),
        parse_list(fields),
    )
    fields.finish()
    push.target_of(found.target)
    return found


def run(layout: Layout, order: Order, *, check: bool = False, diff: bool = False) -> dict[str, Any]:
    """Do it, or say what would be done; the answer as JSON."""
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="podwright-make-"))
        signer = None
        if order.sign is not None:
            sign = order.sign
            signer = stack.enter_context(
                Signer(sign.key, sign.home, sign.passphrase, sign.secret.encode())
            )
        return _Run(layout, order, signer, scratch, check).answer(diff)


class _Run:
    def __init__(
        self, layout: Layout, order: Order, signer: Optional[Signer], scratch: str, check: bool
    ) -> None:
        self._layout = layout
        self._order = order
        self._signer = signer
        self._scratch = scratch
        self._check = check
        self._image = order.path
        self._before: dict[str, Any] = {}
        self._after: dict[str, Any] = {}
        self._out: dict[str, Any] = {"changed": False, "check": check, "warnings": []}

    def answer(self, diff: bool) -> dict[str, Any]:
        """Every part in its turn."""
        order = self._order
        if order.build is not None:
            self._build(order.build)
        else:
            self._out["image"] = {
                "path": order.path, "id": archive.check(order.path).image_id, "changed": False
            }  # fmt: skip
        if self._signer is not None:
            self._sign(self._signer)
        if order.publish is not None:
            self._publish(order.publish)
        if order.push is not None:
            self._push(order.push)
        parts = [self._out.get(name) for name in ("image", "signature", "published", "pushed")]
        self._out["changed"] = any(part["changed"] for part in parts if part)
        if diff:
            self._out["diff"] = {"before": self._before, "after": self._after}
        return self._out

    def _build(self, wanted: spec.Spec) -> None:
        built = make.build(wanted, dry_run=self._check)
        later = self._order.publish is not None or self._order.push is not None
        if self._check and built.changed and later:
            self._image = f"{self._scratch}/image.aci"
            make.build(replace(wanted, output=self._image))
        self._out["image"] = {"path": built.path, "id": built.image_id, "changed": built.changed}
        self._out["warnings"] += built.warnings
        if built.changed:
            from podwright import jsonio

            if built.before is not None:
                self._before["id"] = built.before.image_id
                self._before["manifest"] = built.before.manifest.raw
            self._after["id"] = built.image_id
            self._after["manifest"] = jsonio.loads(built.manifest, "manifest")

    def _sign(self, signer: Signer) -> None:
        path = f"{self._order.path}.asc"
        fresh = self._check and self._out["image"]["changed"]
        changed = fresh or sign_archive(self._order.path, signer, dry_run=self._check)
        signed = {"path": path, "fingerprint": signer.fingerprint, "changed": changed}
        self._out["signature"] = signed
        if changed:
            self._after["signed_by"] = signer.fingerprint

    def _publish(self, wanted: Publish) -> None:
        done = publish.publish(
            publish.Order(
                root=wanted.directory,
                images=(self._image,),
                keys=tuple(key.encode() for key in wanted.keys),
                signer=self._signer,
                prefix=wanted.prefix,
                latest=wanted.latest,
                replace=wanted.replace,
            ),
            dry_run=self._check,
        )
        self._out["published"] = {
            "host": done.host,
            "images": list(done.images),
            "files": list(done.files),
            "changed": done.changed,
        }
        if done.changed:
            self._after["published"] = list(done.files)

    def _push(self, wanted: Push) -> None:
        if (self._signer is not None) != bool(wanted.lookaside) and wanted.lookaside:
            raise UsageError("push.lookaside: needs a key to sign with", object="push.lookaside")
        done = push.push(
            self._layout,
            push.Order(
                image=self._image,
                target=wanted.target,
                compression=wanted.compression,
                signer=self._signer if wanted.lookaside else None,
                lookaside=wanted.lookaside,
                sigstore_key=wanted.sigstore_key.encode(),
                sigstore_passphrase=wanted.sigstore_passphrase,
                insecure=self._order.insecure,
                credentials=wanted.credentials,
            ),
            dry_run=self._check,
        )
        self._out["pushed"] = {
            "digest": done.digest,
            "reference": done.reference,
            "signatures": list(done.signatures),
            "changed": done.changed,
        }
        self._out["warnings"] += done.warnings
        if done.changed:
            self._after["pushed"] = f"{done.reference} {done.digest}"
