# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenPGP keys in every state that threats.md T44 names, and packets that gpg itself would not write."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.gpglab import GpgLab, Key


def at(lab: GpgLab, when: str, *arguments: str) -> str:
    """Run gpg as if it were `when` (20200101T000000)."""
    return lab.gpg("--faked-system-time", when, *arguments)


def generate_at(
    lab: GpgLab, when: str, user_id: str, expire: str = "never", algorithm: str = "ed25519"
) -> Key:
    """A signing key made at some time."""
    out = at(
        lab, when, "--status-fd", "1", "--passphrase", "",
        "--quick-generate-key", user_id, algorithm, "sign", expire,
    )  # fmt: skip
    return Key(lab, next(line.split()[3] for line in out.splitlines() if "KEY_CREATED" in line))


def generate_any(lab: GpgLab, user_id: str) -> Key:
    """A signing key with any user ID, one that is taken or that no person has."""
    out = lab.gpg(
        "--yes", "--allow-freeform-uid", "--status-fd", "1", "--passphrase", "",
        "--quick-generate-key", user_id, "ed25519", "sign", "never",
    )  # fmt: skip
    return Key(lab, next(line.split()[3] for line in out.splitlines() if "KEY_CREATED" in line))


def add_subkey(key: Key, expire: str = "never", when: str = "") -> str:
    """Add a signing subkey; returns its fingerprint."""
    faked = ("--faked-system-time", when) if when else ()
    key.lab.gpg(
        *faked, "--passphrase", "", "--quick-add-key", key.fingerprint, "ed25519", "sign", expire
    )
    return fingerprints(key)[-1]


def fingerprints(key: Key) -> list[str]:
    """Primary key and subkeys, oldest first."""
    listing = key.lab.gpg("--with-colons", "--list-keys", key.fingerprint).splitlines()
    return [line.split(":")[9] for line in listing if line.startswith("fpr:")]


def edit(key: Key, *words: str) -> None:
    """Give gpg's key editor these commands."""
    command = ["gpg", "--homedir", str(key.lab.home), "--no-tty", "--pinentry-mode", "loopback"]
    done = subprocess.run(
        [*command, "--passphrase", "", "--command-fd", "0", "--edit-key", key.fingerprint],
        input="\n".join([*words, "save", ""]),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def revoke(key: Key, scratch: Path) -> bytes:
    """Import the revocation certificate that gpg made with the key; returns it in binary."""
    text = (key.lab.home / f"openpgp-revocs.d/{key.fingerprint}.rev").read_text()
    path = scratch / "revocation"
    path.write_text(text[text.index(":-----BEGIN") + 1 :])
    key.lab.gpg("--import", str(path))
    return binary(key.lab, path, scratch)


def binary(lab: GpgLab, path: Path, scratch: Path) -> bytes:
    """What is in an armoured file."""
    target = scratch / "dearmoured"
    lab.gpg("--yes", "--output", str(target), "--dearmor", str(path))
    return target.read_bytes()


def exported(key: Key) -> bytes:
    """The public key in binary."""
    target = key.lab.home / "exported"
    key.lab.gpg("--yes", "--output", str(target), "--export", key.fingerprint)
    return target.read_bytes()


def armour(lab: GpgLab, data: bytes) -> str:
    """A public key block of any packets."""
    import base64

    lines = base64.encodebytes(data).decode()
    return f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{lines}-----END PGP PUBLIC KEY BLOCK-----\n"


def packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, body) of each packet with a definite length in the old format, which gpg writes."""
    begin = 0
    while begin < len(data):
        tag, width = (data[begin] >> 2) & 15, 1 << (data[begin] & 3)
        assert data[begin] & 0xC0 == 0x80 and width < 8
        body = begin + 1 + width
        end = body + int.from_bytes(data[begin + 1 : body], "big")
        yield tag, data[body:end]
        begin = end


def packet(tag: int, body: bytes) -> bytes:
    """One packet in the new format."""
    return bytes((0xC0 | tag, 0xFF)) + len(body).to_bytes(4, "big") + body


def without_back_signature(data: bytes) -> bytes:
    """A key whose subkeys no longer confirm that they belong to it: subpacket 32 taken out."""
    out = b""
    removed = 0
    for tag, body in packets(data):
        if tag == 2:
            stripped = _strip(body, 32)
            removed += stripped != body
            body = stripped
        out += packet(tag, body)
    assert removed, "there was no back-signature"
    return out


def _strip(body: bytes, kind: int) -> bytes:
    """A version 4 signature without one kind of unhashed subpacket."""
    rest = 6 + int.from_bytes(body[4:6], "big")
    area = body[rest + 2 : rest + 2 + int.from_bytes(body[rest : rest + 2], "big")]
    kept, begin = b"", 0
    while begin < len(area):
        size, head = area[begin], 1
        if size >= 192:
            size, head = ((size - 192) << 8) + area[begin + 1] + 192, 2
        end = begin + head + size
        if area[begin + head] & 0x7F != kind:
            kept += area[begin:end]
        begin = end
    return body[:rest] + len(kept).to_bytes(2, "big") + kept + body[rest + 2 + len(area) :]
