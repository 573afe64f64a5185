# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and extending a PCR by tpm2-tss (libtss2-esys), called directly.

Two calls of its Python package cost 300 ms, of its programs 50 ms, and these 12 ms: whoever starts a
pod waits for them. Everything else that is asked of a TPM may take longer, and is not here.
"""

from __future__ import annotations

import ctypes

from podwright.errors import HostError
from podwright.kernel.step import step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ALGORITHMS = {"sha256": 0x000B, "sha384": 0x000C, "sha512": 0x000D}
_NONE, _PASSWORD = 0xFFF, 0xFF
"""ESYS_TR_NONE, ESYS_TR_PASSWORD; a PCR's handle is its number."""
LIBRARIES = ("libtss2-tctildr.so.0", "libtss2-esys.so.0")
MISSING = "install tpm2-tools (it brings libtss2-esys), or python3-tpm2-pytss"


class _Selection(ctypes.Structure):
    """TPMS_PCR_SELECTION"""

    _fields_ = [
        ("hash", ctypes.c_uint16),
        ("size", ctypes.c_uint8),
        ("bits", ctypes.c_uint8 * 4),
    ]


class _Selections(ctypes.Structure):
    """TPML_PCR_SELECTION"""

    _fields_ = [("count", ctypes.c_uint32), ("each", _Selection * 16)]


class _Digest(ctypes.Structure):
    """TPM2B_DIGEST"""

    _fields_ = [("size", ctypes.c_uint16), ("data", ctypes.c_uint8 * 64)]


class _Digests(ctypes.Structure):
    """TPML_DIGEST"""

    _fields_ = [("count", ctypes.c_uint32), ("each", _Digest * 8)]


class _Hash(ctypes.Structure):
    """TPMT_HA"""

    _fields_ = [("hash", ctypes.c_uint16), ("data", ctypes.c_uint8 * 64)]


class _Values(ctypes.Structure):
    """TPML_DIGEST_VALUES"""

    _fields_ = [("count", ctypes.c_uint32), ("each", _Hash * 16)]


def available() -> bool:
    """Whether the libraries are installed."""
    try:
        _libraries()
    except OSError:
        return False
    return True


def _libraries() -> tuple[Any, Any]:
    loader, esys = (ctypes.CDLL(name) for name in LIBRARIES)
    return loader, esys


class Tpm:
    """One connection to a TPM. Raises HostError for whatever does not work."""

    def __init__(self, tcti: str) -> None:
        try:
            self._loader, self._esys = _libraries()
        except OSError as err:
            raise HostError(
                f"tpm2-tss is not installed ({err})", MISSING, reason="no-tpm"
            ) from None
        self._free = ctypes.CDLL(None).free
        self._tcti, self._context = ctypes.c_void_p(), ctypes.c_void_p()
        code = self._loader.Tss2_TctiLdr_Initialize(tcti.encode(), ctypes.byref(self._tcti))
        if code == 0:
            code = self._esys.Esys_Initialize(ctypes.byref(self._context), self._tcti, None)
        if code != 0:
            self.close()
            raise HostError(
                f"the TPM at {tcti} does not answer (tpm2-tss says {code & 0xFFFFFFFF:#x})",
                "see that it is there, and that nobody else keeps it; tpm.d says where it is looked for",
                object=tcti,
                reason="no-tpm",
            )

    def read(self, pcr: int, bank: str) -> str:
        """The value of a PCR, hex."""
        asked = _Selections(count=1)
        asked.each[0].hash, asked.each[0].size = ALGORITHMS[bank], 3
        asked.each[0].bits[pcr // 8] = 1 << pcr % 8
        told, values = ctypes.POINTER(_Selections)(), ctypes.POINTER(_Digests)()
        counter = ctypes.c_uint32()
        three = (_NONE, _NONE, _NONE)
        found = map(ctypes.byref, (asked, counter, told, values))
        self._check("read", pcr, self._esys.Esys_PCR_Read(self._context, *three, *found))
        try:
            if values.contents.count != 1:
                raise HostError(
                    f"the TPM has no PCR {pcr} in bank {bank}",
                    "set another bank in tpm.d, or allocate it (tpm2_pcrallocate)",
                    reason="tpm-failed",
                )
            one = values.contents.each[0]
            return bytes(one.data[: one.size]).hex()
        finally:
            self._free(told)
            self._free(values)

    def extend(self, pcr: int, bank: str, digest: str) -> None:
        """Extend a PCR with a digest (hex)."""
        values = _Values(count=1)
        values.each[0].hash = ALGORITHMS[bank]
        data = bytes.fromhex(digest)
        values.each[0].data[: len(data)] = data
        step("tpm-extend")
        given = (self._context, pcr, _PASSWORD, _NONE, _NONE, ctypes.byref(values))
        self._check("extend", pcr, self._esys.Esys_PCR_Extend(*given))

    def _check(self, what: str, pcr: int, code: int) -> None:
        if code != 0:
            raise HostError(
                f"the TPM did not {what} PCR {pcr} (it says {code & 0xFFFFFFFF:#x})",
                "tpm2_rc_decode tells what that means",
                reason="tpm-failed",
            )

    def close(self) -> None:
        """Let go of the TPM."""
        if self._context:
            self._esys.Esys_Finalize(ctypes.byref(self._context))
        if self._tcti:
            self._loader.Tss2_TctiLdr_Finalize(ctypes.byref(self._tcti))
