# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pods are answered below `/<token>/acMetadata/v1/` (behaviour.md B13, appc ace.md)."""

from __future__ import annotations

from podwright import jsonio
from podwright.metadata.http import ASCII, JSON, TEXT, Failure, Response, form, sentence
from podwright.model.names import is_uuid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.metadata.http import Request
    from podwright.metadata.key import Key
    from podwright.metadata.records import Record

BASE = ("acMetadata", "v1")
MOST_BODY = 65536
SIGN, VERIFY = ("pod", "hmac", "sign"), ("pod", "hmac", "verify")


def answer(request: Request, record: Record, key: Key) -> Response:
    """The answer to a pod that has been identified. Raises Failure."""
    path = request.path[1:]
    if path[:2] != BASE:
        raise Failure(404, "there is only /acMetadata/v1/")
    path = path[2:-1] if path[-1] == "" else path[2:]
    wanted = "POST" if path in (SIGN, VERIFY) else "GET"
    if request.method != wanted:
        raise Failure(405, f"only {wanted} works here")
    if path == SIGN:
        return Response(200, key.sign(record.uuid, form(request, ("content",))["content"]), ASCII)
    if path == VERIFY:
        return _verify(request, key)
    return _pod(path[1:], record) if path[:1] == ("pod",) else _app(path, record)


def _verify(request: Request, key: Key) -> Response:
    """Whether a signature is that of the pod whose UUID is given."""
    fields = form(request, ("content", "uuid", "signature"))
    uuid = fields["uuid"].decode("latin-1").lower()
    if not is_uuid(uuid):
        raise Failure(400, "uuid: is not a UUID")
    if key.verify(uuid, fields["content"], fields["signature"]):
        return sentence(200, "the signature is good")
    return sentence(403, "the signature is not that pod's for this content")


def _pod(path: tuple[str, ...], record: Record) -> Response:
    if path == ("uuid",):
        return Response(200, record.uuid.encode(), ASCII)
    if path == ("manifest",):
        return _json(record.manifest)
    if path[:1] == ("annotations",):
        return _annotations(path[1:], pairs(record.manifest))
    raise _nothing()


def _app(path: tuple[str, ...], record: Record) -> Response:
    name, below = path[1] if len(path) > 1 else "", path[2:]
    apps = {app["name"]: app for app in record.manifest["apps"]}
    if path[:1] != ("apps",) or name not in apps or name not in record.images:
        raise _nothing()
    image, app = record.images[name], apps[name]
    if below == ("image", "id"):
        return Response(200, app["image"]["id"].encode(), ASCII)
    if below == ("image", "manifest"):
        return _json(image)
    if below[:1] == ("annotations",):
        return _annotations(below[1:], {**pairs(image), **pairs(app)})
    raise _nothing()


def pairs(holder: dict[str, Any]) -> dict[str, str]:
    """The annotations of a manifest or of an app in one."""
    return {pair["name"]: pair["value"] for pair in holder.get("annotations") or ()}


def _annotations(path: tuple[str, ...], found: dict[str, str]) -> Response:
    """All of them, or the text of the one that is named."""
    if not path:
        return _json([{"name": name, "value": text} for name, text in found.items()])
    name = "/".join(path)  # names have slashes, which people write as they are
    if name not in found:
        raise _nothing()
    return Response(200, found[name].encode("utf-8", "replace"), TEXT)


def _json(found: Any) -> Response:
    return Response(200, jsonio.dumps(found).encode(), JSON)


def _nothing() -> Failure:
    return Failure(404, "there is nothing of this name")
