# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host under systemd, as a release's installer leaves it, and Ansible with the collection of the tarball."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.modules.playbook_site import BIN, RECAP
from tests.support import hosts
from tests.support.fleet import Fleet
from tests.support.paths import CACHE
from tools import collection


@dataclasses.dataclass(frozen=True)
class Machine:
    """One host, and how Ansible reaches it."""

    fleet: Fleet
    folder: Path
    collections: Path

    def playbook(
        self, name: str, *flags: str, **variables: object
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook against the host."""
        settings = {
            "ansible_ssh_common_args": f"-F {self.fleet.ssh_config}",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_become": False,
        }
        inventory = self.folder / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": {"host1": settings}}}))
        env = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
            "LC_ALL": "C.UTF-8",
        }
        command = [
            str(BIN / "ansible-playbook"),
            name,
            "-i",
            str(inventory),
            "-e",
            json.dumps(variables),
        ]
        return subprocess.run(
            [*command, *flags], env=env, check=False, capture_output=True, text=True
        )

    def changed(self, name: str, *flags: str, **variables: object) -> int:
        """Run a playbook that must succeed; returns how many tasks changed something."""
        done = self.playbook(name, *flags, **variables)
        recap = RECAP.search(done.stdout)
        assert done.returncode == 0 and recap, done.stdout + done.stderr
        return int(recap.group(1))

    def shell(self, script: str) -> str:
        """Run a script on the host, which must succeed; returns its output."""
        command = ["ssh", "-F", str(self.fleet.ssh_config), "host1", script]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done
        return done.stdout


@contextlib.contextmanager
def booted(variant: str, folder: Path) -> Iterator[Machine]:
    """A host of a kind (`tests.support.debian.VARIANTS`)."""
    state = CACHE / "fleets" / f"install-{variant}"
    try:
        yield Machine(hosts.create(state, 1, variant=variant), folder, collection.installed())
    finally:
        hosts.destroy(state)
