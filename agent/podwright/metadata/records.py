# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of registered pods: a file per pod below `metadata/pods`, for root only.

A record ends with its pod and with the boot. Of a token only the SHA-256 is kept. Who asks is
known by the ledger: the record of a pod counts for connections from the addresses that the pod
holds, while the pod runs.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from podwright import jsonio
from podwright.errors import PodwrightError
from podwright.host import clock
from podwright.host.lock import try_lock
from podwright.kernel import fs
from podwright.model.names import is_hex, is_uuid
from podwright.net import ledger
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.net.values import Holding

MOST_RECORD = 64 << 20
FIELDS = ("uuid", "boot", "token", "manifest", "images")
"""Of a record; what a newer service has more is its own."""


class Refused(Exception):
    """Who asks is not whom the token belongs to; the text is for the log."""


@value
class Record:
    """A registered pod.

    token     SHA-256 of its token, in hexadecimal
    manifest  its pod manifest
    images    app name -> image manifest
    """

    uuid: str
    boot: str
    token: str
    manifest: dict[str, Any]
    images: dict[str, dict[str, Any]]


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Records:
    """The records of one host.

    directory  `Layout.metadata`
    net_dir    `Layout.net`, whose ledger says which addresses are whose
    """

    def __init__(self, directory: str, net_dir: str) -> None:
        self.directory = f"{directory}/pods"
        self.net_dir = net_dir
        self.boot = clock.boot_id()
        self.by_uuid: dict[str, Record] = {}
        self.sources: dict[str, str] = {}
        for uuid in _names(self.directory):
            record = self._read(uuid)
            holding = running(net_dir, uuid, self.boot)
            if record is not None and holding is not None:
                self._know(record, holding)
            elif not ledger.may_run(net_dir, uuid, self.boot):
                fs.unlink(f"{self.directory}/{uuid}")

    def _read(self, uuid: str) -> Optional[Record]:
        try:
            with open(f"{self.directory}/{uuid}", "rb") as file:
                raw = jsonio.loads(file.read(MOST_RECORD), uuid, limit=MOST_RECORD)
            record = Record(**{name: raw[name] for name in FIELDS})
            sound = record.uuid == uuid and record.boot == self.boot and is_hex(record.token, 64)
            return record if sound else None
        except (OSError, PodwrightError, TypeError, KeyError):
            return None

    def _know(self, record: Record, holding: Holding) -> None:
        self._forget(record.uuid)
        self.by_uuid[record.uuid] = record
        for ip in addresses(holding):
            self.sources[ip] = record.uuid

    def _forget(self, uuid: str) -> None:
        self.by_uuid.pop(uuid, None)
        self.sources = {ip: known for ip, known in self.sources.items() if known != uuid}

    def put(self, record: Record, holding: Holding) -> None:
        """Write a record, in place of one that there was; what ended pods left goes."""
        for uuid in [one for one in self.by_uuid if running(self.net_dir, one, self.boot) is None]:
            self.drop(uuid)
        fs.ensure_dir(self.directory, 0o700)
        data = jsonio.dumps(record.__dict__).encode()
        fs.write_atomic(f"{self.directory}/{record.uuid}", data, 0o600, durable=False)
        self._know(record, holding)

    def any_runs(self) -> bool:
        """Whether a registered pod still runs."""
        return any(running(self.net_dir, uuid, self.boot) is not None for uuid in self.by_uuid)

    def drop(self, uuid: str) -> bool:
        """Forget a pod; whether it was known."""
        known = uuid in self.by_uuid
        self._forget(uuid)
        fs.unlink(f"{self.directory}/{uuid}")
        return known

    def identify(self, source: str, token: str) -> Record:
        """The record of who connected from `source` with this token. Raises Refused."""
        record = self.by_uuid.get(self.sources.get(source, ""))
        if record is None:
            raise Refused("no registered pod has this address")
        who = f"pod {record.uuid}"
        holding = running(self.net_dir, record.uuid, self.boot)
        if holding is None or not os.path.exists(f"{self.directory}/{record.uuid}"):
            self.drop(record.uuid)
            raise Refused(f"{who} has ended")
        if source not in addresses(holding):
            raise Refused(f"{who} does not hold this address any more")
        given = digest(token)
        if not hmac.compare_digest(given, record.token):
            owner = next((one.uuid for one in self.by_uuid.values() if one.token == given), "")
            whose = f"that of pod {owner}" if owner else "nobody's"
            raise Refused(f"{who}: the token is {whose}")
        return record


def reserve(directory: str, net_dir: str, ports: set[int]) -> None:
    """Keep these ports from pods for as long as others know them as the service's (`check.py`).

    Also those of the service before this one, while pods are registered that were told of them.
    """
    from podwright.net import check

    known = check.reserved_ports(net_dir) if _names(f"{directory}/pods") else set()
    text = " ".join(map(str, sorted(known | ports)))
    fs.write_atomic(f"{directory}/{check.RESERVED}", text.encode(), 0o600, durable=False)


def addresses(holding: Holding) -> list[str]:
    """The addresses that a pod holds, in their canonical form."""
    return [address.ip for one in holding.attachments for address in one.addresses]


def running(net_dir: str, uuid: str, boot: str) -> Optional[Holding]:
    """What a pod holds of the network, if it runs in this boot; when in doubt, it does not."""
    holding = ledger.read(net_dir, uuid) if is_uuid(uuid) else None
    if holding is None or holding.boot != boot:
        return None
    try:
        fd = os.open(holding.pod_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if try_lock(fd, shared=True) else holding
    finally:
        os.close(fd)


def reclaim(directory: str, net_dir: str) -> None:
    """Remove the records of pods that have ended; what gc does."""
    boot = clock.boot_id()
    for uuid in _names(f"{directory}/pods"):
        if not ledger.may_run(net_dir, uuid, boot):
            fs.unlink(f"{directory}/pods/{uuid}")


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []
