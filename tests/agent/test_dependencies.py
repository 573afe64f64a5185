# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images built on images: found, verified and layered as the appc spec says, or refused as a whole."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import AGENT_ERROR, Agent
from tests.support.stack import BASE, NO_ARCH, Stack, labels
from tests.support.webserver import ImageServer

TOP, MIDDLE = "example.com/top", "example.com/middle"
STRIDE = int(os.environ.get("PODWRIGHT_CRASH_STRIDE", "40"))
"""Every how many steps a fetch is broken off; `make crash-tests` sets 1."""


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Agent:
    """An agent that trusts the lab's key for example.com."""
    agent.trust(lab.key, "example.com")
    return agent


@pytest.fixture
def stack(https_server: ImageServer, lab: Keys, tmp_path: Path) -> Stack:
    """A maker of images that are built on each other, served for discovery."""
    return Stack(https_server, lab.key, tmp_path / "stack")


def refused(agent: Agent, *arguments: str | Path) -> str:
    """The sentence with which the agent refuses; lines about progress may stand before it."""
    result = agent(*arguments)
    assert result.exit == AGENT_ERROR, result
    *before, last = result.stderr.splitlines()
    assert all("fetching" in line for line in before), result
    return last


def stored(agent: Agent) -> dict[str, str]:
    """Names of all images in the store, with their IDs."""
    listed = json.loads(agent.ok("image", "list", "--format=json"))
    return {image["name"]: image["id"] for image in listed}


def record(agent: Agent, image_id: str) -> dict[str, object]:
    """The record of a stored image."""
    path = agent.data / "cas/image" / image_id / "record.json"
    found: dict[str, object] = json.loads(path.read_text())
    return found


def run(agent: Agent, image: str, *command: str) -> str:
    """What a command prints in a pod of the image."""
    program, *arguments = command
    return agent.ok("run", "--net=none", image, f"--exec={program}", "--", *arguments)


def image_requests(server: ImageServer, part: str) -> int:
    """How often an archive was asked for."""
    return sum(1 for each in server.requests if each.path.endswith(".aci") and part in each.path)


def test_a_pod_sees_the_files_of_all_images_the_upper_one_wins(
    trusting: Agent, stack: Stack
) -> None:
    stack.base()
    stack.serve(MIDDLE, {"etc/a": "middle", "etc/b": "middle"}, dependencies=[BASE])
    stack.serve(TOP, {"etc/b": "top"}, dependencies=[MIDDLE])
    assert run(trusting, TOP, "/bin/cat", "/etc/a", "/etc/b") == "middletop"
    ids = stored(trusting)
    found = record(trusting, ids[f"{TOP}:1.0"])
    assert found["dependencies"] == [ids[f"{BASE}:1.0"], ids[f"{MIDDLE}:1.0"]]


def test_later_dependencies_override_earlier_ones(trusting: Agent, stack: Stack) -> None:
    stack.base()
    stack.serve("example.com/one", {"etc/x": "one", "etc/y": "one"})
    stack.serve("example.com/two", {"etc/x": "two"})
    stack.serve(TOP, dependencies=[BASE, "example.com/one", "example.com/two"])
    assert run(trusting, TOP, "/bin/cat", "/etc/x", "/etc/y") == "twoone"


def test_an_image_that_occurs_twice_keeps_its_topmost_place(
    trusting: Agent, stack: Stack, https_server: ImageServer
) -> None:
    stack.base()
    stack.serve("example.com/shared", {"etc/x": "shared"})
    stack.serve("example.com/one", {"etc/x": "one"}, dependencies=["example.com/shared"])
    stack.serve(TOP, dependencies=[BASE, "example.com/one", "example.com/shared"])
    assert run(trusting, TOP, "/bin/cat", "/etc/x") == "shared"
    assert image_requests(https_server, "shared") == 1


def test_without_overlay_the_copy_shows_the_same(trusting: Agent, stack: Stack) -> None:
    stack.base()
    stack.serve(TOP, {"etc/x": "top"}, dependencies=[BASE])
    out = trusting.ok("run", "--net=none", "--no-overlay", TOP, "--exec=/bin/cat", "--", "/etc/x")
    assert out == "top"


@pytest.mark.parametrize("how", ["stack", "merge"])
def test_a_link_below_a_directory_is_replaced_and_never_followed(
    trusting: Agent, stack: Stack, how: str
) -> None:
    stack.base()
    stack.serve(MIDDLE, {"real/old": "old"}, links={"srv": "real"})
    kept = ["/bin/busybox", "/bin/ls", "/srv/new", "/real/old"] if how == "merge" else []
    stack.serve(TOP, {"srv/new": "new"}, dependencies=[BASE, MIDDLE], whitelist=kept)
    assert run(trusting, TOP, "/bin/ls", "/srv", "/real").split() == [
        "/real:", "old", "/srv:", "new",
    ]  # fmt: skip


def test_a_whitelist_keeps_only_what_it_names(trusting: Agent, stack: Stack) -> None:
    stack.base()
    stack.serve(
        TOP,
        {"etc/kept": "kept", "etc/dropped": "dropped"},
        dependencies=[BASE],
        whitelist=["/bin/busybox", "/bin/find", "/etc/kept"],
    )
    assert run(trusting, TOP, "/bin/find", "/bin", "!", "-type", "d").split() == [
        "/bin/busybox", "/bin/find",
    ]  # fmt: skip
    found = run(trusting, TOP, "/bin/find", "/etc")
    assert "/etc/kept" in found
    assert "/etc/dropped" not in found
    assert "/etc/passwd" not in found
    trusting.ok("image", "verify", "--all")


def test_a_dependencys_whitelist_applies_to_its_branch_only(trusting: Agent, stack: Stack) -> None:
    stack.base()
    stack.serve("example.com/low", {"etc/a": "a", "etc/b": "b"})
    stack.serve(MIDDLE, dependencies=["example.com/low"], whitelist=["/etc/a"])
    stack.serve(TOP, {"etc/c": "c"}, dependencies=[BASE, MIDDLE])
    out = run(trusting, TOP, "/bin/sh", "-c", "cat /etc/a; cat /etc/b 2>/dev/null; cat /etc/c")
    assert out == "ac"


def test_a_dependency_for_every_system_is_accepted(trusting: Agent, stack: Stack) -> None:
    stack.base()
    stack.serve("example.com/data", {"etc/x": "data"}, labels=NO_ARCH)
    stack.serve(TOP, dependencies=[BASE, "example.com/data"])
    assert run(trusting, TOP, "/bin/cat", "/etc/x") == "data"


def test_a_dependency_for_another_system_is_refused(trusting: Agent, stack: Stack) -> None:
    stack.serve("example.com/data", {"etc/x": "data"}, labels={"arch": "ppc64le"})
    stack.serve(TOP, dependencies=["example.com/data"])
    assert "label arch is 'ppc64le'" in refused(trusting, "fetch", TOP)
    assert stored(trusting) == {}


def test_the_id_and_the_size_that_a_dependency_must_have(trusting: Agent, stack: Stack) -> None:
    served = stack.serve("example.com/data", {"etc/x": "data"})
    right = aci.image_id(served)
    wrong = "sha512-" + "0" * 128
    stack.serve(TOP, dependencies=[{"imageName": "example.com/data", "imageID": wrong}])
    assert "must have the ID sha512-000" in refused(trusting, "fetch", TOP)
    size = served.stat().st_size
    stack.serve(TOP, dependencies=[{"imageName": "example.com/data", "size": size + 1}])
    assert f"must have {size + 1} bytes, but has {size} or" in refused(trusting, "fetch", TOP)
    pinned = {"imageName": "example.com/data", "imageID": right[:30], "size": size}
    stack.serve(TOP, dependencies=[pinned])
    trusting.ok("fetch", TOP)


def test_a_dependency_needs_a_signature_by_a_key_for_its_own_name(
    agent: Agent, stack: Stack, lab: Keys
) -> None:
    agent.trust(lab.key, "example.com/top")
    stack.base()
    stack.serve(TOP, dependencies=[BASE])
    line = refused(agent, "fetch", TOP)
    assert "no key is trusted for image example.com/base" in line
    assert f"image {TOP} is built on {BASE}" in line
    assert stored(agent) == {}
    agent.trust(lab.key, BASE)
    agent.ok("fetch", TOP)


def test_a_dependency_of_a_stranger_keeps_the_whole_image_out(
    trusting: Agent, stack: Stack, lab: Keys
) -> None:
    stack.serve(BASE, {"etc/x": "evil"}, key=lab.stranger)
    stack.serve(TOP, dependencies=[BASE])
    assert "which is not trusted for example.com/base" in refused(trusting, "fetch", TOP)
    assert stored(trusting) == {}


def test_the_verdict_on_what_is_below_is_looked_at_again(
    agent: Agent, stack: Stack, lab: Keys
) -> None:
    agent.trust(lab.key, TOP)
    agent.trust(lab.key, BASE)
    stack.base()
    stack.serve(TOP, dependencies=[BASE])
    agent.ok("fetch", TOP)
    (key,) = (agent.local / "trustedkeys/prefix.d" / BASE).iterdir()
    key.unlink()
    line = refused(agent, "run", "--net=none", TOP)
    assert f"image {TOP} is built on {BASE}: " in line


def test_pull_policy_never_takes_everything_from_the_store(
    trusting: Agent, stack: Stack, https_server: ImageServer
) -> None:
    stack.base()
    stack.serve(TOP, {"etc/x": "top"}, dependencies=[BASE])
    trusting.ok("fetch", TOP)
    before = len(https_server.requests)
    trusting.ok("run", "--net=none", "--pull-policy=never", TOP, "--exec=/bin/true")
    assert len(https_server.requests) == before


def test_what_is_missing_below_is_fetched_with_the_image_again(
    trusting: Agent, stack: Stack
) -> None:
    stack.base()
    stack.serve(TOP, {"etc/x": "top"}, dependencies=[BASE])
    trusting.ok("fetch", TOP)
    base = stored(trusting)[f"{BASE}:1.0"]
    for part in ("image", "tree"):
        (trusting.data / "cas" / part / base).rename(trusting.data / f"gone-{part}")
    assert "is built on" in refused(trusting, "run", "--net=none", "--pull-policy=never", TOP)
    assert trusting("image", "verify", TOP).exit == AGENT_ERROR
    trusting.ok("fetch", TOP)
    assert run(trusting, TOP, "/bin/cat", "/etc/x") == "top"


def test_a_tree_that_is_missing_is_made_again(trusting: Agent, stack: Stack) -> None:
    stack.base()
    stack.serve(MIDDLE, {"etc/a": "a", "etc/b": "b"}, dependencies=[BASE], whitelist=["/etc/a"])
    stack.serve(TOP, {"etc/x": "top"}, dependencies=[BASE, MIDDLE])
    trusting.ok("fetch", TOP)
    for number, image_id in enumerate(stored(trusting).values()):
        (trusting.data / "cas/tree" / image_id).rename(trusting.data / f"gone-{number}")
    assert run(trusting, TOP, "/bin/cat", "/etc/x", "/etc/a") == "topa"
    trusting.ok("image", "verify", "--all")


@pytest.mark.threat("T39")
def test_a_cycle_is_refused_and_named(trusting: Agent, stack: Stack) -> None:
    stack.serve(TOP, dependencies=[MIDDLE])
    stack.serve(MIDDLE, dependencies=[BASE])
    stack.serve(BASE, dependencies=[MIDDLE])
    line = refused(trusting, "fetch", TOP)
    assert f"{MIDDLE}:1.0 -> {BASE}:1.0 -> {MIDDLE}:1.0" in line
    assert stored(trusting) == {}


@pytest.mark.threat("T39")
@pytest.mark.parametrize(
    "need", [TOP, {"imageName": TOP, "labels": labels(version="1.0")}], ids=["name", "version"]
)
def test_an_image_built_on_itself_is_refused(trusting: Agent, stack: Stack, need: str) -> None:
    stack.serve(TOP, dependencies=[need])
    line = refused(trusting, "fetch", f"{TOP}:1.0")
    assert f"is built on itself: {TOP}:1.0 -> {TOP}:1.0" in line


def test_an_image_may_be_built_on_its_own_earlier_version(trusting: Agent, stack: Stack) -> None:
    stack.base(TOP, "1.0")
    earlier = {"imageName": TOP, "labels": labels(version="1.0")}
    stack.serve(TOP, {"etc/x": "new"}, version="2.0", dependencies=[earlier])
    assert run(trusting, f"{TOP}:2.0", "/bin/cat", "/etc/x") == "new"


@pytest.mark.threat("T39")
def test_a_chain_deeper_than_the_limit_is_refused(trusting: Agent, stack: Stack) -> None:
    for number in range(40):
        below = [f"example.com/n{number + 1}"] if number < 39 else []
        stack.serve(f"example.com/n{number}", dependencies=below)
    assert "more than 32 images deep" in refused(trusting, "fetch", "example.com/n0")
    assert stored(trusting) == {}


@pytest.mark.threat("T39")
def test_a_diamond_of_2_to_the_20_ways_visits_every_image_once(
    trusting: Agent, stack: Stack, https_server: ImageServer
) -> None:
    stack.base("example.com/d20")
    for number in range(20):
        below = f"example.com/d{number + 1}"
        pinned = {"imageName": below, "labels": labels(version="1.0")}
        stack.serve(f"example.com/d{number}", dependencies=[below, pinned])
    trusting.ok("fetch", "example.com/d0")
    assert len(stored(trusting)) == 21
    for number in range(21):
        assert 1 <= image_requests(https_server, f"/d{number}-") <= 2
    trusting.ok("run", "--net=none", "example.com/d0", "--exec=/bin/true")


def test_fetches_of_one_image_at_once_make_one_copy(
    trusting: Agent, stack: Stack, https_server: ImageServer
) -> None:
    stack.base()
    stack.serve(TOP, {"etc/x": "top"}, dependencies=[BASE])
    outs: list[str] = []

    def fetch() -> None:
        # new: whoever starts when the first one is ready takes what is stored
        result = trusting("fetch", "--full", "--pull-policy=new", TOP, timeout=120)
        outs.append(result.stdout.strip())

    threads = [threading.Thread(target=fetch) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = stored(trusting)
    assert outs == [ids[f"{TOP}:1.0"]] * 32
    assert image_requests(https_server, "top") == 1
    assert image_requests(https_server, "base") == 1
    assert [path.name for path in (trusting.data / "tmp").iterdir()] == []


def test_two_processes_that_fetch_a_cycle_from_both_ends_do_not_wait_for_each_other(
    trusting: Agent, stack: Stack
) -> None:
    stack.serve(TOP, dependencies=[MIDDLE])
    stack.serve(MIDDLE, dependencies=[TOP])
    lines: list[str] = []
    threads = [
        threading.Thread(target=lambda name=name: lines.append(refused(trusting, "fetch", name)))
        for name in (TOP, MIDDLE)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines) == 2
    assert all("is built on itself" in line for line in lines), lines


@pytest.mark.threat("T90")
@pytest.mark.parametrize("fault", ["kill", "ENOSPC"])
def test_a_fetch_that_is_broken_off_anywhere_is_completed_by_the_next(
    trusting: Agent, stack: Stack, tmp_path: Path, fault: str
) -> None:
    stack.serve(BASE, {"etc/x": "base", "etc/y": "base"})
    stack.serve(TOP, {"etc/x": "top"}, dependencies=[BASE], whitelist=["/etc/x"])
    steps = tmp_path / "steps"
    trusting("fetch", TOP, env={"PODWRIGHT_FAULT": f"count@{steps}"}).check()
    count = len(steps.read_text().splitlines())
    assert count > 50
    for number in range(1, count + 1, STRIDE):
        trusting.ok("image", "rm", TOP, BASE)
        trusting("fetch", TOP, env={"PODWRIGHT_FAULT": f"{fault}@{number}"})
        for image in stored(trusting):
            trusting.ok("image", "verify", image)  # what is listed is whole
        trusting.ok("fetch", TOP)
        assert len(stored(trusting)) == 2
        trusting.ok("image", "verify", "--all")
    trusting.ok("gc")
    trusting.ok("image", "gc")
    assert list((trusting.data / "tmp").iterdir()) == []
    assert len(list((trusting.data / "cas/tree").iterdir())) == 2
