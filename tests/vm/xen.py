# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Xen host in software emulation: QEMU boots the hypervisor, Debian runs as dom0, and sshd answers in it.

    python -m tests.vm.xen start NAME [--smp N] [--port GUEST_PORT ...]    # returns when one can log in (a minute)
    python -m tests.vm.xen ssh NAME [COMMAND ...]                          # as root; without a command a shell
    python -m tests.vm.xen console NAME                                    # what hypervisor and kernel of dom0 said
    python -m tests.vm.xen forwards NAME                                   # port of dom0 -> port of 127.0.0.1, as JSON
    python -m tests.vm.xen stop NAME                                       # its disk is as new at the next start

In dom0 this checkout is at /checkout, read-only and live: the agent is /checkout/agent/bin/podwright. Files go in
and out through ssh. 2 GB of memory, 1100 MB of them dom0's, the rest for domains; only paravirtualized (PV) guests
run, because an emulated processor has no VT-x. Forwarded ports listen on 127.0.0.1 and on nothing else.
In tests: `with xen.host(ports=(6379,)) as host: host.ssh("xl", "list")`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tests.support.paths import CACHE, CHECKOUT
from tests.vm import dom0

BEDS = CACHE / "vm" / "beds"
# With `-cpu max` the kernel of dom0 crashes at its boot; this processor has all that Xen needs.
MACHINE = (
    "qemu-system-x86_64", "-machine", "q35,sata=off,smbus=off", "-accel", "tcg,thread=multi", "-cpu", "Nehalem",
    "-m", "2048", "-display", "none", "-nodefaults", "-no-reboot", "-daemonize",
)  # fmt: skip
HYPERVISOR = "dom0_mem=1100M,max:1100M com1=115200,8n1 console=com1 noreboot spec-ctrl=no xpti=no"
KERNEL = (
    "root=/dev/vda rw console=hvc0 net.ifnames=0 loglevel=6 panic=-1 audit=0 mitigations=off "
    "systemd.show_status=false"
)
BOOT_SECONDS = 1800.0


@dataclass(frozen=True)
class Host:
    """A running Xen host; all that belongs to it is in its directory."""

    directory: Path

    def console(self) -> str:
        """What hypervisor and kernel of dom0 said."""
        return (self.directory / "console").read_text(errors="backslashreplace")

    def forwards(self) -> dict[int, int]:
        """The ports of dom0 that can be reached, each with the port of 127.0.0.1 that leads there."""
        listed = self._monitor("human-monitor-command", {"command-line": "info usernet"})
        found = re.findall(
            r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+(\d+)", listed
        )
        return {int(there): int(here) for here, there in found}

    def ssh_command(self, *command: str) -> list[str]:
        """The ssh(1) that runs a command in dom0 as root."""
        options = [f"-o{name}={value}" for name, value in self.ssh_settings().items()]
        place = ("-p", str(self.forwards()[22]), "root@127.0.0.1")
        return ["ssh", "-F", "none", *options, *place, *([shlex.join(command)] if command else [])]

    def ssh_settings(self) -> dict[str, str]:
        """What ssh_config(5) has to say besides address and port."""
        return {
            "IdentityFile": str(self.directory / "key"), "IdentitiesOnly": "yes", "LogLevel": "ERROR",
            "StrictHostKeyChecking": "no", "UserKnownHostsFile": "/dev/null", "BatchMode": "yes",
        }  # fmt: skip

    def ssh(
        self, *command: str, check: bool = True, timeout: float = 600.0, **options: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in dom0; `input=` is what it reads."""
        given = options.get("input", "")
        ran = subprocess.run(
            self.ssh_command(*command),
            input=given, capture_output=True, text=True, errors="backslashreplace", timeout=timeout, check=False,
        )  # fmt: skip
        if check and ran.returncode:
            raise RuntimeError(f"{shlex.join(command)}: {ran.returncode}\n{ran.stdout}{ran.stderr}")
        return ran

    def stop(self) -> None:
        """End the machine at once and remove its directory."""
        with contextlib.suppress(OSError, ValueError):
            self._monitor("quit", {})
        with contextlib.suppress(OSError, ValueError):
            _end(int((self.directory / "pid").read_text()))
        shutil.rmtree(self.directory, ignore_errors=True)

    def _monitor(self, command: str, arguments: dict[str, str]) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(str(self.directory / "monitor"))
            with connection.makefile("rw", encoding="utf-8") as stream:
                _answer(stream, {"execute": "qmp_capabilities"})
                return str(_answer(stream, {"execute": command, "arguments": arguments}))


def _answer(stream: TextIO, request: dict[str, object]) -> object:
    stream.write(json.dumps(request) + "\n")
    stream.flush()
    while line := stream.readline():
        said = json.loads(line)
        if "error" in said:
            raise ValueError(said["error"])
        if "return" in said:
            return said["return"]
    return ""  # it has ended


def _end(pid: int) -> None:
    """Wait until a process has ended that was told to, and kill it when it does not."""
    pidfd = os.pidfd_open(pid)
    try:
        deadline = time.monotonic() + 30
        while not _ended(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not _ended(pid):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    finally:
        os.close(pidfd)


def _ended(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def start(
    directory: Path, *, smp: int = 1, ports: Sequence[int] = (), network: Sequence[str] = ()
) -> Host:
    """Boot a host; when this returns, one can log in and all its services have started.

    `ports` of it are forwarded; `network` has further options of QEMU's user network.
    """
    files = dom0.image()
    Host(directory).stop()
    directory.mkdir(parents=True)
    key = directory / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bed", "-f", key], check=True
    )
    shared = directory / "shared"
    shared.mkdir()
    shutil.copy(f"{key}.pub", shared / "authorized_keys")
    # Where qemu keeps what the guest writes to its disk.
    environment = {**os.environ, "TMPDIR": str(directory)}
    subprocess.run(
        _qemu(files, directory, smp, _forwards((22, *ports), network)), check=True, env=environment
    )
    host = Host(directory)
    try:
        _wait_for_login(host)
    except BaseException:
        print(host.console()[-4000:])
        host.stop()
        raise
    return host


def _forwards(ports: Sequence[int], more: Sequence[str]) -> str:
    return "".join(
        [*(f",hostfwd=tcp:127.0.0.1:0-:{port}" for port in ports), *(f",{one}" for one in more)]
    )


def _qemu(files: Path, directory: Path, smp: int, forwards: str) -> list[str]:
    shares = {"checkout": CHECKOUT, "bed": directory / "shared"}
    share = [
        f"local,path={path},mount_tag={tag},security_model=none,readonly=on,multidevs=remap"
        for tag, path in shares.items()
    ]
    return [
        *MACHINE, "-smp", str(smp),
        "-kernel", f"{files}/xen.elf", "-append", HYPERVISOR,
        "-initrd", f"{files}/vmlinuz {KERNEL},{files}/initrd.img",
        "-drive", f"file={files}/disk.img,if=virtio,format=raw,snapshot=on",
        "-netdev", f"user,id=net,restrict=off{forwards}", "-device", "virtio-net-pci,netdev=net,romfile=",
        *(word for one in share for word in ("-virtfs", one)),
        "-device", "virtio-rng-pci",
        "-serial", f"file:{directory}/console",
        "-qmp", f"unix:{directory}/monitor,server=on,wait=off", "-pidfile", f"{directory}/pid",
    ]  # fmt: skip


def _wait_for_login(host: Host) -> None:
    deadline = time.monotonic() + BOOT_SECONDS
    while not _greeted(host):
        if time.monotonic() > deadline:
            raise TimeoutError("dom0 does not let anybody log in")
        if not Path(f"/proc/{(host.directory / 'pid').read_text().strip()}").exists():
            raise RuntimeError("qemu has ended")
        time.sleep(0.2)
    host.ssh("systemctl", "is-system-running", "--wait", check=False)


def _greeted(host: Host) -> bool:
    """Whether sshd says who it is: qemu itself accepts connections from the beginning."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", host.forwards()[22]), 10) as tried,
    ):
        tried.settimeout(10)
        return tried.recv(4) == b"SSH-"
    return False


@contextlib.contextmanager
def host(*, smp: int = 2, ports: Sequence[int] = ()) -> Iterator[Host]:
    """A host for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="podwright-xen-") as name:
        booted = start(Path(name) / "bed", smp=smp, ports=ports)
        try:
            yield booted
        finally:
            booted.stop()


def main() -> int:
    """Persistent hosts, by name."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("start", "ssh", "console", "forwards", "stop"):
        verbs.add_parser(verb).add_argument("name")
    verbs.choices["start"].add_argument("--smp", type=int, default=1)
    verbs.choices["start"].add_argument("--port", type=int, action="append", default=[])
    verbs.choices["ssh"].add_argument("command", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    named = Host(BEDS / given.name)
    if given.verb == "start":
        start(named.directory, smp=given.smp, ports=given.port)
    elif given.verb == "ssh":
        return subprocess.run([*named.ssh_command(), *given.command], check=False).returncode
    elif given.verb == "console":
        print(named.console(), end="")
    elif given.verb == "forwards":
        print(json.dumps(named.forwards()))
    else:
        named.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
