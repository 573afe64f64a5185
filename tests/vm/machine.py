# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual machine that runs: QEMU in software emulation, reached over SSH from this machine alone.

    with machine.start(images.image(recipes.PLAIN), state) as guest:
        guest.run("uname", "-r").stdout

`state` is an empty directory, with a short path (a socket is in it). The checkout is at /checkout in the guest,
read-only and as it is at the moment. QEMU lives in a network namespace of its own in which it listens, so nothing of
the guest can be reached from elsewhere and it reaches nothing; what it writes to its disk is gone with it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.support.paths import CHECKOUT
from tests.support.processes import Running, start_detached
from tests.vm.images import Disk

READY = "podwright-vm: ready"
BOOT_SECONDS = 600.0
"""Far beyond what it takes (half a minute): other machines may be emulated at the same time."""
SECONDS = 600.0
"""How long a command in the guest may take, unless told otherwise."""
MOUNT = """\
modprobe 9pnet_virtio
labels=; [ ! -e /sys/fs/selinux/enforce ] || labels=,context=system_u:object_r:usr_t:s0
for tag in checkout parcels; do
    mkdir -p /$tag
    mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=512000$labels $tag /$tag
done
"""


class Failed(Exception):
    """The machine did not boot, or does not answer."""


@dataclasses.dataclass(frozen=True)
class Machine:
    """A machine that was started, whoever started it."""

    state: Path
    qemu: Running

    @property
    def ssh_config(self) -> Path:
        """For `ssh -F`, and Ansible: the host is called guest."""
        return self.state / "ssh_config"

    @property
    def console(self) -> str:
        """What kernel and systemd said."""
        return (self.state / "console").read_text(errors="backslashreplace")

    def ssh(self, *options: str) -> list[str]:
        """The command that runs what follows it in the guest."""
        return ["ssh", "-F", str(self.ssh_config), *options, "guest"]

    def run(
        self, *command: str, stdin: bytes | None = None, seconds: float = SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the guest as root; its status is not checked."""
        done = subprocess.run(
            [*self.ssh(), shlex.join(command)],
            input=stdin if stdin is not None else b"",
            capture_output=True,
            timeout=seconds,
        )
        texts = (data.decode(errors="backslashreplace") for data in (done.stdout, done.stderr))
        return subprocess.CompletedProcess(command, done.returncode, *texts)

    def ok(self, *command: str, stdin: bytes | None = None, seconds: float = SECONDS) -> str:
        """Run a command that has to succeed; return its output."""
        done = self.run(*command, stdin=stdin, seconds=seconds)
        if done.returncode != 0:
            what = shlex.join(command)[:200]
            raise Failed(f"{what}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def unpack(self, files: Mapping[str, Path], place: str) -> None:
        """Put files and directories of this machine into a directory of the guest, by their names there."""
        parcels = self.state / "parcels"
        parcel = (parcels if parcels.is_dir() else self.state) / "parcel.tar"
        with tarfile.open(parcel, mode="w") as archive:
            for name, source in files.items():
                archive.add(source, name, filter=_owned)
        if not parcels.is_dir():
            self.ok(
                "sh", "-ec", f"mkdir -p {place}; tar -xf - -C {place}", stdin=parcel.read_bytes()
            )
            return
        # Not through ssh: to decipher a few megabytes takes seconds in emulation.
        self.ok("sh", "-ec", f"mkdir -p {place}; tar -xf /parcels/parcel.tar -C {place}")
        parcel.unlink()

    def end(self) -> None:
        """End it, as pulling the plug does."""
        if self.qemu.alive:
            self.qemu.end(signal.SIGKILL)


def _owned(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    return entry


@contextlib.contextmanager
def start(
    disk: Disk, state: Path, *, append: str = "", devices: Sequence[str] = ()
) -> Iterator[Machine]:
    """Boot a machine and end it afterwards; it ends with this process, too."""
    guest = boot(disk, state, append=append, devices=devices, detached=False)
    try:
        yield guest
    finally:
        guest.end()


def boot(
    disk: Disk, state: Path, *, append: str = "", devices: Sequence[str] = (), detached: bool
) -> Machine:
    """Boot a machine: when this returns, it answers and the checkout is there.

    `append` goes to the kernel, `devices` to QEMU. One that is detached outlives this process.
    """
    started = time.monotonic()
    running = _start(qemu(disk, state, append, devices), state, detached)
    guest = Machine(state, running)
    try:
        running.save(state / "running.json")
        _write_ssh_config(guest, disk)
        _await(lambda: READY in guest.console, guest, started, "has not booted")
        _connect(guest, started)
        guest.ok("sh", "-ec", MOUNT)
    except BaseException:
        guest.end()
        raise
    return guest


def found(state: Path) -> Machine | None:
    """The machine that runs in `state`, if one does."""
    running = Running.load(state / "running.json")
    return Machine(state, running) if running is not None and running.alive else None


def qemu(disk: Disk, state: Path, append: str, devices: Sequence[str]) -> list[str]:
    """QEMU's command line for a disk."""
    recipe = disk.recipe
    return [
        *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi"),
        *("-cpu", recipe.cpu, "-smp", str(recipe.cpus), "-m", str(recipe.memory)),
        *("-nographic", "-nodefaults", "-no-reboot"),
        *_kernel(disk, append),
        *("-drive", f"file={disk.path}/disk.img,if=virtio,format=raw,snapshot=on"),
        *("-serial", f"file:{state}/console", "-device", "virtio-rng-pci"),
        *("-netdev", "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:22-10.0.2.15:22"),
        *("-device", "virtio-net-pci,netdev=net,romfile="),
        *_share(CHECKOUT, "checkout"),
        *_share(state / "parcels", "parcels"),
        *devices,
    ]


def _share(path: Path, tag: str) -> tuple[str, str]:
    options = "security_model=none,readonly=on,multidevs=remap"
    return ("-virtfs", f"local,path={path},mount_tag={tag},{options}")


def _kernel(disk: Disk, append: str) -> list[str]:
    recipe = disk.recipe
    words = f"root=/dev/vda rw console={recipe.console} net.ifnames=0 panic=-1 loglevel=6"
    words = f"{words} {recipe.append} {append}".strip()
    kernel, initrd = f"{disk.path}/vmlinuz", f"{disk.path}/initrd.img"
    if not recipe.hypervisor:
        return ["-kernel", kernel, "-initrd", initrd, "-append", words]
    modules = f"{kernel} {words},{initrd}"
    hypervisor = f"{disk.path}/xen.elf"
    return ["-kernel", hypervisor, "-append", recipe.hypervisor_append, "-initrd", modules]


def _start(command: Sequence[str], state: Path, detached: bool) -> Running:
    (state / "console").touch()
    (state / "parcels").mkdir()
    # What the guest writes to its disk is kept in TMPDIR.
    inside = ["env", f"TMPDIR={state}", "unshare", "--net", "sh", "-c"]
    inside += ['ip link set lo up && exec "$@"', "sh", *command]
    with (state / "qemu.log").open("w") as log:
        if detached:
            return start_detached(inside, state, log, log)
        leash = ["setpriv", "--pdeathsig", "KILL"]
        process = subprocess.Popen(
            [*leash, *inside], cwd=state, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    process.returncode = 0  # it is `Machine.end` that waits for it
    return Running.of(process.pid)


def _write_ssh_config(guest: Machine, disk: Disk) -> None:
    into = f"nsenter --target {guest.qemu.pid} --net busybox nc 127.0.0.1 22"
    lines = (
        "Host guest",
        "    User root",
        f"    IdentityFile {disk.key}",
        "    IdentitiesOnly yes",
        f"    ProxyCommand {into}",
        "    StrictHostKeyChecking no",
        "    UserKnownHostsFile /dev/null",
        "    LogLevel ERROR",
        "    BatchMode yes",
        "    ConnectTimeout 120",
        # To log in takes seconds in emulation: once, then all go through that connection.
        f"    ControlPath {guest.state}/ssh",
    )
    guest.ssh_config.write_text("\n".join(lines) + "\n")


def _connect(guest: Machine, started: float) -> None:
    """Keep a connection open that all others use; it ends with the machine."""
    with (guest.state / "ssh.log").open("w") as log:
        master = start_detached(guest.ssh("-M", "-N"), guest.state, log, log)
    _await(lambda: (guest.state / "ssh").exists(), guest, started, "does not let one in", master)


def _await(
    condition: Callable[[], bool],
    guest: Machine,
    started: float,
    what: str,
    also: Running | None = None,
) -> None:
    while not condition():
        late = time.monotonic() - started > BOOT_SECONDS
        if late or not guest.qemu.alive or (also is not None and not also.alive):
            logs = (guest.state / name for name in ("qemu.log", "ssh.log"))
            said = "".join(log.read_text() for log in logs if log.exists())
            raise Failed(f"the machine {what}: {said}\n{guest.console[-3000:]}")
        time.sleep(0.1)
