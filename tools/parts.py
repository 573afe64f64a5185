# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `make test` consists of: the commands of each part."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from tests.support.paths import CACHE, CHECKOUT

LOGS = CACHE / "parts"
"""Where logs and pytest's counts go."""

COLLECTION = CACHE / "collections/ansible_collections/podwright/fleet"
"""This checkout under the path that Ansible's tools insist on; `tools/setup` makes the link."""

CODE = ("agent", "plugins", "tests", "tools")
SHELL = ("tools/setup", "tools/clean", "tests/sanity/run.sh", ".ci/run")


@dataclasses.dataclass(frozen=True)
class Command:
    """One command of a part. With `results`, pytest writes its counts to that file; `limit` is in seconds."""

    args: tuple[str, ...]
    directory: Path = CHECKOUT
    results: Path | None = None
    limit: float = 3000


def pytest(part: str, *paths: str) -> Command:
    """Return the pytest run of a part, on both cores."""
    results = LOGS / f"{part}.xml"
    options = (
        "-q",
        "-n",
        "2",
        "--dist",
        "worksteal",
        "--timeout=300",
        f"--junitxml={results}",
        "-o",
        f"cache_dir={CACHE / 'pytest'}",
    )
    return Command((sys.executable, "-m", "pytest", *options, *paths), results=results)


LABELS = (
    *("test_selinux.py", "test_selinux_machine.py", "test_selinux_brief.py"),
    *("test_selinux_role.py", "test_tpm.py"),
)
XEN = ("test_xen.py",)


def machines(part: str, *options: str, paths: tuple[str, ...] = ("tests/vm",)) -> Command:
    """Return the pytest run of what is tested in virtual machines: one process, which runs one machine at a time."""
    results = LOGS / f"{part}.xml"
    command = (
        "env",
        "PODWRIGHT_VM_TESTS=1",
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--durations=15",
    )
    cache = ("-o", f"cache_dir={CACHE / 'pytest'}")
    options = ("--timeout=4800", f"--junitxml={results}", *cache, *options)
    return Command((*command, *options, *paths), results=results, limit=7200)


def molecule(scenario: str) -> tuple[Command, ...]:
    """Return the run of a scenario, with the collection as its tarball installs it."""
    program = (
        sys.executable,
        "-m",
        "tools.collection",
        "run",
        "--in",
        str(COLLECTION),
        "--",
        "molecule",
    )
    return (
        # A run that was killed left hosts, and Molecule's word that they are still there.
        Command((*program, "destroy", f"--scenario-name={scenario}")),
        Command((*program, "test", f"--scenario-name={scenario}")),
    )


PARTS: dict[str, tuple[Command, ...]] = {
    "lint": (
        Command(("ruff", "check", *CODE)),
        Command(("ruff", "format", "--check", *CODE)),
        Command(("mypy", "agent", "plugins")),
        Command(("mypy", "--python-version", "3.11", "tests", "tools")),
        Command(("yamllint", "--strict", ".")),
        Command(("ansible-lint", "--offline", "--strict"), COLLECTION),
        Command(("shellcheck", *SHELL)),
        Command(("reuse", "lint", "--quiet")),
        Command(("antsibull-changelog", "lint"), COLLECTION),
    ),
    "docs": (Command(("env", "NO_MKDOCS_2_WARNING=1", "mkdocs", "build", "--strict")),),
    "unit": (pytest("unit", "tests/unit"),),
    "agent-tests": (pytest("agent-tests", "tests/selftest", "tests/agent"),),
    "vm": (machines("vm", "-m", "not vm_full"),),
    # Each boots its own machines, so that two of these can run side by side. The first has whatever is in no other.
    "vm-plain": (machines("vm-plain", *(f"--ignore-glob=*/{files}" for files in (*LABELS, *XEN))),),
    "vm-labels": (machines("vm-labels", paths=tuple(f"tests/vm/{files}" for files in LABELS)),),
    "vm-xen": (machines("vm-xen", paths=tuple(f"tests/vm/{files}" for files in XEN)),),
    "hostile": (pytest("hostile", "tests/hostile"),),
    # With PODWRIGHT_THOROUGH=1 (tests/support/thorough.py).
    "thorough": (
        pytest("thorough", "tests/selftest", "tests/agent", "tests/hostile", "tests/modules"),
    ),
    "module-tests": (pytest("module-tests", "tests/modules"),),
    # Hosts under systemd, one at a time.
    "install-tests": (pytest("install-tests", "tests/install"),),
    "sanity": (Command(("tests/sanity/run.sh",)),),
    "molecule": molecule("default"),
    "molecule-kvm": molecule("kvm"),
    "molecule-xen": molecule("xen"),
}
