# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network configurations of every version of the CNI specification."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.net import conf, ipam, kinds, meta, values
from podwright.net.values import NetConf

FILE = "/etc/podwright/net.d/10-web.conf"
LOCAL = {"type": "host-local", "subnet": "10.22.0.0/16", "routes": [{"dst": "0.0.0.0/0"}]}
BRIDGE = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "ipam": LOCAL}
WEB = {"cniVersion": "1.0.0", "name": "web"}


def single(**fields: Any) -> dict[str, Any]:
    return {**WEB, **BRIDGE, **fields}


def chain(*plugins: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**WEB, "plugins": list(plugins), **fields}


@pytest.mark.parametrize("version", values.VERSIONS)
def test_a_single_configuration_of_every_version(version: str) -> None:
    raw = single(cniVersion=version)
    assert conf.parse(raw, FILE) == NetConf("web", version, (raw,), FILE)


@pytest.mark.parametrize("version", values.VERSIONS[2:])
def test_a_chain_of_every_version_that_has_them(version: str) -> None:
    limit = {"type": "bandwidth", "ingressRate": 1000000, "ingressBurst": 1000000}
    own = {"type": "vendor-firewall", "policy": {"anything": [1, None]}, "ipam": {"type": "x"}}
    raw = chain(BRIDGE, limit, own, cniVersion=version, disableCheck=True, disableGC=True)
    found = conf.parse(raw)
    assert found == NetConf("web", version, (BRIDGE, limit, own), "", True, True)
    assert [conf.is_built_in(plugin["type"]) for plugin in found.plugins] == [True, True, False]


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ({}, "0.1.0"),
        ({"cniVersion": "0.4.0"}, "0.4.0"),
        ({"cniVersions": ["0.3.0", "1.1.0", "9.0.0"]}, "1.1.0"),
        ({"cniVersion": "1.0.0", "cniVersions": ["0.3.0"]}, "1.0.0"),
    ],
)
def test_the_newest_version_that_both_sides_know(said: dict[str, Any], version: str) -> None:
    raw = {"name": "web", **BRIDGE, **said}
    assert conf.parse(raw).version == version


def test_keys_of_executables_are_theirs() -> None:
    raw = {
        "name": "web",
        "type": "vendor",
        "ipam": {"type": "own", "x": 1},
        "anything": {"a": None},
    }
    assert conf.parse(raw).plugins == (raw,)


def test_keys_that_say_nothing_are_as_if_they_were_not_there() -> None:
    raw = single(mtu=None, ipam={**LOCAL, "gateway": None})
    assert conf.parse(raw).plugins == (single(),)


def test_no_ipam_is_an_empty_one() -> None:
    assert conf.parse(single(ipam={})).plugins[0]["ipam"] == {}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([], "must be an object, not a list"),
        ({}, "name: is missing"),
        (single(name=7), "name: must be a string"),
        (single(name="../x"), "name: '../x' is not a network name"),
        (single(name="host"), "name: 'host' is not a network name"),
        (single(name="a b"), "name: 'a b' is not a network name"),
        (single(name="x" * 65), "is not a network name"),
        (single(name="\x1b[0m"), "name: '\\x1b[0m' is not a network name"),
        (single(cniVersion="0.5.0"), "cniVersion: '0.5.0' is not known"),
        (single(cniVersion="1.0"), "cniVersion: '1.0' is not known"),
        (single(cniVersion=1), "cniVersion: must be a string"),
        (single(cniVersion="2.0.0", cniVersions=["3.0.0"]), "cniVersion: '2.0.0' is not known"),
        (single(type=None), "type: is missing"),
        (single(type="../../bin/sh"), "type: '../../bin/sh' is not a plugin's name"),
        (single(type="..."), "type: '...' is not a plugin's name"),
        (single(type=""), "type: '' is not a plugin's name"),
        (single(brigde="x"), "brigde: type bridge has no such key"),
        (single(prevResult={}), "prevResult: type bridge has no such key"),
        (single(ipam=[]), "ipam: must be an object"),
        (single(ipam={"subnet": "10.0.0.0/8"}), "ipam.type: is missing"),
        (single(ipam={"type": "/bin/sh"}), "ipam.type: '/bin/sh' is not a plugin's name"),
        (single(ipam={**LOCAL, "range": "x"}), "ipam.range: address management host-local has no"),
        (single(dns={"servers": []}), "dns.servers: unknown field"),
        (single(dns={"nameservers": "10.0.0.1"}), "dns.nameservers: must be a list"),
        (single(capabilities=["portMappings"]), "capabilities: must be an object"),
        (single(disableCheck="yes"), "disableCheck: must be true or false"),
        (single(bridge="a\0b"), "bridge: contains a NUL character"),
        (chain(BRIDGE, {"type": "tuning", "sysctl": {"a": "\0"}}), "plugins[1].sysctl.a: contains"),
        (chain(), "plugins: is empty"),
        (chain(BRIDGE, plugins={}), "plugins: must be a list"),
        (chain(BRIDGE, plugins=[1]), "plugins[0]: must be an object"),
        (chain(BRIDGE, mtu=1400), "mtu: unknown field"),
        (chain(BRIDGE, loadOnlyInlinedPlugins=False), "loadOnlyInlinedPlugins: plugins in files"),
        (chain({**BRIDGE, "name": "other"}), "plugins[0].name: type bridge has no such key"),
        (
            chain(BRIDGE, {"type": "tuning", "mut": 1}),
            "plugins[1].mut: type tuning has no such key",
        ),
        (chain(BRIDGE, {"type": "ptp"}), "plugins[1].type: ptp makes a link and so stands first"),
        (chain({"type": "tuning"}, BRIDGE), "type tuning changes a network and makes none"),
        (chain(BRIDGE, {"type": "x"}, cniVersion="0.2.0"), "cniVersion: chains of plugins need"),
        (chain(*[{"type": "x"}] * 17), "plugins: 17 are more than the 16"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_key(raw: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        conf.parse(raw, FILE)
    assert caught.value.message.startswith(FILE + ": ")
    assert message in caught.value.message
    assert caught.value.message.isprintable()
    assert caught.value.object == FILE


def test_every_built_in_type_says_which_keys_it_has() -> None:
    keys = [kinds.module(kind).KEYS for kind in kinds.BUILTIN]
    keys += [meta.module(kind).KEYS for kind in meta.BUILTIN]
    keys += [ipam.module(kind).KEYS for kind in ipam.BUILTIN]
    assert all(isinstance(each, frozenset) for each in keys)
    assert not set(kinds.BUILTIN) & set(meta.BUILTIN)
