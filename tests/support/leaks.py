# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find secrets where they must not be: in arguments and environments of processes, in the system log, in files.

with Watch(private_host, scratch, ["canary"]) as watch:     # looks at all processes of the host, all the time
    ...
watch.processes        # what was seen: "cmdline 17 b'…'" for each place with one of the texts
watch.syslog           # all that was logged
in_files(["canary"], directory, …)      # files that contain one of the texts, or have it in their names
"""

from __future__ import annotations

import base64
import json
import subprocess
import time
import urllib.parse
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from tests.support.patience import patient
from tests.support.private_host import PrivateHost

WATCHER = """\
import json, os, sys, time
texts = [text.encode() for text in json.loads(sys.stdin.readline())]
print("up", flush=True)
seen = set()
stop = sys.argv[1]
while not os.path.exists(stop):
    for pid in os.listdir("/proc"):
        if not pid.isdigit() or int(pid) == os.getpid():
            continue
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    data = file.read()
            except OSError:
                continue
            if any(text in data for text in texts):
                seen.add(f"{name} {pid} {data[:2000]!r}")
    time.sleep(0.003)
print(json.dumps(sorted(seen)))
"""
"""Reads the texts from its standard input, since its own arguments are looked at by others too."""

LOGGER = """\
import os, socket, sys
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
log.settimeout(0.1)
os.chmod("/dev/log", 0o666)
print("up", flush=True)
with open(sys.argv[2], "ab", buffering=0) as out:
    while not os.path.exists(sys.argv[1]):
        try:
            out.write(log.recv(1 << 20) + b"\\n")
        except TimeoutError:
            pass
"""

OWN_DEV = """\
set -eu
mkdir -p /run/dev/upper /run/dev/work
mount -t overlay -o lowerdir=/dev,upperdir=/run/dev/upper,workdir=/run/dev/work dev /run/dev
for place in pts shm; do mount --rbind "/dev/$place" "/run/dev/$place"; done
mount --move /run/dev /dev
rm -f /dev/log
"""
"""A /dev of the host's own, over the machine's, so that it can have a system log."""


def spellings(secret: str, user: str = "") -> list[str]:
    """A secret as it is, as it is sent in a header, and as it is sent in a query."""
    pair = base64.b64encode(f"{user}:{secret}".encode()).decode()
    return [secret, pair, base64.b64encode(secret.encode()).decode(), urllib.parse.quote(secret)]


def in_files(texts: Iterable[str], *directories: Path) -> list[str]:
    """The files below the directories that contain one of the texts, or are called so."""
    wanted = [text.encode() for text in texts]
    found = []
    for directory in directories:
        assert directory.is_dir(), directory
        for path in directory.rglob("*"):
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            if any(text in content or text in str(path).encode() for text in wanted):
                found.append(str(path))
    return found


def wrappers_have_ended(remote: Path) -> None:
    """Wait for Ansible's wrappers of jobs: each looks every 5 s whether its job has ended, and only
    then removes the module from the remote directory.
    """
    deadline = time.monotonic() + patient(60)
    while any(remote.glob("ansible-tmp-*")):
        assert time.monotonic() < deadline
        time.sleep(0.1)


class Watch:
    """See the module."""

    def __init__(self, host: PrivateHost, scratch: Path, texts: Sequence[str]) -> None:
        self._host = host
        self._texts = list(texts)
        self._stop = scratch / "watch-stop"
        self._log = scratch / "syslog"
        self._log.touch()
        self.processes: list[str] = []
        self.syslog = ""

    def __enter__(self) -> Watch:
        self._host.run(["/bin/sh", "-c", OWN_DEV]).check()
        self._logger = self._start(LOGGER)
        self._watcher = self._start(WATCHER, json.dumps(self._texts) + "\n")
        return self

    def _start(self, program: str, stdin: str = "") -> subprocess.Popen[str]:
        command = ["/usr/bin/python3", "-IS", "-c", program, str(self._stop), str(self._log)]
        process = self._host.popen(command)
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(stdin)
        process.stdin.flush()
        assert process.stdout.readline() == "up\n"
        return process

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._stop.touch()
        out, err = self._watcher.communicate(timeout=30)
        self._logger.communicate(timeout=30)
        self.syslog = self._log.read_text(errors="replace")
        assert err == "", err
        self.processes = json.loads(out)
