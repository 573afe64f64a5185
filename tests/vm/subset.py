# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's behaviour tests that depend on the kernel, run by pytest inside a virtual machine.

    @pytest.mark.kernel               in tests/agent: also runs in the machine, with `make vm-tests`
    @pytest.mark.kernel(brief=True)   and in `make test`, too

    python -m tests.vm.shell start lab
    python -m tests.vm.subset lab tests/agent/test_isolation.py -k capabilities     # any of them, while at work

The same files run there as here, with the same pytest: they are copied into the guest, with what pytest needs of the
virtual environment. Tests run in a control group of their own on cgroup v2, as on this machine.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support import cgroups, patience
from tests.support.paths import CHECKOUT
from tests.vm import machine
from tests.vm.machine import Machine
from tests.vm.reporting import VARIABLE

PLACE = "/srv/checkout"
REPORTS = "/srv/reports"
PARTS = ("agent", "tests", "tools", "pyproject.toml")
DISTRIBUTIONS = (
    "pytest", "pluggy", "iniconfig", "packaging", "Pygments", "pytest-xdist", "execnet", "pytest-timeout",
    "cryptography", "cffi", "pycparser",
)  # fmt: skip
OPTIONS = (
    "-q", "-n", "2", "--dist", "worksteal", "--timeout=900", "-p", "no:cacheprovider", "-p", "tests.vm.reporting",
)  # fmt: skip
UNIT = (
    "systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--property=Delegate=yes",
    "--property=TasksMax=infinity", f"--working-directory={PLACE}", f"--setenv=PYTHONPATH={PLACE}/site",
    f"--setenv={VARIABLE}={REPORTS}",
    f"--setenv={patience.VARIABLE}=10",
)  # fmt: skip

# All controllers are for the groups of tests, beside the one of pytest itself. (systemd makes $ of two of them.)
DIVIDE = f"""
own=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)
mkdir "$own/{cgroups.RUNNER}"
echo 0 >"$own/{cgroups.RUNNER}/cgroup.procs"
for one in $(cat "$own/cgroup.controllers"); do echo "+$one"; done | xargs >"$own/cgroup.subtree_control"
exec "$@"
"""


@dataclass(frozen=True)
class Outcome:
    """How a test ended in the guest: passed, failed or skipped, with what it said."""

    how: str
    text: str
    seconds: float


def chosen(expression: str) -> list[str]:
    """The tests that an expression of markers chooses, found without running any."""
    marked = [
        p for p in (CHECKOUT / "tests/agent").glob("test_*.py") if "mark.kernel" in p.read_text()
    ]
    command = (
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        expression,
    )
    found = subprocess.run(
        [*command, *sorted(str(path) for path in marked)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    if found.returncode != 0:
        raise RuntimeError(f"the marked tests cannot be collected:\n{found.stdout}{found.stderr}")
    return [line for line in found.stdout.splitlines() if "::" in line]


def run(
    guest: Machine, arguments: Sequence[str], *, seconds: float = 3000.0
) -> tuple[dict[str, Outcome], str]:
    """Run tests in the guest: how each ended, and what pytest printed."""
    guest.ok("sh", "-ec", f"rm -rf {PLACE} {REPORTS}; mkdir -p {PLACE}; touch {REPORTS}")
    guest.unpack(_files(), PLACE)
    command = ("/usr/bin/python3", "-m", "pytest", *OPTIONS, *arguments)
    done = guest.run(*UNIT, "sh", "-ec", DIVIDE, "sh", *command, seconds=seconds)
    return outcomes(guest.ok("cat", REPORTS)), done.stdout + done.stderr


def outcomes(reports: str) -> dict[str, Outcome]:
    """How each test ended, from the lines that `tests.vm.reporting` wrote: one bad phase makes the test bad."""
    found: dict[str, Outcome] = {}
    for line in reports.splitlines():
        entry = json.loads(line)
        before = found.get(entry["test"], Outcome("passed", "", 0.0))
        seconds = before.seconds + entry["seconds"]
        worse = entry["outcome"] == "failed" or (
            entry["outcome"] == "skipped" and before.how == "passed"
        )
        how = entry["outcome"] if worse else before.how
        text = f"{before.text}\n{entry['text']}".strip()
        found[entry["test"]] = Outcome(how, text, seconds)
    return found


def _files() -> dict[str, Path]:
    """The checkout, and what pytest needs, by their places."""
    files = {name: CHECKOUT / name for name in PARTS}
    for name in DISTRIBUTIONS:
        for file in importlib.metadata.files(name) or ():
            # Not its commands: they lie above, and name the Python of here.
            if ".." not in file.parts:
                files[f"site/{file}"] = Path(str(file.locate()))
    return {place: source for place, source in files.items() if source.exists()}


def main() -> int:
    """Run tests in a guest that is at hand."""
    name, *arguments = sys.argv[1:]
    from tests.vm.shell import PLACE as GUESTS

    guest = machine.found(GUESTS / name)
    if guest is None:
        sys.exit(f"{name} does not run: python -m tests.vm.shell start {name}")
    found, text = run(guest, arguments)
    print(text)
    for test, outcome in sorted(found.items(), key=lambda item: item[1].seconds):
        print(f"{outcome.seconds:7.1f} {outcome.how:8} {test}")
    return 0 if all(outcome.how == "passed" for outcome in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
