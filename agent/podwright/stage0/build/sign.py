# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sign images with a key of the caller's own gpg, or with a secret key file.

Keys that hosts refuse are refused here (`stage0/keyfit.py`), and what gpg made is put through the
verification of `stage0/judge/verify.py` before it counts as a signature.
"""

from __future__ import annotations

import os

from podwright.errors import NotFoundError, UsageError, VerifyError
from podwright.kernel import fs
from podwright.stage0 import keyfit, trust, trustring
from podwright.stage0.judge import pgp, verify
from podwright.stage0.judge.gpg import find_binary
from podwright.stage0.web import sources
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

MAX_KEY = 1024 * 1024
MAX_PASSPHRASE = 4096
DIGEST = ["--digest-algo", "SHA512"]
_SECRET = b"-----BEGIN PGP PRIVATE KEY BLOCK-----"


class Signer:
    """One secret key, ready to sign; a context manager.

    key         a fingerprint, a user ID, or the path of a file with one armoured secret key
    home        gpg's home; "" for the caller's
    passphrase  of the key; "" for none, or to let gpg's agent ask for it
    secret      the armoured secret key itself, in place of `key`

    fingerprint  40 lower-case hex digits of the primary key
    public       the public key, armoured
    """

    def __init__(
        self, key: str, home: str = "", passphrase: str = "", secret: Optional[bytes] = None
    ) -> None:
        key = "the secret key" if secret else key
        if not key or key.startswith("-") or not key.isprintable():
            raise UsageError(
                f"signing key {safe(key, 80)!r} is neither a fingerprint, a user ID nor a file"
            )
        self._passphrase = passphrase
        self._scratch = ""
        secret = secret or _key_file(key)
        try:
            if secret is not None:
                home = self._scratch = _scratch_home()
            self._gpg = _gpg(home)
            if secret is not None:
                key = self._import(secret, key)
            self.fingerprint = self._find(key)
            self.public = self._export()
            self._block = pgp.key_block(self.public)
            keyfit.require(trust.inspect_key(self.public, "signing key"))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Signer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget a key that came from a file."""
        if self._scratch:
            import subprocess

            command = [f"{os.path.dirname(find_binary())}/gpgconf", "--homedir", self._scratch]
            subprocess.run(
                [*command, "--kill", "all"], check=False, stderr=subprocess.DEVNULL, timeout=60
            )
            fs.remove_tree(self._scratch)
            self._scratch = ""

    def detached(self, path: str) -> bytes:
        """An armoured detached signature of a file, verified."""
        with open(sources.open_regular(path, "image"), "rb") as file:
            return self._detached(file, safe(path, 300))

    def detached_of(self, data: bytes, what: str) -> bytes:
        """The same of bytes that are on no disk yet; `what` is their name in errors."""
        import tempfile

        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.seek(0)
            return self._detached(file, what)

    def _detached(self, file: Any, what: str) -> bytes:
        made = self._sign(file, detach=True)
        if not self.accepts(made, file.fileno()):
            raise VerifyError(
                f"gpg's signature of {what} does not verify",
                "see whether the file changes while it is signed",
                object=what,
            )
        return made

    def message(self, data: bytes) -> bytes:
        """`data` in a signed OpenPGP message, as simple signing wants it."""
        import io

        return self._sign(io.BytesIO(data), detach=False)

    def goes_by(self, issuers: tuple[str, ...]) -> bool:
        """Whether what a signature says of its issuer is this key."""
        return bool(issuers) and self._block.names().issuperset(issuers)

    def accepts(self, signature: bytes, data: int) -> bool:
        """Whether a detached signature is a good one by this key over what `data` reads."""
        key = trust.TrustedKey(self.fingerprint, "", "", trustring.sha256(self.public), self._block)
        try:
            verify.verify("", data, verify.read_signatures(signature, "signature"), [key])
        except VerifyError:
            return False
        return True

    def _sign(self, file: Any, detach: bool) -> bytes:
        result = self._gpg.sign_file(
            file,
            passphrase=self._passphrase or None,
            clearsign=False,
            detach=detach,
            binary=not detach,
            extra_args=["--local-user", self.fingerprint, *DIGEST, "--compress-algo", "none"],
        )
        if result.returncode != 0 or not result.data:
            raise _gpg_error(f"gpg could not sign with {self.fingerprint.upper()}", result)
        return bytes(result.data)

    def _find(self, key: str) -> str:
        """The fingerprint of the one secret key that goes by `key`."""
        found = self._gpg.list_keys(secret=True, keys=["--", key])
        if not found:
            raise NotFoundError(
                f"gpg has no secret key for {safe(key, 100)!r}",
                "gpg --list-secret-keys shows what it has",
                object=safe(key, 100),
            )
        prints = [item["fingerprint"] for item in found]
        if len(prints) > 1:
            raise UsageError(
                f"{len(prints)} secret keys go by {safe(key, 100)!r}",
                f"give one's fingerprint: {', '.join(prints[:4])}",
                object=safe(key, 100),
            )
        return str(prints[0]).lower()

    def _import(self, secret: bytes, path: str) -> str:
        result = self._gpg.import_keys(secret, passphrase=self._passphrase or None)
        prints = list(dict.fromkeys(result.fingerprints))
        if len(prints) != 1:
            raise UsageError(
                f"{safe(path, 300)} does not hold one secret key",
                "export it with: gpg --armor --export-secret-keys FINGERPRINT",
                object=safe(path, 300),
            )
        return str(prints[0])

    def _export(self) -> bytes:
        text = self._gpg.export_keys([self.fingerprint], minimal=True)
        return str(text).encode("ascii")


def sign_archive(path: str, signer: Signer, output: str = "", *, dry_run: bool = False) -> bool:
    """Write `PATH.asc` (or `output`); False when a good signature by this key is there already."""
    target = output or f"{path}.asc"
    if os.path.isfile(path) and _signed(path, target, signer):
        return False
    if not dry_run:
        fs.write_atomic(os.path.abspath(target), signer.detached(path), 0o644)
    return True


def _signed(path: str, signature: str, signer: Signer) -> bool:
    try:
        with open(signature, "rb") as file:
            made = file.read(pgp.MAX_SIGNATURE_BYTES + 1)
    except OSError:
        return False
    fd = sources.open_regular(path, "image")
    try:
        return signer.accepts(made, fd)
    finally:
        os.close(fd)


def read_passphrase(path: str) -> str:
    """The first line of a passphrase file, which only its owner may read."""
    fd = sources.open_regular(path, "passphrase file")
    with open(fd, "rb") as file:
        if os.fstat(fd).st_mode & 0o077:
            raise UsageError(
                f"passphrase file {safe(path, 300)} may be read by others",
                f"chmod 600 {safe(path, 300)}",
                object=safe(path, 300),
            )
        line = file.read(MAX_PASSPHRASE).split(b"\n")[0].rstrip(b"\r")
    return line.decode("utf-8", "strict")


def _key_file(key: str) -> Optional[bytes]:
    """The content of `key` when it is a file with a secret key; None when it names one in gpg."""
    if not os.path.isfile(key):
        return None
    fd = sources.open_regular(key, "signing key")
    with open(fd, "rb") as file:
        data = file.read(MAX_KEY + 1)
        mode = os.fstat(fd).st_mode
    if _SECRET not in data or len(data) > MAX_KEY:
        raise UsageError(
            f"signing key {safe(key, 300)} is no file with an armoured secret key",
            "export it with: gpg --armor --export-secret-keys FINGERPRINT",
            object=safe(key, 300),
        )
    if mode & 0o077:
        raise UsageError(
            f"signing key {safe(key, 300)} may be read by others",
            f"chmod 600 {safe(key, 300)}",
            object=safe(key, 300),
        )
    return data


def _scratch_home() -> str:
    """A private gpg home with a short path, since the agent's socket must fit into 108 bytes."""
    import tempfile

    return tempfile.mkdtemp(prefix="podwright-sign-", dir="/tmp")


def _gpg(home: str) -> Any:
    if home and not os.path.isdir(home):
        raise UsageError(f"gpg home {safe(home, 300)} is no directory", object=safe(home, 300))
    import gnupg  # importable, since judge.gpg has been imported

    try:
        return gnupg.GPG(
            gpgbinary=find_binary(),
            gnupghome=home or None,
            options=["--no-auto-key-locate", "--disable-dirmngr"],
        )
    except (OSError, ValueError) as err:
        raise VerifyError(
            f"cannot run gpg: {safe(err, 200)}", "install the package gnupg", reason="gpg-failed"
        ) from None


def _gpg_error(what: str, result: Any) -> VerifyError:
    lines = [
        line
        for line in str(getattr(result, "stderr", "")).splitlines()
        if line.startswith("gpg: ") and "default" not in line
    ]
    said = safe(lines[-1][5:] if lines else "nothing", 200)
    return VerifyError(
        f"{what}: it said {said}",
        "give the key's passphrase with --passphrase-file, or unlock it in gpg's agent",
        reason="not-signed",
    )
