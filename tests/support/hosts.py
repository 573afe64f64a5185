# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real systemd hosts for tests: Debian 12 under systemd-nspawn, with sshd, on a bridge of their own.

    python -m tests.support.hosts create --state DIR --count 3     # up and reachable when it returns
    python -m tests.support.hosts destroy --state DIR              # nothing left: processes, mounts, links, files

The whole fleet lives in namespaces below one process (tests.support.fleet_init), so nothing of it can be seen or
reached from the machine but through that process: `ssh -F DIR/ssh_config host1` goes in with nsenter as its
ProxyCommand, and Ansible with `ansible_ssh_common_args: -F DIR/ssh_config`. `DIR/www` is served to the hosts as
https://images.podwright.test (tests.support.webserver), with the authority in `DIR/tls/ca.pem`. A fleet whose creator
died is replaced by the next `create` and ends by itself after four hours.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support import cgroups
from tests.support.certs import server_files
from tests.support.debian import VARIANTS, host_rootfs
from tests.support.fleet import GATEWAY, IMAGE_HOST, PREFIX_LENGTH, Fleet, Host
from tests.support.namespaces import FRESH_SYSFS, LOCAL_LINK_UP, UNSHARE, only_child
from tests.support.paths import CHECKOUT
from tests.support.processes import Running, start_detached

BOOT_TIMEOUT = 90.0
NETWORK_UNIT = """\
[Unit]
Description=The address of a test host
DefaultDependencies=no
After=local-fs.target
Before=network-pre.target network.target ssh.service
Wants=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip address add {address}/{length} dev host0
ExecStart=ip link set host0 up
ExecStart=ip route add default via {gateway}

[Install]
WantedBy=multi-user.target
"""


def create(
    state: Path, count: int, boot_timeout: float = BOOT_TIMEOUT, variant: str = "plain"
) -> Fleet:
    """Make `count` hosts of a kind (`debian.VARIANTS`); return when each has booted and answers over SSH."""
    destroy(state)
    rootfs = host_rootfs(variant)
    fleet = Fleet.of(state, count)
    _write_files(fleet, rootfs)
    running = _start(fleet, rootfs)
    _write_ssh_config(fleet, only_child(running.pid))
    deadline = time.monotonic() + boot_timeout
    for host in fleet.hosts:
        _await_boot(fleet, host, running, deadline)
    return fleet


def destroy(state: Path) -> None:
    """End the fleet in `state`, whatever is left of it, and remove its files."""
    running = Running.load(state / "running.json")
    if running is not None:
        _end(running)
    cgroups.remove_trees([h.own_cgroup() / _cgroup(state) for h in cgroups.hierarchies()])
    if state.exists():
        _keep_logs(state)
        shutil.rmtree(state)


def _keep_logs(state: Path) -> None:
    """Keep what the last fleet in `state` said, beside it: its failure is often looked at after its end."""
    kept = state.with_name(f"{state.name}-logs")
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    for path in (*state.glob("*.log"), *state.glob("hosts/*/*.log")):
        shutil.copyfile(path, kept / "-".join(path.relative_to(state).parts))


def _write_files(fleet: Fleet, rootfs: Path) -> None:
    fleet.www.mkdir(parents=True)
    server_files(fleet.tls, [IMAGE_HOST])
    keygen = [
        "ssh-keygen",
        "-q",
        "-t",
        "ed25519",
        "-N",
        "",
        "-C",
        "fleet",
        "-f",
        str(fleet.ssh_key),
    ]
    subprocess.run(keygen, check=True)
    for host in fleet.hosts:
        _write_host(fleet, host, rootfs)


def _write_host(fleet: Fleet, host: Host, rootfs: Path) -> None:
    """Write what sets this host apart from the shared root file system."""
    host.directory.mkdir(parents=True)
    subprocess.run(["cp", "-a", str(rootfs / "var"), str(host.var)], check=True)
    names = f"127.0.0.1 localhost\n127.0.1.1 {host.name}\n{GATEWAY} {IMAGE_HOST}\n"
    unit = NETWORK_UNIT.format(address=host.address, length=PREFIX_LENGTH, gateway=GATEWAY)
    files = {
        "etc/hostname": f"{host.name}\n",
        "etc/hosts": names,
        "etc/machine-id": hashlib.md5(host.name.encode(), usedforsecurity=False).hexdigest() + "\n",
        # No name server can be reached from here; one that refuses at once is better than one that never answers.
        "etc/resolv.conf": "nameserver 127.0.0.1\n",
        "etc/systemd/system/fleet-network.service": unit,
        "root/.ssh/authorized_keys": fleet.ssh_key.with_suffix(".pub").read_text(),
    }
    for path, text in files.items():
        target = host.upper / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    (host.upper / "root").chmod(0o700)
    (host.upper / "root/.ssh").chmod(0o700)
    wants = host.upper / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir()
    (wants / "fleet-network.service").symlink_to("/etc/systemd/system/fleet-network.service")


def _start(fleet: Fleet, rootfs: Path) -> Running:
    """Start the fleet's PID 1 in its namespaces, so recorded that `destroy` finds it from the first moment."""
    members = cgroups.CgroupSet(_cgroup(fleet.state))
    script = "\n".join(
        [
            "set -e",
            "mount -t tmpfs -o mode=755 tmpfs /run",
            FRESH_SYSFS,
            members.remount_script(),
            LOCAL_LINK_UP,
            'exec "$@"',
        ]
    )
    count = str(len(fleet.hosts))
    init = [sys.executable, "-m", "tests.support.fleet_init", str(fleet.state), count, str(rootfs)]
    command = members.enter_command([*UNSHARE, "/bin/sh", "-c", script, "sh", *init])
    with fleet.log.open("w") as log:
        running = start_detached(command, CHECKOUT, log, log)
    running.save(fleet.state / "running.json")
    _await_child(running.pid)
    return running


def _cgroup(state: Path) -> str:
    return f"pwfleet-{hashlib.sha256(str(state).encode()).hexdigest()[:8]}"


def _await_child(pid: int) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with contextlib.suppress(IndexError):
            only_child(pid)
            return
        time.sleep(0.01)
    raise TimeoutError("the fleet's namespaces were not made within 5 seconds")


def _write_ssh_config(fleet: Fleet, init: int) -> None:
    """Write how ssh, started on the machine, gets to each host by its name."""
    # In the fleet's PID namespace too: then no connection, nor a ControlMaster behind it, can outlive the fleet.
    into = ["nsenter", "--target", str(init), "--net", "--pid", "busybox", "nc", "%h", "%p"]
    lines = []
    for host in fleet.hosts:
        lines += [f"Host {host.name}", f"    HostName {host.address}"]
    lines += [
        "Host *",
        "    User root",
        f"    IdentityFile {fleet.ssh_key}",
        "    IdentitiesOnly yes",
        f"    ProxyCommand {' '.join(into)}",
        "    StrictHostKeyChecking no",
        "    UserKnownHostsFile /dev/null",
        "    LogLevel ERROR",
    ]
    fleet.ssh_config.write_text("\n".join(lines) + "\n")


def _await_boot(fleet: Fleet, host: Host, running: Running, deadline: float) -> None:
    """Wait until systemd has started everything, or say what the host said last."""
    ssh = ["ssh", "-F", str(fleet.ssh_config), "-oBatchMode=yes", "-oConnectTimeout=5", host.name]
    command = [*ssh, "systemctl is-system-running --wait"]
    done = None
    while time.monotonic() < deadline and running.alive:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.stdout.strip() in ("running", "degraded"):
            return
        time.sleep(0.2)
    console = host.directory / "console.log"
    tail = console.read_text(errors="replace")[-3000:] if console.exists() else ""
    raise TimeoutError(f"{host.name} did not boot in time: {done}\n{fleet.log.read_text()}\n{tail}")


def _end(running: Running) -> None:
    """Kill unshare, and with it PID 1 of the fleet, whose end is the end of all that runs in it."""
    if running.alive:
        running.end(signal.SIGKILL, also=_child_if_any(running.pid))


def _child_if_any(pid: int) -> int | None:
    with contextlib.suppress(IndexError, FileNotFoundError):
        return only_child(pid)
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Create or destroy test hosts."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.hosts", description=main.__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    make = verbs.add_parser("create", help="make hosts and print the path of their ssh_config")
    make.add_argument("--count", type=int, default=3, help="how many (default 3)")
    make.add_argument("--variant", choices=list(VARIANTS), default="plain", help="their kind")
    end = verbs.add_parser("destroy", help="end the hosts and remove their files")
    for verb in (make, end):
        verb.add_argument(
            "--state", type=Path, required=True, help="the folder that holds the fleet"
        )
    options = parser.parse_args(arguments)
    state = options.state.resolve()
    if options.verb == "create":
        print(create(state, options.count, variant=options.variant).ssh_config)
    else:
        destroy(state)
    return 0


if __name__ == "__main__":
    sys.exit(main())
