# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which scopes of a policy cover an image, most specific first (containers-policy.json(5)).

Scopes are compared as whole texts and never as patterns: `evil.com/registry.io/x` has nothing to
do with the scope `registry.io`. Host names are compared in lower case.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.names import DIGITS, HEX, LOWER, ac_identifier, is_hex, made_of
from podwright.text import safe

TRANSPORTS = ("appc", "docker", "oci", "docker-archive", "oci-archive")
FOREIGN = ("atomic", "containers-storage", "dir", "docker-daemon", "ostree", "sif", "tarball")
"""Transports of containers-transports(5) that no image of ours has: their scopes never decide."""
_HOST = LOWER + DIGITS + ".-"
_PATH = LOWER + DIGITS + "._-"
_TAG = LOWER + LOWER.upper() + DIGITS + "._-"


def candidates(transport: str, identity: str) -> list[str]:
    """Scopes that cover an image, most specific first; the transport's default "" is not among them.

    identity  appc: the image name; docker: HOST/REPO:TAG or HOST/REPO@sha256:DIGITS; oci and the
              archives: PATH or PATH:REFERENCE
    Raises UsageError for an identity that is none, so that nothing falls through to a default.
    """
    if transport == "appc":
        return _names(ac_identifier(identity, "image name"))
    if transport == "docker":
        return _docker(identity)
    if transport not in TRANSPORTS:
        raise UsageError(f"transport {safe(transport, 60)!r} is not known")
    return _paths(identity)


def problem(transport: str, scope: str) -> str:
    """Why no image can ever be in this scope; "" when one can.

    A scope that is written in a way that never matches would be a rule that is silently not there.
    """
    if scope == "" or transport in FOREIGN:
        return ""
    if not scope.isprintable() or len(scope) > 4096:
        return "is not printable, or too long"
    if transport in ("appc", "docker") and (not scope.isascii() or " " in scope):
        return "has characters that no image has; write international host names as xn--..."
    if transport == "appc":
        return _name_problem(scope)
    if transport == "docker":
        return _docker_problem(scope)
    directory = scope.partition(":")[0]
    if not directory.startswith("/") or directory == "/":
        return 'must be an absolute path below /; for all images of this transport write ""'
    if any(part in ("", ".", "..") for part in directory.split("/")[1:]):
        return "must be a path without . and .. and without / at its end"
    return ""


def _names(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def repository(identity: str) -> str:
    """Host and repository of a docker identity, the host in lower case."""
    name = identity.partition("@")[0]
    head, _, last = name.rpartition("/")
    host, slash, rest = f"{head}/{last.partition(':')[0]}".partition("/")
    return f"{host.lower()}{slash}{rest}"


def _docker(identity: str) -> list[str]:
    """The identity, its repository, the namespaces above, the host, and `*.` its domains."""
    host, slash, rest = identity.partition("/")
    identity = f"{host.lower()}/{rest}"
    tail = identity.rpartition("/")[2]
    if not slash or ("@" in tail) == (":" in tail.partition("@")[0]) or _docker_problem(identity):
        raise UsageError(
            f"image {safe(identity, 200)!r} is not a reference with either a tag or a digest",
            "write REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGITS",
        )
    name = repository(identity)
    domain = name.partition("/")[0].partition(":")[0]
    labels = [] if domain.startswith("[") else domain.split(".")
    domains = ["*." + ".".join(labels[count:]) for count in range(1, len(labels))]
    return [identity, *_names(name), *domains]


def _docker_problem(scope: str) -> str:
    if scope.startswith("*."):
        domain = scope[2:]
        fine = made_of(domain, _HOST) and all(domain.split("."))
        return "" if fine else "only *.DOMAIN is understood, without port and path"
    host, slash, rest = scope.partition("/")
    if not _is_host(host):
        return "does not begin with a registry host in lower case, with or without port"
    if not slash:
        return ""
    repository, at, digest = rest.partition("@")
    head, joined, last = repository.rpartition("/")
    last, colon, tag = last.partition(":")
    parts = (head + joined + last).split("/")
    if not all(made_of(part, _PATH) and part[0] not in "._-" for part in parts):
        return "has a repository that is not lower-case letters, digits and . _ - / (whole parts)"
    if colon and at:
        return "has both a tag and a digest"
    if colon and not (made_of(tag, _TAG) and len(tag) <= 128):
        return "has a tag that is none"
    algorithm, _, digits = digest.partition(":")
    if at and not is_hex(digits, {"sha256": 64, "sha512": 128}.get(algorithm, 0)):
        return "has a digest that is not sha256: and 64 hexadecimal digits"
    return ""


def _is_host(text: str) -> bool:
    """Whether it is a host name, or an IPv6 address in brackets, with or without a port."""
    name, bracket, port = text.rpartition("]")
    if bracket:
        from podwright.model.ociref import canonical_host

        fine = made_of(name[1:], HEX + ":.") and port[:1] in ("", ":")
        fine = fine and name.startswith("[") and canonical_host(text) == text
        port = port[1:]
    else:
        name, colon, port = text.partition(":")
        fine = made_of(name, _HOST) and all(name.split(".")) and bool(colon) == bool(port)
    return fine and (not port or (made_of(port, DIGITS) and len(port) <= 5))


def _paths(identity: str) -> list[str]:
    """The identity, its path, and the directories above; `/` is not among them."""
    path, colon, _ = identity.partition(":")
    parts = path.split("/")[1:]
    if not path.startswith("/") or not path.isprintable() or {"", ".", ".."} & set(parts):
        raise UsageError(f"image {safe(identity, 200)!r} has no absolute path")
    out = ["/" + "/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return [identity, *out] if colon else out


def _name_problem(scope: str) -> str:
    try:
        ac_identifier(scope, "scope")
    except UsageError:
        return "is not an image name (lower-case letters and digits joined by single - . _ ~ /)"
    return ""
