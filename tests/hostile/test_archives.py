# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every hostile archive, in every dialect and compression: refused, or imported without harm (bar B1, T01 to T23)."""

from __future__ import annotations

import os

import pytest

from tests.hostile import corpus
from tests.hostile.rig import Rig
from tests.hostile.shapes import Shape

CASES = [
    pytest.param(shape, form, id=f"{form}-{shape.name}", marks=pytest.mark.threat(shape.row))
    for shape in corpus.SHAPES
    for form in shape.forms
]


@pytest.mark.parametrize(("shape", "form"), CASES)
def test_no_archive_does_harm(bench: Rig, shape: Shape, form: str) -> None:
    for name, data in corpus.files(shape, form, os.fsencode(bench.canary)):
        answer = bench.try_form(form, data)
        if shape.expect[form] == "refused":
            assert "refusal" in answer, f"{name} was imported"
            assert answer["kind"] == "ImageError", f"{name}: {answer}"


def test_the_corpus_is_as_large_as_the_bar_demands() -> None:
    files = sum(len(shape.dialects) * len(corpus.COMPRESSIONS) for shape in corpus.SHAPES)
    assert files >= 120
    assert len({shape.kind for shape in corpus.SHAPES}) >= 30
    assert {shape.row for shape in corpus.SHAPES} >= {
        f"T{n:02}" for n in (*range(1, 18), *range(19, 24))
    }
    assert len({shape.name for shape in corpus.SHAPES}) == len(corpus.SHAPES)
