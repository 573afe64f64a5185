# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which records of an event log an allowlist finds fault with."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    attest_allow,
    attest_pods,
    tpm_log,
)
from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_allow import Allowed

from tests.support.attesting import (
    CODE,
    KEY,
    POLICY,
    ROOT,
    app,
    baseline,
    end,
    image_id,
    record,
    start,
    uuid,
)

WEB, OTHER = "example.com/web", "example.com/other"
STAGE1 = {"name": "podwright.io/stage1-kvm", "image": image_id("kvm"), "root": ROOT}


def rules(**given: Any) -> Allowed:
    """An allowlist."""
    return attest_allow.allowed(given, lambda: CODE)


def log(*contents: dict[str, Any]) -> tpm_log.Log:
    """A log with these events after the baseline."""
    records = [record(number, one) for number, one in enumerate((baseline(), *contents))]
    return tpm_log.read(records, 13, "sha256")


def faults(allow: Allowed, *contents: dict[str, Any]) -> list[tuple[int, str]]:
    """Numbers of records, and the reasons."""
    found = attest_pods.faults_of_all(log(*contents).records, allow)
    return [(one.number, fault.reason) for one, fault in found]


def faults_now(allow: Allowed, *contents: dict[str, Any]) -> list[tuple[int, str]]:
    """The same of what runs."""
    pods = attest_pods.running(log(*contents).records)
    return [(n, fault.reason) for n, fault in attest_pods.faults_of_running(pods.values(), allow)]


def addition(number: int, added: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "event": "app-add", "uuid": uuid(number), "time": "t", "app": added, "manifest": ROOT, "policy": POLICY,
        "insecure": [], **more,
    }  # fmt: skip


def removal(number: int, name: str) -> dict[str, Any]:
    return {"event": "app-rm", "uuid": uuid(number), "time": "t", "app": name, "manifest": ROOT}


def test_without_a_list_anything_is_allowed_but_lifted_checks() -> None:
    assert faults(rules(), start(1, app("anything.example/at/all"), policy="none")) == []
    assert faults(rules(), start(1, insecure=["image"])) == [(1, "insecure")]
    assert faults(rules(insecure=["image"]), start(1, insecure=["image"])) == []
    assert faults(rules(insecure=["image"]), start(1, insecure=["image", "ondisk"])) == [
        (1, "insecure")
    ]


@pytest.mark.parametrize(
    ("entry", "allowed"),
    [
        (WEB, True),
        (image_id(WEB), True),
        ("example.com/*", True),
        ("*", True),
        ("*/web", True),
        ("example.com/we", False),
        ("example.com", False),
        ("example.com/web/more", False),
        ("examplexcom/web", False),
        (image_id(OTHER), False),
    ],
)
def test_images_by_name_pattern_and_id(entry: str, allowed: bool) -> None:
    assert faults(rules(images=[entry]), start(1, app(WEB))) == (
        [] if allowed else [(1, "image-not-allowed")]
    )


def test_every_app_of_a_pod_counts() -> None:
    pod = start(1, app(WEB), app(OTHER, "second"))
    assert faults(rules(images=[WEB]), pod) == [(1, "image-not-allowed")]
    assert faults(rules(images=[WEB, OTHER]), pod) == []
    assert faults(rules(images=[]), pod) == [(1, "image-not-allowed")] * 2


def test_a_name_that_only_ends_like_an_allowed_one_is_another() -> None:
    for name in (
        "evil.example/example.com/web",
        "example.com/web\nexample.com/other",
        "x example.com/web",
    ):
        assert faults(rules(images=[WEB]), start(1, app(name))) == [(1, "image-not-allowed")], name


def test_who_signed_the_images() -> None:
    spaced = " ".join(KEY[at : at + 4] for at in range(0, 40, 4)).lower()
    assert faults(rules(signers=[KEY]), start(1)) == []
    assert faults(rules(signers=[spaced]), start(1)) == []
    assert faults(rules(signers=["CD" * 20]), start(1)) == [(1, "signer-not-allowed")]
    unsigned = {**app(WEB), "verdict": "unverified", "keys": []}
    assert faults(rules(signers=[KEY]), start(1, unsigned)) == [(1, "signer-not-allowed")]


def test_policies_agents_and_flavours() -> None:
    other = "sha256:" + "77" * 32
    assert faults(rules(policies=[POLICY]), start(1)) == []
    assert faults(rules(policies=[other]), start(1)) == [(1, "policy-not-allowed")]
    assert faults(rules(policies=[POLICY]), start(1, policy="none")) == [(1, "policy-not-allowed")]
    assert faults(rules(policies=["none"]), start(1, policy="none")) == []
    assert faults(rules(agents=[CODE]), start(1)) == []
    assert faults(rules(agents=["collection"]), start(1)) == []
    assert faults(rules(agents=[other]), start(1)) == [(1, "agent-not-allowed")]
    evil = {"version": "0.2.0", "code": other}
    assert faults(rules(agents=[CODE]), start(1, agent=evil)) == [(1, "agent-not-allowed")]
    assert faults(rules(flavours=["kvm"]), start(1)) == [(1, "flavour-not-allowed")]
    assert faults(rules(flavours=["kvm"]), start(1, flavour="kvm", stage1=STAGE1)) == []


@pytest.mark.parametrize(
    ("least", "good"),
    [
        ("fly", {"fly", "image", "namespaces", "kvm", "xen"}),
        ("namespaces", {"namespaces", "kvm", "xen"}),
        ("vm", {"kvm", "xen"}),
    ],
)
def test_the_weakest_isolation(least: str, good: set[str]) -> None:
    for flavour in ("fly", "image", "namespaces", "kvm", "xen", "new-one"):
        bad = flavour not in good and (flavour, least) != ("new-one", "fly")
        machine = {"accelerator": "kvm" if flavour == "kvm" else ""}
        found = faults(rules(minimum_stage1=least), start(1, flavour=flavour, **machine))
        assert found == ([(1, "flavour-not-allowed")] if bad else []), flavour


@pytest.mark.parametrize("said", [{"accelerator": "tcg"}, {"accelerator": "new"}, {}])
def test_a_machine_that_is_emulated_in_software_was_taken_for_as_strong_as_one_of_kvm(
    said: dict[str, str],
) -> None:
    """An agent that did not say it is no proof of anything, either."""
    pod = start(1, flavour="kvm", **said)
    assert faults(rules(minimum_stage1="vm"), pod) == [(1, "flavour-not-allowed")]
    assert faults(rules(minimum_stage1="namespaces", flavours=["kvm"]), pod) == []
    assert faults(rules(minimum_stage1="vm"), start(1, flavour="kvm", accelerator="kvm")) == []


def test_stage1_images() -> None:
    pod = start(1, flavour="kvm", stage1=STAGE1)
    assert faults(rules(stage1=["podwright.io/*"]), pod, start(2)) == []
    assert faults(rules(stage1=[STAGE1["image"]]), pod) == []
    assert faults(rules(stage1=["other.io/*"]), pod) == [(1, "stage1-not-allowed")]


def test_apps_that_are_added_count_and_what_runs_no_more_only_since_the_boot() -> None:
    allow = rules(images=[WEB])
    story = (start(1, app(WEB)), addition(1, app(OTHER, "more")))
    assert faults(allow, *story) == faults_now(allow, *story) == [(2, "image-not-allowed")]
    gone = (*story, removal(1, "more"))
    assert faults(allow, *gone) == [(2, "image-not-allowed")]
    assert faults_now(allow, *gone) == []
    ended = (start(2, app(OTHER)), end(2), start(1, app(WEB)))
    assert faults(allow, *ended) == [(1, "image-not-allowed")]
    assert faults_now(allow, *ended) == []
    lifted = (start(1, app(WEB)), addition(1, app(WEB, "more"), insecure=["image"], policy="none"))
    strict = rules(policies=[POLICY])
    expected = [(2, "policy-not-allowed"), (2, "insecure")]
    assert faults(strict, *lifted) == faults_now(strict, *lifted) == expected


def test_a_pod_that_is_run_again_is_the_later_one() -> None:
    pods = attest_pods.running(log(start(1, app(OTHER)), end(1), start(1, app(WEB))).records)
    assert [pod.record for pod in pods.values()] == [3]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"images": [""]}, "an entry is empty"),
        ({"images": ["sha512-abc"]}, "no whole image ID"),
        ({"stage1": ["sha512-" + "ab" * 20]}, "no whole image ID"),
        ({"policies": ["abc"]}, "is no digest"),
        ({"policies": ["collection"]}, "is no digest"),
        ({"agents": ["none"]}, "is no digest"),
        ({"agents": ["sha256:" + "AB" * 32]}, "is no digest"),
        ({"flavours": ["docker"]}, "there is no flavour 'docker'"),
        ({"images": ["example.com/web:8.0"]}, "has a version"),
        ({"images": ["example.com/web@sha256:ab"]}, "has a version"),
        ({"stage1": ["podwright.io/stage1-kvm:1"]}, "has a version"),
        ({"images": ["EXAMPLE.com/web"]}, "neither a name nor an ID"),
        ({"images": ["example.com/w?b"]}, "neither a name nor an ID"),
        ({"images": ["example.com/[w]eb"]}, "neither a name nor an ID"),
        ({"images": ["example.com/web, x"]}, "neither a name nor an ID"),
        ({"insecure": ["all"]}, "stands for several checks"),
        ({"insecure": ["all-run"]}, "stands for several checks"),
        ({"insecure": ["immage"]}, "is no check"),
        ({"insecure": ["none"]}, "is no check"),
        ({"networks": ["lab:IP=10.0.0.1"]}, "is no network"),
    ],
)
def test_entries_that_cannot_be_meant_are_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(attest_allow.AllowError, match=says) as error:
        rules(**given)
    assert str(error.value).startswith("allow.") and ";" in str(error.value)


BAD: dict[str, dict[str, Any]] = {
    "an event of the future": {"event": "pod-paused"},
    "an event of another type": {"event": 7},
    "a format of the future": start(1, format=2),
    "a format that is true": start(1, format=True),
    "a uuid that is none": {**start(1), "uuid": "../../etc"},
    "a name that is a list": start(1, name=["x"]),
    "a name without end": start(1, name="x" * 3000),
    "no name": {name: found for name, found in start(1).items() if name != "name"},
    "a flavour that is a template": start(1, flavour="{{ 7 }}"),
    "no agent": start(1, agent=None),
    "an agent without digest": start(1, agent={"version": "1", "code": "x"}),
    "a stage1 without root": start(1, stage1={"name": "x", "image": image_id("x")}),
    "apps that are an object": {**start(1), "apps": {}},
    "an app without image": {**start(1), "apps": [{**app(WEB), "image": ""}]},
    "an app with a short image ID": {**start(1), "apps": [{**app(WEB), "image": "sha512-ab"}]},
    "an app with keys that are text": {**start(1), "apps": [{**app(WEB), "keys": "AB"}]},
    "a policy that is none": start(1, policy="nope"),
    "insecure that is text": start(1, insecure="image"),
    "insecure with what is no word": start(1, insecure=["a b"]),
    "a status that is text": {**end(1), "status": "0"},
    "a status that is true": {**end(1), "status": True},
    "an app that is an object where a name should be": {**removal(1, "x"), "app": {}},
    "a surrogate": start(1, name="\ud800"),
    "a mismatch without value": {
        "event": "mismatch",
        "time": "t",
        "value": "",
        "expected": "00" * 32,
    },
}


@pytest.mark.parametrize("what", BAD)
def test_a_log_with_what_no_agent_writes_is_none(what: str) -> None:
    content = BAD[what]
    if what == "a surrogate":
        good = record(1, start(1))
        records = [record(0, baseline()), {**good, "content": content}]
    else:
        records = [record(0, baseline()), record(1, content)]
    with pytest.raises(tpm_log.LogError) as error:
        tpm_log.read(records, 13, "sha256")
    assert error.value.record == 1
    assert str(error.value).isprintable()


def test_what_later_releases_write_in_addition_is_no_fault() -> None:
    assert faults(rules(images=[WEB]), start(1, app(WEB), later={"x": [1, "ä"]})) == []


@pytest.mark.parametrize("given", [{"allow": None}, {"allow": {"images": None, "signers": ["AB"]}}])
def test_an_emptied_allowlist_allowed_everything(given: dict[str, Any]) -> None:
    """What YAML makes of a list whose entries were commented out."""
    with pytest.raises(attest_allow.AllowError, match="is there and says nothing"):
        attest_allow.refuse_emptied(given)
    fine: list[dict[str, Any]] = [
        {},
        {"allow": {}},
        {"allow": {"images": []}},
        {"allow": "{{ x }}"},
    ]
    for one in fine:
        attest_allow.refuse_emptied(one)


@pytest.mark.parametrize(
    "rules",
    [
        *({"signers": [one]} for one in ("", "*", "499E63", "sha256:" + "ab" * 32)),
        {"images": ["sha512-" + "AB" * 32]},
        {"images": [" example.com/x"]},
    ],
)
def test_an_entry_that_nothing_could_match_was_taken_silently(rules: dict[str, Any]) -> None:
    with pytest.raises(attest_allow.AllowError, match=f"allow.{next(iter(rules))}: "):
        attest_allow.allowed(rules, lambda: "")


@pytest.mark.parametrize(
    "given",
    [{"allow": {"images": [1]}}, {"allow": {"insecure": [True]}}, {"allow": {"stage1": [["x"]]}}],
)
def test_a_number_in_the_allowlist_was_taken_for_a_name(given: dict[str, Any]) -> None:
    with pytest.raises(attest_allow.AllowError, match="is no text"):
        attest_allow.refuse_emptied(given)
    attest_allow.refuse_emptied({"allow": {"images": ["1"], "private_users": True}})


def test_a_list_in_the_place_of_the_allowlist_was_refused_in_the_words_of_a_class() -> None:
    with pytest.raises(attest_allow.AllowError, match="allow is no mapping"):
        attest_allow.refuse_emptied({"allow": []})


def test_checks_that_the_agent_knows_are_known_here() -> None:
    from podwright.stage0 import insecure

    assert frozenset(attest_allow.CHECKS) == insecure.WORDS


def test_an_allowed_image_could_run_in_the_host_s_network_with_the_host_s_user_ids() -> None:
    own = start(1, net="none", private_users=True)
    hosts = start(1, net="host", private_users=False)
    lab = start(1, net="default,lab:IP=10.0.0.1;X=y", private_users=True)
    unsaid = start(1)
    for pod, net, users in (
        (own, [], []),
        (hosts, ["network-not-allowed"], ["user-ids-not-allowed"]),
        (lab, ["network-not-allowed"], []),
        (unsaid, ["network-not-allowed"], ["user-ids-not-allowed"]),
    ):
        for found in (faults, faults_now):
            assert found(rules(), pod) == []
            assert found(rules(networks=["none", "default"]), pod) == [(1, one) for one in net]
            assert found(rules(private_users=True), pod) == [(1, one) for one in users]
    assert faults(rules(networks=["lab", "default"]), lab) == []


def test_what_is_compared_is_what_the_allowlist_says() -> None:
    assert rules().compared == []
    nothing = rules(insecure=["image"], minimum_stage1="fly", private_users=False)
    assert nothing.compared == []
    assert rules(images=[], minimum_stage1="vm").compared == ["images", "minimum_stage1"]
