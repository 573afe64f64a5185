# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make bench`: measure, print the table, write docs/benchmarks.md. `python -m tests.bench plays`: one row of it."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench import breakdown
from tests.bench.crowd import Crowd
from tests.bench.images import Images
from tests.bench.measure import Figures
from tests.bench.plays import Plays
from tests.bench.table import Fact, Row, put, render, spread
from tests.support import aci, registry, tiny_image
from tests.support.agent import Agent
from tests.support.gpglab import GpgLab
from tests.support.paths import CHECKOUT
from tests.support.private_host import PrivateHost
from tests.support.rush import rush

RUNS = 21
TARGET = CHECKOUT / "docs/benchmarks.md"


class Bench:
    """A private host with the agent and podman on it, each with the same busybox image."""

    def __init__(self, host: PrivateHost, scratch: Path, lab: GpgLab) -> None:
        self.host = host
        self.agent = Agent(host, scratch / "agent")
        storage = scratch / "podman"
        self.podman = [
            "podman",
            f"--root={storage}/root",
            f"--runroot={storage}/run",
            "--cgroup-manager=cgroupfs",
            "--events-backend=file",
        ]
        key = lab.generate("Bench <bench@example.com>")
        self.agent.trust(key, "example.com")
        self.image = scratch / "tiny.aci"
        self.image.write_bytes(tiny_image.build(app=aci.app(["/bin/true"])).read_bytes())
        key.sign(self.image)
        self.agent.ok("fetch", str(self.image))
        rootfs = scratch / "rootfs"
        rootfs.mkdir()
        tiny_image.make_rootfs(rootfs, {})
        pack = f"tar -C {rootfs} -c . | {' '.join(self.podman)} import - localhost/tiny"
        host.run(["/bin/sh", "-c", pack], timeout=120).check()

    def compare(self, *commands: Sequence[str], runs: int = RUNS) -> list[Figures]:
        """Time commands in turn on the host."""
        task = json.dumps({"commands": commands, "runs": runs})
        script = [sys.executable, "-m", "tests.bench.measure"]
        out = self.host.run(script, stdin=task, timeout=900, directory=CHECKOUT).check().stdout
        return [Figures(tuple(item["wall"]), item["peak"]) for item in json.loads(out)]

    def podman_run(self, *options: str) -> list[str]:
        """A podman command line that runs /bin/true."""
        limits = ["--ulimit=nofile=1024:4096", "--ulimit=nproc=1000:1000"]
        return [*self.podman, "run", "--rm", *limits, *options, "localhost/tiny", "/bin/true"]

    def agent_run(self, *options: str) -> list[str]:
        """The same with the agent."""
        return [*self.agent.command, "run", *options, "example.com/tiny:1.0"]


def measure(bench: Bench) -> list[Row]:
    """All rows of the table, in the order of the budgets."""
    bare = ["/usr/bin/python3", "-I", "-S", "-c", "pass"]
    say("version")
    version, interpreter = bench.compare([*bench.agent.command, "version"], bare)
    rows = [
        Row("`podwright version`", "≤ 25 ms", version, interpreter, "bare interpreter", None, 25)
    ]
    say("run /bin/true, no network")
    ours, theirs = bench.compare(bench.agent_run("--net=none"), bench.podman_run("--network=none"))
    rows.append(Row("run /bin/true, `--net=none`", "≤ 0.3 x", ours, theirs, "podman run", 0.3))
    say("run /bin/true, default network")
    ours, theirs = bench.compare(bench.agent_run(), bench.podman_run())
    rows.append(Row("run /bin/true, default network", "≤ 0.4 x", ours, theirs, "podman run", 0.4))
    return rows


def no_op(bench: Bench, desired: Path) -> Row:
    """`apply` of a desired state that holds already."""
    say("apply that changes nothing")
    listing = [*bench.agent.command, "list"]
    ours, listed = bench.compare([*bench.agent.command, "apply", str(desired)], listing)
    what = "no-op `apply` with 100 pods on the host"
    return Row(what, "≤ 300 ms", ours, listed, "`podwright list`", None, 300)


def memory(bench: Bench) -> list[Fact]:
    """What a running pod costs, and what each further app of it does."""
    say("20 running pods with one app, 20 with five")
    with Crowd(bench.agent, 20) as crowd:
        one = crowd.resident()
    with Crowd(bench.agent, 20, apps=5) as crowd:
        more = (crowd.resident() - one) / 4
    what = "resident memory per running one-app pod (PSS of all our processes, mean of 20)"
    return [
        Fact(what, "≤ 6 MiB", f"{one:.1f} MiB", one <= 6),
        Fact("the same, per further app", "≤ 1.5 MiB", f"{more:.2f} MiB", more <= 1.5),
    ]


def at_once(bench: Bench) -> Fact:
    """110 pods started at the same moment."""
    say("110 pods at once")
    rushed = rush(bench.agent, ["--net=none", "example.com/tiny:1.0"], 110)
    errors = [text for text, _ in rushed.ended if text]
    good = rushed.running == 110 and not errors
    found = f"{rushed.running} run after {rushed.seconds:.1f} s, {len(errors)} with a message"
    return Fact("110 pods started at once", "all run, no error", found, good)


def listing(bench: Bench) -> Row:
    """`list` beside a crowd of pods."""
    say("list of 110 running pods")
    bare = ["/usr/bin/python3", "-I", "-S", "-c", "pass"]
    with Crowd(bench.agent, 110):
        ours, theirs = bench.compare([*bench.agent.command, "list"], bare)
    return Row(
        "`list` with 110 running pods", "≤ 150 ms", ours, theirs, "bare interpreter", None, 150
    )


def plays(bench: Bench) -> Row:
    """Ansible with 20 pods that are as they should be."""
    say("a play that changes nothing, 20 pods")
    row, bare = Plays(bench.host, bench.agent, bench.podman, bench.agent.data.parent).row(
        bench.compare
    )
    say(f"a play of one ping beside it: {spread(bare)}")
    return dataclasses.replace(row, peer=f"a ping {spread(bare)}; {row.peer}")


def say(text: str) -> None:
    """A line of progress."""
    print(f"bench: {text}", flush=True)


def machine() -> str:
    """What the figures were measured on."""
    podman = subprocess.run(["podman", "--version"], capture_output=True, text=True, check=True)
    return (
        f"{os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, "
        f"system Python {python_version()}, {podman.stdout.strip()}"
    )


def python_version() -> str:
    """The version of the interpreter that hosts use."""
    done = subprocess.run(["/usr/bin/python3", "-V"], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def main() -> int:
    """Measure everything; the status says whether it could be measured, not whether budgets hold."""
    with tempfile.TemporaryDirectory(prefix="podwright-bench-") as directory, GpgLab() as lab:
        scratch = Path(directory)
        names = dict.fromkeys(("example.com", registry.NAME), "127.0.0.1")
        with PrivateHost(scratch, names) as host:
            bench = Bench(host, scratch, lab)
            if sys.argv[1:] == ["plays"]:
                row = plays(bench)
                host.run([*bench.podman, "system", "reset", "--force"], timeout=120)
                TARGET.write_text(put(TARGET.read_text(), row))
                print(row.line())
                return 0
            rows = measure(bench)
            say("100 running pods")
            with Crowd(bench.agent, 100) as crowd:
                rows.append(no_op(bench, crowd.write_desired(scratch)))
            rows.append(listing(bench))
            facts = [*memory(bench), at_once(bench)]
            say("one run, phase by phase")
            breakdown.write(bench.agent, scratch)
            say("images")
            played = plays(bench)
            fetched, held = Images(host, bench.agent, bench.podman, scratch).rows()
            host.run([*bench.podman, "system", "reset", "--force"], timeout=120)
    text = render(
        [*rows, played, *fetched], [*facts, *held], machine(), time.strftime("%Y-%m-%d"), RUNS
    )
    TARGET.write_text(text)
    print(text)
    say(f"written to {TARGET.relative_to(CHECKOUT)}")
    return 0


sys.exit(main())
