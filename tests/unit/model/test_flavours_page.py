# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/flavours.md says what the code does: each cell that says `refused` is, and the others are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from podwright.errors import PodwrightError
from podwright.model import fly, kvm, privateusers
from podwright.model.build import build_manifest
from podwright.model.fields import Fields
from podwright.model.image import parse_image
from podwright.model.podspec import FLAVOURS, parse_pod_spec
from podwright.values import replace
from tests.support import aci

PAGE = Path(__file__).parents[3] / "docs/flavours.md"
OURS = ("namespaces", "kvm", "xen", "fly")
APP = {"name": "a", "image": "example.com/a"}
PORT = {"name": "http", "host_port": 8080}


def isolator(name: str, value: Any) -> dict[str, Any]:
    return {"isolators": [{"name": name, "value": value}]}


def volume(kind: str, **more: Any) -> dict[str, Any]:
    return {"volumes": [{"name": "v", "kind": kind, **more}]}


ROWS: dict[str, list[dict[str, Any]]] = {
    "several apps": [{"image": None, "apps": [APP, {**APP, "name": "b"}]}],
    "apps that come and go": [{"mutable": True}],
    "network `default`": [{"net": "default"}, {"net": "none"}, {"net": "back"}, {"ports": [PORT]}],
    "network `host`": [{"net": "host"}],
    "socket activation": [{"ports": [PORT], "sockets": ["http"]}],
    "host name": [{"hostname": "web"}, {"metadata": True}],
    "host, empty and tmpfs volumes": [
        volume("host", source="/srv"),
        volume("empty"),
        volume("tmpfs"),
    ],
    "volumes with propagation": [volume("host", source="/srv", propagation="shared")],
    "block device": [volume("device", source="/dev/sda1")],
    "character device": [volume("device", source="/dev/null")],
    "secrets": [{"secrets": [{"name": "k", "content": "x"}]}],
    "`private_users` of": [{"private_users": "true"}, {"private_users": "idmapped"}],
    "`private_users: false`": [{"private_users": "false"}],
    "`resource/memory`": [
        isolator("resource/memory", {"limit": "1G"}),
        isolator("resource/cpu", {"limit": "1"}),
        isolator("resource/pids", {"limit": 9}),
        isolator("os/linux/cpu-shares", 99),
    ],
    "`resource/network-bandwidth`": [isolator("resource/network-bandwidth", {"limit": "1M"})],
    "`resource/block-bandwidth`": [
        isolator("resource/block-bandwidth", {"limit": "1M"}),
        isolator("resource/block-iops", {"limit": "9"}),
        isolator("os/linux/io-weight", 99),
    ],
    "`os/unix/sysctl`": [isolator("os/unix/sysctl", {"net.core.somaxconn": "9"})],
    "capabilities": [
        isolator("os/linux/capabilities-retain-set", {"set": ["CAP_CHOWN"]}),
        isolator("os/linux/seccomp-remove-set", {"set": ["@rkt/default-blacklist"]}),
        isolator("os/linux/no-new-privileges", True),
        isolator("os/linux/oom-score-adj", 9),
    ],
    "`os/linux/apparmor-profile`": [
        isolator("os/linux/apparmor-profile", "web"),
        isolator(
            "os/linux/selinux-context", {"user": "u", "role": "r", "type": "t", "level": "s0"}
        ),
    ],
    "read-only root": [{"readonly_rootfs": True, "user": "1", "group": "1"}],
    "probes": [{"liveness": {"tcp": "80"}, "notify": True, "restart": "always"}],
    "`enter`": [{"stdin": "tty", "stdout": "tty"}],
}
"""What a row of the table begins with -> pods of which each is refused, or none."""
ELSEWHERE = ("IPC of its own", "exit statuses", "replacing a pod")
"""Rows that other tests are about."""


def table() -> dict[str, dict[str, str]]:
    """Row -> flavour -> cell, of the table that has all the flavours of ours."""
    found: dict[str, dict[str, str]] = {}
    header: list[str] = []
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| |"):
            header = cells[1:]
        elif tuple(header) == OURS and line.startswith("|") and not line.startswith("|-"):
            found[cells[0]] = dict(zip(header, cells[1:]))
        elif not line:
            header = []
    return found


TABLE = table()


def is_refused(stage1: str, fields: dict[str, Any]) -> bool:
    """Whether a pod of this flavour is."""
    own = {key: item for key, item in fields.items() if key != "mutable"}
    body = {"name": "web", "image": "example.com/a", "stage1": stage1, **own}
    try:
        spec = parse_pod_spec(Fields(body, "pods[0]"), None)
        spec = replace(spec, mutable="mutable" in fields)
        section = aci.app(["/a"], ports=[{"name": "http", "protocol": "tcp", "port": 80}])
        image = parse_image(aci.image_manifest("example.com/a", "1", section))
        pod, _ = build_manifest(spec, [("sha512-" + "0" * 64, image)] * len(spec.apps))
        nodes = {one.name: kvm.BLOCK for one in spec.volumes if one.source == "/dev/sda1"}
        if stage1 in ("kvm", "xen"):
            kvm.admit(spec, pod, nodes)
        elif stage1 == "fly":
            fly.admit(spec, pod)
        privateusers.decide(spec.private_users, stage1, spec.net, ())
    except PodwrightError:
        return True
    return False


def test_every_row_is_looked_at() -> None:
    for row in TABLE:
        assert [one for one in (*ROWS, *ELSEWHERE) if row.startswith(one)], row
    for begin in (*ROWS, *ELSEWHERE):
        assert [row for row in TABLE if row.startswith(begin)], begin


@pytest.mark.parametrize("flavour", OURS)
@pytest.mark.parametrize("begin", ROWS)
def test_a_cell_says_what_the_code_does(begin: str, flavour: str) -> None:
    if (begin, flavour) == ("apps that come and go", "fly"):
        return  # app sandbox itself refuses it
    (cell,) = [cells[flavour] for row, cells in TABLE.items() if row.startswith(begin)]
    said = cell.startswith("refused")
    assert said or cell.startswith("yes"), cell
    for fields in ROWS[begin]:
        assert is_refused(flavour, fields) == said, (fields, cell)


def test_all_that_nothing_would_enforce_is_named() -> None:
    text = PAGE.read_text()
    for name in (*kvm.UNENFORCEABLE, *fly.UNENFORCEABLE):
        assert f"`{name}`" in text


def test_all_flavours_are_there() -> None:
    text = PAGE.read_text()
    assert set(FLAVOURS) == {*OURS, "image"}
    for flavour in FLAVOURS:
        assert f"| `{flavour}` |" in text
