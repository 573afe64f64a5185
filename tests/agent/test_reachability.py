# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who reaches what, as golden tables (threats.md T74): whoever changes one changes what pods of every host can do.

`PODWRIGHT_GOLDEN=write` writes them; read the difference before you commit it. DENIED is what is reached as soon as
our rules are gone, and not before: each is its own control. `-` has no way at all, and the host's own column shows that
the service is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.agent.reachability_bed import World, differences, read, written
from tests.agent.spoofing_bed import spoofing
from tests.conftest import Keys

GOLDEN = Path(__file__).parent / "golden"
HEAD = "# SPDX-FileCopyrightText: 2026 The podwright authors\n# SPDX-License-Identifier: GPL-3.0-or-later\n"
NOTE = (
    HEAD
    + """\
# Who reaches what. yes: reached, as oneself; as host: reached, and seen as the host; DENIED: by our rules, reached
# without them; -: there is no way. Sources: a pod on each network (back is a bridge, the others are ptp), a pod without
# network, a pod with the host's, and a neighbour of the host that has routes to the networks of pods.
"""
)
LIES = (
    HEAD
    + """\
# What comes of frames that a pod has forged, by raw packets. WORKS: it has its effect; DENIED: not with our rules, but
# without them; -: nobody is there to believe it.
"""
)


@pytest.fixture
def world(tmp_path: Path, lab: Keys) -> Iterator[World]:
    made = World(tmp_path, lab.key)
    yield made
    made.close()


def compare(name: str, note: str, found: Mapping[tuple[str, str], str]) -> None:
    """Compare with a golden file, cell by cell."""
    path = GOLDEN / name
    if os.environ.get("PODWRIGHT_GOLDEN") == "write":
        path.write_text(written(found, note))
    wrong = differences(read(path.read_text()), found)
    assert not wrong, "\n".join([f"{path.name} says otherwise:", *wrong, written(found, "")])


@pytest.mark.threat("T74")
def test_who_reaches_what(world: World) -> None:
    path = GOLDEN / "reachability.txt"
    known = read(path.read_text()) if path.exists() else {}
    compare(path.name, NOTE, world.table(known))


@pytest.mark.threat("T74")
def test_what_comes_of_lies(world: World) -> None:
    path = GOLDEN / "spoofing.txt"
    known = read(path.read_text()) if path.exists() else {}
    compare(path.name, LIES, spoofing(world, ("default", "back"), known))
