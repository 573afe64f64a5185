# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A token server for a registry, as the distribution token specification describes it.

It gives a signed JWT for the scope that was asked for to whoever logs in with basic authentication, and refuses all
others. `requests` holds (target, headers) of every request.
"""

from __future__ import annotations

import base64
import http.server
import json
import secrets
import ssl
import threading
import time
import urllib.parse
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.support.certs import server_files
from tests.support.private_host import PrivateHost

ISSUER, SERVICE = "test-issuer", "test-registry"
PORT = 5001


class TokenServer:
    """Serves https://NAME:5001/token on the private host; `bundle` is what the registry must trust."""

    def __init__(self, host: PrivateHost, scratch: Path, name: str) -> None:
        # The same certificate authority as the registry's, so that a client needs only one.
        self._files = server_files(scratch / "tls", [name])
        self.realm = f"https://{name}:{PORT}/token"
        self.bundle = self._files.certificate
        self.requests: list[tuple[str, dict[str, str]]] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._files.certificate, self._files.key)
        self._server = http.server.ThreadingHTTPServer(("", 0), _handler(self), False)
        self._server.socket.close()
        self._server.socket = context.wrap_socket(
            host.listen(port=PORT), server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def token(self, user: str, scopes: list[str]) -> str:
        """A token that grants the scopes (`repository:NAME:pull,push`)."""
        now = int(time.time())
        access = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        certificate = x509.load_pem_x509_certificate(self._files.certificate.read_bytes())
        der = certificate.public_bytes(serialization.Encoding.DER)
        header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(der).decode()]}
        claims = {
            "iss": ISSUER, "sub": user, "aud": SERVICE, "jti": secrets.token_hex(8),
            "iat": now, "nbf": now - 60, "exp": now + 300, "access": access,
        }  # fmt: skip
        signed = f"{_part(header)}.{_part(claims)}"
        key = serialization.load_pem_private_key(self._files.key.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_base64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _part(value: object) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _handler(tokens: TokenServer) -> type[http.server.BaseHTTPRequestHandler]:
    from tests.support.registry import USER, basic

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            tokens.requests.append((self.path, dict(self.headers)))
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            allowed = self.headers.get("Authorization") == f"Basic {basic()}"
            answer = {"token": tokens.token(USER, query.get("scope", []))} if allowed else {}
            body = json.dumps(answer).encode()
            self.send_response(200 if allowed else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
