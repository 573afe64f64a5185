# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-commands of `tpm`."""

from __future__ import annotations

from podwright.cli.flags import FORMAT
from podwright.cli.options import Option, Verb

TPM_VERBS = (
    Verb(
        "status",
        "tpm",
        "Show whether starts of pods are measured, and whether that is in order",
        "",
        (FORMAT,),
        "Shows the mode and the PCR that are set, whether a TPM answers, how many events were measured since\n"
        "the boot, and whether the event log adds up to the PCR. The settings are files of tpm.d.",
        ("podwright tpm status", "podwright tpm status --format=json | jq .verified"),
    ),
    Verb(
        "log",
        "tpm",
        "Show what was measured since the boot",
        "",
        (FORMAT, Option("no-legend", "no column titles")),
        "As JSON it is the TCG's canonical event log (CEL-JSON).",
        (
            "podwright tpm log",
            "podwright tpm log --format=json | jq -r '.[].content | select(.event == \"pod-start\").apps[].image'",
        ),
    ),
    Verb(
        "verify",
        "tpm",
        "Replay the event log and compare it with the PCR",
        "",
        (FORMAT,),
        "Returns 1 when the log does not add up to the PCR: then somebody else has extended that, or the\n"
        "log was changed. It is the host's own word: from elsewhere, ask for a quote.",
        ("podwright tpm verify",),
    ),
    Verb(
        "quote",
        "tpm",
        "Have the TPM sign the PCR and a nonce",
        "--nonce=HEX",
        (
            Option("nonce", "16 to 64 random bytes of whoever asks, never used before", "HEX"),
            FORMAT,
        ),
        "Prints the quote, its signature, the event log and the keys, for whoever verifies them, such as\n"
        "the Ansible module podwright.fleet.attest. Made for programs: it is one line of JSON unless\n"
        "--format says json-pretty.",
        ("podwright tpm quote --nonce=$(openssl rand -hex 32)",),
    ),
    Verb(
        "key",
        "tpm",
        "Show the keys that the TPM answers with",
        "",
        (FORMAT,),
        "The attestation key signs quotes; the endorsement key is the TPM's identity, with its maker's\n"
        "certificate where there is one. Both are made anew from the TPM's own secret each time they are\n"
        "needed, and are the same each time.",
        ("podwright tpm key", "podwright tpm key --format=json | jq -r .ak.pem"),
    ),
    Verb(
        "activate",
        "tpm",
        "Prove that both keys are in the same TPM",
        "--credential=BASE64 --secret=BASE64",
        (
            Option("credential", "a TPM2B_ID_OBJECT", "BASE64"),
            Option("secret", "a TPM2B_ENCRYPTED_SECRET", "BASE64"),
            FORMAT,
        ),
        "Prints what the credential holds, which only the TPM with the endorsement key can tell, and does\n"
        "only if the attestation key is in it, too. Who verifies hosts makes it (TPM2_MakeCredential).",
        ("podwright tpm activate --credential=$BLOB --secret=$SECRET",),
    ),
)
