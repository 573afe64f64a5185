# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules image_export and image_render: what is written is the image, once; nothing is replaced unasked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.modules.conftest import AdHoc
from tests.modules.script import Script, check

NAME = "example.com/tiny:1.0"


def test_a_file_is_the_image_and_written_once(
    trusting: AdHoc, published: Callable[..., Path], tmp_path: Path
) -> None:
    image = published()
    out, other = tmp_path / "out.aci", tmp_path / "other.aci"
    other.write_text("something else")
    one = {"images": [{"name": NAME, "path": str(out)}]}
    both = {"images": [*one["images"], {"name": NAME, "path": str(other)}]}
    script = Script(trusting, tmp_path)
    _, would, none, done, again, refused, foretold = script.any(
        ("image", {"name": NAME}),
        check("image_export", one),
        {"ansible.builtin.stat": {"path": str(out)}},
        ("image_export", one),
        ("image_export", one),
        ("image_export", both),
        check("image_export", both),
    )
    assert would["changed"] and would["diff"]["after"] == {"written": [str(out)]}
    assert none["stat"]["exists"] is False, "check mode writes nothing"
    assert done["changed"] and not again["changed"] and not again["images"][0]["changed"]
    assert out.read_bytes() == image.read_bytes()
    assert refused["failed"] and foretold["failed"] and "exists already" in refused["msg"]
    assert [found["path"] for found in refused["images"]] == [str(out)]
    assert other.read_text() == "something else"
    replaced, kept = script(
        ("image_export", {**both, "overwrite": True}), check("image_export", both)
    )
    assert [found["changed"] for found in replaced["images"]] == [False, True]
    assert other.read_bytes() == image.read_bytes() and not kept["changed"]
    assert not list(tmp_path.glob("*.new"))


def test_a_directory_is_what_the_image_holds_and_written_once(
    trusting: AdHoc, published: Callable[..., Path], tmp_path: Path
) -> None:
    published()
    trusting.agent.ok("fetch", NAME)
    out, root = tmp_path / "out", tmp_path / "root"
    both = {
        "images": [
            {"name": NAME, "path": str(out)},
            {"name": NAME, "path": str(root), "whole": False, "rootfs_only": True},
        ]
    }
    script = Script(trusting, tmp_path)
    would, none, done, again = script(
        check("image_render", both),
        {
            "ansible.builtin.find": {
                "paths": str(tmp_path),
                "patterns": "out,root",
                "file_type": "any",
            }
        },
        ("image_render", both),
        ("image_render", both),
    )
    assert would["changed"] and would["diff"]["after"] == {"written": [str(out), str(root)]}
    assert none["matched"] == 0, "check mode writes nothing"
    assert [found["changed"] for found in done["images"]] == [True, True]
    assert [found["changed"] for found in again["images"]] == [False, False]
    (out / "more").write_text("more")
    refused, replaced, kept = script.any(
        ("image_render", both),
        ("image_render", {**both, "overwrite": True}),
        check("image_render", both),
    )
    assert refused["failed"] and "exists already" in refused["msg"]
    assert [found["changed"] for found in replaced["images"]] == [True, False]
    assert not kept["changed"] and not (out / "more").exists()
