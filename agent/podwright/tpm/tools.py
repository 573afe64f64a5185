# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TPM by the programs of tpm2-tools. Each is executed from the system's directories, with an environment
of ours, and what it prints is read as a stranger's.
"""

from __future__ import annotations

import subprocess

from podwright.errors import HostError
from podwright.host.checks.value import program
from podwright.kernel import fs
from podwright.kernel.step import step
from podwright.model.tpmkeys import AK_ECC, AK_RSA, EK
from podwright.text import safe

PREFIX = "tpm2_"
TIMEOUT = 60.0
"""Seconds: a TPM may think so long about an RSA key."""
INSTALL = "install tpm2-tools"


def available() -> bool:
    """Whether they are installed."""
    return bool(program(f"{PREFIX}pcrextend"))


class Tpm:
    """See `device.Pcrs` and `device.Keys`. Keys are files, as the programs want them."""

    def __init__(self, tcti: str, place: str = "") -> None:
        self._tcti = tcti
        self._place = place
        if place:
            fs.remove_tree(place)  # of one that was killed
            fs.mkdir(place)

    def _run(self, name: str, *arguments: str, data: bytes = b"") -> bytes:
        path = program(f"{PREFIX}{name}")
        if not path:
            raise HostError(f"there is no {PREFIX}{name}", INSTALL, reason="no-tpm")
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C",
            "TPM2TOOLS_TCTI": self._tcti,
            "TSS2_LOG": "all+none",
        }
        try:
            done = subprocess.run(
                [path, *arguments],
                input=data,
                capture_output=True,
                timeout=TIMEOUT,
                env=environment,
                cwd=self._place or "/",
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise HostError(f"{PREFIX}{name} does not end", reason="tpm-timeout") from None
        if done.returncode != 0:
            lines = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
            said = lines[0] if lines else f"status {done.returncode}"
            reason = "no-tpm" if "tcti" in said.lower() else "tpm-failed"
            raise HostError(f"{PREFIX}{name}: {safe(said, 200)}", _HINT, reason=reason)
        return done.stdout

    def _put(self, name: str, data: bytes) -> str:
        fs.write_atomic(f"{self._place}/{name}", data, durable=False)
        return name

    def _get(self, name: str) -> bytes:
        with open(f"{self._place}/{name}", "rb") as file:
            return file.read(65536)

    def read(self, pcr: int, bank: str) -> str:
        """The value of a PCR, hex."""
        text = self._run("pcrread", f"{bank}:{pcr}").decode("ascii", "replace")
        found = text.rpartition("0x")[2].strip().lower()
        if not found or found.strip("0123456789abcdef"):
            raise HostError(f"the TPM has no PCR {pcr} in bank {bank}", reason="tpm-failed")
        return found

    def extend(self, pcr: int, bank: str, digest: str) -> None:
        """Extend a PCR with a digest (hex)."""
        step("tpm-extend")
        self._run("pcrextend", f"{pcr}:{bank}={digest}")

    def primary(self, kind: str) -> tuple[bytes, str]:
        """Make one of our keys: TPM2B_PUBLIC, and the key."""
        context, public = f"{kind}.ctx", f"{kind}.pub"
        if kind == EK:
            self._run("createek", "-c", context, "-G", "rsa", "-u", public)
        else:
            how = ("-C", "e", "-g", "sha256", "-G", _KINDS[kind], "-a", _ATTRIBUTES, "-c", context)
            self._run("createprimary", *how)
            self._run("readpublic", "-c", context, "-f", "tss", "-o", public)
        self._flush()
        return self._get(public), context

    def quote(self, key: str, nonce: bytes, pcr: int, bank: str) -> tuple[bytes, bytes]:
        """TPMS_ATTEST and TPMT_SIGNATURE over a PCR."""
        made = ("-m", "quote", "-s", "signature", "-f", "tss", "-g", "sha256")
        self._run("quote", "-c", key, "-l", f"{bank}:{pcr}", "-q", nonce.hex(), *made)
        self._flush()
        return self._get("quote"), self._get("signature")

    def certificate(self, index: int) -> bytes:
        """What is stored at an NV index; nothing where there is none."""
        listed = self._run("getcap", "handles-nv-index").decode("ascii", "replace").lower()
        return self._run("nvread", hex(index)) if hex(index) in listed else b""

    def activate(self, ak: str, ek: str, credential: bytes, secret: bytes) -> bytes:
        """What a credential holds that was made for both keys."""
        blob = self._put("credential", _CREDENTIAL + credential + secret)
        self._run("startauthsession", "--policy-session", "-S", "session")
        try:
            self._run("policysecret", "-S", "session", "-c", "e")
            keys = ("-c", ak, "-C", ek, "-P", "session:session")
            self._run("activatecredential", *keys, "-i", blob, "-o", "secret")
        finally:
            self._run("flushcontext", "session")
            self._flush()
        return self._get("secret")

    def _flush(self) -> None:
        """Let the TPM forget loaded keys, which the kernel's resource manager does by itself: there
        nobody sees others' keys. Directly at a TPM, there is nobody else.
        """
        self._run("flushcontext", "-t")

    def rest(self) -> None:
        """Let go of the TPM until it is asked again: there is no connection."""

    def close(self) -> None:
        """Let go of the TPM, and of the files."""
        if self._place:
            fs.remove_tree(self._place)


_CREDENTIAL = bytes.fromhex("badcc0de00000001")
"""What a file of tpm2-tools with a credential begins with."""
_KINDS = {AK_ECC: "ecc256:ecdsa-sha256:null", AK_RSA: "rsa2048:rsassa-sha256:null"}
_ATTRIBUTES = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|sign"
_HINT = "see that it is there, and that nobody else keeps it; tpm.d says where it is looked for"
