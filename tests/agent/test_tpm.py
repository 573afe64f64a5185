# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts and ends of pods are measured: with swtpm, and judged by tpm2-tools and a replay of the tests' own."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.mutable_bed import Sandbox
from tests.agent.tpm_bed import LOG, Measured, canonical, replayed
from tests.conftest import Keys
from tests.support import aci, kvm_image
from tests.support.agent import AGENT_ERROR, Agent
from tests.support.paths import CHECKOUT
from tests.support.patience import patient, until
from tests.support.swtpm import Swtpm

Build = Callable[..., Path]
PATIENCE = 120.0
EXAMPLE = CHECKOUT / "docs" / "examples" / "stage1-chroot"
NONCE = "5a" * 32
STAYS = "echo up; while :; do sleep 0.05; done"


@pytest.fixture
def host(agent: Agent, lab: Keys) -> Iterator[Measured]:
    """A host that measures, with mode `require`, and trusts example.com."""
    agent.trust(lab.key, "example.com")
    short = Path(tempfile.mkdtemp(prefix="tpm-", dir="/tmp"))  # a socket's path has to be short
    try:
        with Swtpm(short) as tpm:
            yield Measured(agent, tpm)
    finally:
        shutil.rmtree(short)


@pytest.fixture
def image(signed_image: Build) -> Path:
    """An image with a shell."""
    return signed_image(app=aci.app(["/bin/sh"]))


def run(host: Measured, image: Path, script: str = "exit 0", *options: str) -> Any:
    """Run a pod of one app, of that script."""
    words = ("--net=none", *options, str(image), "--exec=/bin/sh", "--", "-c", script)
    return host.agent("run", *words, timeout=PATIENCE)


class Running:
    """A pod that runs until it is killed."""

    def __init__(self, host: Measured, image: Path, *options: str, data: str = "") -> None:
        file = Path(tempfile.mkdtemp(dir=host.agent.data.parent)) / "uuid"
        words = ("run", "--net=none", f"--uuid-file-save={file}", *options, str(image))
        own = f"--dir={host.agent.data}"
        before = [f"--dir={data}" if data and one == own else one for one in host.agent.command]
        command = [*before, *words]
        self.process = host.agent.host.popen([*command, "--exec=/bin/sh", "--", "-c", STAYS])
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "up\n"

        self.path = Path(data or host.agent.data) / "pods/run" / file.read_text().strip()
        self.host = host.agent.host

    def kill(self) -> None:
        """Kill the parent, and with it the pod."""
        self.host.run(["kill", "-9", (self.path / "ppid").read_text().strip()]).check()
        self.process.communicate(timeout=patient(PATIENCE))


# What is measured


def digest_of(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


@pytest.mark.parametrize("flavour", ["namespaces", "fly", "image", "kvm"])
def test_a_start_and_an_end_are_in_the_log_which_adds_up_to_the_pcr(
    host: Measured, image: Path, lab: Keys, tmp_path: Path, flavour: str
) -> None:
    options: tuple[str, ...] = {
        "namespaces": (),
        "fly": ("--stage1-name=fly", "--net=host"),
        "image": (f"--stage1-path={tmp_path / 'stage1.aci'}",),
        "kvm": ("--stage1-name=kvm", "--kvm-accelerator=tcg"),
    }[flavour]
    if flavour == "image":
        host.agent.ok("image", "build", EXAMPLE, tmp_path / "stage1.aci", "--owner=0:0")
        lab.key.sign(tmp_path / "stage1.aci")
    if flavour == "kvm":
        host.agent.trust(lab.key, "podwright.io")
        shutil.copyfile(kvm_image.image(), tmp_path / "stage1.aci")
        lab.key.sign(tmp_path / "stage1.aci")
        host.agent.ok("fetch", tmp_path / "stage1.aci", timeout=PATIENCE)
    if flavour == "fly":
        words = ("run", *options, str(image), "--exec=/bin/sh", "--", "-c", "exit 3")
        assert host.agent(*words, timeout=PATIENCE).exit == 3
    else:
        assert run(host, image, "exit 3", *options).exit == 3
    baseline, start, end = host.events()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert (baseline["boot_id"], baseline["value"]) == (boot, "00" * 32)
    (pod,) = host.agent.data.glob("pods/run/*")
    own = (pod / "appsinfo/tiny/treeStoreID").read_text()
    assert (start["event"], start["uuid"], start["name"]) == ("pod-start", pod.name, "")
    assert (start["flavour"], start["policy"], start["insecure"]) == (flavour, "none", [])
    (app,) = start["apps"]
    root = app.pop("root")
    assert root.startswith("sha256:") and len(root) == 71
    assert app == {
        "name": "tiny",
        "image": own,
        "image_name": "example.com/tiny",
        "verdict": "signed",
        "keys": [lab.key.fingerprint.lower()],
    }
    if flavour != "image":  # whose manifest is written again, since its stage1 reads it
        assert start["manifest"] == digest_of(pod / "pod")
    assert (start["stage1"] is None) == (flavour in ("namespaces", "fly"))
    assert end["uuid"] == pod.name and (end["status"], end["reason"]) == (3, "failed")


def test_the_start_is_measured_before_an_app_executes(host: Measured, image: Path) -> None:
    volume = "--volume=log,kind=host,source=/run/podwright/tpm,readOnly=true"
    host.shell("mkdir -p /run/podwright/tpm/open && chmod 755 /run/podwright/tpm")
    words = (
        "run",
        "--net=none",
        "--private-users=false",
        volume,
        image,
        "--mount=volume=log,target=/mnt",
    )
    seen = host.agent.ok(*words, "--exec=/bin/cat", "--", "/mnt/log").splitlines()
    assert [json.loads(one)["content"]["event"] for one in seen] == ["baseline", "pod-start"]


def test_the_digest_of_a_root_is_never_empty_and_changes_with_its_content(
    host: Measured, signed_image: Build
) -> None:
    """In rkt it was that of nothing, whatever had been rendered."""
    roots = []
    for content in ("one", "two", "two"):
        path = signed_image(files={"etc/own": content}, app=aci.app(["/bin/true"]))
        assert host.agent("run", "--net=none", path).exit == 0
        (app,) = host.events()[-2]["apps"]
        roots.append(app["root"])
    assert roots[0] != roots[1] == roots[2]
    assert f"sha256:{hashlib.sha256().hexdigest()}" not in roots


def test_policy_and_what_was_lifted_are_measured(host: Measured, image: Path) -> None:
    policy = host.agent.local / "policy.json"
    policy.write_text(json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
    assert run(host, image, "exit 0", "--insecure-options=seccomp").exit == 0
    start = host.events()[1]
    assert (start["policy"], start["insecure"]) == (digest_of(policy), ["seccomp"])


def test_the_agent_is_measured_by_the_digest_of_its_files(host: Measured, image: Path) -> None:
    from plugins.module_utils import agent_tree

    assert run(host, image).exit == 0
    known = f"sha256:{agent_tree.digest(agent_tree.read(str(CHECKOUT / 'agent')))}"
    assert run(host, image).exit == 0  # by what was remembered
    codes = {one["agent"]["code"] for one in host.events() if one["event"] == "pod-start"}
    assert known in codes


def test_apps_that_come_and_go_are_measured(host: Measured, image: Path) -> None:
    with Sandbox(host.agent) as box:
        box.start(image, "one", "--exec=/bin/true")
        box.ok("rm", "--app=one")
        box.end()
        uuid = box.uuid
    assert host.kinds() == ["pod-start", "app-add", "app-rm", "pod-end"]
    start, added, gone, _ = host.events()[1:]
    assert {one["uuid"] for one in (start, added, gone)} == {uuid} and start["apps"] == []
    assert (added["app"]["name"], gone["app"]) == ("one", "one")
    assert start["manifest"] != added["manifest"]


def test_another_life_of_a_pod_is_another_start(host: Measured, image: Path) -> None:
    uuid = host.agent.ok("prepare", image, "--exec=/bin/true").strip()
    for _ in range(2):
        assert host.agent("run-prepared", "--net=none", uuid).exit == 0
    assert host.kinds() == ["pod-start", "pod-end"] * 2


def test_ten_pods_at_once_are_measured_one_after_another(host: Measured, image: Path) -> None:
    host.agent.ok("fetch", image)
    command = [*host.agent.command, "run", "--net=none", str(image), "--exec=/bin/true"]
    pods = [host.agent.host.popen(command) for _ in range(10)]
    ended = [(pod.communicate(timeout=patient(PATIENCE)), pod.returncode) for pod in pods]
    assert [status for _, status in ended] == [0] * 10, ended
    events = host.events()[1:]
    for uuid in {one["uuid"] for one in events}:
        assert [one["event"] for one in events if one["uuid"] == uuid] == ["pod-start", "pod-end"]
    assert len(events) == 20


def test_another_bank_and_every_binding_give_what_the_log_says(host: Measured, image: Path) -> None:
    for binding in ("esys", "pytss", "tools"):
        host.set(bank="sha384", binding=binding)
        assert run(host, image).exit == 0
        assert replayed(host.log(), "sha384") == host.pcr("sha384")
    assert host.pcr() == "00" * 32


# Modes


def test_off_measures_nothing_and_loads_nothing(host: Measured, image: Path) -> None:
    shutil.rmtree(host.settings)
    python, *rest = host.agent.command
    words = ["run", "--net=none", str(image), "--exec=/bin/true"]
    done = host.agent.host.run([python, "-X", "importtime", *rest, *words])
    assert done.exit == 0 and "podwright.stage0.start" in done.stderr
    assert "podwright.tpm" not in done.stderr
    assert host.pcr() == "00" * 32 and host.shell("ls /run/podwright").find("tpm") < 0


def test_log_starts_a_pod_without_a_tpm_and_says_so(host: Measured, image: Path) -> None:
    host.set("log")
    host.tpm.stop()
    host.agent("metrics")
    done = run(host, image, "echo ran")
    assert (done.exit, done.stdout) == (0, "ran\n")
    assert "the pod's start is not measured: " in done.stderr
    (pod,) = host.agent.data.glob("pods/run/*")
    status = json.loads(host.agent.ok("status", "--format=json", pod.name))
    assert any("is not measured" in text for text in status["reports"])
    assert "podwright_tpm_failed_total 1" in host.agent.ok("metrics").splitlines()
    row = json.loads(host.agent.ok("tpm", "status", "--format=json"))
    assert row["present"] is False and row["error"]


def test_require_starts_no_pod_without_a_tpm(host: Measured, image: Path) -> None:
    host.tpm.stop()
    done = run(host, image, "echo ran")
    assert (done.exit, done.stdout) == (AGENT_ERROR, "")
    assert len(done.stderr.splitlines()) == 1
    assert "was not started, since that cannot be measured" in done.stderr
    host.tpm.start()
    assert run(host, image, "echo ran").stdout == "ran\n"
    assert host.kinds() == ["pod-start", "pod-end"]


def test_a_tpm_that_hangs_is_not_waited_for_long(host: Measured, image: Path) -> None:
    host.set(timeout=2)
    host.tpm.signal(signal.SIGSTOP)
    try:
        done = run(host, image, "echo ran")
    finally:
        host.tpm.signal(signal.SIGCONT)
    assert (done.exit, done.stdout) == (AGENT_ERROR, "")
    assert "has not answered within 2 seconds" in done.stderr
    host.set()
    assert run(host, image, "echo ran").stdout == "ran\n"


def test_an_end_that_could_not_be_measured_is_made_up_for(host: Measured, image: Path) -> None:
    host.set(timeout=4)
    pod = Running(host, image)
    host.set()
    host.tpm.signal(signal.SIGSTOP)
    try:
        host.agent("stop", "--force", pod.path.name, timeout=PATIENCE)
        _, err = pod.process.communicate(timeout=patient(PATIENCE))
    finally:
        host.tpm.signal(signal.SIGCONT)
    assert "a pod's end is not measured yet, the next measurement makes up for it" in err
    assert run(host, image).exit == 0
    events = host.events()
    assert host.kinds() == ["pod-start", "pod-end", "pod-start", "pod-end"]
    assert events[2]["uuid"] == pod.path.name and events[2]["reason"] != "unknown"


def test_the_end_of_a_pod_whose_parent_is_killed_is_measured_as_unknown(
    host: Measured, image: Path
) -> None:
    pod = Running(host, image)
    assert host.kinds() == ["pod-start"]
    pod.kill()
    until(lambda: host.agent("gc", "--grace-period=0s") and "pod-end" in host.kinds(), "the end")
    end = host.events()[-1]
    assert (end["status"], end["reason"]) == (None, "unknown")
    assert host.shell("ls /run/podwright/tpm/open") == ""


# What does not fit


def test_a_kill_at_any_step_is_completed_by_the_next_measurement(
    host: Measured, tmp_path: Path
) -> None:
    assert host.append(0) == 0
    counted = tmp_path / "steps"
    assert host.append(1, fault=f"count@{counted}") == 0
    steps = [line.split()[0] for line in counted.read_text().splitlines()]
    assert steps.count("tpm-extend") == 1 and "fsync" in steps
    behind = 0
    for number in range(1, len(steps) + 1):
        assert host.append(10 + number, fault=f"kill@{number}") == -9, steps[number - 1]
        lines = host.shell(f"cat {LOG}").splitlines(keepends=True)
        whole = [json.loads(one) for one in lines if one.endswith("\n")]
        if replayed(whole) != host.pcr():
            assert replayed(whole[:-1]) == host.pcr()
            behind += 1
    assert behind  # control: at some step the PCR was one record behind
    assert host.append(0) == 0
    assert replayed(host.log()) == host.pcr()
    assert host.agent("tpm", "verify").exit == 0


def test_a_record_that_cannot_be_written_is_in_neither(host: Measured, tmp_path: Path) -> None:
    assert host.append(0) == 0
    counted = tmp_path / "steps"
    assert host.append(1, fault=f"count@{counted}") == 0
    for number in range(1, len(counted.read_text().splitlines()) + 1):
        host.append(10 + number, fault=f"ENOSPC@{number}")
    assert host.append(0) == 0
    assert replayed(host.log()) == host.pcr()


CHANGES = {
    "a record is changed": "sed -i '2s/pod-start/pod-stark/' LOG",
    "a digest is changed": 'sed -i \'2s/"digest":"./"digest":"f/;2s/"digest":"f./"digest":"ff/\' LOG',
    "the last records are gone": "sed -i '2,$d' LOG",
    "two are exchanged": "sed -i '2{h;d};3{G}' LOG",
    "it is gone": "rm LOG",
    "it is no log": "echo '{}' > LOG",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_log_that_was_changed_is_seen(host: Measured, image: Path, change: str) -> None:
    assert run(host, image).exit == 0
    assert host.agent("tpm", "verify").exit == 0  # control
    host.shell(CHANGES[change].replace("LOG", LOG))
    assert host.agent("tpm", "verify").exit == 1
    done = run(host, image, "echo ran")
    assert (done.exit, done.stdout) == (AGENT_ERROR, ""), done
    assert "restart the host" in done.stderr
    host.set("log")
    done = run(host, image, "echo ran")
    assert (done.exit, done.stdout) == (0, "ran\n")
    assert "whoever verifies this host will not accept it" in done.stderr
    assert host.agent("tpm", "verify").exit == 1


def test_a_pcr_that_somebody_else_extends_is_told(host: Measured, image: Path) -> None:
    assert run(host, image).exit == 0
    host.tpm.tool("pcrextend", f"13:sha256={'ab' * 32}")
    verdict = json.loads(host.agent("tpm", "verify", "--format=json").stdout)
    assert not verdict["verified"] and "is not what" in verdict["problems"][0]
    done = run(host, image, "echo ran")
    assert (done.exit, done.stdout) == (AGENT_ERROR, "")
    assert "PCR 13 is not what podwright's event log adds up to" in done.stderr
    host.set("log")
    assert run(host, image, "echo ran").stdout == "ran\n"
    kinds = [one["content"]["event"] for one in host.log()][3:]
    assert kinds == ["mismatch", "pod-start", "pod-end"]
    host.set("require")
    assert run(host, image).exit == AGENT_ERROR  # for the rest of this boot


def test_a_reboot_begins_a_new_log(host: Measured, image: Path, tmp_path: Path) -> None:
    assert run(host, image).exit == 0
    host.tpm.boot()
    other = tmp_path / "boot_id"
    other.write_text("0f0f0f0f-0000-4000-8000-00000000000f\n")
    host.shell(f"mount --bind {other} /proc/sys/kernel/random/boot_id")
    assert run(host, image).exit == 0
    assert host.kinds() == ["pod-start", "pod-end"]
    assert host.events()[0]["boot_id"] == other.read_text().strip()


# Settings


WRONG: dict[str, dict[str, Any]] = {
    "PCR 16 is for debugging": {"pcr": 16},
    "mode": {"mode": "requried"},
    "unknown": {"pcrs": [13]},
}


@pytest.mark.parametrize("why", WRONG)
def test_settings_that_cannot_be_are_refused_and_no_pod_starts(
    host: Measured, image: Path, why: str
) -> None:
    host.set(**WRONG[why])
    done = run(host, image, "echo ran")
    assert (done.exit, done.stdout) == (AGENT_ERROR, "")
    assert why in done.stderr and "tpm.json" in done.stderr
    row = json.loads(host.agent("check-host", "--format=json").stdout)
    (tpm,) = [one for one in row if one["name"] == "tpm"]
    assert "no pod starts" in tpm["detail"] and tpm["status"] == "missing"
    assert not list(host.agent.data.glob("pods/*/*"))


def test_settings_that_others_could_write_are_refused(host: Measured, image: Path) -> None:
    (host.settings / "tpm.json").chmod(0o666)
    assert "may be written by others" in run(host, image).stderr
    (host.settings / "tpm.json").chmod(0o644)
    assert run(host, image).exit == 0


def test_a_pcr_of_somebody_else_is_warned_of(host: Measured) -> None:
    host.set(pcr=10)
    assert "PCR 10 belongs to the kernel (IMA)" in host.agent("tpm", "status").stderr
    host.set()
    assert host.agent("tpm", "status").stderr == ""


def test_check_host_tells_how_measuring_goes(host: Measured, image: Path) -> None:
    def row() -> dict[str, str]:
        rows = json.loads(host.agent("check-host", "--format=json").stdout)
        found: dict[str, str] = next(one for one in rows if one["name"] == "tpm")
        return found

    assert run(host, image).exit == 0
    assert row()["detail"] == "mode require, PCR 13, 3 events measured"
    host.tpm.tool("pcrextend", f"13:sha256={'ab' * 32}")
    assert row()["status"] == "missing" and "is not what" in row()["detail"]
    needed = host.agent("check-host", "--require=tpm")
    assert needed.exit == 1 and "required, but missing: tpm" in needed.stderr
    host.set("log")
    assert row()["status"] == "limited"
    assert host.agent("check-host", "--require=tpm").exit == 0


# Quotes


def quoted(host: Measured) -> dict[str, Any]:
    """The answer to a nonce."""
    found: dict[str, Any] = json.loads(host.agent.ok("tpm", "quote", f"--nonce={NONCE}"))
    return found


@pytest.mark.parametrize(("binding", "key"), [("pytss", "rsa"), ("tools", "ecc")])
def test_a_quote_is_good_for_who_checks_it(
    host: Measured, image: Path, tmp_path: Path, binding: str, key: str
) -> None:
    host.set(binding=binding, key=key)
    assert run(host, image).exit == 0
    pod = Running(host, image)
    answer = quoted(host)
    pod.kill()
    files = {"quote": "m", "signature": "s"}
    for name in files:
        (tmp_path / name).write_bytes(base64.b64decode(answer[name]))
    (tmp_path / "ak.pem").write_text(answer["ak"]["pem"])
    words = ["-u", "ak.pem", "-m", "quote", "-s", "signature", "-g", "sha256", "-q"]
    host.tpm.tool("checkquote", *words, NONCE, cwd=tmp_path)
    command = ["tpm2_checkquote", *words, NONCE[:-2] + "00"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode
    attest = (tmp_path / "quote").read_bytes()
    assert attest.endswith(hashlib.sha256(bytes.fromhex(answer["value"])).digest())
    assert replayed(answer["log"]) == answer["value"] == host.pcr()
    assert bytes.fromhex("0001000b03002000") in attest  # one bank, PCR 13 and no other
    running = [answer["log"][-1]["content"]["uuid"]]
    assert [one["uuid"] for one in answer["pods"]] == running and answer["problems"] == []
    (app,) = answer["log"][-1]["content"]["apps"]
    assert answer["pods"][0]["apps"] == [{"name": app["name"], "image": app["image"]}]


def test_the_keys_are_the_same_by_either_binding_and_after_a_boot(host: Measured) -> None:
    names = set()
    for binding in ("pytss", "tools"):
        host.set(binding=binding)
        shutil.rmtree(host.agent.data / "tpm", ignore_errors=True)
        found = json.loads(host.agent.ok("tpm", "key", "--format=json"))
        names.add((found["ak"]["name"], found["ek"]["name"], found["ek"]["public"]))
        host.tpm.boot()
    assert len(names) == 1


@pytest.mark.parametrize("binding", ["pytss", "tools"])
def test_a_credential_is_activated_only_for_our_key(
    host: Measured, tmp_path: Path, binding: str
) -> None:
    host.set(binding=binding)
    keys = json.loads(host.agent.ok("tpm", "key", "--format=json"))
    (tmp_path / "ek.pub").write_bytes(base64.b64decode(keys["ek"]["public"]))
    (tmp_path / "secret").write_bytes(b"a secret of ours")

    def made(name: str) -> list[str]:
        words = ("-T", "none", "-u", "ek.pub", "-n", name, "-s", "secret", "-o", "credential")
        host.tpm.tool("makecredential", *words, cwd=tmp_path)
        data = (tmp_path / "credential").read_bytes()[8:]
        size = 2 + int.from_bytes(data[:2], "big")
        parts = (data[:size], data[size:])
        blob, secret = (base64.b64encode(part).decode() for part in parts)
        return [f"--credential={blob}", f"--secret={secret}"]

    answer = json.loads(host.agent.ok("tpm", "activate", *made(keys["ak"]["name"])))
    assert base64.b64decode(answer["credential"]) == b"a secret of ours"
    other = keys["ak"]["name"][:-2] + ("00" if not keys["ak"]["name"].endswith("00") else "11")
    assert host.agent("tpm", "activate", *made(other)).exit == AGENT_ERROR


@pytest.mark.parametrize("nonce", ["", "zz" * 16, "00" * 15, "00" * 65, "0" * 33])
def test_a_nonce_that_is_none_is_refused(host: Measured, nonce: str) -> None:
    assert "--nonce" in host.agent.refused("tpm", "quote", f"--nonce={nonce}")


def test_nothing_is_quoted_where_nothing_is_measured(host: Measured) -> None:
    host.set("off")
    assert "nothing is measured on this host" in host.agent.refused(
        "tpm", "quote", f"--nonce={NONCE}"
    )


def test_a_pod_that_was_started_without_being_measured_is_in_the_answer(
    host: Measured, image: Path
) -> None:
    host.set("off")
    pod = Running(host, image)
    host.set("log")
    os.utime(pod.path / "started-at", (0, 0))
    answer = quoted(host)
    pod.kill()
    assert [one["uuid"] for one in answer["pods"]] == [pod.path.name]
    assert [one["content"]["event"] for one in answer["log"]] == ["baseline"]


def test_the_log_is_canonical_and_a_table_for_people(host: Measured, image: Path) -> None:
    assert run(host, image).exit == 0
    lines = host.shell(f"cat {LOG}").splitlines()
    assert [canonical(json.loads(one)).decode() for one in lines] == lines
    assert host.shell(f"stat -c %a {LOG}") == "600\n"
    table = host.agent.ok("tpm", "log", "--no-legend").splitlines()
    assert len(table) == 3 and "namespaces: example.com/tiny" in table[1]


# What users saw


def test_a_host_could_not_be_attested_after_a_few_thousand_starts(host: Measured) -> None:
    """What the agent's own child said was cut at 4 MiB."""
    assert host.append(1, large=2) == host.append(2, large=2) == host.append(3, large=2) == 0
    assert int(host.shell(f"stat -c %s {LOG}")) > 5 << 20
    answer = quoted(host)
    assert replayed(answer["log"]) == answer["value"] == host.pcr()
    assert answer["problems"] == []


def test_the_key_was_locked_up_after_a_few_losses_of_power(host: Measured) -> None:
    for _ in range(5):
        assert quoted(host)["problems"] == []
        host.tpm.stop()
        host.shell("rm -rf /run/podwright/tpm")  # its PCRs are as after a boot
        host.tpm.start()


def test_what_ran_unmeasured_in_mode_log_is_told_until_the_log_has_it(
    host: Measured, image: Path
) -> None:
    host.set("log")
    host.tpm.stop()
    assert run(host, image, "echo ran").stdout == "ran\n"
    host.tpm.start()
    problems = json.loads(host.agent("tpm", "verify", "--format=json").stdout)["problems"]
    assert len(problems) == 1 and "could not be measured" in problems[0]
    assert quoted(host)["problems"] == []
    (pod,) = host.agent.data.glob("pods/run/*")
    _, missed = host.events()
    assert (missed["event"], missed["uuid"], missed["app"]) == ("missed", pod.name, "")
    assert run(host, image).exit == 0
    assert host.kinds() == ["missed", "pod-start", "pod-end"]


def test_an_app_was_added_unmeasured_to_a_pod_that_was_not_measured(
    host: Measured, image: Path
) -> None:
    host.set("off")
    with Sandbox(host.agent) as box:
        host.set("require")
        done = box.app("add", image, "--name=late", "--exec=/bin/true")
        assert done.exit == AGENT_ERROR and "app late was not added" in done.stderr
        assert "start the pod again" in done.stderr
        host.set("log")
        box.start(image, "late", "--exec=/bin/true")
        box.end()
        uuid = box.uuid
    assert quoted(host)["problems"] == []
    missed = host.events()[-1]
    assert (missed["event"], missed["uuid"], missed["app"]) == ("missed", uuid, "late")


def test_a_pod_of_another_data_directory_was_not_in_a_quote(
    host: Measured, image: Path, tmp_path: Path
) -> None:
    pod = Running(host, image, data=str(tmp_path / "other"))
    assert pod.path.is_dir() and not list(host.agent.data.glob("pods/run/*"))
    answer = quoted(host)
    pod.kill()
    assert [one["uuid"] for one in answer["pods"]] == [pod.path.name]
    assert [one["content"]["event"] for one in answer["log"]] == ["baseline", "pod-start"]


def test_the_log_named_keys_that_nobody_had_asked_for_at_this_start(
    host: Measured, image: Path
) -> None:
    assert run(host, image).exit == 0  # signed, and by a key that is trusted
    assert run(host, image, "exit 0", "--insecure-options=image").exit == 0
    policy = host.agent.local / "policy.json"
    policy.write_text(json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
    assert run(host, image).exit == 0
    apps = [one["apps"][0] for one in host.events() if one["event"] == "pod-start"]
    found = [(one["verdict"], len(one["keys"])) for one in apps]
    assert found == [("signed", 1), ("insecure", 0), ("accepted", 0)]


def test_an_app_that_was_added_while_nothing_was_measured_was_in_no_quote(
    host: Measured, image: Path
) -> None:
    with Sandbox(host.agent) as box:
        host.set("off")
        box.start(image, "late", "--exec=/bin/true")
        host.set("require")
        answer = quoted(host)
        box.end()
    assert [one["content"]["event"] for one in answer["log"]] == ["baseline", "pod-start"]
    (pod,) = answer["pods"]
    assert [one["name"] for one in pod["apps"]] == ["late"] and pod["uuid"] == box.uuid


def test_how_a_pod_is_isolated_was_not_in_the_log(host: Measured, image: Path) -> None:
    assert run(host, image).exit == 0
    words = ("--net=host", str(image), "--exec=/bin/true")
    assert host.agent("run", *words, timeout=PATIENCE).exit == 0
    starts = [one for one in host.events() if one["event"] == "pod-start"]
    found = [(one["net"], one["private_users"]) for one in starts]
    assert found == [("none", True), ("host", False)]


# What a newcomer saw


def test_a_directory_that_others_can_write_to_was_believed(host: Measured, image: Path) -> None:
    host.shell("mkdir -p /run/podwright && chmod 1777 /run/podwright")
    words = ("--net=host", str(image), "--exec=/bin/sh", "--", "-c", "echo ran")
    done = host.agent("run", *words, timeout=PATIENCE)
    assert (done.exit, done.stdout) == (AGENT_ERROR, "")
    assert "/run/podwright: is not a directory that only its owner" in done.stderr
    host.shell("chmod 755 /run/podwright")
    assert run(host, image, "echo ran").stdout == "ran\n"
    assert host.kinds() == ["pod-start", "pod-end"]


def test_hints_about_a_tpm_that_is_not_there_went_in_a_circle(host: Measured) -> None:
    host.set(tcti="device:/dev/tpmrm99")
    rows = json.loads(host.agent("check-host", "--format=json").stdout)
    (row,) = [one for one in rows if one["name"] == "tpm"]
    assert "/dev/tpmrm99 does not exist" in row["detail"]
    assert "firmware" in row["hint"] and "podwright" not in row["hint"]
    status = host.agent.ok("tpm", "status")
    assert "last error     there is no TPM: /dev/tpmrm99 does not exist; enable the TPM" in status
    host.set("off", tcti="device:/dev/tpmrm99")
    assert host.agent.ok("tpm", "status").splitlines() == [
        "mode           off, nothing is measured",
        "TPM            none",
    ]


def test_status_told_of_no_events_while_the_log_had_some(host: Measured, image: Path) -> None:
    pod = Running(host, image)
    host.tpm.signal(signal.SIGSTOP)
    host.set(timeout=1)
    try:
        gone = host.agent.ok("tpm", "status")
    finally:
        host.tpm.signal(signal.SIGCONT)
    assert "measured       2 events since the boot\n" in gone
    assert "not ended yet  1 pod\n" in gone and "has not answered" in gone
    host.set(pcr=14)
    changed = host.agent.ok("tpm", "status")
    assert "measured       2 events" in changed
    host.set()
    assert "last error" not in host.agent.ok("tpm", "status")
    pod.kill()


def test_a_changed_log_was_said_to_have_no_records(host: Measured, image: Path) -> None:
    assert run(host, image).exit == 0
    host.shell(f"sed -i '2s/tiny/tinY/' {LOG} && rm /run/podwright/tpm/state")
    done = host.agent("tpm", "verify")
    assert done.exit == 1
    first, *problems = done.stdout.splitlines()
    assert first == "PCR 13 cannot be compared with the event log, which adds up to nothing"
    assert len(problems) == 1 and "record 1" in problems[0]
    assert len(quoted(host)["problems"]) == 1


def test_failures_before_the_first_success_were_in_no_metric(host: Measured, image: Path) -> None:
    host.agent.ok("metrics")
    lines = host.agent.ok("metrics").splitlines()
    for name in ("measured", "failed", "mismatches"):
        assert f"podwright_tpm_{name}_total 0" in lines


def test_a_credential_that_is_missing_was_called_no_structure(host: Measured) -> None:
    done = host.agent("tpm", "activate")
    assert done.exit == AGENT_ERROR and "--credential is missing" in done.stderr
