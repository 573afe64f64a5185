# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import skips


def test_a_listed_skip_names_the_command_that_runs_it(tmp_path: Path) -> None:
    listed = tmp_path / "skips.txt"
    listed.write_text("# why\ntests/a.py::test_xen | make bed-xen  # needs Xen\n")
    assert skips.allowed(listed) == {"tests/a.py::test_xen": "make bed-xen"}


def test_a_line_without_a_command_is_an_error(tmp_path: Path) -> None:
    listed = tmp_path / "skips.txt"
    listed.write_text("tests/a.py::test_xen\n")
    with pytest.raises(ValueError, match=r"skips.txt:1: expected 'TEST-ID \| COMMAND'"):
        skips.allowed(listed)


def test_other_skips_are_unexpected() -> None:
    assert skips.unexpected(["b", "a", "b"], {"a": "make x"}) == ["b"]
