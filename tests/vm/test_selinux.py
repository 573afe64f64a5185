# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods on a host with SELinux, Debian's policy and our module: labels, denials, and each without SELinux in the way."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support import tiny_image
from tests.vm import bed
from tests.vm.machine import Machine

pytestmark = pytest.mark.vm_full
PAIR = r"s0:c\d+,c\d+"
PROCESS = rf"system_u:system_r:podwright_pod_t:{PAIR}"
POD, FILE, FOREIGN, LIBRARY = "podwright_pod_t", "podwright_file_t", "var_t", "lib_t"
AGENT = "unconfined_t"
EXPECTED = {
    # What a pod has no label for, and what is another one's.
    (POD, FOREIGN, "dir", "other"),
    (POD, FOREIGN, "file", "other"),
    (POD, LIBRARY, "dir", "other"),
    (POD, LIBRARY, "file", "other"),
    (POD, FILE, "dir", "other"),
    (POD, FILE, "file", "other"),
    # A pod asks after its PID 1: the last thing in the scenario.
    (POD, AGENT, "process", "other"),
}
"""Denials of the first scenario: by, on, class, and whose levels. `own` may only be what it made without a label."""
MADE = {(POD, FOREIGN, "file", "own"), (POD, LIBRARY, "file", "own")}
OBJECTS = {"process", "dir", "file", "lnk_file", "fd", "shm", "msgq", "sem", "unix_stream_socket"}
OBJECTS |= {"unix_dgram_socket", "fifo_file", "sock_file"}


def files() -> dict[str, Any]:
    """What the scenarios are given."""
    names = ("selinux_inside.py", "selinux_attack.py")
    return {"tiny.aci": tiny_image.build(), **{name: bed.HERE / name for name in names}}


@pytest.fixture(scope="module")
def seen(selinux: Machine) -> dict[str, Any]:
    return bed.told(selinux, "scenario_selinux.py", files=files())


@pytest.fixture(scope="module")
def attacks(selinux: Machine) -> dict[str, Any]:
    return bed.told(selinux, "scenario_selinux_attacks.py", files=files())


def test_the_host_says_that_it_has_our_module(seen: dict[str, Any]) -> None:
    assert "enforcing, policy default, with podwright's own module for containers" in seen["check"]


def test_every_process_of_a_pod_has_its_label_and_no_two_pods_the_same(
    seen: dict[str, Any],
) -> None:
    assert re.fullmatch(PROCESS, seen["label_a"])
    assert re.fullmatch(PROCESS, seen["label_b"])
    assert seen["label_a"] != seen["label_b"]
    assert set(seen["current"]) == {seen["label_a"]}


def test_verify_finds_processes_mounts_and_files_right(seen: dict[str, Any]) -> None:
    found = seen["verify"]
    assert seen["verify_status"] == 0, seen["verify_error"]
    assert (found["mode"], found["verified"]) == ("enforcing", True)
    assert {one["kind"] for one in found["findings"]} == {"process", "mount", "file"}
    assert "SELinux is enforcing; 0 of" in seen["verify_text"]


def test_verify_notices_a_label_that_was_changed(seen: dict[str, Any]) -> None:
    assert seen["verify_after_change"] == 1


def test_pairs_are_free_when_their_pods_have_ended(seen: dict[str, Any]) -> None:
    assert (seen["slots_while"], seen["slots_after"]) == (2, [])


@pytest.mark.threat("T66")
def test_a_directory_of_the_host_is_out_of_reach_until_selinux_lets_go(
    seen: dict[str, Any],
) -> None:
    assert "cat: can't open '/data/file': Permission denied" in seen["unlabelled"]
    assert "written" not in seen["unlabelled"]
    for control in ("unlabelled_permissive", "unlabelled_off"):
        assert seen[control].endswith("data\nwritten")


@pytest.mark.threat("T66")
def test_a_library_of_the_host_is_read_and_not_written(seen: dict[str, Any]) -> None:
    """A pod without users of its own wrote the host's libraries: to write and to open came from two rules."""
    assert seen["library"].splitlines()[-2] == "data"
    assert "/data/new: Permission denied" in seen["library"].splitlines()[-1]
    assert seen["library_permissive"].endswith("data\nwritten")


@pytest.mark.threat("T66")
def test_no_type_of_the_hosts_can_be_opened_for_writing(seen: dict[str, Any]) -> None:
    assert seen["types"] > 500
    assert seen["opened"] == ["podwright_file_t", "podwright_shared_t"]


@pytest.mark.threat("T66")
def test_the_private_volume_of_another_pod_is_out_of_reach_until_its_label_is_taken_away(
    seen: dict[str, Any],
) -> None:
    assert seen["private_label"] == f"system_u:object_r:podwright_file_t:{seen['holder_level']}"
    assert "cat: can't open '/data/file': Permission denied" in seen["private_of_other"]
    for control in ("permissive", "label_taken_away"):
        assert seen[f"private_of_other_{control}"].endswith("private\nwritten")


def test_volumes_are_relabelled_for_one_pod_or_for_all(seen: dict[str, Any]) -> None:
    assert seen["private_again"].endswith("private\nwritten")
    assert seen["shared_label"] == "system_u:object_r:podwright_shared_t:s0"
    assert "is /etc of the host and is not relabelled" in seen["relabel_etc"]


def test_what_a_pod_makes_in_a_shared_volume_other_pods_can_use_at_once(
    seen: dict[str, Any],
) -> None:
    assert seen["shared_first"].endswith("shared\nwritten\n")
    assert seen["shared_made"] == "system_u:object_r:podwright_shared_t:s0"
    assert seen["shared_second"].endswith("shared\nx\ny\nmine")


def test_require_auto_and_off(seen: dict[str, Any]) -> None:
    assert re.search(rf"\b{PROCESS}$", seen["require"])
    assert "unconfined_u:unconfined_r:unconfined_t:" in seen["off"]
    assert "SELinux is permissive on this host" in seen["require_permissive"]


def test_copied_roots_and_host_users_are_labelled_too(seen: dict[str, Any]) -> None:
    assert re.search(rf"{PROCESS}\W+x$", seen["copied"])
    assert re.search(rf"{PROCESS}$", seen["host_users"])


def test_prepared_pods_are_labelled_as_others_are(seen: dict[str, Any]) -> None:
    assert re.search(rf"\b{PROCESS}$", seen["prepared"])


def test_hooks_have_the_label_of_their_app(seen: dict[str, Any]) -> None:
    assert set(seen["ways"]) == {"pre-start", "app", "post-stop"}, seen["hooks"]
    assert len(set(seen["ways"].values())) == 1
    assert re.fullmatch(PROCESS, seen["ways"]["app"])


def test_who_enters_a_pod_and_an_app_that_is_added_get_its_label(seen: dict[str, Any]) -> None:
    assert seen["entered"] == f"0 {seen['label_a']}"
    assert set(seen["added_current"]) == {seen["added_label"]}, seen["added"]
    assert re.fullmatch(PROCESS, seen["added_label"])


def test_what_programs_use_every_day_works(seen: dict[str, Any]) -> None:
    words = ["df", "net", "fifo", "urandom", "shm", "ps", "killed", "executed", "through a pipe"]
    assert [line for line in seen["probe"].splitlines() if line in words] == words


def test_output_reaches_pipes_files_and_terminals(seen: dict[str, Any]) -> None:
    assert (seen["file"], seen["file_label"].split(":")[2]) == ("to a file\n", "user_home_t")
    assert "on a terminal" in seen["terminal"]


def test_apply_under_systemd_verifies_the_label(seen: dict[str, Any]) -> None:
    (pod,) = seen["applied"]["pods"]
    assert (pod["error"], pod["ready"]) == (None, True), seen["journal"]
    assert re.fullmatch(PROCESS, pod["selinux"])
    assert "0 of" in seen["verified"]
    assert seen["probed"] == pod["selinux"]


def test_logs_journal_secrets_and_the_control_socket_work_under_systemd(
    seen: dict[str, Any],
) -> None:
    for place in ("logs", "journal"):
        assert "begun\n" in seen[place]
        assert "of the secret" in seen[place]
    assert seen["entered_web"] == "0 of the secret"


def test_the_operator_may_say_the_context_and_its_pair_is_taken(seen: dict[str, Any]) -> None:
    assert seen["own_context"]["file"] == "system_u:object_r:podwright_file_t:s0:c1,c2"
    assert seen["own_slot"] == 1


def test_types_of_the_policys_own_come_first(seen: dict[str, Any]) -> None:
    assert (seen["theirs"], seen["nothing"]) == ("svirt_t", "podwright_pod_t")


@pytest.mark.threat("T66")
@pytest.mark.parametrize("who", ["other", "one_in_common"])
def test_a_pod_of_root_in_the_same_namespaces_reaches_nothing_of_another(
    attacks: dict[str, Any], who: str
) -> None:
    tried = dict(attacks[who])
    assert tried.pop("label").startswith("system_u:system_r:podwright_pod_t:s0:c")
    assert {name: got for name, got in tried.items() if got not in ("EACCES", "EPERM")} == {}
    assert len(tried) == 24
    assert attacks["lives"] is True


@pytest.mark.threat("T66")
@pytest.mark.parametrize("control", ["permissive", "same_pair"])
def test_it_reaches_everything_when_selinux_lets_it(attacks: dict[str, Any], control: str) -> None:
    """What stands between them is SELinux, and the pair of categories."""
    tried = {name: got for name, got in attacks[control].items() if name != "label"}
    assert {name: got for name, got in tried.items() if got != "done"} == {}
    assert attacks["spaces"] == [True, True, True, True]


def test_a_pod_of_flavour_fly_has_the_label_that_its_operator_says(attacks: dict[str, Any]) -> None:
    assert attacks["holder"] == "system_u:system_r:podwright_pod_t:s0:c1,c2"
    assert attacks["verified"].startswith("0 ")
    assert "unconfined_t" in attacks["fly"]


def test_nothing_else_is_denied_to_pods_nor_to_who_starts_them(seen: dict[str, Any]) -> None:
    found = {(by, on, kind, levels) for by, on, kind, _, levels, _ in seen["denials"]}
    assert found - EXPECTED - MADE == set()
    denied = {(by, on, kind) for by, on, kind, _, _, state in seen["denials"] if state == "denied"}
    assert {(POD, FOREIGN, "dir"), (POD, FILE, "dir"), (POD, AGENT, "process")} <= denied


def test_each_denial_of_the_attacks_is_of_another_pods_things(attacks: dict[str, Any]) -> None:
    denials = attacks["denials"]
    assert [one for one in denials if one[0] != POD or one[4] != "other"] == []
    assert {on for _, on, _, _, _, _ in denials} <= {POD, FILE, AGENT}
    assert {kind for _, _, kind, _, _, _ in denials} <= OBJECTS
    assert {"process", "dir", "shm", "msgq", "sem", "unix_stream_socket"} <= {
        one[2] for one in denials
    }


@pytest.mark.threat("T66")
def test_what_another_module_lets_every_domain_open_is_not_opened_by_a_pod_that_may_be_handed_it(
    seen: dict[str, Any],
) -> None:
    """It could have been opened and written: the rule for opening is theirs, that for writing what is handed ours."""
    assert seen["others_status"] == 0
    assert seen["locale_t_pod"] == ["read", "write"]
    assert seen["locale_t_machine"] == [
        "open",
        "read",
    ]  # theirs counts where nothing of ours stands against it


def test_an_operator_can_have_a_type_opened_which_then_is_never_written(
    seen: dict[str, Any],
) -> None:
    assert seen["cert_t_pod"] == ["open", "read"]
