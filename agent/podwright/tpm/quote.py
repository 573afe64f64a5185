# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, quotes and credentials: what the host answers whoever wants to know what it has run.

Asked in a process of its own (`child`), since a TPM thinks for seconds about an RSA key. Pods start
meanwhile: keys are made before the log's lock is taken, and the log is read when it was given back.
"""

from __future__ import annotations

import os
import time
from base64 import b64decode, b64encode

from podwright import jsonio
from podwright.errors import HostError, PodwrightError, UsageError
from podwright.host.lock import HostLock
from podwright.host.paths import Layout
from podwright.kernel import fs
from podwright.model import measured, tpmkeys
from podwright.stage0 import pods
from podwright.tpm import device, eventlog, facts, look
from podwright.tpm import pods as measuring
from podwright.tpm.child import Child
from podwright.tpm.measure import Session
from podwright.tpm.settings import RSA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from podwright.tpm.device import Keys
    from podwright.tpm.settings import Settings

PATIENCE = 120.0
NONCE = (16, 64)
"""Bytes."""
LATELY = 30.0
"""Seconds: a pod that has begun after that, and is not measured yet, is about to be."""
MOST = 4096
"""Bytes of what is given to `activate`."""


def nonce_of(text: str) -> bytes:
    """A nonce from the command line. Raises UsageError."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if not NONCE[0] <= len(data) <= NONCE[1] or len(text) != 2 * len(data):
        raise UsageError(
            f"--nonce is {NONCE[0]} to {NONCE[1]} bytes as hex digits",
            "give a new one each time: --nonce=$(openssl rand -hex 32)",
        )
    return data


def key(layout: Layout, settings: Settings) -> dict[str, Any]:
    """Both keys; what `podwright tpm key` prints."""

    def work() -> dict[str, Any]:
        with _asking(layout), _Asked(layout, settings) as asked:
            return {"format": measured.FORMAT, "ak": asked.ak, "ek": asked.ek()}

    return _result(work)


def quote(layout: Layout, settings: Settings, nonce: bytes) -> dict[str, Any]:
    """A quote with everything that it is verified by; what `podwright tpm quote` prints."""
    look.refuse_off(settings)
    found = _result(lambda: _quote(layout, settings, nonce))
    where, size = eventlog.place(layout), found.pop("size")
    try:
        return {**found, "log": look.unchecked(where, size)}
    except UsageError as err:
        return {**found, "log": [], "problems": [*found["problems"], err.message]}


def activate(
    layout: Layout, settings: Settings, credential: bytes, secret: bytes
) -> dict[str, Any]:
    """What a credential holds that was made for our keys."""

    def work() -> dict[str, Any]:
        with _asking(layout), _Asked(layout, settings) as asked:
            found = asked.activate(credential, secret)
            return {"format": measured.FORMAT, "credential": b64encode(found).decode()}

    return _result(work)


def given(text: str, name: str) -> bytes:
    """A structure with its size before it, from the command line. Raises UsageError."""
    if not text:
        raise UsageError(f"--{name} is missing", "podwright tpm activate --help")
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        data = b""
    if not 2 < len(data) <= MOST or int.from_bytes(data[:2], "big") != len(data) - 2:
        raise UsageError(
            f"--{name} is no such structure in base64",
            "give what TPM2_MakeCredential makes, with its size in two bytes before it",
        )
    return data


def _result(work: Any) -> dict[str, Any]:
    found: dict[str, Any] = Child(work, PATIENCE).result()
    return found


def _asking(layout: Layout) -> HostLock:
    """What is held by who makes keys and quotes, one after another."""
    where = eventlog.place(layout)
    eventlog.make(where)
    return HostLock(f"{where}/asking", "asking the TPM", PATIENCE)


class _Asked:
    """A connection with our attestation key, in a `with` block."""

    def __init__(self, layout: Layout, settings: Settings) -> None:
        self._cache = f"{layout.data}/tpm"
        self._tpm: Keys = device.keys(settings, f"{eventlog.place(layout)}/work")
        kind = tpmkeys.AK_RSA if settings.key == RSA else tpmkeys.AK_ECC
        try:
            public, self._key = self._tpm.primary(kind)
        except BaseException:
            self._tpm.close()
            raise
        self.ak = tpmkeys.to_json(tpmkeys.of_sized(public))

    def __enter__(self) -> _Asked:
        return self

    def __exit__(self, *_: object) -> None:
        self._tpm.close()

    def rest(self) -> None:
        """Let others have the TPM."""
        self._tpm.rest()

    def quote(self, nonce: bytes, pcr: int, bank: str) -> tuple[bytes, bytes]:
        return self._tpm.quote(self._key, nonce, pcr, bank)

    def activate(self, credential: bytes, secret: bytes) -> bytes:
        _, ek = self._tpm.primary(tpmkeys.EK)
        return self._tpm.activate(self._key, ek, credential, secret)

    def ek(self) -> dict[str, str]:
        """The endorsement key: as it was once, since the attestation key is from the same seed."""
        path = f"{self._cache}/ek.{self.ak['name']}"
        try:
            with open(path, "rb") as file:
                known: dict[str, str] = jsonio.loads(file.read(65536), path)
                return known
        except (OSError, PodwrightError):
            pass
        public, _ = self._tpm.primary(tpmkeys.EK)
        certificate = b64encode(self._tpm.certificate(tpmkeys.CERTIFICATE)).decode()
        found = {**tpmkeys.to_json(tpmkeys.of_sized(public)), "certificate": certificate}
        fs.ensure_dir(self._cache, 0o700)
        fs.write_atomic(path, jsonio.dumps(found).encode())
        return found


def _quote(layout: Layout, settings: Settings, nonce: bytes) -> dict[str, Any]:
    """All but the log, in its place its `size`."""
    where = eventlog.place(layout)
    with _asking(layout), _Asked(layout, settings) as asked:
        ek = asked.ek()
        asked.rest()  # whoever has the log's lock waits for the TPM, and we for the lock
        problems = _settled(layout, settings)
        with look.lock(where):
            looked = look.look(where, settings)
            attest, signature = asked.quote(nonce, settings.pcr, settings.bank)
            asked.rest()
            state = eventlog.state(where)
            missed = eventlog.missed(where)
            running = list(_running(layout))
    seen = look.verify(where, settings, looked, state)
    problems += [*seen.problems, *map(facts.waiting, missed)]
    return {
        "format": measured.FORMAT,
        "nonce": nonce.hex(),
        "mode": settings.mode,
        "pcr": settings.pcr,
        "bank": settings.bank,
        "boot_id": seen.boot_id,
        "quote": b64encode(attest).decode(),
        "signature": b64encode(signature).decode(),
        "value": seen.value,
        "size": looked.size,
        "ak": asked.ak,
        "ek": ek,
        "pods": running,
        "problems": list(dict.fromkeys(problems)),
    }


def _settled(layout: Layout, settings: Settings) -> list[str]:
    """Measure what is not measured yet; what stands in the way is said, and verified by others."""
    try:
        with Session(eventlog.place(layout), settings) as session:
            measuring.measure_ends(session, eventlog.place(layout))
        return []
    except HostError as err:
        if err.reason == "no-tpm":
            raise
        return [err.message]


def _running(layout: Layout) -> Iterator[dict[str, Any]]:
    """Pods that run, as the host has it, in all data directories of which a pod was measured; not those
    that are just being measured.
    """
    where = eventlog.place(layout)
    elsewhere = (eventlog.pods_of(where, uuid) for uuid in eventlog.opened(where))
    for data in dict.fromkeys((layout.data, *filter(None, elsewhere))):
        for pod in pods.each(Layout(data=data), (pods.RUN,)):
            ended = os.path.lexists(f"{pod.path}/exited")  # and its parent is about to
            if pod.locked and not ended and not _is_new(pod.path):
                config = pod.read_object("runtime-config")
                yield {
                    "uuid": pod.uuid,
                    "name": str(config.get("name", "")),
                    "flavour": str(config.get("stage1", "")),
                    "apps": _apps(pod),
                }


def _apps(pod: pods.Pod) -> list[dict[str, str]]:
    """What a pod has of apps now: nothing where that cannot be read."""
    each = pod.read_object("pod").get("apps")
    try:
        return [{"name": str(one["name"]), "image": str(one["image"]["id"])} for one in each or ()]
    except (KeyError, TypeError):
        return []


def _is_new(path: str) -> bool:
    """Whether a pod has begun lately, and is not measured yet."""
    if os.path.lexists(f"{path}/{measuring.MEASURED}"):
        return False
    try:
        return abs(time.time() - os.stat(f"{path}/started-at").st_mtime) < LATELY
    except OSError:
        return True
