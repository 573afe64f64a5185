# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of one host, which is a Xen host (tests.vm.xen), in the form that tests.support.hosts gives a fleet.

    python -m tests.vm.xenfleet create --state DIR      # up and reachable when it returns
    python -m tests.vm.xenfleet destroy --state DIR     # nothing left: processes, files

`ssh -F DIR/ssh_config host1` goes in. `DIR/www` is served to the host as https://images.podwright.test, with the
authority in `DIR/tls/ca.pem`. `DIR/published` has the port of 127.0.0.1 that leads to redis' port of the host, from
outside of it. Whatever listens, listens on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

from tests.support.certs import server_files
from tests.support.fleet import IMAGE_HOST, Fleet
from tests.support.fleet_init import LIFETIME
from tests.support.paths import CHECKOUT
from tests.support.processes import Running, start_detached
from tests.support.webserver import ImageServer
from tests.vm import xen

PUBLISHED = 6379
IMAGES_AT = "10.0.2.100"
"""Where the host finds the image server, in QEMU's network."""


def create(state: Path, smp: int) -> None:
    """Serve images, boot the host, and write down how to get there."""
    destroy(state)
    fleet = Fleet.of(state, 1)
    fleet.www.mkdir(parents=True)
    server_files(fleet.tls, [IMAGE_HOST])
    to_images = f"guestfwd=tcp:{IMAGES_AT}:443-cmd:busybox nc 127.0.0.1 {_serving(state)}"
    host = xen.start(state / "machine", smp=smp, ports=(PUBLISHED,), network=(to_images,))
    host.ssh("tee", "--append", "/etc/hosts", input=f"{IMAGES_AT} {IMAGE_HOST}\n")
    host.ssh("umount", "/checkout")  # here the role installs the agent
    forwards = host.forwards()
    (state / "published").write_text(f"{forwards[PUBLISHED]}\n")
    lines = [
        f"Host {fleet.hosts[0].name}",
        "HostName 127.0.0.1",
        f"Port {forwards[22]}",
        "User root",
    ]
    lines += [f"{name} {value}" for name, value in host.ssh_settings().items()]
    fleet.ssh_config.write_text("\n    ".join(lines) + "\n")


def destroy(state: Path) -> None:
    """End the host and the image server, whatever is left of them, and remove their files."""
    machine = xen.Host(state / "machine")
    with contextlib.suppress(OSError):
        console = machine.console()
        kept = state.with_name(f"{state.name}-logs")
        kept.mkdir(parents=True, exist_ok=True)
        (kept / "console.log").write_text(console)
    machine.stop()
    server = Running.load(state / "running.json")
    if server is not None and server.alive:
        server.end(signal.SIGTERM)
    shutil.rmtree(state, ignore_errors=True)


def _serving(state: Path) -> int:
    """Start the image server; the port it listens on."""
    ours, theirs = os.pipe()
    command = [sys.executable, "-m", "tests.vm.xenfleet", "serve", "--state", str(state)]
    with (state / "images.log").open("w") as log:
        running = start_detached(command, CHECKOUT, theirs, log)
    os.close(theirs)
    running.save(state / "running.json")
    with open(ours) as told:
        return int(told.readline())


def serve(state: Path) -> None:
    """The image server, until SIGTERM, or until it has been forgotten."""
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    signal.alarm(LIFETIME)
    fleet = Fleet.of(state, 1)
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    server = ImageServer(fleet.www, [IMAGE_HOST], files=server_files(fleet.tls, [IMAGE_HOST]))
    server.serve_on(listening)
    print(listening.getsockname()[1], flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.close()


def main() -> int:
    """Make or end the fleet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("create", "destroy", "serve"):
        verbs.add_parser(verb).add_argument("--state", type=Path, required=True)
    verbs.choices["create"].add_argument("--smp", type=int, default=2)
    options = parser.parse_args()
    state = options.state.resolve()
    if options.verb == "create":
        create(state, options.smp)
    elif options.verb == "serve":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        serve(state)
    else:
        destroy(state)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
