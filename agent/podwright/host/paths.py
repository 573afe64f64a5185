# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything lies: the data directory, the configuration directories, the run directory."""

from __future__ import annotations

from podwright.values import value

FORMAT = 1
"""Version of the on-disk layout; older ones are read, newer ones refused."""


@value
class Layout:
    """Absolute paths, fixed for one call of the agent.

    data           images, trees, pods, revisions (`--dir`, /var/lib/podwright)
    system_config  shipped configuration (/usr/lib/podwright)
    local_config   the administrator's configuration (/etc/podwright)
    user_config    an extra one with the last word, or ""
    run            what the whole host shares until the next boot, whatever the data directory
    rkt            called by rkt's name: its configuration and trusted keys are read too
    """

    data: str = "/var/lib/podwright"
    system_config: str = "/usr/lib/podwright"
    local_config: str = "/etc/podwright"
    user_config: str = ""
    run: str = "/run/podwright"
    rkt: bool = False

    @property
    def cas(self) -> str:
        """The image store."""
        return f"{self.data}/cas"

    @property
    def images(self) -> str:
        """One directory per image ID: manifest, record, archive, signature."""
        return f"{self.data}/cas/image"

    @property
    def trees(self) -> str:
        """Rendered root file systems, one directory per tree ID."""
        return f"{self.data}/cas/tree"

    @property
    def inbox(self) -> str:
        """Where members of the group `podwright` leave what they have fetched."""
        return f"{self.data}/cas/inbox"

    @property
    def tmp(self) -> str:
        """Private scratch space on the same file system as the store."""
        return f"{self.data}/tmp"

    @property
    def pods(self) -> str:
        """Pod directories by state: embryo, prepare, prepared, run, exited-garbage, garbage."""
        return f"{self.data}/pods"

    @property
    def named(self) -> str:
        """Desired state and revisions of named pods."""
        return f"{self.data}/named"

    @property
    def locks(self) -> str:
        """Locks of everything that works on this data directory."""
        return f"{self.data}/locks"

    @property
    def net(self) -> str:
        """Address leases and port reservations: one pool for all data directories of the host."""
        return f"{self.run}/net"

    @property
    def net_plugins(self) -> tuple[str, ...]:
        """Directories of CNI plugins; the first that has one wins."""
        own = (f"{self.local_config}/net.d", f"{self.system_config}/plugins/net")
        return (*own, "/usr/lib/cni", "/opt/cni/bin")

    @property
    def users(self) -> str:
        """Ranges of user ids in use: one pool for all data directories of the host."""
        return f"{self.run}/users"

    @property
    def metadata(self) -> str:
        """What the metadata service knows of the pods of this host."""
        return f"{self.run}/metadata"

    @property
    def metadata_socket(self) -> str:
        """Where pods are registered with the metadata service."""
        return f"{self.run}/metadata-svc.sock"

    @property
    def logs(self) -> str:
        """Output of pods on hosts without a journal."""
        return f"{self.data}/logs"

    def config_dirs(self) -> tuple[str, ...]:
        """Configuration directories; later ones override earlier ones (A10)."""
        theirs = ("/usr/lib/rkt", "/etc/rkt") if self.rkt else ()
        own = (self.system_config, self.local_config, self.user_config)
        return (*theirs, *(directory for directory in own if directory))

    def trust_dirs(self) -> list[str]:
        """Trust store roots, in the order in which they are read (behaviour.md A11)."""
        theirs = ["/usr/lib/rkt/trustedkeys", "/etc/rkt/trustedkeys"] if self.rkt else []
        own = [f"{self.system_config}/trustedkeys", f"{self.local_config}/trustedkeys"]
        return theirs + own

    def fleet_trust_dirs(self) -> list[str]:
        """Trust store roots that have keys of fleets: never rkt's, whose group is not only root."""
        return self.trust_dirs()[-2:]

    def net_dirs(self) -> tuple[str, ...]:
        """Directories of network configurations; later ones override earlier ones."""
        return tuple(f"{directory}/net.d" for directory in self.config_dirs())
