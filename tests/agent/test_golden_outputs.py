# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the verbs print for the same pods, compared with golden files: other people's scripts read it.

A change here is a change for them: see the policy in docs/cli.md. `PODWRIGHT_WRITE_GOLDEN=1` writes the files anew.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent

GOLDEN = Path(__file__).parent / "golden/cli"
Build = Callable[..., Path]
SERVE = "trap 'exit 0' TERM; echo up; sleep 1000 & wait"
PATTERNS = (
    (r"sha512-[0-9a-f]+", "sha512-ID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "TIME"),
    (r"\d+ (second|minute)s? ago|just now", "AGO"),
    (r"(?<=pid=)\d+", "PID"),
    (r"(?<=private-users=)\d+:\d+", "FIRST:COUNT"),
    (r"\b[0-9A-F]{40}\b|\b[0-9a-f]{40}\b|\b[0-9a-f]{8}\.\.\.[0-9a-f]{8}\b", "FINGERPRINT"),
    (r"signed [0-9A-F]{8}\.\.\.", "signed KEY..."),
    (r"\d+(\.\d+)?(B|KiB|MiB)", "SIZE"),
    (r" *\t", "\t"),
    (r"\t\d{6,}\t", "\tBYTES\t"),
    (r"OS/Arch: linux/\w+", "OS/Arch: linux/ARCH"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
)


class Named:
    """Replaces what differs from run to run; the same UUID is the same word everywhere."""

    def __init__(self, *places: Path) -> None:
        self.places = places
        self.uuids: list[str] = []

    def know(self, uuid: str) -> str:
        self.uuids.append(uuid)
        return uuid

    def __call__(self, text: str) -> str:
        for number, uuid in enumerate(self.uuids, 1):
            text = text.replace(uuid, f"UUID-{number}").replace(uuid[:8], f"UUID-{number}")
        for place in self.places:
            text = text.replace(str(place), "PLACE")
        for pattern, word in PATTERNS:
            text = re.sub(pattern, word, text)
        return text


def keys(found: Any, path: str = "") -> Iterator[str]:
    """Every path of a JSON document, with the type of what is there; elements of lists together."""
    if isinstance(found, dict) and found:
        for name, inner in found.items():
            yield from keys(inner, f"{path}.{name}")
    elif isinstance(found, list) and found:
        for inner in found:
            yield from keys(inner, f"{path}[]")
    else:
        yield f"{path} {'null' if found is None else type(found).__name__}"


def compare(name: str, text: str) -> None:
    """Compare with a golden file, or write it when that is asked for."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("PODWRIGHT_WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text(), f"{name}: PODWRIGHT_WRITE_GOLDEN=1 writes it anew"


def promised(name: str, text: str) -> None:
    """All that a JSON document had before must still be there; more may come."""
    found = sorted(set(keys(json.loads(text))))
    if os.environ.get("PODWRIGHT_WRITE_GOLDEN"):
        (GOLDEN / f"{name}.txt").write_text("".join(f"{line}\n" for line in found))
    lines = (GOLDEN / f"{name}.txt").read_text().splitlines()
    assert set(lines) <= set(found), f"{name}: {set(lines) - set(found)} went away"


def test_outputs(agent: Agent, lab: Keys, signed_image: Build, tmp_path: Path) -> None:
    agent.trust(lab.key, "example.com")
    named = Named(tmp_path)
    app = aci.app(["/bin/sh", "-c", SERVE], ports=[{"name": "http", "protocol": "tcp", "port": 80}])
    image = signed_image(app=app)
    saved = tmp_path / "uuid"
    command = [*agent.command, "run", f"--uuid-file-save={saved}", "--port=http:8080"]
    labels = ["--user-annotation=team=a", "--user-label=tier=web", "--annotation=example.com/a=b"]
    with agent.host.popen([*command, str(image), *labels]) as run:
        try:
            assert run.stdout is not None and run.stdout.readline() == "up\n"
            running = named.know(saved.read_text().strip())
            ready = agent.ok("status", "--wait-ready=60s", running)
            prepared = agent.ok("prepare", "--quiet", image, "--name=a", "---", image, "--name=b")
            prepared = named.know(prepared.strip())
            failing = ["--net=none", f"--uuid-file-save={saved}", "--exec=/bin/sh", "--"]
            assert agent("run", image, *failing, "-c", "exit 3").exit == 3
            ended = named.know(saved.read_text().strip())
            compare("status-running", named(ready))
            compare("status-prepared", named(agent.ok("status", prepared)))
            compare("status-exited", named(agent.ok("status", ended)))
            for verb in ("list", "image list", "trust list", "network list"):
                words = verb.split()
                name = verb.replace(" ", "-")
                compare(name, named(agent.ok(*words)))
                promised(f"{name}-json", agent.ok(*words, "--format=json"))
            compare("list-full", named(agent.ok("list", "--full")))
            compare("image-list-full", named(agent.ok("image", "list", "--full")))
            compare("network-inspect", named(agent.ok("network", "inspect", "default")))
            compare("network-check", named(agent.ok("network", "check")))
            promised("status-json", agent.ok("status", "--format=json", running))
            promised("status-exited-json", agent.ok("status", "--format=json", ended))
            promised("cat-manifest", agent.ok("cat-manifest", prepared))
            compare("config", named(agent.ok("config")))
            compare("stop", named(agent.ok("stop", running)))
            agent.ok("status", "--wait=60s", running)
        finally:
            run.kill()
    compare("stop-json", named(agent.ok("stop", "--format=json-pretty", running)))
    compare("rm", named(agent.ok("rm", running)))
    compare("rm-json", named(agent.ok("rm", "--format=json-pretty", ended)))
    collected = agent.ok("gc", "--format=json-pretty", "--expire-prepared=0s", "--grace-period=0s")
    compare("gc-json", named(collected))
    compare("list-empty", named(agent.ok("list")))
    compare("list-empty-json", named(agent.ok("list", "--format=json")))
    fetched = agent.ok("fetch", image)
    compare("fetch", named(fetched))
    promised("fetch-json", agent.ok("fetch", "--format=json", image))
    compare("image-rm", named(agent.ok("image", "rm", fetched.strip())))
    promised("version-json", agent.ok("version", "--format=json"))
    compare("version", re.sub(r"Version: [0-9.]+", "Version: N", named(agent.ok("version"))))
