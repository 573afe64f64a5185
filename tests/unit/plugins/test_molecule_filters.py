# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What platforms of a Molecule scenario are as pods."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from plugins.filter.molecule import molecule_instance, molecule_pod

PLAIN = {"name": "Debian_12", "image": "docker://debian:12"}


def test_systemd_is_the_default_and_waited_for() -> None:
    pod = molecule_pod({**PLAIN, "groups": ["web"]}, "m-")
    assert (pod["name"], pod["hostname"], pod["image"]) == (
        "m-debian-12",
        "debian-12",
        "docker://debian:12",
    )
    assert (pod["profile"], pod["exec"]) == ("system", ["/sbin/init"])
    assert "is-system-running" in pod["ready"]["exec"][-1]
    assert "insecure_options" not in pod and "groups" not in pod


def test_a_plain_instance_has_nothing_of_it() -> None:
    pod = molecule_pod({**PLAIN, "profile": "none", "insecure": ["image"], "network": "none"}, "m-")
    assert "profile" not in pod and "ready" not in pod
    assert (pod["insecure_options"], pod["net"]) == (["image"], "none")


def test_options_are_the_last_word() -> None:
    assert molecule_pod({**PLAIN, "options": {"stop_timeout": 5}}, "m-")["stop_timeout"] == 5


def test_removal_and_what_molecule_is_told_name_the_same_pod() -> None:
    assert molecule_pod(PLAIN, "m-", absent=True) == {"name": "m-debian-12", "state": "absent"}
    told = molecule_instance({**PLAIN, "user": "deploy"}, "m-")
    assert told == {
        "instance": "Debian_12",
        "address": "m-debian-12",
        "connection": "podwright.fleet.pod",
        "user": "deploy",
    }


@pytest.mark.parametrize(
    "platform",
    [
        "text",
        {},
        {"name": "a"},
        {**PLAIN, "profile": "root"},
        {**PLAIN, "name": "-"},
        {**PLAIN, "name": "a" * 64},
    ],
)
def test_what_makes_no_pod_is_refused(platform: Any) -> None:
    with pytest.raises(AnsibleFilterError):
        molecule_pod(platform, "m-")
