# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make bench BENCH=kvm`: what a pod in a virtual machine costs, beside a bare boot and the same pod in namespaces.

Machines are emulated in software here (TCG), which makes everything that a processor does in them ten to twenty
times as slow as with KVM; only ratios against the bare boot of the same emulated machine say something of us.
"""

from __future__ import annotations

import json
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import reached
from tests.support import aci, bare_machine, kvm_image, tiny_image
from tests.support.agent import Agent
from tests.support.gpglab import GpgLab
from tests.support.paths import CHECKOUT
from tests.support.private_host import PrivateHost

RUNS = 7
TARGET = CHECKOUT / "docs/benchmarks-kvm.md"
KVM = ("--stage1-name=kvm", "--kvm-accelerator=tcg")
FLAVOURS = {"namespaces": (), "kvm": KVM}
TIMES = 1.5
LIMIT = 120
SEQUENTIAL, FILES, SENT = 32, 300, 32
"""MiB written and read, small files, MiB over the network."""
ANNOUNCED = "announced"
PORT = 5000

WORK = f"""
now() {{ read up idle < /proc/uptime; echo "$1 $up"; }}
cd /data
now a; dd if=/dev/zero of=big bs=1M count={SEQUENTIAL} conv=fsync 2>/dev/null
now b; dd if=big of=/dev/null bs=1M 2>/dev/null
now c; i=0; while [ $i -lt {FILES} ]; do echo content > f$i; i=$((i+1)); done
now d; i=0; while [ $i -lt {FILES} ]; do read x < f$i; i=$((i+1)); done
now e; rm f*; now f
echo {ANNOUNCED}
nc -l -p {PORT} < big
nc -l -p {PORT} > /dev/null
"""
HEAD = """<!--
SPDX-FileCopyrightText: 2026 The podwright authors
SPDX-License-Identifier: GPL-3.0-or-later
-->

# Benchmarks of pods in virtual machines

Written by `make bench BENCH=kvm` on {date}. **The machines were emulated in software (TCG)**: what a processor does
in them is ten to twenty times as slow as under KVM. Only the ratio against the bare boot of the same emulated machine
says something about podwright.

"""


class Bench:
    """A private host with a signed app image and a signed stage1 image in its store."""

    def __init__(self, host: PrivateHost, scratch: Path, lab: GpgLab) -> None:
        self.host, self.scratch = host, scratch
        self.agent = Agent(host, scratch / "agent")
        key = lab.generate("Bench <bench@example.com>")
        for prefix in ("example.com", kvm_image.NAME):
            self.agent.trust(key, prefix)
        image, stage1 = scratch / "tiny.aci", scratch / "kvm.aci"
        shutil.copy(tiny_image.build(app=aci.app(["/bin/echo", "up"])), image)
        shutil.copy(kvm_image.image(), stage1)
        for path in (image, stage1):
            key.sign(path)
            self.agent.ok("fetch", path, timeout=300)

    def command(self, flavour: str, *options: str) -> list[str]:
        """`run` of the image."""
        return [*self.agent.command, "run", *FLAVOURS[flavour], *options, "example.com/tiny:1.0"]


def say(text: str) -> None:
    """A line of progress."""
    print(f"bench: {text}", flush=True)


def starts(bench: Bench) -> list[str]:
    """From a command line to the app's first byte, against the bare boot to an init that ends the machine."""
    say("starts")
    task = {
        "runs": RUNS,
        "kernel": str(kvm_image.kernel() / "vmlinuz"),
        "initrd": str(bare_machine.initrd(bench.scratch / "bare.cpio")),
        "pods": {name: bench.command(name, "--net=none") for name in FLAVOURS},
    }
    script = [sys.executable, "-m", "tests.bench.reached"]
    env = {"PYTHONPATH": str(CHECKOUT / "agent")}
    done = bench.host.run(script, stdin=json.dumps(task), env=env, timeout=1800, directory=CHECKOUT)
    found = json.loads(done.check().stdout)
    bare = statistics.median(whole for _, whole, _ in found["bare"])
    first = {name: [one[0] for one in found[name]] for name in FLAVOURS}
    ratio = statistics.median(first["kvm"]) / bare
    budget = f"≤ {TIMES} x | {verdict(ratio <= TIMES)}"
    work = {name: statistics.median(one[2] for one in found[name]) for name in found}
    return [
        "## Start",
        "",
        f"Medians of {RUNS} runs in turn, least to most in brackets. The bare boot is the same kernel, machine and",
        "parameters, with an init of 150 bytes that ends the machine at once; it is timed until QEMU has ended, pods",
        "until their app's first byte.",
        "",
        "| what | time | processor time | against the bare boot | budget | within |",
        "|---|---|---|---|---|---|",
        f"| bare boot | {spread([one[1] for one in found['bare']])} | {work['bare']:.0f} ms | 1 | | |",
        f"| pod in a machine | {spread(first['kvm'])} | {work['kvm']:.0f} ms | {ratio:.2f} | {budget} |",
        f"| the same pod in namespaces | {spread(first['namespaces'])} | {work['namespaces']:.0f} ms | | | |",
        "",
    ]


def memory(bench: Bench) -> list[str]:
    """What running pods hold on the host, by part, once their parents are small."""
    lines = [
        "## Memory of the host",
        "",
        "Resident memory of a running one-app pod in MiB by process, guest RAM apart; in brackets the proportional",
        "share, in which pages that several processes map, as the first file system's, count once.",
        "",
        "| flavour | part | MiB |",
        "|---|---|---|",
    ]
    for flavour in FLAVOURS:
        say(f"memory, {flavour}")
        parts, ram = resident(bench, flavour)
        lines += [f"| {flavour} | {name} | {rss:.1f} ({pss:.1f}) |" for name, rss, pss in parts]
        rss, pss = sum(part[1] for part in parts), sum(part[2] for part in parts)
        within = f", budget ≤ {LIMIT}: {verdict(rss <= LIMIT)}" if flavour == "kvm" else ""
        lines.append(f"| {flavour} | **sum**{within} | {rss:.1f} ({pss:.1f}) |")
        if ram:
            lines.append(f"| {flavour} | guest RAM in use, of {reached.MEMORY} | {ram:.0f} |")
    return [*lines, ""]


def resident(bench: Bench, flavour: str) -> tuple[list[tuple[str, float, float]], float]:
    """(part, resident, proportional) of each of our processes, and the guest's RAM in use."""
    uuid = bench.scratch / f"{flavour}.uuid"
    options = ("--net=none", f"--uuid-file-save={uuid}")
    command = [*bench.command(flavour, *options), "--exec=/bin/sleep", "--", "600"]
    with bench.host.popen(command) as process:
        try:
            wait(lambda: uuid.exists() and running(bench, uuid.read_text().strip()), process.poll)
            wait(lambda: parent_is_small(bench, uuid.read_text().strip()), process.poll)
            found = measured(bench, uuid.read_text().strip())
        finally:
            bench.agent("stop", "--force", uuid.read_text().strip() if uuid.exists() else "none")
            process.wait(120)
    ours = [one for one in found if one[1] != "sleep"]
    parts = [(title, size["rss"], size["pss"]) for _, title, size in ours]
    return parts, max(size["ram"] for _, _, size in ours)


def wait(condition: Callable[[], bool], ended: Callable[[], object]) -> None:
    """Until it is so. Raises RuntimeError."""
    until = time.monotonic() + 120
    while not condition():
        if ended() is not None or time.monotonic() > until:
            raise RuntimeError("the pod did not come up")
        time.sleep(0.2)


def running(bench: Bench, uuid: str) -> bool:
    """Whether the pod's app runs."""
    done = bench.agent("status", "--format=json", uuid)
    return done.exit == 0 and json.loads(done.stdout)["state"] == "running"


def parent(bench: Bench, uuid: str) -> int:
    """The process that the pod was started by."""
    pid = int(json.loads(bench.agent.ok("status", "--format=json", uuid))["pid"])
    done = bench.host.run(["/bin/sh", "-c", f"awk '/^PPid/ {{print $2}}' /proc/{pid}/status"])
    return int(done.check().stdout)


def parent_is_small(bench: Bench, uuid: str) -> bool:
    """Whether what waits for the pod has become the small program that waits."""
    done = bench.host.run(["cat", f"/proc/{parent(bench, uuid)}/comm"])
    return done.stdout == "podwright-wait\n"


def measured(bench: Bench, uuid: str) -> Any:
    """What `tests.bench.resident` says."""
    script = [sys.executable, str(CHECKOUT / "tests/bench/resident.py"), str(parent(bench, uuid))]
    return json.loads(bench.host.run(script).check().stdout)


def work(bench: Bench) -> list[str]:
    """Disk and network throughput of the same pod."""
    found = {}
    for flavour in FLAVOURS:
        say(f"disk and network, {flavour}")
        found[flavour] = worked(bench, flavour)
    lines = [
        "## Throughput",
        "",
        "The same pod, one app of busybox on one processor: an empty volume of the host's file system (virtiofs in",
        "the machine), and one connection over the default network between the host and the pod.",
        "",
        "| what | namespaces | machine (emulated) |",
        "|---|---|---|",
    ]
    for name, unit in found["namespaces"]:
        cells = (f"{found[flavour][name, unit]:.0f} {unit}" for flavour in FLAVOURS)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


def worked(bench: Bench, flavour: str) -> dict[tuple[str, str], float]:
    """What one pod reaches."""
    uuid = bench.scratch / f"{flavour}-work.uuid"
    options = ("--volume=data,kind=empty,mode=0777", f"--uuid-file-save={uuid}")
    mounted = ("--mount=volume=data,target=/data", "--exec=/bin/sh", "--", "-c", WORK)
    with bench.host.popen([*bench.command(flavour, *options), *mounted]) as process:
        assert process.stdout is not None
        at = {}
        for line in process.stdout:
            if line.strip() == ANNOUNCED:
                break
            name, _, up = line.partition(" ")
            at[name] = float(up)
        listed = json.loads(bench.agent.ok("status", "--format=json", uuid.read_text().strip()))
        address = listed["networks"][0]["ip"]
        sent, taken = received(bench.host, address), given(bench.host, address)
        process.communicate(timeout=120)
    span = {a + b: max(at[b] - at[a], 0.01) for a, b in ("ab", "bc", "cd", "de", "ef")}
    return {
        ("write a file, with fsync", "MiB/s"): SEQUENTIAL / span["ab"],
        ("read it again", "MiB/s"): SEQUENTIAL / span["bc"],
        ("make small files", "files/s"): FILES / span["cd"],
        ("read small files", "files/s"): FILES / span["de"],
        ("remove small files", "files/s"): FILES / span["ef"],
        ("TCP from the pod", "MiB/s"): sent,
        ("TCP to the pod", "MiB/s"): taken,
    }


def connected(host: PrivateHost, address: str) -> socket.socket:
    """A connection, as soon as somebody listens."""
    until = time.monotonic() + 60
    while True:
        try:
            return host.connect(address, PORT, 60)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def received(host: PrivateHost, address: str) -> float:
    """MiB per second from the pod."""
    with connected(host, address) as client:
        began, size = time.perf_counter(), 0
        while data := client.recv(1 << 18):
            size += len(data)
    return size / (1 << 20) / (time.perf_counter() - began)


def given(host: PrivateHost, address: str) -> float:
    """MiB per second to the pod."""
    with connected(host, address) as client:
        began = time.perf_counter()
        for _ in range(SENT):
            client.sendall(bytes(1 << 20))
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass
    return SENT / (time.perf_counter() - began)


def spread(times: list[float]) -> str:
    """Median with the least and the most."""
    return f"{statistics.median(times):.0f} ms ({min(times):.0f}-{max(times):.0f})"


def verdict(good: bool) -> str:
    """As in the other table."""
    return "yes" if good else "**no**"


def main() -> int:
    """Measure, print, write the page."""
    with tempfile.TemporaryDirectory(prefix="podwright-bench-") as directory, GpgLab() as lab:
        scratch = Path(directory)
        with PrivateHost(scratch, {"example.com": "127.0.0.1"}) as host:
            bench = Bench(host, scratch, lab)
            lines: list[str] = []
            for section in (starts, memory, work):
                lines += section(bench)
                print("\n".join(lines), flush=True)
    text = HEAD.format(date=time.strftime("%Y-%m-%d")) + "\n".join(lines)
    TARGET.write_text(text)
    say(f"written to {TARGET.relative_to(CHECKOUT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
