# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where simple signatures of registry images are kept: registries.d, and reading from there.

    <config>/registries.d/*.yaml, *.json      containers-registries.d(5)

The most specific scope's section is used, of which only `lookaside` (or its old name `sigstore`)
matters here. A signature is `<lookaside>/<repository>@sha256=<hex>/signature-N`, from 1 on until
one is missing, over https or from a file.
"""

from __future__ import annotations

import os
import time

from podwright import jsonio
from podwright.errors import FetchError, UsageError, VerifyError
from podwright.model import policyscope
from podwright.stage0.judge import plainyaml, policy
from podwright.stage0.judge.signatures import MAX_SIGNATURES, MAX_SIMPLE
from podwright.stage0.web import sources
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.stage0.verdict import Subject

MAX_FILE = 1024 * 1024
SECONDS = 60.0
_KEYS = ("lookaside", "sigstore", "lookaside-staging", "sigstore-staging",
         "use-sigstore-attachments")  # fmt: skip
GONE = ("http-404", "http-410")


def find(layout: Layout, client: Any, subject: Subject) -> tuple[tuple[bytes, ...], str]:
    """(the simple signatures of an image, where they were looked for in words)."""
    base, why = base_url(layout, subject.identity)
    if not base:
        return (), why
    _, _, repository = policyscope.repository(subject.identity).partition("/")
    place = f"{base.rstrip('/')}/{repository}@{subject.digest.replace(':', '=')}"
    found: list[bytes] = []
    deadline = time.monotonic() + SECONDS
    while True:
        data = _one(client, f"{place}/signature-{len(found) + 1}", deadline)
        if data is None:
            return tuple(found), place
        if len(found) == MAX_SIGNATURES:
            raise VerifyError(
                f"image {subject.name} has more than {MAX_SIGNATURES} signatures at {place}",
                "remove those that nobody needs",
                object=subject.name,
                reason="too-many",
            )
        found.append(data)


def _one(client: Any, url: str, deadline: float) -> Optional[bytes]:
    if url.startswith("file://"):
        path = url[len("file://") :]
        if not os.path.lexists(path):
            return None
        with open(sources.open_regular(path, "signature"), "rb") as file:
            data: bytes = file.read(MAX_SIMPLE + 1)
        if len(data) > MAX_SIMPLE:
            raise FetchError(f"signature {path} is larger than {MAX_SIMPLE} bytes", object=path)
        return data
    try:
        found: bytes = client.get(url, MAX_SIMPLE, deadline=deadline)
        return found
    except FetchError as err:
        if err.reason in GONE:
            return None
        raise


def base_url(layout: Layout, identity: str) -> tuple[str, str]:
    """(the lookaside of an image, "") or ("", why there is none)."""
    scopes, default = read(layout)
    for scope in policyscope.candidates("docker", identity):
        if scope in scopes:
            url = _lookaside(scopes[scope])
            return url, "" if url else f"registries.d, where {scope} has no lookaside"
    url = _lookaside(default or {})
    if url:
        return url, ""
    return "", f"{layout.local_config}/registries.d, which names no lookaside for this image"


def _lookaside(section: dict[str, Any]) -> str:
    return str(section.get("lookaside") or section.get("sigstore") or "")


def read(layout: Layout) -> tuple[dict[str, dict[str, Any]], Optional[dict[str, Any]]]:
    """(sections by scope, the default section) of all files; local ones come before shipped ones.

    Raises PolicyError naming a file that is not understood, or says a scope for the second time.
    """
    scopes: dict[str, dict[str, Any]] = {}
    default = None
    for directory in (layout.system_config, layout.local_config):
        own: dict[str, dict[str, Any]] = {}
        for path in _files(f"{directory}/registries.d"):
            found = _file(path)
            for scope, section in found.items():
                if scope in own:
                    raise _broken(path, f"says {scope or 'default-docker'} once more")
                own[scope] = section
        default = own.pop("", default)
        scopes.update(own)
    return scopes, default


def _files(directory: str) -> list[str]:
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return []
    except OSError as err:
        raise _broken(directory, f"cannot be read: {err.strerror}") from None
    return [f"{directory}/{name}" for name in names if name.endswith((".yaml", ".json"))]


def _file(path: str) -> dict[str, dict[str, Any]]:
    """Sections by scope; the default's scope is ""."""
    data = policy.read_owned(path, MAX_FILE, policy.REGISTRIES)
    if data is None:
        return {}
    try:
        load = jsonio.loads if path.endswith(".json") else plainyaml.loads
        raw = load(data, "it")
        if not isinstance(raw, dict) or set(raw) - {"docker", "default-docker"}:
            raise UsageError("may only have docker and default-docker")
        out = {}
        for scope, section in (raw.get("docker") or {}).items():
            why = policyscope.problem("docker", scope) if scope else "is empty"
            if why:
                raise UsageError(f"scope {safe(scope, 200)!r} {why}")
            out[scope] = _section(section)
        if raw.get("default-docker") is not None:
            out[""] = _section(raw["default-docker"])
        return out
    except UsageError as err:
        why = err.message.removeprefix("it: ")
        raise _broken(path, why, policy.correct_line(why) if why != err.message else "") from None
    except (TypeError, AttributeError):
        raise _broken(path, "is not as containers-registries.d(5) says") from None


def _broken(path: str, why: str, hint: str = "") -> policy.PolicyError:
    hint = hint or "correct it; see containers-registries.d(5)"
    return policy.broken(path, why, hint, policy.REGISTRIES)


def _section(raw: Any) -> dict[str, Any]:
    for key, found in raw.items():
        if key not in _KEYS:
            raise UsageError(f"{safe(key, 60)} is not known, only {', '.join(_KEYS)}")
        if type(found) is not (bool if key == "use-sigstore-attachments" else str):
            raise UsageError(f"{key} has a value of the wrong type")
    for key in ("lookaside", "sigstore"):
        url = raw.get(key)
        if url is not None and not url.startswith(("https://", "file:///")):
            raise UsageError(f"{key} {safe(url, 200)!r} is neither https:// nor file:///")
        if url is not None and (not url.isprintable() or " " in url or "?" in url or "#" in url):
            raise UsageError(f"{key} {safe(url, 200)!r} is not a plain URL")
    return dict(raw)
