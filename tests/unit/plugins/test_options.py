# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What options become in the desired state, and what is refused before the agent is asked."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.module_utils import (
    notation,
    options,
    spec,
    spec_pod,
)
from ansible_collections.podwright.fleet.plugins.module_utils.objects import Kind, objects
from ansible_collections.podwright.fleet.plugins.module_utils.options import OptionError

PODS = Kind("pods", "name", spec_pod.POD_STATES, spec_pod.POD)


def pod(**given: Any) -> dict[str, Any]:
    """The one pod of the desired state that these options give."""
    (only,) = objects(PODS, {"name": "redis", "state": "started", **given})
    return only


def test_what_is_not_given_is_not_sent() -> None:
    assert pod(image="example.com/redis:7", args=None, ports=None) == {
        "name": "redis",
        "state": "started",
        "image": "example.com/redis:7",
    }


def test_a_command_is_a_path_or_a_list() -> None:
    assert pod(exec="/bin/my program")["exec"] == "/bin/my program"
    assert pod(exec=["/bin/sh", "-c", 7])["exec"] == ["/bin/sh", "-c", "7"]
    for wrong in ([], [["/bin/sh"]], {"a": "b"}, True):
        with pytest.raises(OptionError, match="exec"):
            pod(exec=wrong)


def test_an_empty_list_is_sent() -> None:
    assert pod(supplementary_gids=[])["supplementary_gids"] == []


def test_every_option_of_a_pod_has_its_place() -> None:
    given = {
        "image": "example.com/redis:7",
        "exec": "/usr/bin/redis-server",
        "args": ["--port", 6379],
        "environment": {"A": "1", "N": 2},
        "user": "redis",
        "group": "redis",
        "supplementary_gids": [7],
        "working_dir": "/srv",
        "mounts": ["data:/var/lib/redis", {"volume": "x", "path": "/x"}],
        "isolators": [
            {"name": "resource/memory", "value": {"limit": "256M"}, "optional": True},
        ],
        "readonly_rootfs": True,
        "stop_signal": "SIGQUIT",
        "hook_timeout": 5.0,
        "notify": True,
        "watchdog": 30.0,
        "stdin": "null",
        "stdout": "log",
        "stderr": "stream",
        "log_path": "/var/log/0.log",
        "log": {"max_size": "1Mi", "max_files": 3},
        "pod_manifest": {"acKind": "PodManifest"},
        "stage1": "kvm",
        "stage1_image": {"name": "podwright.io/stage1-kvm:1.0"},
        "kvm": {"accelerator": "tcg", "runner": "qemu"},
        "selinux": "auto",
        "private_users": "idmapped",
        "profile": "system",
        "net": "default",
        "hostname": "redis",
        "dns": {"servers": ["192.0.2.53"], "domain": "example.com", "options": "ndots:2"},
        "hosts": [{"ip": "192.0.2.7", "names": ["db"]}, "192.0.2.8=a,::1=b,c"],
        "metadata": True,
        "sandbox": False,
        "ports": ["6379-tcp:6379"],
        "sockets": ["6379-tcp"],
        "allow": [{"from": "pod web", "ports": ["6379/tcp"]}],
        "volumes": ["data,kind=host,source=/srv/redis"],
        "secrets": [{"name": "key", "content": "c4nary", "mode": "0440", "apps": ["redis"]}],
        "pull_policy": "update",
        "insecure_options": ["image"],
        "restart": "no",
        "enabled": False,
        "ready": {"tcp": 6379, "exec": None, "timeout": 5.0},
        "startup": {"exec": ["/bin/ok", 1], "interval": 0.5},
        "readiness": {"http": {"port": 8080, "path": "/ok", "headers": {"N": 1}}, "timeout": 2.0},
        "liveness": {"tcp": 6379, "failure_threshold": 5},
        "stop_timeout": 3.0,
        "unit": {
            "after": ["postgresql.service"],
            "wanted_by": [],
            "environment": {"HTTPS_PROXY": "http://proxy"},
            "settings": {"Service": {"MemoryMax": "1G", "TasksMax": 100}},
        },
        "replace": "start-first",
        "keep_revisions": 5,
        "revision": 2,
        "exit_policy": "all-ended",
        "pod_isolators": [{"name": "os/unix/sysctl", "value": {"net.core.somaxconn": "9"}}],
        "annotations": {"k": "v"},
        "labels": {"l": "w"},
        "registry_auth": [{"registry": "r.example.com", "username": "u", "password": "p"}],
    }
    assert set(given) == set(spec_pod.POD) - {"apps"}
    assert pod(**given) == {
        **given,
        "name": "redis",
        "state": "started",
        "args": ["--port", "6379"],
        "environment": {"A": "1", "N": "2"},
        "mounts": [{"volume": "data", "path": "/var/lib/redis"}, {"volume": "x", "path": "/x"}],
        "dns": {"servers": ["192.0.2.53"], "domain": "example.com", "options": ["ndots:2"]},
        "hosts": [
            {"ip": "192.0.2.7", "names": ["db"]},
            {"ip": "192.0.2.8", "names": ["a"]},
            {"ip": "::1", "names": ["b", "c"]},
        ],
        "ports": [{"name": "6379-tcp", "host_port": 6379}],
        "volumes": [{"name": "data", "kind": "host", "source": "/srv/redis"}],
        "secrets": [{"name": "key", "content": "c4nary", "mode": "0440", "apps": ["redis"]}],
        "ready": {"tcp": 6379, "timeout": 5.0},
        "startup": {"exec": ["/bin/ok", "1"], "interval": 0.5},
        "readiness": {
            "http": {"port": "8080", "path": "/ok", "headers": {"N": "1"}},
            "timeout": 2.0,
        },
        "liveness": {"tcp": "6379", "failure_threshold": 5},
    }


def test_apps_take_the_options_of_one_app() -> None:
    app = {"name": "a", "image": "example.com/a", "args": [1], "mounts": ["data:/d"], "user": None}
    assert pod(apps=[app])["apps"] == [
        {
            "name": "a",
            "image": "example.com/a",
            "args": ["1"],
            "mounts": [{"volume": "data", "path": "/d"}],
        }
    ]


def test_pods_without_a_state_get_the_modules() -> None:
    params = {"pods": [{"name": "a"}, {"name": "b", "state": "stopped"}], "state": "absent"}
    assert objects(PODS, params) == [
        {"name": "a", "state": "absent"},
        {"name": "b", "state": "stopped"},
    ]


@pytest.mark.parametrize("value", [True, False, None, 1.5, ["x"], {"x": "y"}])
def test_environment_refuses_what_yaml_made_of_unquoted_words(value: Any) -> None:
    with pytest.raises(OptionError, match=r"^environment\.DEBUG: must be text, not .*quotes"):
        pod(environment={"DEBUG": value})


def test_a_refusal_names_the_path_in_a_list_of_pods() -> None:
    params = {"pods": [{"name": "a"}, {"name": "b", "args": ["x", False]}], "state": "started"}
    with pytest.raises(OptionError, match=r"^pods\[1\]\.args\[1\]: must be text, not False"):
        objects(PODS, params)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http:8080", {"name": "http", "host_port": 8080}),
        ("80-tcp:127.0.0.1:8080", {"name": "80-tcp", "host_port": 8080, "host_ip": "127.0.0.1"}),
        ("rtp:6000-6009", {"name": "rtp", "host_port": 6000, "count": 10}),
        ("http:[2001:db8::1]:80", {"name": "http", "host_port": 80, "host_ip": "2001:db8::1"}),
        ({"name": "http", "host_port": "8080"}, {"name": "http", "host_port": 8080}),
        ("53/udp:5353", {"name": "53/udp", "host_port": 5353}),
        ({"pod_port": "80", "host_port": "81"}, {"pod_port": 80, "host_port": 81}),
        ({"name": "http", "unknown": 1}, {"name": "http", "unknown": 1}),
    ],
)
def test_ports(given: Any, expected: dict[str, Any]) -> None:
    assert notation.ports([given], "ports") == [expected]


@pytest.mark.parametrize(
    "given",
    [
        "http",
        "http:",
        ":80",
        "a:b:c:d",
        "http:eighty",
        8080,
        "http:-1",
        "a:::1:80",
        "a:[::1:80",
        "a:[1]:80",
    ],
)
def test_ports_that_are_none(given: Any) -> None:
    with pytest.raises(OptionError, match=r"^ports\[0\]"):
        notation.ports([given], "ports")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            ["data,kind=host,source=/srv,readOnly=true"],
            [{"name": "data", "kind": "host", "source": "/srv", "readOnly": True}],
        ),
        (
            ["data", "kind=host", "source=/srv", "tmp", "kind=empty", "uid=7", "mode=0700"],
            [
                {"name": "data", "kind": "host", "source": "/srv"},
                {"name": "tmp", "kind": "empty", "uid": 7, "mode": "0700"},
            ],
        ),
        (
            [{"name": "data", "kind": "host", "source": "/a=b", "read_only": False}],
            [{"name": "data", "kind": "host", "source": "/a=b", "readOnly": False}],
        ),
        (
            ["data,kind=host,source=/a=b"],
            [{"name": "data", "kind": "host", "source": "/a=b"}],
        ),
    ],
)
def test_volumes(given: list[Any], expected: list[dict[str, Any]]) -> None:
    assert notation.volumes(given, "volumes") == expected


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["kind=host"], "has no name"),
        ([7], "is not a volume"),
        (["data,readOnly=perhaps"], r"volumes\[0\]\.readOnly: must be true or false"),
        ([{"name": "data", "mode": 755}], r"volumes\[0\]\.mode: must be quoted octal"),
        ([{"name": "data", "uid": "root"}], r"volumes\[0\]\.uid: must be a whole number"),
    ],
)
def test_volumes_that_are_none(given: list[Any], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        notation.volumes(given, "volumes")


@pytest.mark.parametrize("given", ["data", "data:", ":/x", 7])
def test_mounts_that_are_none(given: Any) -> None:
    with pytest.raises(OptionError, match=r"^mounts\[0\]: .*write VOLUME:PATH"):
        notation.mounts([given], "mounts")


FULL = "18ad5014c99ef7e3ba5f6ce950bdd3e0fc8a365e"


@pytest.mark.parametrize(
    "given",
    [
        FULL,
        FULL.upper(),
        f"0x{FULL}",
        "18AD 5014 C99E F7E3 BA5F  6CE9 50BD D3E0 FC8A 365E",
    ],
)
def test_full_fingerprints(given: str) -> None:
    assert spec.fingerprint(given, "fingerprint") == FULL


@pytest.mark.parametrize("given", ["fc8a365e", "0xFC8A365E", "50bdd3e0fc8a365e", FULL[1:]])
def test_parts_of_fingerprints_are_refused(given: str) -> None:
    with pytest.raises(OptionError, match="only part of a fingerprint"):
        spec.fingerprint(given, "fingerprint")


@pytest.mark.parametrize(
    "given", ["", "example.com", FULL + "0", "--insecure-options=all", "z" * 40]
)
def test_what_is_no_fingerprint_is_refused(given: str) -> None:
    with pytest.raises(OptionError, match="is not a fingerprint"):
        spec.fingerprint(given, "fingerprint")


def test_the_argument_spec_says_no_more_than_needed() -> None:
    table = {
        "a": options.Option(),
        "b": options.Option("list", elements="dict", table={"c": options.Option(required=True)}),
        "d": options.Option(choices=("x",), default="x", no_log=False),
    }
    assert options.argument_spec(table) == {
        "a": {"type": "str"},
        "b": {
            "type": "list",
            "elements": "dict",
            "options": {"c": {"type": "str", "required": True}},
        },
        "d": {"type": "str", "choices": ["x"], "default": "x", "no_log": False},
    }
