# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TPM as those who measure see it, and which binding of tpm2-tss speaks to it."""

from __future__ import annotations

import os

from podwright.errors import HostError
from podwright.tpm.settings import AUTO, ESYS, PYTSS, TOOLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from podwright.tpm.settings import Settings

    class Pcrs(Protocol):
        """What reads and extends PCRs; values and digests are hex."""

        def read(self, pcr: int, bank: str) -> str: ...
        def extend(self, pcr: int, bank: str, digest: str) -> None: ...
        def close(self) -> None: ...

    class Keys(Protocol):
        """What a TPM does with keys; all bytes are structures as the TCG defines them.

        primary   makes a key of `model.tpmkeys`: TPM2B_PUBLIC, and what the other calls know it by
        quote     TPMS_ATTEST and TPMT_SIGNATURE
        rest      lets others have the TPM until the next call
        """

        def primary(self, kind: str) -> tuple[bytes, Any]: ...
        def quote(self, key: Any, nonce: bytes, pcr: int, bank: str) -> tuple[bytes, bytes]: ...
        def certificate(self, index: int) -> bytes: ...
        def activate(self, ak: Any, ek: Any, credential: bytes, secret: bytes) -> bytes: ...
        def rest(self) -> None: ...
        def close(self) -> None: ...


INSTALL = "install tpm2-tools, or python3-tpm2-pytss"


def check_there(tcti: str) -> None:
    """Raise HostError for a TPM that cannot be there, in words that say more than tpm2-tss does."""
    kind, _, rest = tcti.partition(":")
    wanted, hint = [], "start it (tpm.d says where it is looked for), or name another one there"
    if kind == "device":
        wanted = [rest]
        hint = "enable the TPM 2.0 in the firmware; tpm.d says where it is looked for"
    elif kind == "swtpm" and rest.startswith("path="):
        path = rest[5:].partition(",")[0]
        wanted = [path, f"{path}.ctrl"]
    for path in wanted:
        if not os.path.exists(path):
            raise HostError(
                f"there is no TPM: {path} does not exist", hint, object=tcti, reason="no-tpm"
            )


def pcrs(settings: Settings) -> Pcrs:
    """What measures: the quickest that is installed. Raises HostError."""
    check_there(settings.tcti)
    os.environ["TSS2_LOG"] = "all+none"  # it writes to standard error, where the pod's output is
    binding = settings.binding
    if binding == AUTO:
        from podwright.kernel import esys

        binding = ESYS if esys.available() else _installed()
    if binding == ESYS:
        from podwright.kernel.esys import Tpm

        return Tpm(settings.tcti)
    if binding == PYTSS:
        from podwright.tpm.pytss import Tpm as WithPytss

        return WithPytss(settings.tcti)
    from podwright.tpm.tools import Tpm as WithTools

    return WithTools(settings.tcti)


def keys(settings: Settings, place: str) -> Keys:
    """What makes keys and quotes: tpm2-pytss where it is installed, else tpm2-tools. Raises HostError.

    place  a directory that may be made for its files; nobody else makes keys at the same time
    """
    check_there(settings.tcti)
    os.environ["TSS2_LOG"] = "all+none"
    binding = settings.binding if settings.binding in (PYTSS, TOOLS) else _installed()
    if binding == PYTSS:
        from podwright.tpm.pytss import Tpm as WithPytss

        return WithPytss(settings.tcti)
    from podwright.tpm.tools import Tpm as WithTools

    return WithTools(settings.tcti, place)


def _installed() -> str:
    from podwright.host import distpackages
    from podwright.tpm import tools

    distpackages.enable()
    from importlib.util import find_spec

    if find_spec("tpm2_pytss") is not None:
        return PYTSS
    if tools.available():
        return TOOLS
    raise HostError("nothing here speaks to a TPM", INSTALL, reason="no-tpm")
