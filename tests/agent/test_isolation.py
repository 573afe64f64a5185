# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an app can see and do, fact by fact (threats.md, section 3; T61, T62, T64, T69, T71, T72, T77)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.agent.launch_bed import Bed, Ended, app, isolator, sh
from tests.support import cgroups
from tests.support.private_host import PrivateHost

DEFAULT_CAPABILITIES = "00000000000005fb"
NO_CAPABILITIES = "0000000000000000"
FACTS = "grep -E '^(Cap|NoNewPrivs|Seccomp|Groups|Uid|Gid)' /proc/self/status"
DEVICES = [
    *("fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty"),
    *("urandom", "zero"),
]
HIDDEN_FILES = [
    *("config.gz", "interrupts", "kallsyms", "kcore", "keys", "modules", "sched_debug"),
    *("timer_list", "latency_stats", "iomem", "key-users"),
]
HIDDEN_DIRECTORIES = [
    *("/proc/acpi", "/proc/asound", "/proc/scsi", "/sys/firmware", "/sys/fs", "/sys/module"),
    *("/sys/kernel/debug", "/sys/power", "/sys/hypervisor", "/sys/kernel/boot_params"),
]


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


def facts(text: str) -> dict[str, str]:
    """Lines of /proc/PID/status."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key: " ".join(value.split()) for key, value in pairs}


@pytest.mark.kernel(brief=True)
def test_a_root_app_has_at_most_nine_capabilities(bed: Bed) -> None:
    found = facts(bed.says(FACTS))
    assert [found[f"Cap{kind}"] for kind in ("Prm", "Eff", "Bnd")] == [DEFAULT_CAPABILITIES] * 3
    assert bin(int(DEFAULT_CAPABILITIES, 16)).count("1") <= 9
    assert [found[f"Cap{kind}"] for kind in ("Inh", "Amb")] == [NO_CAPABILITIES] * 2
    assert (found["NoNewPrivs"], found["Seccomp"], found["Groups"]) == ("1", "2", "")


@pytest.mark.kernel
def test_an_ordinary_user_has_no_capabilities_and_the_groups_asked_for(bed: Bed) -> None:
    found = facts(bed.says(FACTS, user="1000", group="100", supplementaryGIDs=[7, 65535]))
    assert (found["Uid"], found["Gid"]) == ("1000 1000 1000 1000", "100 100 100 100")
    assert found["Groups"] == "7 65535"
    assert [found[f"Cap{kind}"] for kind in ("Prm", "Eff", "Inh", "Amb")] == [NO_CAPABILITIES] * 4
    assert found["CapBnd"] == DEFAULT_CAPABILITIES


@pytest.mark.kernel
def test_a_retained_set_is_exactly_the_set(bed: Bed) -> None:
    retain = isolator("os/linux/capabilities-retain-set", {"set": ["CAP_NET_ADMIN", "CAP_CHOWN"]})
    found = facts(bed.says(FACTS, isolators=[retain]))
    assert {found[f"Cap{kind}"] for kind in ("Prm", "Eff", "Bnd")} == {"0000000000001001"}
    assert {found["CapInh"], found["CapAmb"]} == {NO_CAPABILITIES}


@pytest.mark.kernel
def test_a_removed_set_is_taken_from_the_default(bed: Bed) -> None:
    remove = isolator("os/linux/capabilities-remove-set", {"set": ["CAP_CHOWN", "CAP_KILL"]})
    found = facts(bed.says(FACTS, isolators=[remove]))
    assert int(found["CapBnd"], 16) == int(DEFAULT_CAPABILITIES, 16) & ~(1 << 0) & ~(1 << 5)


@pytest.mark.kernel
@pytest.mark.parametrize("name", ["CAP_ALL", "CAP_NO_SUCH"])
def test_an_unknown_capability_is_refused_by_name(bed: Bed, name: str) -> None:
    retain = isolator("os/linux/capabilities-retain-set", {"set": [name]})
    ended = bed.run(sh("app", "echo never", isolators=[retain]))
    assert ended.refused.startswith(f"app app: unknown capability '{name}'")
    assert ended.stdout == ""


@pytest.mark.kernel
def test_a_capability_that_the_agent_does_not_have_is_refused(bed: Bed) -> None:
    retain = isolator("os/linux/capabilities-retain-set", {"set": ["CAP_SYS_TIME"]})
    pod = sh("app", "echo never", isolators=[retain])
    with bed.start(
        pod,
        private_users="",  # else it is its own users' capability, which is not the host's
        wrap=["capsh", "--drop=cap_sys_time", "--", "-c", 'exec "$@"', "sh"],
    ) as started:
        ended = started.ended()
    assert "asks for CAP_SYS_TIME, which this host does not give us" in ended.refused


@pytest.mark.kernel
def test_new_privileges_can_be_allowed(bed: Bed) -> None:
    allow = isolator("os/linux/no-new-privileges", False)
    as_root = facts(bed.says(FACTS, isolators=[allow]))
    as_user = facts(bed.says(FACTS, isolators=[allow], user="1000"))
    assert (as_root["NoNewPrivs"], as_root["Seccomp"], as_root["CapEff"]) == (
        "0",
        "2",
        DEFAULT_CAPABILITIES,
    )
    # A filter on another user than root forces it (B3).
    assert (as_user["NoNewPrivs"], as_user["Seccomp"], as_user["CapEff"]) == (
        "1",
        "2",
        NO_CAPABILITIES,
    )


@pytest.mark.kernel(brief=True)
def test_namespaces_are_the_pods_own(bed: Bed) -> None:
    look = "for n in mnt pid net ipc uts cgroup; do echo $n $(readlink /proc/self/ns/$n); done"
    inside = dict(line.split() for line in bed.says(look).splitlines())
    host = dict(line.split() for line in bed.host.run(["sh", "-c", look]).stdout.splitlines())
    assert inside.keys() == host.keys()
    assert [kind for kind in inside if inside[kind] == host[kind]] == []


@pytest.mark.kernel
def test_the_hosts_network_is_kept_only_when_asked(bed: Bed) -> None:
    mine = bed.says("readlink /proc/self/ns/net; cat /proc/net/dev | grep -c :", net="host").split()
    assert mine[0] == bed.host.run(["readlink", "/proc/self/ns/net"]).stdout.strip()


@pytest.mark.kernel
def test_without_a_network_there_is_loopback_and_it_works(bed: Bed) -> None:
    names = bed.says(
        "ls /sys/class/net; (nc -l -p 7 -e echo hi &) ; sleep 0.2; nc 127.0.0.1 7 </dev/null"
    )
    assert names.split() == ["lo", "hi"]


@pytest.mark.kernel
def test_only_standard_descriptors_are_open_in_apps_and_hooks(bed: Bed) -> None:
    look = ["/bin/ls", "/proc/self/fd"]  # 3 is the directory that it lists
    hook = {"name": "pre-start", "exec": look}
    extra = 'exec 7</ 8</etc/passwd 9>/dev/null 33</; cd /usr; exec "$@"'
    pod = app("app", *look, eventHandlers=[hook, {**hook, "name": "post-stop"}])
    with bed.start(pod, wrap=["bash", "-c", extra, "bash"]) as started:
        ended = started.ended()
    assert ended.stdout.split() == ["0", "1", "2", "3"] * 3


def test_standard_input_is_empty_unless_interactive(bed: Bed) -> None:
    assert bed.says("readlink /proc/self/fd/0; cat").split() == ["/dev/null"]


@pytest.mark.kernel
def test_dev_holds_the_golden_list_and_nothing_else(bed: Bed) -> None:
    assert bed.says("ls /dev").split() == sorted(DEVICES)
    assert bed.says(
        "ls /dev/pts /dev/shm; head -c 4 /dev/zero | wc -c; echo x > /dev/null"
    ).split() == [
        *("/dev/pts:", "ptmx", "/dev/shm:", "4"),
    ]


@pytest.mark.kernel(brief=True)
def test_no_device_can_be_made_or_opened(bed: Bed) -> None:
    both = [isolator("os/linux/capabilities-retain-set", {"set": ["CAP_MKNOD", "CAP_CHOWN"]})]
    script = "for d in /x /dev/x /tmp/x /dev/shm/x; do mknod $d b 1 0; cat $d; mknod $d c 1 1 ; rm -f $d; done 2>&1"
    without = bed.says(f"{script} | grep -vE 'not permitted|No such'; true")
    refused = f"{script} | grep -v 'Permission denied'; true"
    given = bed.says(refused, isolators=both, private_users="")
    assert without == ""
    assert bed.says(f"{script} | grep -vE 'not permitted|No such'; true", isolators=both) == ""
    assert [line for line in given.splitlines() if "exists" not in line] == []


@pytest.mark.kernel
@pytest.mark.parametrize("name", HIDDEN_FILES)
def test_telling_files_of_proc_are_empty(bed: Bed, name: str) -> None:
    assert bed.says(f"[ -e /proc/{name} ] && cat /proc/{name} | wc -c || echo 0").strip() == "0"


@pytest.mark.kernel
def test_telling_directories_are_empty(bed: Bed) -> None:
    script = f"for d in {' '.join(HIDDEN_DIRECTORIES)}; do ls -A $d 2>/dev/null; done; true"
    assert bed.says(script) == ("cgroup\n" if cgroups.alone() else "")
    assert bed.says(script, insecure=["paths"]).split() not in ([], ["cgroup"])


@pytest.mark.kernel
def test_kernel_settings_cannot_be_changed(bed: Bed) -> None:
    paths = "/proc/sys/kernel/core_pattern /proc/sys/vm/panic_on_oom /proc/irq/default_smp_affinity /sys/kernel/mm/x"
    script = (
        f"for f in {paths}; do echo x > $f; done 2>&1 | grep -vcE 'Read-only|nonexistent'; true"
    )
    assert bed.says(script).strip() == "0"


@pytest.mark.kernel
def test_lifting_paths_lifts_only_paths(bed: Bed) -> None:
    found = bed.says(f"{FACTS}; cat /proc/kallsyms | head -c 9 | wc -c", insecure=["paths"])
    assert facts(found)["CapBnd"] == DEFAULT_CAPABILITIES
    assert facts(found)["Seccomp"] == "2"
    assert found.splitlines()[-1] == "9"


@pytest.mark.kernel
def test_lifting_capabilities_lifts_only_capabilities(bed: Bed) -> None:
    found = facts(bed.says(FACTS, insecure=["capabilities"]))
    host = facts(bed.host.run(["sh", "-c", FACTS]).stdout)
    assert (
        int(found["CapBnd"], 16)
        == (2 << int(Path("/proc/sys/kernel/cap_last_cap").read_text())) - 1
    )
    kept = facts(bed.says(FACTS, insecure=["capabilities"], private_users=""))
    assert kept["CapBnd"] == host["CapBnd"]
    assert (found["Seccomp"], found["NoNewPrivs"]) == ("2", "1")
    assert bed.says("cat /proc/kallsyms", insecure=["capabilities"]) == ""


@pytest.mark.kernel
def test_lifting_seccomp_lifts_only_seccomp(bed: Bed) -> None:
    found = facts(bed.says(FACTS, insecure=["seccomp"]))
    assert (found["Seccomp"], found["NoNewPrivs"], found["CapBnd"]) == (
        "0",
        "1",
        DEFAULT_CAPABILITIES,
    )


def test_the_environment_is_what_the_manifest_says_and_the_constants(bed: Bed) -> None:
    given = [{"name": "A", "value": "1\n2"}, {"name": "HOME", "value": "/srv"}]
    ended = bed.run(app("app", "/bin/cat", "/proc/self/environ", environment=given))
    assert dict(line.split("=", 1) for line in ended.stdout.split("\0") if line) == {
        "A": "1\n2",
        "AC_APP_NAME": "app",
        "container": "rkt",
        "HOME": "/srv",
        "LOGNAME": "root",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "SHELL": "/bin/sh",
        "USER": "root",
    }
    recorded = (ended.pod_dir / "stage1/rootfs/rkt/env/app").read_text()
    assert recorded == ended.stdout


def test_working_directory_and_umask(bed: Bed) -> None:
    assert bed.says("pwd; umask", workingDirectory="/var/tmp").split() == ["/var/tmp", "0022"]


@pytest.mark.kernel
def test_pid_1_tells_nothing(bed: Bed) -> None:
    assert bed.says("cat /proc/1/cmdline | tr -d '\\0'; cat /proc/1/comm").split("\n") == [
        "podwright-initpodwright-init",
        "",
    ]
    files = bed.says(
        "for f in environ exe mem maps fd/3; do cat /proc/1/$f; done 2>&1 | grep -v denied; true"
    )
    links = bed.says(
        "for f in root cwd exe fd/0 fd/3 ns/mnt; do readlink /proc/1/$f; done; ls /proc/1/root/ /proc/1/cwd/; true"
    )
    assert (files, links) == ("", "")


@pytest.mark.kernel
def test_the_session_keyring_is_new(bed: Bed) -> None:
    ask = "import ctypes; print(ctypes.CDLL(None).syscall(250, 0, -3, 0))"  # KEYCTL_GET_KEYRING_ID, session
    make = "import ctypes,sys,os; ctypes.CDLL(None).syscall(250,1,None); os.execv(sys.argv[1],sys.argv[1:])"
    wrap = ["/usr/bin/python3", "-IS", "-c", make]
    host = bed.host.run([*wrap, "/usr/bin/python3", "-IS", "-c", ask]).stdout
    pods = [bed.python(ask, insecure=["seccomp"], wrap=wrap) for _ in range(2)]
    assert all(int(text) > 0 for text in (host, *pods))
    assert len({host, *pods}) == 3
    assert bed.python(ask).strip() == "-1"  # keyctl is refused by default


@pytest.mark.kernel
def test_ipc_objects_of_the_host_are_invisible(bed: Bed) -> None:
    make = "import ctypes; print(ctypes.CDLL(None).shmget(0x5eed, 4096, 0o1666))"
    bed.host.run(["/usr/bin/python3", "-c", make]).check()
    canary = Path("/dev/shm") / f"podwright-canary-{os.getpid()}"
    canary.write_text("")
    try:
        seen = bed.says("cat /proc/sysvipc/shm | wc -l; ls /dev/shm | wc -l").split()
    finally:
        canary.unlink()
    assert seen == ["1", "0"]


@pytest.mark.kernel(brief=True)
def test_a_read_only_root_is_read_only_and_volumes_in_it_are_not(bed: Bed) -> None:
    mount_points = [{"name": "data", "path": "/data"}]
    script = (
        "echo x > /file; echo x > /data/file && cat /data/file; echo x > /dev/shm/y && echo shm"
    )
    ended = bed.run(sh("app", script, readOnlyRootFS=True, mountPoints=mount_points))
    assert ended.stdout.split() == ["x", "shm"]
    assert "Read-only" in ended.stderr


@pytest.mark.kernel
def test_the_pods_cgroup_cannot_be_seen_or_changed(bed: Bed) -> None:
    """Under cgroup v2 an app sees its own limits, and cannot change them either."""
    limit = isolator("resource/pids", {"limit": "50"})
    look = "cut -d: -f3 /proc/self/cgroup | sort -u; cd /sys/fs/cgroup && { echo 60 > pids.max || cat pids.max; }; true"
    own = ["/", "50"] if cgroups.alone() else ["/"]
    assert bed.says(look, isolators=[limit]).split() == own


@pytest.mark.kernel
def test_names(bed: Bed) -> None:
    look = "hostname; cat /etc/hostname; grep -c web-1 /etc/hosts; readlink /etc/mtab"
    assert bed.says(look, hostname="web-1").split() == [
        "web-1",
        "web-1",
        "2",
        "../proc/self/mounts",
    ]


@pytest.mark.kernel
def test_mountinfo_does_not_tell_where_the_pod_lies(bed: Bed) -> None:
    assert str(bed.base) not in bed.says("cat /proc/self/mountinfo")


def mounts_of(ended: Ended) -> set[str]:
    """Mount points in the output of `cat /proc/self/mountinfo`."""
    return {line.split()[4] for line in ended.stdout.splitlines()}


@pytest.mark.kernel
def test_nothing_of_the_host_is_mounted(bed: Bed) -> None:
    ended = bed.run(sh("app", "cat /proc/self/mountinfo"))
    outside = {
        m for m in mounts_of(ended) if not m.startswith(("/dev", "/proc", "/sys")) and m != "/"
    }
    assert outside == set()
    root = next(line for line in ended.stdout.splitlines() if line.split()[4] == "/")
    assert "nodev" in root.split()[5].split(",")


@pytest.mark.kernel
def test_without_overlay_a_copy_behaves_the_same(bed: Bed) -> None:
    script = "id -u; echo changed > /etc/passwd; cat /etc/passwd; ls /dev | wc -l; stat -c %a /tmp"
    tree = bed.tree({"etc/passwd": "root:x:0:0::/:/bin/sh\n"})
    for overlay in (True, False):
        assert bed.says(script, tree=tree, overlay=overlay).split() == [
            "0",
            "changed",
            str(len(DEVICES)),
            "1777",
        ]
    assert (tree / "etc/passwd").read_text() == "root:x:0:0::/:/bin/sh\n"
