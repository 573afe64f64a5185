# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module calls the agent, and what it makes of the answer. The agent here is a stand-in that
only records the call and plays an answer back; tests/modules has the real one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import CACHE, CHECKOUT

Run = Callable[..., dict[str, Any]]

STAND_IN = """\
#!/usr/bin/python3 -IS
import json, os, sys
here = os.path.dirname(__file__)
with open(here + "/call.json", "w") as out:
    json.dump({"argv": sys.argv[1:], "stdin": sys.stdin.read(), "env": sorted(os.environ)}, out)
sys.stderr.write(open(here + "/stderr").read())
sys.stdout.write(open(here + "/stdout").read())
sys.exit(int(open(here + "/status").read()))
"""


class StandIn:
    """A program in the agent's place: what it is to answer, and how it was called."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / "podwright"
        self.path.write_text(STAND_IN)
        self.path.chmod(0o755)
        self.answers({"changed": False, "pods": []})

    def answers(self, stdout: Any, status: int = 0, stderr: str = "") -> None:
        """Set what the next call prints and returns; anything but text is written as JSON."""
        text = stdout if isinstance(stdout, str) else json.dumps(stdout)
        for name, content in (("stdout", text), ("stderr", stderr), ("status", str(status))):
            (self.home / name).write_text(content)

    @property
    def call(self) -> dict[str, Any]:
        """The last call's `argv` and `stdin`."""
        found: dict[str, Any] = json.loads((self.home / "call.json").read_text())
        return found


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    """A stand-in for the agent."""
    return StandIn(tmp_path)


@pytest.fixture
def run(stand_in: StandIn) -> Run:
    """Run a module as Ansible does: `run("pod", name="redis", …)` → its result."""

    def call(module: str, **arguments: Any) -> dict[str, Any]:
        arguments = {"agent_path": str(stand_in.path), **arguments}
        done = subprocess.run(
            [sys.executable, str(CHECKOUT / f"plugins/modules/{module}.py")],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONPATH": str(CACHE / "collections"), "PATH": "/usr/bin:/bin"},
        )
        assert done.stderr == ""
        found: dict[str, Any] = json.loads(done.stdout)
        assert bool(found.get("failed")) == (done.returncode != 0)
        return found

    return call


def test_one_pod_is_one_call_with_the_state_on_standard_input(run: Run, stand_in: StandIn) -> None:
    run("pod", name="redis", image="example.com/redis:7", environment={"PASSWORD": "canary"})
    assert stand_in.call["argv"] == ["apply", "-"]
    assert json.loads(stand_in.call["stdin"]) == {
        "version": 1,
        "pods": [
            {
                "name": "redis",
                "state": "started",
                "image": "example.com/redis:7",
                "environment": {"PASSWORD": "canary"},
            }
        ],
    }


def test_a_list_of_pods_is_one_call(run: Run, stand_in: StandIn) -> None:
    run("pod", pods=[{"name": "a", "image": "example.com/a"}, {"name": "b", "state": "absent"}])
    assert [pod["name"] for pod in json.loads(stand_in.call["stdin"])["pods"]] == ["a", "b"]


def test_check_and_diff_mode_reach_the_agent(run: Run, stand_in: StandIn) -> None:
    run("pod", name="redis", state="absent", _ansible_check_mode=True, _ansible_diff=True)
    assert stand_in.call["argv"] == ["apply", "--check", "--diff", "-"]


def test_directories_are_global_options_taken_literally(run: Run, stand_in: StandIn) -> None:
    run("pod_info", data_dir="/srv/~x", local_config="/etc/x")
    assert stand_in.call["argv"] == [
        "--dir=/srv/~x",
        "--local-config=/etc/x",
        "list",
        "--format=json",
    ]


@pytest.mark.parametrize("option", ["agent_path", "data_dir", "local_config"])
def test_relative_paths_are_refused(run: Run, option: str) -> None:
    found = run("pod_info", **{option: "--insecure-options=all"})
    assert found["reason"] == "bad-input"
    assert found["msg"] == f"{option}: '--insecure-options=all' is not an absolute path"


def test_the_answer_is_returned_without_differences(run: Run, stand_in: StandIn) -> None:
    part = {"name": "redis", "label": "redis", "changed": True, "diff": {"before": {}, "after": {}}}
    stand_in.answers({"changed": True, "pods": [part], "diff": {"before": 1, "after": 2}})
    found = run("pod", name="redis", image="example.com/redis")
    assert found["changed"] is True
    assert found["pods"] == [{"name": "redis", "changed": True}]
    assert "diff" not in found
    assert run("pod", name="redis", image="x", _ansible_diff=True)["diff"] == {
        "before": 1,
        "after": 2,
    }


def test_hosts_cannot_set_facts_or_connection_variables(run: Run, stand_in: StandIn) -> None:
    evil = {"ansible_facts": {"x": 1}, "ansible_connection": "local", "add_host": {"host": "x"}}
    stand_in.answers({"changed": False, "pods": [], **evil})
    found = run("pod", name="redis", image="x")
    assert not set(evil) & set(found)


def test_a_refusal_is_one_sentence_with_what_was_done(run: Run, stand_in: StandIn) -> None:
    error = {
        "message": "image example.com/redis:7 has no signature",
        "hint": "sign it",
        "reason": "not-verified",
        "stage": "verify",
        "object": "example.com/redis:7",
    }
    pods = [{"name": "a", "changed": True}, {"name": "redis", "changed": False, "error": error}]
    stand_in.answers({"changed": True, "pods": pods, "error": error}, 254, "podwright: no\n")
    found = run("pod", name="redis", image="example.com/redis:7")
    assert found["failed"] is True
    assert found["msg"] == "image example.com/redis:7 has no signature; sign it"
    assert {key: found[key] for key in ("reason", "stage", "object", "hint")} == {
        key: error[key] for key in ("reason", "stage", "object", "hint")
    }
    assert (found["changed"], found["pods"]) == (True, pods)


def test_an_error_counts_even_with_status_0_and_a_status_even_without_an_error(
    run: Run, stand_in: StandIn
) -> None:
    stand_in.answers({"changed": False, "error": {"message": "no"}}, 0)
    assert run("pod", name="redis", image="x")["msg"] == "no"
    stand_in.answers({"changed": False}, 9, "podwright: killed\n")
    assert run("pod", name="redis", image="x")["msg"] == "podwright: killed"


@pytest.mark.parametrize("output", ["", "Traceback", "[]", '"changed"', "null", "{"])
def test_an_answer_that_is_not_understood_is_a_failure(
    run: Run, stand_in: StandIn, output: str
) -> None:
    stand_in.answers(output, 0, "line 1\n\x1b[31mline 2\n")
    found = run("pod", name="redis", image="x")
    assert found["reason"] == "bad-answer"
    assert "is not the JSON that this collection understands: \ufffd[31mline 2;" in found["msg"]


def test_a_failed_reader_says_what_the_agent_said(run: Run, stand_in: StandIn) -> None:
    stand_in.answers("", 254, "podwright: the store is newer than this agent\n")
    assert run("image_info")["msg"] == "podwright: the store is newer than this agent"
    stand_in.answers({"not": "a list"})
    assert run("image_info")["reason"] == "bad-answer"


def test_a_host_without_the_agent_is_told_about_the_role(run: Run, tmp_path: Path) -> None:
    found = run("pod", name="redis", image="x", agent_path=str(tmp_path / "none"))
    assert found["reason"] == "no-agent"
    assert "apply the role podwright.fleet.agent" in found["msg"]


def test_an_agent_that_cannot_run_is_named(run: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    assert "Exec format error" in run("pod_info", agent_path=str(broken))["msg"]
    assert "not a program" in run("pod_info", agent_path=str(tmp_path))["msg"]


def test_warnings_of_the_agent_are_ansibles(run: Run, stand_in: StandIn) -> None:
    stand_in.answers({"changed": False, "pods": [], "warnings": ["pod redis: old"]})
    assert "pod redis: old" in json.dumps(run("pod", name="redis", image="x")["warnings"])


def test_options_of_one_pod_and_a_list_exclude_each_other(run: Run) -> None:
    assert "mutually exclusive" in run("pod", image="x", pods=[])["msg"]
    assert "one of the following is required" in run("pod", state="absent")["msg"]


def test_an_unknown_option_is_refused(run: Run) -> None:
    said = run("pod", name="x", image="x", colour="red")["msg"]
    assert said.startswith("colour: there is no such option; ansible-doc ")


def test_info_modules_select_by_name(run: Run, stand_in: StandIn) -> None:
    pods = [{"name": "uuid-1", "pod_name": "a"}, {"name": "uuid-2", "pod_name": ""}]
    stand_in.answers(pods)
    assert run("pod_info")["pods"] == pods
    assert run("pod_info", name=["a", "nobody"])["pods"] == pods[:1]
    assert run("pod_info", name="uuid-2")["pods"] == pods[1:]
    images = [{"id": "sha512-1", "name": "e.com/a:1"}, {"id": "sha512-2", "name": "e.com/ab:1"}]
    stand_in.answers(images)
    assert run("image_info", name="e.com/a")["images"] == images[:1]
    assert run("image_info", name=["e.com/ab:1"])["images"] == images[1:]
    assert run("image_info", name=["sha512-2", "e.com/a:2"])["images"] == images[1:]


FINGERPRINT = "18ad5014c99ef7e3ba5f6ce950bdd3e0fc8a365e"


def test_a_key_file_is_read_on_the_host(run: Run, stand_in: StandIn, tmp_path: Path) -> None:
    key = tmp_path / "key.asc"
    key.write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    run("trust", prefix="example.com", fingerprint=FINGERPRINT, key_file=str(key))
    assert json.loads(stand_in.call["stdin"])["keys"] == [
        {
            "prefix": "example.com",
            "fingerprint": FINGERPRINT,
            "key": key.read_text(),
            "state": "present",
        }
    ]


def test_key_files_that_are_refused(run: Run, tmp_path: Path) -> None:
    binary = tmp_path / "key.gpg"
    binary.write_bytes(b"\x99\x01\x0d\x04")
    huge = tmp_path / "huge"
    huge.write_bytes(b"x" * (1024 * 1024 + 1))
    common = {"prefix": "example.com", "fingerprint": FINGERPRINT}
    for arguments, said in (
        ({"key_file": str(binary)}, "is not an armoured key; write it with gpg --armor --export"),
        ({"key_file": str(huge)}, "is larger than any key"),
        ({"key_file": str(tmp_path / "none")}, "No such file or directory"),
        ({"key_file": str(binary), "key": "x"}, "key and key_file exclude each other"),
    ):
        found = run("trust", **common, **arguments)
        assert said in found["msg"]
        assert found["reason"] == "bad-input"


def test_nothing_of_the_state_is_in_argv(run: Run, stand_in: StandIn) -> None:
    run("pod", name="redis", image="x", args=["canary"], environment={"A": "canary"})
    assert "canary" not in json.dumps(stand_in.call["argv"])
