# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One archive of every class through the whole agent: `podwright fetch`, on a host with other images in its store.

What is in the store stays, nothing is added, nothing is left; the refusal is one line without a control character
(T01 to T23). A hostile layer lies on a good one, which is in the store. The whole corpus is for `test_archives`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile import corpus
from tests.hostile.rig import make_canary
from tests.hostile.shapes import Shape
from tests.hostile.snapshot import Facts, snapshot
from tests.hostile.tarwriter import FORMS
from tests.support.agent import AGENT_ERROR, Agent
from tests.support.ocilayout import LAYER, Layer, OciLayout, special

SHARES = 5


def one_of_each(form: str) -> list[Shape]:
    """The first shape of every class that exists in this form."""
    found: dict[str, Shape] = {}
    for shape in corpus.SHAPES:
        if form in shape.forms:
            found.setdefault(shape.kind, shape)
    return list(found.values())


def cases() -> list[object]:
    """The classes, dealt out to a few tests of each form."""
    out: list[object] = []
    for form in FORMS:
        for n in range(SHARES):
            mine = one_of_each(form)[n::SHARES]
            marks = pytest.mark.threat(*{shape.row for shape in mine})
            out.append(pytest.param(form, mine, id=f"{form} {n}", marks=marks))
    return out


def written(top: Path, form: str, archive: bytes, plain: bytes) -> str:
    """Put an archive where it can be fetched from; the argument that names it."""
    if form == "aci":
        (top / "hostile.aci").write_bytes(archive)
        return str(top / "hostile.aci")
    shutil.rmtree(top / "layout", ignore_errors=True)
    layout = OciLayout(top / "layout")
    hostile = Layer(
        layout.blob(archive, f"{LAYER}+gzip"), f"sha256:{hashlib.sha256(plain).hexdigest()}"
    )
    layout.tag(layout.image([base(layout), hostile], {"Cmd": ["/x"]}))
    return f"oci:{layout.path}"


def base(layout: OciLayout) -> Layer:
    """A good layer below the hostile one."""
    return layout.layer([("base", b"1"), ("d2", None), special("to-d2", tarfile.SYMTYPE, "d2")])


def good(top: Path) -> str:
    """An image of the good layer alone."""
    layout = OciLayout(top / "good")
    layout.tag(layout.image([base(layout)], {"Cmd": ["/x"]}))
    return f"oci:{layout.path}"


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


@pytest.mark.parametrize(("form", "shapes"), cases())
def test_what_the_agent_refuses_leaves_no_trace(
    agent: Agent, tiny_image: Callable[..., Path], tmp_path: Path, form: str, shapes: list[Shape]
) -> None:
    canary = tmp_path / "canary"
    make_canary(canary)
    agent.ok("fetch", tiny_image() if form == "aci" else good(tmp_path), "--insecure-options=image")
    outside = snapshot(canary)
    listed = agent.ok("image", "list", "--fields=id,name")
    for number, shape in enumerate(shapes):
        every = list(corpus.files(shape, form, os.fsencode(canary)))
        name, data = every[number % len(every)]
        plain = corpus.plain(shape, name.partition("+")[0], form, os.fsencode(canary))
        hostile = written(tmp_path, form, data, plain)
        before = store(agent)
        result = agent("fetch", hostile, "--insecure-options=image")
        shown = f"{shape.name} {name}: {result}"
        assert snapshot(canary) == outside, shown
        if result.exit == 0:
            assert shape.expect[form] == "contained", shown
            agent.ok("image", "rm", result.stdout.split()[0])
        else:
            assert result.exit == AGENT_ERROR, shown
            line = result.stderr.removesuffix("\n")
            assert line.startswith("podwright: ") and line.isprintable(), shown
            assert result.stdout == "" and store(agent) == before, shown
        assert os.listdir(agent.data / "tmp") == [], shown
        assert agent.ok("image", "list", "--fields=id,name") == listed, shown
