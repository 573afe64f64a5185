# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired state document: what every field means, and where a bad one stands."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.model.pod import HostPort
from podwright.model.podspec import AppSpec, PodSpec
from podwright.model.spec import ImageSpec, KeySpec, parse_desired
from podwright.model.specfields import check_ip
from podwright.model.volume import Mount, Volume
from podwright.stage1.contract import Ready

FINGERPRINT = "0123456789abcdef0123456789abcdef01234567"


def pod(**fields: Any) -> dict[str, Any]:
    """A document with one minimal pod and these fields besides."""
    return {"pods": [{"name": "web", "image": "example.com/web", **fields}]}


def with_app(**fields: Any) -> dict[str, Any]:
    """A document with one pod of two apps, the second one with these fields."""
    apps = [{"image": "example.com/a"}, {"image": "example.com/b", **fields}]
    return {"pods": [{"name": "web", "apps": apps}]}


def parse_pod(**fields: Any) -> PodSpec:
    """The only pod of `pod(**fields)`."""
    return parse_desired(pod(**fields)).pods[0]


def test_nothing_is_a_desired_state_too() -> None:
    state = parse_desired({})
    assert (state.keys, state.images, state.pods) == ((), (), ())


def test_defaults_of_a_pod() -> None:
    assert parse_pod() == PodSpec(
        name="web",
        apps=(AppSpec(image="example.com/web"),),
        state="started",
        stage1="namespaces",
        net="default",
        pull_policy="new",
        restart="on-failure",
        enabled=True,
        ready=Ready(None, (), "", 1.0, 0.25, 60.0),
        stop_timeout=10.0,
    )


def test_every_field_of_a_pod() -> None:
    spec = parse_pod(
        state="restarted",
        stage1="namespaces",
        hostname="front",
        ports=[{"name": "http", "host_port": 8080, "host_ip": "127.0.0.1"}],
        volumes=[
            {"name": "data", "kind": "host", "source": "/srv", "readOnly": True},
            {"name": "cache", "kind": "empty", "mode": "1777", "uid": 5, "gid": 6},
        ],
        mounts=[{"volume": "data", "path": "/data"}],
        exec="/bin/web",
        args=["--verbose", ""],
        environment={"B": "2", "A": "1"},
        user="www",
        group="/data",
        supplementary_gids=[0, 4294967294],
        working_dir="/srv",
        isolators=[{"name": "resource/cpu", "value": {"limit": "500m"}}],
        readonly_rootfs=True,
        pull_policy="update",
        insecure_options=["all-fetch"],
        restart="always",
        enabled=False,
        ready={"exec": ["/bin/ok"], "app": "web", "seconds": 2, "timeout": 5},
        stop_timeout=3,
        annotations={"b": "2", "a": "1"},
        labels={"tier": "front"},
    )
    assert spec == PodSpec(
        name="web",
        apps=(
            AppSpec(
                image="example.com/web",
                exec="/bin/web",
                args=("--verbose", ""),
                environment=(("A", "1"), ("B", "2")),
                user="www",
                group="/data",
                supplementary_gids=(0, 4294967294),
                working_dir="/srv",
                mounts=(Mount("data", "/data"),),
                isolators=({"name": "resource/cpu", "value": {"limit": "500m"}},),
                readonly_rootfs=True,
            ),
        ),
        state="restarted",
        hostname="front",
        ports=(HostPort("http", 8080, "127.0.0.1"),),
        volumes=(
            Volume("data", "host", "/srv", True),
            Volume("cache", "empty", mode=0o1777, uid=5, gid=6),
        ),
        pull_policy="update",
        insecure=frozenset({"image", "tls", "http", "pubkey"}),
        restart="always",
        enabled=False,
        enabled_said=True,
        ready=Ready(None, ("/bin/ok",), "web", 2.0, 0.25, 5.0),
        stop_timeout=3.0,
        annotations=(("a", "1"), ("b", "2")),
        labels=(("tier", "front"),),
    )


@pytest.mark.parametrize(
    "state, enabled",
    [("started", True), ("restarted", True), ("stopped", False), ("prepared", False)],
)
def test_a_pod_starts_at_boot_when_it_is_to_be_started(state: str, enabled: bool) -> None:
    assert parse_pod(state=state).enabled is enabled
    assert parse_pod(state=state, enabled=not enabled).enabled is not enabled


def test_the_order_in_which_variables_are_written_makes_no_difference() -> None:
    assert parse_pod(environment={"A": "1", "B": "2"}) == parse_pod(
        environment={"B": "2", "A": "1"}
    )


def test_no_groups_is_not_the_same_as_the_images_groups() -> None:
    assert parse_pod().apps[0].supplementary_gids is None
    assert parse_pod(supplementary_gids=[]).apps[0].supplementary_gids == ()


def test_null_is_as_good_as_absent() -> None:
    nothing = dict.fromkeys(("exec", "ports", "ready", "enabled", "environment", "hostname"))
    assert parse_pod(**nothing) == parse_pod()


def test_an_absent_pod_needs_no_image() -> None:
    spec = parse_desired({"pods": [{"name": "web", "state": "absent"}]}).pods[0]
    assert (spec.name, spec.state, spec.apps) == ("web", "absent", ())


def test_keys_and_images() -> None:
    state = parse_desired(
        {
            "version": 1,
            "keys": [
                {"prefix": "example.com/a", "fingerprint": FINGERPRINT, "key": "KEY"},
                {"root": True, "fingerprint": FINGERPRINT, "state": "absent"},
            ],
            "images": [
                {"name": "example.com/a:1", "state": "latest", "insecure_options": ["http"]},
                {"name": "./x.aci", "signature": "./x.asc"},
            ],
        }
    )
    assert state.keys == (
        KeySpec("example.com/a", FINGERPRINT, "KEY", "present"),
        KeySpec("", FINGERPRINT, "", "absent"),
    )
    assert state.images == (
        ImageSpec("example.com/a:1", "latest", "", frozenset({"http"})),
        ImageSpec("./x.aci", "present", "./x.asc"),
    )


def volume(**fields: Any) -> dict[str, Any]:
    """A document whose pod has one volume with these fields."""
    return pod(volumes=[{"name": "data", **fields}])


def key(**fields: Any) -> dict[str, Any]:
    """A document with one key with these fields."""
    return {"keys": [{"fingerprint": FINGERPRINT, **fields}]}


@pytest.mark.parametrize(
    "document, message",
    [
        ([], "the document: must be an object, not a list"),
        ("x", "the document: must be an object, not a string"),
        (None, "the document: must be an object, not null"),
        ({"pod": []}, "pod: unknown field"),
        ({"version": 2}, "version: this agent reads version 1, not 2"),
        ({"version": "1"}, "version: must be a whole number, not a string"),
        ({"pods": {}}, "pods: must be a list, not an object"),
        ({"pods": ["web"]}, "pods[0]: must be an object, not a string"),
        ({"pods": [{}]}, "pods[0].name: is missing"),
        ({"pods": [{"name": 7}]}, "pods[0].name: must be a string, not a whole number"),
        ({"pods": [{"name": "../x", "image": "a"}]}, "pods[0].name: '../x' is not a pod name"),
        (
            {"pods": [{"name": "web", "net": "none"}]},
            "pods[0]: pod web needs image, apps, pod_manifest or sandbox",
        ),
        (pod(replace="now"), "pods[0].replace: 'now' is not one of stop-first, start-first, auto"),
        (pod(keep_revisions=0), "pods[0].keep_revisions: 0 is not between 1 and 100"),
        (pod(revision=2), "pods[0].revision: says what the pod is, so nothing else can"),
        (
            {"pods": [{"name": "web", "revision": 2, "state": "absent"}]},
            "pods[0].revision: says what the pod is, so nothing else can",
        ),
        (
            {"pods": [{"name": "web", "state": "prepared"}]},
            "pods[0]: pod web needs image, apps, pod_manifest or sandbox",
        ),
        (
            {"pods": [{"name": "a", "image": "x"}, {"name": "a", "image": "x"}]},
            "pods[1].name: pod a appears twice",
        ),
        (pod(apps=[{"image": "x"}]), "pods[0]: image and apps exclude each other"),
        (pod(colour="red"), "pods[0].colour: unknown field"),
        (pod(**{"\x1b[31m": 1}), "pods[0].\\x1b[31m: unknown field"),
        (pod(state="running"), "pods[0].state: 'running' is not one of started, stopped,"),
        (pod(net="a/b"), "pods[0].net: 'a/b' is not a network name"),
        (pod(net=[]), "pods[0].net: names no network"),
        (pod(net=["a", "b,c"]), "pods[0].net[1]: 'b,c' has a comma"),
        (pod(net=["a", "a"]), "pods[0].net: network a is named twice"),
        (pod(net=[1]), "pods[0].net[0]: must be a string"),
        (pod(net=True), "pods[0].net: must be a string or a list of strings, not true or false"),
        (pod(stage1="jail"), "pods[0].stage1: 'jail' is not one of namespaces"),
        (pod(restart="maybe"), "pods[0].restart: 'maybe' is not one of no, on-failure, always"),
        (pod(pull_policy="always"), "pods[0].pull_policy: 'always' is not one of"),
        (pod(enabled="yes"), "pods[0].enabled: must be true or false, not a string"),
        (pod(enabled=1), "pods[0].enabled: must be true or false, not a whole number"),
        (pod(hostname="a_b"), "pods[0].hostname: 'a_b' is not a host name"),
        (pod(exec=[]), "pods[0].exec: names no program"),
        (pod(exec=["", "-c"]), "pods[0].exec: names no program"),
        (pod(exec=["/bin/x", 1]), "pods[0].exec[1]: must be a string without NUL, not a whole"),
        (
            pod(image=None, apps=[{"image": "a", "name": f"a{n}"} for n in range(101)]),
            "pods[0].apps: 101 apps are more than the 100 that a pod can have",
        ),
        (pod(exec=1), "pods[0].exec: must be a string, not a whole number"),
        (
            pod(stage1="fly", ports=[{"name": "a", "host_port": 1}]),
            "pods[0].ports: cannot be published with fly",
        ),
        (pod(exec="/bin/x\0"), "pods[0].exec: contains a NUL character"),
        (pod(args=["a", 1]), "pods[0].args[1]: must be a string without NUL, not a whole number"),
        (pod(args="a"), "pods[0].args: must be a list, not a string"),
        (pod(working_dir="srv"), "pods[0].working_dir: 'srv' is not an absolute path without .."),
        (pod(environment={"A": 1}), "pods[0].environment.A: must be a string without NUL"),
        (pod(environment={"1A": "x"}), "pods[0].environment: '1A' is not a variable name"),
        (pod(environment=["A=1"]), "pods[0].environment: must be an object, not a list"),
        (pod(supplementary_gids=[-1]), "pods[0].supplementary_gids[0]: -1 is not between 0 and"),
        (pod(supplementary_gids=["5"]), "pods[0].supplementary_gids[0]: must be a whole number"),
        (pod(supplementary_gids=[None]), "pods[0].supplementary_gids[0]: must be a whole number"),
        (pod(supplementary_gids=[2**32 - 1]), "pods[0].supplementary_gids[0]: 4294967295 is not"),
        (pod(isolators={}), "pods[0].isolators: must be a list, not an object"),
        (
            pod(isolators=[{"name": "resource/cpu", "value": {"limit": "fast"}}]),
            "pods[0].isolators[0].value.limit: 'fast' is not a quantity",
        ),
        (pod(ports=[{"name": "http"}]), "pods[0].ports[0].host_port: is missing"),
        (
            pod(ports=[{"name": "http", "host_port": 0}]),
            "pods[0].ports[0].host_port: 0 is not between 1 and 65535",
        ),
        (
            pod(ports=[{"name": "http", "host_port": True}]),
            "pods[0].ports[0].host_port: must be a whole number, not true or false",
        ),
        (
            pod(ports=[{"name": "http", "host_port": 80, "host_ip": "::1"}]),
            "pods[0].ports[0].host_ip: no port can be published on ::1",
        ),
        (
            pod(ports=[{"name": "http", "host_port": 80, "protocol": "udp"}]),
            "pods[0].ports[0].protocol: belongs to a pod_port",
        ),
        (
            pod(net="host", ports=[{"name": "http", "host_port": 80}]),
            "pods[0].ports: cannot be published with net host",
        ),
        (volume(), "pods[0].volumes[0].kind: is missing"),
        (volume(kind="nfs"), "pods[0].volumes[0].kind: 'nfs' is not one of host, empty, tmpfs"),
        (volume(kind="host"), "pods[0].volumes[0].source: is missing"),
        (volume(kind="host", source="srv"), "pods[0].volumes[0].source: 'srv' is not an absolute"),
        (volume(kind="host", source="/a/../b"), "pods[0].volumes[0].source: '/a/../b' is not"),
        (volume(kind="empty", source="/a"), "pods[0].volumes[0].source: is for host and device"),
        (volume(kind="empty", mode="rwx"), "pods[0].volumes[0].mode: 'rwx' is not an octal mode"),
        (volume(kind="empty", mode="17777"), "pods[0].volumes[0].mode: '17777' is not an octal"),
        (volume(kind="empty", mode="7_7"), "pods[0].volumes[0].mode: '7_7' is not an octal mode"),
        (volume(kind="empty", mode=493), "pods[0].volumes[0].mode: must be a string"),
        (volume(kind="host", source="/a", uid=5), "pods[0].volumes[0].uid: is for empty and"),
        (volume(kind="host", source="/a", mode="0700"), "pods[0].volumes[0].mode: is for empty"),
        (volume(kind="empty", colour="red"), "pods[0].volumes[0].colour: unknown field"),
        (
            pod(volumes=[{"name": "a", "kind": "empty"}, {"name": "a", "kind": "empty"}]),
            "pods[0].volumes: names must be unique",
        ),
        (pod(ready=[]), "pods[0].ready: must be an object, not a list"),
        (pod(ready={"http": "/"}), "pods[0].ready.http: unknown field"),
        (pod(ready={"tcp": 80, "exec": ["/x"]}), "pods[0].ready: tcp and exec exclude each other"),
        (pod(ready={"tcp": 65536}), "pods[0].ready.tcp: 65536 is not between 1 and 65535"),
        (pod(ready={"timeout": 0}), "pods[0].ready.timeout: must be a number of seconds from 0.1"),
        (pod(ready={"seconds": "5"}), "pods[0].ready.seconds: must be a number of seconds from 0"),
        (pod(ready={"interval": True}), "pods[0].ready.interval: must be a number of seconds"),
        (pod(stop_timeout=-1), "pods[0].stop_timeout: must be a number of seconds from 0 to 3600"),
        (pod(labels={"a": 1}), "pods[0].labels.a: must be a string without NUL"),
        (
            pod(insecure_options=["image", "sleep"]),
            "pods[0].insecure_options: insecure option 'sleep' is not known",
        ),
        ({"pods": [{"name": "web", "apps": [{}]}]}, "pods[0].apps[0].image: is missing"),
        ({"pods": [{"name": "web", "apps": "x"}]}, "pods[0].apps: must be a list, not a string"),
        (
            {"pods": [{"name": "web", "apps": [{"image": "x"}], "exec": "/x"}]},
            "pods[0].exec: needs image at the same level",
        ),
        (with_app(name="A"), "pods[0].apps[1].name: 'A' is not an AC name"),
        (with_app(colour=1), "pods[0].apps[1].colour: unknown field"),
        (with_app(mounts=[{"volume": "data"}]), "pods[0].apps[1].mounts[0].path: is missing"),
        (
            with_app(mounts=[{"volume": "data", "path": "x"}]),
            "pods[0].apps[1].mounts[0].path: 'x' is not an absolute path",
        ),
        (
            with_app(mounts=[{"volume": "data", "path": "/x", "mode": "ro"}]),
            "pods[0].apps[1].mounts[0].mode: unknown field",
        ),
        (with_app(environment={"A": None}), "pods[0].apps[1].environment.A: must be a string"),
        (key(), "keys[0]: say either prefix or root: true"),
        (key(prefix="a", root=True, key="K"), "keys[0]: say either prefix or root: true"),
        (key(prefix="a"), "keys[0].key: is missing"),
        (key(prefix="a", state="masked"), "keys[0].state: 'masked' is not one of present, absent"),
        ({"keys": [{"prefix": "a", "key": "K"}]}, "keys[0].fingerprint: is missing"),
        ({"images": [{}]}, "images[0].name: is missing"),
        ({"images": [{"name": "a", "state": "newest"}]}, "images[0].state: 'newest' is not one of"),
        (
            {"images": [{"name": "a", "insecure_options": ["x"]}]},
            "images[0].insecure_options: insecure option 'x' is not known",
        ),
    ],
)
def test_a_bad_field_is_named_by_its_path(document: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_desired(document)
    assert caught.value.message[: len(message)] == message
    assert caught.value.message.isprintable()


def test_an_unknown_field_comes_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        parse_desired({"pods": [], "podz": []})
    assert (
        caught.value.hint
        == "did you mean pods? known here: images, keys, networks, pods, policy, registry_auth, secrets, version"
    )


@pytest.mark.parametrize("text", ["0.0.0.0", "127.0.0.1", "255.255.255.255", "10.0.0.1"])
def test_addresses(text: str) -> None:
    assert check_ip(text, "x") == text


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "1.2.3",
            "1.2.3.4.5",
            "256.1.1.1",
            "01.2.3.4",
            "1.2.3.-4",
            "1.2.3.4\n",
            "a.b.c.d",
            "1::2::3",
            "[2001:db8::1]",
            "2001:db8::1%eth0",
        ),
        *("1.2.3.\u00b2", "1.2.3.\u0664", " 1.2.3.4", "1.2.3."),
    ],
)
def test_no_addresses(text: str) -> None:
    with pytest.raises(UsageError, match="is not an IP address"):
        check_ip(text, "x")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("::1", "leads nothing away from it; use 127.0.0.1"),
        ("fe80::1", "address of one link only"),
        ("febf::1", "address of one link only"),
        ("::ffff:192.0.2.1", "stands for an IPv4 address"),
    ],
)
def test_addresses_on_which_nothing_can_be_published(text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_ip(text, "x")
    assert why in caught.value.sentence()


def test_an_address_has_one_form() -> None:
    assert check_ip("2001:DB8:0::1", "x") == "2001:db8::1"
    assert check_ip("fe8::1", "x") == "fe8::1"
