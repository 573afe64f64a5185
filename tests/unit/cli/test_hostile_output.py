# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, labels and arguments with bytes that a terminal obeys: no verb prints them as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from podwright import jsonio
from podwright.host.paths import Layout
from podwright.main import main
from podwright.model.pod import dump_pod
from podwright.stage0 import pods
from podwright.values import replace
from tests.unit.cli.test_status import MANIFEST, UUID

EVIL = "x\x1b]0;gone\x07\x1b[2J\r\u202e\x9b31m"
CHARACTERS = ("\x1b", "\x07", "\r", "\u202e", "\x9b")
VERBS = (
    *("list", "list --full", "list --no-legend", "list --format=json", "list --format=json-pretty"),
    *(f"status {UUID}", f"status --format=json {UUID}", f"status --format=json-pretty {UUID}"),
    *(f"cat-manifest {UUID}", f"cat-manifest --format=json {UUID}"),
    *(f"app list {UUID}", f"app status {UUID}", f"app list --format=json {UUID}"),
    *("top", "top --format=json", "gc --mark-only --format=json", "config", "help"),
    *(f"stop {UUID}", f"logs {UUID}", f"enter {UUID}", f"history {UUID}", "complete -- status "),
)
ARGUMENTS = (
    *(
        "status",
        "stop",
        "rm",
        "cat-manifest",
        "enter",
        "logs",
        "attach",
        "history",
        "rollback",
        "start",
    ),
    *(
        "restart",
        "run-prepared",
        "app list",
        "app status",
        "network inspect",
        "network check",
        "export",
    ),
    *(
        "image rm",
        "image verify",
        "image cat-manifest",
        "image export",
        "selinux verify",
        "completion",
    ),
    *("help", "trust list", "top", "apply", "fetch", "run --pull-policy=never", "policy check"),
    *(
        "stop --format=json",
        "rm --format=json",
        "image rm --format=json",
        "status --wait=",
        "image",
    ),
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A host with a pod that somebody evil has described."""
    found = Layout(data=f"{tmp_path}/data")
    pods.ensure_directories(found)
    path = Path(found.pods, pods.RUN, UUID)
    path.mkdir()
    manifest = replace(
        MANIFEST,
        apps=tuple(
            replace(
                app,
                app=replace(app.app, user_labels=((EVIL, EVIL),), user_annotations=((EVIL, EVIL),)),
                annotations=(("example.com/a", EVIL),),
            )
            for app in MANIFEST.apps
        ),
        user_labels=((EVIL, EVIL),),
        user_annotations=((EVIL, EVIL),),
    )
    for name, text in {
        "pod": jsonio.dumps(dump_pod(manifest)),
        "pod-created": EVIL,
        "started-at": EVIL,
        "runtime-config": jsonio.dumps(
            {"name": EVIL, "net": EVIL, "stage1": EVIL, "insecure": [EVIL], "reports": [EVIL]}
        ),
        "exited": jsonio.dumps(
            {"finished": EVIL, "status": 3, "reason": EVIL, "error": EVIL, "apps": {"web": 3}}
        ),
    }.items():
        (path / name).write_text(text, encoding="utf-8")
    return found


def shown(layout: Layout, capsys: pytest.CaptureFixture[str], argv: list[str]) -> str:
    """Everything that a command line prints, which must not have fallen over."""
    main([f"--dir={layout.data}", f"--local-config={layout.data}/none", *argv])
    out, err = capsys.readouterr()
    assert "internal error" not in err
    for text in (out, err):
        for char in CHARACTERS:
            assert char not in text, (argv, text)
    return out


@pytest.mark.threat("T78")
@pytest.mark.parametrize("verb", VERBS)
def test_what_a_pod_says(verb: str, layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(layout, capsys, verb.split(" "))
    if "--format=json" in verb and out:
        json.loads(out)
        assert out.count("\n") == 1 or "pretty" in verb


@pytest.mark.threat("T78")
@pytest.mark.parametrize("verb", ARGUMENTS)
def test_what_is_typed(verb: str, layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    first, *rest = verb.split(" ")
    argv = [first, *rest[:-1], rest[-1] + EVIL] if verb.endswith("=") else [first, *rest, EVIL]
    shown(layout, capsys, argv)
    shown(layout, capsys, [*verb.rstrip("=").split(" "), f"--{EVIL}"])
    shown(layout, capsys, [*verb.rstrip("=").split(" "), f"--format={EVIL}", f"--uuid-file={EVIL}"])
