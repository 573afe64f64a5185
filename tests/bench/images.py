# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetching and rendering: a large container image against podman, a large ACI, ten thousand small files against tar."""

from __future__ import annotations

import json
import random
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.bench.measure import Figures
from tests.bench.table import Fact, Row
from tests.support import aci
from tests.support.agent import Agent
from tests.support.ocilayout import OciLayout
from tests.support.paths import CHECKOUT
from tests.support.private_host import PrivateHost
from tests.support.registry import Registry

MIB = 1024 * 1024
LAYERS = 6
LARGE = 300
FILES = 10_000
RUNS = 5


def layer(seed: int) -> bytes:
    """The tar of one of the layers."""
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for at in ("usr", "usr/share", f"usr/share/{seed}"):
            add(archive, at, None)
        fill(archive, f"usr/share/{seed}", seed, LARGE * MIB // LAYERS)
    return out.getvalue()


def fill(archive: tarfile.TarFile, at: str, seed: int, size: int) -> None:
    """Add `size` bytes of files like those of a distribution: of all sizes, half of it compressible."""
    chance = random.Random(seed)
    left = size
    for number in range(10_000):
        if left <= 0:
            break
        if number % 20 == 0:
            add(archive, f"{at}/{number // 20}", None)
        length = min(left, int(chance.lognormvariate(9.5, 2)))
        add(archive, f"{at}/{number // 20}/file-{number}", content(chance, length))
        left -= length


def content(chance: random.Random, length: int) -> bytes:
    """Bytes that shrink to a little more than half."""
    text = b"the quick brown fox jumps over the lazy dog %d\n" % length
    return (chance.randbytes(length // 2) + text * (length // (2 * len(text)) + 2))[:length]


def add(archive: tarfile.TarFile, name: str, data: bytes | None) -> None:
    """A file, or a directory."""
    info = tarfile.TarInfo(name)
    info.mtime, info.mode = 1_700_000_000, 0o755 if data is None else 0o644
    if data is None:
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
    else:
        info.size = len(data)
        archive.addfile(info, BytesIO(data))


def write_aci(path: Path, size: int) -> None:
    """An ACI with that many bytes of files, gzip-compressed."""
    manifest = aci.image_manifest("example.com/large", "1.0", aci.app(["/bin/true"]))
    with tarfile.open(path, mode="w:gz", compresslevel=6, format=tarfile.GNU_FORMAT) as archive:
        add(archive, "manifest", json.dumps(manifest).encode())
        add(archive, "rootfs", None)
        for seed in range(LAYERS):
            add(archive, f"rootfs/{seed}", None)
            fill(archive, f"rootfs/{seed}", seed, size // LAYERS)


def small_files() -> bytes:
    """Ten thousand files in 500 directories, in the order of the tree."""
    chance = random.Random(7)
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for number in range(FILES):
            if number % 20 == 0:
                add(archive, f"d{number // 20}", None)
            add(
                archive,
                f"d{number // 20}/file-{number}",
                chance.randbytes(chance.choice((200, 900, 3000, 9000))),
            )
    return out.getvalue()


class Images:
    """The images, a registry that has one of them, and how they are measured."""

    def __init__(self, host: PrivateHost, agent: Agent, podman: list[str], scratch: Path) -> None:
        self._host, self._agent, self._podman, self._scratch = host, agent, podman, scratch

    def rows(self) -> tuple[list[Row], list[Fact]]:
        """All rows, and what memory it took."""
        with Registry(self._host, self._scratch, auth=False) as registry:
            pulled, memory = self._pull(registry)
        return [pulled, self._aci(), self._render()], [memory]

    def _pull(self, registry: Registry) -> tuple[Row, Fact]:
        layout = OciLayout(self._scratch / "layout")
        layers = [layout.layer_of(layer(seed)) for seed in range(LAYERS)]
        layout.tag(layout.image(layers, {"Cmd": ["/bin/true"]}), "1.0")
        registry.push_layout(layout.path, "bench/large:1.0")
        self._agent.accept_authority("bench", registry.files)
        reference = registry.reference("bench/large:1.0")
        ours = [*self._agent.command, "--insecure-options=image", "fetch", reference]
        theirs = [*self._podman, "pull", "--quiet", f"--cert-dir={registry.base}/client", reference]
        forget = [*self._podman, "rmi", "--all", "--force"]
        figures = self._in_turn([ours, theirs], [self._empty_store(), forget])
        what = f"fetch {LARGE} MB in {LAYERS} layers from a registry on loopback"
        row = Row(what, "≤ 0.6 x", figures[0], figures[1], "podman pull", 0.6)
        self._host.run(self._empty_store()).check()
        shared, whole = self._ask({"memory": ours})
        held = f"{shared:.0f} MiB (added up: {whole:.0f} MiB; one process of podman: {figures[1].peak:.0f} MiB)"
        return row, Fact(
            "peak memory of that fetch, all processes (PSS, sampled)",
            "≤ 100 MiB",
            held,
            shared <= 100,
        )

    def _aci(self) -> Row:
        image = self._scratch / "large.aci"
        write_aci(image, 285 * MIB)
        fetch = [*self._agent.command, "--insecure-options=image", "fetch", str(image)]
        target = self._scratch / "large"
        empty = ["sh", "-c", f"rm -rf {target} && mkdir {target}"]
        tar = [
            "sh",
            "-c",
            f"sha512sum {image} && tar -xzpf {image} -C {target} && sync -f {target}",
        ]
        ours, theirs = self._in_turn([fetch, tar], [self._empty_store(), empty])
        return Row(
            "fetch an ACI of 285 MB in one layer from a file",
            "none",
            ours,
            theirs,
            "sha512sum, tar -xz, sync",
            None,
        )

    def _render(self) -> Row:
        plain = self._scratch / "small.tar"
        plain.write_bytes(small_files())
        image = self._scratch / "small.aci"
        rootfs = self._scratch / "small"
        rootfs.mkdir()
        self._host.run(["tar", "-xpf", str(plain), "-C", str(rootfs)]).check()
        manifest = aci.image_manifest("example.com/small", "1.0", aci.app(["/bin/true"]))
        image_id = aci.build(rootfs, manifest, image)[: len("sha512-") + 64]
        self._agent.ok("--insecure-options=image", "fetch", str(image))
        target = self._scratch / "gnu"
        empty = ["sh", "-c", f"rm -rf {target} && mkdir {target}"]
        tar = ["sh", "-c", f"tar -xzpf {image} -C {target} && sync -f {target}"]
        again = [
            *self._agent.command,
            "--insecure-options=image",
            "image",
            "render",
            "--force",
            image_id,
        ]
        ours, theirs = self._in_turn([again, tar], [["true"], empty])
        what = f"render a stored image of {FILES:,} files, digests included, to disk"
        return Row(what, "≤ 2 x", ours, theirs, "tar -xz, sync", 2)

    def _empty_store(self) -> list[str]:
        return ["sh", "-c", f"rm -rf {self._agent.data}/cas {self._agent.data}/tmp"]

    def _ask(self, task: dict[str, Any]) -> Any:
        script = [sys.executable, "-m", "tests.bench.measure"]
        done = self._host.run(script, stdin=json.dumps(task), timeout=1800, directory=CHECKOUT)
        return json.loads(done.check().stdout)

    def _in_turn(self, commands: list[list[str]], before: list[list[str]]) -> list[Figures]:
        found = self._ask({"commands": commands, "runs": RUNS, "before": before, "warm_up": 1})
        return [Figures(tuple(item["wall"]), item["peak"]) for item in found]
