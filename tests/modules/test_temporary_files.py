# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules put on a disk for a while is nobody else's, and what others put there is not followed (T94)."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.modules.conftest import AdHoc
from tests.modules.script import Script
from tests.support import tiny_image

CANARY = "t3mporary-canary"
NOBODY = 65534

WATCHER = """\
import json, os, stat, sys
places, stop = sys.argv[2:], sys.argv[1]
seen = {}
print("up", flush=True)
while not os.path.exists(stop):
    for place in places:
        for base, directories, files in os.walk(place):
            for name in (*directories, *files):
                try:
                    found = os.lstat(f"{base}/{name}")
                except OSError:
                    continue
                if not stat.S_ISLNK(found.st_mode):
                    seen.setdefault(f"{base}/{name}", set()).add((stat.S_IMODE(found.st_mode), found.st_uid))
print(json.dumps({path: sorted(modes) for path, modes in seen.items()}))
"""
"""Modes and owners of everything that is there for a moment."""


class Modes:
    """Looks at all that appears below some directories, as long as the context lasts."""

    def __init__(self, adhoc: AdHoc, scratch: Path, *places: Path) -> None:
        self.stop = scratch / "modes-stop"
        self.command = ["/usr/bin/python3", "-IS", "-c", WATCHER, str(self.stop), *map(str, places)]
        self.host = adhoc.agent.host
        self.seen: dict[str, list[tuple[int, int]]] = {}

    def __enter__(self) -> Modes:
        self.process = self.host.popen(self.command)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "up\n"
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.touch()
        out, err = self.process.communicate(timeout=60)
        assert err == "", err
        self.seen = json.loads(out)

    def open_to_others(self) -> list[str]:
        """What others could read or write, reached through directories that do not keep them out."""
        closed = {
            path for path, modes in self.seen.items() if all(not mode & 0o077 for mode, _ in modes)
        }
        return [
            path
            for path, modes in self.seen.items()
            if any(mode & 0o077 for mode, _ in modes)
            and not any(str(parent) in closed for parent in Path(path).parents)
        ]


@pytest.fixture
def script(adhoc: AdHoc, tmp_path: Path) -> Iterator[Script]:
    """Plays with a umask of 0, whose temporary directories are below `temp` and `remote`."""
    for name in ("temp", "remote"):
        (tmp_path / name).mkdir(mode=0o777)
        (tmp_path / name).chmod(0o1777)
    script = Script(adhoc, tmp_path)
    script.env = {"TMPDIR": str(tmp_path / "temp"), "ANSIBLE_REMOTE_TEMP": str(tmp_path / "remote")}
    before = os.umask(0)
    yield script
    os.umask(before)


def tasks(lab: Keys, tmp_path: Path) -> list[Any]:
    """Modules that keep something for a while: secrets, keys that sign, an image that is built, a key from a file."""
    root = tmp_path / "root"
    root.mkdir()
    tiny_image.make_rootfs(root, {})
    secret = lab.lab.gpg("--passphrase", "", "--armor", "--export-secret-keys", lab.key.fingerprint)
    return [
        ("secret", {"name": "key", "content": CANARY, "encrypt": "off"}),
        ("image_build", {
            "path": str(tmp_path / "app.aci"), "source": str(root), "name": "example.com/app",
            "sign_secret_key": secret, "compression": "none",
        }),
        ("trust", {"prefix": "example.com", "fingerprint": lab.key.fingerprint, "key": lab.key.armoured}),
        ("image", {"name": str(tmp_path / "app.aci")}),
    ]  # fmt: skip


@pytest.mark.threat("T94")
def test_with_a_umask_of_zero_nothing_temporary_is_open_to_others_and_all_is_removed(
    script: Script, lab: Keys, tmp_path: Path
) -> None:
    places = [tmp_path / "temp", tmp_path / "remote", script.adhoc.agent.data / "secrets"]
    with Modes(script.adhoc, tmp_path, *places) as modes:
        script(*tasks(lab, tmp_path))
    assert any("AnsiballZ" in path for path in modes.seen)
    assert any(path.endswith("secrets/plain/key") for path in modes.seen)
    assert modes.open_to_others() == []
    assert list(places[0].iterdir()) == list(places[1].iterdir()) == []


@pytest.mark.threat("T94")
def test_files_that_are_kept_on_request_are_their_owners_alone(
    script: Script, tmp_path: Path
) -> None:
    script.env["ANSIBLE_KEEP_REMOTE_FILES"] = "1"
    script(("secret", {"name": "key", "content": CANARY, "encrypt": "off"}))
    kept = list((tmp_path / "remote").iterdir())
    assert kept and all(path.stat().st_mode & 0o077 == 0 for path in kept)


@pytest.mark.threat("T94")
def test_planted_paths_are_refused_or_replaced_and_never_written_through(
    script: Script, tmp_path: Path
) -> None:
    data = script.adhoc.agent.data
    victim, theirs = tmp_path / "victim", tmp_path / "theirs"
    victim.write_text("precious")
    theirs.mkdir()
    os.chown(theirs, NOBODY, NOBODY)
    wanted = ("secret", {"name": "key", "content": CANARY, "encrypt": "off"})
    script(("secret", {**wanted[1], "state": "absent", "content": None}))
    secrets = data / "secrets"
    secrets.symlink_to(theirs)
    (linked,) = script.any(wanted)
    secrets.unlink()
    secrets.mkdir(mode=0o777)
    os.chown(secrets, NOBODY, NOBODY)
    (foreign,) = script.any(wanted)
    assert [one["reason"] for one in (linked, foreign)] == ["unsafe-directory"] * 2
    assert list(theirs.iterdir()) == list(secrets.iterdir()) == []
    os.chown(secrets, 0, 0)
    secrets.chmod(0o700)
    (secrets / "plain").mkdir(mode=0o700)
    for name in ("plain/key", "key.json"):
        (secrets / name).symlink_to(victim)
    script(wanted)
    assert victim.read_text() == "precious"
    assert (secrets / "plain/key").read_text() == CANARY
    assert not (secrets / "plain/key").is_symlink() and not (secrets / "key.json").is_symlink()


@pytest.mark.threat("T94")
def test_an_ordinary_user_is_refused_and_leaves_nothing(script: Script, tmp_path: Path) -> None:
    become = {
        "become": True, "become_method": "ansible.builtin.su", "become_user": "nobody", "become_flags": "-s /bin/sh",
    }  # fmt: skip
    options = {**script.adhoc.common, "name": "key", "content": CANARY, "encrypt": "off"}
    for path in (tmp_path, *tmp_path.parents):
        if path != Path("/") and not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o011)
    with Modes(script.adhoc, tmp_path, tmp_path / "remote", tmp_path / "temp") as modes:
        refused, told = script.any(
            {"podwright.fleet.secret": options, **become},
            {"podwright.fleet.image_info": script.adhoc.common, **become},
        )
    assert refused["failed"] and "must be run as root" in refused["msg"], refused
    assert "Traceback" not in json.dumps([refused, told])
    assert NOBODY in {uid for modes_ in modes.seen.values() for _, uid in modes_}, "it was nobody"
    assert [path for path in modes.open_to_others() if CANARY in path] == []
    assert list((tmp_path / "remote").iterdir()) == []
    assert not (script.adhoc.agent.data / "secrets").exists()


@pytest.mark.threat("T94")
def test_what_an_interrupted_play_leaves_is_its_owners_alone_and_a_rerun_gets_there(
    script: Script, tmp_path: Path
) -> None:
    host = script.adhoc.agent.host
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    slow = {"prefix": "example.com", "fingerprint": "ab" * 20, "key_file": str(fifo)}
    secret = {"name": "key", "content": CANARY, "encrypt": "off"}
    play = {
        "hosts": "localhost", "gather_facts": False,
        "module_defaults": {"group/podwright.fleet.podwright": script.adhoc.common},
        "tasks": [{"podwright.fleet.secret": secret}, {"podwright.fleet.trust": slow}],
    }  # fmt: skip
    source = tmp_path / "interrupted.json"
    source.write_text(json.dumps([play]))
    process = host.popen(["ansible-playbook", str(source)], env={**script.adhoc.env, **script.env})
    deadline = time.monotonic() + 120
    while True:  # the module waits for somebody who writes
        try:
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
            continue
        break
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    left = [path for place in ("remote", "temp") for path in (tmp_path / place).iterdir()]
    assert [path for path in left if path.stat().st_mode & 0o077] == []
    again, same = script(("secret", secret), ("secret", secret))
    assert same["changed"] is False
    assert (script.adhoc.agent.data / "secrets/plain/key").read_text() == CANARY
    assert [one["action"] for one in again["secrets"]] == ["none"]
