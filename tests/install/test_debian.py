# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role agent over SSH on hosts as Debian's installer leaves them, under systemd, from the tarball.

What it has to install comes from a directory on the host, since these hosts reach nothing else.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.install.machine import Machine, booted
from tests.support import aci, tiny_image, webserver
from tests.support.fleet import IMAGE_HOST
from tools import collection

RELEASES = {"bookworm": "12", "trixie": "13"}
NAME = f"{IMAGE_HOST}/sleeper"
UNIT = "podwright-sleeper.service"
LEFT = """\
find / -xdev -name '*podwright*' -not -path '/proc/*' -not -path '/tmp/*' -not -path '/var/log/*' || true
grep podwright /etc/passwd /etc/group || true
systemctl list-units --all --no-legend '*podwright*' || true
"""
ROLL_OUT = """\
- hosts: all
  gather_facts: false
  tasks:
    - podwright.fleet.trust:
        prefix: "{{ sleeper }}"
        fingerprint: "{{ fingerprint }}"
        key: "{{ lookup('ansible.builtin.file', key) }}"
    - podwright.fleet.pod:
        name: sleeper
        image: "{{ sleeper }}:1.0"
        net: none
"""


@pytest.fixture(params=RELEASES)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    """A host of each release."""
    with booted(request.param, tmp_path) as host:
        assert f'VERSION_ID="{RELEASES[request.param]}"' in host.shell("cat /etc/os-release")
        yield host


def upgraded(machine: Machine, target: Path) -> Machine:
    """The same host, with a collection whose agent is another version."""
    shutil.copytree(machine.collections, target, symlinks=True)
    text = target / collection.PLACE / "agent/podwright/text.py"
    text.write_text(text.read_text() + "# of the next version\n")
    return dataclasses.replace(machine, collections=target)


def test_from_nothing_to_a_pod_through_an_upgrade_to_nothing(
    machine: Machine, signed_image: Callable[..., Path], lab: Keys, tmp_path: Path
) -> None:
    image = signed_image(name=NAME, version="1.0", app=tiny_image.sleeper())
    webserver.publish(machine.fleet.www, NAME, image, "1.0", aci.host_arch(), lab.key.sign(image))
    (key := tmp_path / "key.asc").write_text(lab.key.armoured)
    (roll_out := tmp_path / "roll_out.yml").write_text(ROLL_OUT)
    pod = {"sleeper": NAME, "key": str(key), "fingerprint": lab.key.fingerprint}
    ours = {"podwright_agent_ca_certificates": [(machine.fleet.tls / "ca.pem").read_text()]}
    install = "podwright.fleet.install"

    assert "no packages found" in machine.shell("dpkg-query -W python3-pyroute2 2>&1 || true")
    before = machine.shell(LEFT)
    assert machine.changed(install, "--check", **ours) == 2  # packages, files
    assert machine.shell(LEFT) == before
    assert machine.changed(install, **ours) == 3  # and the timer
    assert "ok installed" in machine.shell("dpkg-query -W -f '${Status}' python3-pyroute2 nftables")
    assert machine.changed(install, **ours) == 0
    assert machine.changed(install, "--check", **ours) == 0
    machine.shell(
        "podwright check-host --require=kernel,gpg,nftables,seccomp,user-namespaces,systemd"
    )

    assert machine.changed(str(roll_out), **pod) == 2
    assert machine.changed(str(roll_out), **pod) == 0
    look = f"systemctl show -p ActiveState -p MainPID -p InvocationID -p NRestarts {UNIT}; pgrep -a -x sleep || true"
    running = machine.shell(look)
    assert "ActiveState=active" in running

    later = upgraded(machine, tmp_path / "later")
    used = machine.shell("readlink /usr/lib/podwright/bin")
    assert later.changed(install, **ours) >= 1
    assert machine.shell("readlink /usr/lib/podwright/bin") != used
    assert machine.shell(look) == running
    assert later.changed(str(roll_out), **pod) == 0
    machine.shell(f"systemctl restart {UNIT} && systemctl is-active {UNIT}")
    assert machine.changed(install, **ours) >= 1  # and down again: its state is compatible
    assert machine.shell("readlink /usr/lib/podwright/bin") == used
    assert machine.shell(f"systemctl is-active {UNIT}") == "active\n"

    machine.shell("""sed -i 's/"format": *1/"format": 9/' /var/lib/podwright/version""")
    refused = later.playbook(install, **ours)
    assert refused.returncode != 0
    assert (
        "this agent is older than the one that wrote /var/lib/podwright/version" in refused.stdout
    )
    assert machine.shell("readlink /usr/lib/podwright/bin") == used
    machine.shell("""sed -i 's/"format": *9/"format": 1/' /var/lib/podwright/version""")

    assert machine.changed("podwright.fleet.uninstall") >= 1
    assert machine.changed("podwright.fleet.uninstall") == 0
    assert machine.shell(LEFT) == before
    assert machine.shell("pgrep -a -x sleep || true") == ""
