# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's part for SELinux, run by Ansible on the files of the virtual machine: at full speed, as nothing is booted.

Debian's own semodule builds the policy. Whether SELinux is on, and knows types for containers, is said by files where
selinuxfs would be.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.vm import images
from tests.vm.recipes import RECIPES

pytestmark = pytest.mark.vm_full
PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: podwright.fleet.agent
        tasks_from: selinux
"""
MOUNT = """\
mount -t tmpfs none "$1/layers" && mkdir "$1/layers/upper" "$1/layers/work"
mount -t overlay -o "lowerdir=$2,upperdir=$1/layers/upper,workdir=$1/layers/work" overlay "$1/root"
mkdir -p "$1/root$1/remote" && mount --bind "$1/remote" "$1/root$1/remote"
echo ready && exec cat
"""


class Host:
    """Debian in a directory, which only processes in its mount namespace see."""

    def __init__(self, place: Path, pid: int) -> None:
        self.place = place
        self.into = ["nsenter", f"--target={pid}", "--mount", f"--wd={place}"]
        enter = f'#!/bin/sh\nexec chroot {place}/root /usr/bin/python3 "$@"\n'
        (place / "python").write_text(enter)
        (place / "python").chmod(0o755)
        (place / "play.yml").write_text(PLAY)

    def sh(self, script: str) -> str:
        """Run a shell in it."""
        command = [*self.into, "chroot", f"{self.place}/root", "sh", "-ec", script]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    def play(self, wanted: str, *flags: str) -> dict[str, Any]:
        """Run the role's tasks: the counts, and what was refused."""
        options = {
            "podwright_agent_selinux_wanted": wanted,
            "ansible_python_interpreter": f"{self.place}/python",
            "ansible_remote_tmp": f"{self.place}/remote",
        }
        command = [*self.into, "ansible-playbook", "-i", "guest,", "-c", "local"]
        command += ["-e", json.dumps(options), *flags, "play.yml"]
        environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "default", "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        counted = re.search(r"changed=(\d+)", done.stdout)
        assert counted, done.stdout + done.stderr
        failed = re.findall(r"^fatal: .*?=> (\{.*\})$", done.stdout, re.MULTILINE)
        return {
            "changed": int(counted[1]),
            "failed": [json.loads(one).get("msg", one) for one in failed],
        }

    @contextmanager
    def held(self, path: str) -> Iterator[None]:
        """Have a process that holds a lock, as a pod does its pair."""
        script = 'exec flock "$1" sh -c "echo held; exec cat"'
        command = [*self.into, "chroot", f"{self.place}/root", "sh", "-c", script, "sh", path]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdin is not None and holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            yield
            holder.stdin.close()

    def has_module(self) -> bool:
        """Whether the policy has our module."""
        return "podwright" in self.sh("semodule -l").split()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    place = tmp_path_factory.mktemp("role")
    for name in ("layers", "root", "remote"):
        (place / name).mkdir()
    base = images._base(RECIPES["selinux"])
    command = ["unshare", "--mount", "sh", "-ec", MOUNT, "sh", str(place), str(base)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline() == b"ready\n"
        try:
            yield Host(place, holder.pid)
        finally:
            holder.stdin.close()


def test_the_policy_module_comes_and_goes_as_asked(host: Host) -> None:
    """One after the other: each state is what the next one begins with."""
    assert host.play("auto") == {"changed": 0, "failed": []}  # SELinux is off
    assert host.play("present", "--check") == {"changed": 1, "failed": []}
    assert not host.has_module()
    assert host.play("present") == {"changed": 1, "failed": []}
    assert host.has_module()
    assert host.play("present") == {"changed": 0, "failed": []}

    host.sh(
        "mkdir -p /sys/fs/selinux /run/podwright/mcs; touch /sys/fs/selinux/enforce /run/podwright/mcs/7"
    )
    with host.held("/run/podwright/mcs/8"):  # the other one is what a pod that was killed has left
        refused = host.play("absent")
    assert "Pods run with labels (pairs of categories in use: 1); stop them" in refused["failed"][0]
    assert host.has_module()
    assert host.play("absent", "--check") == {"changed": 1, "failed": []}
    assert host.play("absent") == {"changed": 1, "failed": []}
    assert not host.has_module()
    assert host.play("absent") == {"changed": 0, "failed": []}

    host.sh(
        "touch /sys/fs/selinux/context"
    )  # it takes any context, as a policy with container-selinux does
    assert host.play("auto") == {"changed": 0, "failed": []}
    assert not host.has_module()
    host.sh("rm /sys/fs/selinux/context")
    assert host.play("auto") == {"changed": 1, "failed": []}
    assert host.play("auto") == {"changed": 0, "failed": []}


def test_a_host_without_semodule_is_refused_what_it_cannot_do_and_left_alone_otherwise(
    host: Host,
) -> None:
    host.sh(
        "mkdir -p /sys/fs/selinux; touch /sys/fs/selinux/enforce; mv /usr/sbin/semodule /usr/sbin/taken-away"
    )
    assert host.play("auto") == {"changed": 0, "failed": []}
    assert "no semodule" in host.play("present")["failed"][0]
    host.sh("mv /usr/sbin/taken-away /usr/sbin/semodule")
