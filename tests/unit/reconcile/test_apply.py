# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `apply` answers, where no pod has to run for it: keys, errors, broken revisions."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from podwright.host.paths import Layout
from podwright.model.spec import parse_desired
from podwright.reconcile import apply as applying
from podwright.reconcile import revisions
from podwright.reconcile.answer import Mode

FINGERPRINT = "0123456789abcdef0123456789abcdef01234567"
SPACED = "0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(f"{tmp_path}/data", f"{tmp_path}/usr", f"{tmp_path}/etc")


def apply(layout: Layout, document: dict[str, Any], check: bool = False) -> dict[str, Any]:
    """Apply a desired state."""
    mode = Mode(check=check, diff=True, command=["/usr/bin/podwright"])
    return applying.apply(layout, parse_desired(document), mode)


def put_key(directory: str, content: str = "a key") -> Path:
    """A key file in a trust store."""
    path = Path(directory, "trustedkeys/prefix.d/example.com", FINGERPRINT)
    path.parent.mkdir(parents=True)
    path.write_text(content)
    return path


def absent(fingerprint: str) -> dict[str, Any]:
    """The key is to go."""
    key = {"prefix": "example.com", "fingerprint": fingerprint, "state": "absent"}
    return {"keys": [key]}


@pytest.mark.parametrize("fingerprint", [FINGERPRINT, FINGERPRINT.upper(), SPACED])
def test_a_key_that_is_to_go_goes_however_its_fingerprint_is_written(
    layout: Layout, fingerprint: str
) -> None:
    path = put_key(layout.local_config)
    assert apply(layout, absent(fingerprint), check=True)["changed"] is True
    assert path.exists()
    answer = apply(layout, absent(fingerprint))
    assert (answer["changed"], answer["keys"][0]["action"]) == (True, "remove")
    assert answer["keys"][0]["fingerprint"] == FINGERPRINT
    before = {"state": "trusted", "sha256": hashlib.sha256(b"a key").hexdigest()}
    assert answer["keys"][0]["diff"] == {"before": before, "after": {"state": "absent"}}
    assert not path.exists()
    answer = apply(layout, absent(fingerprint))
    assert (answer["changed"], answer["keys"][0]["action"]) == (False, "none")
    assert answer["diff"] == {"before": {}, "after": {}}


def test_a_shipped_key_is_masked_once(layout: Layout) -> None:
    shipped = put_key(layout.system_config)
    predicted = apply(layout, absent(FINGERPRINT), check=True)
    answer = apply(layout, absent(FINGERPRINT))
    assert answer["changed"] is True
    assert predicted["keys"] == answer["keys"]
    mask = Path(layout.local_config, "trustedkeys/prefix.d/example.com", FINGERPRINT)
    assert (mask.read_bytes(), shipped.read_text()) == (b"", "a key")
    assert answer["keys"][0]["action"] == "mask"
    assert answer["keys"][0]["diff"]["before"]["state"] == "trusted"
    assert answer["keys"][0]["diff"]["after"] == {"state": "masked"}
    assert apply(layout, absent(FINGERPRINT))["changed"] is False


@pytest.mark.parametrize(
    "fingerprint", [FINGERPRINT[-16:], FINGERPRINT + "00", "0x" + FINGERPRINT, ""]
)
def test_a_key_is_not_called_absent_because_its_fingerprint_is_no_fingerprint(
    layout: Layout, fingerprint: str
) -> None:
    path = put_key(layout.local_config)
    answer = apply(layout, absent(fingerprint))
    assert (answer["changed"], answer["error"]["reason"]) == (False, "short-fingerprint")
    assert path.exists()


def broken(layout: Layout, name: str = "web") -> Path:
    """A named pod whose current revision is damaged."""
    revision = revisions.add(layout, name, {}, {}, {}, "")
    revisions.switch(layout, name, revision.number)
    path = Path(layout.named, name, "current")
    path.write_text("{")
    return path


def test_a_damaged_revision_is_named_with_what_to_do(layout: Layout) -> None:
    path = broken(layout)
    answer = apply(layout, {"pods": [{"name": "web", "image": "example.com/web"}]}, check=True)
    assert answer["pods"][0]["error"] == answer["error"]
    assert str(path) in answer["error"]["message"]
    assert answer["changed"] is False


def test_a_damaged_pod_can_be_removed(layout: Layout) -> None:
    broken(layout)
    document = {"pods": [{"name": "web", "state": "absent"}]}
    answer = apply(layout, document, check=True)
    assert (answer["changed"], answer.get("error")) == (True, None)
    answer = apply(layout, document)
    assert (answer["pods"][0]["actions"], answer.get("error")) == (["remove"], None)
    assert revisions.names(layout) == []
    assert apply(layout, document)["changed"] is False


def test_what_differs_is_told_only_when_it_was_asked_for(layout: Layout) -> None:
    put_key(layout.local_config)
    mode = Mode(check=True, diff=False, command=["/usr/bin/podwright"])
    answer = applying.apply(layout, parse_desired(absent(FINGERPRINT)), mode)
    assert (answer["changed"], answer["keys"][0]["action"]) == (True, "remove")
    assert "diff" not in answer and "diff" not in answer["keys"][0]


@pytest.mark.threat("T92")
@pytest.mark.parametrize("damage", ["[]", '{"format": 1}', "null", '{"format": 1, "revision": []}'])
def test_a_damaged_pod_keeps_no_other_pod_from_its_state(layout: Layout, damage: str) -> None:
    broken(layout).write_text(damage)
    states = [{"name": "web", "state": "stopped"}, {"name": "other", "state": "absent"}]
    answer = apply(layout, {"pods": states})
    assert [part["error"] is None for part in answer["pods"]] == [False, True]
    answer = apply(layout, {"pods": [{"name": "web", "state": "absent"}]})
    assert (answer["changed"], answer.get("error"), revisions.names(layout)) == (True, None, [])


@pytest.mark.threat("T92")
def test_a_pod_whose_settings_are_lost_can_be_removed(layout: Layout) -> None:
    revision = revisions.add(layout, "web", {}, {}, {}, "")
    revisions.switch(layout, "web", revision.number)
    states = [{"name": "web", "state": "started"}, {"name": "web", "state": "absent"}]
    answer = apply(layout, {"pods": states[:1]})
    assert answer["error"]["hint"].endswith("remove the pod and apply it again")
    answer = apply(layout, {"pods": states[1:]})
    assert (answer["changed"], answer.get("error"), revisions.names(layout)) == (True, None, [])


def test_why_each_of_several_pods_is_not_started_is_said(
    layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from podwright.main import main

    for name in ("web", "shop"):
        broken(layout, name).write_text(
            '{"format": 1, "revision": 1, "created": "", "runtime": {}, "settings": {},'
            ' "images": {}, "uuid": ""}'
        )
    assert main([f"--dir={tmp_path}/data", "start", "web", "shop"]) == 254
    said = capsys.readouterr().err
    assert "pod web: " in said and "pod shop: " in said and "uuid" not in said
