# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired state: what an operator asks of a host. Unknown fields are refused by path."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.podspec import PodSpec, parse_pod_spec
from podwright.model.specfields import insecure, logins
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.model.network import NetworkSpec
    from podwright.model.secret import Content
    from podwright.stage0.web.givenlogins import Credentials

VERSION = 1


@value
class KeySpec:
    """A trusted key: present or absent for an image name prefix ("" with `root`).

    key, url  the armoured key, or where to get it while it is not trusted
    """

    prefix: str
    fingerprint: str
    key: str = ""
    state: str = "present"
    url: str = ""


@value
class ImageSpec:
    """An image in the store: present, latest (look again), or absent.

    digest       the image ID or manifest digest that it must have, see `stage0/expected.py`
    credentials  log-ins to fetch it with
    """

    name: str
    state: str = "present"
    signature: str = ""
    insecure: frozenset[str] = frozenset()
    digest: str = ""
    credentials: Optional[Credentials] = None


@value
class PolicySpec:
    """The admission policy: the whole document, already checked, or None for no policy file."""

    document: Optional[dict[str, Any]]


@value
class KeptSecretSpec:
    """A secret that the host keeps by name, with what is to be in it; without a content it is not there.

    encrypt  auto, require, off
    """

    name: str
    content: Optional[Content] = None
    encrypt: str = "auto"


@value
class DesiredState:
    """All that one `apply` is asked for."""

    keys: tuple[KeySpec, ...] = ()
    images: tuple[ImageSpec, ...] = ()
    pods: tuple[PodSpec, ...] = ()
    policy: Optional[PolicySpec] = None
    networks: tuple[NetworkSpec, ...] = ()
    secrets: tuple[KeptSecretSpec, ...] = ()


def parse_desired(raw: Any) -> DesiredState:
    """Check a desired state document. Raises UsageError with the path of the bad field."""
    fields = Fields(raw, "")
    version = fields.integer("version", VERSION, 1)
    if version != VERSION:
        raise UsageError(
            f"version: this agent reads version {VERSION}, not {version}", "upgrade the agent"
        )
    shared = logins(fields, None)
    state = DesiredState(
        tuple(_parse_key(item) for item in fields.objects("keys")),
        tuple(_parse_image(item, shared) for item in fields.objects("images")),
        tuple(parse_pod_spec(item, shared) for item in fields.objects("pods")),
        _parse_policy(fields.child("policy")),
        _networks(fields),
        tuple(_parse_secret(item) for item in fields.objects("secrets")),
    )
    fields.finish()
    _once("keys", [f"key {key.fingerprint} for {key.prefix or 'root'}" for key in state.keys])
    _once("images", [f"image {safe(image.name, 200)}" for image in state.images])
    _once("pods", [f"pod {pod.name}" for pod in state.pods], ".name")
    _once("secrets", [f"secret {secret.name}" for secret in state.secrets], ".name")
    _once("networks", [f"network {network.name}" for network in state.networks], ".name")
    return state


def _networks(fields: Fields) -> tuple[NetworkSpec, ...]:
    if fields.raw("networks") is None:
        return ()
    from podwright.model.network import parse_network

    return tuple(parse_network(item) for item in fields.objects("networks"))


def _once(kind: str, shown: list[str], field: str = "") -> None:
    """Refuse an object that is asked for twice, since the two could contradict each other."""
    for index, text in enumerate(shown):
        if text in shown[:index]:
            raise UsageError(
                f"{kind}[{index}]{field}: {text} appears twice", object=text.partition(" ")[2]
            )


def _parse_policy(fields: Optional[Fields]) -> Optional[PolicySpec]:
    if fields is None:
        return None
    state = fields.choice("state", ("present", "absent"), "present")
    document = fields.raw("document")
    if (document is None) == (state == "present"):
        raise UsageError(f"{fields.at('document')}: is needed, and only with state: present")
    fields.finish()
    if document is not None:
        from podwright.model.policy import parse_policy

        parse_policy(document, fields.at("document"))
    return PolicySpec(document)


def _parse_secret(fields: Fields) -> KeptSecretSpec:
    from podwright.model.names import ac_name
    from podwright.model.secret import parse_content

    name = ac_name(fields.text("name", ...), fields.at("name"))
    present = fields.choice("state", ("present", "absent"), "present") == "present"
    encrypt = fields.choice("encrypt", ("auto", "require", "off"), "auto")
    spec = KeptSecretSpec(name, parse_content(fields) if present else None, encrypt)
    if not present and fields.raw("content") is not None:
        raise UsageError(f"{fields.at('content')}: is only for state: present", object=name)
    fields.finish()
    return spec


def _parse_key(fields: Fields) -> KeySpec:
    root = fields.boolean("root")
    prefix = fields.text("prefix")
    if root == bool(prefix):
        raise UsageError(f"{fields.path}: say either prefix or root: true")
    spec = KeySpec(
        prefix,
        fields.text("fingerprint", ...),
        fields.text("key"),
        fields.choice("state", ("present", "absent"), "present"),
        fields.text("url"),
    )
    if spec.state == "present" and bool(spec.key) == bool(spec.url):
        raise UsageError(
            f"{fields.at('key')}: is missing"
            if not spec.key
            else f"{fields.path}: has key and url",
            "give either the armoured public key or its https URL",
            object=spec.fingerprint,
        )
    fields.finish()
    return spec


def _parse_image(fields: Fields, shared: Optional[Credentials]) -> ImageSpec:
    name, digest, known = fields.text("name", ...), fields.text("digest"), logins(fields, shared)
    if digest:
        from podwright.stage0 import expected

        digest = expected.parse(digest, fields.at("digest"))
    if fields.raw("credentials") is not None:
        from podwright.stage0.web.givenlogins import parse_own

        own = parse_own(fields, name)
        known = own.over(known) if own else known
    spec = ImageSpec(
        name,
        fields.choice("state", ("present", "latest", "absent"), "present"),
        fields.text("signature"),
        insecure(fields),
        digest,
        known,
    )
    fields.finish()
    return spec
