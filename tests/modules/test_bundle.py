# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module bundle: what hosts pull is made, signed and published by a play, once, and followed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.pull_bed import FLEET, Fleet, pod
from tests.agent.test_push import log_in
from tests.conftest import Keys
from tests.modules.conftest import AdHoc
from tests.modules.script import Script, check
from tests.support import leaks
from tests.support.registry import Registry
from tests.support.webserver import ImageServer


@pytest.fixture
def fleet(
    adhoc: AdHoc, https_server: ImageServer, lab: Keys, published: Callable[..., Path]
) -> Iterator[Fleet]:
    """A host that trusts a key for the fleet, and an image that it may run."""
    published()
    bed = Fleet(adhoc.agent, https_server, lab)
    yield bed
    bed.end()


def said(fleet: Fleet, *pods: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The options of a bundle with these pods, signed by the fleet's key."""
    sign = {"sign_key": fleet.key.fingerprint, "gpg_home": str(fleet.lab.lab.home)}
    return {"path": str(fleet.file), "fleet": FLEET, "state": {"pods": list(pods)}, **sign, **more}


def test_a_bundle_is_made_once_signed_and_followed(
    fleet: Fleet, adhoc: AdHoc, tmp_path: Path
) -> None:
    script = Script(adhoc, tmp_path)
    first = said(fleet, pod())
    would, done, again, due = script(
        check("bundle", first),
        ("bundle", first),
        ("bundle", first),
        check("bundle", {**first, "renew": "800h"}),
    )
    assert would["changed"] and would["bundles"][0]["serial"] == 1
    (made,) = done["bundles"]
    assert (made["serial"], made["fleet"], made["changed"]) == (1, FLEET, True)
    assert made["fingerprint"].lower() == fleet.key.fingerprint.lower() and "diff" not in done
    assert not again["changed"] and again["bundles"][0]["expires"] == made["expires"]
    assert due["changed"] and due["bundles"][0]["serial"] == 2, "it is good for 720 h only"
    assert "every run makes another bundle" in due["warnings"][0] and "warnings" not in again
    assert fleet.pull()["serial"] == 1 and set(fleet.pods()) == {"web"}
    bytes_before = fleet.file.read_bytes()
    Path(f"{fleet.file}.asc").unlink()
    second = said(fleet, pod(environment={"A": "1"}))
    unsigned, signed, differs, changed, kept = script(
        check("bundle", first),
        ("bundle", first),
        check("bundle", second),
        ("bundle", second),
        ("bundle", second),
    )
    assert unsigned["changed"] and signed["changed"] and signed["bundles"][0]["serial"] == 1
    sides = [differs["diff"][side][str(fleet.file)] for side in ("before", "after")]
    assert [one["serial"] for one in sides] == [1, 2] and sides[0]["hosts"] != sides[1]["hosts"]
    assert changed["bundles"][0]["serial"] == 2 and not kept["changed"]
    assert fleet.file.read_bytes() != bytes_before
    assert fleet.pull()["serial"] == 2


def test_what_no_host_would_take_is_not_made(fleet: Fleet, adhoc: AdHoc, tmp_path: Path) -> None:
    script = Script(adhoc, tmp_path)
    other = tmp_path / "other.json"
    good = said(fleet, pod())
    script(("bundle", {**good, "serial": 5}))
    before = fleet.file.read_bytes()
    both = [
        {"path": str(other), "fleet": "acme/other"},
        {"fleet": "acme/wrong", "path": good["path"]},
    ]
    lower, same, foreign, misspelt, partly = script.any(
        ("bundle", {**good, "serial": 4}),
        ("bundle", {**said(fleet, pod("db")), "serial": 5}),
        ("bundle", {**good, "fleet": "acme/other"}),
        ("bundle", said(fleet, pod(imagge="x"))),
        ("bundle", {**{name: one for name, one in good.items() if name not in ("path", "fleet")}, "bundles": both}),
    )  # fmt: skip
    refused = (lower, same, foreign, misspelt, partly)
    assert all(one["failed"] and one["hint"] and one["reason"] for one in refused), refused
    assert "serial 5 already" in lower["msg"] and "serial 5 already" in same["msg"]
    assert f"of fleet {FLEET}" in foreign["msg"] and "pods[0].imagge" in misspelt["msg"]
    assert [one["path"] for one in partly["bundles"]] == [str(other)] and other.exists()
    assert fleet.file.read_bytes() == before


def test_a_bundle_is_pushed_with_its_signature(
    fleet: Fleet, adhoc: AdHoc, registry: Registry, tmp_path: Path
) -> None:
    log_in(adhoc.agent, registry)
    url = f"oci://{registry.host}/fleet/shop:stable"
    wanted = said(fleet, pod(), push=url)
    would, done, again = Script(adhoc, tmp_path)(
        check("bundle", wanted), ("bundle", wanted), ("bundle", wanted)
    )
    assert would["changed"] and would["bundles"][0]["pushed"]["digest"] is None
    assert done["bundles"][0]["pushed"]["changed"] and not again["changed"]
    assert fleet.pull(url=url)["serial"] == 1


def test_what_bundles_say_is_told_and_what_a_host_gets(
    fleet: Fleet, adhoc: AdHoc, tmp_path: Path
) -> None:
    match = {"groups": ["web"], "labels": {"zone": "a"}}
    hosts = [{"match": match, "state": {"pods": [pod()]}}, {"state": {"pods": [pod("all")]}}]
    rollout = [{"percent": 100}]
    wanted = {**said(fleet), "hosts": hosts, "rollout": rollout, "state": None}
    paths = [str(fleet.file), str(tmp_path / "none.json")]
    mine = {"paths": paths, "name": "web-1", "groups": ["web"], "labels": {"zone": "a"}}
    made, told, others = Script(adhoc, tmp_path)(
        ("bundle", {name: one for name, one in wanted.items() if one is not None}),
        ("bundle_info", mine),
        ("bundle_info", {"paths": paths}),
    )
    found, none = told["bundles"]
    assert none == {"path": paths[1], "exists": False} and not told["changed"]
    assert (found["fleet"], found["serial"], found["expired"]) == (FLEET, 1, False)
    assert (found["expires"], found["rollout"]) == (made["bundles"][0]["expires"], rollout)
    assert found["signers"] == [fleet.key.fingerprint.lower()]
    assert found["sha256"] == hashlib.sha256(fleet.file.read_bytes()).hexdigest()
    assert [one["name"] for one in found["state"]["pods"]] == ["web", "all"]
    assert [one["name"] for one in others["bundles"][0]["state"]["pods"]] == ["all"]


def locked(lab: Keys, word: str) -> str:
    """The secret key of somebody who has a word for it."""
    status = lab.lab.gpg(
        "--status-fd", "1", "--passphrase", word, "--quick-generate-key",
        "Fleet <fleet@example.com>", "ed25519", "sign", "never",
    )  # fmt: skip
    print_ = next(line.split()[3] for line in status.splitlines() if "KEY_CREATED" in line)
    return lab.lab.gpg("--passphrase", word, "--armor", "--export-secret-keys", print_)


@pytest.mark.threat("T93")
def test_nobody_sees_a_key_and_its_word_and_what_cannot_be_signed_stays_as_it_was(
    fleet: Fleet, adhoc: AdHoc, tmp_path: Path
) -> None:
    word, wrong, control = "canary-bundle-word", "canary-wrong-word", "control-of-the-watch"
    key = locked(fleet.lab, word)
    texts = [word, wrong, key.splitlines()[3]]
    script = Script(adhoc, tmp_path, vars={"key": key, "word": word, "wrong": wrong})
    script.env = {name: str(tmp_path / "ansible") for name in ("ANSIBLE_HOME", "ANSIBLE_ASYNC_DIR")}
    script(("bundle", said(fleet, pod())))
    before = [fleet.file.read_bytes(), Path(f"{fleet.file}.asc").read_bytes()]
    changed = said(fleet, pod(environment={"A": "1"}), sign_secret_key="{{ key }}")
    del changed["sign_key"], changed["gpg_home"]
    good, bad = ({**changed, "sign_passphrase": f"{{{{ {name} }}}}"} for name in ("word", "wrong"))
    later = {"podwright.fleet.bundle": good, "async": 60, "poll": 1}
    with leaks.Watch(adhoc.agent.host, tmp_path, [*texts, control]) as watch:
        adhoc.agent.host.run(["/bin/sleep", "0.5"], env={"CONTROL": control}).check()
        (failed,) = script.any(("bundle", bad))
        assert failed["reason"] == "not-signed", failed
        assert before == [fleet.file.read_bytes(), Path(f"{fleet.file}.asc").read_bytes()]
        outputs = [script.output]
        done = script.raw([check("bundle", good), later, later], "-vvvv")
    assert done.exit == 0 and "changed=2" in done.stdout, done
    assert [each for each in watch.processes if control not in each] == []
    assert any(control in each for each in watch.processes), "it does see what is there"
    said_so = [watch.syslog, done.stdout, done.stderr, *outputs]
    assert [text for text in texts for each in said_so if text in each] == []
    leaks.wrappers_have_ended(tmp_path / "ansible/remote")
    assert leaks.in_files(texts, tmp_path / "ansible", adhoc.agent.local) == []
