# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod in a virtual machine, seen from its host: what goes in and out, who runs there as whom, its end (C4, B13)."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.agent.kvm_bed import PATIENCE, STAYS, Live, Machines
from tests.conftest import Keys
from tests.support.patience import until

SECRET = "told to nobody else"
MUCH = "0123456789abcde\n" * (1 << 13)
HOSTILE = """
cd /rw
ln -s /etc/passwd link
ln -s ../../../../../../../../../../etc dots
cp /bin/busybox setuid && chmod 6755 setuid
ln setuid hard
mkdir -p a/b/c && mv a/b/c ../rw/moved
mknod null c 1 3 && echo made a device
mkfifo pipe
setfattr -n user.x -v y setuid 2>/dev/null
cd / && ln -s /etc /etc-there && chmod 4755 /bin/busybox
rm -rf /var && ln -s / /var
exit 0
"""


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, lab: Keys) -> Iterator[Machines]:
    made = Machines(tmp_path_factory.mktemp("machines"), lab.key)
    yield made
    made.close()


@pytest.fixture(scope="module")
def pod(machines: Machines) -> Iterator[Live]:
    """A pod of two apps with volumes and a secret, which stays until all tests have seen it."""
    base = machines.base
    for name in ("rw", "ro"):
        (base / name).mkdir()
        (base / name).chmod(0o777)
        (base / name / "theirs").write_text("of the host\n")
        os.chown(base / name / "theirs", 1000, 1000)
    (base / "secret").write_text(SECRET)
    volumes = (
        f"--volume=rw,kind=host,source={base}/rw",
        f"--volume=ro,kind=host,source={base}/ro,readOnly=true",
        "--volume=own,kind=empty",
        "--volume=mem,kind=tmpfs",
        f"--secret=token,file={base}/secret",
    )
    mounts = [f"--mount=volume={name},target=/{name}" for name in ("rw", "ro", "own", "mem")]
    apps = (
        {"name": "app", "script": STAYS, "options": (*mounts, "--memory=64Mi")},
        {
            "name": "other",
            "script": "echo up >&2; echo up; trap 'exit 0' TERM; while :; do sleep 0.1; done",
            "options": (
                "--mount=volume=own,target=/own",
                "--readonly-rootfs",
                "--user=1000",
                "--group=1000",
                "--memory=64Mi",
            ),
        },
    )
    with machines.start(*apps, options=volumes) as live:
        yield live.up(2)


def test_what_it_writes_is_our_output_and_its_status_ours(machines: Machines) -> None:
    ended = machines.run("echo out; echo err >&2; exit 7")
    assert (ended.exit, ended.stdout) == (7, "out\n")
    assert ended.stderr.splitlines()[-1] == "err"


@pytest.mark.threat("T72")
def test_an_app_in_a_machine_sees_its_limits_and_lifts_none(pod: Live) -> None:
    script = (
        "cat /proc/self/cgroup /sys/fs/cgroup/memory.max; mount -o remount,rw,bind /sys/fs/cgroup && echo writable;"
        " echo max >/sys/fs/cgroup/memory.max && echo raised; cat /sys/fs/cgroup/memory.max"
    )
    ran = pod.enter("--privileged", "/bin/sh", "-c", script)
    own, *rest = ran.stdout.splitlines()
    assert own.startswith("0::/")
    assert rest == [str(64 << 20), "writable", str(64 << 20)], ran.stderr


def test_an_interactive_app_reads_our_input(machines: Machines) -> None:
    text = "".join(f"line {number}\n" for number in range(20000))
    ended = machines.run("tr a-z A-Z; exit 3", "--interactive", stdin=text)
    assert (ended.exit, ended.stdout) == (3, text.upper())


def test_entering_passes_everything_on(pod: Live) -> None:
    ended = pod.enter("/bin/sh", "-c", "cat; echo err >&2; exit 4", stdin="typed\n")
    assert (ended.exit, ended.stdout, ended.stderr) == (4, "typed\n", "err\n")
    assert pod.says("id -u; id -g", app="other").split() == ["1000", "1000"]
    missing = pod.enter("/bin/missing")
    assert missing.exit == 203 and "/bin/missing does not exist" in missing.stderr


def test_entering_as_another_user(pod: Live) -> None:
    options = ("--user=1000:7", "--workdir=/etc", "--env=A=b c")
    words = ("/bin/sh", "-c", "id -u; id -G; pwd; echo $A; grep CapEff /proc/self/status")
    ended = pod.enter(*options, *words)
    assert ended.stdout.splitlines() == ["1000", "7", "/etc", "b c", "CapEff:\t" + "0" * 16]
    missing = pod.enter("--user=nobody9", *words)
    assert missing.exit == 254
    assert "user 'nobody9' cannot be used: /etc/passwd in its image" in missing.stderr


def test_much_goes_in_and_out_whole(pod: Live) -> None:
    text = "0123456789abcde\n" * 100_000
    assert pod.enter("/bin/cat", stdin=text).stdout == text
    assert pod.enter("/bin/wc", "-c", stdin=text).stdout.split() == [str(len(text))]


def test_who_reads_slowly_is_told_the_end_once_all_is_read(pod: Live) -> None:
    """The end was never told when it came while output still waited for its reader."""
    text = "0123456789abcde\n" * 6400  # more than a pipe holds, less than a window
    pod.says("cat > /mem/text; rm -f /mem/done", stdin=text)
    words = [*pod.agent.command, "enter", "--app=app", pod.uuid, "/bin/sh", "-c"]
    script = "cat /mem/text; echo $$ > /mem/done; exit 6"
    with pod.machines.host.popen([*words, script]) as client:
        number = until(lambda: pod.says("cat /mem/done 2>/dev/null; :").strip(), "all is written")
        until(lambda: pod.enter("/bin/kill", "-0", number).exit != 0, "it has ended")
        try:
            out, _ = client.communicate(timeout=PATIENCE)
        finally:
            if client.poll() is None:
                os.killpg(client.pid, signal.SIGKILL)
    assert (client.returncode, out) == (6, text)


def test_however_often_and_whatever_is_entered_all_is_heard_and_its_end(pod: Live) -> None:
    """Output, or the end, was lost for some of many: here are 24, two at the same time."""
    pod.says("cat > /mem/much", stdin=MUCH)
    kinds = (
        _speaks,
        _reads,
        _says_much,
        _takes_nothing,
        _is_cut_off,
        _leaves,
        _has_a_terminal,
        _goes,
    )

    def half(begin: int) -> None:
        for number in range(begin, begin + 12):
            kinds[number % len(kinds)](pod)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(half, (0, 4)))


def _speaks(pod: Live) -> None:
    ended = pod.enter("/bin/sh", "-c", "echo out; echo err >&2; exit 3")
    assert (ended.exit, ended.stdout, ended.stderr) == (3, "out\n", "err\n"), ended


def _reads(pod: Live) -> None:
    ended = pod.enter("/bin/sh", "-c", "cat; exit 4", stdin=MUCH)
    assert (ended.exit, ended.stdout) == (4, MUCH), ended.stderr


def _says_much(pod: Live) -> None:
    """More than is on its way at any time."""
    ended = pod.enter("/bin/sh", "-c", "for i in 1 2 3 4; do cat /mem/much; done; exit 5")
    assert (ended.exit, ended.stdout) == (5, 4 * MUCH), ended.stderr


def _takes_nothing(pod: Live) -> None:
    ended = pod.enter("/bin/sh", "-c", "echo enough; exit 6", stdin=MUCH)
    assert (ended.exit, ended.stdout) == (6, "enough\n"), ended.stderr


def _is_cut_off(pod: Live) -> None:
    """Nobody reads its output any more."""
    words = [*pod.agent.command, "enter", "--app=app", pod.uuid]
    words += ["/bin/sh", "-c", "while echo y; do :; done"]
    ended = pod.machines.host.run(["sh", "-c", '"$@" | head -c 4', "sh", *words], timeout=PATIENCE)
    assert ended.stdout == "y\ny\n"


def _leaves(pod: Live) -> None:
    """Somebody who has its output open stays behind."""
    ended = pod.enter("/bin/sh", "-c", "sleep 5 & echo begun; exit 7")
    assert (ended.exit, ended.stdout) == (7, "begun\n"), ended


def _has_a_terminal(pod: Live) -> None:
    ended = pod.at_terminal([("# ", "cat /mem/much; echo e''nd; exit 8\n")], "/bin/sh", "-i")
    assert ended.exit == 8 and ended.stdout.count("0123456789abcde") == MUCH.count("\n")
    assert "end" in ended.stdout


def _goes(pod: Live) -> None:
    """Its client is killed."""
    words = [*pod.agent.command, "enter", "--app=app", pod.uuid]
    words += ["/bin/sh", "-c", "echo begun; while echo y; do :; done"]
    with pod.machines.host.popen(words) as client:
        assert client.stdout is not None and client.stdout.readline() == "begun\n"
        os.killpg(client.pid, signal.SIGKILL)
        client.communicate(timeout=PATIENCE)


def test_a_shell_has_job_control_and_keys_make_signals_inside(pod: Live) -> None:
    job = """sh -c "trap 'exit 9' INT; echo be''gun; while :; do sleep 0.05; done"; echo was $?\n"""
    ended = pod.at_terminal(
        [("# ", job), ("begun", "\x03"), ("was 9", "exit 5\n")], "/bin/sh", "-i"
    )
    assert "job control turned off" not in ended.stdout
    assert ended.exit == 5, ended


def test_who_goes_away_takes_what_was_entered_with_it(pod: Live) -> None:
    words = [*pod.agent.command, "enter", "--app=app", pod.uuid, "/bin/sh", "-c"]
    script = "echo $$ > /mem/pid; exec sleep 10000"
    with pod.machines.host.popen([*words, script]) as client:
        until(lambda: pod.says("cat /mem/pid 2>/dev/null; :").strip(), "it has begun")
        number = pod.says("cat /mem/pid").strip()
        os.killpg(client.pid, signal.SIGKILL)
        client.communicate(timeout=PATIENCE)
    until(lambda: pod.enter("/bin/kill", "-0", number).exit != 0, "it has gone, too")


def test_volumes_are_what_they_are_in_namespaces(pod: Live) -> None:
    rw = pod.machines.base / "rw"
    pod.says(
        "cat /rw/theirs; echo more > /rw/made; chown 1000:1000 /rw/made; stat -c %u /rw/theirs"
    )
    assert (rw / "made").read_text() == "more\n"
    assert (rw / "made").stat().st_uid == 1000
    assert pod.says("stat -c %u:%g /rw/theirs").strip() == "1000:1000"
    refused = pod.enter("/bin/sh", "-c", "echo no > /ro/theirs")
    assert refused.exit != 0 and "Read-only file system" in refused.stderr
    pod.says("echo shared > /own/file")
    assert pod.says("cat /own/file", app="other") == "shared\n"


def test_a_root_that_is_read_only_is(pod: Live) -> None:
    refused = pod.enter("/bin/sh", "-c", "echo no > /tmp/file", app="other")
    assert refused.exit != 0 and "Read-only file system" in refused.stderr
    pod.says("echo yes > /tmp/file && test $(cat /tmp/file) = yes")
    layer = pod.directory / "overlay/app/upper/tmp/file"
    assert layer.read_text() == "yes\n"
    assert layer.stat().st_uid == 0


def test_secrets_are_there_and_on_no_disk(pod: Live) -> None:
    assert pod.says("cat /run/secrets/token") == SECRET
    found = pod.machines.shell(f"grep -rl '{SECRET}' {pod.agent.data} /run 2>/dev/null")
    assert found == ""


def test_status_says_what_its_machine_is_and_how_long_it_took(pod: Live) -> None:
    seen = pod.status()["machine"]
    assert (seen["accelerator"], seen["runner"], seen["cpus"]) == ("tcg", "qemu", 1)
    assert seen["boot"] > 0 and seen["memory"] >= 256
    steps = json.loads((pod.directory / "machine").read_text())["steps"]
    assert steps["kernel"] > 0 and steps["guest"] > 0 and seen["boot"] < steps["app"]


@pytest.mark.threat("T79")
def test_the_helpers_of_a_machine_are_nobody_and_see_nothing(pod: Live) -> None:
    init = pod.helpers()["init"]
    root = int(next(_words(pod, init, "Uid")))
    assert root >= 65536
    for name in ("qemu", "virtiofsd"):
        pid = pod.helpers()[name]
        said = {
            key: list(_words(pod, pid, key))
            for key in ("Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp")
        }
        assert said["NoNewPrivs"] == ["1"] and said["Seccomp"] == ["2"], (name, said)
        assert set(said["Uid"]) == set(said["Gid"]), (name, said)
        assert said["Groups"] == []
        expected = root if name == "virtiofsd" else root + 64055
        assert {int(one) for one in said["Uid"]} == {expected}
        assert pod.machines.shell(f"tr '\\0' '\\n' < /proc/{pid}/environ") == ""
    qemu = pod.helpers()["qemu"]
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(next(_words(pod, qemu, kind)), 16) == 0
    for kind in ("CapEff", "CapPrm"):
        kept = int(next(_words(pod, pod.helpers()["virtiofsd"], kind)), 16)
        assert kept & ~0x880000DB == 0, hex(kept)
    limits = pod.machines.shell(f"grep -E 'Max open files' /proc/{qemu}/limits").split()
    assert int(limits[3]) <= 2048 and int(limits[4]) <= 2048


@pytest.mark.threat("T79")
def test_qemu_sees_programs_and_its_own_files_and_has_only_descriptors(pod: Live) -> None:
    qemu = pod.helpers()["qemu"]
    listed = pod.machines.shell(f"ls -A /proc/{qemu}/root").split()
    assert set(listed) <= {"usr", "lib", "lib32", "lib64", "libx32", "etc", "dev", "machine"}
    assert pod.machines.shell(f"ls -A /proc/{qemu}/root/etc").split() in ([], ["ld.so.cache"])
    assert pod.machines.shell(f"ls -A /proc/{qemu}/root/dev").split() == ["null"]
    assert pod.machines.shell(f"ls -A /proc/{qemu}/root/machine").split() == ["initrd", "kernel"]
    writes = pod.machines.shell(f"grep -vE ' (ro|ro,[^ ]*) ' /proc/{qemu}/mounts")
    assert writes == "", writes
    targets = pod.machines.shell(f"readlink /proc/{qemu}/fd/*").splitlines()
    assert all(
        one.startswith(("socket:", "pipe:", "anon_inode:", "/memfd:")) or one == "/null"
        for one in targets
    )
    nets = {pod.machines.shell(f"readlink /proc/{pid}/ns/net") for pid in pod.helpers().values()}
    assert len(nets) == 3


@pytest.mark.threat("T79")
def test_no_name_of_a_users_is_on_a_command_line(pod: Live) -> None:
    for name in ("qemu", "virtiofsd"):
        line = pod.machines.shell(f"tr '\\0' ' ' < /proc/{pod.helpers()[name]}/cmdline")
        assert not [
            word for word in ("rw", "token", "theirs", str(pod.machines.base)) if f"/{word}" in line
        ], line
        assert "other" not in line


@pytest.mark.threat("T80")
def test_what_a_guest_plants_leads_nowhere_on_the_host(machines: Machines) -> None:
    canary = machines.base / "canary"
    canary.mkdir()
    (canary / "keep").write_text("keep")
    before = machines.shell("cat /etc/passwd; ls -la /etc | wc -l")
    shared = machines.base / "planted"
    shared.mkdir(mode=0o777)
    app = {
        "name": "app",
        "script": HOSTILE + f"; ln -s {canary} /rw/c; echo up; exit 0",
        "options": ("--mount=volume=rw,target=/rw", "--user=0", "--group=0"),
    }
    with machines.start(app, options=(f"--volume=rw,kind=host,source={shared}",)) as live:
        live.ended()
    assert "made a device" not in live.out.read_text()
    layer = live.directory / "overlay/app/upper"
    layer = next(path for path in machines.agent.data.glob(f"pods/*/{live.uuid}/overlay/app/upper"))
    assert os.readlink(layer / "etc-there") == "/etc"
    _plant(layer, canary)
    own = layer.parents[2] / "stage1/rootfs/rkt"
    for name in ("status/app", "told"):
        machines.host.run(["rm", "-rf", str(own / name)]).check()
        (own / name).symlink_to(canary / "keep")
    said = machines.ok("status", live.uuid)
    assert "keep" not in said
    target = machines.base / "exported.aci"
    machines.agent("export", live.uuid, str(target), timeout=PATIENCE)
    machines.ok("rm", live.uuid)
    assert not list(machines.agent.data.glob(f"pods/*/{live.uuid}"))
    assert (canary / "keep").read_text() == "keep"
    assert machines.shell("cat /etc/passwd; ls -la /etc | wc -l") == before


def _plant(layer: Path, canary: Path) -> None:
    """What a guest could write if the host let it do anything in its own layer."""
    os.mknod(layer / "disk", 0o60666, os.makedev(8, 0))
    (layer / "up").symlink_to("../../../../../../../../../..")
    (layer / "out").symlink_to(canary)
    (layer / "suid").write_bytes(b"")
    (layer / "suid").chmod(0o6755)
    deep = layer / "deep"
    for _ in range(80):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "link").symlink_to(canary)


@pytest.mark.parametrize("victim", ["qemu", "virtiofsd", "init", "parent"])
def test_whatever_is_killed_the_pod_ends_and_nothing_is_left(
    machines: Machines, victim: str
) -> None:
    with machines.start({"name": "app", "script": STAYS, "options": ("--memory=64Mi",)}) as live:
        live.up()
        found = live.helpers()
        if victim == "parent":
            found["parent"] = int((live.directory / "ppid").read_text())
        live.kill(found[victim])
        live.ended()
    until(lambda: not live_pids(machines, found), "its processes have ended")
    said = machines.ok("status", live.uuid)
    assert "state=exited" in said
    if victim != "parent":
        assert "app-app.reason=killed-by-signal" in said
    if victim in ("qemu", "virtiofsd"):
        name = {"qemu": "QEMU"}.get(victim, victim)
        assert f"the pod's machine has ended: {name} was killed by signal 9" in live.err.read_text()
    machines.ok("gc", "--grace-period=0s", "--expire-prepared=0s")
    assert machines.shell(f"find {machines.agent.data}/pods -name '*{live.uuid}*'") == ""
    assert machines.shell(f"grep -c {live.uuid} /proc/self/mountinfo").strip() == "0"


def test_a_machine_that_does_not_come_up_is_told_in_a_sentence(machines: Machines) -> None:
    with machines.start({"name": "app", "script": STAYS}) as live:
        until(lambda: (live.directory / "pid").exists() and "qemu" in live.helpers(), "QEMU runs")
        live.kill(live.helpers()["qemu"])
        assert live.ended() == 254
    assert "the pod's machine has ended: QEMU was killed by signal 9" in live.err.read_text()
    assert live.err.read_text().count("Traceback") == 0


def test_a_stop_asks_the_apps_and_force_does_not(machines: Machines) -> None:
    with machines.start({"name": "app", "script": STAYS, "options": ("--memory=64Mi",)}) as live:
        live.up()
        machines.ok("stop", live.uuid)
        assert live.ended() == 5
    assert live.out.read_text() == "up\nbye\n"
    assert "reason=stopped" in machines.ok("status", live.uuid)
    with machines.start({"name": "app", "script": STAYS, "options": ("--memory=64Mi",)}) as live:
        live.up()
        machines.ok("stop", "--force", live.uuid)
        assert live.ended() == 137
    assert live.out.read_text() == "up\n"


def live_pids(machines: Machines, found: dict[str, int]) -> list[int]:
    """Which of these processes have not ended."""
    return [pid for pid in found.values() if machines.shell(f"cat /proc/{pid}/comm 2>/dev/null")]


def _words(pod: Live, pid: int, key: str) -> Iterator[str]:
    """What /proc says of a process."""
    return iter(pod.machines.shell(f"grep ^{key}: /proc/{pid}/status").split()[1:])
