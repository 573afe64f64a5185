# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything of the agent that reads what strangers wrote, one function for each kind of input.

Used by the worker and the fuzz, under the host's Python without its site packages. Each gets the input and a private
directory that is empty; it may raise the agent's errors, nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

DIGEST = "sha256:" + "0" * 64


def layout(place: str) -> Any:
    """A layout whose directories all lie below `place`."""
    from podwright.host.paths import Layout

    etc = f"{place}/etc"
    return Layout(
        data=f"{place}/data", system_config=f"{place}/lib", local_config=etc, run=f"{place}/run"
    )


def aci(data: bytes, place: str) -> Any:
    """Fetch as an unsigned image into a store; its ID."""
    from podwright.model.imageref import parse_ref
    from podwright.stage0 import acquire
    from podwright.stage0.images import FetchOptions

    path = f"{place}/image.aci"
    with open(path, "wb") as file:
        file.write(data)
    options = FetchOptions(insecure=frozenset({"image"}))
    return acquire.get(layout(place), parse_ref(path, os.path.isfile), options, None, "/").id


def unpacked(data: bytes, place: str) -> Any:
    """Unpack as an image, without a store."""
    return _ingest(data, place, "aci")


def layer(data: bytes, place: str) -> Any:
    """Unpack as a layer of an OCI image."""
    return _ingest(data, place, "layer")


def _ingest(data: bytes, place: str, kind: str) -> list[int]:
    from podwright.stage0.render.ingest import ingest

    tree = f"{place}/tree"
    os.mkdir(tree, 0o700)
    found = ingest(_pieces(data), tree, kind, shown="hostile")
    return [found.members, found.left_out]


def _pieces(data: bytes) -> Iterator[bytes]:
    for at in range(0, len(data), 10_007):
        yield data[at : at + 10_007]


def manifest(data: bytes, place: str) -> Any:
    """An image manifest, with what it says of other images."""
    from podwright import jsonio
    from podwright.model import dependency
    from podwright.model.image import parse_image

    found = parse_image(jsonio.loads(data, "manifest"))
    dependency.parse_dependencies(found)
    dependency.parse_whitelist(found)
    return found.name


def pod(data: bytes, place: str) -> Any:
    """A desired state."""
    from podwright import jsonio
    from podwright.model.spec import parse_desired

    return len(parse_desired(jsonio.loads(data, "desired state")).pods)


def document(data: bytes, place: str) -> Any:
    """A manifest or index of a registry."""
    from podwright.model.oci import parse_document

    return type(parse_document(data, "", "example.com/hostile")).__name__


def config(data: bytes, place: str) -> Any:
    """The configuration of an OCI image, and what an appc manifest makes of it."""
    from podwright.model.convert import Origin, convert
    from podwright.model.ociconfig import parse_config

    found = parse_config(data, 1, "example.com/hostile")
    origin = Origin(reference="example.com/hostile:1", manifest=DIGEST, config=DIGEST)
    return convert(found, "example.com/hostile", (("version", "1"),), origin).name


def signature(data: bytes, place: str) -> Any:
    """A detached signature."""
    from podwright.stage0.judge import verify

    return len(verify.read_signatures(data, "hostile.asc"))


def message(data: bytes, place: str) -> Any:
    """A signed message, whose content is a claim."""
    from podwright.errors import VerifyError
    from podwright.stage0.judge import claim, pgp, signedmessage

    try:
        _, content = signedmessage.open_message(data)
    except pgp.Malformed as err:
        raise VerifyError(f"a signature {err.message}") from None
    return claim.parse(content, claim.ATOMIC, "example.com/hostile").digest


def payload(data: bytes, place: str) -> Any:
    """What a signature of an OCI image signs."""
    from podwright.stage0.judge import claim

    return claim.parse(data, claim.COSIGN, "example.com/hostile").digest


def key(data: bytes, place: str) -> Any:
    """A public key, taken apart."""
    from podwright.errors import VerifyError
    from podwright.stage0.judge import pgp

    try:
        return len(pgp.key_ring(data))
    except pgp.Malformed as err:
        raise VerifyError(f"a key {err.message}") from None


class _Server:
    """A server that answers one page whatever it is asked."""

    insecure: frozenset[str] = frozenset()

    def __init__(self, page: bytes) -> None:
        self._page = page

    def get(self, url: str, limit: int, **_: Any) -> bytes:
        return self._page[:limit]


def page(data: bytes, place: str) -> Any:
    """A page of meta discovery."""
    from podwright.errors import FetchError
    from podwright.stage0.web import discover

    client: Any = _Server(data)
    discover.find_keys(client, "example.com/hostile")
    try:
        return discover.find_image(client, "example.com/hostile", (("version", "1"),)).image
    except FetchError as err:
        return err.reason


def policy(data: bytes, place: str) -> Any:
    """A policy file."""
    from podwright.stage0.judge import policy as policies

    os.mkdir(f"{place}/etc")
    _write(f"{place}/etc/policy.json", data)
    found = policies.load(layout(place))
    return found is not None and found.choose("docker", "example.com/hostile:1")[0]


def network(data: bytes, place: str) -> Any:
    """A network's configuration, by both forms that a file may have."""
    from podwright.errors import PodwrightError
    from podwright.net import lookup

    folder = f"{place}/etc/net.d"
    os.makedirs(folder)
    names: list[str] = []
    refusals: list[PodwrightError] = []
    for path in (f"{folder}/10-one.conf", f"{folder}/20-chain.conflist"):
        _write(path, data)
        try:
            names += [one.conf.name for one in lookup.choose("all", (folder,))]
        except PodwrightError as err:
            refusals.append(err)
        os.unlink(path)
    if not names:
        raise refusals[0]
    return names


def registries(data: bytes, place: str) -> Any:
    """A file of registries.d."""
    from podwright.stage0.judge import lookaside

    os.makedirs(f"{place}/etc/registries.d")
    _write(f"{place}/etc/registries.d/hostile.yaml", data)
    return lookaside.base_url(layout(place), "example.com/hostile:1")[0]


def logins(data: bytes, place: str) -> Any:
    """A file of auth.d."""
    from podwright.stage0.web import credentials

    os.makedirs(f"{place}/etc/auth.d")
    _write(f"{place}/etc/auth.d/hostile.json", data)
    found = layout(place)
    credentials.for_servers(found)
    return credentials.for_registry(found, "example.com", "hostile") is not None


def challenge(data: bytes, place: str) -> Any:
    """A WWW-Authenticate header."""
    from podwright.stage0.oci.login import parse_challenge

    return sorted(parse_challenge(data.decode("latin-1")))


def reference(data: bytes, place: str) -> Any:
    """What a user wrote to name an image."""
    from podwright.model.imageref import parse_ref

    return parse_ref(data.decode("utf-8", "surrogateescape"), lambda _: False).kind


def _write(path: str, data: bytes) -> None:
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(data)


READERS: dict[str, Callable[[bytes, str], Any]] = {
    each.__name__: each
    for each in (
        aci, unpacked, layer, manifest, pod, document, config, signature, message, payload, key, page, policy, network,
        registries, logins, challenge, reference,
    )
}  # fmt: skip
