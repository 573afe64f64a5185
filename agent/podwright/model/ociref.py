# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""References to container images, in the grammar of the distribution project's `reference` package.

    docker://[REGISTRY[:PORT]/]REPOSITORY[:TAG][@DIGEST]
    oci:PATH[:REF]   oci-archive:PATH[:REF]   docker-archive:PATH[:REF]

Also here: digests, and the appc name that a reference becomes. Plain string methods, since this is
on the way of a pod start.

An appc name belongs to one repository only, since keys are trusted by it. `~` occurs in no
reference, so it marks what an AC Identifier cannot have (see `appc_name`).
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.names import DIGITS, LETTERS, LOWER, ac_identifier, is_hex, made_of
from podwright.text import safe
from podwright.values import value

DEFAULT_REGISTRY = "docker.io"
DEFAULT_TAG = "latest"
PATH_KINDS = ("oci", "oci-archive", "docker-archive")
KINDS = ("docker", *PATH_KINDS)
MAX_REPOSITORY = 255

_ALNUM = LOWER + DIGITS
_WORD = LETTERS + DIGITS


@value
class DockerRef:
    """An image in a registry.

    registry    host, with its port when one was written; `docker.io` when none was
    repository  with `library/` before one-word names of docker.io
    tag         as written, or `latest` when neither tag nor digest was
    digest      "" unless pinned; decides when there is a tag too
    """

    registry: str
    repository: str
    tag: str
    digest: str

    @property
    def canonical(self) -> str:
        """What the admission policy calls it: REGISTRY/REPOSITORY:TAG or ...@DIGEST."""
        last = f"@{self.digest}" if self.digest else f":{self.tag}"
        return f"{self.registry}/{self.repository}{last}"

    @property
    def api_host(self) -> str:
        """HOST[:PORT] that serves the registry's API."""
        return "registry-1.docker.io" if self.registry == DEFAULT_REGISTRY else self.registry

    @property
    def asked(self) -> str:
        """What a manifest is asked for by: the digest, or else the tag."""
        return self.digest or self.tag


@value
class PathRef:
    """An image in a layout directory or an archive file; `ref` is "" when none was named."""

    kind: str
    path: str
    ref: str


@value
class Parts:
    """A reference as the fields of an `ImageRef`: name and labels are what the stored image gets."""

    kind: str
    name: str
    labels: tuple[tuple[str, str], ...]
    location: str


def parse_oci(text: str) -> Parts:
    """Read an argument of one of the kinds here. Raises UsageError.

    `location` is what `parse_docker` and `parse_path` read again: canonical for docker, PATH[:REF]
    for the others.
    """
    kind, _, rest = text.partition(":")
    if kind == "docker":
        docker = parse_docker(rest[2:] if rest.startswith("//") else rest)
        tagged = f":{docker.tag}" if docker.digest and docker.tag else ""
        location = docker.canonical.replace("@", f"{tagged}@")
        return Parts(kind, appc_name(docker), _version(docker.tag), location)
    path = parse_path(kind, rest.partition("//")[2] if rest.startswith("///") else rest)
    return Parts(kind, path_name(path), _version(path.ref), f"{path.path}:{path.ref}".rstrip(":"))


def _version(text: str) -> tuple[tuple[str, str], ...]:
    return (("version", text),) if text and not text.startswith("@") else ()


def parse_docker(text: str) -> DockerRef:
    """Read a registry reference without its scheme."""
    name, at, digest = text.partition("@")
    if "/" in digest:
        raise UsageError(
            f"image docker://...@{safe(digest, 200)}: log-ins are not accepted in references",
            "put it into auth.d (rktKind dockerAuth)",
        )
    slash = name.rfind("/")
    colon = name.find(":", slash + 1)
    tag = name[colon + 1 :] if colon >= 0 else ""
    bare = name[:colon] if colon >= 0 else name
    first, separator, rest = bare.partition("/")
    named = separator and (
        first == "localhost" or set(first) & set(".:[") or first != first.lower()
    )
    registry, repository = (first, rest) if named else (DEFAULT_REGISTRY, bare)
    registry = canonical_host(registry)
    if registry in ("index.docker.io", "registry-1.docker.io"):
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in repository:
        repository = f"library/{repository}"
    why = ""
    if at and not is_digest(digest):
        why = f"{safe(digest, 80)!r} is not a digest (sha256: and 64 lower-case hex digits)"
    elif colon >= 0 and not _is_tag(tag):
        why = f"{safe(tag, 80)!r} cannot be a tag"
    elif not _is_host(registry):
        why = f"{safe(registry, 80)!r} is not a registry host"
    elif not _is_repository(repository):
        why = f"{safe(repository, 80)!r} is not a repository name (lower case, no empty parts)"
    elif registry != "localhost" and not set(registry) & set(".:["):
        # In lower case, as everything that is kept of it, it would be a namespace of docker.io.
        why = f"the registry {safe(first, 80)!r} has neither a dot nor a port"
    if why:
        raise UsageError(
            f"image {safe(f'docker://{text}', 200)!r}: {why}",
            "write docker://[REGISTRY/]REPOSITORY[:TAG][@sha256:DIGEST]",
            object=safe(text, 200),
        )
    if not tag and not digest:
        tag = DEFAULT_TAG
    return DockerRef(registry, repository, tag, digest)


def canonical_host(text: str) -> str:
    """HOST[:PORT] in the one form that it is known by: lower case, IPv6 addresses as short as can be.

    What is no host is returned as it is, in lower case.
    """
    address, bracket, port = text.lower().rpartition("]")
    if not bracket:
        return port
    try:
        return f"[{_ipv6(address[1:], True)}]{port}"
    except (OSError, ValueError):
        return address + bracket + port


def _ipv6(address: str, text: bool) -> str:
    """An IPv6 address in its shortest form, or as 32 hex digits."""
    import socket

    packed = socket.inet_pton(socket.AF_INET6, address)
    return socket.inet_ntop(socket.AF_INET6, packed) if text else packed.hex()


def _is_host(text: str) -> bool:
    """A host name, or an IPv6 address in brackets; with or without a port."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, "1"
    if not (made_of(port, DIGITS) and len(port) <= 5 and 0 < int(port) < 65536):
        return False
    if host.startswith("["):
        try:
            return host.endswith("]") and bool(_ipv6(host[1:-1], True))
        except (OSError, ValueError):
            return False
    return len(host) < 254 and all(
        made_of(label, _WORD + "-") and len(label) < 64 and "-" not in (label[0], label[-1])
        for label in host.split(".")
    )


def _is_repository(text: str) -> bool:
    """Parts of lower-case words that are joined by `.`, `_`, `__` or any number of `-`."""
    return len(text) <= MAX_REPOSITORY and all(map(_is_part, text.split("/")))


def _is_part(text: str) -> bool:
    if not made_of(text, _ALNUM + "._-") or text[0] not in _ALNUM or text[-1] not in _ALNUM:
        return False
    plain = "".join(" " if char in _ALNUM else char for char in text)
    return all(run in (".", "_", "__") or made_of(run, "-") for run in plain.split())


def _is_tag(text: str) -> bool:
    return made_of(text, _WORD + "_.-") and text[0] not in ".-" and len(text) <= 128


def _is_ref(text: str) -> bool:
    """What can name an image in a layout or archive: not what could be an option or a path up."""
    plain = text[1:] if text.startswith("@") else text
    return made_of(plain, _WORD + "._:@/+-") and plain[0] in _WORD and len(plain) <= 255


def parse_path(kind: str, text: str) -> PathRef:
    """Read PATH[:REF]; a path cannot hold a colon."""
    path, colon, ref = text.partition(":")
    if not path or "\0" in path or path.startswith("//"):
        why = "names no path"
    elif colon and not _is_ref(ref):
        why = f"{safe(ref, 80)!r} cannot be the name of an image in it"
    else:
        return PathRef(kind, path, ref)
    raise UsageError(
        f"image {safe(f'{kind}:{text}', 200)!r}: {why}",
        f"write {kind}:PATH or {kind}:PATH:REF",
        object=safe(text, 200),
    )


def is_digest(text: object) -> bool:
    """Whether it is a digest of an algorithm that we accept, in its one exact form (T28)."""
    return isinstance(text, str) and (
        (text.startswith("sha256:") and is_hex(text[7:], 64))
        or (text.startswith("sha512:") and is_hex(text[7:], 128))
    )


def appc_name(ref: DockerRef) -> str:
    """The image name that an image from a registry is stored under: an AC Identifier, and another
    one for every repository.

    `HOST:PORT` becomes `HOST~PORT`, `__` becomes `~u~`, N > 1 hyphens become `~dN~`, an IPv6
    address `ip6~` and its 32 digits. All else stays as it is.
    """
    host, colon, port = ref.registry.rpartition(":")
    if not colon or ref.registry.endswith("]"):
        host, port = ref.registry, ""
    host = f"ip6~{_ipv6(host[1:-1], False)}" if host.startswith("[") else _escaped(host)
    name = f"{host}~{port}" if port else host
    whole = f"{name}/{_escaped(ref.repository)}"
    return ac_identifier(whole, f"image {safe(ref.canonical, 200)!r}: its image name")


def _escaped(text: str) -> str:
    """With `~u~` for `__` and `~dN~` for N > 1 hyphens in a row."""
    if "__" not in text and "--" not in text:
        return text
    first, *rest = text.replace("__", "~u~").split("-")
    out, run = first, 0
    for word in rest:
        run += 1
        if word:
            out += ("-" if run == 1 else f"~d{run}~") + word
            run = 0
    return out


def path_name(ref: PathRef) -> str:
    """The image name of an image from a directory or file: its kind, and the file's own name.

    What an archive says about its origin does not count: it could say anything.
    """
    last = ref.path.rstrip("/").rsplit("/", 1)[-1]
    for suffix in (".tar", ".oci"):
        last = last[: -len(suffix)] if last.endswith(suffix) else last
    return identifier(f"{ref.kind}/{last}")


def identifier(text: str) -> str:
    """Lower case, with `-` for every run of characters that an AC Identifier cannot have there."""
    name = "/".join(map(_words, text.lower().split("/")))
    return ac_identifier(name, f"image {safe(text, 200)!r}")


def _words(part: str) -> str:
    """Words joined by what stands alone between two of them, and by one hyphen otherwise."""
    out = run = ""
    for char in part:
        if char not in _ALNUM:
            run += char
            continue
        if out and run:
            out += run if run in ("-", ".", "_", "~") else "-"
        out, run = out + char, ""
    return out or "x"
