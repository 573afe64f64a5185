# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What check-host makes of what a host has: recorded files in, one row out."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from podwright.host import selinux
from podwright.host.checks import groups, machines, security, services, spaces, storage
from podwright.host.checks.value import Check, TrialError, attempt

V1 = (
    "12:pids:/a\n11:memory:/a\n4:cpu,cpuacct:/a\n3:blkio:/\n1:name=systemd:/a\n0::/a\n",
    (
        "30 20 0:1 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
        "31 20 0:2 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "32 20 0:3 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "33 20 0:4 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n"
        "34 20 0:5 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    ),
)
V2 = ("0::/system.slice\n", "30 20 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")


def host(root: Path, **files: str) -> str:
    """A recorded host; `__` in a name is a `/`."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(root)


def recorded(root: Path, texts: tuple[str, str], controllers: str = "") -> str:
    """A host with control groups."""
    own = "sys__fs__cgroup__system.slice__cgroup.controllers"
    return host(
        root, proc__self__cgroup=texts[0], proc__self__mountinfo=texts[1], **{own: controllers}
    )


def row(check: Check) -> tuple[str, str]:
    return check.status, check.detail


@pytest.mark.parametrize(
    ("release", "status"),
    [
        ("5.4.0-42-generic", "missing"),
        ("5.14.0-362.el9", "limited"),
        ("5.19.0", "ok"),
        ("6.18.44-fc+", "ok"),
        ("7.0-rc1", "ok"),
    ],
)
def test_kernel(release: str, status: str) -> None:
    assert services.kernel(release).status == status


def test_cgroups_of_v1(tmp_path: Path) -> None:
    found = groups.cgroups(recorded(tmp_path, V1), lambda _: True)
    assert row(found) == ("ok", "v1 with cpu, memory, pids, io")


def test_cgroups_that_are_not_ours_to_divide(tmp_path: Path) -> None:
    found = groups.cgroups(recorded(tmp_path, V1), lambda path: "memory" not in path)
    assert row(found) == ("limited", "v1 with cpu, memory, pids, io; not ours to divide: memory")
    assert "Delegate=yes" in found.hint


def test_cgroups_of_v2(tmp_path: Path) -> None:
    found = groups.cgroups(recorded(tmp_path, V2, "cpu io memory pids"), lambda _: True)
    assert row(found) == ("ok", "v2 with cpu, memory, pids, io")


def test_cgroups_of_v2_with_few_controllers(tmp_path: Path) -> None:
    found = groups.cgroups(recorded(tmp_path, V2, "memory pids"), lambda _: True)
    assert row(found) == ("limited", "v2 with memory, pids; without cpu, io")


def test_no_cgroups(tmp_path: Path) -> None:
    found = groups.cgroups(recorded(tmp_path, ("0::/\n", "")), lambda _: True)
    assert row(found) == ("missing", "no control groups are mounted")


def test_user_namespaces_switched_off(tmp_path: Path) -> None:
    root = host(tmp_path, proc__sys__user__max_user_namespaces="0\n")
    found = spaces.users(root)
    assert row(found) == ("missing", "user.max_user_namespaces is 0")
    assert "user.max_user_namespaces" in found.hint


def test_user_namespaces_for_root_only(tmp_path: Path) -> None:
    root = host(
        tmp_path,
        proc__sys__user__max_user_namespaces="100\n",
        proc__sys__kernel__unprivileged_userns_clone="0\n",
    )
    found = spaces.users(root, lambda: "")
    assert found.status == "ok" and "for root only" in found.detail


def refuses() -> str:
    raise PermissionError(1, "Operation not permitted")


def sleeps() -> str:
    time.sleep(60)
    return ""


def test_user_namespaces_that_cannot_be_made(tmp_path: Path) -> None:
    found = spaces.users(str(tmp_path), refuses)
    assert row(found) == ("missing", "cannot be made: Operation not permitted")


def test_seccomp(tmp_path: Path) -> None:
    assert security.seccomp(str(tmp_path)).status == "missing"
    root = host(tmp_path, proc__sys__kernel__seccomp__actions_avail="kill_process errno allow\n")
    assert security.seccomp(root).status == "ok"
    lacking = security.seccomp(root, "libnothing.so.9")
    assert row(lacking) == ("missing", "the kernel has it, but libnothing.so.9 is missing")
    assert "libseccomp2" in lacking.hint


CONTEXTS = (
    'process = "system_u:system_r:container_t:s0"\nfile = "system_u:object_r:container_file_t:s0"\n'
)


def test_selinux(tmp_path: Path) -> None:
    assert row(security.selinux(str(tmp_path))) == ("missing", "off")
    root = host(
        tmp_path,
        sys__fs__selinux__enforce="1",
        sys__fs__selinux__mls="1",
        sys__fs__selinux__context="",
        etc__selinux__config="SELINUXTYPE=targeted\n",
    )
    # A file takes any context, as a kernel with our module does.
    assert security.selinux(root).detail.endswith("with podwright's own module for containers")
    host(tmp_path, etc__selinux__targeted__contexts__lxc_contexts=CONTEXTS)
    assert row(security.selinux(root)) == (
        "ok",
        "enforcing, policy targeted, with its own types for containers",
    )
    host(tmp_path, sys__fs__selinux__enforce="0")
    assert security.selinux(root).status == "limited"


def test_a_host_that_only_logs_what_pods_are_denied_is_not_told_as_one_that_enforces(
    tmp_path: Path,
) -> None:
    asked = " ".join(["system_u:system_r:container_t:s0"] * 2 + ["1"])
    for flags, status in (("1", "limited"), ("0", "ok")):
        root = host(
            tmp_path,
            sys__fs__selinux__enforce="1",
            sys__fs__selinux__mls="1",
            sys__fs__selinux__context="",
            # The question is written over the beginning of the file, and is three words of the answer.
            sys__fs__selinux__access=f"{'.' * len(asked)} 0 0 {flags}",
            etc__selinux__config="SELINUXTYPE=targeted\n",
            etc__selinux__targeted__contexts__lxc_contexts=CONTEXTS,
        )
        told = security.selinux(root)
        assert told.status == status
        assert ("container_t is permissive" in told.detail) == (status == "limited")
    assert told.hint == ""


def test_a_policy_without_anything_for_containers_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = host(
        tmp_path,
        sys__fs__selinux__enforce="1",
        etc__selinux__config="SELINUXTYPE=targeted\n",
    )

    def unknown(context: object, _root: str = "") -> None:
        raise selinux.UnusableError(f"the SELinux policy does not know {context}")

    monkeypatch.setattr(selinux, "check", unknown)
    without = security.selinux(root)
    assert without.status == "limited" and "no contexts for containers" in without.detail
    assert "podwright_agent_selinux_policy" in without.hint


@pytest.mark.parametrize(("version", "status"), [(0, "missing"), (3, "limited"), (6, "ok")])
def test_landlock(version: int, status: str) -> None:
    assert security.landlock(version).status == status


def test_apparmor_is_off(tmp_path: Path) -> None:
    assert security.apparmor(str(tmp_path)).status == "missing"


def test_xen(tmp_path: Path) -> None:
    assert row(machines.xen(str(tmp_path))) == ("missing", "not on Xen")
    root = host(tmp_path, sys__hypervisor__type="xen\n", proc__xen__capabilities="\n")
    assert row(machines.xen(root)) == ("missing", "a guest of Xen, not its dom0")
    host(tmp_path, proc__xen__capabilities="control_d\n")
    assert row(machines.xen(root, lambda _: "")) == ("limited", "dom0, but without xl")
    assert machines.xen(root, lambda name: f"/usr/sbin/{name}").status == "ok"


def test_tpm(tmp_path: Path) -> None:
    assert row(machines.tpm(str(tmp_path))) == ("missing", "no /dev/tpmrm0")
    root = host(tmp_path, sys__class__tpm__tpm0__tpm_version_major="1\n")
    assert row(machines.tpm(root)) == ("limited", "version 1, not 2.0")
    host(tmp_path, sys__class__tpm__tpm0__tpm_version_major="2\n", dev__tpmrm0="")
    assert machines.tpm(root).status == "ok"


def test_kvm_that_is_not_there_or_is_something_else(tmp_path: Path) -> None:
    assert machines.kvm(str(tmp_path / "kvm")).detail.startswith("no ")
    (tmp_path / "kvm").write_text("")
    assert machines.kvm(str(tmp_path / "kvm")).status == "missing"


def test_kvm_whose_guest_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from podwright.kernel import kvm

    monkeypatch.setattr(kvm, "api_version", lambda _path: kvm.API)
    monkeypatch.setattr(kvm, "create_vm", lambda _path: "")
    monkeypatch.setattr(kvm, "run_guest", lambda _path: "the guest ended with reason 17")
    assert row(machines.kvm(machine="x86_64")) == (
        "limited",
        "present, but a guest does not run: the guest ended with reason 17",
    )


def test_libvirt_and_qemu(tmp_path: Path) -> None:
    root = str(tmp_path)
    assert machines.libvirt(root, lambda _: "").status == "missing"
    assert machines.libvirt(root, lambda name: name).status == "limited"
    host(tmp_path, **{"run__libvirt__libvirt-sock": ""})
    assert machines.libvirt(root, lambda name: name).status == "ok"
    assert machines.qemu("riscv64", lambda _: "").detail == "no qemu-system-riscv64"


def test_systemd_and_its_journal(tmp_path: Path) -> None:
    root = str(tmp_path)
    assert services.systemd(root).status == services.journald(root).status == "missing"
    host(tmp_path, run__systemd__system__x="", run__systemd__journal__socket="")
    assert services.systemd(root, lambda _: "").status == "limited"
    assert services.journald(root).status == "ok"


def test_missing_programs_and_libraries_say_what_to_install() -> None:
    assert services.gpg(lambda _: "").hint == "install gnupg"
    assert services.nftables("libnothing.so.9").status == "missing"


def test_the_place_of_a_data_directory_that_is_not_there_yet(tmp_path: Path) -> None:
    assert storage.place_of(f"{tmp_path}/a/b") == str(tmp_path)


def test_a_trial_answers_fails_or_is_ended() -> None:
    assert attempt(lambda: "yes") == "yes"
    with pytest.raises(TrialError, match="Operation not permitted"):
        attempt(refuses)
    begun = time.monotonic()
    with pytest.raises(TrialError, match="no answer"):
        attempt(sleeps, 0.05)
    assert time.monotonic() - begun < 30
