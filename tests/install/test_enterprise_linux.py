# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role agent's way with dnf and rpm, on a host that says that it is Rocky Linux 9 and is Debian underneath.

dnf, rpm and the repository are real, the packages in it have the names of Enterprise Linux and nothing in them;
libraries come in wheels from the controller. What this cannot show: Python 3.9, what is in Enterprise Linux's packages,
and SELinux.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.install.machine import Machine, booted
from tests.support.wheels import download

INSTALL = "podwright.fleet.install"
PACKAGES = (
    "ca-certificates",
    "gnupg2",
    "libseccomp",
    "nftables",
    "python3-cryptography",
    "python3-libselinux",
)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """The host."""
    with booted("rocky", tmp_path) as host:
        yield host


def test_packages_come_with_dnf_and_libraries_in_wheels(machine: Machine) -> None:
    wheels = [str(download(name)) for name in ("pyroute2==0.9.5", "python-gnupg==0.5.5")]
    refused = machine.playbook(INSTALL)
    assert refused.returncode != 0
    assert (
        "This host (Rocky Linux 9.4 (Blue Onyx)) has no packages of python3-gnupg and python3-pyroute2;"
        in refused.stdout
    )
    assert "ansible-playbook podwright.fleet.wheels" in refused.stdout
    assert machine.shell("rpm --query --all") == ""

    ours = {"podwright_agent_wheels": wheels}
    assert machine.changed(INSTALL, "--check", **ours) == 2
    assert machine.shell("rpm --query --all") == ""
    assert machine.changed(INSTALL, **ours) == 3  # packages, files, the timer
    names = machine.shell("rpm --query --all --queryformat '%{NAME}\\n'").split()
    assert sorted(names) == sorted(PACKAGES)
    assert machine.changed(INSTALL, **ours) == 0
    assert machine.changed(INSTALL, "--check", **ours) == 0
    machine.shell("podwright check-host --require=kernel,gpg,nftables,seccomp")
    assert "wheels/pyroute2" in machine.shell(
        "ls -d $(dirname $(readlink -f /usr/bin/podwright))/../wheels/pyroute2"
    )

    machine.shell("rpm --erase gnupg2")
    assert machine.changed(INSTALL, **ours) == 1
    more = {**ours, "podwright_agent_packages": [*PACKAGES, "python3-zstandard"]}  # as from EPEL
    assert machine.changed(INSTALL, **more) == 1
    assert "python3-zstandard" in machine.shell("rpm --query python3-zstandard")

    assert machine.changed("podwright.fleet.uninstall") >= 1
    assert machine.shell("ls -d /usr/lib/podwright /etc/podwright 2>/dev/null || true") == ""
