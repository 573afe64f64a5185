# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One archive of every class through the whole agent: `podwright fetch FILE`, on a host with other images in its store.

What is in the store stays, nothing is added, nothing is left; the refusal is one line without a control character
(T01 to T23). The corpus itself is run by `test_archives` without the process around it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile import corpus
from tests.hostile.rig import make_canary
from tests.hostile.shapes import Shape
from tests.hostile.snapshot import Facts, snapshot
from tests.support.agent import AGENT_ERROR, Agent

SHARES = 6


def one_of_each() -> list[Shape]:
    """The first shape of every class that an ACI can have."""
    found: dict[str, Shape] = {}
    for shape in corpus.SHAPES:
        if "aci" in shape.forms:
            found.setdefault(shape.kind, shape)
    return list(found.values())


def share(number: int) -> list[Shape]:
    """The classes of one test."""
    return one_of_each()[number::SHARES]


CASES = [
    pytest.param(
        share(n), id=f"share {n}", marks=pytest.mark.threat(*{shape.row for shape in share(n)})
    )
    for n in range(SHARES)
]


FOLDERS = {
    b".",
    b"./tmp",
    b"./cas",
    b"./cas/image",
    b"./cas/tree",
    b"./cas/ref",
    b"./cas/ref/name",
    b"./cas/ref/url",
}
"""The store's own, whose times change with every image that comes and goes."""


def store(agent: Agent) -> Facts:
    """What the store holds; locks come and go."""
    facts = snapshot(agent.data, without=("locks",), times=False)
    return {path: each for path, each in facts.items() if path not in FOLDERS}


@pytest.mark.parametrize("shapes", CASES)
def test_what_the_agent_refuses_leaves_no_trace(
    agent: Agent, tiny_image: Callable[..., Path], tmp_path: Path, shapes: list[Shape]
) -> None:
    canary = tmp_path / "canary"
    make_canary(canary)
    agent.ok("fetch", tiny_image(), "--insecure-options=image")
    outside = snapshot(canary)
    listed = agent.ok("image", "list", "--fields=id,name")
    hostile = tmp_path / "hostile.aci"
    for number, shape in enumerate(shapes):
        every = list(corpus.files(shape, "aci", os.fsencode(canary)))
        name, data = every[number % len(every)]
        hostile.write_bytes(data)
        before = store(agent)
        result = agent("fetch", hostile, "--insecure-options=image")
        shown = f"{shape.name} {name}: {result}"
        assert snapshot(canary) == outside, shown
        if result.exit == 0:
            assert shape.expect["aci"] == "contained", shown
            agent.ok("image", "rm", result.stdout.split()[0])
        else:
            assert result.exit == AGENT_ERROR, shown
            line = result.stderr.removesuffix("\n")
            assert line.startswith("podwright: ") and line.isprintable(), shown
            assert result.stdout == "" and store(agent) == before, shown
        assert os.listdir(agent.data / "tmp") == [], shown
        assert agent.ok("image", "list", "--fields=id,name") == listed, shown
