# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What CNI plugins are told and what they answer, in every version of the specification."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.net.cni import protocol, result
from podwright.net.cni.find import fault, search_path
from podwright.net.cni.protocol import Call
from podwright.net.cni.result import Link, Result
from podwright.net.values import VERSIONS, Address, Dns, Route

NETNS = "/proc/1/fd/3"
FOUR, SIX = Address("10.1.0.5", 16, "10.1.0.1"), Address("2001:db8::42", 64, "2001:db8::1")
ROUTES = (Route("0.0.0.0/0"), Route("15.5.6.0/24", "10.1.0.9"), Route("2001:db8:1::/48"))
DNS = Dns(("10.1.0.1", "2001:db8::1"), ("example.com",), ("ndots:2",), "example.net")
FULL = Result(
    (Link("cni0"), Link("eth0", "02:00:00:00:00:01", inside=True)), (FOUR, SIX), ROUTES, DNS
)

OLD: dict[str, Any] = {
    "ip4": {"ip": "10.1.0.5/16", "gateway": "10.1.0.1",
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": "15.5.6.0/24", "gw": "10.1.0.9"}]},
    "ip6": {"ip": "2001:db8::42/64", "gateway": "2001:db8::1", "routes": [{"dst": "2001:db8:1::/48"}]},
    "dns": {"nameservers": ["10.1.0.1", "2001:db8::1"], "domain": "example.net", "search": ["example.com"],
            "options": ["ndots:2"]},
}  # fmt: skip
"""As the specification 0.2.0 shows a result."""
NEW: dict[str, Any] = {
    "interfaces": [
        {"name": "cni0"},
        {"name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": NETNS},
    ],
    "ips": [
        {"address": "10.1.0.5/16", "gateway": "10.1.0.1", "interface": 1},
        {"address": "2001:db8::42/64", "gateway": "2001:db8::1", "interface": 1},
    ],
    "routes": [
        {"dst": "0.0.0.0/0"},
        {"dst": "15.5.6.0/24", "gw": "10.1.0.9"},
        {"dst": "2001:db8:1::/48"},
    ],
    "dns": OLD["dns"],
}
"""As 1.0.0 shows one."""


def expected(version: str) -> dict[str, Any]:
    if version in ("0.1.0", "0.2.0"):
        return {"cniVersion": version, **OLD}
    if version in ("1.0.0", "1.1.0"):
        return {"cniVersion": version, **NEW}
    ips = [{**one, "version": "6" if ":" in str(one["address"]) else "4"} for one in NEW["ips"]]
    return {"cniVersion": version, **NEW, "ips": ips}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_result_of_ours_in_every_version(version: str) -> None:
    written = result.write(FULL, version, NETNS)
    assert written == expected(version)
    links = () if version < "0.3.0" else FULL.links
    assert result.parse(written) == Result(links, FULL.addresses, FULL.routes, FULL.dns)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_result_of_the_same_version_is_passed_on_as_it_is(version: str) -> None:
    raw = {**expected(version), "more": {"of": "theirs"}}
    assert result.read(json.dumps(raw).encode(), version, NETNS) == raw
    del raw["cniVersion"]
    assert result.read(json.dumps(raw).encode(), version, NETNS) == {**raw, "cniVersion": version}


@pytest.mark.parametrize(
    ("version", "told"),
    # the two oldest have no links to be told of
    [(one, other) for one in VERSIONS for other in VERSIONS if not one < "0.3.0" <= other],
)
def test_a_result_of_another_version_is_translated(version: str, told: str) -> None:
    read = result.read(json.dumps(expected(version)).encode(), told, NETNS)
    assert read == expected(told)


def test_an_old_result_has_no_links_in_a_new_version() -> None:
    read = result.read(json.dumps({**OLD, "cniVersion": "0.1.0"}).encode(), "1.0.0", NETNS)
    assert read["ips"] == [{key: one[key] for key in ("address", "gateway")} for one in NEW["ips"]]
    assert read["interfaces"] == []


def test_numbers_of_routes_are_those_of_1_1_0() -> None:
    route = {
        "dst": "10.0.0.0/8",
        "mtu": 1400,
        "advmss": 1360,
        "priority": 5,
        "table": 100,
        "scope": 253,
    }
    raw = {"cniVersion": "1.1.0", "routes": [route]}
    parsed = result.parse(raw)
    assert parsed.routes == (Route("10.0.0.0/8", "", 1400, 1360, 5, 100, 253),)
    assert result.write(parsed, "1.1.0", "")["routes"] == [route]
    assert result.write(parsed, "1.0.0", "")["routes"] == [{"dst": "10.0.0.0/8"}]


def test_addresses_of_the_hosts_side_are_not_the_pods() -> None:
    raw = {
        "interfaces": [{"name": "veth1"}, {"name": "eth0", "sandbox": NETNS}],
        "ips": [
            {"address": "10.0.0.1/24", "interface": 0},
            {"address": "10.0.0.2/24", "interface": 1},
        ],
    }
    assert [one.ip for one in result.parse(raw).addresses] == ["10.0.0.2"]


@pytest.mark.parametrize(
    "raw",
    [
        {"ips": [{"address": "10.0.0.1"}]},
        {"ips": [{"address": "10.0.0.1/33"}]},
        {"ips": [{"address": "10.0.0.1/24", "interface": 0}]},
        {
            "ips": [{"address": "10.0.0.1/24", "interface": -1}],
            "interfaces": [{"name": "a", "sandbox": "x"}],
        },
        {"ips": {"address": "10.0.0.1/24"}},
        {"ips": [{"address": "10.0.0.1/24", "gateway": "no"}]},
        {"ips": [{"address": "10.0.0.1/24"}] * 257},
        {"ip4": {"gateway": "10.0.0.1"}},
        {"routes": [{"gw": "10.0.0.1"}]},
        {"routes": [{"dst": "10.0.0.0/8", "mtu": -1}]},
        {"routes": [{"dst": "10.0.0.0/8", "mtu": True}]},
        {"interfaces": [{"name": "a\nb"}]},
        {"interfaces": [{}]},
        {"dns": {"nameservers": ["resolver.example.com"]}},
        {"dns": {"search": ["a b"]}},
        {"dns": {"options": ["a\nnameserver 10.0.0.1"]}},
        {"dns": {"domain": "a\nb"}},
        {"dns": "x"},
    ],
)
def test_a_wrong_result_is_refused(raw: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="its result is wrong"):
        result.parse(raw)


def call(**more: Any) -> Call:
    fields: dict[str, Any] = {
        "net": "back",
        "kind": "x",
        "path": "/opt/cni/bin/x",
        "config": {"type": "x"},
        "uuid": "u",
        "ifname": "eth0",
        "netns": NETNS,
        "args": "",
        "search": "/opt/cni/bin",
    }
    return Call(**{**fields, **more})


def test_the_environment_is_ours_alone() -> None:
    assert call(args="K=V").environment("ADD") == {
        "PATH": protocol.PATH,
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "u",
        "CNI_NETNS": NETNS,
        "CNI_IFNAME": "eth0",
        "CNI_ARGS": "K=V",
        "CNI_PATH": "/opt/cni/bin",
    }
    assert "CNI_ARGS" not in call().environment("DEL")
    assert set(call().environment("STATUS")) == {"PATH", "CNI_COMMAND", "CNI_PATH"}


def test_a_configuration_for_a_plugin() -> None:
    plugin = {
        "type": "x",
        "name": "theirs",
        "key": [1],
        "capabilities": {"ips": True},
        "prevResult": {},
    }
    assert protocol.configuration("back", "1.0.0", plugin, {"ips": ["10.0.0.1"]}) == {
        "type": "x",
        "name": "back",
        "cniVersion": "1.0.0",
        "key": [1],
        "runtimeConfig": {"ips": ["10.0.0.1"]},
    }


def test_arguments_are_for_whoever_knows_them() -> None:
    assert protocol.arguments(()) == ""
    assert protocol.arguments((("IP", "10.0.0.1"), ("K", "V"))) == "IgnoreUnknown=1;IP=10.0.0.1;K=V"
    assert protocol.arguments((("IgnoreUnknown", "0"), ("K", "V"))) == "IgnoreUnknown=0;K=V"


@pytest.mark.parametrize("seconds", [0, -1, 601, "5", True, 1.5])
def test_a_timeout_that_is_none(seconds: object) -> None:
    with pytest.raises(UsageError, match=r"args\.podwright\.timeout must be 1 to 600 seconds"):
        protocol.timeout({"args": {"podwright": {"timeout": seconds}}}, "back")


def test_timeouts() -> None:
    assert protocol.timeout({}, "back") == 30
    assert protocol.timeout({"args": {"cni": {}}}, "back") == 30
    assert protocol.timeout({"args": {"podwright": {"timeout": 5}}}, "back") == 5


@pytest.mark.parametrize(
    ("status", "stdout", "stderr", "expected"),
    [
        (1, b'{"code": 7, "msg": "bad subnet", "details": "10.0.0.0/99"}', b"noise",
         "ADD: bad subnet: 10.0.0.0/99 (code 7); correct the network's configuration"),
        (1, b'{"code": 100, "msg": "mine"}', b"", "ADD: mine (code 100); see the plugin's documentation"),
        (1, b'{"code": "x", "msg": ["no"]}', b"", "ADD: ended with status 1; see the plugin's documentation"),
        (2, b"panic", b"panic: a\n\tb\x1b[0m",
         "ADD: ended with status 2, saying 'panic: a b\\x1b[0m'; see the plugin's documentation"),
        (-11, b"", b"", "ADD: was killed by signal 11; see the plugin's documentation"),
    ],
)  # fmt: skip
def test_errors_are_one_sentence(status: int, stdout: bytes, stderr: bytes, expected: str) -> None:
    error = protocol.failure(call(), "ADD", status, stdout, stderr)
    assert error.sentence() == f"network back: plugin x: {expected}"


def test_what_is_safe_to_run(tmp_path: Path) -> None:
    file = tmp_path / "bin" / "x"
    file.parent.mkdir()
    file.write_text("")
    assert fault(str(file)) == f"{file} is not executable"
    file.chmod(0o755)
    assert fault(str(file)) == ""
    assert fault(str(file.parent)) == f"{file.parent} is a directory"
    assert fault(str(file), directory=True) == f"{file} is not a directory"
    assert fault(f"{file}/y") == f"{file} is not a directory"
    assert fault("bin/x") == "bin/x is not an absolute path"
    assert "No such file" in fault(f"{file}2")
    for target in ("x", "../bin/x", str(file)):
        link = file.parent / "link"
        link.symlink_to(target)
        assert fault(str(link)) == ""
        os.lchown(link, 1000, 1000)
        assert fault(str(link)) == f"{link} belongs to user 1000"
        link.unlink()
    (file.parent / "loop").symlink_to("loop")
    assert fault(f"{file.parent}/loop").endswith("/loop: too many symbolic links")


def test_a_link_through_a_directory_of_others(tmp_path: Path) -> None:
    """Neither what a link leads to nor the way there is anybody else's."""
    open_, good = tmp_path / "open", tmp_path / "good"
    for directory in (open_, good):
        directory.mkdir()
    (good / "x").write_text("")
    (good / "x").chmod(0o755)
    (open_ / "good").symlink_to(good)
    (tmp_path / "x").symlink_to("open/good/x")
    assert fault(str(tmp_path / "x")) == ""
    open_.chmod(0o777)
    assert fault(str(tmp_path / "x")) == f"others can write to {open_}"
    open_.chmod(0o1777)
    assert fault(str(tmp_path / "x")) == "", "what is root's in a sticky directory stays root's"
    assert fault(str(open_), directory=True) == f"others can write to {open_}", (
        "but it is not searched"
    )


def test_only_safe_directories_are_searched(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.mkdir()
    bad.mkdir()
    bad.chmod(0o777)
    assert search_path([str(bad), str(good), str(tmp_path / "missing")]) == str(good)
