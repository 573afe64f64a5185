# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""python-gnupg, subclassed so that its answers can be believed.

What differs from the library: status lines come on a descriptor of their own and are matched
against their grammar (stderr, user IDs and notations cannot forge them, threats.md T47); there
is no home directory, hence no configuration, no agent, no keyserver: the only keys that exist
are the ones handed in, in an anonymous file; signature and data are handed over as open
descriptors, never as names (T50); time and output are bounded (T51). It runs without root's
identity and can write nothing (kernel/confine.py).
"""

from __future__ import annotations

import fcntl
import os
import re
import selectors
import signal
import subprocess
import time

from podwright.errors import HostError, VerifyError
from podwright.host import distpackages
from podwright.kernel import confine
from podwright.text import safe

distpackages.enable()

try:
    import gnupg
except ImportError:
    raise HostError(
        "python-gnupg is not installed",
        "install the package python3-gnupg, or give the role a wheel of it",
        reason="no-gnupg",
    ) from None

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Optional

BINARIES = ("/usr/bin/gpg", "/bin/gpg", "/usr/local/bin/gpg")
TIMEOUT = 60.0
MAX_OUTPUT = 4 * 1024 * 1024
_STATUS = re.compile(rb"\[GNUPG:\] ([A-Z][A-Z0-9_]*)(?: (.*))?\Z", re.DOTALL)
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_OPTIONS = [
    "--no-options",
    "--homedir",
    "/nonexistent",
    "--no-autostart",
    "--disable-dirmngr",
    "--no-auto-key-locate",
    "--no-auto-key-retrieve",
    "--no-auto-check-trustdb",
    "--no-sig-cache",
    "--trust-model",
    "always",
    "--enable-special-filenames",
    "--exit-on-status-write-error",
    "--no-default-keyring",
]


class GpgError(VerifyError):
    """gpg could not be run, did not end in time, or did not answer in its grammar."""

    reason = "gpg-failed"


class StatusLog(gnupg.Verify):  # type: ignore[misc]
    """Every status line of one gpg run, in order, uninterpreted."""

    def __init__(self, gpg: Any) -> None:
        super().__init__(gpg)
        self.lines: list[tuple[str, str]] = []
        self.returncode = -1

    def handle_status(self, key: str, value: str) -> None:
        """Keep the line; python-gnupg's own reading forgets all but the last signature."""
        self.lines.append((key, value))


class Gpg(gnupg.GPG):  # type: ignore[misc]
    """One gpg with a fixed set of public keys; a context manager that closes them again.

    keyring   OpenPGP packets of the keys, without armour; may be empty
    deadline  monotonic time by which every run must have ended
    """

    result_map: ClassVar[dict[str, Any]] = {**gnupg.GPG.result_map, "verify": StatusLog}

    def __init__(self, keyring: bytes = b"", *, binary: str = "", timeout: float = TIMEOUT) -> None:
        self._deadline = time.monotonic() + timeout
        self._stdin: int = subprocess.DEVNULL
        self._passed: tuple[int, ...] = ()
        self._status: tuple[int, int] = (-1, -1)
        self._keyring = anonymous_file(keyring)
        options = [*_OPTIONS, "--keyring", f"/proc/self/fd/{self._keyring}"]
        try:
            super().__init__(gpgbinary=binary or find_binary(), options=options)
        except (OSError, ValueError) as err:
            self.close()
            raise GpgError(f"cannot run gpg: {safe(err)}", "install the package gnupg") from None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Gpg:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the keys."""
        if self._keyring >= 0:
            os.close(self._keyring)
            self._keyring = -1

    def verify_detached(self, signature: bytes, data: int) -> StatusLog:
        """Check one signature (packets, no armour) over what can be read from `data`."""
        packet = anonymous_file(signature)
        try:
            self._stdin, self._passed = data, (packet,)
            log = self.result_map["verify"](self)
            process = self._open_subprocess(["--verify", "--", f"-&{packet}", "-"])
            self._collect_output(process, log)
        finally:
            self._stdin, self._passed = subprocess.DEVNULL, ()
            os.close(packet)
        assert isinstance(log, StatusLog)
        return log

    def make_args(self, args: list[str], passphrase: Any) -> list[str]:
        """The library's command line, with our own descriptor for status lines."""
        command: list[str] = super().make_args(args, passphrase)
        command[command.index("--status-fd") + 1] = str(self._status[1])
        return command

    def _open_subprocess(self, args: list[str], passphrase: Any = False) -> subprocess.Popen[bytes]:
        """Start gpg in a session of its own, with no environment and only the given descriptors."""
        self._status = os.pipe()
        try:
            return subprocess.Popen(
                self.make_args(args, passphrase),
                stdin=self._stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(self._keyring, self._status[1], *self._passed),
                env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
                cwd="/",
                start_new_session=True,
                preexec_fn=confine.before_program(self.gpgbinary),
            )
        except BaseException:
            os.close(self._status[0])
            raise
        finally:
            os.close(self._status[1])

    def _collect_output(
        self, process: Any, result: Any, writer: Optional[Any] = None, stdin: Optional[Any] = None
    ) -> int:
        """Read status, stdout and stderr to their ends, within bounds; kill gpg otherwise."""
        try:
            status, out, err = self._drain(process)
            process.wait(max(0.1, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise GpgError("gpg did not end in time", "see what keeps this host busy") from None
        finally:
            if process.returncode is None:  # also when it has ended: it may have left children
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            for stream in (process.stdout, process.stderr):
                stream.close()
            os.close(self._status[0])
        result.data = out
        result.stderr = err.decode("utf-8", "backslashreplace")
        result.returncode = process.returncode
        for key, value in status_lines(status):
            result.handle_status(key, value)
        return int(process.returncode)

    def _drain(self, process: Any) -> tuple[bytes, bytes, bytes]:
        fds = (self._status[0], process.stdout.fileno(), process.stderr.fileno())
        found: dict[int, list[bytes]] = {fd: [] for fd in fds}
        left = MAX_OUTPUT
        with selectors.DefaultSelector() as selector:
            for fd in fds:
                selector.register(fd, selectors.EVENT_READ)
            while selector.get_map():
                remaining = self._deadline - time.monotonic()
                if remaining <= 0:
                    raise GpgError("gpg did not end in time", "see what keeps this host busy")
                for key, _ in selector.select(remaining):
                    data = os.read(key.fd, 65536)
                    found[key.fd].append(data)
                    left -= len(data)
                    if not data:
                        selector.unregister(key.fd)
                if left < 0:
                    raise GpgError(
                        f"gpg wrote more than {MAX_OUTPUT} bytes", "check the gpg binary"
                    )
        return tuple(b"".join(found[fd]) for fd in fds)  # type: ignore[return-value]


def status_lines(data: bytes) -> list[tuple[str, str]]:
    """(keyword, arguments) of each status line; anything else on the descriptor is an error."""
    if data and not data.endswith(b"\n"):
        raise GpgError("gpg ended in the middle of a status line", "check the gpg binary")
    out = []
    for line in data.split(b"\n")[:-1]:
        match = _STATUS.match(line)
        if not match:
            raise GpgError(f"gpg wrote a status line that is none: {safe(line, 80)}")
        out.append((match.group(1).decode(), (match.group(2) or b"").decode("utf-8", "replace")))
    return out


def find_binary() -> str:
    """The gpg of the host, from fixed places: PATH belongs to the caller."""
    for path in BINARIES:
        if os.access(path, os.X_OK):
            return path
    raise GpgError("gpg is not installed", "install the package gnupg")


def anonymous_file(data: bytes) -> int:
    """A descriptor on memory that holds `data`, at its beginning; nobody can change it."""
    fd = os.memfd_create("podwright", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.lseek(fd, 0, os.SEEK_SET)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(fd)
        raise
    return fd
