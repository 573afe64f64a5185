# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fuzz: good inputs of every kind, damaged and forged, read by the agent's code (threats.md T25, bar B2).

`python -m tests.hostile.fuzz` (`make fuzz`) runs 100,000 cases in two processes and prints how it went; a defect is
printed with the command that repeats its case. `--seed` chooses other cases.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.hostile.rig import ENVIRONMENT, closed, make_canary
from tests.hostile.seeds import seeds

SEED = "podwright-3"
CASES = 100_000
MOST_ENDINGS = 20
"""A worker that ends this often by itself is not started again."""


@dataclasses.dataclass
class Tally:
    """How many cases were accepted and refused, and what is wrong: (case, reader, what)."""

    accepted: int = 0
    refused: int = 0
    wrong: list[tuple[int, str, str]] = dataclasses.field(default_factory=list)


def run(base: Path, seed: str, first: int, end: int, step: int = 1) -> Tally:
    """Run the cases first, first + step, … before `end` in one worker, started again when a case ends it."""
    prepare(base)
    tally = Tally()
    for _ in range(MOST_ENDINGS):
        command = closed(base, "fuzz_worker.py", str(base), seed, str(first), str(end), str(step))
        whole, ending = _work(command, seed, tally)
        if whole:
            return tally
        number = reached(base)
        if number < 0:
            raise RuntimeError(f"the worker did not begin: {ending}")
        _note(tally, seed, number, "?", f"hang, or the end of the process: {ending}")
        first = number + step
    return tally


def _work(command: list[str], seed: str, tally: Tally) -> tuple[bool, str]:
    """Take in what a worker says; whether it got to its end, and otherwise its last words."""
    whole = False
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=ENVIRONMENT
        ) as worker,
    ):
        assert worker.stdout is not None
        for line in worker.stdout:
            said = json.loads(line)
            if "case" in said:
                _note(tally, seed, said["case"], said["reader"], said["wrong"])
            else:
                whole = True
                tally.accepted += said["accepted"]
                tally.refused += said["refused"]
        worker.wait()
        errors.seek(0)
        return whole, errors.read()[-2000:]


def _note(tally: Tally, seed: str, number: int, reader: str, wrong: str) -> None:
    """Keep what is wrong, and say at once how to repeat it."""
    tally.wrong.append((number, reader, wrong))
    repeat = f"python -m tests.hostile.fuzz --seed={seed} --only={number}"
    print(f"\ncase {number} ({reader}): {wrong}\nrepeat with: {repeat}", flush=True)


def prepare(base: Path) -> None:
    """Make the canary and write the seeds where the worker finds them."""
    make_canary(base / "canary")
    texts = {
        reader: [base64.b64encode(data).decode() for data in each]
        for reader, each in seeds().items()
    }
    (base / "seeds").write_text(json.dumps(texts))
    (base / "progress").touch()


def reached(base: Path) -> int:
    """The number of the case that a worker is at, or -1."""
    with contextlib.suppress(OSError, ValueError):
        return int((base / "progress").read_text())
    return -1


def parallel(seed: str, cases: int, processes: int, report: Callable[[int], None]) -> Tally:
    """Run cases 0 to `cases` in several workers; `report` is called with how many are done, every ten seconds."""
    results: dict[int, Tally] = {}
    with tempfile.TemporaryDirectory(prefix="pwfuzz-", ignore_cleanup_errors=True) as scratch:
        bases = [Path(scratch, str(share)) for share in range(processes)]

        def work(share: int) -> None:
            results[share] = run(bases[share], seed, share, cases, processes)

        for base in bases:
            base.mkdir()
        threads = [threading.Thread(target=work, args=(share,)) for share in range(processes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(10)
                report(sum(max(reached(base), 0) // processes for base in bases))
        for base in bases:
            subprocess.run(["rm", "-rf", "--one-file-system", str(base)], check=True)
    if len(results) != processes:
        raise RuntimeError("a worker did not begin")
    return Tally(
        sum(each.accepted for each in results.values()),
        sum(each.refused for each in results.values()),
        [wrong for each in results.values() for wrong in each.wrong],
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the fuzz; the status is 1 when anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzz", description=main.__doc__)
    parser.add_argument("--seed", default=SEED, help="which cases")
    parser.add_argument("--cases", type=int, default=CASES, help="how many")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--show", type=int, metavar="CASE", help="write the input of one case to standard output"
    )
    parser.add_argument("--only", type=int, metavar="CASE", help="run one case")
    options = parser.parse_args(arguments)
    if options.show is not None:
        return show(options.seed, options.show)
    if options.only is not None:
        with tempfile.TemporaryDirectory(prefix="pwfuzz-", ignore_cleanup_errors=True) as scratch:
            tally = run(Path(scratch), options.seed, options.only, options.only + 1)
    else:
        begun = time.monotonic()

        def report(done: int) -> None:
            print(f"{done} of {options.cases} cases, {time.monotonic() - begun:.0f} s", flush=True)

        print(f"seed {options.seed}", flush=True)
        tally = parallel(options.seed, options.cases, options.processes, report)
    escapes = sum("ESCAPE" in wrong for _, _, wrong in tally.wrong)
    hangs = sum(wrong.startswith("hang") for _, _, wrong in tally.wrong)
    others = len(tally.wrong) - escapes - hangs
    print(
        f"seed {options.seed}: {tally.accepted + tally.refused} cases, {tally.refused} refused,"
        f" {tally.accepted} accepted; {escapes} escapes, {others} tracebacks or leftovers, {hangs} hangs"
    )
    return 1 if tally.wrong else 0


def show(seed: str, number: int) -> int:
    """Write the input of one case to standard output."""
    with tempfile.TemporaryDirectory(prefix="pwfuzz-") as scratch:
        prepare(Path(scratch))
        command = closed(
            Path(scratch), "fuzz_worker.py", scratch, seed, str(number), "0", "1", "--show"
        )
        return subprocess.run(command, env=ENVIRONMENT).returncode


if __name__ == "__main__":
    os.nice(10)
    sys.exit(main())
