# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""On a private host: a verb is killed, or fails, at its steps; after one rerun and gc nothing is left or broken.

Run as a program with a task as JSON on standard input; prints one JSON object. For each cell (a step of a verb and a
fault) the host is brought to the state in which the verb begins, the verb meets the fault, is run again without, and
everything is collected; then the host must be as it was before.
"""

from __future__ import annotations

import contextlib
import dataclasses
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

FAULTS = ("kill", "ENOSPC", "EIO", "EROFS", "EMFILE")
PATIENCE = 60.0
GC = ("gc", "--grace-period=0s", "--expire-prepared=0s")
WAITS = "echo up; trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"
NEVER_EMPTY = ("pod", "runtime-config", "exited", "init", "instance", "manifest", "version", "apps")


@dataclasses.dataclass
class Verb:
    """A verb with its surroundings.

    begin   brings the host to where the verb begins, from a fresh copy of the stored state
    words   the command; `again` the one that is run after the fault (the same, mostly)
    after   looks at the result, and ends what runs
    """

    words: Callable[[], list[str]]
    begin: Callable[[], None]
    after: Callable[[], None]
    stdin: str = ""
    statuses: tuple[int, ...] = (0,)
    again: Callable[[], list[str]] | None = None


class Bad(Exception):
    """Something is not as it must be."""


class Matrix:
    """The host with one image in its store."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.command: list[str] = task["command"]
        self.data: str = task["data"]
        self.image: str = task["image"]
        self.scratch: str = task["scratch"]
        self.uuid = ""
        self.running: subprocess.Popen[str] | None = None
        self.before: dict[str, list[str]] = {}
        self.snapshots: dict[str, str] = {}
        self.seldom = self.looked = 0 if task["stride"] else 5

    def run(
        self, *words: str, stdin: str = "", fault: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run the agent, with a fault or without."""
        env = {**os.environ, "PODWRIGHT_FAULT": fault} if fault else dict(os.environ)
        return subprocess.run(
            [*self.command, *words], input=stdin, env=env, text=True, capture_output=True,
            timeout=120, check=False, errors="replace",
        )  # fmt: skip

    def ok(self, *words: str, stdin: str = "") -> str:
        """Run the agent, which must succeed."""
        done = self.run(*words, stdin=stdin)
        if done.returncode:
            raise Bad(f"{words} ended with {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    # Where verbs begin.

    def snapshot(self, name: str, make: Callable[[], None]) -> Callable[[], None]:
        """What brings the data directory back to what `make` made of an empty one."""

        def begin() -> None:
            if name not in self.snapshots:
                self.wipe()
                make()
                self.snapshots[name] = f"{self.scratch}/{name}"
                subprocess.run(["cp", "-a", self.data, self.snapshots[name]], check=True)
                return
            self.wipe()
            subprocess.run(["cp", "-a", self.snapshots[name], self.data], check=True)

        return begin

    def wipe(self) -> None:
        """An empty data directory."""
        shutil.rmtree(self.data, ignore_errors=True)

    def fetched(self) -> None:
        """The image is stored."""
        self.ok("fetch", self.image)

    def ended(self) -> None:
        """A pod has run, and written something."""
        self.fetched()
        self.start_pod("--net=none", script="echo x >/x; rm /etc/passwd")
        assert self.running is not None
        self.running.communicate(timeout=PATIENCE)
        self.running = None

    def killed(self) -> None:
        """A pod with a network was killed together with its parent."""
        self.fetched_only()
        self.start_pod()
        self.kill_pod()

    def alive(self) -> None:
        """A pod runs."""
        self.fetched_only()
        self.start_pod()

    def fetched_only(self) -> None:
        """The stored state with the image, without pods."""
        self.snapshot("fetched", self.fetched)()

    def start_pod(self, *options: str, script: str = WAITS) -> None:
        """Start a pod; returns when its app runs."""
        saved = f"{self.scratch}/uuid"
        words = ("run", f"--uuid-file-save={saved}", *options, "example.com/tiny")
        self.running = subprocess.Popen(
            [*self.command, *words, "--exec=/bin/sh", "--", "-c", script],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.running.stdout is not None
        if script == WAITS and self.running.stdout.readline() != "up\n":
            raise Bad(f"the pod does not start: {self.running.communicate()}")
        if script != WAITS:
            self.running.wait(timeout=PATIENCE)
        with open(saved, encoding="ascii") as file:
            self.uuid = file.read().strip()

    def kill_pod(self) -> None:
        """kill -9 of the process that runs the pod; PID 1 ends with it."""
        assert self.running is not None
        self.running.kill()
        self.running.communicate(timeout=PATIENCE)
        self.running = None
        self.wait("the killed pod does not end", lambda: self.state() != "running")

    def state(self) -> str:
        """The state of the pod."""
        return str(json.loads(self.ok("status", "--format=json", self.uuid))["state"])

    def apply(self, document: str) -> dict[str, Any]:
        """Apply a desired state."""
        answer = json.loads(self.ok("apply", stdin=document))
        assert isinstance(answer, dict)
        return answer

    # What must be so afterwards.

    def wait(self, what: str, done: Callable[[], bool]) -> None:
        """Wait for something that must come."""
        deadline = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > deadline:
                raise Bad(what)
            time.sleep(0.01)

    def stored_is_whole(self) -> None:
        """Whatever is listed verifies, and can be fetched again."""
        if json.loads(self.ok("image", "list", "--format=json")):
            self.ok("image", "verify", "--all")

    def collected(self) -> None:
        """Collect until no pod is left: the kernel takes a moment to end one that was killed."""

        def gone() -> bool:
            self.ok(*GC)
            left = glob.glob(f"{self.data}/pods/*/*")
            return all("/embryo/" in path for path in left)

        self.wait("gc leaves pods", gone)

    def all_ended(self) -> None:
        """No process of the agent is left: the last ones of a pod end a moment after their parent."""
        self.wait(
            "a process of the first pod does not end",
            lambda: not any(self.command[2] in line for line in _processes()),
        )

    def settled(self) -> None:
        """Collected, the host is as it was; looked at now and then where only some cells are tried."""
        self.collected()
        self.looked -= 1
        if self.looked >= 0:
            return
        self.looked = self.seldom
        self.ok(*GC)
        left: dict[str, list[str]] = {}

        def same() -> bool:
            left.clear()
            left.update(differences(self.before, ledger(self.data)))
            return not left

        deadline = time.monotonic() + 20
        while not same():
            if time.monotonic() > deadline:
                raise Bad(f"left behind: {json.dumps(left)}")
            time.sleep(0.02)
        zero = [
            path
            for path in glob.glob(f"{self.data}/**", recursive=True)
            if os.path.basename(path) in NEVER_EMPTY or path.endswith(".json")
            if "/rootfs/" not in path and "/upper/" not in path and os.path.getsize(path) == 0
        ]
        if zero:
            raise Bad(f"empty files: {zero}")

    # Running through the cells.

    def cells(self, verb: Verb, stride: int) -> list[tuple[int, str, str]]:
        """(number, name, fault): all steps of the verb with all faults, or a choice of them.

        stride  0: each step that has another name than those before it, with the faults in turn
        """
        counted = f"{self.scratch}/steps"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(counted)
        verb.begin()
        done = self.run(*verb.words(), stdin=verb.stdin, fault=f"count@{counted}")
        if done.returncode not in verb.statuses:
            raise Bad(f"without a fault: {done}")
        verb.after()
        first: dict[int, str] = {}
        with open(counted, encoding="utf-8") as file:
            for line in file:
                name, at, _ = line.split()
                first.setdefault(int(at), name)
        numbers = sorted(first)
        if stride:
            chosen = numbers[::stride]
            return [(number, first[number], fault) for number in chosen for fault in FAULTS]
        named = {first[number]: number for number in reversed(numbers)}
        chosen = sorted(named.values())
        out = []
        for index, number in enumerate(chosen):
            out.append((number, first[number], FAULTS[index % len(FAULTS)]))
        # Every fault at least once, also where there are few names.
        for index, fault in enumerate(FAULTS):
            number = numbers[(index + 1) * len(numbers) // (len(FAULTS) + 1)]
            out.append((number, first[number], fault))
        return out

    def cell(self, verb: Verb, number: int, fault: str) -> str:
        """Try one; what became of the verb: `met` the fault or not."""
        verb.begin()
        met = self.run(*verb.words(), stdin=verb.stdin, fault=f"{fault}@{number}")
        said = met.stderr + met.stdout
        if "Traceback" in said or "internal error" in said:
            raise Bad(f"it said: {said}")
        if fault == "kill":
            if met.returncode not in (-signal.SIGKILL, 254, *verb.statuses):
                raise Bad(f"killed, it ended with {met.returncode}: {said}")
        elif met.returncode not in (254, *verb.statuses):
            raise Bad(f"it ended with {met.returncode}: {said}")
        if met.returncode == 254 and not said.strip():
            raise Bad("it failed without a word")
        again = (verb.again or verb.words)()
        second = self.run(*again, stdin=verb.stdin)
        if second.returncode not in verb.statuses:
            raise Bad(f"the rerun ended with {second.returncode}: {second.stderr}{second.stdout}")
        verb.after()
        return "met" if met.returncode not in verb.statuses else "passed"


def ledger(data: str) -> dict[str, list[str]]:
    """What there is on the host besides files of the store."""
    found = {
        "processes": sorted(_processes()),
        # Others' mounts on the machine come and go, and are seen here too.
        "mounts": [
            path
            for path in _lines("/proc/self/mountinfo", 4)
            if path.startswith((data, "/run/")) or "podwright" in path
        ],
        "links": _said("ip", "-o", "link"),
        "addresses": _said("ip", "-o", "addr"),
        "routes": _said("ip", "route"),
        "nft": _said("nft", "list", "ruleset"),
        "namespaces": sorted(glob.glob("/run/netns/*")),
        "cgroups": sorted(_cgroups()),
        "run": sorted(glob.glob("/run/podwright/**", recursive=True)),
        "shm": sorted(os.listdir("/dev/shm")),
    }
    for pattern in ("pods/*/*", "tmp/*", "cas/tmp/*", "named/*"):
        found[pattern] = [
            path for path in sorted(glob.glob(f"{data}/{pattern}"))
            if not path.endswith("/lock") and "/embryo/" not in path
        ]  # fmt: skip
    return found


def differences(before: dict[str, list[str]], now: dict[str, list[str]]) -> dict[str, list[str]]:
    """What is more or less than before."""
    out = {}
    for name, was in before.items():
        wrong = [f"+{one}" for one in now[name] if one not in was]
        wrong += [f"-{one}" for one in was if one not in now[name]]
        if wrong:
            out[name] = wrong
    return out


def _processes() -> Iterator[str]:
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError), open(path, "rb") as file:
            line = file.read().replace(b"\0", b" ").decode(errors="replace")
            if line and path != f"/proc/{os.getpid()}/cmdline":
                yield line


def _lines(path: str, column: int) -> list[str]:
    with open(path, encoding="utf-8") as file:
        return sorted(line.split()[column] for line in file)


def _said(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return sorted(" ".join(line.split()) for line in lines)


def _cgroups() -> Iterator[str]:
    for path, directories, _ in os.walk("/sys/fs/cgroup"):
        for name in directories:
            if "podwright" in name or "rkt" in name or path.count("/") > 4:
                yield f"{path}/{name}"


def verbs(matrix: Matrix) -> dict[str, Verb]:
    """All verbs that change something."""
    m = matrix
    image = "example.com/tiny"
    stored = m.snapshot("fetched", m.fetched)
    ended = m.snapshot("ended", m.ended)
    out = f"{m.scratch}/out.aci"

    def document(**more: Any) -> str:
        pod = {"name": "web", "image": image, "ready": {"seconds": 0}, **more}
        return json.dumps({"pods": [pod]})

    one, two = document(), document(environment={"A": "b"})
    absent = json.dumps({"pods": [{"name": "web", "state": "absent"}]})

    def whole() -> None:
        m.stored_is_whole()
        m.settled()

    def running() -> None:
        answer = m.apply(one)
        if answer["pods"][0]["state"] != "running":
            raise Bad(f"apply does not converge: {answer}")
        m.apply(absent)
        m.settled()

    def changed() -> None:
        answer = m.apply(two)
        if answer["changed"] or answer["pods"][0]["state"] != "running":
            raise Bad(f"apply does not converge: {answer}")
        m.apply(absent)
        m.settled()

    def gone() -> None:
        if m.apply(absent)["changed"]:
            raise Bad("absent does not converge")
        m.settled()

    def applied() -> None:
        stored()
        m.apply(one)

    def stopped() -> None:
        assert m.running is not None
        m.running.communicate(timeout=PATIENCE)
        m.running = None
        m.settled()

    def readable() -> None:
        done = subprocess.run(["tar", "tzf", out], capture_output=True, text=True, check=True)
        names = done.stdout.split("\n")
        if "rootfs/x" not in names or "rootfs/etc/passwd" in names:
            raise Bad("the export is not what the pod had")
        os.unlink(out)
        left = [name for name in os.listdir(m.scratch) if name.startswith(".out.aci")]
        # Who is killed leaves what only it knew of; it has a name of its own.
        for name in left:
            shutil.rmtree(f"{m.scratch}/{name}")
        m.settled()

    def to_remove() -> None:
        ended()
        (path,) = glob.glob(f"{m.data}/pods/*/*")
        m.uuid = os.path.basename(path)

    def remove_again() -> list[str]:
        return ["rm", m.uuid] if glob.glob(f"{m.data}/pods/*/{m.uuid}") else list(GC)

    def image_again() -> list[str]:
        there = json.loads(m.ok("image", "list", "--format=json"))
        return ["image", "rm", image] if there else list(GC)

    run = ["run", image, "--exec=/bin/true"]
    return {
        "fetch": Verb(lambda: ["fetch", m.image], m.wipe, whole),
        "prepare": Verb(lambda: ["prepare", "--quiet", image], stored, m.settled),
        "run": Verb(lambda: run, stored, m.settled),
        "run --net=none --no-overlay": Verb(
            lambda: ["run", "--net=none", "--no-overlay", *run[1:]], stored, m.settled
        ),
        "stop": Verb(lambda: ["stop", m.uuid], m.alive, stopped),
        "rm": Verb(lambda: ["rm", m.uuid], to_remove, m.settled, again=remove_again),
        "rm of a killed pod": Verb(
            lambda: ["rm", m.uuid], m.killed, m.settled, again=remove_again
        ),
        "gc": Verb(lambda: list(GC), m.killed, m.settled),
        "export": Verb(lambda: ["export", "--overwrite", m.uuid, out], to_remove, readable),
        "apply a new pod": Verb(lambda: ["apply"], stored, running, one),
        "apply a changed pod": Verb(lambda: ["apply"], applied, changed, two),
        "apply an absent pod": Verb(lambda: ["apply"], applied, gone, absent),
        "image rm": Verb(lambda: ["image", "rm", image], stored, whole, again=image_again),
        "image gc": Verb(lambda: ["image", "gc", "--grace-period=0s"], stored, whole),
    }  # fmt: skip


def main() -> None:
    """Go through the cells of one verb; a JSON object on standard output."""
    task = json.load(sys.stdin)
    matrix = Matrix(task)
    verb = verbs(matrix)[task["verb"]]
    bad: list[str] = []
    met = 0
    began = time.monotonic()
    os.makedirs(matrix.scratch, exist_ok=True)
    # What the first pod of a host makes, and what stays for the next.
    matrix.fetched_only()
    matrix.ok("run", "example.com/tiny", "--exec=/bin/true")
    matrix.ok(*GC)
    matrix.all_ended()
    matrix.before = ledger(matrix.data)
    cells = matrix.cells(verb, task["stride"])
    matrix.looked = matrix.seldom
    cells = cells[task["share"] :: task["shares"]]
    for count, (number, name, fault) in enumerate(cells, 1):
        if count == len(cells):
            matrix.looked = 0
        try:
            met += matrix.cell(verb, number, fault) == "met"
        except (Bad, AssertionError, subprocess.SubprocessError, OSError, ValueError) as err:
            bad.append(f"{task['verb']}: {fault} at step {number} ({name}): {err!r}"[:3000])
            if task["report"]:
                _tell(task["report"], f"BAD  {bad[-1]}")
            if len(bad) >= task["most"]:
                break
            _start_anew(matrix)
        if task["report"] and count % 50 == 0:
            spent = time.monotonic() - began
            _tell(
                task["report"], f"     {task['verb']}: {count} of {len(cells)} cells, {spent:.0f} s"
            )
    steps = len({number for number, _, _ in cells})
    text = f"{len(cells):6} cells, {steps:4} steps, {met:5} met, {len(bad):3} bad"
    if task["report"]:
        _tell(task["report"], f"DONE {task['verb']:30} {text}, {time.monotonic() - began:.0f} s")
    print(json.dumps({"cells": len(cells), "steps": steps, "met": met, "bad": bad}))


def _start_anew(matrix: Matrix) -> None:
    """After a bad cell: end what runs, as far as it can be; what is left counts for no other cell."""
    if matrix.running is not None:
        matrix.running.kill()
        matrix.running.communicate()
        matrix.running = None
    matrix.run("apply", stdin=json.dumps({"pods": [{"name": "web", "state": "absent"}]}))
    matrix.run(*GC)
    matrix.run(*GC)
    matrix.before = ledger(matrix.data)


def _tell(path: str, line: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(line + "\n")


if __name__ == "__main__":
    main()
