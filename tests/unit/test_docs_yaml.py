# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML in the documents: it parses, and modules, options, roles and variables in it are ones that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.paths import CHECKOUT
from tools.site import plugins

PAGES = (
    *(CHECKOUT / "docs").glob("*.md"),
    *(CHECKOUT / "docs/how-to").glob("*.md"),
    CHECKOUT / "README.md",
    *CHECKOUT.glob("roles/*/README.md"),
)
BLOCK = re.compile(r"^```ya?ml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OURS = "podwright.fleet."


class Loader(yaml.SafeLoader):
    """Knows Ansible's tags."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def blocks() -> Iterator[Any]:
    for page in PAGES:
        for number, text in enumerate(BLOCK.findall(page.read_text("utf-8")), 1):
            yield pytest.param(text, id=f"{page.relative_to(CHECKOUT)}-{number}")


@pytest.fixture(scope="module")
def modules() -> dict[str, Any]:
    """The options of each module."""
    return {
        name: known["doc"].get("options", {})
        for name, known in plugins.documented("module").items()
    }


@pytest.fixture(scope="module")
def variables() -> set[str]:
    """Each variable that a role, a playbook or a plugin of ours reads."""
    found: set[str] = set()
    for folder in ("roles", "playbooks", "plugins"):
        for path in (CHECKOUT / folder).rglob("*.*"):
            if path.suffix in (".yml", ".py", ".j2") and "README" not in path.name:
                found |= set(re.findall(r"\bpodwright_\w+", path.read_text("utf-8")))
    return found


def mappings(found: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a document."""
    if isinstance(found, dict):
        yield found
    for part in found.values() if isinstance(found, dict) else found:
        if isinstance(part, (dict, list)):
            yield from mappings(part)


def unknown(given: Any, options: dict[str, Any], where: str) -> Iterator[str]:
    """Options that a module, or a list of objects of its, does not have."""
    if isinstance(given, list):
        for part in given:
            yield from unknown(part, options, where)
    elif isinstance(given, dict):
        names = {*options, *(alias for one in options.values() for alias in one.get("aliases", ()))}
        yield from (f"{where}: {name}" for name in given if name not in names)
        for name, value in given.items():
            below = options.get(name, {}).get("suboptions")
            if below:
                yield from unknown(value, below, f"{where}.{name}")


def tasks(text: str) -> Iterator[tuple[str, Any]]:
    """Names and options of our modules that are called."""
    for document in yaml.load_all(text, Loader):
        if isinstance(document, (dict, list)):
            for found in mappings(document):
                for name, given in found.items():
                    if str(name).startswith(OURS):
                        yield name.removeprefix(OURS), given


def test_there_are_calls_and_one_that_is_wrong_would_be_found(modules: dict[str, Any]) -> None:
    calls = [name for block in blocks() for name, _ in tasks(str(block.values[0]))]
    assert len(calls) > 20
    wrong = {"pods": [{"name": "web", "imgae": "x"}], "stat": 1}
    assert list(unknown(wrong, modules["pod"], "pod")) == ["pod: stat", "pod.pods: imgae"]


@pytest.mark.parametrize("text", list(blocks()))
def test_what_a_page_shows_can_be_used(
    text: str, modules: dict[str, Any], variables: set[str]
) -> None:
    for name, given in tasks(text):
        assert name in modules, name
        if isinstance(given, dict):
            assert not list(unknown(given, modules[name], name))
    for role in re.findall(
        rf"(?:role|name|roles): \[?{re.escape(OURS)}(\w+)\]?$", text, re.MULTILINE
    ):
        assert Path(CHECKOUT / "roles" / role).is_dir() or role in modules, role
    for playbook in re.findall(rf"import_playbook: {re.escape(OURS)}(\w+)", text):
        assert (CHECKOUT / "playbooks" / f"{playbook}.yml").is_file(), playbook
    assert set(re.findall(r"\bpodwright_\w+", text)) <= variables
