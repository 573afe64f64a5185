# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which stage1 image a pod is run by: said in every way, verified, recorded, admitted again, kept (A10, C2).

Nothing is run here: the images say that they are stage1s and hold no kernel.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.agent.test_policy import ACCEPT, SIGNED, Policy
from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

Publish = Callable[..., Path]
NAME = "podwright.io/stage1-kvm"
OTHER = "example.com/stage1-own"
TINY = "example.com/tiny:1.0"
POINTS = {name: f"/{name}" for name in ("run", "enter", "gc")}
PREPARE = ("prepare", "--quiet")


def said(annotations: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": text} for name, text in annotations.items()]


def of_kvm(protocol: str = "1") -> list[dict[str, str]]:
    """What the stage1 image of virtual machines says of itself."""
    own = "podwright.io/stage1/"
    return said(
        {
            f"{own}kind": "kvm",
            f"{own}protocol": protocol,
            f"{own}kernel": "/boot/vmlinuz",
            f"{own}initramfs": "/boot/initramfs",
            f"{own}python": "/usr/bin/python3",
        }
    )


def of_xen() -> list[dict[str, str]]:
    """What the one of domains of Xen says, which serves machines of KVM, too."""
    own = [one for one in of_kvm() if one["name"] != "podwright.io/stage1/kind"]
    own += said({"podwright.io/stage1/kind": "xen", "podwright.io/stage1/kinds": "xen,kvm"})
    return own


def of_others(version: str = "6", **points: str) -> list[dict[str, str]]:
    prefix = "coreos.com/rkt/stage1/"
    named = {f"{prefix}{name}": path for name, path in {**POINTS, **points}.items() if path}
    return said({**named, f"{prefix}interface-version": version})


@pytest.fixture
def policy(agent: Agent) -> Policy:
    return Policy(agent)


@pytest.fixture
def trusting(agent: Agent, lab: Keys, signed_image: Publish) -> Agent:
    """An agent that trusts the images of apps and of stage1s, and has one of an app."""
    for prefix in ("example.com", "podwright.io"):
        agent.trust(lab.key, prefix)
    agent.ok("fetch", signed_image())
    return agent


@pytest.fixture
def kvm_image(trusting: Agent, signed_image: Publish) -> Callable[..., str]:
    """Store a stage1 image of virtual machines; returns its ID."""

    def store(version: str = "1.0", protocol: str = "1", **options: Any) -> str:
        image = signed_image(name=NAME, version=version, annotations=of_kvm(protocol), **options)
        return trusting.ok("fetch", "--full", image).strip()

    return store


def prepared(agent: Agent, *options: str | Path) -> dict[str, Any]:
    """What `status` says of a pod that is prepared with these options."""
    uuid = agent.ok(*PREPARE, *options, TINY).strip()
    found = json.loads(agent.ok("status", "--format=json", uuid))
    assert isinstance(found, dict)
    return found


def chosen(agent: Agent, *options: str | Path) -> tuple[str, str]:
    """The flavour and the version of the stage1 image that options come to."""
    pod = prepared(agent, *options)
    return pod["stage1"], pod["stage1_image"].get("name", "").rpartition(":")[2]


def stored(agent: Agent) -> set[str]:
    found = json.loads(agent.ok("image", "list", "--format=json"))
    return {image["name"].partition(":")[0] for image in found}


def configure(agent: Agent, kind: str, **fields: str) -> None:
    directory = agent.local / f"{kind}.d"
    directory.mkdir(exist_ok=True)
    body = {"rktKind": kind, "rktVersion": "v1", **fields}
    (directory / "10-test.json").write_text(json.dumps(body))


def test_without_an_image_it_is_said_what_to_do_and_nothing_is_fetched(
    agent: Agent, published: Publish, lab: Keys
) -> None:
    published()
    agent.trust(lab.key, "example.com")
    for verb in ("run", "prepare"):
        line = agent.refused(verb, "--stage1-name=kvm", TINY)
        assert f"stage1 kvm: there is no image {NAME} in the store" in line
        assert "podwright stage1 build kvm" in line
    assert stored(agent) == set()
    assert json.loads(agent.ok("list", "--format=json")) == []
    (check,) = [
        one
        for one in json.loads(agent.ok("check-host", "--format=json"))
        if one["name"] == "stage1-kvm"
    ]
    assert (check["status"], check["detail"]) == ("missing", "none in the store")


def test_an_image_for_xen_could_not_be_used_for_kvm_by_name(
    trusting: Agent, signed_image: Publish, kvm_image: Callable[..., str]
) -> None:
    image = signed_image(name="podwright.io/stage1-xen", version="1.0", annotations=of_xen())
    trusting.ok("fetch", image)
    assert chosen(trusting, "--stage1-name=kvm") == ("kvm", "1.0")
    (check,) = [
        one
        for one in json.loads(trusting.ok("check-host", "--format=json"))
        if one["name"] == "stage1-kvm"
    ]
    assert check["status"] == "ok"
    assert check["detail"].startswith("podwright.io/stage1-xen:1.0,")
    kvm_image("0.5")
    assert chosen(trusting, "--stage1-name=kvm") == ("kvm", "0.5"), "its own goes first"


def test_an_image_for_xen_was_prepared_by_its_hash_on_a_host_without_xen(
    trusting: Agent, signed_image: Publish
) -> None:
    image = signed_image(name="podwright.io/stage1-xen", version="1.0", annotations=of_xen())
    found = trusting.ok("fetch", "--full", image).strip()
    for how in ("--stage1-name=xen", f"--stage1-hash={found}", f"--stage1-path={image}"):
        line = trusting.refused("prepare", how, TINY)
        assert "this host cannot run domains of Xen" in line
    assert json.loads(trusting.ok("list", "--format=json")) == []


def test_the_newest_that_fits_is_taken_by_any_of_its_names(
    trusting: Agent, kvm_image: Callable[..., str], signed_image: Publish
) -> None:
    new = kvm_image("1.10")
    old = kvm_image("1.2")
    kvm_image("2.0", protocol="99")
    kvm_image("3.0", labels={"arch": "ppc64le"})
    for name in ("kvm", NAME, "coreos.com/rkt/stage1-kvm:1.30.0"):
        assert chosen(trusting, f"--stage1-name={name}") == ("kvm", "1.10"), name
    assert chosen(trusting, f"--stage1-name={NAME}:1.2") == ("kvm", "1.2")
    assert chosen(trusting, f"--stage1-hash={old}") == ("kvm", "1.2")
    assert prepared(trusting, "--stage1-name=kvm")["stage1_image"]["id"] in new
    line = trusting.refused(*PREPARE, f"--stage1-name={NAME}:2.0", TINY)
    assert "speaks protocol 99 with its host, this agent speaks 1" in line
    assert chosen(trusting) == ("namespaces", "")
    uuid = prepared(trusting, "--stage1-name=kvm")["name"]
    lines = trusting.ok("status", uuid).splitlines()
    assert "stage1=kvm" in lines
    assert [line for line in lines if line.startswith(f"stage1-image={NAME}:1.10 (sha512-")]
    checks = json.loads(trusting.ok("check-host", "--format=json"))
    (check,) = [one for one in checks if one["name"] == "stage1-kvm"]
    assert check["status"] == "ok"
    assert check["detail"].startswith(f"{NAME}:1.10,")


def test_files_urls_and_the_directory_of_stage1_images(
    trusting: Agent, published: Publish, signed_image: Publish, tmp_path: Path
) -> None:
    image = signed_image(name=NAME, version="1.0", annotations=of_kvm())
    assert chosen(trusting, f"--stage1-path={image}") == ("kvm", "1.0")
    served = published(name=NAME, version="1.1", annotations=of_kvm())
    root = next(parent for parent in served.parents if parent.name == "www")
    url = f"--stage1-url=https://example.com/{served.relative_to(root)}"
    assert chosen(trusting, url) == ("kvm", "1.1")
    images = tmp_path / "stage1-images"
    images.mkdir()
    for file in image.parent.glob(f"{image.name}*"):
        shutil.copy(file, images)
    configure(trusting, "paths", **{"stage1-images": str(images)})
    assert chosen(trusting, f"--stage1-from-dir={image.name}") == ("kvm", "1.0")
    line = trusting.refused(*PREPARE, "--stage1-from-dir=../x.aci", TINY)
    assert "is not the name of a file" in line
    assert chosen(trusting, "--stage1-from-dir=stage1-coreos.aci") == ("namespaces", "")
    (images / "stage1-kvm.aci").write_bytes(image.read_bytes())
    line = trusting.refused(*PREPARE, "--stage1-from-dir=stage1-kvm.aci", TINY)
    assert "signature" in line


def test_what_is_not_signed_is_not_a_stage1_either(
    trusting: Agent, tiny_image: Publish, tmp_path: Path
) -> None:
    plain = tmp_path / "plain.aci"
    shutil.copyfile(tiny_image(name=NAME, version="1.0", annotations=of_kvm()), plain)
    assert "signature" in trusting.refused(*PREPARE, f"--stage1-path={plain}", TINY)
    uuid = trusting.ok(
        "--insecure-options=image", *PREPARE, f"--stage1-path={plain}", TINY
    ).splitlines()[-1]
    assert json.loads(trusting.ok("status", "--format=json", uuid))["insecure"] == ["image"]
    assert "without a signature check" in trusting.refused(*PREPARE, "--stage1-name=kvm", TINY)


def test_an_unsigned_image_of_a_higher_version_does_not_keep_pods_from_the_signed_one(
    trusting: Agent, kvm_image: Callable[..., str], tiny_image: Publish, tmp_path: Path
) -> None:
    kvm_image("1.0")
    for version in ("1.0", "2.0", "9" * 5000):
        plain = tmp_path / "plain.aci"
        annotations = [*of_kvm(), {"name": "example.com/built", "value": "elsewhere"}]
        shutil.copyfile(tiny_image(name=NAME, version=version, annotations=annotations), plain)
        trusting.ok("--insecure-options=image", "fetch", plain)
    for name in ("kvm", f"{NAME}:1.0"):
        pod = prepared(trusting, f"--stage1-name={name}")
        assert pod["stage1_image"]["name"] == f"{NAME}:1.0" and not pod["insecure"]
    line = trusting.refused(*PREPARE, f"--stage1-name={NAME}:2.0", TINY)
    assert "without a signature check" in line


def test_an_image_that_is_no_stage1_is_refused(trusting: Agent, signed_image: Publish) -> None:
    line = trusting.refused(*PREPARE, f"--stage1-path={signed_image()}", TINY)
    assert "image example.com/tiny is no stage1: it has neither annotation" in line
    half = signed_image(name=OTHER, annotations=of_others(gc=""))
    line = trusting.refused(*PREPARE, f"--stage1-path={half}", TINY)
    assert "names no entry point 'gc'" in line
    new = signed_image(name=OTHER, version="7.0", annotations=of_others("7"))
    line = trusting.refused(*PREPARE, f"--stage1-path={new}", TINY)
    assert "it wants interface version 7" in line
    whole = signed_image(name=OTHER, version="8.0", annotations=of_others())
    pod = prepared(trusting, f"--stage1-path={whole}")
    emulated = ("--kvm-accelerator=tcg", f"--stage1-path={whole}")
    assert "runs no virtual machine" in trusting.refused(*PREPARE, *emulated, TINY)
    assert (pod["stage1"], pod["stage1_image"]["name"]) == (
        "image",
        f"{OTHER}:8.0",
    )
    line = trusting.refused(*PREPARE, "--stage1-name=nonsense", TINY)
    assert "stage1 'nonsense' is not available" in line
    for flags in (("--stage1-name=kvm", f"--stage1-path={whole}"),):
        assert "exclude each other" in trusting.refused(*PREPARE, *flags, TINY)


def test_it_is_admitted_again_when_the_pod_starts(
    trusting: Agent, kvm_image: Callable[..., str], signed_image: Publish
) -> None:
    kvm_image()
    own = signed_image(name=OTHER, annotations=of_others())
    machine = prepared(trusting, "--stage1-name=kvm")["name"]
    other = prepared(trusting, f"--stage1-path={own}")["name"]
    keys = trusting.local / "trustedkeys/prefix.d"
    shutil.rmtree(keys / "podwright.io")
    line = trusting.refused("run-prepared", "--net=none", machine)
    assert f"stage1 kvm: image {NAME} is signed by" in line
    assert "which is not trusted" in line
    assert "is not trusted" in trusting.refused(*PREPARE, "--stage1-name=kvm", TINY)
    for uuid in (machine, other):
        state = json.loads(trusting.ok("status", "--format=json", uuid))["state"]
        assert state == "prepared"


def test_files_of_the_image_that_were_changed_are_found_at_the_start(
    trusting: Agent, kvm_image: Callable[..., str]
) -> None:
    image = kvm_image(files={"boot/vmlinuz": "kernel"})
    uuid = prepared(trusting, "--stage1-name=kvm")["name"]
    (tree,) = [
        path for path in (trusting.data / "cas/tree").iterdir() if image.startswith(path.name)
    ]
    (tree / "rootfs/boot/vmlinuz").write_text("another one")
    line = trusting.refused("run-prepared", "--net=none", uuid)
    assert "stage1 kvm: image" in line
    assert "its files in the store were changed" in line


def test_policy_ranks_stage1s(
    trusting: Agent, policy: Policy, kvm_image: Callable[..., str], signed_image: Publish
) -> None:
    kvm_image()
    own = signed_image(name=OTHER, annotations=of_others())
    image = trusting.ok("fetch", "--full", own).strip()[:71]
    scopes = {"appc": {"example.com/tiny": [{**SIGNED, "minimumStage1": "vm"}]}}
    policy([SIGNED], scopes)
    line = trusting.refused(*PREPARE, TINY)
    assert "must run in vm or stronger isolation, not in user-namespaced" in line
    assert "--stage1-name=kvm" in line
    assert chosen(trusting, "--stage1-name=kvm") == ("kvm", "1.0")
    emulated = ("--stage1-name=kvm", "--kvm-accelerator=tcg")
    line = trusting.refused(*PREPARE, *emulated, TINY)
    assert "stronger isolation, not in user-namespaced" in line
    assert "emulation does not count" in line
    by_hash = f"--stage1-hash={image}"
    assert "stronger isolation, not in fly" in trusting.refused(*PREPARE, by_hash, TINY)
    policy([SIGNED], scopes, stage1Ranks={image: "vm"})
    uuid = prepared(trusting, by_hash)["name"]
    policy([SIGNED], scopes, stage1Ranks={image: "namespaces"})
    line = trusting.refused("run-prepared", "--net=none", uuid)
    assert "stronger isolation, not in namespaces" in line
    policy([ACCEPT], {"appc": {"podwright.io": [{"type": "reject"}]}})
    line = trusting.refused(*PREPARE, "--stage1-name=kvm", TINY)
    assert f"image {NAME} is rejected by the policy" in line


def test_it_is_kept_as_long_as_a_pod_needs_it(
    trusting: Agent, kvm_image: Callable[..., str]
) -> None:
    kvm_image()
    assert stored(trusting) == {"example.com/tiny", NAME}
    assert NAME in trusting.ok("image", "list")
    uuid = prepared(trusting, "--stage1-name=kvm")["name"]
    trusting.ok("image", "gc", "--grace-period=0")
    assert NAME in stored(trusting)
    assert f"is used by pod {uuid} (prepared)" in trusting.refused("image", "rm", NAME)
    trusting.ok("rm", uuid)
    trusting.apply({"pods": [named()]})
    trusting.ok("image", "gc", "--grace-period=0")
    assert NAME in stored(trusting)
    trusting.apply({"pods": [{"name": "web", "state": "absent"}]})
    trusting.ok("image", "gc", "--grace-period=0")
    assert stored(trusting) == set()


def named(**fields: Any) -> dict[str, Any]:
    return {"name": "web", "image": TINY, "stage1": "kvm", "state": "prepared", **fields}


def test_a_named_pod_is_another_one_with_another_stage1_or_image(
    trusting: Agent, kvm_image: Callable[..., str]
) -> None:
    first = kvm_image("1.0")
    plain = {"name": "web", "image": TINY, "state": "prepared"}
    assert trusting.apply({"pods": [plain]})["changed"]
    check = trusting.apply({"pods": [named()]}, "--check", "--diff")
    assert check["changed"]
    assert check["diff"]["after"]["pods"]["web"]["stage1"] == "kvm"
    assert check["diff"]["after"]["pods"]["web"]["stage1_image"] in first
    assert trusting.apply({"pods": [named()]})["changed"]
    assert not trusting.apply({"pods": [named()]})["changed"]
    by_name = named(stage1_image={"name": NAME})
    assert not trusting.apply({"pods": [by_name]})["changed"]
    second = kvm_image("1.1")
    changed = trusting.apply({"pods": [named()]})
    assert changed["pods"][0]["actions"] == ["prepare"]
    assert current(trusting)["stage1_image"]["id"] in second
    pinned = named(stage1_image={"name": f"{NAME}:1.0"})
    assert trusting.apply({"pods": [pinned]})["changed"]
    assert trusting.apply({"pods": [{"name": "web", "revision": 3, "state": "stopped"}]})["changed"]
    history = json.loads(trusting.ok("history", "--format=json", "web"))
    assert len(history) >= 3


def current(agent: Agent) -> dict[str, Any]:
    """The youngest pod, as programs see it."""
    found = json.loads(agent.ok("list", "--format=json"))
    pod = max(found, key=lambda one: str(one["created_at"]))
    assert isinstance(pod, dict)
    return pod


def test_what_would_be_fetched_is_said_in_check_mode(trusting: Agent, published: Publish) -> None:
    published(name=OTHER, annotations=of_others())
    body = {
        "name": "web",
        "image": TINY,
        "state": "prepared",
        "stage1_image": {"name": f"{OTHER}:1.0"},
    }
    answer = trusting.apply({"pods": [body]}, "--check")
    assert answer["pods"][0]["actions"] == ["fetch", "prepare"]
    assert OTHER not in stored(trusting)
    assert trusting.apply({"pods": [body]})["pods"][0]["actions"] == ["fetch", "prepare"]
    assert OTHER in stored(trusting)
    assert not trusting.apply({"pods": [body]})["changed"]


def test_the_configuration_says_what_goes_without_saying(
    trusting: Agent, kvm_image: Callable[..., str], published: Publish
) -> None:
    kvm_image("1.0")
    kvm_image("1.1")
    configure(trusting, "stage1", name=NAME, version="1.0")
    assert chosen(trusting) == ("kvm", "1.0")
    assert chosen(trusting, "--stage1-name=kvm") == ("kvm", "1.0")
    assert chosen(trusting, "--stage1-name=namespaces") == ("namespaces", "")
    trusting.apply({"pods": [named()]})
    pod = current(trusting)
    assert pod["stage1_image"]["name"] == f"{NAME}:1.0"
    (paths, stage1) = json.loads(trusting.ok("config"))["stage0"]
    assert paths["stage1-images"] == f"{trusting.system}/stage1-images"
    assert (stage1["name"], stage1["version"]) == (NAME, "1.0")
    configure(trusting, "stage1", name=OTHER, version="1.0")
    line = trusting.refused(*PREPARE, TINY)
    assert f"there is no image {OTHER}:1.0 in the store" in line
    served = published(name=OTHER, annotations=of_others())
    root = next(parent for parent in served.parents if parent.name == "www")
    location = f"https://example.com/{served.relative_to(root)}"
    configure(trusting, "stage1", name=OTHER, version="1.0", location=location)
    assert chosen(trusting) == ("image", "1.0")
    configure(trusting, "stage1", name=OTHER, version="2.0", location=location)
    line = trusting.refused(*PREPARE, TINY)
    assert f"is {OTHER}:1.0" in line
    assert f"not {OTHER}:2.0, which is configured" in line
    configure(trusting, "stage1", location="/usr/lib/rkt/stage1-images/stage1-fly.aci")
    assert chosen(trusting) == ("fly", "")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--net=host",), "net host: a machine has a kernel"),
        (("--ipc=parent",), "--ipc=parent: another kernel's IPC"),
        (("--private-users=false",), "private users: false"),
        (
            ("--volume=null,kind=device,source=/dev/null",),
            "volume null: /dev/null, which is no block device",
        ),
        (
            ("--volume=data,kind=host,source=/srv,propagation=shared",),
            "volume data with propagation shared",
        ),
    ],
)
def test_what_a_machine_cannot_have_is_refused_before_anything_is_prepared(
    trusting: Agent, kvm_image: Callable[..., str], options: tuple[str, ...], text: str
) -> None:
    kvm_image()
    for verb in ("run", "prepare"):
        if verb == "prepare" and options[0].startswith(("--net", "--ipc")):
            continue
        line = trusting.refused(verb, "--stage1-name=kvm", *options, TINY)
        assert f"stage1 kvm cannot have {text}" in line, line
    assert json.loads(trusting.ok("list", "--format=json")) == []


def test_a_machine_takes_no_network_of_the_host_when_it_starts_nor_apps_later(
    trusting: Agent, kvm_image: Callable[..., str]
) -> None:
    kvm_image()
    uuid = prepared(trusting, "--stage1-name=kvm")["name"]
    assert "cannot have net host" in trusting.refused("run-prepared", "--net=host", uuid)
    assert "cannot have --ipc=parent" in trusting.refused("run-prepared", "--ipc=parent", uuid)
    done = trusting("app", "sandbox", "--stage1-name=kvm")
    assert (done.exit, done.stdout) == (1, "")
    assert "apps that come and go (app sandbox)" in done.stderr


def test_an_isolator_that_no_guest_enforces(
    trusting: Agent, kvm_image: Callable[..., str], signed_image: Publish
) -> None:
    kvm_image()
    line = trusting.refused(*PREPARE, "--stage1-name=kvm", TINY, "--block-iops=10")
    assert "resource/block-iops cannot be enforced by stage1 kvm: the guest has no disk" in line
    limit = {"name": "resource/block-iops", "value": {"default": True, "limit": "10"}}
    image = signed_image(version="2.0", app=aci.app(["/bin/true"], isolators=[limit]))
    uuid = trusting.ok(*PREPARE, "--stage1-name=kvm", image).strip()
    shown = trusting.ok("status", uuid)
    assert "report=app tiny: isolator resource/block-iops is not enforced by stage1 kvm" in shown


@pytest.mark.threat("T80")
def test_an_image_without_a_kernel_of_its_own_is_refused_before_a_machine_is_made(
    trusting: Agent, kvm_image: Callable[..., str]
) -> None:
    kvm_image("1.0")
    line = trusting.refused("run", "--net=none", "--stage1-name=kvm", "--kvm-accelerator=tcg", TINY)
    assert "stage1 kvm: image sha512-" in line
    assert "has no /boot/vmlinuz that a machine can be started from" in line
    assert not list(Path(trusting.data).glob("cache/machines/*.initrd"))


@pytest.mark.parametrize("verb", [("gc",), ("image", "gc")])
def test_what_was_made_of_a_removed_image_goes_with_the_next_gc(
    trusting: Agent, kvm_image: Callable[..., str], verb: tuple[str, ...]
) -> None:
    machines = Path(trusting.data) / "cache/machines"
    machines.mkdir(parents=True)
    stays = machines / f"{kvm_image()}-0123456789abcdef-0.initrd"
    gone = machines / f"sha512-{'0' * 64}-0123456789abcdef-0.initrd"
    for path in (stays, gone):
        path.touch()
    trusting.ok(*verb)
    assert {path.name for path in machines.glob("*.initrd")} == {stays.name}
