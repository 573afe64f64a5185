# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make bench`: measure, print the table, write docs/benchmarks.md."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.crowd import Crowd
from tests.bench.images import Images
from tests.bench.measure import Figures
from tests.bench.table import Fact, Row, render
from tests.support import aci, registry, tiny_image
from tests.support.agent import Agent
from tests.support.gpglab import GpgLab
from tests.support.paths import CHECKOUT
from tests.support.private_host import PrivateHost

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


def per_pod(resident: float) -> Fact:
    """`resident` is MiB of proportional set size per running one-app pod."""
    what = "resident memory per running one-app pod (PSS, mean of 100)"
    return Fact(what, "≤ 6 MiB", f"{resident:.1f} MiB", resident <= 6)


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
            rows = measure(bench)
            say("100 running pods")
            with Crowd(bench.agent, 100) as crowd:
                resident = crowd.resident()
                rows.append(no_op(bench, crowd.write_desired(scratch)))
            facts = [per_pod(resident)]
            say("images")
            fetched, held = Images(host, bench.agent, bench.podman, scratch).rows()
            host.run([*bench.podman, "system", "reset", "--force"], timeout=120)
    text = render([*rows, *fetched], [*facts, *held], machine(), time.strftime("%Y-%m-%d"), RUNS)
    TARGET.write_text(text)
    print(text)
    say(f"written to {TARGET.relative_to(CHECKOUT)}")
    return 0


sys.exit(main())
