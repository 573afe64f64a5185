# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux and AppArmor at work: what pods carry, what it keeps them from, and the same without it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support import tiny_image
from tests.vm import bed
from tests.vm.machine import Machine

PAIR = r"s0:c\d+,c\d+"
PROCESS = rf"system_u:system_r:container_t:{PAIR}"


@pytest.fixture(scope="module")
def labels(selinux: Machine) -> dict[str, Any]:
    return bed.told(selinux, "scenario_selinux.py", files={"tiny.aci": tiny_image.build()})


@pytest.fixture(scope="module")
def apparmor(plain: Machine) -> dict[str, Any]:
    return bed.told(plain, "scenario_apparmor.py", files={"tiny.aci": tiny_image.build()})


def test_every_process_of_a_pod_has_its_label_and_no_two_pods_the_same(
    labels: dict[str, Any],
) -> None:
    assert re.fullmatch(PROCESS, labels["label_a"])
    assert re.fullmatch(PROCESS, labels["label_b"])
    assert labels["label_a"] != labels["label_b"]
    assert set(labels["current"]) == {labels["label_a"]}


def test_verify_finds_processes_mounts_and_files_right(labels: dict[str, Any]) -> None:
    found = labels["verify"]
    assert labels["verify_status"] == 0, labels["verify_error"]
    assert (found["mode"], found["verified"]) == ("enforcing", True)
    assert {one["kind"] for one in found["findings"]} == {"process", "mount", "file"}
    assert "SELinux is enforcing; 0 of" in labels["verify_text"]


def test_verify_notices_a_label_that_was_changed(labels: dict[str, Any]) -> None:
    assert labels["verify_after_change"] == 1


@pytest.mark.threat("T66")
def test_a_directory_of_the_host_is_out_of_reach_until_selinux_lets_go(
    labels: dict[str, Any],
) -> None:
    assert labels["unlabelled"].startswith("1 cat: can't open '/data/file': Permission denied")
    for control in ("unlabelled_permissive", "unlabelled_off"):
        assert labels[control] == "0 data\nwritten"


@pytest.mark.threat("T66")
def test_the_private_volume_of_another_pod_is_out_of_reach_until_its_label_is_taken_away(
    labels: dict[str, Any],
) -> None:
    level = labels["holder_level"]
    assert labels["private_label"] == f"system_u:object_r:container_file_t:{level}"
    assert labels["private_of_other"].startswith("1 cat: can't open")
    assert labels["private_of_other_permissive"] == "0 private\nwritten"
    assert labels["private_of_other_label_taken_away"].startswith("1 private")


def test_volumes_are_relabelled_for_one_pod_or_for_all(labels: dict[str, Any]) -> None:
    assert labels["private_again"] == "0 private\nwritten"
    assert labels["shared_first"] == labels["shared_second"] == "0 shared\nwritten"
    assert labels["shared_label"] == "system_u:object_r:container_file_t:s0"
    assert "is /etc of the host and is not relabelled" in labels["relabel_etc"]


def test_require_auto_and_off(labels: dict[str, Any]) -> None:
    assert re.fullmatch(rf"0 {PROCESS}", labels["require"].strip("\0"))
    assert labels["off"].startswith("0 unconfined_u:unconfined_r:unconfined_t:")
    assert "SELinux is permissive on this host" in labels["require_permissive"]


def test_copied_roots_and_host_users_are_labelled_too(labels: dict[str, Any]) -> None:
    assert re.match(rf"0 {PROCESS}\W+x$", labels["copied"])
    assert re.match(rf"0 {PROCESS}\W*$", labels["host_users"])


def test_who_enters_a_pod_gets_its_label(labels: dict[str, Any]) -> None:
    assert labels["entered"].strip("\0 ") == f"0 {labels['label_a']}"


def test_pairs_are_free_when_their_pods_have_ended(labels: dict[str, Any]) -> None:
    assert (labels["slots_while"], labels["slots_after"]) == (2, [])


def test_apply_under_systemd_verifies_the_label(labels: dict[str, Any]) -> None:
    (pod,) = labels["applied"]["pods"]
    assert (pod["error"], pod["ready"]) == (None, True), labels["journal"]
    assert re.fullmatch(PROCESS, pod["selinux"])
    assert "0 of" in labels["verified"]


def test_the_operator_may_say_the_context(labels: dict[str, Any]) -> None:
    assert labels["own_context"]["file"] == "system_u:object_r:container_file_t:s0:c1,c2"


def test_a_policy_that_lacks_its_own_types_is_told_or_refused(labels: dict[str, Any]) -> None:
    assert labels["unknown_type"].startswith("0 ")
    assert (
        "no SELinux label: the SELinux policy that is loaded does not know"
        in (labels["unknown_type"])
    )
    assert labels["unknown_type_required"].startswith("254 ")
    assert "missing_t" in labels["unknown_type_required"]


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
