# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux and AppArmor at work: what pods carry, what it keeps them from, and the same without it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support import tiny_image
from tests.vm import bed, inside

HERE = Path(__file__).parent
PAIR = r"s0:c\d+,c\d+"
PROCESS = rf"system_u:system_r:container_t:{PAIR}"


def played(recipe: bed.Recipe, scenario: str) -> dict[str, Any]:
    files = {"tiny.aci": tiny_image.build()}
    result = bed.run(bed.image(recipe), HERE / scenario, files=files)
    print(result.output)
    assert result.status == 0, result.console[-3000:]
    return inside.told(result.output)


@pytest.fixture(scope="module")
def selinux() -> dict[str, Any]:
    return played(bed.SELINUX, "scenario_selinux.py")


@pytest.fixture(scope="module")
def apparmor() -> dict[str, Any]:
    return played(bed.PLAIN, "scenario_apparmor.py")


def test_every_process_of_a_pod_has_its_label_and_no_two_pods_the_same(
    selinux: dict[str, Any],
) -> None:
    assert re.fullmatch(PROCESS, selinux["label_a"])
    assert re.fullmatch(PROCESS, selinux["label_b"])
    assert selinux["label_a"] != selinux["label_b"]
    assert set(selinux["current"]) == {selinux["label_a"]}


def test_verify_finds_processes_mounts_and_files_right(selinux: dict[str, Any]) -> None:
    found = selinux["verify"]
    assert selinux["verify_status"] == 0, selinux["verify_error"]
    assert (found["mode"], found["verified"]) == ("enforcing", True)
    assert {one["kind"] for one in found["findings"]} == {"process", "mount", "file"}
    assert "SELinux is enforcing; 0 of" in selinux["verify_text"]


def test_verify_notices_a_label_that_was_changed(selinux: dict[str, Any]) -> None:
    assert selinux["verify_after_change"] == 1


@pytest.mark.threat("T66")
def test_a_directory_of_the_host_is_out_of_reach_until_selinux_lets_go(
    selinux: dict[str, Any],
) -> None:
    assert selinux["unlabelled"].startswith("1 cat: can't open '/data/file': Permission denied")
    for control in ("unlabelled_permissive", "unlabelled_off"):
        assert selinux[control] == "0 data\nwritten"


@pytest.mark.threat("T66")
def test_the_private_volume_of_another_pod_is_out_of_reach_until_its_label_is_taken_away(
    selinux: dict[str, Any],
) -> None:
    level = selinux["holder_level"]
    assert selinux["private_label"] == f"system_u:object_r:container_file_t:{level}"
    assert selinux["private_of_other"].startswith("1 cat: can't open")
    assert selinux["private_of_other_permissive"] == "0 private\nwritten"
    assert selinux["private_of_other_label_taken_away"].startswith("1 private")


def test_volumes_are_relabelled_for_one_pod_or_for_all(selinux: dict[str, Any]) -> None:
    assert selinux["private_again"] == "0 private\nwritten"
    assert selinux["shared_first"] == selinux["shared_second"] == "0 shared\nwritten"
    assert selinux["shared_label"] == "system_u:object_r:container_file_t:s0"
    assert "is /etc of the host and is not relabelled" in selinux["relabel_etc"]


def test_require_auto_and_off(selinux: dict[str, Any]) -> None:
    assert re.fullmatch(rf"0 {PROCESS}", selinux["require"].strip("\0"))
    assert selinux["off"].startswith("0 unconfined_u:unconfined_r:unconfined_t:")
    assert "SELinux is permissive on this host" in selinux["require_permissive"]


def test_copied_roots_and_host_users_are_labelled_too(selinux: dict[str, Any]) -> None:
    assert re.match(rf"0 {PROCESS}\W+x$", selinux["copied"])
    assert re.match(rf"0 {PROCESS}\W*$", selinux["host_users"])


def test_who_enters_a_pod_gets_its_label(selinux: dict[str, Any]) -> None:
    assert selinux["entered"].strip("\0 ") == f"0 {selinux['label_a']}"


def test_pairs_are_free_when_their_pods_have_ended(selinux: dict[str, Any]) -> None:
    assert (selinux["slots_while"], selinux["slots_after"]) == (2, [])


def test_apply_under_systemd_verifies_the_label(selinux: dict[str, Any]) -> None:
    (pod,) = selinux["applied"]["pods"]
    assert (pod["error"], pod["ready"]) == (None, True), selinux["journal"]
    assert re.fullmatch(PROCESS, pod["selinux"])
    assert "0 of" in selinux["verified"]


def test_the_operator_may_say_the_context(selinux: dict[str, Any]) -> None:
    assert selinux["own_context"]["file"] == "system_u:object_r:container_file_t:s0:c1,c2"


def test_a_policy_that_lacks_its_own_types_is_told_or_refused(selinux: dict[str, Any]) -> None:
    assert selinux["unknown_type"].startswith("0 ")
    assert (
        "no SELinux label: the SELinux policy that is loaded does not know"
        in (selinux["unknown_type"])
    )
    assert selinux["unknown_type_required"].startswith("254 ")
    assert "missing_t" in selinux["unknown_type_required"]


@pytest.mark.threat("T65")
def test_an_apparmor_profile_confines_whoever_runs_in_the_app(apparmor: dict[str, Any]) -> None:
    for way in ("confined", "user", "host_users"):
        assert "podwright-test (enforce)" in apparmor[way]
        assert "can't open '/etc/group': Permission denied" in apparmor[way]
        assert "root:x:0:0:" in apparmor[way]


def test_without_the_profile_or_its_rule_nothing_is_denied(
    apparmor: dict[str, Any],
) -> None:
    """The controls."""
    assert "unconfined" in apparmor["free"]
    assert "podwright-test (enforce)" in apparmor["rule_taken_away"]
    for way in ("free", "rule_taken_away"):
        assert "root:x:0:\n" in apparmor[way]


def test_a_profile_that_is_not_loaded_is_refused(apparmor: dict[str, Any]) -> None:
    assert "apparmor" in apparmor["lsm"]
    assert apparmor["unloaded"].startswith("254 ")
    assert "no such profile is loaded: load it with apparmor_parser" in apparmor["unloaded"]


def test_selinux_cannot_be_required_where_apparmor_is(apparmor: dict[str, Any]) -> None:
    assert "SELinux is not enabled on this host" in apparmor["require_selinux"]
