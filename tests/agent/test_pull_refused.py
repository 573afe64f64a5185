# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`podwright pull` refuses what it must not follow: one sentence, and nothing on the host changes.

Each test first follows a good bundle with a pod, and ends with a good bundle that is followed again: so a refusal is
for the reason that the test is about, and not because nothing would have been followed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.agent.pull_bed import DAY, FLEET, IMAGE, Fleet, pod, when
from tests.conftest import Keys
from tests.support.agent import Agent
from tests.support.webserver import Handler, ImageServer

Attack = Callable[[Fleet], object]


@pytest.fixture
def fleet(
    agent: Agent, https_server: ImageServer, lab: Keys, published: Callable[..., Path]
) -> Iterator[Fleet]:
    """A host that follows serial 5, whose pod runs."""
    published()
    bed = Fleet(agent, https_server, lab)
    bed.publish(5, pod())
    bed.pull()
    yield bed
    bed.server.answers.clear()
    bed.publish(9, pod())
    assert bed.pull("--adopt")["serial"] == 9, "what is in order is followed all the same"
    bed.end()


def unsigned(fleet: Fleet) -> None:
    """A bundle without a signature."""
    fleet.publish(6)
    fleet.file.with_name("fleet.json.asc").unlink()


def by_image_key(fleet: Fleet) -> None:
    """Signed by a key that is trusted for every image, and for images of the fleet's name."""
    key = fleet.lab.key
    root = fleet.agent.local / "trustedkeys" / "root.d"
    root.mkdir(exist_ok=True)
    (root / key.fingerprint.lower()).write_text(key.armoured)
    fleet.agent.trust(key, FLEET)
    fleet.serve(fleet.document(6), key)


def by_key_of_another_fleet(fleet: Fleet) -> None:
    """Signed by a key that is trusted for a fleet beside it and one below it."""
    fleet.trust(fleet.lab.key, "acme/shop-2")
    fleet.trust(fleet.lab.key, f"{FLEET}/eu")
    fleet.serve(fleet.document(6), fleet.lab.key)


def changed(fleet: Fleet) -> None:
    """Changed after it was signed."""
    fleet.publish(6)
    fleet.file.write_bytes(fleet.file.read_bytes().replace(b'"serial": 6', b'"serial": 7'))


def truncated(fleet: Fleet) -> None:
    """Half of it."""
    fleet.publish(6)
    fleet.file.write_bytes(fleet.file.read_bytes()[:-40])


def nested(fleet: Fleet) -> None:
    """A document of a thousand levels."""
    fleet.serve(b'{"kind":' + b"[" * 1000 + b"]" * 1000 + b"}")


REFUSED: list[tuple[str, Attack, str, str]] = [
    ("unsigned", unsigned, "no-signature", "there is no signature at"),
    ("image-key", by_image_key, "not-trusted", f"which is not trusted for pull:{FLEET}"),
    ("fleet-key", by_key_of_another_fleet, "not-trusted", "which is not trusted"),
    ("changed", changed, "bad-signature", f"bundle of fleet {FLEET}"),
    ("truncated", truncated, "bad-signature", f"bundle of fleet {FLEET}"),
    ("nested", nested, "bad-input", "nested deeper than"),
    ("expired", lambda f: f.publish(6, expires=when(-5)), "expired", "bundle 6 of fleet acme/shop expired at"),
    ("future", lambda f: f.publish(6, not_before=when(DAY / 2)), "not-yet-valid", "is not valid before"),
    ("lower", lambda f: f.publish(4), "rollback", "is older than 5, which this host has accepted"),
    ("twice", lambda f: f.publish(5, pod("other")), "equivocation", "is not the one that this host has accepted"),
    ("fleet", lambda f: f.publish(6, fleet="acme/other"), "other-fleet", "is for fleet acme/other"),
    ("field", lambda f: f.publish(6, surprise=1), "bad-input", "surprise: unknown field"),
    ("pod-field", lambda f: f.publish(6, pod(surprise=1)), "bad-input", "hosts[0].state.pods[0].surprise: unknown"),
    ("no-expiry", lambda f: f.publish(6, expires=None), "bad-input", "expires: is missing"),
    ("date", lambda f: f.publish(6, expires="2099-02-30T00:00:00Z"), "bad-input", "is not a time"),
    ("serial", lambda f: f.publish(2**60), "bad-input", "is not between"),
    ("agent", lambda f: f.publish(6, minimum_agent="999.1"), "old-agent", "needs podwright 999.1"),
    ("version", lambda f: f.publish(6, version=2), "bad-input", "reads version 1, not 2"),
    ("kind", lambda f: f.publish(6, kind="podwright-image"), "bad-input", "is not one of podwright-fleet"),
]  # fmt: skip


def test_what_is_not_in_order_is_refused_and_changes_nothing(fleet: Fleet) -> None:
    memory, running = fleet.memory(), fleet.pods()
    keys = fleet.agent.local / "trustedkeys"
    for count, (name, attack, reason, words) in enumerate(REFUSED, 1):
        shutil.copytree(keys, keys.with_name("before"))
        attack(fleet)
        error = fleet.refused()
        assert (error["reason"], words in error["message"]) == (reason, True), (name, error)
        assert fleet.memory() == memory, name
        told = fleet.status()
        assert told["error"] == error and told["failures"] == count, name
        assert told["followed"]["serial"] == 5, name
        shutil.rmtree(keys)
        keys.with_name("before").rename(keys)
    assert fleet.pods() == running != {}


KEY = {"prefix": "example.org", "fingerprint": "A" * 40, "state": "absent"}
ASKS: list[tuple[str, dict[str, Any], str]] = [
    ("keys", {"keys": [KEY]}, "has trusted keys"),
    ("policy", {"policy": {"document": {"default": [{"type": "insecureAcceptAnything"}]}}}, "has a policy"),
    ("insecure", {"images": [{"name": f"{IMAGE}:1.0", "insecure_options": ["image"]}]}, "has insecure_options"),
]  # fmt: skip


def test_keys_policy_and_lifted_checks_need_the_hosts_permission(fleet: Fleet) -> None:
    memory = fleet.memory()
    for serial, (word, state, words) in enumerate(ASKS, 6):
        fleet.publish(serial, hosts=[{"state": {"pods": [pod()], **state}}])
        error = fleet.refused()
        assert error["reason"] == "not-allowed" and words in error["message"]
        assert f"--allow={word}" in error["hint"]
        assert fleet.memory() == memory
        assert not (fleet.agent.local / "policy.json").exists()
        assert fleet.pull(f"--allow={word}")["serial"] == serial
        memory = fleet.memory()
        (fleet.agent.local / "policy.json").unlink(missing_ok=True)


def test_no_bundle_changes_who_signs_bundles(fleet: Fleet) -> None:
    mine = {"prefix": f"pull:{FLEET}", "fingerprint": fleet.key.fingerprint, "state": "absent"}
    fleet.publish(6, hosts=[{"state": {"pods": [pod()], "keys": [mine]}}])
    assert "which no bundle may" in fleet.refused("--allow=keys")["message"]


def test_a_key_that_is_not_trusted_any_more_signs_no_more(fleet: Fleet) -> None:
    words = (f"--prefix=pull:{FLEET}", fleet.key.fingerprint)
    key = fleet.agent.local / "key.asc"
    key.write_text(fleet.key.armoured)
    fleet.agent.ok("trust", "remove", *words)
    fleet.publish(6, pod())
    error = fleet.refused()
    assert error["reason"] == "no-key" and f"--prefix=pull:{FLEET}" in error["hint"]
    fleet.agent.ok("trust", words[0], f"--fingerprint={words[1]}", key)
    (listed,) = json.loads(
        fleet.agent.ok("trust", "list", f"--prefix={words[0][9:]}", "--format=json")
    )
    assert listed["prefix"] == f"pull:{FLEET}"
    assert fleet.pull()["serial"] == 6


def test_a_fleets_key_admits_no_image(fleet: Fleet) -> None:
    fleet.trust(fleet.key, "example.com")
    fleet.trust(fleet.key, "example.com/tiny")
    image = next(fleet.server.root.glob("images/**/*.aci"))
    fleet.end()
    fleet.agent.ok("image", "rm", f"{IMAGE}:1.0")
    fleet.key.sign(image)
    ended = fleet.agent("fetch", f"{IMAGE}:1.0")
    assert ended.exit == 254 and "which is not trusted for example.com/tiny" in ended.stderr
    fleet.lab.key.sign(image)
    fleet.agent.ok("fetch", f"{IMAGE}:1.0")


def test_a_trust_store_for_fleets_that_others_may_write_trusts_nobody(fleet: Fleet) -> None:
    directory = fleet.agent.local / "trustedkeys" / "pull.d" / "acme"
    directory.chmod(0o775)
    fleet.publish(6, pod())
    assert "may be written by others" in fleet.refused()["message"]
    directory.chmod(0o755)
    os.chown(directory, 4321, -1)
    assert "belongs to user 4321" in fleet.refused()["message"]
    os.chown(directory, 0, -1)
    assert fleet.pull()["serial"] == 6


@pytest.mark.threat("T42")
def test_keys_of_fleets_count_only_where_nobody_can_bring_an_old_directory_of_them_back(
    fleet: Fleet, tmp_path: Path
) -> None:
    """A member of podwright-admin would rename `pull.d` away, and back when root has removed a key from the new one."""
    groups = tmp_path / "group"
    groups.write_text(f"{Path('/etc/group').read_text()}podwright-admin:x:4322:\n")
    fleet.agent.host.run(["mount", "--bind", str(groups), "/etc/group"]).check()
    store = fleet.agent.local / "trustedkeys"
    os.chown(store, 0, 4322)
    store.chmod(0o2775)
    fleet.publish(6, pod())
    assert "others than root may replace the keys of fleets" in fleet.refused()["message"]
    store.chmod(0o3775)
    assert fleet.pull()["serial"] == 6


def test_a_frozen_server_is_noticed_when_the_bundle_expires(fleet: Fleet) -> None:
    def frozen(handler: Handler) -> None:
        handler.send_response(HTTPStatus.NOT_MODIFIED)
        handler.end_headers()

    fleet.server.answers["/fleet.json"] = frozen
    assert fleet.pull()["state"] == "unchanged"
    (file,) = (fleet.agent.data / "pull").glob("*/serial.json")
    known = json.loads(file.read_text())
    file.write_text(json.dumps({**known, "expires": known["at"] - 10}))
    running = fleet.pods()
    assert fleet.refused()["reason"] == "expired"
    assert fleet.pods() == running, "what runs goes on running"


def test_a_clock_that_is_set_back_makes_no_expired_bundle_young(fleet: Fleet) -> None:
    (file,) = (fleet.agent.data / "pull").glob("*/serial.json")
    known = json.loads(file.read_text())
    file.write_text(json.dumps({**known, "at": known["at"] + 2 * int(DAY)}))
    fleet.publish(6, pod())
    assert fleet.refused()["reason"] == "expired"
    file.write_text(json.dumps(known))
    assert fleet.pull()["serial"] == 6


def test_a_memory_that_cannot_be_read_is_no_memory_of_nothing(fleet: Fleet) -> None:
    (file,) = (fleet.agent.data / "pull").glob("*/serial.json")
    good = file.read_bytes()
    for bad in (b"", b"{", b'{"format":2}', good.replace(b'"serial":5', b'"serial":-5')):
        file.write_bytes(bad)
        fleet.publish(4)
        assert "cannot be read" in fleet.refused()["message"]
        assert file.read_bytes() == bad
    file.write_bytes(good)


def test_replay_after_a_reinstallation_is_stopped_by_the_least_serial_and_by_nothing_else(
    fleet: Fleet,
) -> None:
    shutil.rmtree(fleet.agent.data / "pull")
    fleet.publish(4)
    directory = fleet.agent.local / "pull.d"
    directory.mkdir()
    file = directory / "own.json"
    file.write_text(json.dumps({"rktKind": "pull", "rktVersion": "v1", "minimum_serial": 5}))
    assert fleet.refused()["reason"] == "rollback"
    least = file.read_text()
    file.unlink()
    assert fleet.pull("--adopt")["serial"] == 4, (
        "the documented limit: a host without memory believes what is in time"
    )
    assert fleet.pull("--adopt")["state"] == "unchanged"
    file.write_text(least)
    assert fleet.refused()["reason"] == "rollback", "also what is followed already"


def test_a_body_without_end_is_cut_off(fleet: Fleet) -> None:
    sent = 0

    def endless(handler: Handler) -> None:
        nonlocal sent
        handler.send_response(HTTPStatus.OK)
        handler.send_header("Content-Length", str(1 << 30))
        handler.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(1 << 14):
                handler.wfile.write(b" " * (1 << 16))
                sent += 1 << 16
        handler.close_connection = True

    fleet.server.answers["/fleet.json"] = endless
    assert fleet.refused()["reason"] == "too-large"
    assert sent < 64 << 20


def test_a_server_that_drips_is_left(fleet: Fleet) -> None:
    def slowly(handler: Handler) -> None:
        handler.send_response(HTTPStatus.OK)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(1000000):
                handler.wfile.write(b" ")
                handler.wfile.flush()
                handler.connection.settimeout(0.05)
                with contextlib.suppress(TimeoutError):
                    if not handler.connection.recv(1):
                        break
        handler.close_connection = True

    fleet.server.answers["/fleet.json"] = slowly
    assert fleet.refused("--timeout=1s")["reason"] == "time-cap"


def test_a_redirect_to_http_is_refused(fleet: Fleet) -> None:
    def away(handler: Handler) -> None:
        handler.send_response(HTTPStatus.FOUND)
        handler.send_header("Location", "http://example.com/fleet.json")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    fleet.publish(6)
    fleet.server.answers["/fleet.json"] = away
    assert fleet.refused()["reason"] == "bad-url"
    lifted = (
        "--insecure-options=http",
        "pull",
        "https://example.com/fleet.json",
        f"--fleet={FLEET}",
    )
    assert "redirects from https to http" in fleet.agent(*lifted).stderr
    assert fleet.refused(url="http://example.com/fleet.json")["reason"] == "bad-url"


def test_a_log_in_does_not_follow_a_redirect_to_another_host(fleet: Fleet) -> None:
    login = {
        "rktKind": "auth", "rktVersion": "v1", "domains": ["example.com"],
        "type": "basic", "credentials": {"user": "reader", "password": "canary"},
    }  # fmt: skip
    directory = fleet.agent.local / "auth.d"
    directory.mkdir()
    (directory / "own.json").write_text(json.dumps(login))

    def away(handler: Handler) -> None:
        handler.send_response(HTTPStatus.FOUND)
        handler.send_header("Location", "https://images.example.com/elsewhere.json")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    fleet.publish(6, pod())
    shutil.copy(fleet.file, fleet.file.with_name("elsewhere.json"))
    fleet.server.answers["/fleet.json"] = away
    fleet.server.requests.clear()
    assert fleet.pull()["serial"] == 6
    seen = {one.headers["host"]: "authorization" in one.headers for one in fleet.server.requests
            if one.path.endswith(".json")}  # fmt: skip
    assert seen == {"example.com": True, "images.example.com": False}


def test_offline_what_runs_goes_on(fleet: Fleet) -> None:
    running = fleet.pods()
    error = fleet.refused(url="https://nowhere.example.com/fleet.json")
    assert error["stage"] == "fetch"
    assert fleet.pods() == running
    assert fleet.status()["state"] == "failed" and fleet.status()["last_success"]


def test_only_one_pull_at_a_time(fleet: Fleet) -> None:
    (lock,) = (fleet.agent.data / "locks").glob("pull-*")
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ended = fleet.run("--lock-timeout=0.1s")
        assert ended.exit == 254 and "is held by" in ended.stderr
    assert fleet.pull()["state"] == "unchanged"
