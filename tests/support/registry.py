# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real container registry (Debian's docker-registry) on a private host, with TLS and log-in.

    with Registry(private_host, tmp_path) as registry:                # or the fixture `registry`
        registry.push_layout(layout_path, "app/web:1.0")              # an OCI layout directory, with all its images
        registry.copy("oci:/x:1.0", "app/web:1.0", "--format=v2s2")   # anything skopeo can read, and its options
        registry.host                                                 # "registry.example.com:5000"
        registry.reference("app/web:1.0")                             # "docker://registry.example.com:5000/app/web:1.0"
        registry.log()                                                # its log: one line per request

`auth`: True = htpasswd with `USER` and `PASSWORD`; "token" = bearer tokens from a token server of our own (see
`tests.support.tokenserver`); False = open to everyone. What it stores lies in `registry.storage`, to be tampered with.
"""

from __future__ import annotations

import base64
import json
import subprocess
import time
from pathlib import Path
from types import TracebackType

from tests.support.certs import ServerFiles, server_files
from tests.support.private_host import PrivateHost, Result
from tests.support.tokenserver import ISSUER, SERVICE, TokenServer

NAME = "registry.example.com"
USER, PASSWORD = "reader", "s3cret-canary-of-the-registry"
PATIENCE = 15.0
"""Seconds within which the server must listen."""


class Registry:
    """See the module. `name` must resolve on the private host."""

    def __init__(
        self,
        host: PrivateHost,
        scratch: Path,
        auth: bool | str = True,
        name: str = NAME,
        port: int = 5000,
    ) -> None:
        self._host = host
        self.host = f"{name}:{port}"
        self.base = scratch / f"registry-{name}-{port}"
        self.base.mkdir()
        self.storage = self.base / "storage"
        self.files: ServerFiles = server_files(self.base / "tls", [name])
        (self.base / "client").mkdir()
        (self.base / "client" / "ca.crt").write_bytes(self.files.ca.read_bytes())
        self.tokens = TokenServer(host, self.base, name) if auth == "token" else None
        self.authfile = self.base / "auth.json"
        self.authfile.write_text(json.dumps({"auths": {self.host: {"auth": basic()}}}))
        self.authfile.chmod(0o600)
        config = self._configure(name, port, auth)
        command = f"exec docker-registry serve {config} >{self.base}/log 2>&1"
        self._server = host.popen(["/bin/sh", "-c", command])
        self._wait(port)

    def __enter__(self) -> Registry:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def reference(self, name: str) -> str:
        """What the agent is given for `REPOSITORY:TAG` or `REPOSITORY@DIGEST` here."""
        return f"docker://{self.host}/{name}"

    def push_layout(self, layout: Path, name: str, *options: str) -> str:
        """Push the one image or index of an OCI layout with everything in it; return its digest."""
        return self.copy(f"oci:{layout}", name, "--all", *options)

    def copy(self, source: str, name: str, *options: str) -> str:
        """Push what skopeo can read (`oci:PATH[:REF]`, `docker-archive:…`) and return the digest of what was stored."""
        digest = self.base / "digest"
        self.skopeo(
            "copy", "--quiet", f"--dest-cert-dir={self.base}/client", f"--dest-authfile={self.authfile}",
            f"--digestfile={digest}", *options, source, self.reference(name),
        )  # fmt: skip
        return digest.read_text().strip()

    def skopeo(self, *arguments: str) -> Result:
        """Run skopeo on the private host; it must succeed."""
        return self._host.run(["skopeo", "--insecure-policy", *arguments]).check()

    def log(self) -> list[str]:
        """What the registry wrote about its requests so far."""
        return (self.base / "log").read_text(errors="replace").splitlines()

    def stored_blob(self, digest: str) -> Path:
        """The file in which the registry keeps the bytes of a blob or manifest."""
        algorithm, _, text = digest.partition(":")
        return self.storage / f"docker/registry/v2/blobs/{algorithm}/{text[:2]}/{text}/data"

    def close(self) -> None:
        """Stop the server."""
        self._server.terminate()
        self._server.communicate(timeout=10)
        if self.tokens is not None:
            self.tokens.close()

    def _configure(self, name: str, port: int, auth: bool | str) -> Path:
        settings = {
            "version": "0.1",
            "log": {"level": "info", "accesslog": {"disabled": False}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.storage)},
                "delete": {"enabled": True},
            },
            "http": {
                "addr": f"127.0.0.1:{port}",
                "tls": {"certificate": str(self.files.certificate), "key": str(self.files.key)},
            },
        }
        if self.tokens is not None:
            settings["auth"] = {
                "token": {
                    "realm": self.tokens.realm,
                    "service": SERVICE,
                    "issuer": ISSUER,
                    "rootcertbundle": str(self.tokens.bundle),
                }
            }
        elif auth:
            made = subprocess.run(
                ["htpasswd", "-iBn", USER], input=PASSWORD, capture_output=True, text=True, check=True
            )  # fmt: skip
            (self.base / "htpasswd").write_text(made.stdout)
            settings["auth"] = {
                "htpasswd": {"realm": "registry", "path": str(self.base / "htpasswd")}
            }
        path = self.base / "config.yml"
        path.write_text(json.dumps(settings))  # JSON is YAML
        return path

    def _wait(self, port: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._server.poll() is None:
            try:
                self._host.connect("127.0.0.1", port).close()
                return
            except OSError:
                time.sleep(0.02)
        log = "\n".join(self.log()[-5:])
        self.close()
        raise RuntimeError(f"docker-registry did not start: {log}")


def basic(user: str = USER, password: str = PASSWORD) -> str:
    """The `auth` value of a docker config file."""
    return base64.b64encode(f"{user}:{password}".encode()).decode()
