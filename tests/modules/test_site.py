# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation as a reader sees it: opened from a directory in a browser that asks nobody for anything."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.paths import CHECKOUT
from tests.support.patience import patient, until

FOUND = "return [...document.querySelectorAll('.md-search-result__link')].map(a => a.href)"
WIDER = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
PAGES = ("index", "tutorial", "rollout", "reference/index", "reference/module/pod", "scale")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    place = tmp_path_factory.mktemp("docs") / "site"
    done = subprocess.run(
        ["mkdocs", "build", "--strict", "--quiet", "--site-dir", str(place)],
        cwd=CHECKOUT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=patient(240),
    )
    assert done.returncode == 0, done.stderr
    return place


@pytest.mark.parametrize(
    ("words", "page"),
    [("rollback canary", "rollout"), ("podwright.fleet.pod", "reference/"), ("gc grace", "")],
)
def test_a_search_answers_without_a_network(
    site: Path, tmp_path: Path, words: str, page: str
) -> None:
    with Browser(tmp_path) as browser:
        browser.open(site / "index.html")
        until(lambda: browser.run("return !!document.querySelector('.md-search__input')"), "there")
        assert browser.run(FOUND) == []
        browser.run("document.querySelector('.md-search__input').focus()")
        browser.keys(words)
        until(lambda: browser.run(FOUND), f"an answer to {words}")
        assert any(page in href for href in browser.run(FOUND))
        assert browser.requested() == []


def test_pages_fit_a_phone_and_have_no_errors(site: Path, tmp_path: Path) -> None:
    with Browser(tmp_path, width=390, height=800) as browser:
        for name in PAGES:
            browser.open(site / f"{name}.html")
            assert browser.run(WIDER) <= 0, name
            assert browser.said() == [], name
        assert browser.requested() == []
