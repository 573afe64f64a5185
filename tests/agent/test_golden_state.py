# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this agent writes to disk is what the release before it did, and what an earlier one wrote is still understood.

`golden/state-<release>.txt` lists the files of a data directory with an ended pod, in its second life, and a prepared
one, and for each JSON file its keys; `golden/state-<release>.json.txt` has the files of these pods. Files and keys may
be added (then those of the release that is being made are written anew, with `PODWRIGHT_GOLDEN_WRITE=1`).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.test_crash import leftovers
from tests.agent.test_killed_in_teardown import GC
from tests.conftest import Keys
from tests.support.agent import Agent

GOLDEN = Path(__file__).parent / "golden"
RELEASE = "0.1"
WRITE = bool(os.environ.get("PODWRIGHT_GOLDEN_WRITE"))
IMAGE = "example.com/tiny"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LOOSE = ("/rootfs/", "/upper/", "/work/", "/cache/", "/locks/", "/tmp/")
"""Not of a stable format: what images and apps have, and what may be deleted at any time."""


@pytest.fixture
def stored(agent: Agent, signed_image: Callable[..., Path], lab: Keys) -> Iterator[Agent]:
    """The agent with an image in its store."""
    agent.trust(lab.key, "example.com")
    agent.ok("fetch", signed_image())
    yield agent


def keys(raw: Any, prefix: str = "") -> set[str]:
    """The keys of a JSON document, those of objects within as well; those that are data are one."""
    out: set[str] = set()
    if isinstance(raw, dict):
        for key, item in raw.items():
            name = (
                "*"
                if "/" in key or "sha" in key or key in ("tiny", "manifest", "aci", "aci.asc")
                else key
            )
            out.add(f"{prefix}{name}")
            out |= keys(item, f"{prefix}{name}.")
    elif isinstance(raw, list):
        for item in raw:
            out |= keys(item, f"{prefix}[].")
    return out


def shape(directory: Path, shown: str) -> Iterator[str]:
    """One line for each file: its path, its mode, and the keys that it has."""
    for path in sorted(directory.rglob("*")):
        name = f"{path.relative_to(directory)}"
        if any(part in f"/{name}/" for part in LOOSE):
            continue
        name = UUID.sub("UUID", re.sub(r"sha512-[0-9a-f]{64}", "IMAGE", name))
        name = re.sub(r"/[0-9a-f]{32}$", "/URL", name)
        if path.is_symlink() or path.is_dir() or not path.is_file():
            yield f"{shown}/{name} {'link' if path.is_symlink() else 'directory' if path.is_dir() else 'socket'}"
            continue
        data = path.read_bytes()
        said = "text" if data else "empty"
        if len(data) < 1 << 16 and data[:1] in (b"{", b"["):
            said = f"JSON {' '.join(sorted(keys(json.loads(data))))}".rstrip()
        yield f"{shown}/{name} {said}"


def lived(agent: Agent) -> None:
    """An ended pod (in its second life), a prepared one, and a named one."""
    saved = agent.data.parent / "uuid"
    words = ("--exec=/bin/sh", "--", "-c", "echo x >>/x; exit 3")
    volume = "--volume=data,kind=empty"
    mount = "--mount=volume=data,target=/data"
    agent("run", f"--uuid-file-save={saved}", volume, IMAGE, mount, *words)
    assert agent("run-prepared", saved.read_text().strip()).exit == 3
    agent.ok("prepare", "--quiet", IMAGE, "--exec=/bin/true")


def found(agent: Agent) -> set[str]:
    """What there is on disk."""
    return set(shape(agent.data, "data"))


def image_of(agent: Agent) -> str:
    """The ID of the image, which is another where the machine has another busybox."""
    (image,) = json.loads(agent.ok("image", "list", "--format=json"))
    return str(image["id"])


def packed(agent: Agent) -> str:
    """The files of all pods as JSON: path -> text, None for a directory; links and sockets are left out."""
    out: dict[str, str | None] = {}
    for path in sorted((agent.data / "pods").rglob("*")):
        if path.is_dir() and not path.is_symlink():
            out[str(path.relative_to(agent.data))] = None
        elif path.is_file() and not path.is_symlink():
            text = path.read_text().replace(image_of(agent), "{IMAGE}")
            out[str(path.relative_to(agent.data))] = text.replace(str(agent.data), "{DATA}")
    kept = {path: text for path, text in out.items() if "/work" not in path}
    return json.dumps(kept, indent=1) + "\n"


def unpack(agent: Agent, text: str) -> None:
    """Put the pods of another time beside the image that is stored now."""
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for name, content in json.loads(body).items():
        path = agent.data / name
        if content is None:
            path.mkdir(mode=0o750, parents=True, exist_ok=True)
        else:
            told = content.replace("{IMAGE}", image_of(agent)).replace("{DATA}", str(agent.data))
            path.write_text(told)


def test_the_agent_writes_what_the_list_says(stored: Agent) -> None:
    lived(stored)
    seen = found(stored)
    file = GOLDEN / f"state-{RELEASE}.txt"
    if WRITE:
        head = "# SPDX-FileCopyrightText: 2026 The podwright authors\n# SPDX-License-Identifier: GPL-3.0-or-later\n#\n"
        file.write_text(head + "\n".join(sorted(seen)) + "\n")
        (GOLDEN / f"state-{RELEASE}.json.txt").write_text(head + packed(stored))
    known = {line for line in file.read_text().splitlines() if not line.startswith("#")}
    lost = known - seen
    assert lost == set(), "this breaks who reads these files: see docs/architecture.md, On disk"


@pytest.mark.parametrize("release", [RELEASE])
@pytest.mark.threat("T92")
def test_what_an_earlier_release_wrote_is_understood(stored: Agent, release: str) -> None:
    """list, status, cat-manifest, export, run-prepared, rm and gc, on the pods of a release."""
    agent, base = stored, stored.data.parent
    unpack(agent, (GOLDEN / f"state-{release}.json.txt").read_text())
    pods = {pod["state"]: pod for pod in json.loads(agent.ok("list", "--format=json"))}
    assert set(pods) == {"exited", "prepared"}
    ended, prepared = pods["exited"]["name"], pods["prepared"]["name"]
    seen = json.loads(agent.ok("status", "--format=json", ended))
    assert seen["exit_status"] == 3 and seen["apps"][0]["exit_code"] == 3
    assert seen["finished_at"] > seen["started_at"] >= seen["created_at"]
    assert [life["exit_status"] for life in seen["lives"]] == [3]
    assert json.loads(agent.ok("cat-manifest", ended))["acKind"] == "PodManifest"
    agent.ok("export", ended, base / "out.aci")
    listed = subprocess.run(["tar", "-tzf", base / "out.aci"], capture_output=True, check=True)
    assert b"rootfs/x\n" in listed.stdout
    assert agent("run-prepared", "--net=none", prepared).exit == 0
    assert agent("run-prepared", "--net=none", ended).exit == 3
    agent.ok("rm", ended)
    agent.ok(*GC)
    assert leftovers(agent) == []
