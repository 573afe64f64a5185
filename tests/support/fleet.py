# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fleet of test hosts is, as values: names, addresses, files. `tests.support.hosts` makes one from it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

BRIDGE = "fleet0"
GATEWAY = "10.99.0.1"
PREFIX_LENGTH = 24
IMAGE_HOST = "images.podwright.test"
"""The name under which every host finds the fleet's image server."""


@dataclasses.dataclass(frozen=True)
class Host:
    """One host: its name, its address on the bridge, and the folder that holds its files."""

    name: str
    address: str
    directory: Path

    @property
    def root(self) -> Path:
        """Where its root file system is mounted, in the fleet's mount namespace only."""
        return self.directory / "root"

    @property
    def upper(self) -> Path:
        """What it has written, over the shared root file system."""
        return self.directory / "upper"

    @property
    def var(self) -> Path:
        """Its /var: a real directory, because the kernel allows no overlay's upper directory on an overlay."""
        return self.directory / "var"


@dataclasses.dataclass(frozen=True)
class Fleet:
    """Everything that is known of a fleet before it starts."""

    state: Path
    hosts: tuple[Host, ...]

    @classmethod
    def of(cls, state: Path, count: int) -> Fleet:
        """Return the fleet of `count` hosts whose files are in `state`."""
        numbers = range(1, count + 1)
        hosts = [
            Host(f"host{n}", f"10.99.0.{n + 10}", state / "hosts" / f"host{n}") for n in numbers
        ]
        return cls(state, tuple(hosts))

    @property
    def www(self) -> Path:
        """The image server's root: what is put here is served to the hosts."""
        return self.state / "www"

    @property
    def tls(self) -> Path:
        """The image server's certificate and its authority, `ca.pem`."""
        return self.state / "tls"

    @property
    def ssh_key(self) -> Path:
        """The private key that every host accepts for root."""
        return self.state / "id_ed25519"

    @property
    def ssh_config(self) -> Path:
        """How ssh gets to each host by its name."""
        return self.state / "ssh_config"

    @property
    def log(self) -> Path:
        """What the fleet's PID 1 and nspawn had to say."""
        return self.state / "fleet.log"
