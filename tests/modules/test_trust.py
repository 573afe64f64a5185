# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules trust and trust_info: exact, exactly predicted, and every way to give a key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.conftest import Keys
from tests.modules.conftest import AdHoc
from tests.support.gpglab import Key
from tests.support.webserver import ImageServer

NOTHING: dict[str, Any] = {"before": {}, "after": {}}


def files(adhoc: AdHoc) -> dict[str, bytes]:
    """The administrator's trust store."""
    base = adhoc.agent.local / "trustedkeys"
    return {
        str(path.relative_to(base)): path.read_bytes() for path in base.rglob("*") if path.is_file()
    }


def predicted(adhoc: AdHoc, options: Mapping[str, Any]) -> dict[str, Any]:
    """Check mode and a run say the same, a second run changes nothing. Returns the run's result."""
    before = files(adhoc)
    said = adhoc("trust", options, "--check", "--diff", "-vvv")
    assert files(adhoc) == before
    done = adhoc("trust", options, "--diff", "-vvv")
    assert {name: said[name] for name in ("changed", "keys", "diff")} == {
        name: done[name] for name in ("changed", "keys", "diff")
    }
    again = adhoc("trust", options, "--diff", "-vvv")
    assert (again["changed"], again["diff"]) == (False, NOTHING)
    assert {key["action"] for key in again["keys"]} == {"none"}
    return done


def test_keys_of_every_scope_come_and_go_in_one_call(
    adhoc: AdHoc, lab: Keys, https_server: ImageServer, tmp_path: Path
) -> None:
    (https_server.root / "key.asc").write_text(lab.key.armoured)
    file = tmp_path / "stranger.asc"
    file.write_text(lab.stranger.armoured)
    mine, theirs = lab.key.fingerprint.lower(), lab.stranger.fingerprint.lower()
    spaced = " ".join(theirs[at : at + 4].upper() for at in range(0, 40, 4))
    keys: list[dict[str, Any]] = [
        {"prefix": "example.com/app", "fingerprint": mine, "key": lab.key.armoured},
        {"prefix": "example.com", "fingerprint": mine, "key_url": "https://example.com/key.asc"},
        {"root": True, "fingerprint": spaced, "key_file": str(file)},
    ]
    made = predicted(adhoc, {"keys": keys})
    assert [key["action"] for key in made["keys"]] == ["trust", "trust", "trust"]
    assert list(made["diff"]["before"]["keys"].values()) == [{"state": "absent"}] * 3
    assert made["diff"]["after"]["keys"][f"every image {theirs}"]["state"] == "trusted"
    assert {name for name in files(adhoc) if "/." not in name} == {
        f"prefix.d/example.com/app/{mine}",
        f"prefix.d/example.com/{mine}",
        f"root.d/{theirs}",
    }
    known = adhoc("trust_info")["trusted_keys"]
    assert {(key["prefix"], key["fingerprint"]) for key in known} == {
        ("example.com/app", mine),
        ("example.com", mine),
        ("", theirs),
    }
    assert {key["state"] for key in known} == {"trusted"}
    (root,) = adhoc("trust_info", {"prefix": [""]})["trusted_keys"]
    assert root["fingerprint"] == theirs
    assert "Stranger" in root["identities"][0]
    assert len(adhoc("trust_info", {"fingerprint": [mine.upper()]})["trusted_keys"]) == 2
    sources = ("key", "key_file", "key_url")
    gone = [{name: key[name] for name in key if name not in sources} for key in keys]
    removed = predicted(adhoc, {"keys": gone, "state": "absent"})
    assert [key["action"] for key in removed["keys"]] == ["remove", "remove", "remove"]
    assert files(adhoc) == {}


def test_a_url_is_asked_only_while_the_key_is_not_trusted(
    adhoc: AdHoc, lab: Keys, https_server: ImageServer
) -> None:
    served = https_server.root / "key.asc"
    served.write_text(lab.key.armoured)
    options = {
        "prefix": "example.com",
        "fingerprint": lab.key.fingerprint,
        "key_url": "https://example.com/key.asc",
    }
    predicted(adhoc, options)
    asked = len(https_server.requests)
    served.unlink()
    assert adhoc("trust", options)["changed"] is False
    assert len(https_server.requests) == asked
    adhoc("trust", {**options, "key_url": None, "state": "absent"})
    for flags in ((), ("--check",)):
        assert adhoc.refused("trust", options, *flags)["reason"] == "http-404"
    served.write_text(lab.stranger.armoured)
    for flags in ((), ("--check",)):
        failed = adhoc.refused("trust", options, *flags)
        assert failed["reason"] == "wrong-key"
        assert lab.stranger.fingerprint.upper() in failed["msg"]
    plain = {**options, "key_url": "http://example.com/key.asc"}
    assert adhoc.refused("trust", plain)["reason"] == "bad-url"
    assert files(adhoc) == {}


def shipped(adhoc: AdHoc, key: Key) -> Path:
    """A key that a package has installed."""
    path = adhoc.agent.system / "trustedkeys/prefix.d/example.com" / key.fingerprint.lower()
    path.parent.mkdir(parents=True)
    path.write_text(key.armoured)
    return path


def test_a_shipped_key_is_masked_and_the_mask_is_lifted(
    adhoc: AdHoc, lab: Keys, tmp_path: Path
) -> None:
    wrapper = tmp_path / "podwright"  # the agent, with the system's configuration elsewhere
    command = f"{adhoc.common['agent_path']} --system-config={adhoc.agent.system}"
    wrapper.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    wrapper.chmod(0o755)
    adhoc.common["agent_path"] = str(wrapper)
    path = shipped(adhoc, lab.key)
    own = lab.key.fingerprint.lower()
    masked = predicted(adhoc, {"prefix": "example.com", "fingerprint": own, "state": "absent"})
    (key,) = masked["keys"]
    assert (key["action"], key["state"]) == ("mask", "masked")
    label = f"example.com {own}"
    assert masked["diff"]["before"]["keys"][label]["state"] == "trusted"
    assert masked["diff"]["after"]["keys"][label] == {"state": "masked"}
    assert files(adhoc) == {f"prefix.d/example.com/{own}": b""}
    states = {key["scope"]: key["state"] for key in adhoc("trust_info")["trusted_keys"]}
    assert states == {"system": "masked", "local": "mask"}
    trusted = {"prefix": "example.com", "fingerprint": own, "key": lab.key.armoured}
    assert predicted(adhoc, trusted)["keys"][0]["action"] == "trust"
    assert path.read_text() == lab.key.armoured


def test_what_cannot_be_a_trusted_key_is_refused(adhoc: AdHoc, lab: Keys, tmp_path: Path) -> None:
    key = {"fingerprint": lab.key.fingerprint, "key": lab.key.armoured}
    both = {**key, "prefix": "example.com", "key_url": "https://example.com/key.asc"}
    for options, said in (
        ({**key, "prefix": "example.com", "root": True}, "say either prefix or root"),
        (key, "say either prefix or root"),
        ({**key, "prefix": "example.com", "key": None}, "is missing"),
        (both, "key and key_url exclude each other"),
        ({**key, "prefix": "example.com", "key": "no key"}, "export it with"),
        ({**key, "prefix": "example.com", "fingerprint": lab.key.fingerprint[-16:]}, "only part of"),
        ({"keys": [{**key, "root": True}, {**key, "root": True, "state": "absent"}]}, "appears twice"),
    ):  # fmt: skip
        failed = adhoc.refused("trust", options, "--check")
        assert said in failed["msg"], failed
        assert all(isinstance(failed[name], str) for name in ("reason", "stage", "object", "hint"))
        assert failed["stage"] == "input"
    failed = adhoc.refused("trust_info", {"fingerprint": ["12345678"]})
    assert (failed["reason"], failed["object"]) == ("bad-input", "fingerprint[0]")
    adhoc.common["agent_path"] = str(tmp_path / "nowhere")
    assert adhoc.refused("trust_info", {})["reason"] == "no-agent"
