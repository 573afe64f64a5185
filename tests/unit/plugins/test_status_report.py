# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet's report: health, verdicts, drift, what is worth a look, and that nobody's answer can break it."""

from __future__ import annotations

import json
import os
import shlex
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    status_lines,
    status_markdown,
    status_page,
    status_report,
    status_values,
    status_write,
)

from tests.support import status_fleet
from tests.unit.plugins.status_pods import answer, app, pod

NOW = status_fleet.NOW


def report(**answers: Any) -> dict[str, Any]:
    """The report about hosts that have told this."""
    told = [status_report.Told(name, one) for name, one in answers.items()]
    return status_report.report(told, NOW, "Fleet")


def only(*pods: dict[str, Any]) -> dict[str, Any]:
    """The one pod of a host with these."""
    (found,) = report(web1=answer(*pods))["pods"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("changes", "health"),
    [
        ({}, "serving"),
        ({"ready": False}, "unready"),
        ({"ready": False, "apps": [app(state="created", ready=False)]}, "starting"),
        ({"state": "exited", "ready": False, "exit_status": 0}, "stopped"),
        ({"state": "exited", "ready": False, "exit_status": 1}, "failed"),
        ({"state": "exited", "ready": False, "exit_reason": "unknown"}, "failed"),
        ({"state": "prepared", "ready": False}, "waiting"),
        ({"error": "its manifest is damaged"}, "unknown"),
        ({"state": "something new"}, "unknown"),
    ],
)
def test_how_a_pod_is(changes: dict[str, Any], health: str) -> None:
    assert only(pod(**changes))["health"] == health


def test_a_pod_that_was_replaced_and_waits_for_gc_is_no_news() -> None:
    old = pod(name="old", state="exited", exit_status=1, created_at="2026-11-01T00:00:00Z")
    assert only(old, pod(created_at="2026-11-02T00:00:00Z"))["uuid"] == "uuid"
    assert only(old)["health"] == "failed"  # the control: nobody has its name since


def test_lifted_checks_and_policies_are_told_from_signatures() -> None:
    signed = only(pod())
    assert signed["verdict"] == {"kind": "signed", "keys": ["abcd"], "lifted": []}
    lifted = only(pod(insecure=["image"]))
    assert lifted["verdict"]["kind"] == "insecure"
    unknown = only(pod(apps=[app(image_id="sha512-other")]))
    assert unknown["verdict"]["kind"] == "unknown"
    found = report(web1=answer(pod(insecure=["image", "seccomp"])))["attention"]
    assert [item["text"] for item in found] == ["runs with lifted checks: image, seccomp"]


def test_drift_from_the_revision_and_after_a_rollback() -> None:
    assert only(pod())["drift"] == []
    other = only(pod(apps=[app(image_id="sha512-other")]))
    assert [one["kind"] for one in other["drift"]] == ["revision"]
    history = [
        *pod()["history"],
        {"revision": 2, "current": False, "outcome": "failed", "why": "not ready"},
    ]
    back = only(pod(history=history))
    assert back["drift"] == [
        {"kind": "rolled-back", "text": "revision 2 was taken back to 1: not ready"}
    ]


def test_drift_from_what_most_hosts_run() -> None:
    new, old = pod(), pod(apps=[app(image_id="sha512-old", image_version="0.9")], history=[])
    found = report(a=answer(new), b=answer(new), c=answer(old))
    drift = {one["host"]: one["drift"] for one in found["pods"]}
    assert drift["a"] == drift["b"] == []
    assert drift["c"] == [{"kind": "fleet", "text": "runs 0.9; 2 of 3 hosts run 1.0"}]
    bytes_only = pod(apps=[app(image_id="sha512-rebuilt")], history=[])
    found = report(a=answer(new), b=answer(new), c=answer(bytes_only))
    text = found["pods"][2]["drift"][0]["text"]
    assert text.startswith("runs sha512:rebuilt as 1.0; 2 of 3 hosts run other bytes, sha512:"), (
        text
    )
    machine = pod(stage1="kvm")
    found = report(a=answer(new), b=answer(new), c=answer(machine))
    assert found["pods"][2]["drift"][0]["text"] == (
        "runs as kvm; 2 of 3 hosts run it as namespaces"
    )


@pytest.mark.threat("T95")
def test_a_host_has_one_vote_for_what_most_hosts_run() -> None:
    old = pod(apps=[app(image_id="sha512-old", image_version="0.9")], history=[])
    many = answer(*(dict(old, name=f"uuid{at}") for at in range(5)))
    found = report(a=answer(pod()), b=answer(pod()), c=many)
    drift = {one["host"]: one["drift"] for one in found["pods"]}
    assert drift["a"] == drift["b"] == []
    assert drift["c"][0]["text"] == "runs 0.9; 2 of 3 hosts run 1.0"


def test_a_host_says_versions_of_its_own_pods_only() -> None:
    """Who is asked first has not the last word about an image."""
    liar = pod(apps=[app(image_version="6.6.6")])
    found = report(a=answer(liar), b=answer(pod()))
    assert [(one["version"], one["hosts"]) for one in found["images"]] == [("1.0", 1), ("6.6.6", 1)]
    packed = json.loads(status_page.island(found))
    shown = {one["host"]: packed["images"][one["apps"][0].get("of", 0)] for one in packed["pods"]}
    assert (shown["a"]["version"], shown["b"]["version"]) == ("6.6.6", "1.0")


@pytest.mark.parametrize("name", ["web", "$(reboot)", "a b", "a'; reboot;'"])
@pytest.mark.threat("T95")
def test_a_hint_is_one_command_whatever_a_pod_is_called(name: str) -> None:
    (item,) = report(a=answer(pod(pod_name=name, ready=False)))["attention"]
    assert shlex.split(item["hint"]) == ["podwright", "logs", name]
    assert shlex.split(item["hint"], comments=True) == ["podwright", "logs", name]


def test_a_sandbox_without_apps_serves_and_has_nothing_unsigned() -> None:
    found = report(a=answer(pod(apps=[], history=[])))
    (box,) = found["pods"]
    assert (box["health"], box["verdict"]["kind"]) == ("serving", "signed")
    assert found["attention"] == [] and found["summary"]["unsigned"] == 0
    (lost,) = report(a=answer(pod(apps=None, history=[])))["pods"]
    assert lost["verdict"]["kind"] == "unknown"


def test_drift_from_what_a_play_wants() -> None:
    wanted = {"pods": [
        {"name": "web", "changed": True, "actions": ["prepare", "start"]},
        {"name": "new", "error": {"message": "no such image"}},
        {"name": "same", "changed": False},
    ]}  # fmt: skip
    found = status_report.report([status_report.Told("web1", answer(pod()), wanted)], NOW, "Fleet")
    assert (
        found["pods"][0]["drift"][0]["text"] == "is not what is wanted: a play would prepare, start"
    )
    assert found["hosts"][0]["wanted"] == [
        {"pod": "new", "text": "cannot become what is wanted: no such image"}
    ]
    assert [item["kind"] for item in found["attention"]] == ["wanted", "drift"]


@pytest.mark.parametrize("wrong", [{"failed": True}, {"unreachable": True}])
def test_a_comparison_that_did_not_take_place_is_not_the_same_as_no_drift(
    wrong: dict[str, Any],
) -> None:
    def found(desired: Any) -> list[str]:
        told = status_report.Told("web1", answer(pod()), desired)
        return [one["text"] for one in status_report.report([told], NOW, "Fleet")["attention"]]

    assert found(None) == found({"pods": []}) == found({"skipped": True}) == []
    text = "desired could not be told: no such key"
    assert found({**wrong, "msg": "no such key"}) == [text]


def test_hosts_without_an_answer_are_the_first_thing_to_see() -> None:
    found = report(
        fine=answer(pod()),
        silent=None,
        gone={"unreachable": True, "msg": "no route"},
        bare={"failed": True, "msg": "there is no agent; install it", "hint": "install it", "reason": "no-agent"},
    )  # fmt: skip
    assert [host["state"] for host in found["hosts"]] == [
        "reached",
        "unreachable",
        "unreachable",
        "failed",
    ]
    assert [(item["host"], item["text"], item["hint"]) for item in found["attention"]][1:] == [
        ("gone", "no route", "look at the host and at how Ansible connects to it"),
        ("bare", "there is no agent", "install it"),
    ]
    summary = found["summary"]
    assert (summary["hosts"], summary["reached"], summary["unreachable"], summary["failed"]) == (
        4,
        1,
        2,
        1,
    )
    lines = status_lines.lines(found)
    assert (
        lines[0].startswith("4 hosts, of which 1 answered")
        and "bare: there is no agent" in lines[-1]
    )


ODD: tuple[Any, ...] = (
    None,
    7,
    "text",
    [],
    {},
    [[]],
    {"a": {}},
    True,
    -1,
    float("nan"),
    "x" * 10**5,
    "\ud800",
)


@pytest.mark.threat("T95")
@pytest.mark.parametrize("odd", ODD, ids=lambda one: repr(one)[:20])
def test_no_answer_breaks_a_report(odd: Any) -> None:
    """Each field of an answer, at any depth, as something else than it should be."""
    whole = answer(pod(), pod(name="two", pod_name="two"))
    for damaged in _damaged(whole, odd):
        found = report(web1=damaged, web2=whole)
        assert found["hosts"][1]["state"] == "reached"
        json.dumps(found, allow_nan=False)
        status_page.page(found).encode("utf-8")
        status_markdown.markdown(found).encode("utf-8")


def _damaged(value: Any, odd: Any) -> list[Any]:
    """Copies of a value in each of which one place is odd."""
    out = [odd]
    if isinstance(value, dict):
        for key, one in value.items():
            out += [{**value, key: other} for other in _damaged(one, odd)]
    elif isinstance(value, list):
        for at, one in enumerate(value):
            out += [[*value[:at], other, *value[at + 1 :]] for other in _damaged(one, odd)]
    return out


@pytest.mark.threat("T95")
def test_markdown_has_no_markup_of_hosts() -> None:
    bad = "| a | <b> `c` [d](https://e.example) *f* www.g.example h@i.example \x1b[2J\u202e\n# j"
    found = report(web1=answer(pod(pod_name=bad)))
    text = status_markdown.markdown(found)
    (row,) = [line for line in text.splitlines() if line.startswith(r"| \| a ")]
    cell = row.split(" | web1 | ")[0]
    assert cell == (
        r"| \| a \| \<b\> \`c\` \[d\]\(https&#58;//e.example\) \*f\* www&#46;g.example h&#64;i.example "
        r"\\x1b\[2J\\u202e\\x0a\# j"
    )
    assert text.isascii() and "\x1b" not in text


def test_a_report_replaces_its_file_at_once_and_for_all_to_read(tmp_path: Path) -> None:
    place = tmp_path / "fleet.html"
    before = os.umask(0o077)
    try:
        status_write.write(status_write.check(str(place)), "one")
        number = place.stat().st_ino
        status_write.write(str(place), "two")
    finally:
        os.umask(before)
    assert place.read_text() == "two" and place.stat().st_ino != number
    assert stat.S_IMODE(place.stat().st_mode) == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["fleet.html"]


def test_a_report_goes_nowhere_else(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo.html"
    os.mkfifo(fifo)
    for path, words in (
        (tmp_path / "no/fleet.html", "there is no directory"),
        (fifo, "is no file"),
        (tmp_path, "is no file"),
        (Path(status_page.COLLECTION) / "playbooks/fleet.html", "in the installed collection"),
    ):
        with pytest.raises(status_write.WriteError, match=words):
            status_write.check(str(path))


def test_texts_are_cut_and_nothing_in_them_is_hidden() -> None:
    assert status_values.text("x" * 5000) == "x" * 999 + "\u2026"
    assert status_values.visible("a\u202eb\x1bc\x9b\u00a0d\n") == "a\\u202eb\\x1bc\\x9b d\\x0a"
    assert status_values.number(True) is None and status_values.number(-1) is None
    assert status_values.number(float("inf")) is None and status_values.number(float("nan")) is None
