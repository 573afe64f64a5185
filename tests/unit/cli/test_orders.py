# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verbs that read several orders from standard input: what the system refuses for one costs the others nothing."""

from __future__ import annotations

import errno
import io
import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from podwright.cli import app_make, read_logs
from podwright.cli.options import Arguments
from podwright.stage0 import appstates

FULL = OSError(errno.ENOSPC, "No space left on device", "/var/lib/podwright/pods")


def answer(
    verb: Any,
    order: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> dict[str, Any]:
    """What the verb prints for an order that fails."""
    standard_input = SimpleNamespace(
        buffer=io.BytesIO(json.dumps({"version": 1, **order}).encode())
    )
    monkeypatch.setattr(sys, "stdin", standard_input)
    args = Arguments()
    args.rest.append("-")
    context: Any = SimpleNamespace(layout=None, need_root=lambda _: None)
    assert verb(context, args) == 254
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_apps_before_the_one_that_the_host_has_no_room_for_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def settle(_layout: Any, wanted: Any, _did: Any, *, check: bool) -> Any:
        if wanted.name == "second":
            raise FULL
        return {"pod": "web", "name": wanted.name, "changed": not check, "diff": {}}, []

    monkeypatch.setattr(appstates, "settle", settle)
    monkeypatch.setattr(appstates, "check_order", lambda *_: None)
    apps = [{"pod": "web", "name": name, "state": "stopped"} for name in ("first", "second")]
    found = answer(app_make.make, {"apps": apps}, monkeypatch, capsys)
    assert found["changed"] and [app["name"] for app in found["apps"]] == ["first"]
    error = found["error"]
    assert (
        error["message"].startswith("app second of pod web: No space left on device")
        and error["hint"]
    )


def test_a_log_that_the_host_cannot_read_has_an_error_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def meant(_context: Any, name: str, _previous: bool) -> Any:
        if name == "broken":
            raise FULL
        return SimpleNamespace(name=name, uuid="u", path="")

    monkeypatch.setattr(read_logs, "meant", meant)
    monkeypatch.setattr(read_logs, "record_of", lambda *_: {})
    monkeypatch.setattr(read_logs, "show_instance", lambda *_: None)
    pods = [{"name": name} for name in ("broken", "good")]
    broken, good = answer(read_logs.run, {"pods": pods}, monkeypatch, capsys)["logs"]
    assert "the log of pod broken: No space left on device" in broken["error"]["message"]
    assert (good["uuid"], good["error"]) == ("u", None)
