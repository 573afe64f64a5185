# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a rollout: what is misspelt or of no sense is refused before any host is asked."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from ansible_collections.podwright.fleet.plugins.module_utils import rollout_pods
from ansible_collections.podwright.fleet.plugins.plugin_utils import rollout_options, rollout_plan
from ansible_collections.podwright.fleet.plugins.plugin_utils.rollout_plan import PlanError

from tests.support.paths import CHECKOUT

ROLE = CHECKOUT / "roles/rollout"
SPEC: dict[str, Any] = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())[
    "argument_specs"
]["main"]["options"]


def test_every_variable_of_the_role_is_known_and_no_other() -> None:
    files = [*ROLE.glob("tasks/*.yml"), *CHECKOUT.glob("playbooks/roll*.yml")]
    used = {
        name
        for file in files
        for name in re.findall(r"podwright_roll(?:out|back)_[a-z_]+[a-z]", file.read_text())
    }
    assert {"podwright_rollout_judged", "podwright_rollback_serial"} <= used, "control"
    rollout_options.refuse_strangers(used, SPEC)
    # What tasks in a host's name set by a name that is put together.
    made = {"podwright_rollout_hooked", "podwright_rollout_after_hook"}
    own = {rollout_options.PREFIX + name for name in rollout_options.OWN}
    assert own <= used | made
    assert not own & SPEC.keys()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("podwright_rollout_cannary", "did you mean podwright_rollout_canary?"),
        ("podwright_rollback_serail", "did you mean podwright_rollback_serial?"),
        ("podwright_rollout_colour", "docs/rollout.md says which there are"),
    ],
)
def test_a_misspelt_variable_is_refused(name: str, said: str) -> None:
    rollout_options.refuse_strangers(["podwright_other", "web", "podwright_rollout_canary"], SPEC)
    with pytest.raises(PlanError, match=f"{name}: there is no such variable; {re.escape(said)}"):
        rollout_options.refuse_strangers(["web", name], SPEC)


def test_texts_of_a_command_line_become_what_is_meant() -> None:
    given = {"pause": "canary,batch", "batches": "1,25%", "force_unlock": "yes"}
    given = {f"podwright_rollout_{name}": text for name, text in given.items()}
    found = rollout_options.validated({name: SPEC[name] for name in given}, given)
    assert list(found.values()) == [["canary", "batch"], ["1", "25%"], True]
    with pytest.raises(
        PlanError, match="podwright_rollout_pause must be one or more of: canary, batch"
    ):
        rollout_options.validated(
            SPEC, {"podwright_rollout_pods": [], "podwright_rollout_pause": "never"}
        )


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (True, True),
        ("true", True),
        ("False", False),
        ("web1", ["web1"]),
        ("web1, web2", ["web1", "web2"]),
        (["web1"], ["web1"]),
    ],
)
def test_hosts_may_be_written_as_a_text(given: Any, meant: Any) -> None:
    assert rollout_options.hosts(given) == meant


def test_differences_are_told_with_the_names_of_what_they_are_about() -> None:
    diff = {"before": {"pods": {"web": 1}}, "after": {"pods": {"db": 2}, "images": {"x:1": 3}}}
    found = rollout_pods.headed(diff)
    assert found == {
        **diff,
        "before_header": "images x:1, pods db, pods web",
        "after_header": found["before_header"],
    }
    assert rollout_pods.headed({"before": {}, "after": {}}) == {"before": {}, "after": {}}


def test_a_canary_may_be_named_on_a_command_line() -> None:
    groups = {"all": ["a", "b", "c"], "edge": ["b", "c"]}
    todo = ["a", "b", "c"]
    assert (
        rollout_plan.chosen("edge", todo, groups)
        == rollout_plan.chosen("c, b", todo, groups)
        == ["b", "c"]
    )
    assert (
        rollout_plan.chosen("2", todo, groups) == ["a", "b"]
        and rollout_plan.chosen("0%", todo, groups) == []
    )
    with pytest.raises(
        PlanError, match="'10x' is no host and no group of the inventory, no number"
    ):
        rollout_plan.chosen("10x", todo, groups)
