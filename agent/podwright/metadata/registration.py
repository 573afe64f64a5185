# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What root asks on the unix socket: pods are registered, with the manifests of their images."""

from __future__ import annotations

import socket
from urllib.parse import parse_qs

from podwright import jsonio
from podwright.errors import PodwrightError
from podwright.metadata.http import JSON, Failure, Response, sentence
from podwright.metadata.records import Record, addresses, digest, running
from podwright.model.names import is_hex, is_uuid
from podwright.model.pod import parse_pod
from podwright.net import ledger
from podwright.net.check import UNREACHED
from podwright.net.ip import family
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from podwright.metadata.http import Request
    from podwright.metadata.records import Records
    from podwright.net.values import Holding

    Listening = Sequence[tuple[str, int]]

MOST_BODY = jsonio.MAX_BYTES
TOKEN_DIGITS = 64
ANY = {4: "0.0.0.0", 6: "::"}


def answer(request: Request, records: Records, listening: Listening) -> Response:
    """Do what is asked. Raises Failure.

    listening  the addresses and ports on which pods are answered
    """
    path = request.path
    if len(path) not in (2, 3) or path[0] != "pods" or not is_uuid(path[1]):
        raise Failure(404, "there is only /pods/UUID and /pods/UUID/APP")
    if len(path) == 3 and request.method == "PUT":
        return _put_app(request, records)
    if len(path) == 2 and request.method == "PUT":
        return _put_pod(request, records, listening)
    if len(path) == 2 and request.method == "DELETE":
        return _delete(request, records)
    raise Failure(405, "only PUT, and DELETE of pods, work here")


def _put_pod(request: Request, records: Records, listening: Listening) -> Response:
    uuid, token = request.path[1], _token(request)
    known = records.by_uuid.get(uuid) if not token else None
    if known is None and not is_hex(token, TOKEN_DIGITS):
        raise Failure(400, f"token: is not {TOKEN_DIGITS} lower-case hexadecimal digits (256 bits)")
    manifest = _object(request.body)
    try:
        parse_pod(manifest, "pod manifest")
    except PodwrightError as err:
        raise Failure(400, err.sentence()) from None
    holding = running(records.net_dir, uuid, records.boot)
    if holding is None:
        raise Failure(409, "it does not run, or has no network of its own")
    _check_alone(uuid, holding, records)
    _check_published(records, {port for _, port in listening})
    url = base_url(holding, listening)
    manifest.pop("secrets", None)  # where they come from is the operator's business
    if known is None:
        records.put(Record(uuid, records.boot, digest(token), manifest, {}), holding)
    else:  # the same pod, whose apps have changed
        names = [one["name"] for one in manifest["apps"]]
        images = {app: found for app, found in known.images.items() if app in names}
        records.put(replace(known, manifest=manifest, images=images), holding)
    return Response(201, jsonio.dumps({"url": url}).encode(), JSON)


def _check_alone(uuid: str, holding: Holding, records: Records) -> None:
    """Refuse an address that would mean two pods, which operators can configure."""
    for ip in addresses(holding):
        other = records.sources.get(ip, uuid)
        if other != uuid and running(records.net_dir, other, records.boot) is not None:
            raise Failure(409, f"pod {other} has the address {ip} too")


def _check_published(records: Records, ports: set[int]) -> None:
    """Refuse while requests to our port would go to a pod that has published it."""
    for holding in ledger.read_all(records.net_dir).holdings:
        for port in holding.ports:
            if port.proto == "tcp" and port.host_port in ports:
                raise Failure(409, f"port {port.host_port} of the host leads to {holding.holder()}")


def _put_app(request: Request, records: Records) -> Response:
    _, uuid, app = request.path
    record = records.by_uuid.get(uuid)
    holding = running(records.net_dir, uuid, records.boot)
    if record is None or holding is None:
        raise Failure(404, "no running pod is registered with this UUID")
    if app not in [one["name"] for one in record.manifest["apps"]]:
        raise Failure(404, "the pod has no app of this name")
    manifest = _object(request.body)
    if manifest.get("acKind") != "ImageManifest" or not _has_pairs(manifest):
        raise Failure(400, "that is no image manifest")
    records.put(replace(record, images={**record.images, app: manifest}), holding)
    return sentence(201, "registered")


def _delete(request: Request, records: Records) -> Response:
    uuid, token = request.path[1], _token(request)
    known = records.by_uuid.get(uuid)
    if known is not None and token and digest(token) != known.token:
        raise Failure(403, "the token is not this pod's")
    if not records.drop(uuid):
        raise Failure(404, "no pod is registered with this UUID")
    return sentence(200, "forgotten")


def _token(request: Request) -> str:
    found = parse_qs(request.query).get("token", [])
    return found[0] if len(found) == 1 else ""


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = jsonio.loads(body, "the manifest")
    except PodwrightError as err:
        raise Failure(400, err.sentence()) from None
    if not isinstance(found, dict):
        raise Failure(400, "the manifest is no object")
    return found


def _has_pairs(manifest: dict[str, Any]) -> bool:
    """Whether its annotations are what they are to be."""
    found = manifest.get("annotations") or []
    return isinstance(found, list) and all(
        isinstance(pair, dict)
        and isinstance(pair.get("name"), str)
        and isinstance(pair.get("value"), str)
        for pair in found
    )


def base_url(holding: Holding, listening: Listening) -> str:
    """Where the pod reaches us: a gateway of its that is an address of this host. Raises Failure."""
    gateways = [
        address.gateway
        for one in holding.attachments
        if one.kind not in UNREACHED
        for address in one.addresses
        if address.gateway and is_own(address.gateway)
    ]
    for gateway in sorted(gateways, key=family):  # the order of networks within a family stays
        for ip, port in listening:
            if ip in (gateway, ANY[family(gateway)]):
                shown = f"[{gateway}]" if family(gateway) == 6 else gateway
                return f"http://{shown}:{port}"
    if gateways:
        raise Failure(409, f"the service does not listen on {' or '.join(gateways)}")
    raise Failure(409, "none of its networks leads to this host")


def is_own(ip: str) -> bool:
    """Whether it is an address of this host: what is sent to it comes from itself."""
    kind = socket.AF_INET6 if family(ip) == 6 else socket.AF_INET
    with socket.socket(kind, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((ip, 9))  # sends nothing
        except OSError:
            return False
        return bool(probe.getsockname()[0] == ip)
