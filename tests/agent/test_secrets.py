# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets: what apps find, where they come from, that they change and go, and that nobody else sees them (T93)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.launch_bed import Bed, sh
from tests.conftest import Keys
from tests.support import aci, leaks
from tests.support.agent import Agent
from tests.support.private_host import PrivateHost

Publish = Callable[..., Path]
CANARY = "c4nary-of-the-secret"
OTHER = "0ther-canary-of-it"
LOST = "its content is not in the host's memory any more, as after a boot"


@pytest.fixture
def bed(private_host: PrivateHost, tmp_path: Path) -> Bed:
    return Bed(private_host, tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of the host that only root can read."""
    place = tmp_path / "key"
    place.write_text(CANARY)
    place.chmod(0o400)
    return place


@pytest.mark.parametrize("users", ["", "true"])
def test_a_secret_is_a_file_in_memory_that_only_the_apps_user_reads(
    bed: Bed, file: Path, users: str
) -> None:
    script = (
        "cd /run/secrets; stat -c '%a %u %g' key; cat key; echo x > key; rm key; touch new;"
        " grep /run/secrets /proc/self/mountinfo | cut -d' ' -f6; stat -f -c %T ."
    )
    app = sh("app", script, user="1000", group="1001")
    ended = bed.run(app, secrets=[{"name": "key", "file": str(file)}], private_users=users)
    *found, kind = ended.stdout.splitlines()
    assert found[:1] == ["400 1000 1001"]
    assert found[1].startswith(f"{CANARY}ro,nosuid,nodev,noexec")
    assert kind == "tmpfs"
    assert ended.stderr.count("Read-only file system") == 3


def test_another_user_of_the_pod_does_not_read_it(bed: Bed, file: Path) -> None:
    secrets = [{"name": "key", "file": str(file), "uid": 1000}]
    app = "cat /run/secrets/key && echo read"
    other = bed.run(sh("app", app, user="1001", group="1001"), secrets=secrets)
    own = bed.run(sh("app", app, user="1000", group="1000"), secrets=secrets)
    assert "Permission denied" in other.stderr and own.stdout == f"{CANARY}read\n"


def test_apps_get_only_what_is_for_them_and_where_it_is_wanted(bed: Bed, file: Path) -> None:
    secrets = [
        {"name": "one", "file": str(file), "apps": ["a"], "target": "/etc/app/key", "mode": "0444"},
        {"name": "two", "file": str(file), "apps": ["a"], "target": "/run/secrets/deep/two"},
        {"name": "three", "file": str(file), "apps": ["b"], "uid": 7, "gid": 8},
    ]
    look = "find /run/secrets /etc/app -type f -exec stat -c '%n %a %u:%g' {} + 2>/dev/null | sort"
    ended = bed.run(
        sh("a", f"{look} | sed 's/^/a /'"), sh("b", f"{look} | sed 's/^/b /'"), secrets=secrets
    )
    assert sorted(ended.stdout.splitlines()) == [
        "a /etc/app/key 444 0:0",
        "a /run/secrets/deep/two 400 0:0",
        "b /run/secrets/three 400 7:8",
    ]
    kept = [path for path in ended.pod_dir.rglob("*") if path.is_file()]
    assert leaks.in_files([CANARY], ended.pod_dir) == []
    assert kept != []


@pytest.mark.threat("T62")
def test_a_secret_is_in_no_environment_and_on_no_descriptor(bed: Bed, file: Path) -> None:
    script = "env; ls -l /proc/self/fd; tr '\\0' '\\n' < /proc/1/environ; cat /proc/1/cmdline"
    ended = bed.run(sh("app", script), secrets=[{"name": "key", "file": str(file)}])
    assert CANARY not in ended.stdout and str(file) not in ended.stdout
    assert "/run/secrets" not in ended.stdout


@pytest.mark.parametrize(
    ("make", "why"),
    [
        ("true", "No such file or directory"),
        ("mkdir {0}", "is not a regular file"),
        ("mkfifo {0}", "is not a regular file"),
        ("ln -s /etc/shadow {0}", "is a link to /etc/shadow"),
        ("truncate -s 1048577 {0}", "is larger than"),
    ],
)
def test_what_is_no_secret_is_refused_by_name(bed: Bed, file: Path, make: str, why: str) -> None:
    file.unlink()
    bed.host.run(["/bin/sh", "-c", make.format(file)]).check()
    ended = bed.run(sh("app", "echo never"), secrets=[{"name": "key", "file": str(file)}])
    assert ended.refused.startswith("secret key: ") and why in ended.refused
    assert ended.stdout == ""


def test_a_full_megabyte_fits(bed: Bed, file: Path) -> None:
    file.chmod(0o600)
    file.write_bytes(bytes(2**20))
    secrets = [{"name": f"key{n}", "file": str(file)} for n in range(3)]
    ended = bed.run(sh("app", "cat /run/secrets/* | wc -c"), secrets=secrets)
    assert ended.stdout.strip() == str(3 * 2**20)


def test_a_credential_comes_from_the_units_directory(bed: Bed, tmp_path: Path) -> None:
    (tmp_path / "creds").mkdir()
    (tmp_path / "creds/db").write_text(CANARY)
    secrets = [{"name": "key", "credential": "db"}]
    app = sh("app", "cat /run/secrets/key")
    wrap = ["env", f"CREDENTIALS_DIRECTORY={tmp_path}/creds"]
    assert bed.run(app, secrets=secrets, wrap=wrap).stdout == CANARY
    refused = bed.run(app, secrets=secrets).refused
    assert refused.startswith("secret key: credential db is not there: nobody passes credentials")
    missing = bed.run(app, secrets=[{"name": "key", "credential": "none"}], wrap=wrap).refused
    assert missing.startswith("secret key: credential none: No such file")


def test_a_content_that_is_lost_stops_the_pod_and_says_what_to_do(bed: Bed) -> None:
    ended = bed.run(sh("app", "echo never"), secrets=[{"name": "key", "digest": "0" * 32}])
    assert ended.refused.startswith(f"secret key: {LOST}")
    assert "run podwright apply" in ended.refused and "systemd credential" in ended.refused


@pytest.fixture
def trusting(agent: Agent, lab: Keys, published: Publish) -> Iterator[Agent]:
    """An agent with a signed image that waits; its pods are removed at the end, and their secrets with them."""
    agent.trust(lab.key, "example.com")
    published(app=aci.app(["/bin/sleep", "1000"]))
    yield agent
    agent.apply({"pods": [{"name": "web", "state": "absent"}]})
    assert agent.ok("list", "--no-legend") == ""


def desired(*secrets: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A desired state with one pod that has secrets."""
    body = {
        "name": "web",
        "image": "example.com/tiny:1.0",
        "net": "none",
        "ready": {"seconds": 0.1},
        "secrets": list(secrets),
        **changes,
    }
    return {"version": 1, "pods": [body]}


def content(text: str, **fields: Any) -> dict[str, Any]:
    """The secret `key`."""
    return {"name": "key", "content": text, **fields}


def inside(agent: Agent) -> str:
    """What the running pod has in its secret."""
    pid = json.loads(agent.ok("status", "web", "--format=json"))["pid"]
    find = f"for p in $(pgrep -P {pid}); do cat /proc/$p/root/run/secrets/key; done"
    return agent.host.run(["/bin/sh", "-c", find]).check().stdout


def kept(agent: Agent) -> list[str]:
    """The files with contents, and whether all of it is root's alone."""
    host = agent.host.run(["find", "/run/podwright/secrets", "-printf", "%y %m %u %f\\n"]).stdout
    lines = [line.split() for line in host.splitlines()]
    assert all(line[:3] in (["d", "700", "root"], ["f", "600", "root"]) for line in lines)
    return sorted(line[3] for line in lines if line[0] == "f")


def actions(answer: dict[str, Any]) -> list[str]:
    return list(answer["pods"][0]["actions"])


@pytest.mark.threat("T93")
def test_a_content_reaches_the_pod_and_nothing_else(trusting: Agent, tmp_path: Path) -> None:
    agent = trusting
    with leaks.Watch(agent.host, tmp_path, [CANARY, "the-watch-works"]) as watch:
        agent.host.run(["/bin/sleep", "0.3"], env={"CONTROL": "the-watch-works"}).check()
        text = json.dumps(desired(content(CANARY)))
        done = [
            agent("--debug", "apply", *flags, "-", stdin=text)
            for flags in (["--check", "--diff"], ["--diff"], ["--diff"])
        ]
        said = [agent("--debug", *words) for words in (["status", "web"], ["list", "--full"])]
        said.append(agent("cat-manifest", "web"))
    assert [each for each in watch.processes if "the-watch-works" not in each] == []
    assert any("the-watch-works" in each for each in watch.processes)
    texts = leaks.spellings(CANARY)
    assert leaks.in_files(texts, agent.data, agent.local) == []
    for each in (*done, *said):
        assert not any(text in each.stdout + each.stderr + watch.syslog for text in texts), each
    answers = [json.loads(each.stdout) for each in done]
    assert actions(answers[0]) == actions(answers[1]) == ["fetch", "prepare", "secrets", "start"]
    assert answers[2]["changed"] is False
    assert inside(agent) == CANARY
    assert len(kept(agent)) == 1


def test_a_new_content_is_a_change_and_the_old_one_goes(trusting: Agent) -> None:
    agent = trusting
    agent.apply(desired(content(CANARY)))
    before = kept(agent)
    assert actions(agent.apply(desired(content(CANARY)))) == []
    again = agent.apply(desired(content(OTHER)), "--diff")
    assert actions(again) == ["prepare", "secrets", "stop", "start"]
    assert inside(agent) == OTHER
    assert len(kept(agent)) == 2, "the revision before it can be gone back to"
    agent.ok("rollback", "web")
    assert inside(agent) == CANARY
    agent.apply({"pods": [{**desired(content(OTHER))["pods"][0], "keep_revisions": 1}]})
    assert len(kept(agent)) == 1 and kept(agent) != before
    sides = [again["diff"][side]["pods"]["web"]["secrets"] for side in ("before", "after")]
    assert sides[0] != sides[1]  # by their digests
    without = {**desired()["pods"][0], "keep_revisions": 1}
    assert actions(agent.apply({"pods": [without]})) == ["prepare", "stop", "start"]
    assert kept(agent) == []


def test_a_content_survives_restarts_and_a_lost_one_comes_back_with_apply(trusting: Agent) -> None:
    agent = trusting
    agent.apply(desired(content(CANARY)))
    restart = {"pods": [{"name": "web", "state": "restarted"}]}
    agent.apply(restart)
    assert inside(agent) == CANARY
    agent.host.run(["rm", "-r", "/run/podwright/secrets"]).check()  # what a boot does
    answer = json.loads(agent("apply", "-", stdin=json.dumps(restart)).stdout)
    assert LOST in answer["error"]["message"]
    answer = agent.apply(desired(content(CANARY)))
    assert actions(answer) == ["secrets", "start"]
    assert inside(agent) == CANARY
    agent.host.run(["rm", "-r", "/run/podwright/secrets"]).check()
    running = agent.apply(desired(content(CANARY)))
    assert actions(running) == ["secrets"] and len(kept(agent)) == 1


def test_a_revision_that_fails_leaves_the_old_content(trusting: Agent) -> None:
    agent = trusting
    agent.apply(desired(content(CANARY)))
    before = kept(agent)
    bad = desired(content(OTHER), exec="/none", ready={"seconds": 1})
    answer = json.loads(agent("apply", "-", stdin=json.dumps(bad)).stdout)
    assert answer["pods"][0]["rolled_back"] is True
    assert (inside(agent), kept(agent)) == (CANARY, before)


def test_a_pods_secrets_go_with_it(trusting: Agent) -> None:
    agent = trusting
    agent.apply(desired(content(CANARY)))
    assert kept(agent) != []
    agent.apply({"pods": [{"name": "web", "state": "absent"}]})
    assert kept(agent) == []


def test_a_pod_that_cannot_be_made_leaves_no_content(trusting: Agent) -> None:
    agent = trusting
    bad = desired(content(CANARY), volumes=[{"name": "v", "kind": "host", "source": "/none"}])
    assert agent("apply", "-", stdin=json.dumps(bad)).exit == 254
    assert kept(agent) == []


def test_a_changed_file_is_a_change_and_is_read_at_every_start(trusting: Agent, file: Path) -> None:
    agent = trusting
    secret = {"name": "key", "file": str(file)}
    agent.apply(desired(secret))
    assert inside(agent) == CANARY
    assert actions(agent.apply(desired(secret))) == []
    file.chmod(0o600)
    file.write_text(OTHER)
    assert actions(agent.apply(desired(secret))) == ["prepare", "stop", "start"]
    assert inside(agent) == OTHER
    file.write_text(CANARY)
    agent.apply({"pods": [{"name": "web", "state": "restarted"}]})
    assert inside(agent) == CANARY
    assert actions(agent.apply(desired(secret))) == []
    assert agent.host.run(["ls", "/run/podwright/secrets"]).exit != 0
    assert leaks.in_files([CANARY, OTHER], agent.data) == []


def test_a_credential_needs_systemd(trusting: Agent) -> None:
    bad = desired({"name": "key", "credential": "db"})
    answer = json.loads(trusting("apply", "-", stdin=json.dumps(bad)).stdout)
    assert "this host has no systemd, which passes credentials" in answer["error"]["message"]


def test_run_takes_secrets_from_files(trusting: Agent, file: Path) -> None:
    agent = trusting
    words = ["run", "--net=none", f"--secret=key,file={file},target=/etc/key,mode=0444"]
    done = agent(*words, "example.com/tiny:1.0", "--exec=/bin/cat", "--", "/etc/key")
    assert (done.exit, done.stdout) == (0, CANARY)
    assert leaks.in_files([CANARY], agent.data) == []
    agent.ok("gc", "--grace-period=0s")


def test_a_content_is_no_argument(trusting: Agent) -> None:
    said = trusting.refused("run", f"--secret=key,content={CANARY}", "example.com/tiny:1.0")
    assert "all users see arguments" in said and CANARY not in said


def test_the_digest_is_not_one_that_can_be_guessed_at(trusting: Agent) -> None:
    agent = trusting
    agent.apply(desired(content("1234")))
    (name,) = kept(agent)
    key = agent.data / "secrets.key"
    assert (key.stat().st_mode & 0o777, len(key.read_bytes())) == (0o600, 32)
    agent.apply({"pods": [{"name": "web", "state": "absent"}]})
    key.unlink()
    agent.apply(desired(content("1234")))
    assert kept(agent) != [name]


def test_a_pipe_that_brings_nothing_takes_no_secret_away(agent: Agent, tmp_path: Path) -> None:
    put = ("secret", "put", "--encrypt=off", "key")
    assert agent(*put, stdin=CANARY).check().stdout == "secret key: write\n"
    empty = tmp_path / "empty"
    empty.touch()
    for more, where in (((), "standard input"), ((empty,), str(empty))):
        ended = agent(*put, *more, stdin="")
        assert ended.exit == 254 and f"the secret is empty: {where} has nothing" in ended.stderr
    assert agent(*put, stdin=CANARY).check().stdout == "secret key: unchanged\n"
