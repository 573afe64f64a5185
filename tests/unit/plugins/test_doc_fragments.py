# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of options is made from the tables, and says what the tables say."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from ansible_collections.podwright.fleet.plugins.module_utils.options import Option

from tests.support.paths import CHECKOUT
from tools import doc_fragments

MODULES = sorted(path.stem for path in (CHECKOUT / "plugins/modules").glob("*.py"))
BY_HAND = {
    "rollout": "an action plugin on the controller",
    "rollout_host": "what rollout does on a host, not for playbooks",
    "status_report": "an action plugin on the controller",
}
"""Modules without an option table, and why."""
FAILURE = ("reason", "stage", "object", "hint")
MANAGERS_WITHOUT_INFO = {
    "agent": "installs files; host_info and status_info tell what there is",
    "attest": "reads itself, and changes nothing on the host",
    "gc": "in check mode it tells what would go; pod_info and image_info tell what there is",
    "image_build": "image_info tells what is in a store; an image file tells about itself",
    "image_export": "writes files; image_info tells of which images it can",
    "image_render": "writes directories; image_info tells of which images it can",
    "pod_exec": "runs a command, and keeps no state",
    "pod_export": "writes files; pod_info tells of which pods it can",
    "pod_logs": "only reads itself",
}
"""Modules without a counterpart that reads, and why."""


def docs_of(module: str, name: str = "DOCUMENTATION") -> dict[str, Any]:
    """DOCUMENTATION or RETURN of a module."""
    text = (CHECKOUT / f"plugins/modules/{module}.py").read_text()
    found = re.search(rf'^{name} = r"""\n(.*?)^"""$', text, re.MULTILINE | re.DOTALL)
    assert found, module
    loaded: dict[str, Any] = yaml.safe_load(found.group(1))
    return loaded


def test_the_fragments_are_up_to_date() -> None:
    found = "\n".join(doc_fragments.differences())
    assert not found, f"`make fragments` writes them:\n{found}"


def test_an_option_needs_its_words_and_words_need_their_option() -> None:
    table, said = {"a": Option("int", default=3)}, {"a": {"description": ["What."]}}
    assert doc_fragments.documented(table, said) == {
        "a": {"description": ["What."], "type": "int", "default": 3}
    }
    inner = {"b": Option("dict", table=table)}
    for options, words in (
        (table, {}),
        ({}, said),
        (inner, {"b": {"description": ["B."], "suboptions": {}}}),
        (inner, {"b": {"description": ["B."]}}),
        (table, {"a": {"description": ["What."], "suboptions": said}}),
    ):
        with pytest.raises(doc_fragments.Mismatch):
            doc_fragments.documented(options, words)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_what_every_module_has(module: str) -> None:
    docs, returns = docs_of(module), docs_of(module, "RETURN")
    fragments = docs.get("extends_documentation_fragment", [])
    for key in FAILURE if module not in BY_HAND else ():
        assert "on failure" in returns[key]["returned"], key
    assert docs["author"]
    assert docs["version_added"]
    told = {"podwright.fleet.agent.changes", "podwright.fleet.agent.reads"} & {*fragments}
    assert told or {"check_mode", "diff_mode", "idempotent"} <= docs["attributes"].keys()
    if module in BY_HAND:
        return
    assert "options" not in docs
    assert f"podwright.fleet.{module}_options" in fragments
    if module != "agent":  # it has no agent to ask
        assert {
            f"podwright.fleet.{one}" for one in ("agent", "agent.attributes", "common_options")
        } <= {*fragments}
        group = yaml.safe_load((CHECKOUT / "meta/runtime.yml").read_text())["action_groups"][
            "podwright"
        ]
        assert module in group


def test_what_can_be_managed_can_be_read() -> None:
    managing = {one for one in MODULES if not one.endswith("_info") and one not in BY_HAND}
    without = {module for module in managing if f"{module}_info" not in MODULES}
    assert without == MANAGERS_WITHOUT_INFO.keys()
