# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`check-host` on this machine, and on hosts from which something was taken away."""

from __future__ import annotations

import json
import os
from typing import Any

from tests.support.agent import Agent
from tests.support.private_host import Result

NAMES = (
    *("kernel", "mount-namespaces", "pid-namespaces", "net-namespaces", "ipc-namespaces"),
    *("uts-namespaces", "cgroup-namespaces", "time-namespaces", "user-namespaces", "overlay"),
    *("idmapped-mounts", "cgroups", "seccomp", "selinux", "apparmor", "landlock", "kvm", "qemu"),
    *(
        "virtiofsd",
        "libvirt",
        "stage1-kvm",
        "xen",
        "qemu-xen",
        "stage1-xen",
        "tpm",
        "systemd",
        "journald",
        "machine-journals",
        "gpg",
        "nftables",
    ),
)


def checks(agent: Agent, before: str = ":") -> dict[str, dict[str, Any]]:
    """What check-host finds after a shell script has changed the private host's view."""
    return {check["name"]: check for check in json.loads(run(agent, before).check().stdout)}


def run(agent: Agent, before: str, *options: str) -> Result:
    """check-host in a mount namespace of its own, after a script."""
    command = ["unshare", "-m", "sh", "-c", f'set -e; {before}; exec "$@"', "sh", *agent.command]
    return agent.host.run([*command, "check-host", "--format=json", *options])


def test_everything_is_told_in_a_table_and_as_json(agent: Agent) -> None:
    found = checks(agent)
    assert tuple(found) == NAMES
    assert {check["status"] for check in found.values()} <= {"ok", "limited", "missing"}
    for check in found.values():
        assert check["status"] == "ok" or check["hint"], check
    lines = agent.ok("check-host").splitlines()
    assert lines[0].split() == ["CHECK", "STATUS", "DETAIL", "TO", "DO"]
    assert [line.split()[0] for line in lines[1:]] == list(NAMES)
    assert [line.split()[1] for line in lines[1:]] == [found[name]["status"] for name in NAMES]


def test_pretty_json_has_lines(agent: Agent) -> None:
    shown = agent.ok("check-host", "--format=json-pretty")
    assert len(shown.splitlines()) > len(json.loads(shown))


def test_what_pods_need_is_there_on_this_machine(agent: Agent) -> None:
    found = checks(agent)
    for name in ("kernel", "user-namespaces", "overlay", "idmapped-mounts", "seccomp", "gpg"):
        assert found[name]["status"] == "ok", found[name]


def test_nothing_is_left_behind(agent: Agent) -> None:
    agent.data.mkdir(parents=True)
    look = (
        f"find {agent.data}; find /sys/fs/cgroup -name 'podwright*';"
        " cat /proc/self/mountinfo; set -- /proc/[0-9]*; echo $#"
    )
    before = agent.host.run(["sh", "-c", look]).stdout
    checks(agent)
    assert agent.host.run(["sh", "-c", look]).stdout == before


def test_a_requirement_that_is_missing_is_named(agent: Agent) -> None:
    agent.ok("check-host", "--require=kernel,gpg")
    result = run(agent, "mount --bind /dev/null /dev/kvm", "--require=kernel,kvm")
    assert (result.exit, result.stderr) == (1, "podwright: required, but missing: kvm\n")
    assert json.loads(result.stdout)


def test_a_requirement_that_is_not_known_is_refused(agent: Agent) -> None:
    assert "'kvmm' is not checked; known are kernel" in agent.refused(
        "check-host", "--require=kvmm"
    )


def test_user_namespaces_that_are_switched_off(agent: Agent) -> None:
    """In a user namespace of its own, so that the limit is that one's; then one more cannot be made."""
    command = [
        *("unshare", "-U", "--map-root-user", "-m", "sh", "-c"),
        'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"',
        *("sh", *agent.command, "check-host", "--format=json"),
    ]
    found = {check["name"]: check for check in json.loads(agent.host.run(command).check().stdout)}
    users = found["user-namespaces"]
    assert (users["status"], users["detail"]) == ("missing", "user.max_user_namespaces is 0")
    assert "user.max_user_namespaces" in users["hint"]


def test_a_host_without_kvm(agent: Agent) -> None:
    hidden = "mount -t tmpfs none /mnt; touch /mnt/null; mount --bind /dev/null /mnt/null; mount --move /mnt /dev"
    found = checks(agent, hidden)["kvm"]
    assert (found["status"], found["detail"]) == ("missing", "no /dev/kvm")


def test_kvm_is_tried_and_not_only_looked_at(agent: Agent) -> None:
    found = checks(agent)["kvm"]
    if os.path.exists("/dev/kvm"):
        assert found["detail"] == "a small guest runs" or found["detail"].startswith("present, but")
    else:
        assert found["detail"] == "no /dev/kvm"
    fake = checks(agent, "mount --bind /dev/zero /dev/kvm")["kvm"]
    assert fake["status"] == "missing"


def test_a_host_without_control_groups(agent: Agent) -> None:
    found = checks(agent, "umount -R /sys/fs/cgroup")["cgroups"]
    assert (found["status"], found["detail"]) == ("missing", "no control groups are mounted")


def test_control_groups_that_are_read_only(agent: Agent) -> None:
    only = "for g in /sys/fs/cgroup/*; do mount -o remount,bind,ro $g || mount --bind -o ro $g $g; done"
    found = checks(agent, only)["cgroups"]
    assert found["status"] == "limited" and "not ours to divide" in found["detail"], found
    assert "Delegate=yes" in found["hint"]


def test_a_data_directory_that_cannot_carry_overlays_or_owners(agent: Agent) -> None:
    """procfs and the like can neither be written nor id-mapped."""
    agent.data.mkdir(parents=True)
    found = checks(agent, f"mount --bind /proc {agent.data}")
    assert (found["overlay"]["status"], found["idmapped-mounts"]["status"]) == ("missing",) * 2
    assert "data directory" in found["overlay"]["hint"]


def test_a_host_without_gpg(agent: Agent) -> None:
    hidden = "mount --bind /dev/null /usr/bin/gpg"
    assert checks(agent, hidden)["gpg"]["status"] == "missing"
