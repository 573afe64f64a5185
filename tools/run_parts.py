# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the parts of `make test`, several at a time, and say at the end what passed.

One part alone prints as it goes. Several write logs to `.cache/parts/`, and a log is printed when its part fails.
Nothing is ever tried twice. The counts are those of pytest's tests; every command of another kind counts as one.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tests.support import threats
from tools.parts import LOGS, PARTS, Command

PLAIN = {"NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1", "PY_COLORS": "0", "TERM": "dumb"}
"""What our tools understand as "this is a file"."""


@dataclasses.dataclass(frozen=True)
class Counts:
    """How many tests passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )

    def __str__(self) -> str:
        text = f"{self.passed} passed, {self.failed} failed"
        return f"{text}, {self.skipped} skipped" if self.skipped else text


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a part ended."""

    part: str
    counts: Counts
    seconds: float


def run_part(part: str, log: IO[str] | None = None) -> Outcome:
    """Run every command of a part, also after one has failed; they print to `log`, or to the terminal."""
    start = time.monotonic()
    counts = Counts()
    for command in PARTS[part]:
        print(f"$ {' '.join(command.args)}", file=log, flush=True)
        counts += run_command(command, log)
    return Outcome(part, counts, time.monotonic() - start)


def run_command(command: Command, log: IO[str] | None) -> Counts:
    """Run one command and count what it tested."""
    if command.results is not None:
        command.results.unlink(missing_ok=True)
    status = _wait(command, log)
    if status != 0:
        print(f"ended with status {status}", file=log, flush=True)
    counts = pytest_counts(command.results) if command.results is not None else Counts()
    if status != 0 and counts.failed == 0:
        return counts + Counts(failed=1)
    return counts if command.results is not None else Counts(passed=1)


def pytest_counts(results: Path) -> Counts:
    """Read pytest's own counts; none when it did not get as far as writing them."""
    if not results.exists():
        return Counts()
    counts = Counts()
    for suite in ET.parse(results).getroot().iter("testsuite"):
        tests, failures, errors, skipped = (
            int(suite.get(k, "0")) for k in ("tests", "failures", "errors", "skipped")
        )
        failed = failures + errors
        counts += Counts(tests - failed - skipped, failed, skipped)
    return counts


def _wait(command: Command, log: IO[str] | None) -> int:
    # Ansible and its tools take PWD, the path through the collection's link, for the place they are in.
    environment = {**os.environ, "PWD": str(command.directory)}
    if log is not None or not sys.stdout.isatty():
        environment.update(PLAIN)
    # No standard input: a tool that asks a question must fail here as it does in CI.
    process = subprocess.Popen(
        command.args,
        cwd=command.directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=None if log is None else subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        return process.wait(command.limit)
    except subprocess.TimeoutExpired:
        print(f"did not end within {command.limit:.0f} seconds", file=log, flush=True)
        return 124
    finally:
        # Whatever ended the wait, an interrupt included: nothing of the command may go on behind our back.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run_parallel(parts: Sequence[str], workers: int) -> list[Outcome]:
    """Run parts in the order given, `workers` at a time, announcing each and printing the log of each that failed."""
    LOGS.mkdir(parents=True, exist_ok=True)

    def run_logged(part: str) -> Outcome:
        # In one write: the other thread prints too.
        print(f"{part}: started, log in {_log_path(part)}\n", end="", flush=True)
        with _log_path(part).open("w") as log:
            return run_part(part, log)

    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for done in concurrent.futures.as_completed(
            [pool.submit(run_logged, part) for part in parts]
        ):
            outcome = done.result()
            outcomes.append(outcome)
            if outcome.counts.failed:
                print(f"\n{_log_path(outcome.part).read_text(errors='replace')}\n", flush=True)
            print(f"{outcome.part}: {outcome.counts} in {outcome.seconds:.0f} s", flush=True)
    return sorted(outcomes, key=lambda outcome: parts.index(outcome.part))


def _log_path(part: str) -> Path:
    return LOGS / f"{part}.log"


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return the table of parts and, alone on the last line, the sum of their counts."""
    rows = [f"{'part':<14}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}"]
    for part in outcomes:
        counts = part.counts
        rows.append(
            f"{part.part:<14}{counts.passed:>8}{counts.failed:>8}{counts.skipped:>9}{part.seconds:>9.0f}"
        )
    total = sum((outcome.counts for outcome in outcomes), Counts())
    return "\n".join([*rows, "", str(total)])


def threat_rows(parts: Sequence[str]) -> list[str]:
    """Return how each row of the threat catalogue fared in the tests of these parts, one line for each."""
    files = [command.results for part in parts for command in PARTS[part]]
    found = threats.from_junit([file for file in files if file is not None and file.exists()])
    return threats.table(found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts named on the command line; the status is 1 when anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tools.run_parts", description=main.__doc__)
    parser.add_argument(
        "--parallel", type=int, default=2, help="how many parts at a time, when there are several"
    )
    parser.add_argument(
        "parts", nargs="+", choices=list(PARTS), metavar="PART", help=", ".join(PARTS)
    )
    options = parser.parse_args(arguments)
    LOGS.mkdir(parents=True, exist_ok=True)
    several = len(options.parts) > 1
    outcomes = (
        run_parallel(options.parts, options.parallel) if several else [run_part(options.parts[0])]
    )
    if several:
        print("\n".join(["", *threat_rows(options.parts)]), flush=True)
    print(f"\n{summary(outcomes)}", flush=True)
    return 1 if any(outcome.counts.failed for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
