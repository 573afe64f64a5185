# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that the host keeps by name, so that pods refer to them and no play carries their contents again.

`<data>/secrets/<name>.json` says how one is kept: as a credential that systemd-creds(1) has encrypted
for this host (with its TPM where it has one), in `credstore.encrypted/<name>`, which only systemd opens,
for the pod's unit; or, where that is not to be had, as a file of root's, in `plain/<name>`. What is
known of a content is a digest, keyed with a key that never leaves the host.
"""

from __future__ import annotations

import os
import stat
import time

from podwright import jsonio
from podwright.errors import HostError, NotFoundError, UsageError
from podwright.host import ownplace, secrets, systemd
from podwright.kernel import fs
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.secret import Content, GivenSecret

PROGRAM = "/usr/bin/systemd-creds"
CREDENTIAL, FILE = "credential", "file"
PLACES = {CREDENTIAL: "credstore.encrypted", FILE: "plain"}
AUTO, REQUIRE, OFF = "auto", "require", "off"
MOST_BYTES = 4 * 1024 * 1024
PATIENCE = 60
"""Seconds for one encryption; a TPM in software takes a few."""


@value
class Kept:
    """A secret as it is kept.

    kind    CREDENTIAL or FILE
    digest  of the content
    blob    of the file that it is kept in
    why     why it is not encrypted, where that was wanted
    """

    name: str
    kind: str
    digest: str
    blob: str
    size: int
    changed_at: str
    why: str = ""


def path_of(layout: Layout, name: str, kind: str) -> str:
    """The file with the content, or with what systemd-creds has made of it."""
    return f"{_base(layout)}/{PLACES[kind]}/{name}"


def _base(layout: Layout) -> str:
    return f"{layout.data}/secrets"


def names(layout: Layout) -> list[str]:
    """The names of all secrets that are kept."""
    try:
        found = os.listdir(_base(layout))
    except FileNotFoundError:
        return []
    return sorted(name[: -len(".json")] for name in found if name.endswith(".json"))


def read(layout: Layout, name: str) -> Optional[Kept]:
    """How a secret is kept; None when it is not. Raises HostError for a record that is damaged."""
    path = f"{_base(layout)}/{name}.json"
    try:
        with open(path, "rb") as file:
            found = jsonio.loads(file.read(65536), path)
        fields = ("kind", "digest", "blob", "size", "changed_at", "why")
        kept = Kept(name, *(found[key] for key in fields))
        PLACES[kept.kind]  # LookupError for another one
        return kept
    except FileNotFoundError:
        return None
    except (UsageError, LookupError, TypeError):
        raise HostError(
            f"{path} is damaged", f"give secret {name} its content again", object=name
        ) from None


def digest_of(layout: Layout, name: str, content: Content, *, make: bool) -> str:
    """The keyed digest of a content. make: the key, where there is none yet"""
    return secrets.keyed_digest(layout, ("stored", name), content.data, make=make)


def is_intact(layout: Layout, kept: Kept) -> bool:
    """Whether the file is as it was written, and root's alone."""
    try:
        return (
            _blob_digest(layout, kept.name, _read(path_of(layout, kept.name, kept.kind)))
            == kept.blob
        )
    except OSError:
        return False


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(fd, "rb") as file:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise PermissionError(1, "is not root's alone", path)
        return file.read(MOST_BYTES)


def _blob_digest(layout: Layout, name: str, data: bytes) -> str:
    return secrets.keyed_digest(layout, ("blob", name), data, make=False)


def can_encrypt() -> bool:
    """Whether systemd is there to encrypt, and to open it for units."""
    return systemd.running() and os.path.exists(PROGRAM)


def keep(layout: Layout, name: str, content: Content, encrypt: str) -> Kept:
    """Keep a content, durably; what was kept before is replaced in one step.

    Raises HostError when it has to be encrypted and cannot.
    """
    ownplace.ensure_one(_base(layout))
    data, kind, why = content.data, FILE, ""
    if encrypt != OFF:
        try:
            data, kind = _encrypted(name, content.data), CREDENTIAL
        except HostError as err:
            if encrypt == REQUIRE:
                raise
            why = err.message
    path = path_of(layout, name, kind)
    ownplace.ensure_one(os.path.dirname(path))
    digest = digest_of(layout, name, content, make=True)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    kept = Kept(name, kind, digest, _blob_digest(layout, name, data), len(content.data), now, why)
    fs.write_atomic(path, data)
    _record(layout, kept)
    fs.unlink(path_of(layout, name, CREDENTIAL if kind == FILE else FILE))
    return kept


def _record(layout: Layout, kept: Kept) -> None:
    fields = ("kind", "digest", "blob", "size", "changed_at", "why")
    text = jsonio.dumps({key: getattr(kept, key) for key in fields})
    fs.write_atomic(f"{_base(layout)}/{kept.name}.json", text.encode())


def _encrypted(name: str, data: bytes) -> bytes:
    """What systemd-creds makes of it; the content goes in on standard input. Raises HostError."""
    if not can_encrypt():
        raise HostError(
            "this host cannot encrypt secrets: there is no systemd with systemd-creds",
            "keep them in files of root's: encrypt auto or off",
            object=name,
            reason="no-encryption",
        )
    import subprocess

    command = [PROGRAM, "encrypt", "--with-key=auto", f"--name={name}", "-", "-"]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, env=environment, timeout=PATIENCE, check=False
        )
        said = done.stderr.decode("utf-8", "replace").split("\n")[0]
    except (OSError, subprocess.TimeoutExpired) as err:
        raise _unencrypted(name, type(err).__name__) from None
    if done.returncode != 0 or not done.stdout:
        raise _unencrypted(name, said)
    return done.stdout


def _unencrypted(name: str, why: str) -> HostError:
    return HostError(
        f"secret {name} could not be encrypted: {PROGRAM}: {safe(why, 200)}",
        "see what systemd-creds says on the host, or keep it in a file of root's: encrypt off",
        object=name,
        reason="no-encryption",
    )


def forget(layout: Layout, name: str) -> None:
    """Remove a secret; the record last, so that one which was only half removed is still known."""
    for kind in PLACES:
        fs.unlink(path_of(layout, name, kind))
    fs.unlink(f"{_base(layout)}/{name}.json")
    fs.fsync_dir(_base(layout))


def resolved(
    layout: Layout, given: GivenSecret, coming: dict[str, Kept]
) -> tuple[GivenSecret, bool]:
    """A pod's secret with the place and digest of what the host keeps, and whether it is kept here at all.

    coming  what this call is about to keep
    Raises NotFoundError.
    """
    path = given.secret.file or given.secret.credential
    own = [f"{_base(layout)}/{place}" for place in PLACES.values()]
    name = given.stored or (os.path.basename(path) if os.path.dirname(path) in own else "")
    if not name:
        return given, False
    kept = coming.get(name) or read(layout, name)
    if kept is None:
        raise NotFoundError(
            f"secret {given.secret.name}: this host keeps no secret {safe(name, 80)}",
            "give it with the module secret, or podwright secret put",
            object=safe(name, 80),
            reason="no-secret",
        )
    place = path_of(layout, name, kept.kind)
    secret = replace(
        given.secret,
        file=place if kept.kind == FILE else "",
        credential=place if kept.kind == CREDENTIAL else "",
        digest=kept.digest,
    )
    return replace(given, secret=secret), True


def users(layout: Layout) -> dict[str, list[str]]:
    """Secret -> the named pods whose current revision has it."""
    from podwright.reconcile import revisions

    paths = {path_of(layout, name, kind): name for name in names(layout) for kind in PLACES}
    found: dict[str, list[str]] = {}
    for pod in revisions.names(layout) if paths else ():
        revision = revisions.current(layout, pod)
        for one in revision.runtime.get("secrets", ()) if revision else ():
            name = paths.get(one.get("file") or one.get("credential"))
            if name is not None and pod not in found.setdefault(name, []):
                found[name].append(pod)
    return found


def shown(layout: Layout) -> list[dict[str, Any]]:
    """All secrets for programs: never what is in them."""
    out = []
    by_pods = users(layout)
    for name in names(layout):
        problem, kept = "", None
        try:
            kept = read(layout, name)
            if kept is not None and not is_intact(layout, kept):
                problem = "its file is not what was kept"
        except HostError as err:
            problem = err.message
        out.append(
            {
                "name": name,
                "encrypted": kept is not None and kept.kind == CREDENTIAL,
                "size": kept.size if kept else None,
                "changed_at": kept.changed_at if kept else "",
                "why_not_encrypted": kept.why if kept else "",
                "pods": sorted(by_pods.get(name, [])),
                "problem": problem,
            }
        )
    return out
