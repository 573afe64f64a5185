# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look for everything that podwright can leave on a machine."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

NAME = "podwright"
FILES = (
    "/etc/podwright",
    "/run/podwright",
    "/run/lock/podwright",
    "/usr/bin/podwright",
    "/usr/share/man/man1/podwright.1",
    "/usr/share/bash-completion/completions/podwright",
    "/usr/lib/podwright",
    "/var/lib/podwright",
)
PROGRAM = 3
"""Words of a command line that say what runs, as in `python3 -IS /usr/bin/podwright`."""
LINK_PREFIX = "podw"
TEST_CGROUPS = re.compile(r"/(pwtest|pwfleet)-")
UNIT_FOLDERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system")


def find() -> list[str]:
    """Return what is left, one line for each; empty when nothing is."""
    return [f"{kind}: {item}" for kind, look in KINDS.items() for item in look()]


def processes() -> Iterator[str]:
    """Processes of the agent, and those that live on one of its mounts; not those of test hosts."""
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            words = (directory / "cmdline").read_bytes().decode(errors="replace").split("\0")
            mounts = (directory / "mountinfo").read_text()
            on_test_host = TEST_CGROUPS.search((directory / "cgroup").read_text())
        except OSError:
            continue
        # What is run: the interpreter, its options, and the program. Who looks at our files is not of ours.
        program = " ".join(words[:PROGRAM])
        ours = any(path in program or path in mounts for path in FILES)
        if ours and not on_test_host:
            yield f"{directory.name} {' '.join(words)}"


def mounts() -> Iterator[str]:
    """Mounts in this mount namespace."""
    yield from (line for line in _lines(Path("/proc/self/mounts")) if NAME in line)


def network_namespaces() -> Iterator[str]:
    """Named network namespaces; unnamed ones end with their processes and mounts."""
    for folder in (Path("/run/netns"), Path("/run/podwright/netns")):
        if folder.is_dir():
            yield from (str(path) for path in folder.iterdir() if NAME in str(path))


def links() -> Iterator[str]:
    """Links named as podwright names its bridges and veths, by prefix."""
    yield from (name for name in os.listdir("/sys/class/net") if name.startswith(LINK_PREFIX))


def firewall_tables() -> Iterator[str]:
    """Tables of nftables."""
    done = subprocess.run(["nft", "list", "tables"], check=True, capture_output=True, text=True)
    yield from (line for line in done.stdout.splitlines() if NAME in line)


def cgroups() -> Iterator[str]:
    """Control groups in every hierarchy; not those of test hosts."""
    for root, directories, _ in os.walk("/sys/fs/cgroup"):
        directories[:] = [name for name in directories if not TEST_CGROUPS.match(f"/{name}")]
        yield from (f"{root}/{name}" for name in directories if name.startswith(NAME))


def units() -> Iterator[str]:
    """Files of systemd units, and links to them."""
    for folder in UNIT_FOLDERS:
        yield from (str(path) for path in Path(folder).rglob(f"{NAME}*"))


def files() -> Iterator[str]:
    """The places where podwright keeps things."""
    yield from (path for path in FILES if os.path.lexists(path))


def accounts() -> Iterator[str]:
    """Users and groups."""
    for path in (Path("/etc/passwd"), Path("/etc/group")):
        yield from (f"{path}: {line}" for line in _lines(path) if line.startswith(NAME))


def _lines(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()


KINDS: dict[str, Callable[[], Iterator[str]]] = {
    "process": processes,
    "mount": mounts,
    "network namespace": network_namespaces,
    "link": links,
    "firewall table": firewall_tables,
    "control group": cgroups,
    "unit": units,
    "file": files,
    "account": accounts,
}
"""What is looked for, by the name a user knows it by."""
