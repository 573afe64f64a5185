# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host as its TPM shows it, made with tpm2-tools and without the agent: logs, quotes, and the answers around them.

bench = Bench(directory)                   # a TPM in software with an endorsement key and an attestation key
bench.measure(start(uuid=…, apps=[app("example.com/web:1")]))
text = bench.answer(nonce)                 # what `podwright tpm quote` prints
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.podwright.fleet.plugins.plugin_utils import tpm_keys, tpm_structures

from tests.support.swtpm import Swtpm

BOOT = "b0070000-0000-4000-8000-000000000001"
CODE = "sha256:" + "c0" * 32
POLICY = "sha256:" + "90" * 32
KEY = "AB" * 20
ROOT = "sha256:" + "12" * 32
EK_POLICY = "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
AK_ATTRIBUTES = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|sign"


def image_id(name: str) -> str:
    """The ID of an image of this name; of all images of the name here."""
    return f"sha512-{hashlib.sha512(name.encode()).hexdigest()[:64]}"


def uuid(number: int) -> str:
    """A pod's UUID."""
    return f"00000000-0000-4000-8000-{number:012x}"


def app(image: str, name: str = "main") -> dict[str, Any]:
    """An app as events have it."""
    return {
        "name": name, "image": image_id(image), "image_name": image, "root": ROOT, "verdict": "signed",
        "keys": [KEY],
    }  # fmt: skip


def baseline(value: str = "00" * 32, boot_id: str = BOOT) -> dict[str, Any]:
    """The first event."""
    time = "2026-01-01T00:00:00.000Z"
    return {
        "event": "baseline", "format": 1, "boot_id": boot_id, "agent": "0.2.0", "value": value, "time": time,
    }  # fmt: skip


def start(number: int, *apps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A pod's start."""
    return {
        "event": "pod-start", "format": 1, "uuid": uuid(number), "name": f"pod{number}",
        "time": "2026-01-01T00:00:01.000Z", "flavour": "namespaces",
        "agent": {"version": "0.2.0", "code": CODE}, "stage1": None, "manifest": ROOT,
        "apps": list(apps) or [app("example.com/web:1.0")], "policy": POLICY, "insecure": [], **more,
    }  # fmt: skip


def missed(number: int, name: str = "") -> dict[str, Any]:
    """A pod's start, or that of an app in it, that could not be measured."""
    time = "2026-01-01T00:00:02.000Z"
    return {"event": "missed", "uuid": uuid(number), "app": name, "time": time}


def end(number: int) -> dict[str, Any]:
    """A pod's end."""
    time = "2026-01-01T00:00:02.000Z"
    return {"event": "pod-end", "uuid": uuid(number), "time": time, "status": 0, "reason": "exited"}


def digest(content: dict[str, Any], bank: str = "sha256") -> str:
    """What is measured of an event."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.new(bank, text.encode()).hexdigest()


def record(
    number: int, content: dict[str, Any], pcr: int = 13, bank: str = "sha256"
) -> dict[str, Any]:
    """An event in a log."""
    return {
        "recnum": number, "pcr": pcr, "digests": [{"hashAlg": bank, "digest": digest(content, bank)}],
        "content_type": "podwright", "content": content,
    }  # fmt: skip


def encoded(data: bytes) -> str:
    """Base64."""
    return base64.b64encode(data).decode()


class Bench:
    """See the module's docstring."""

    def __init__(self, directory: Path, pcr: int = 13) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.pcr = pcr
        self.files = directory
        self.tpm = Swtpm(directory)
        self.tpm.start()
        self.log: list[dict[str, Any]] = []
        self.pods: list[dict[str, Any]] = []
        self.public = b""
        self.endorsement = b""

    def close(self) -> None:
        """End the TPM."""
        self.tpm.stop()

    def make_keys(
        self, attributes: str = AK_ATTRIBUTES, kind: str = "ecc256:ecdsa-sha256:null"
    ) -> None:
        """The endorsement key of the TCG's template L-1, and a primary key beside it that signs."""
        ek = "fixedtpm|fixedparent|sensitivedataorigin|adminwithpolicy|restricted|decrypt"
        (self.files / "ek.policy").write_bytes(bytes.fromhex(EK_POLICY))
        self.primary("ek", "rsa2048:null:aes128cfb", ek, "-L", "ek.policy")
        self.primary("ak", kind, attributes)
        self.endorsement = (self.files / "ek.pub").read_bytes()
        self.public = (self.files / "ak.pub").read_bytes()

    def primary(self, name: str, kind: str, attributes: str, *more: str) -> None:
        """A primary key of the endorsement hierarchy: NAME.ctx, NAME.pub."""
        given = ["-C", "e", "-g", "sha256", "-G", kind, "-a", attributes, *more]
        if name == "ek":  # 256 zeros, as the template wants
            (self.files / "unique").write_bytes(bytes(256))
            given += ["-u", "unique"]
        self.tpm.tool("createprimary", *given, "-c", f"{name}.ctx")
        self.tpm.tool("readpublic", "-c", f"{name}.ctx", "-o", f"{name}.pub")
        self.tpm.tool("flushcontext", "-t")

    @property
    def name(self) -> bytes:
        """The attestation key's name."""
        return tpm_keys.name(tpm_structures.public(self.public))

    def boot(self) -> None:
        """Power off and on. The keys are the same, being primary ones; what was loaded of them is gone."""
        self.tpm.boot()
        self.make_keys()
        self.log, self.pods = [], []

    def fresh(self) -> None:
        """Nothing is measured yet; only for PCRs that can be reset (16 and 23)."""
        self.tpm.tool("pcrreset", str(self.pcr))
        self.log, self.pods = [], []

    def measure(self, *contents: dict[str, Any]) -> None:
        """Measure events, and write them to the log; the baseline before the first."""
        begun = self.log or contents[0]["event"] == "baseline"
        for content in contents if begun else (baseline(), *contents):
            self.log.append(record(len(self.log), content, self.pcr))
            self.extend(digest(content))

    def extend(self, value: str) -> None:
        """Extend the PCR with nothing in the log."""
        self.tpm.tool("pcrextend", f"{self.pcr}:sha256={value}")

    def quote(self, nonce: bytes, selection: str = "", key: str = "ak") -> tuple[bytes, bytes]:
        """A quote and its signature."""
        pcrs = selection or f"sha256:{self.pcr}"
        self.tpm.tool(
            "quote", "-c", f"{key}.ctx", "-l", pcrs, "-q", nonce.hex(), "-m", "quote", "-s", "signature",
        )  # fmt: skip
        self.tpm.tool("flushcontext", "-t")  # there is no resource manager that would
        return (self.files / "quote").read_bytes(), (self.files / "signature").read_bytes()

    def answer(self, nonce: bytes, selection: str = "", **more: Any) -> str:
        """What the agent would print; `more` replaces what it would say."""
        quote, signature = self.quote(nonce, selection)
        return json.dumps(self.said(nonce, quote, signature, **more))

    def said(self, nonce: bytes, quote: bytes, signature: bytes, **more: Any) -> dict[str, Any]:
        """The answer with this quote, as values."""
        ak = {"public": encoded(self.public), "name": self.name.hex(), "pem": ""}
        ek = {"public": encoded(self.endorsement), "name": "", "pem": "", "certificate": ""}
        return {
            "format": 1, "nonce": nonce.hex(), "mode": "require", "pcr": self.pcr, "bank": "sha256", "boot_id": BOOT,
            "quote": encoded(quote), "signature": encoded(signature), "value": "", "log": copy.deepcopy(self.log),
            "ak": ak, "ek": ek, "pods": list(self.pods), "problems": [], **more,
        }  # fmt: skip

    def runs(self, *numbers: int) -> None:
        """The host says that these pods run."""
        self.pods = [
            {"uuid": uuid(number), "name": f"pod{number}", "flavour": "namespaces", "apps": []}
            for number in numbers
        ]

    def activate(self, file: bytes) -> bytes:
        """What the TPM opens of a credential."""
        (self.files / "credential").write_bytes(file)
        self.tpm.tool("startauthsession", "--policy-session", "-S", "session.ctx")
        try:
            self.tpm.tool("policysecret", "-S", "session.ctx", "-c", "e")
            opened = ("-c", "ak.ctx", "-C", "ek.ctx", "-i", "credential", "-o", "opened")
            self.tpm.tool("activatecredential", *opened, "-P", "session:session.ctx")
        finally:
            self.tpm.tool("flushcontext", "session.ctx")
            self.tpm.tool("flushcontext", "-t")
        return (self.files / "opened").read_bytes()


def nonce() -> bytes:
    """A fresh one."""
    return os.urandom(32)


def values(log: Sequence[dict[str, Any]]) -> list[str]:
    """The PCR after each record."""
    out, value = [], bytes(32)
    for one in log:
        value = hashlib.sha256(value + bytes.fromhex(one["digests"][0]["digest"])).digest()
        out.append(value.hex())
    return out
