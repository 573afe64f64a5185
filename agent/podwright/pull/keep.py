# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host remembers of the bundles of a fleet, in `<data>/pull/<digest of the fleet's name>/`.

    serial.json      the newest bundle that was accepted: never an older one, never another of that serial
    DIGEST.json, DIGEST.asc   the bytes of that bundle and of its signature
    owned.json       pods and networks that bundles of this fleet have put here
    result.json      how pulls went; for people and monitoring, nothing is decided by it but when to try again

serial.json is written, durably, when the bundle's bytes are on disk and before anything of it is applied: killed
anywhere, the host has the old bundle or the new one, and the next pull goes on.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import HostError, StoreError, UsageError
from podwright.kernel import fs
from podwright.model.fields import Fields
from podwright.model.fleetstate import MAX_BYTES, MAX_SERIAL
from podwright.stage0.store import short_digest
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout

MOST = 4 * 1024 * 1024
FORMAT = 1
SERIAL, OWNED = "serial.json", "owned.json"
RECORDS = (SERIAL, OWNED)
"""Files that say which format they have."""


@value
class Serial:
    """The accepted bundle: `url` and `etag` it came with, `expires` and `at` (when) in seconds since the epoch."""

    serial: int
    digest: str
    url: str
    etag: str
    expires: float
    at: float


@value
class Owned:
    """Names of what bundles of the fleet have put on this host."""

    pods: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()


class Memory:
    """The directory of one fleet; it need not exist."""

    def __init__(self, layout: Layout, fleet: str) -> None:
        self.fleet = fleet
        self.path = directory(layout, fleet)

    def prepare(self) -> None:
        """Make the directory, without what a pull that was killed left unfinished. Under the pull's lock."""
        fs.ensure_dir(os.path.dirname(self.path))
        fs.ensure_dir(self.path)
        fs.remove_unfinished(self.path, lambda _: True)

    def serial(self) -> Optional[Serial]:
        """The accepted bundle; None when there has been none. Raises StoreError for what cannot be read."""
        fields = self._fields(SERIAL)
        if fields is None:
            return None
        try:
            return Serial(
                fields.integer("serial", ..., 1, MAX_SERIAL),
                fields.text("digest", ...),
                fields.text("url", ...),
                fields.text("etag"),
                float(fields.integer("expires", ..., 0, 2**53)),
                float(fields.integer("at", ..., 0, 2**53)),
            )
        except UsageError as err:
            raise self._damaged(SERIAL, err.message) from None

    def accept(self, new: Serial, data: bytes, signature: bytes) -> None:
        """From here on, this is the bundle. Durable when it returns."""
        for name, content in ((f"{new.digest}.json", data), (f"{new.digest}.asc", signature)):
            fs.write_atomic(f"{self.path}/{name}", content)
        self.remember(new)
        keep = (f"{new.digest}.json", f"{new.digest}.asc")
        for name in sorted(os.listdir(self.path)):
            stale = name.endswith(".asc") or (name.endswith(".json") and len(name) == 69)
            if stale and name not in keep:
                fs.unlink(f"{self.path}/{name}")

    def remember(self, new: Serial) -> None:
        """Write serial.json."""
        record = {
            "format": FORMAT,
            "fleet": self.fleet,
            "serial": new.serial,
            "digest": new.digest,
            "url": new.url,
            "etag": new.etag,
            "expires": int(new.expires),
            "at": int(new.at),
        }
        fs.write_atomic(f"{self.path}/{SERIAL}", jsonio.dumps(record).encode())

    def bundle(self, known: Serial) -> Optional[tuple[bytes, bytes]]:
        """Bytes of the accepted bundle and its signature; None when they are not there, or not those."""
        from podwright.stage0.trustring import sha256

        try:
            data = _read(f"{self.path}/{known.digest}.json", MAX_BYTES)
            signature = _read(f"{self.path}/{known.digest}.asc", MOST)
        except OSError:
            return None
        return (data, signature) if sha256(data) == known.digest else None

    def owned(self) -> Owned:
        """What is ours. Raises StoreError for what cannot be read."""
        fields = self._fields(OWNED)
        if fields is None:
            return Owned()
        try:
            return Owned(frozenset(fields.texts("pods")), frozenset(fields.texts("networks")))
        except UsageError as err:
            raise self._damaged(OWNED, err.message) from None

    def own(self, owned: Owned) -> None:
        """Write what is ours, durably, if that is news."""
        if owned != self.owned():
            record = {
                "format": FORMAT,
                "pods": sorted(owned.pods),
                "networks": sorted(owned.networks),
            }
            fs.write_atomic(f"{self.path}/{OWNED}", jsonio.dumps(record).encode())

    def result(self) -> dict[str, Any]:
        """How pulls went; {} when that is not known."""
        try:
            found = jsonio.loads(_read(f"{self.path}/result.json", MOST), "result")
        except (OSError, UsageError):
            return {}
        return found if isinstance(found, dict) else {}

    def tell(self, result: dict[str, Any]) -> None:
        """Write how the pull went."""
        data = jsonio.dumps(result).encode()
        fs.write_atomic(f"{self.path}/result.json", data, durable=False)

    def _fields(self, name: str) -> Optional[Fields]:
        try:
            fields = Fields(jsonio.loads(_read(f"{self.path}/{name}", MOST), name), "")
            if fields.integer("format", ..., 1) != FORMAT:
                raise UsageError("it was written by a newer agent")
        except FileNotFoundError:
            return None
        except UsageError as err:
            raise self._damaged(name, err.message) from None
        return fields

    def _damaged(self, name: str, why: str) -> StoreError:
        return StoreError(
            f"fleet {self.fleet}: {self.path}/{name} cannot be read: {why}",
            "restore it; or remove the directory, after which any serial is accepted once",
            object=self.fleet,
        )


def directory(layout: Layout, fleet: str) -> str:
    """Where a host remembers a fleet."""
    return f"{layout.data}/pull/{short_digest(fleet)}"


def disown(layout: Layout, *, pod: str = "", network: str = "") -> None:
    """What was of that name is here no more, so no fleet's. Under apply's lock, as all changes of what is owned.

    Of a fleet whose record is damaged, or of a newer agent, nothing is changed: its own next pull refuses to go on
    with it, and a pod's removal must not stop half way for it.
    """
    for memory in _memories(layout):
        try:
            owned = memory.owned()
        except StoreError:
            continue
        memory.own(Owned(owned.pods - {pod}, owned.networks - {network}))


def settle(layout: Layout) -> None:
    """No fleet owns what is not here: a pull that failed, or was killed, before it made what it was to make.

    Under apply's lock, before anything of the names is made by anybody, who would make it for that fleet else.
    """
    for memory in _memories(layout):
        try:
            owned = memory.owned()
        except StoreError:  # its own next pull refuses to go on with it
            continue
        memory.own(still_here(layout, owned))


def still_here(layout: Layout, owned: Owned) -> Owned:
    """Of what is owned, what is on the host."""
    from podwright.reconcile import revisions

    pods = owned.pods & set(revisions.names(layout)) if owned.pods else owned.pods
    here = networks(layout) if owned.networks else set()
    if "" in here:  # of a file that cannot be read nobody knows whose network it is
        return Owned(pods, owned.networks)
    return Owned(pods, owned.networks & here)


def networks(layout: Layout) -> set[str]:
    """Names of the networks that are configured on the host, with "" for what cannot be read."""
    from podwright.net import lookup

    return {one.name for one in lookup.read_directory(f"{layout.local_config}/net.d")}


def _memories(layout: Layout) -> list[Memory]:
    """Of all fleets; their names are not known."""
    try:
        names = sorted(os.listdir(f"{layout.data}/pull"))
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = []
    for name in names:
        memory = Memory(layout, "")
        memory.path = f"{layout.data}/pull/{name}"
        found.append(memory)
    return found


def results(layout: Layout) -> list[dict[str, Any]]:
    """The results of all fleets that this host has pulled, by fleet."""
    told = [memory.result() for memory in _memories(layout)]
    found = [one for one in told if isinstance(one.get("fleet"), str)]
    return sorted(found, key=lambda one: str(one["fleet"]))


def refuse_unreadable(layout: Layout) -> None:
    """Raise HostError for somebody who may not read how pulls went: to him it would look as if there were none."""
    try:
        refused = any(_is_refused(f"{memory.path}/result.json") for memory in _memories(layout))
    except PermissionError:
        refused = True
    if refused:
        raise HostError(
            "how this host follows its fleet is for root to read", "sudo podwright pull --status"
        )


def _is_refused(path: str) -> bool:
    try:
        _read(path, 0)
    except PermissionError:
        return True
    except OSError:  # there is none, or it is damaged, which is told as such
        return False
    return False


def _read(path: str, most: int) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(fd, "rb") as file:
        return file.read(most)
