# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host on which everything can be installed, and playbooks of the built collection that run against it."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from tests.support.paths import CACHE
from tests.support.private_host import PrivateHost, Result

BIN = CACHE / "venv/bin"
RECAP = re.compile(r"changed=(\d+) .*failed=(\d+)")

OVERLAYS = """\
set -eu
mount -t tmpfs -o mode=755 scratch "$1"
cp /etc/hosts /etc/resolv.conf "$1"
for place in usr etc; do
    mkdir -p "$1/$place/upper" "$1/$place/work"
    mount -t overlay -o "lowerdir=/$place,upperdir=$1/$place/upper,workdir=$1/$place/work" scratch "/$place"
done
cp "$1/hosts" "$1/resolv.conf" /etc
mkdir "$1/dpkg"
mount --bind /var/lib/dpkg "$1/dpkg"
mount -t tmpfs -o mode=755 scratch /var/lib
mkdir /var/lib/dpkg
mount --move "$1/dpkg" /var/lib/dpkg
rm -rf /etc/podwright /usr/bin/podwright /usr/lib/podwright /usr/bin/rkt /etc/rkt
sed -i /^podwright/d /etc/group /etc/gshadow /etc/passwd /etc/shadow
"""
"""Run by the shell with a scratch directory; hides an agent that is installed on the machine."""


@dataclasses.dataclass(frozen=True)
class Site:
    """A host whose /usr, /etc and /var/lib can be written, and a controller with the collection installed."""

    host: PrivateHost
    collections: Path
    home: Path

    def playbook(self, name: str, *flags: str, **variables: object) -> Result:
        """Run a playbook of the collection against the host."""
        command = ["ansible-playbook", f"podwright.fleet.{name}", "-e", "target=localhost"]
        command += ["-e", json.dumps(variables), *flags]
        return self.host.run(command, env=self.env, timeout=600)

    def changed(self, name: str, *flags: str, **variables: object) -> int:
        """Run a playbook that must succeed without warnings; returns how many tasks changed something."""
        done = self.playbook(name, *flags, **variables)
        recap = RECAP.search(done.stdout)
        assert done.exit == 0, done
        assert "WARNING" not in done.stderr, done
        assert recap, done
        return int(recap.group(1))

    @property
    def env(self) -> Mapping[str, str]:
        """The controller's environment."""
        return {
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_HOME": str(self.home),
            "ANSIBLE_LOCAL_TEMP": str(self.home / "local"),
            "ANSIBLE_REMOTE_TEMP": str(self.home / "remote"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
        }

    def shell(self, script: str) -> str:
        """Run a script on the host, which must succeed; returns its output."""
        return self.host.run(["/bin/sh", "-euc", script]).check().stdout
