# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contents of secrets that came with a desired state, kept in the host's memory until its next boot.

`/run/podwright/secrets/<data directory>/<pod>/<secret>.<digest>`, for root alone. What a pod's
revision has of a content is a digest, keyed with a key that never leaves the host: equal contents
are recognised, and nobody who reads a revision can guess at them.
"""

from __future__ import annotations

import os

from podwright.errors import HostError, UsageError
from podwright.host import ownplace
from podwright.kernel import fs
from podwright.model.secret import DIGEST_LENGTH, LARGEST
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.host.paths import Layout
    from podwright.host.secretstore import Kept
    from podwright.model.secret import GivenSecret, Secret

KEY_LENGTH = 32


def directory(layout: Layout, pod: str) -> str:
    """Where the contents of a named pod's secrets lie."""
    return f"{_base(layout)}/{pod}"


def _base(layout: Layout) -> str:
    """A directory of the data directory's own: two of them may have pods of one name."""
    from _blake2 import blake2b

    tag = blake2b(os.fsencode(os.path.realpath(layout.data)), digest_size=8).hexdigest()
    return f"{layout.run}/secrets/{tag}"


def file_name(secret: Secret) -> str:
    """The file of a content, by name and digest: old and new ones do not get into each other's way."""
    return f"{secret.name}.{secret.digest}"


def is_kept(secret: Secret) -> bool:
    """Whether its content lies here, rather than where the host keeps it."""
    return not secret.file and not secret.credential


def with_digests(
    layout: Layout,
    pod: str,
    given: tuple[GivenSecret, ...],
    check: bool,
    coming: dict[str, Kept],
) -> tuple[GivenSecret, ...]:
    """The secrets with digests of what is in them now.

    check   make no key; without one every content is a new one
    coming  secrets that the host keeps from this call on
    Raises UsageError for a file that cannot be read, NotFoundError for a secret that the host does not keep.
    """
    key = _key(layout, make=not check)
    out = []
    for one in given:
        data = one.content.data if one.content is not None else None
        if one.stored or (one.secret.file or one.secret.credential).startswith(layout.data):
            from podwright.host import secretstore

            one, known = secretstore.resolved(layout, one, coming)
            if known:
                out.append(one)
                continue
        if one.secret.file:
            data = _read_file(one.secret)
        if data is not None:
            digest = _digest(key, pod, one.secret.name, data)
            one = replace(one, secret=replace(one.secret, digest=digest))
        out.append(one)
    return tuple(out)


def keyed_digest(layout: Layout, what: tuple[str, str], data: bytes, *, make: bool) -> str:
    """The digest of a content, by the host's key. make: the key, where there is none yet"""
    return _digest(_key(layout, make=make), *what, data)


def _digest(key: bytes, pod: str, name: str, data: bytes) -> str:
    from _blake2 import blake2b

    found = blake2b(f"{pod}\0{name}\0".encode(), digest_size=DIGEST_LENGTH // 2, key=key)
    found.update(data)
    return str(found.hexdigest())


def _key(layout: Layout, *, make: bool) -> bytes:
    path = f"{layout.data}/secrets.key"
    try:
        with open(path, "rb") as file:
            found = file.read(KEY_LENGTH + 1)
    except FileNotFoundError:
        found = os.urandom(KEY_LENGTH)
        if make:
            fs.ensure_dir(layout.data, 0o755)
            fs.write_atomic(path, found)
    if len(found) != KEY_LENGTH:
        raise HostError(f"{path} is damaged", "remove it: every secret then counts as changed")
    return found


def _read_file(secret: Secret) -> bytes:
    from podwright.stage1.namespaces.secretsource import open_file

    try:
        fd = open_file(secret.file)
    except OSError as err:
        raise UsageError(
            f"secret {secret.name}: {safe(secret.file, 120)}: {err.strerror}",
            "make it first, or correct the path",
            object=secret.name,
        ) from None
    with open(fd, "rb") as file:
        return file.read(LARGEST + 1)


def lacking(layout: Layout, pod: str, given: tuple[GivenSecret, ...]) -> bool:
    """Whether a content that was given is not kept yet."""
    base = directory(layout, pod)
    return any(
        one.content is not None and not os.path.exists(f"{base}/{file_name(one.secret)}")
        for one in given
    )


def keep(layout: Layout, pod: str, given: tuple[GivenSecret, ...]) -> None:
    """Keep the contents that were given; whatever else is there stays."""
    ownplace.ensure(f"{layout.run}/secrets")
    for path in (_base(layout), directory(layout, pod)):
        ownplace.ensure_one(path)
    base = directory(layout, pod)
    _check_in_memory(base)
    for one in given:
        if one.content is not None:
            fs.write_atomic(f"{base}/{file_name(one.secret)}", one.content.data, durable=False)


def _check_in_memory(path: str) -> None:
    """Nothing of a secret goes to a disk."""
    device = os.stat(path).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields = line.split()
            if fields[2] == number and fields[fields.index("-") + 1] in ("tmpfs", "ramfs"):
                return
    raise HostError(
        f"{path} is not in memory, so contents of secrets are not kept there",
        "mount a tmpfs on /run, or take secrets from files or systemd credentials",
    )


def prune(layout: Layout, pod: str, *runtimes: dict[str, Any]) -> None:
    """Remove the contents that none of these revisions names."""
    given = [raw for runtime in runtimes for raw in runtime.get("secrets", ())]
    names = {f"{raw['name']}.{raw.get('digest')}" for raw in given}
    base = directory(layout, pod)
    try:
        found = os.listdir(base)
    except FileNotFoundError:
        return
    for name in found:
        if name not in names:
            fs.unlink(f"{base}/{name}")
    if not names:
        fs.rmdir_empty(base)


def forget(layout: Layout, pod: str) -> None:
    """Remove all contents of a pod's secrets."""
    fs.remove_tree(directory(layout, pod))
