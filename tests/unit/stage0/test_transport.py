# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about a connection that fails."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

from podwright.stage0.web import transport, urls


def refusal(certificate: Path, host: str) -> ssl.SSLCertVerificationError:
    """What OpenSSL says to a server with this certificate, asked for under a name."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, certificate.with_suffix(".key"))
    client = ssl.create_default_context(cafile=str(certificate))
    near, far, back, forth = (ssl.MemoryBIO() for _ in range(4))
    asking = client.wrap_bio(near, far, server_hostname=host)
    answering = server.wrap_bio(back, forth, server_side=True)
    for _ in range(10):
        for side, out, other in ((asking, far, back), (answering, forth, near)):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError as err:
                return err
            other.write(out.read())
    raise AssertionError("the certificate was accepted")


def test_a_certificate_for_another_name_has_a_hint_of_its_own(tmp_path: Path) -> None:
    certificate = tmp_path / "server.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    more = ["-subj", "/CN=x", "-addext", "subjectAltName=DNS:right.example.com"]
    files = ["-keyout", str(certificate.with_suffix(".key")), "-out", str(certificate)]
    subprocess.run([*command.split(), *more, *files], check=True, capture_output=True)
    for host in ("wrong.example.com", "192.0.2.1"):
        url = urls.parse(f"https://{host}/")
        sentence = transport._failure(url, refusal(certificate, host)).sentence()
        assert "the certificate is for another one" in sentence
        assert ".)" not in sentence
