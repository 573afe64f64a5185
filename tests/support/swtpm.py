# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TPM 2.0 in software (swtpm), behind a UNIX socket, and tpm2-tools that talk to it.

    with Swtpm(directory) as tpm:            # started up, as after a boot; `tpm.tcti` is what tpm2-tools take
        tpm.tool("pcrread", "sha256:23")

`directory` must have a short path, since a socket's has to fit in 108 bytes. The state stays in it, so a second Swtpm
over the same directory is the same TPM after a boot.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

PACKAGES = ("swtpm", "tpm2-tools")
START_TIMEOUT = 120.0


class Swtpm:
    """See the module's docstring."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "tpm"
        self.log = directory / "swtpm.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def tcti(self) -> str:
        """How tpm2-tss reaches it."""
        return f"swtpm:path={self.path}"

    def start(self) -> None:
        """Power it on."""
        state = self.directory / "state"
        state.mkdir(parents=True, exist_ok=True)
        for place in (self.path, self._control):
            place.unlink(missing_ok=True)
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [
                    *("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}"),
                    *("--server", f"type=unixio,path={self.path}"),
                    *("--ctrl", f"type=unixio,path={self._control}"),
                    *("--flags", "not-need-init,startup-clear"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._await(self._process)

    def stop(self) -> None:
        """Cut its power."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def signal(self, number: int) -> None:
        """Send it a signal: one that is stopped does not answer."""
        assert self._process is not None
        self._process.send_signal(number)

    def boot(self) -> None:
        """Power it off and on: its PCRs are as after a boot, and it has counted one more."""
        self.tool("shutdown", "-c")
        self.stop()
        self.start()

    def tool(self, name: str, *arguments: str, cwd: Path | None = None) -> str:
        """Run a program of tpm2-tools, which must succeed; returns its output."""
        done = subprocess.run(
            [f"tpm2_{name}", *arguments],
            cwd=cwd or self.directory,
            env={**os.environ, "TPM2TOOLS_TCTI": self.tcti, "TSS2_LOG": "all+NONE"},
            capture_output=True,
            check=False,
            timeout=START_TIMEOUT,
        )
        assert done.returncode == 0, (name, arguments, done)
        return done.stdout.decode(errors="backslashreplace")

    @property
    def _control(self) -> Path:
        return self.path.with_name("tpm.ctrl")

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until it takes commands; a connection that only looks would be taken for a client."""
        deadline = time.monotonic() + START_TIMEOUT
        while process.poll() is None and time.monotonic() < deadline:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                if probe.connect_ex(str(self._control)) == 0:
                    return
            time.sleep(0.01)
        raise TimeoutError(f"swtpm did not start: {self.log.read_text()}")

    def __enter__(self) -> Swtpm:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
