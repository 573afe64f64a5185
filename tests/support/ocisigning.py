# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign OCI images with real tools: simple signing with skopeo, cosign's layout with openssl.

blob = simple_sign(lab.key, manifest, "r.io/app:1")            # the bytes of a signature file
pair = CosignKey(tmp_path, "P-256")                            # P-256, P-384, ed25519, rsa
pair.pem; pair.sign(payload(digest, "r.io/app"))               # public key in PEM; a signature
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.support.gpglab import Key

COSIGN_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
ANNOTATION = "dev.cosignproject.cosign/signature"


def digest_of(data: bytes) -> str:
    """`sha256:` and the digest of some bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def simple_sign(key: Key, manifest: bytes, reference: str) -> bytes:
    """A simple signature of a manifest under a reference, as skopeo makes it."""
    with tempfile.TemporaryDirectory(prefix="pwsign-") as scratch:
        source, target = Path(scratch, "manifest"), Path(scratch, "signature")
        source.write_bytes(manifest)
        command = ["skopeo", "standalone-sign", "--output", str(target), str(source)]
        done = subprocess.run(
            [*command, reference, key.fingerprint],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "GNUPGHOME": str(key.lab.home)},
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return target.read_bytes()


def payload(digest: str, reference: str, **optional: Any) -> bytes:
    """What cosign signs."""
    return json.dumps(
        {
            "critical": {
                "identity": {"docker-reference": reference},
                "image": {"docker-manifest-digest": digest},
                "type": "cosign container image signature",
            },
            "optional": optional or None,
        }
    ).encode()


class CosignKey:
    """A key pair made and used by openssl."""

    def __init__(self, scratch: Path, kind: str = "P-256") -> None:
        self._kind = kind
        self._private = scratch / f"cosign-{kind}-{os.urandom(4).hex()}.key"
        options = {
            "ed25519": ["-algorithm", "ed25519"],
            "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        }.get(kind, ["-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{kind}"])
        _openssl("genpkey", *options, "-out", str(self._private))
        self.pem = _openssl("pkey", "-in", str(self._private), "-pubout")

    def sign(self, data: bytes) -> bytes:
        """A signature over `data`: SHA-256 unless the key is Ed25519."""
        with tempfile.NamedTemporaryFile(prefix="pwsign-") as file:
            file.write(data)
            file.flush()
            if self._kind == "ed25519":
                raw = ["pkeyutl", "-sign", "-inkey", str(self._private), "-rawin", "-in", file.name]
                return _openssl(*raw)
            return _openssl("dgst", "-sha256", "-sign", str(self._private), file.name)


def attachment(signed: list[tuple[bytes, bytes]]) -> tuple[bytes, dict[str, bytes]]:
    """(manifest, blobs by digest) of a `sha256-….sig` tag with these (payload, signature) pairs."""
    config = b"{}"
    blobs = {digest_of(config): config, **{digest_of(data): data for data, _ in signed}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest_of(config),
            "size": len(config),
        },
        "layers": [
            {
                "mediaType": COSIGN_TYPE,
                "digest": digest_of(data),
                "size": len(data),
                "annotations": {ANNOTATION: base64.b64encode(signature).decode()},
            }
            for data, signature in signed
        ],
    }
    return json.dumps(manifest).encode(), blobs


def _openssl(*arguments: str) -> bytes:
    done = subprocess.run(["openssl", *arguments], check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
