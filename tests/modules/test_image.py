# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules image and image_info with images of every kind: exact, and exactly predicted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.modules.conftest import AdHoc
from tests.support import ocilayout
from tests.support.registry import PASSWORD, USER, Registry
from tests.support.webserver import ImageServer

Publish = Callable[..., Path]
TINY = "example.com/tiny:1.0"
LOGIN = {"username": USER, "password": PASSWORD}
UNSIGNED = {"insecure_options": ["image"]}


def predicted(
    adhoc: AdHoc, options: Mapping[str, Any], unknown: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Check mode, a run, and a second run: the first two say the same but for what only a download can
    tell, the second run changes nothing. Returns the run's result.
    """
    before = listed(adhoc)
    said = adhoc("image", options, "--check", "--diff", "-vvv")
    assert listed(adhoc) == before
    done = adhoc("image", options, "--diff", "-vvv")
    for told, made in zip(said["images"], done["images"], strict=True):
        same = set(made) - set(unknown)
        assert {name: told[name] for name in same} == {name: made[name] for name in same}
    assert said["changed"] is done["changed"]
    assert said["diff"]["before"] == done["diff"]["before"]
    for name, after in done["diff"]["after"].get("images", {}).items():
        told = said["diff"]["after"]["images"][name]
        assert {field for field in after if told[field] not in (after[field], LATER)} == set()
    again = adhoc("image", options, "--diff", "-vvv")
    assert (again["changed"], again["diff"]) == (False, {"before": {}, "after": {}})
    return done


def listed(adhoc: AdHoc) -> list[dict[str, Any]]:
    """What the store has, but for when it was used."""
    images = json.loads(adhoc.agent.ok("image", "list", "--format=json"))
    return [{**image, "last_used_time": ""} for image in images]


LATER = "to be fetched"
FETCHED = ("id", "version", "digest", "verdict")


def test_an_aci_comes_and_goes_as_predicted(trusting: AdHoc, published: Publish) -> None:
    published()
    made = predicted(trusting, {"name": TINY}, FETCHED)
    (image,) = made["images"]
    assert (image["action"], image["version"]) == ("fetch", "1.0")
    assert image["digest"] == image["id"]
    assert image["verdict"]["kind"] == "signed"
    assert made["diff"]["before"]["images"] == {TINY: {}}
    assert made["diff"]["after"]["images"][TINY]["id"] == image["id"]
    published(files={"built": "again"})
    newer = predicted(trusting, {"name": TINY, "state": "latest"}, FETCHED)
    assert newer["diff"]["before"]["images"][TINY]["id"] == image["id"]
    gone = predicted(trusting, {"name": TINY, "state": "absent"})
    assert len(gone["diff"]["before"]["images"][TINY]) == 2  # both that had that name
    assert listed(trusting) == []


def test_an_image_of_a_registry_comes_and_goes_as_predicted(
    adhoc: AdHoc, registry: Registry, tmp_path: Path
) -> None:
    layout = ocilayout.busybox_layout(tmp_path / "layout")
    digest = registry.push_layout(layout.path, "app/web:1.0")
    name = registry.reference("app/web:1.0")
    options: dict[str, Any] = {"name": name, "credentials": LOGIN, **UNSIGNED}
    (image,) = predicted(adhoc, options, FETCHED)["images"]
    assert (image["digest"], image["version"]) == (digest, "1.0")
    assert image["verdict"]["kind"] == "insecure"
    other = ocilayout.busybox_layout(tmp_path / "other", config={"Cmd": ["/bin/true"]})
    newer = registry.push_layout(other.path, "app/web:1.0")
    assert adhoc("image", options)["changed"] is False
    (image,) = predicted(adhoc, {**options, "state": "latest"}, FETCHED)["images"]
    assert image["digest"] == newer
    _, image = adhoc("image_info", {"name": [name]})["images"]  # both had that name
    assert (image["transport"], image["digest"], image["layers"]) == ("docker", newer, 1)
    assert adhoc("image_info", {"name": [digest]})["images"][0]["digest"] == digest
    gone = predicted(adhoc, {"name": name, "state": "absent"})
    assert len(gone["diff"]["before"]["images"][name]) == 2
    assert listed(adhoc) == []


@pytest.mark.parametrize(
    "kind", ["oci", *(pytest.param(f"{one}-archive", marks=pytest.mark.thorough) for one in ("oci", "docker"))]
)  # fmt: skip
def test_images_in_files_come_and_go_as_predicted(
    adhoc: AdHoc, private_host: Any, tmp_path: Path, kind: str
) -> None:
    layout = ocilayout.busybox_layout(tmp_path / "layout", "1.0").path
    place = str(layout)
    if kind != "oci":
        place = str(tmp_path / "image.tar")
        target = f"{kind}:{place}" + (":example.com/web:1.0" if kind == "docker-archive" else "")
        copy = ["skopeo", "--insecure-policy", "copy", "-q", f"oci:{layout}:1.0", target]
        private_host.run(copy).check()
    name = f"{kind}:{place}" + (":1.0" if kind == "oci" else "")
    assert adhoc.refused("image", {"name": name})["reason"] not in ("", "failed", "internal")
    (image,) = predicted(adhoc, {"name": name, **UNSIGNED}, FETCHED)["images"]
    assert image["digest"].startswith("sha256:")
    (found,) = adhoc("image_info", {"unsigned_only": True})["images"]
    assert (found["transport"], found["id"]) == (kind, image["id"])
    predicted(adhoc, {"name": image["id"], "state": "absent"})


def test_files_and_urls_of_acis_come_and_go_as_predicted(
    trusting: AdHoc,
    published: Publish,
    https_server: ImageServer,
    signed_image: Callable[..., Path],
) -> None:
    served = published()
    file = signed_image(version="2.0")
    url = f"https://example.com/{served.relative_to(https_server.root)}"
    made = predicted(
        trusting, {"images": [{"name": f"file://{file}"}, {"name": url}]},
        FETCHED,
    )  # fmt: skip
    assert [image["version"] for image in made["images"]] == ["2.0", "1.0"]
    file.unlink()
    gone = {"images": [{"name": str(file)}, {"name": url}], "state": "absent"}
    assert predicted(trusting, gone)["images"][0]["action"] == "remove"
    assert listed(trusting) == []


def test_a_digest_decides_what_a_tag_means(
    adhoc: AdHoc, registry: Registry, tmp_path: Path
) -> None:
    old = registry.push_layout(ocilayout.busybox_layout(tmp_path / "old").path, "app/web:1.0")
    name = registry.reference("app/web:1.0")
    options: dict[str, Any] = {"name": name, "credentials": LOGIN, **UNSIGNED}
    wrong = "sha256:" + "0" * 64
    failed = adhoc.refused("image", {**options, "digest": wrong})
    assert (failed["reason"], failed["stage"], failed["object"]) == ("wrong-digest", "verify", name)
    assert old in failed["msg"] and wrong in failed["msg"] and failed["hint"] in failed["msg"]
    assert listed(adhoc) == []
    predicted(adhoc, {**options, "digest": old}, ("id", "version", "digest", "verdict"))
    other = ocilayout.busybox_layout(tmp_path / "new", config={"Cmd": ["/bin/true"]})
    new = registry.push_layout(other.path, "app/web:1.0")
    predicted(adhoc, {**options, "digest": old})
    failed = adhoc.refused("image", {**options, "digest": wrong})
    assert new in failed["msg"]
    assert [image["digest"] for image in listed(adhoc)] == [old]
    (image,) = predicted(adhoc, {**options, "digest": new}, FETCHED)["images"]
    assert image["digest"] == new
    assert predicted(adhoc, {"name": name, "digest": old, "state": "absent"})["changed"] is True
    assert [each["digest"] for each in listed(adhoc)] == [new]


def test_a_digest_of_an_aci_is_its_id(trusting: AdHoc, published: Publish) -> None:
    published()
    image_id = trusting("image", {"name": TINY})["images"][0]["id"]
    predicted(trusting, {"name": TINY, "digest": image_id})
    wrong = "sha512-" + "1" * 64
    before = listed(trusting)
    for flags in ((), ("--check",)):
        failed = trusting.refused("image", {"name": TINY, "digest": wrong}, *flags)
        assert failed["reason"] == "wrong-digest"
    assert listed(trusting) == before
    failed = trusting.refused("image", {"name": TINY, "digest": "sha256:12"})
    assert (failed["reason"], failed["object"]) == ("bad-input", "images[0].digest")
    trusting("image", {"name": TINY, "state": "absent"})
    assert trusting.refused("image", {"name": TINY, "digest": wrong})["reason"] == "wrong-digest"
    assert listed(trusting) == []


def test_an_image_that_a_pod_needs_stays(trusting: AdHoc, published: Publish) -> None:
    published()
    pod = {"name": "web", "image": TINY, "net": "none", "ready": {"seconds": 0.1}}
    trusting("pod", pod)
    gone = {"name": TINY, "state": "absent"}
    for state, flags in (("started", ()), ("started", ("--check",)), ("stopped", ())):
        trusting("pod", {**pod, "state": state})
        failed = trusting.refused("image", gone, *flags)
        assert (failed["reason"], failed["changed"]) == ("in-use", False)
        assert "is used by pod" in failed["msg"]
    assert trusting("image_info", {"unused": True})["images"] == []
    (image,) = trusting("image_info")["images"]
    assert image["used_by"].startswith("pod ")
    trusting("pod", {"name": "web", "state": "absent"})
    assert len(trusting("image_info", {"unused": True})["images"]) == 1
    predicted(trusting, gone)


def test_several_images_are_one_call_with_log_ins_by_place(
    trusting: AdHoc, published: Publish, registry: Registry, tmp_path: Path
) -> None:
    published()
    registry.push_layout(ocilayout.busybox_layout(tmp_path / "layout").path, "app/web:1.0")
    registry.push_layout(ocilayout.busybox_layout(tmp_path / "two").path, "other/web:1.0")
    images: list[dict[str, Any]] = [
        {"name": TINY},
        {"name": registry.reference("app/web:1.0"), **UNSIGNED},
        {"name": registry.reference("other/web:1.0"), **UNSIGNED, "credentials": LOGIN},
    ]
    auth = [{"registry": f"{registry.host}/app", **LOGIN}]
    made = predicted(trusting, {"images": images, "registry_auth": auth}, FETCHED)
    assert [image["action"] for image in made["images"]] == ["fetch", "fetch", "fetch"]
    trusting("image", {"images": [{"name": each["name"]} for each in images], "state": "absent"})
    failed = trusting.refused("image", {"images": images[2:] + images[1:2]})
    assert failed["reason"] == "unauthorized"
    assert failed["images"][0]["action"] == "fetch"  # what was done before is told


def test_log_ins_are_for_servers_of_acis_too(
    trusting: AdHoc, published: Publish, https_server: ImageServer
) -> None:
    published()
    for options in (
        {"credentials": {"token": "canary-token"}},
        {"registry_auth": [{"registry": "example.com", "username": "u", "password": "canary"}]},
        {"registry_auth": [{"registry": "images.example.com", "token": "canary"}]},
    ):
        trusting("image", {"name": TINY, "state": "absent"})
        since = len(https_server.requests)
        trusting("image", {"name": TINY, "state": "latest", **options})
        sent = {
            request.headers.get("authorization", "") for request in https_server.requests[since:]
        }
        assert len(sent) == 1
        kind = sent.pop().partition(" ")[0]
        assert kind == (
            "Bearer" if "credentials" in options else "Basic" if "username" in str(options) else ""
        )


def test_what_nobody_can_mean_is_refused(adhoc: AdHoc) -> None:
    for options, said in (
        ({"name": "docker://Reg/UPPER"}, "is not a repository name"),
        ({"name": "oci:/nowhere:1.0", "credentials": LOGIN}, "does not come from a server"),
        ({"name": TINY, "credentials": {"username": "a:b", "password": PASSWORD}}, "with a colon"),
        ({"name": TINY, "credentials": {"username": "a"}}, "needs username and password, or a token"),
        ({"name": TINY, "credentials": {**LOGIN, "token": PASSWORD}}, "needs username and password, or a token"),
        ({"name": TINY, "registry_auth": [{"registry": "u@h", "token": PASSWORD}]}, "not a registry"),
        ({"name": TINY, "registry_auth": [{"registry": "h", "token": PASSWORD}] * 2}, "already"),
        ({"images": [{"name": TINY}, {"name": TINY, "state": "absent"}]}, "appears twice"),
    ):  # fmt: skip
        failed = adhoc.refused("image", options)
        assert said in failed["msg"], failed
        assert failed["reason"] == "bad-input"
        assert failed["stage"] == "input"
        assert isinstance(failed["object"], str) and isinstance(failed["hint"], str)


def test_what_ansible_refuses_has_a_reason_too(adhoc: AdHoc) -> None:
    given: tuple[tuple[dict[str, Any], str], ...] = (
        ({}, ""),
        ({"name": "x", "images": []}, ""),
        ({"name": "x", "colour": "red"}, "colour"),
    )
    for options, about in given:
        failed = adhoc.refused("image", options)
        assert {name: failed[name] for name in ("reason", "stage", "object", "hint")} == {
            "reason": "bad-input",
            "stage": "input",
            "object": about,
            "hint": "ansible-doc podwright.fleet.image says what its options are",
        }


def test_the_info_module_finds_by_name_label_and_use(
    trusting: AdHoc, published: Publish, registry: Registry, tmp_path: Path
) -> None:
    published()
    published(version="2.0")
    registry.push_layout(ocilayout.busybox_layout(tmp_path / "layout").path, "app/web:1.0")
    web = registry.reference("app/web:1.0")
    trusting("image", {"images": [{"name": TINY}, {"name": "example.com/tiny:2.0"}]})
    trusting("image", {"name": web, "credentials": LOGIN, **UNSIGNED})

    def names(**options: object) -> list[str]:
        return [image["name"] for image in trusting("image_info", options)["images"]]

    inner = "registry.example.com~5000/app/web"
    assert names() == [TINY, "example.com/tiny:2.0", f"{inner}:1.0"]
    assert names(name=["example.com/tiny"]) == [TINY, "example.com/tiny:2.0"]
    assert names(name=["example.com/tiny:2.0", web]) == ["example.com/tiny:2.0", f"{inner}:1.0"]
    assert names(name=[inner]) == [f"{inner}:1.0"]
    assert names(labels={"version": "1.0"}) == [TINY, f"{inner}:1.0"]
    assert names(labels={"version": "1.0"}, unsigned_only=True) == [f"{inner}:1.0"]
    assert names(name=["example.com/other"]) == []
    (found,) = trusting("image_info", {"name": [TINY]})["images"]
    assert found["verdict"]["signatures"][0]["kind"] == "openpgp"
    assert found["verdict"]["text"].startswith("signed by ")
    assert (found["transport"], found["identity"]) == ("appc", "example.com/tiny")
    assert (found["layers"], found["dependencies"], found["used_by"]) == (1, [], "")
    told = json.loads(trusting.agent.ok("image", "list", "--format=json"))
    assert told == trusting("image_info")["images"]
