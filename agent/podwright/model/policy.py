# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The admission policy, in the grammar of containers-policy.json(5).

    {"default": [REQUIREMENT...], "transports": {TRANSPORT: {SCOPE: [REQUIREMENT...]}},
     "stage1Ranks": {IMAGE-ID: RANK}}

As there, one thing that is not understood makes the whole file refused: an unknown, repeated or
null key, a wrong type, a scope that no image can have. Ours are the transport `appc`, whose
scopes are image names and what stands before a `/` in them; `minimumStage1` and
`maximumSignatureAge` in a requirement; `stage1Ranks`; and `signedBy` without a key, which means
the keys that the trust store has for the image's name.
"""

from __future__ import annotations

import binascii

from podwright.errors import UsageError
from podwright.model import policyscope
from podwright.model.fields import Fields
from podwright.model.names import is_image_id
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ACCEPT, REJECT = "insecureAcceptAnything", "reject"
SIGNED_BY, SIGSTORE = "signedBy", "sigstoreSigned"
STAGE1 = ("fly", "namespaces", "user-namespaced", "vm")
"""Isolation, weakest first."""
NOT_SUPPORTED = ("fulcio", "rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData",
                 "rekorPublicKeyDatas", "pki")  # fmt: skip
MAX_REQUIREMENTS = 16
_UNITS = {"h": 3600, "d": 86400, "w": 604800}


@value
class SignedIdentity:
    """What a signature must say about which image it is for.

    kind           matchExact, matchRepoDigestOrExact, matchRepository, exactReference,
                   exactRepository or remapIdentity
    reference      the dockerReference or dockerRepository of the exact kinds
    prefix, signed_prefix   of remapIdentity
    """

    kind: str = "matchRepoDigestOrExact"
    reference: str = ""
    prefix: str = ""
    signed_prefix: str = ""


@value
class Requirement:
    """One condition on an image.

    kind            ACCEPT, REJECT, SIGNED_BY or SIGSTORE
    paths           key files on this host; any of them may hold the key
    data            keys in the policy itself, decoded
    trust_store     SIGNED_BY: the keys are those of podwright's trust store
    minimum_stage1  the weakest isolation that is allowed, one of STAGE1, or ""
    maximum_age     seconds that a signature may be old, or 0
    """

    kind: str
    paths: tuple[str, ...] = ()
    data: tuple[bytes, ...] = ()
    trust_store: bool = False
    identity: SignedIdentity = SignedIdentity()
    minimum_stage1: str = ""
    maximum_age: int = 0

    @property
    def needs_signature(self) -> bool:
        """Whether only a signature satisfies it."""
        return self.kind in (SIGNED_BY, SIGSTORE)


@value
class Policy:
    """A whole policy: `transports` maps a transport to its scopes, `ranks` stage1 images to STAGE1."""

    default: tuple[Requirement, ...]
    transports: dict[str, dict[str, tuple[Requirement, ...]]]
    ranks: dict[str, str]

    def choose(self, transport: str, identity: str) -> tuple[str, tuple[Requirement, ...]]:
        """(the scope that decides, its requirements) for an image: the most specific one wins.

        The scope is shown as `TRANSPORT:SCOPE`, `TRANSPORT:` for a transport's own default and
        `default` for the policy's.
        """
        known = self.transports.get(transport, {})
        for scope in (*policyscope.candidates(transport, identity), ""):
            if scope in known:
                return f"{transport}:{scope}", known[scope]
        return "default", self.default


NO_POLICY = (Requirement(SIGNED_BY, trust_store=True),)
"""What is required where there is no policy: a signature by a key that is trusted for the name."""


def parse_policy(raw: Any, where: str = "") -> Policy:
    """Check a policy document; `where` is its path in a larger one.

    Raises UsageError with the path of what is wrong.
    """
    fields = Fields(raw, where)
    _no_null(raw, where)
    default = _requirements(fields.raw("default", ...), fields.at("default"), "")
    transports = {}
    for transport, scopes in _object(fields, "transports").items():
        at = fields.at(f"transports.{safe(transport, 60)}")
        if transport not in policyscope.TRANSPORTS + policyscope.FOREIGN:
            raise UsageError(
                f"{at}: is not a transport", f"known are {', '.join(policyscope.TRANSPORTS)}"
            )
        transports[transport] = _scopes(scopes, at, transport)
    ranks = _object(fields, "stage1Ranks")
    for image_id, rank in ranks.items():
        at = fields.at(f"stage1Ranks.{safe(image_id, 100)}")
        if not is_image_id(image_id):
            raise UsageError(f"{at}: is not an image ID", "give sha512- and all 64 digits")
        if rank not in STAGE1:
            raise UsageError(f"{at}: must be one of {', '.join(STAGE1)}")
    fields.finish()
    return Policy(default, transports, ranks)


def _scopes(raw: Any, at: str, transport: str) -> dict[str, tuple[Requirement, ...]]:
    if not isinstance(raw, dict):
        raise UsageError(f"{at}: must be an object of scopes")
    out = {}
    for scope, requirements in raw.items():
        shown = f"{at}.{safe(scope, 200)!r}"
        why = policyscope.problem(transport, scope)
        if why:
            raise UsageError(f"{shown}: {why}", "see containers-policy.json(5)")
        out[scope] = _requirements(requirements, shown, transport)
    return out


def _requirements(raw: Any, at: str, transport: str) -> tuple[Requirement, ...]:
    if not isinstance(raw, list) or not raw:
        raise UsageError(f"{at}: must be a list of one requirement or more")
    if len(raw) > MAX_REQUIREMENTS:
        raise UsageError(f"{at}: has more than {MAX_REQUIREMENTS} requirements")
    return tuple(
        _requirement(Fields(each, f"{at}[{number}]"), transport) for number, each in enumerate(raw)
    )


def _requirement(fields: Fields, transport: str) -> Requirement:
    for name in NOT_SUPPORTED:
        if name in fields.obj:
            raise UsageError(
                f"{fields.at(name)}: signatures without a key pair are not supported",
                "use keyPath or keyData",
            )
    kind = fields.choice("type", (ACCEPT, REJECT, SIGNED_BY, SIGSTORE), ...)
    paths: tuple[str, ...] = ()
    data: tuple[bytes, ...] = ()
    identity, age = SignedIdentity(), 0
    if kind == SIGNED_BY:
        if fields.text("keyType", ...) != "GPGKeys":
            raise UsageError(f"{fields.at('keyType')}: must be GPGKeys")
        paths, data = _keys(fields, ("keyPath", "keyPaths", "keyData"))
    elif kind == SIGSTORE:
        paths, data = _keys(fields, ("keyPath", "keyPaths", "keyData", "keyDatas"))
        if not paths and not data:
            raise UsageError(f"{fields.path}: sigstoreSigned needs a key", "add keyPath or keyData")
    if kind in (SIGNED_BY, SIGSTORE):
        identity = _identity(fields.child("signedIdentity"))
        if transport == "appc" and not identity.kind.startswith("match"):
            raise UsageError(
                f"{fields.at('signedIdentity')}: {identity.kind} is about docker references",
                "an ACI's signature covers the name in it; leave signedIdentity out",
            )
        age = _age(fields)
    stage1 = "" if kind == REJECT else fields.text("minimumStage1")
    if "minimumStage1" in fields.read and "minimumStage1" in fields.obj and stage1 not in STAGE1:
        raise UsageError(f"{fields.at('minimumStage1')}: must be one of {', '.join(STAGE1)}")
    fields.finish()
    inherent = kind == SIGNED_BY and not paths and not data
    return Requirement(kind, paths, data, inherent, identity, stage1, age)


def _keys(fields: Fields, names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[bytes, ...]]:
    """(paths, decoded data) of the key source; at most one may be given."""
    given = [name for name in names if name in fields.obj]
    if len(given) > 1:
        raise UsageError(f"{fields.path}: {' and '.join(given)} exclude each other")
    if not given:
        return (), ()
    name = given[0]
    many = name.endswith("s")
    items = fields.texts(name) if many else (fields.text(name),)
    if not items or len(items) > MAX_REQUIREMENTS:
        raise UsageError(f"{fields.at(name)}: must have 1 to {MAX_REQUIREMENTS} elements")
    if name.startswith("keyPath"):
        for path in items:
            if not path.startswith("/") or not path.isprintable():
                raise UsageError(f"{fields.at(name)}: {safe(path, 200)!r} is not an absolute path")
        return items, ()
    return (), tuple(_decoded(text, fields.at(name)) for text in items)


def _decoded(text: str, at: str) -> bytes:
    try:
        data = binascii.a2b_base64(text.encode("ascii"))
    except (ValueError, UnicodeError):
        data = b""
    if not data or binascii.b2a_base64(data, newline=False) != "".join(text.split()).encode():
        raise UsageError(f"{at}: is not base64", "encode the key file with: base64 -w0 FILE")
    return data


def _identity(fields: Any) -> SignedIdentity:
    if fields is None:
        return SignedIdentity()
    from podwright.model.dockername import parse_named, parse_prefix

    kinds = ("matchExact", "matchRepoDigestOrExact", "matchRepository", "exactReference",
             "exactRepository", "remapIdentity")  # fmt: skip
    kind = fields.choice("type", kinds, ...)
    reference = prefix = signed_prefix = ""
    if kind == "exactReference":
        named = parse_named(fields.text("dockerReference", ...), fields.at("dockerReference"))
        if not named.tag and not named.digest:
            raise UsageError(f"{fields.at('dockerReference')}: has neither tag nor digest")
        reference = str(named)
    elif kind == "exactRepository":
        named = parse_named(fields.text("dockerRepository", ...), fields.at("dockerRepository"))
        if named.tag or named.digest:
            raise UsageError(f"{fields.at('dockerRepository')}: must have no tag and no digest")
        reference = named.name
    elif kind == "remapIdentity":
        prefix = parse_prefix(fields.text("prefix", ...), fields.at("prefix"))
        signed_prefix = parse_prefix(fields.text("signedPrefix", ...), fields.at("signedPrefix"))
    fields.finish()
    return SignedIdentity(kind, reference, prefix, signed_prefix)


def _age(fields: Fields) -> int:
    text = fields.text("maximumSignatureAge")
    if "maximumSignatureAge" not in fields.obj:
        return 0
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not number.isascii() or not number.isdigit() or len(number) > 5:
        number = "0"
    if int(number) == 0:
        at = fields.at("maximumSignatureAge")
        raise UsageError(f"{at}: {safe(text, 40)!r} is not a duration", "write 12h, 90d or 8w")
    return int(number) * _UNITS[unit]


def _object(fields: Fields, name: str) -> dict[str, Any]:
    child = fields.child(name)
    return {} if child is None else child.obj


def _no_null(raw: Any, at: str) -> None:
    """Refuse null: read as absent, it would turn a key that was left out into another rule."""
    if raw is None:
        raise UsageError(f"{at}: is null")
    if isinstance(raw, dict):
        for key, inner in raw.items():
            _no_null(inner, f"{at}.{safe(key, 60)}" if at else safe(key, 60))
    elif isinstance(raw, list):
        for number, inner in enumerate(raw):
            _no_null(inner, f"{at}[{number}]")
