# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet's report in a browser: found, filtered, sorted, on a phone, printed, and never believed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.plugin_utils import status_page, status_report

from tests.support import status_fleet
from tests.support.browser import Browser
from tests.support.patience import until

ESCAPE, ARROW_RIGHT, TAB, ENTER = "\ue00c", "\ue014", "\ue004", "\ue007"
CANARY = "window.canary = 1"


def written(path: Path, answers: dict[str, Any], title: str = "The shop") -> dict[str, Any]:
    """The report about hosts that have told this, as a page at `path`."""
    told = [status_report.Told(name, answer) for name, answer in answers.items()]
    report = status_report.report(told, status_fleet.NOW, title)
    path.write_text(status_page.page(report), encoding="utf-8")
    return report


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests here: it takes seconds to start."""
    with Browser(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """The browser, which must have nothing to complain about in the end, and must not have asked for anything."""
    chromium.open("about:blank")
    chromium.resize(1280, 900)
    chromium.cdp("Emulation.setEmulatedMedia", features=[])
    chromium.said(), chromium.requested()
    yield chromium
    assert chromium.said() == []
    assert chromium.requested() == []


def rows(browser: Browser) -> list[str]:
    """The texts of the rows of the table that is shown."""
    found: list[str] = browser.run(
        "return [...document.querySelectorAll('#view tbody tr')].map(row => row.innerText.replace(/\\s+/g, ' '))"
    )
    return found


def click(browser: Browser, selector: str) -> None:
    """Press what a person would press."""
    browser.run("document.querySelector(arguments[0]).click()", selector)


def search(browser: Browser, text: str, found: str) -> None:
    """Type into the search, and wait until it is said that this is found."""
    browser.run("document.getElementById('search').focus()")
    browser.keys(text)
    count = "return document.getElementById('count').textContent"
    until(lambda: found in browser.run(count), f"{found} for {text}")


def test_a_fleet_is_searched_filtered_sorted_and_looked_into(
    browser: Browser, tmp_path: Path
) -> None:
    page = tmp_path / "fleet.html"
    report = written(page, status_fleet.answers(60, 10))
    browser.open(page)
    assert browser.run("return document.title") == "The shop"
    tiles = browser.run("return [...document.querySelectorAll('.tile b')].map(b => b.textContent)")
    assert tiles[0] == "60" and tiles[2] == f"{report['summary']['serving']:,}"
    assert "No route to host" in browser.run("return document.getElementById('view').innerText")

    click(browser, "#tab-pods")
    assert "not serving" in rows(browser)[0] or "failed" in rows(browser)[0]  # the worst first
    click(browser, "[data-sort=pod]")
    assert rows(browser)[0].startswith("api ")
    click(browser, "[data-sort=pod]")
    assert rows(browser)[0].startswith("worker ")
    names = browser.run("return document.activeElement.dataset.sort")
    assert names == "pod", "the focus is lost by sorting"

    redis = [pod for pod in report["pods"] if pod["name"] == "redis"]
    search(browser, "redis", f"{len(redis)} of {len(report['pods'])} pods")
    one = redis[3]["host"].partition(".")[0]
    search(browser, f" {one}", "1 of 60 hosts, 1 of")
    assert [row.split()[0] for row in rows(browser)] == ["redis"]
    click(browser, "#view tbody .link")
    assert redis[3]["uuid"] in browser.run("return document.getElementById('detail').innerText")
    assert status_fleet.KEY in browser.run("return document.getElementById('detail').innerText")
    browser.keys(ESCAPE)
    until(lambda: not browser.run("return document.getElementById('detail').open"), "it closes")

    browser.run("document.getElementById('search').focus()")
    browser.keys(ESCAPE)
    until(lambda: len(rows(browser)) > 1, "everything is shown again")
    click(browser, "[data-only=drifted]")
    drifted = report["summary"]["drifted"]
    assert drifted and f"{drifted} of" in browser.run(
        "return document.getElementById('count').textContent"
    )
    assert len(rows(browser)) == drifted
    browser.run("document.getElementById('tab-pods').focus()")
    browser.keys(ARROW_RIGHT)
    until(
        lambda: browser.run("return document.activeElement.id") == "tab-hosts",
        "keys change the view",
    )
    assert "only=drifted" in browser.run("return location.hash")


def test_an_address_with_words_of_the_language_shows_the_page(
    browser: Browser, tmp_path: Path
) -> None:
    page = tmp_path / "fleet.html"
    written(page, status_fleet.answers(3, 2))
    for odd in ("#view=constructor&only=toString", "#view=__proto__", "#only=hasOwnProperty"):
        browser.open(f"{page.as_uri()}{odd}")
        assert browser.run("return document.querySelectorAll('#view *').length") > 10
    browser.run("localStorage.setItem('podwright-theme', 'constructor')")
    browser.open(f"{page.as_uri()}#view=pods")
    assert rows(browser)
    browser.run("localStorage.removeItem('podwright-theme')")


def test_light_dark_and_what_the_system_says(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "fleet.html"
    written(page, status_fleet.answers(3, 3))
    browser.open(page)

    def back() -> str:
        return str(browser.run("return getComputedStyle(document.body).backgroundColor"))

    light = back()
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.cdp("Emulation.setEmulatedMedia", features=dark)
    assert back() != light
    click(browser, "#theme")
    assert (
        back() == light
        and browser.run("return document.getElementById('theme').textContent") == "☀ Light"
    )
    browser.cdp("Emulation.setEmulatedMedia", features=[])
    click(browser, "#theme")
    assert back() != light and "dark" in browser.run(
        "return document.getElementById('theme').ariaLabel"
    )


@pytest.mark.parametrize("view", ["attention", "matrix", "pods", "hosts", "images"])
def test_a_phone_shows_all_without_scrolling_sideways(
    browser: Browser, tmp_path: Path, view: str
) -> None:
    page = tmp_path / "fleet.html"
    answers = status_fleet.answers(12, 12)
    endless = "a" * 300
    answers[endless] = {**answers["ber-000.shop.example"]}
    answers[endless]["host"] = {**answers[endless]["host"], "kernel": endless, "os": endless}
    written(page, answers, title=endless)
    browser.resize(360, 740)
    browser.open(f"{page.as_uri()}#view={view}")
    assert browser.run("return document.documentElement.scrollWidth") == 360
    assert browser.run(
        "const tabs = document.getElementById('tabs'); return tabs.scrollWidth <= tabs.clientWidth"
    )
    assert browser.run(
        "return [...document.querySelectorAll('#view *')].every(e => e.getBoundingClientRect().right <= 361)"
    )
    browser.run("document.querySelector('#view .link, #view .chip')?.click()")
    assert browser.run("return document.getElementById('detail').scrollWidth") <= 360


@pytest.mark.threat("T95")
def test_what_hosts_say_is_text(browser: Browser, tmp_path: Path) -> None:
    """Markup, ends of scripts, templates and marks of direction, in every text that a host can choose."""
    bad = f"</script><script>{CANARY}</script><img src=x onerror='{CANARY}'>{{{{ 7 * 7 }}}}\u202e<!--\u2028@DATA@&amp;"
    answers = {f"host {bad}": _all_bad(next(iter(status_fleet.answers(1, 2).values())), bad)}
    answers["lost"] = {"unreachable": True, "msg": bad}
    answers["odd"] = {
        "pods": [{"apps": 7, "history": {}, "verdict": []}, 3, {"name": None}],
        "host": [],
    }
    page = tmp_path / "fleet.html"
    written(page, answers, title=bad)
    browser.open(page)
    for view in ("attention", "matrix", "pods", "hosts", "images"):
        click(browser, f"#tab-{view}")
        shown = browser.run("return document.getElementById('view').innerText")
        assert f"<script>{CANARY}</script>" in shown, view
        assert "\u202e" not in shown and "{{ 7 * 7 }}" in shown
    for link in range(3):
        browser.run("document.querySelectorAll('#view .link')[arguments[0]]?.click()", link)
    click(browser, "#tab-matrix")
    browser.run("document.querySelectorAll('.cell, #view .link').forEach(one => one.click())")
    assert browser.run("return window.canary") is None
    assert browser.run("return document.querySelectorAll('img').length") == 0
    assert browser.run("return document.scripts.length") == 2
    # the control: the same text, as markup, would have been noticed
    control = tmp_path / "control.html"
    control.write_text(f"<title>x</title><script>{CANARY}</script>")
    browser.open(control)
    assert browser.run("return window.canary") == 1


def _all_bad(value: Any, bad: str) -> Any:
    """The same with every text but those that must be as they are to be understood."""
    if isinstance(value, dict):
        kept = ("state", "kind", "time", "started_at", "created_at", "status", "outcome")
        return {key: one if key in kept else _all_bad(one, bad) for key, one in value.items()}
    if isinstance(value, list):
        return [_all_bad(one, bad) for one in value]
    return f"{value}{bad}" if isinstance(value, str) else value


def test_the_policy_of_the_page_stops_what_is_not_its_own(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "fleet.html"
    written(page, status_fleet.answers(2, 2))
    text = page.read_text()
    assert text.count("<script>") == 1
    page.write_text(text.replace("</body>", f"<script>{CANARY}</script></body>"))
    browser.open(page)
    assert browser.run("return window.canary") is None
    assert browser.run("return document.querySelectorAll('.tile').length") == 6
    fetched = "return fetch('https://example.com/').then(() => 'sent', () => 'stopped')"
    assert browser.run(fetched) == "stopped"
    assert sum("Content Security Policy" in line for line in browser.said()) >= 2
    assert browser.requested() == []


def test_five_hundred_hosts_are_shown_in_parts_and_printed_whole(
    browser: Browser, tmp_path: Path
) -> None:
    page = tmp_path / "fleet.html"
    report = written(page, status_fleet.answers(500, 20))
    browser.open(f"{page.as_uri()}#view=pods")
    count = len(report["pods"])
    assert count > 8000
    assert 60 <= len(rows(browser)) < 1000
    browser.run("window.dispatchEvent(new Event('beforeprint'))")
    assert browser.run("return document.querySelectorAll('#view tbody tr').length") == count
    click(browser, "#tab-matrix")
    assert browser.run("return document.querySelectorAll('#view thead th').length") == 21


def test_a_page_is_printed(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "fleet.html"
    written(page, status_fleet.answers(80, 3))
    browser.open(f"{page.as_uri()}#view=hosts")
    assert len(rows(browser)) == 60
    assert browser.printed().startswith(b"%PDF")
    assert len(rows(browser)) == 80


def test_the_parts_of_a_page_have_names_for_those_who_do_not_see_it(
    browser: Browser, tmp_path: Path
) -> None:
    page = tmp_path / "fleet.html"
    written(page, status_fleet.answers(5, 5))
    browser.open(f"{page.as_uri()}#view=matrix")
    tree = browser.cdp("Accessibility.getFullAXTree")["nodes"]
    nodes = [
        (one["role"]["value"], one.get("name", {}).get("value", ""))
        for one in tree
        if not one["ignored"]
    ]
    nameless = [
        role
        for role, name in nodes
        if not name and role in ("button", "tab", "searchbox", "combobox", "link")
    ]
    assert nameless == []
    assert ("tab", "Matrix 5") in [(role, " ".join(name.split())) for role, name in nodes] or any(
        role == "tab" and name.startswith("Matrix") for role, name in nodes
    )
    assert any(
        role == "button" and "api on ber-000" in name and "serving" in name for role, name in nodes
    )
    assert any(role == "columnheader" and name == "api" for role, name in nodes)
    assert any(role == "status" for role, _ in nodes)


def test_the_data_in_the_page_is_the_report(tmp_path: Path) -> None:
    page = tmp_path / "fleet.html"
    report = written(page, status_fleet.answers(4, 4))
    island = page.read_text().split('id="data">')[1].split("</script>")[0]
    found = json.loads(island)
    assert [pod["uuid"] for pod in found["pods"]] == [pod["uuid"] for pod in report["pods"]]
    assert not set(island) & set("<>&'")
