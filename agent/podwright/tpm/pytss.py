# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TPM by tpm2-pytss, the Python package of tpm2-tss."""

from __future__ import annotations

from podwright.errors import HostError
from podwright.host import distpackages
from podwright.kernel.step import step
from podwright.model.tpmkeys import TEMPLATES
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_HINT = "see that it is there, and that nobody else keeps it; tpm.d says where it is looked for"


class Tpm:
    """See `device.Pcrs` and `device.Keys`. Keys are contexts that the TPM has saved."""

    def __init__(self, tcti: str) -> None:
        distpackages.enable()
        try:
            import tpm2_pytss  # type: ignore[import-not-found,unused-ignore]
        except ImportError as err:
            raise HostError(
                f"tpm2-pytss is not installed ({safe(err)})",
                "install python3-tpm2-pytss",
                reason="no-tpm",
            ) from None
        self._tss: Any = tpm2_pytss
        self._tcti = tcti
        self._handles: list[Any] = []
        self._esys: Any = self._connected()

    def _connected(self) -> Any:
        try:
            return self._tss.ESAPI(self._tcti)
        except self._tss.TSS2_Exception as err:
            raise HostError(
                f"the TPM at {self._tcti} does not answer ({safe(err)})", _HINT, reason="no-tpm"
            ) from None

    def _ask(self, name: str, *arguments: Any, **named: Any) -> Any:
        """One command. Raises HostError."""
        if self._esys is None:
            self._esys = self._connected()
        try:
            return getattr(self._esys, name)(*arguments, **named)
        except self._tss.TSS2_Exception as err:
            raise HostError(f"TPM: {name}: {safe(err, 200)}", _HINT, reason="tpm-failed") from None

    def read(self, pcr: int, bank: str) -> str:
        """The value of a PCR, hex."""
        _, _, values = self._ask("pcr_read", f"{bank}:{pcr}")
        if len(values) != 1:
            raise HostError(f"the TPM has no PCR {pcr} in bank {bank}", reason="tpm-failed")
        return bytes(values[0]).hex()

    def extend(self, pcr: int, bank: str, digest: str) -> None:
        """Extend a PCR with a digest (hex)."""
        types = self._tss.types
        value = types.TPMU_HA(**{bank: bytes.fromhex(digest)})
        one = types.TPMT_HA(hashAlg=getattr(self._tss.TPM2_ALG, bank.upper()), digest=value)
        step("tpm-extend")
        handle = getattr(self._tss.ESYS_TR, f"PCR{pcr}")
        self._ask("pcr_extend", handle, types.TPML_DIGEST_VALUES([one]))

    def primary(self, kind: str) -> tuple[bytes, Any]:
        """Make one of our keys: TPM2B_PUBLIC, and the key."""
        area, _ = self._tss.TPMT_PUBLIC.unmarshal(TEMPLATES[kind])
        template = self._tss.TPM2B_PUBLIC(publicArea=area)
        endorsement = self._tss.ESYS_TR.ENDORSEMENT
        handle, public, *_ = self._ask("create_primary", None, template, endorsement)
        try:
            return public.marshal(), self._ask("context_save", handle)
        finally:
            self._ask("flush_context", handle)

    def _loaded(self, key: Any) -> Any:
        handle = self._ask("context_load", key)
        self._handles.append(handle)
        return handle

    def quote(self, key: Any, nonce: bytes, pcr: int, bank: str) -> tuple[bytes, bytes]:
        """TPMS_ATTEST and TPMT_SIGNATURE over a PCR."""
        data = self._tss.TPM2B_DATA(nonce)
        attest, signature = self._ask("quote", self._loaded(key), f"{bank}:{pcr}", data)
        return bytes(attest), signature.marshal()

    def certificate(self, index: int) -> bytes:
        """What is stored at an NV index; nothing where there is none."""
        capability = self._tss.TPM2_CAP.HANDLES
        _, found = self._ask("get_capability", capability, index, 1)
        if index not in [int(one) for one in found.data.handles]:
            return b""
        handle = self._ask("tr_from_tpmpublic", index)
        public, _ = self._ask("nv_read_public", handle)
        return b"".join(self._pieces(handle, int(public.nvPublic.dataSize)))

    def _pieces(self, handle: Any, size: int, most: int = 512) -> Iterator[bytes]:
        for start in range(0, size, most):
            yield bytes(self._ask("nv_read", handle, min(most, size - start), start))

    def activate(self, ak: Any, ek: Any, credential: bytes, secret: bytes) -> bytes:
        """What a credential holds that was made for both keys."""
        tss, tr = self._tss, self._tss.ESYS_TR
        blob, _ = tss.TPM2B_ID_OBJECT.unmarshal(credential)
        seed, _ = tss.TPM2B_ENCRYPTED_SECRET.unmarshal(secret)
        plain = tss.TPMT_SYM_DEF(algorithm=tss.TPM2_ALG.NULL)
        kind = (tss.TPM2_SE.POLICY, plain, tss.TPM2_ALG.SHA256)
        session = self._ask("start_auth_session", tr.NONE, tr.NONE, *kind)
        self._handles.append(session)  # let go of in the end: it does not end with its use
        self._ask("trsess_set_attributes", session, tss.TPMA_SESSION.CONTINUESESSION)
        self._ask("policy_secret", tr.ENDORSEMENT, session, b"", b"", b"", 0)
        both = (self._loaded(ak), self._loaded(ek))
        found = self._ask("activate_credential", *both, blob, seed, tr.PASSWORD, session)
        return bytes(found)

    def rest(self) -> None:
        """Let go of the TPM until it is asked again."""
        if self._esys is None:
            return
        while self._handles:
            self._ask("flush_context", self._handles.pop())
        esys, self._esys = self._esys, None
        esys.close()

    def close(self) -> None:
        """Let go of the TPM."""
        self.rest()
