# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod in a virtual machine as a host: raw, scripts, files, users and ends. Modules with Python: tests/vm."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.modules.pod_inside import Inside, inside_machine


@pytest.fixture(scope="module")
def inside(
    tmp_path_factory: pytest.TempPathFactory, lab: Keys, collections: Path
) -> Iterator[Inside]:
    """One machine for all tests."""
    with inside_machine(tmp_path_factory.mktemp("inside"), lab, collections) as made:
        yield made


def test_files_go_into_a_machine_and_back(inside: Inside, tmp_path: Path) -> None:
    """Without Python, with a name that a shell would take for something else, and with nothing in it."""
    contents = {"/tmp/-odd 'na\"me\n$x": os.urandom(300_000) + b"\0\n\r", "/tmp/empty": b""}
    files = []
    for number, (place, content) in enumerate(contents.items()):
        source = tmp_path / f"{number}"
        source.write_bytes(content)
        files.append((source, place, tmp_path / f"{number}-back"))
    inside.carry(files, podwright_app="bare", ansible_user="tiny")
    for source, _, back in files:
        assert back.read_bytes() == source.read_bytes()
    look = {"ansible.builtin.raw": "stat -c '%a %u %s' /tmp/*"}
    ((found,),) = inside.play({"bare": {"podwright_app": "bare"}}, [look]).values()
    assert found["stdout_lines"] == ["600 1000 300003", "600 1000 0"]


@pytest.mark.threat("T61")
def test_who_a_task_is_in_a_machine(inside: Inside) -> None:
    boot = "/proc/sys/kernel/random/boot_id"
    found = inside.play(
        {"app": {}, "redis": {"ansible_user": "redis"}},
        [
            {"ansible.builtin.raw": f"cat {boot}; id -un; grep CapEff /proc/self/status"},
            {"ansible.builtin.raw": "id -un", "become": True, "become_user": "postgres"},
        ],
    )
    none = "CapEff:\t" + "0" * 16
    for name, user in (("app", "root"), ("redis", "redis")):
        own, become = found[name]
        kernel, who, privileges = own["stdout_lines"]
        assert kernel != Path(boot).read_text().strip(), "a kernel of its own"
        assert (who, become["stdout_lines"]) == (user, ["postgres"])
        assert (privileges == none) == (user != "root")


def test_an_app_without_python_has_raw_and_its_statuses(inside: Inside, tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\necho script $1; exit 3\n")
    ((raw, script, there, ping),) = inside.play(
        {"bare": {"podwright_app": "bare"}},
        [
            {"ansible.builtin.raw": "printf out; printf err >&2; exit 255"},
            {"ansible.builtin.script": f"{tmp_path}/script word"},
            {"ansible.builtin.raw": "ls /usr/bin/python3"},
            {"ansible.builtin.ping": {}},
        ],
    ).values()
    assert (raw["rc"], raw["stdout"], raw["stderr"]) == (255, "out", "err")
    assert not raw.get("unreachable")
    assert (script["rc"], script["stdout_lines"]) == (3, ["script word"])
    assert there["rc"] == 1 and ping["failed"] and "ping" not in ping, "the control"


def test_what_a_machine_has_not_is_unreachable(inside: Inside) -> None:
    found = inside.play(
        {
            "app": {"podwright_app": "none"},
            "user": {"ansible_user": "nobody9"},
            "shell": {"podwright_executable": "/bin/none"},
            "pod": {"podwright_pod": "nothing"},
            "fine": {},
        },
        [{"ansible.builtin.raw": "echo here"}],
    )
    words = {
        "app": "has no app called 'none'; it has app, bare",
        "user": "user 'nobody9' cannot be used: /etc/passwd in its image",
        "shell": "cannot execute /bin/none: /bin/none does not exist in its image",
        "pod": "no pod is called 'nothing'",
    }
    for name, expected in words.items():
        (one,) = found[name]
        assert one["unreachable"] and expected in one["msg"] and "\n" not in one["msg"], one
    assert found["fine"][0]["stdout_lines"] == ["here"]
