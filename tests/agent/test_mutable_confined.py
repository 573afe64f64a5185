# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An app that is added to a pod that runs is confined, field by field, as one that `run` starts (T61)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.mutable_bed import Sandbox
from tests.agent.test_enter_confined import PROBE, STATUS, facts
from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

Build = Callable[..., Path]
FILES = """
ls -ln /dev /run /run/secrets /data /mem 2>&1 | sed -E 's/ [A-Z][a-z]+ +[0-9]+ +[0-9:]+ / /; s/^/file: /'
stat -c 'stat: %n %a %u %g %t %T' / /etc /tmp /dev /dev/null /dev/pts /proc /sys /data /mem 2>&1
for f in /etc/hostname /etc/hosts /etc/resolv.conf; do sed "s|^|text-$f: |" $f; done
sed -E 's/^.* ([^ ]+) - ([^ ]+) .*$/x/; s/^/count: /' /proc/self/mountinfo | wc -l
sed -E 's/^[0-9]+ [0-9]+ [0-9:]+ [^ ]+ ([^ ]+) ([^ ]+) .*- ([^ ]+) .*$/kind: \\1 \\2 \\3/' /proc/self/mountinfo
ls /proc/sys /sys/class/net | sed 's/^/shown: /'
for p in /proc/kcore /proc/sys/kernel/core_pattern /sys/firmware; do
  (echo x > $p) 2>&1 | sed "s|^|write-$p: |"; done
"""
RECORD = f"""( {PROBE} {FILES} ) > /tmp/facts.new 2>&1; mv /tmp/facts.new /tmp/facts
trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"""
VARIANTS: dict[str, tuple[list[str], list[str]]] = {
    "default": ([], []),
    "the host's users, read-only mounts": (
        ["--private-users=false"],
        ["--user=1000", "--group=100"],
    ),
    "restricted": (
        ["--hostname=same", "--dns=192.0.2.1", "--hosts-entry=192.0.2.7=other"],
        [
            *("--caps-retain=CAP_CHOWN,CAP_NET_ADMIN", "--memory=64Mi", "--pids=50"),
            *("--oom-score-adj=321", "--rlimit=nofile=100:200", "--supplementary-gids=7,9"),
            *("--seccomp=mode=remove,errno=EPERM,mkdir", "--environment=A=b c"),
        ],
    ),
    "lifted": (["--no-overlay"], ["--no-new-privileges=false", "--working-dir=/var/tmp"]),
}


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Agent:
    """An agent that trusts the lab's key for example.com."""
    agent.trust(lab.key, "example.com")
    return agent


def settled(text: str, uuid: str) -> dict[str, str]:
    """Facts without what belongs to one pod: its UUID, the numbers of its namespaces and users."""
    found = facts(text.replace(uuid, "UUID"))
    out = {key: re.sub(r"\[\d+\]", "[N]", value) for key, value in found.items()}
    for key in ("uid_map", "gid_map"):
        out[key] = re.sub(r"^0 \d{6,} ", "0 FIRST ", out[key])
    return out


def of_run(agent: Agent, image: Path, pod: list[str], app: list[str], tmp_path: Path) -> str:
    """The facts of an app of `run`, by its UUID."""
    saved = tmp_path / "uuid"
    command = [*agent.command, "run", "--net=none", f"--uuid-file-save={saved}", *pod]
    process = agent.host.popen([*command, str(image), "--name=app", *app])
    try:
        deadline = time.monotonic() + 60
        while True:
            uuid = saved.read_text().strip() if saved.exists() else ""
            if (
                uuid
                and (
                    agent.data / "pods/run" / uuid / "stage1/rootfs/rkt/supervisor-status"
                ).is_symlink()
            ):
                break
            assert process.poll() is None and time.monotonic() < deadline, process.communicate()
            time.sleep(0.05)
        return settled_facts(agent, uuid)
    finally:
        agent("stop", "--force", uuid)
        process.communicate(timeout=60)


def settled_facts(agent: Agent, uuid: str) -> str:
    """What the app has recorded, when it has; with the UUID before it."""
    script = "until [ -e /tmp/facts ]; do sleep 0.05; done; cat /tmp/facts"
    return f"{uuid}\n" + agent.ok("enter", "--app=app", uuid, "/bin/sh", "-c", script)


@pytest.mark.threat("T61")
@pytest.mark.parametrize("name", VARIANTS)
def test_every_fact_of_an_added_app_is_that_of_a_started_one(
    trusting: Agent, signed_image: Build, tmp_path: Path, name: str
) -> None:
    pod, app = VARIANTS[name]
    image = signed_image(app=aci.app(["/bin/sh", "-c", RECORD]))
    (tmp_path / "data").mkdir()
    (tmp_path / "secret").write_text("hush")
    pod = [*pod, "--hostname=same", f"--secret=key,file={tmp_path}/secret"]
    pod = [word for index, word in enumerate(pod) if word not in pod[:index]]
    source = f"kind=host,source={tmp_path}/data,readOnly=true"
    volumes = [f"--volume=data,{source}", "--volume=mem,kind=tmpfs,size=1Mi"]
    mounts = ["--mount=volume=data,target=/data", "--mount=volume=mem,target=/mem"]
    given = [f"--mnt-volume=name=data,{source},target=/data"]
    given.append("--mnt-volume=name=mem,kind=tmpfs,size=1Mi,target=/mem")
    uuid, _, text = of_run(trusting, image, [*pod, *volumes], [*app, *mounts], tmp_path).partition(
        "\n"
    )
    started = settled(text, uuid)
    with Sandbox(trusting, "--net=none", *pod) as box:
        box.start(image, "app", *app, *given)
        uuid, _, text = settled_facts(trusting, box.uuid).partition("\n")
        added = settled(text, uuid)
    assert {*STATUS, "uid_map", "root", "env-PATH", "kind", "stat"} <= started.keys(), started
    different = {
        key: (started.get(key), added.get(key))
        for key in started.keys() | added.keys()
        if started.get(key) != added.get(key)
    }
    assert different == {}
