# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Throw-away OpenPGP keys and signatures, made with the real gpg.

The home has a short path, because gpg-agent's socket path has to fit in 108 bytes; a home to keep gets one through a
link. No agent survives `close()`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType


@dataclasses.dataclass(frozen=True)
class Key:
    """One secret key of a lab, by the fingerprint of its primary key (40 upper-case hex digits)."""

    lab: GpgLab
    fingerprint: str

    @property
    def armoured(self) -> str:
        """The public key, ASCII-armoured."""
        return self.lab.gpg("--armor", "--export", self.fingerprint)

    def sign(self, path: Path, signature: Path | None = None) -> Path:
        """Write the detached, armoured signature of `path` (by default as `PATH.asc`) and return where it is."""
        target = signature if signature is not None else path.with_name(path.name + ".asc")
        self.lab.gpg(
            "--local-user", self.fingerprint, "--digest-algo", "SHA512", "--yes",
            "--armor", "--output", str(target), "--detach-sign", str(path),
        )  # fmt: skip
        return target


class GpgLab:
    """A private GNUPGHOME. A context manager that removes it again, unless a `home` to keep was given."""

    def __init__(self, home: Path | None = None) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix="pwgpg-", dir="/tmp"))
        self.home = self._scratch / "home"
        if home is None:
            self.home.mkdir(mode=0o700)
        else:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.home.symlink_to(home.resolve())

    def __enter__(self) -> GpgLab:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the agents of this home, and remove the home unless it was given from outside."""
        subprocess.run(
            ["gpgconf", "--homedir", str(self.home), "--kill", "all"],
            check=False,
            capture_output=True,
        )
        for _ in range(100):  # an agent that ends removes its sockets at the same time
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(self._scratch)
                return
            time.sleep(0.02)
        raise RuntimeError(f"{self._scratch} cannot be removed")

    def generate(self, user_id: str, algorithm: str = "ed25519", expire: str = "never") -> Key:
        """Make a signing key (`ed25519`, `rsa4096`, …) and return it; `expire` as gpg takes it (`2d`, a date, …)."""
        status = self.gpg(
            "--status-fd",
            "1",
            "--passphrase",
            "",
            "--quick-generate-key",
            user_id,
            algorithm,
            "sign",
            expire,
        )
        created = [
            line.split()[3]
            for line in status.splitlines()
            if line.startswith("[GNUPG:] KEY_CREATED")
        ]
        return Key(self, created[0])

    def secret_keys(self) -> Sequence[Key]:
        """Return the secret keys of this home, oldest first."""
        listing = self.gpg("--with-colons", "--list-secret-keys").splitlines()
        primary = [fpr for sec, fpr in itertools.pairwise(listing) if sec.startswith("sec:")]
        return [Key(self, line.split(":")[9]) for line in primary]

    def gpg(self, *arguments: str) -> str:
        """Run gpg in this home and return its standard output; on failure raise with what gpg said."""
        command = [
            "gpg",
            "--homedir",
            str(self.home),
            "--batch",
            "--quiet",
            "--no-tty",
            "--pinentry-mode",
            "loopback",
        ]
        done = subprocess.run(
            [*command, *arguments], check=False, capture_output=True, text=True, timeout=120
        )
        if done.returncode != 0:
            raise RuntimeError(
                f"gpg {' '.join(arguments)} failed with status {done.returncode}: {done.stderr.strip()}"
            )
        return done.stdout
