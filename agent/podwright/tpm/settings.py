# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is set for measuring pods: files of `tpm.d` in the configuration.

A file is an object with `rktKind` tpm and `rktVersion` v1, and any of the fields of `Settings`. What a later
configuration directory says replaces what an earlier one says; said twice in one directory, it is an error.
"""

from __future__ import annotations

import os

from podwright.errors import UsageError
from podwright.model.measured import BANKS
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.fields import Fields

DIRECTORY = "tpm.d"
OFF, LOG, REQUIRE = "off", "log", "require"
MODES = (OFF, LOG, REQUIRE)
ECC, RSA = "ecc", "rsa"
AUTO, ESYS, PYTSS, TOOLS = "auto", "esys", "pytss", "tools"
BINDINGS = (AUTO, ESYS, PYTSS, TOOLS)
LAST_PCR = 23
LONGEST = 60
RESETTABLE = {16: "for debugging", 23: "for applications"}
DYNAMIC = range(17, 23)
OWNERS = {
    **dict.fromkeys(range(8), "the firmware"),
    8: "the boot loader",
    9: "the boot loader and the kernel",
    10: "the kernel (IMA)",
    11: "systemd (the unified kernel image)",
    12: "systemd (the kernel's command line)",
    14: "the boot loader (shim)",
    15: "systemd (the host's identity and file systems)",
}
"""Who extends a PCR by custom. 13 is left: systemd-stub uses it, for system extensions, on hosts that
boot a unified kernel image with some.
"""
TRANSPORTS = ("device", "swtpm", "mssim", "tabrmd")
_WORDS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:=,./_-",
)


@value
class Settings:
    """How pods are measured.

    mode     off; log: what fails is told, and the pod starts; require: no measurement, no start
    pcr, bank   what is extended
    tcti     how the TPM is reached, as tpm2-tss names it
    key      of the attestation key: ecc or rsa
    binding  what speaks to tpm2-tss: auto, or one of esys, pytss, tools
    timeout  seconds that the TPM may take before it counts as one that does not answer
    """

    mode: str = OFF
    pcr: int = 13
    bank: str = "sha256"
    tcti: str = "device:/dev/tpmrm0"
    key: str = ECC
    binding: str = AUTO
    timeout: int = 8


def configured(layout: Layout) -> bool:
    """Whether anything is said at all: as quick as can be, since every start asks."""
    return any(os.path.lexists(f"{base}/{DIRECTORY}") for base in layout.config_dirs())


def read(layout: Layout) -> Settings:
    """What the configuration directories say. Raises UsageError naming the file and the field."""
    if not configured(layout):
        return Settings()
    from podwright.stage0.web.configfiles import merged

    return Settings(**merged(layout, DIRECTORY, "tpm", _file))


def warnings(settings: Settings) -> tuple[str, ...]:
    """What people should know about what they have set."""
    owner = OWNERS.get(settings.pcr)
    if owner is None or settings.mode == OFF:
        return ()
    text = (
        f"PCR {settings.pcr} belongs to {owner}: what that measures there is not in podwright's log;"
        f" PCR {Settings.pcr} is free on most hosts"
    )
    return (text,)


def _file(fields: Fields) -> dict[str, Any]:
    """What one file says."""
    for name, said in fields.obj.items():
        if said is None or said == "":
            raise UsageError(
                f"{fields.at(name)}: says nothing",
                "write what is meant, or leave the field out",
                object=fields.path,
            )
    found: dict[str, Any] = {
        "mode": fields.choice("mode", ("", *MODES), "") or None,
        "pcr": _pcr(fields),
        "bank": fields.choice("bank", ("", *BANKS), "") or None,
        "tcti": _tcti(fields),
        "key": fields.choice("key", ("", ECC, RSA), "") or None,
        "binding": fields.choice("binding", ("", *BINDINGS), "") or None,
        "timeout": fields.optional_integer("timeout", 1, LONGEST),
    }
    fields.finish()
    return {name: said for name, said in found.items() if said is not None}


def _pcr(fields: Fields) -> Optional[int]:
    number = fields.optional_integer("pcr", 0, LAST_PCR)
    why = ""
    if number in RESETTABLE:
        why = f"is {RESETTABLE[number]}: any program with the TPM can reset it, and hide what was measured"
    elif number in DYNAMIC:
        why = "is for a dynamic launch: the host's programs cannot extend it"
    if why:
        raise UsageError(
            f"{fields.at('pcr')}: PCR {number} {why}",
            f"leave it out, which means {Settings.pcr}, or take one that nobody else extends",
            object=fields.path,
        )
    return number


def _tcti(fields: Fields) -> Optional[str]:
    """Only what reaches a TPM: not the transports that run a command, or load a library by its path."""
    text = fields.text("tcti")
    if not text:
        return None
    name, _, rest = text.partition(":")
    good = name in TRANSPORTS and set(text) <= _WORDS and len(text) <= 200
    if name == "device":
        good = good and rest.startswith("/dev/") and os.path.normpath(rest) == rest
    if not good:
        raise UsageError(
            f"{fields.at('tcti')}: {safe(text, 100)!r} does not name a TPM",
            f"write {Settings.tcti}, or one of {', '.join(TRANSPORTS[1:])} with what tpm2-tss wants after it",
            object=fields.path,
        )
    return text
