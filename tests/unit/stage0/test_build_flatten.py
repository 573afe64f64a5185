# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An OCI layout becomes an ACI: layers laid over each other, configuration converted, digests checked."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from podwright import jsonio
from podwright.errors import PodwrightError
from podwright.stage0.build import archive, make, spec
from tests.support import aci
from tests.support.ocilayout import Layer, Member, OciLayout, special

FULL = {
    "Entrypoint": ["/bin/app"],
    "Cmd": ["--serve"],
    "Env": ["A=1"],
    "User": "7:8",
    "WorkingDir": "/srv",
    "ExposedPorts": {"80/tcp": {}},
    "Volumes": {"/data": {}},
}


@pytest.fixture
def layout(tmp_path: Path) -> OciLayout:
    """An empty layout."""
    return OciLayout(tmp_path / "layout")


def image(layout: OciLayout, layers: Sequence[Layer], config: dict[str, Any] | None = None) -> None:
    """Put one image into the layout, tagged 1.0."""
    layout.tag(layout.image(layers, FULL if config is None else config), "1.0")


def built(layout: OciLayout, tmp_path: Path, **more: Any) -> make.Built:
    """Build it."""
    raw = {"source": f"oci:{layout.path}:1.0", "output": str(tmp_path / "x.aci"), **more}
    return make.build(spec.read({"name": "example.com/app", **raw}))


def unpacked(path: Path, tmp_path: Path) -> dict[str, tuple[str, str, bytes]]:
    """Path → (kind, link, content) of what the archive has below rootfs/, links followed."""
    found: dict[str, tuple[str, str, bytes]] = {}
    with tarfile.open(path) as opened:
        for member in opened:
            name = member.name.removeprefix("rootfs").lstrip("/")
            if member.islnk():
                found[name] = found[member.linkname.removeprefix("rootfs/")]
                continue
            stream = opened.extractfile(member) if member.isreg() else None
            kind = {tarfile.REGTYPE: "file", tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "link"}
            content = stream.read() if stream else b""
            found[name] = (kind.get(member.type, "other"), member.linkname, content)
    del found["manifest"]
    return found


def by_umoci(layout: OciLayout, tmp_path: Path) -> dict[str, tuple[str, str, bytes]]:
    """The same, as umoci unpacks the layers."""
    command = [
        "umoci",
        "unpack",
        "--rootless",
        "--image",
        f"{layout.path}:1.0",
        str(tmp_path / "u"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    root = tmp_path / "u/rootfs"
    found = {"": ("dir", "", b"")}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()), b"")
        elif path.is_dir():
            found[name] = ("dir", "", b"")
        else:
            found[name] = ("file", "", path.read_bytes()) if path.is_file() else ("other", "", b"")
    return found


LINK, SYMLINK, FIFO = tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE
STACKS: dict[str, list[list[Member]]] = {
    "one layer": [[("bin", None), ("bin/app", b"app"), special("bin/sh", SYMLINK, "app")]],
    "a file is replaced": [[("a", b"1"), ("b", b"2")], [("a", b"3")]],
    "a file is hidden": [[("d", None), ("d/a", b"1"), ("d/b", b"2")], [("d/.wh.a", b"")]],
    "a directory is hidden": [[("d", None), ("d/a", b"1")], [(".wh.d", b"")]],
    "hidden and made again": [[("d", None), ("d/a", b"1")], [(".wh.d", b""), ("d", None), ("d/b", b"2")]],
    "opaque": [[("d", None), ("d/a", b"1")], [("d", None), ("d/.wh..wh..opq", b""), ("d/b", b"2")]],
    "a directory becomes a file": [[("d", None), ("d/a", b"1")], [("d", b"file")]],
    "a file becomes a directory": [[("d", b"file")], [("d", None), ("d/a", b"1")]],
    "a link becomes a directory": [
        [("real", None), ("real/x", b"1"), special("d", SYMLINK, "real")],
        [(".wh.d", b""), ("d", None), ("d/a", b"1")],
    ],
    "a linked file": [[("a", b"1"), special("b", LINK, "a")]],
    "a link into a lower layer": [[("a", b"1")], [("a", b"1"), special("b", LINK, "a")]],
    "the first name is replaced": [[("a", b"1"), special("b", LINK, "a")], [("a", b"2")]],
    "the first name is hidden": [[("a", b"1"), special("b", LINK, "a")], [(".wh.a", b"")]],
    "a pipe": [[special("p", FIFO)]],
    "written with ./ and /": [[("./", None), ("./a", b"1"), ("/b", b"2")], [("./.wh.a", b"")]],
}  # fmt: skip


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("compression", ["", "gzip"])
def test_layers_are_laid_over_each_other_as_umoci_does(
    layout: OciLayout, tmp_path: Path, stack: str, compression: str
) -> None:
    image(layout, [layout.layer(members, compression) for members in STACKS[stack]])
    built(layout, tmp_path)
    assert unpacked(tmp_path / "x.aci", tmp_path) == by_umoci(layout, tmp_path)


def test_the_compression_of_layers_makes_no_difference(layout: OciLayout, tmp_path: Path) -> None:
    other = OciLayout(tmp_path / "other")
    for each, compression in ((layout, "gzip"), (other, "zstd")):
        image(each, [each.layer(members, compression) for members in STACKS["opaque"]])
    first, second = built(layout, tmp_path), built(other, tmp_path)
    rootfs = unpacked(tmp_path / "x.aci", tmp_path)
    assert rootfs["d/b"][2] == b"2" and "d/a" not in rootfs
    assert second.changed == (first.manifest != second.manifest)


def test_the_last_of_equal_names_in_a_layer_counts_and_a_hidden_name_is_of_lower_layers(
    layout: OciLayout, tmp_path: Path
) -> None:
    upper: list[Member] = [("a", b"first"), ("b", b"own"), (".wh.b", b""), ("a", b"last")]
    image(layout, [layout.layer([("b", b"lower")]), layout.layer(upper)])
    built(layout, tmp_path)
    found = unpacked(tmp_path / "x.aci", tmp_path)
    assert (found["a"][2], found["b"][2]) == (b"last", b"own")


def test_the_configuration_becomes_the_manifest(layout: OciLayout, tmp_path: Path) -> None:
    image(layout, [layout.layer([("bin/app", b"app")])])
    done = built(layout, tmp_path, environment={"B": "2"})
    said = jsonio.loads(done.manifest, "manifest")
    labels = {item["name"]: item["value"] for item in said["labels"]}
    assert labels == {"version": "1.0", "os": "linux", "arch": aci.host_arch()}
    app = said["app"]
    assert app["exec"] == ["/bin/app", "--serve"]
    assert (app["user"], app["group"], app["workingDirectory"]) == ("7", "8", "/srv")
    assert app["ports"][0]["name"] == "80-tcp"
    assert app["mountPoints"] == [{"name": "volume-data", "path": "/data"}]
    assert {item["name"]: item["value"] for item in app["environment"]} == {"A": "1", "B": "2"}
    assert str(tmp_path) not in done.manifest.decode()


def test_two_copies_of_a_layout_give_the_same_bytes(layout: OciLayout, tmp_path: Path) -> None:
    image(layout, [layout.layer(members) for members in STACKS["the first name is replaced"]])
    first = built(layout, tmp_path)
    data = (tmp_path / "x.aci").read_bytes()
    subprocess.run(["cp", "-r", str(layout.path), str(tmp_path / "copy")], check=True)
    raw = {"source": str(tmp_path / "copy"), "output": str(tmp_path / "y.aci")}
    second = make.build(spec.read({"name": "example.com/app", **raw}))
    assert (tmp_path / "y.aci").read_bytes() == data
    assert first.image_id == second.image_id == archive.check(str(tmp_path / "y.aci")).image_id


def spoil_blob(layout: OciLayout, digest: str) -> None:
    """Flip a bit in the middle of a blob."""
    path = layout.blobs / digest.partition(":")[2]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("what", ["layer", "config", "manifest"])
def test_a_damaged_blob_is_refused_and_nothing_is_made(
    layout: OciLayout, tmp_path: Path, what: str
) -> None:
    layer = layout.layer([("a", b"1" * 5000)], "")
    made = layout.image([layer], FULL)
    layout.tag(made, "1.0")
    manifest = (layout.blobs / made["digest"].partition(":")[2]).read_bytes()
    config = jsonio.loads(manifest, "manifest")["config"]["digest"]
    spoil_blob(
        layout,
        {"layer": layer.descriptor["digest"], "config": config, "manifest": made["digest"]}[what],
    )
    with pytest.raises(PodwrightError, match="is damaged"):
        built(layout, tmp_path)
    assert not (tmp_path / "x.aci").exists()


def test_a_layer_with_another_diff_id_is_refused(layout: OciLayout, tmp_path: Path) -> None:
    layer = layout.layer([("a", b"1")])
    image(layout, [Layer(layer.descriptor, "sha256:" + "0" * 64)])
    with pytest.raises(PodwrightError, match="not the one that its configuration names"):
        built(layout, tmp_path)


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([special("bin/x", LINK, "nowhere")], "leads to no file"),
        ([special("bin/null", tarfile.CHRTYPE)], "device node"),
        ([("../x", b"1")], "not a plain path"),
        ([(".wh.", b"")], "whiteout of nothing"),
    ],
)
def test_what_no_host_would_unpack_is_refused(
    layout: OciLayout, tmp_path: Path, members: list[Member], why: str
) -> None:
    image(layout, [layout.layer(members)])
    with pytest.raises(PodwrightError, match=why):
        built(layout, tmp_path)
    assert not (tmp_path / "x.aci").exists()


def test_one_of_several_images_is_named(layout: OciLayout, tmp_path: Path) -> None:
    for tag in ("1.0", "2.0"):
        layout.tag(layout.image([layout.layer([("tag", tag.encode())])], FULL), tag)
    raw = {"name": "example.com/app", "output": str(tmp_path / "x.aci")}
    with pytest.raises(PodwrightError, match=r"several images.*\n?") as caught:
        make.build(spec.read({**raw, "source": str(layout.path)}))
    assert "1.0, 2.0" in caught.value.sentence()
    with pytest.raises(PodwrightError, match="has no such image"):
        make.build(spec.read({**raw, "source": f"oci:{layout.path}:3.0"}))
    make.build(spec.read({**raw, "source": f"oci:{layout.path}:2.0"}))
    assert unpacked(tmp_path / "x.aci", tmp_path)["tag"][2] == b"2.0"
