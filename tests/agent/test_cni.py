# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks whose plugins are executables: Debian's, and scripts that do what plugins should not."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.agent.network_bed import HOST, METADATA, OUTSIDE, Bed, Pod, ask, serving
from tests.support.thorough import THOROUGH

DEBIAN = Path("/usr/lib/cni")
SUBNET, GATEWAY = "10.77.0.0/24", "10.77.0.1"
VERSIONS = ("0.2.0", "0.3.1", "0.4.0", "1.0.0")
RECORDER = """\
#!/bin/sh
input=$(cat)
number=$(ls {log} | wc -l)
env | grep ^CNI_ | sort >{log}/$number-$CNI_COMMAND
printf %s "$input" >>{log}/$number-$CNI_COMMAND
{before}
printf %s "$input" | {what}
"""
ECHO = "/usr/bin/python3 -IS -c 'import json,sys; print(json.dumps(json.load(sys.stdin).get(\"prevResult\", {})))'"
RESULT = {
    "ips": [{"address": "10.9.0.7/24", "gateway": "10.9.0.1"}],
    "dns": {"nameservers": ["10.9.0.1"]},
}


class CniBed(Bed):
    """A bed with directories of configurations and of plugins, and a log of calls."""

    def __init__(self, scratch: Path, *wrap: str) -> None:
        super().__init__(scratch, *wrap)
        self.plugins, self.log = scratch / "bin", scratch / "log"
        for directory in (self.confs, self.plugins, self.log):
            directory.mkdir()
        self.state = scratch / "cni"

    def debian(self, **names: str) -> None:
        """Debian's plugins by other names, since what is built in is never run."""
        for name, original in names.items():
            shutil.copy(DEBIAN / original, self.plugins / name)

    def script(self, name: str, text: str) -> Path:
        """A plugin that is a shell script."""
        path = self.plugins / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def recorded(self, name: str, what: str = ECHO, before: str = "") -> None:
        """A plugin that writes down how it is called, and does `what` with its standard input."""
        self.script(name, RECORDER.format(log=self.log, what=what, before=before))

    def answering(self, name: str, version: str, before: str = "", **result: Any) -> None:
        """A plugin that makes nothing and answers what it is told to; `$mark` is a file of its own."""
        text = json.dumps({"cniVersion": version, **(result or RESULT)})
        before = f"[ $CNI_COMMAND = ADD ] || exit 0\n{before}"
        self.recorded(name, f"echo '{text}'", before)

    def configure(self, name: str, version: str, *plugins: Mapping[str, Any], **more: Any) -> None:
        """Write a configuration."""
        if len(plugins) > 1 or more.pop("chain", False):
            conf: dict[str, Any] = {"plugins": plugins}
        else:
            conf = dict(plugins[0])
        path = self.confs / f"{name}.conf{'list' * ('plugins' in conf)}"
        path.write_text(json.dumps({"name": name, "cniVersion": version, **conf, **more}))

    def bridge(self, **more: Any) -> dict[str, Any]:
        """Debian's bridge with Debian's host-local, by their other names."""
        ipam = {"type": "xlocal", "subnet": SUBNET, "dataDir": str(self.state),
                "routes": [{"dst": "0.0.0.0/0"}]}  # fmt: skip
        return {
            "type": "xbridge",
            "bridge": "cni0",
            "isGateway": True,
            "ipMasq": True,
            "ipam": ipam,
            **more,
        }

    def start(self, net: str = "back", ports: Sequence[str] = (), **options: Any) -> Pod:
        """Start a pod; whether its network came up is for the caller to see."""
        request = {
            **self.request("web", ports, net),
            "plugin_dirs": [str(self.plugins)],
        }
        pod = Pod(self, request, options.pop("env", {}), **options)
        self.pods.append(pod)
        return pod

    def directory(self, pod: Pod) -> Path:
        return self.run_dir / pod.uuid

    def record(self, pod: Pod) -> dict[str, Any]:
        """What is written down of a pod's plugins."""
        return dict(json.loads((self.directory(pod) / "net-plugins.json").read_text()))

    def calls(self) -> list[str]:
        """The commands that plugins were called with, in order."""
        return [name.partition("-")[2] for name in sorted(os.listdir(self.log), key=number)]

    def call(self, index: int) -> tuple[dict[str, str], dict[str, Any], bytes]:
        """Environment, configuration and exact text of one call."""
        (path,) = self.log.glob(f"{index}-*")
        *env, text = path.read_bytes().split(b"\n")
        pairs = (line.decode().partition("=") for line in env)
        return {key: content for key, _, content in pairs}, json.loads(text), text

    def leases(self) -> list[str]:
        """What Debian's host-local has handed out."""
        folder = self.state / "back"
        return (
            sorted(name for name in os.listdir(folder) if name[0].isdigit())
            if folder.exists()
            else []
        )

    def host_fails(self, code: str) -> str:
        """What code with the agent's modules says on the host, that must fail."""
        command = self.host.command(self.agent_command(code))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode != 0
        return done.stderr

    def collect(self) -> list[list[str]]:
        """What gc does for plugins; `run` is the only state that pods of a bed are in."""
        code = "import json; from podwright.net.cni.records import reclaim; print(json.dumps(reclaim(RUN + '/..')))"
        return list(json.loads(self.agent(code)))


def number(name: str) -> int:
    return int(name.partition("-")[0])


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[CniBed]:
    """A fresh host with a directory of plugins."""
    made = CniBed(tmp_path)
    with made:
        yield made


@pytest.mark.parametrize("version", VERSIONS)
def test_debians_bridge_carries_a_pod_through_its_life(bed: CniBed, version: str) -> None:
    bed.debian(xbridge="bridge", xlocal="host-local")
    bed.configure("back", version, bed.bridge())
    before = bed.ledger()
    pod = bed.start()
    assert pod.up, pod.error + pod.close()[1]
    one = pod.answer["result"]
    assert (one["ip"], one["mask"], one["gateway"]) == ("10.77.0.2", "255.255.255.0", GATEWAY)
    assert one["pluginPath"] == str(bed.plugins / "xbridge")
    assert (bed.directory(pod) / "net-plugins.json").stat().st_mode & 0o7777 == 0o600
    with serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.host.pid, "10.77.0.2", 80) == GATEWAY
    with serving(bed.outside.pid, OUTSIDE, 80):
        assert ask(pod.pid, OUTSIDE, 80) == HOST
    pod.down()
    bed.host.run("ip", "link", "delete", "cni0")  # bridges stay, as with every user of this plugin
    assert bed.leases() == []
    assert not (bed.directory(pod) / "net-plugins.json").exists()
    after = bed.ledger()
    assert after["links"] == before["links"]
    assert "10.77" not in bed.host.run("iptables-save")


def test_both_families_from_executables(bed: CniBed) -> None:
    bed.debian(xbridge="bridge", xlocal="host-local")
    # The plugin does not wait until its bridge's address can be used.
    bed.host.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
    ranges = [[{"subnet": SUBNET}], [{"subnet": "fd77::/64"}]]
    routes = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
    ipam = {"type": "xlocal", "ranges": ranges, "dataDir": str(bed.state), "routes": routes}
    bed.configure("back", "1.0.0", bed.bridge(ipam=ipam))
    pod = bed.start("back", ["8080:80"])
    assert pod.up, pod.error
    assert pod.answer["result"]["addresses"] == ["10.77.0.2/24", "fd77::2/64"]
    with serving(pod.pid, "::", 80), serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.host.pid, "fd77::2", 80) == "fd77::1"
        assert ask(bed.host.pid, "10.77.0.2", 80) == GATEWAY
        assert ask(bed.host.pid, "fd77::1", 8080) == "fd77::1"
        assert ask(bed.outside.pid, HOST, 8080) == OUTSIDE
    pod.down()
    assert bed.leases() == []


@pytest.mark.threat("T74")
def test_metadata_is_denied_on_a_network_of_executables(bed: CniBed) -> None:
    bed.debian(xbridge="bridge", xlocal="host-local")
    bed.configure("back", "1.0.0", bed.bridge())
    bed.host.run("ip", "address", "add", f"{METADATA}/32", "dev", "lo")
    one, two = bed.start(), bed.start()
    assert one.up and two.up, one.error + two.error
    with serving(bed.host.pid, METADATA, 80):
        for pod in (one, two):
            with pytest.raises(OSError, match=r"No route to host|unreachable|prohibited"):
                ask(pod.pid, METADATA, 80)
        one.down()
        with pytest.raises(OSError, match=r"No route to host|unreachable|prohibited"):
            ask(two.pid, METADATA, 80)
        bed.host.run("nft", "flush", "set", "inet", "podwright", "foreign4")
        assert ask(two.pid, METADATA, 80) == two.ip, "without the rule"
    two.down()


def test_the_plugins_of_a_pod_that_runs_are_asked_whether_all_is_well(bed: CniBed) -> None:
    bed.debian(xbridge="bridge", xlocal="host-local")
    bed.configure("back", "1.0.0", bed.bridge())
    pod = bed.start()
    code = f"from podwright.net.cni import records; records.check('{bed.directory(pod)}')"
    bed.agent(code)
    bed.host.run("nsenter", "-t", str(pod.pid), "-n", "ip", "address", "flush", "dev", "eth0")
    said = bed.host_fails(code)
    assert "network back: plugin xbridge: CHECK: " in said
    assert "10.77.0.2" in said or "expected" in said


def test_one_of_ours_may_come_first(bed: CniBed) -> None:
    """ptp is built in; what follows is told what it made."""
    ipam = {"type": "host-local", "subnet": SUBNET, "routes": [{"dst": "0.0.0.0/0"}]}
    bed.recorded("after")
    bed.configure(
        "back", "1.0.0", {"type": "ptp", "ipMasq": True, "ipam": ipam}, {"type": "after", "key": 1}
    )
    before = bed.ledger()
    pod = bed.start()
    assert pod.up, pod.error
    env, config, _ = bed.call(0)
    assert bed.calls() == ["ADD"]
    assert env["CNI_CONTAINERID"] == pod.uuid
    assert env["CNI_NETNS"] == f"/proc/{pod.process.pid}/fd/{env['CNI_NETNS'].rpartition('/')[2]}"
    assert os.stat(env["CNI_NETNS"]).st_ino == os.stat(f"/proc/{pod.pid}/ns/net").st_ino
    assert config == {
        "name": "back",
        "cniVersion": "1.0.0",
        "type": "after",
        "key": 1,
        "prevResult": {
            "cniVersion": "1.0.0",
            "interfaces": [{"name": pod.link}, {"name": "eth0", "sandbox": env["CNI_NETNS"]}],
            "ips": [{"address": f"{pod.ip}/24", "gateway": GATEWAY, "interface": 1}],
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": SUBNET}],
        },
    }
    with serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.host.pid, pod.ip, 80) == GATEWAY
    pod.down()
    assert bed.calls() == ["ADD", "DEL"]
    assert bed.settled(before) == before


def test_debians_sbr_follows_our_ptp(bed: CniBed) -> None:
    bed.debian(sbr="sbr")
    ipam = {"type": "host-local", "subnet": SUBNET, "routes": [{"dst": "0.0.0.0/0"}]}
    bed.configure("back", "1.0.0", {"type": "ptp", "ipam": ipam}, {"type": "sbr"})
    before = bed.ledger()
    pod = bed.start()
    assert pod.up, pod.error
    inside = ("nsenter", "-t", str(pod.pid), "-n", "ip")
    assert f"from {pod.ip} lookup 100" in bed.host.run(*inside, "rule")
    assert "default via 10.77.0.1" in bed.host.run(*inside, "route", "show", "table", "100")
    pod.down()
    assert bed.settled(before) == before


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_debians_firewall_and_tuning_follow_our_ptp(bed: CniBed, end: str) -> None:
    bed.debian(firewall="firewall", xtuning="tuning")
    ipam = {"type": "host-local", "subnet": SUBNET, "routes": [{"dst": "0.0.0.0/0"}]}
    xtuning = {"type": "xtuning", "sysctl": {"net.core.somaxconn": "777"}, "mtu": 1300}
    xtuning["dataDir"] = str(bed.state)
    firewall = {"type": "firewall", "backend": "iptables"}
    bed.configure("back", "1.0.0", {"type": "ptp", "ipam": ipam}, xtuning, firewall)
    pod = bed.start()
    assert pod.up, pod.error
    inside = ("nsenter", "-t", str(pod.pid), "-n")
    assert bed.host.run(*inside, "cat", "/proc/sys/net/core/somaxconn") == "777\n"
    assert "mtu 1300" in bed.host.run(*inside, "ip", "link", "show", "eth0")
    assert f"-d {pod.ip}/32" in bed.host.run("iptables-save")
    with serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.host.pid, pod.ip, 80) == GATEWAY
    if end == "stop":
        pod.down()
    else:
        pod.close()
        bed.host.run("flock", str(bed.directory(pod)), "true")
        assert bed.collect()[1] == []
    assert pod.uuid not in str(list(bed.run_dir.glob("*/net-plugins.json")))
    assert "10.77" not in bed.host.run("iptables-save")


def test_debians_macvlan_is_on_the_hosts_network(bed: CniBed) -> None:
    bed.debian(xmacvlan="macvlan", xstatic="static")
    ipam = {
        "type": "xstatic",
        "addresses": [{"address": "192.0.2.77/25", "gateway": HOST}],
        "dns": {},
    }
    bed.configure("lan", "0.4.0", {"type": "xmacvlan", "master": "uplink0", "ipam": ipam})
    pod = bed.start("lan")
    assert pod.up, pod.error
    with serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, "192.0.2.77", 80) == OUTSIDE
    assert pod.answer["result"]["mac"] in bed.host.run(
        "nsenter", "-t", str(pod.pid), "-n", "ip", "link", "show", "eth0"
    )
    pod.down()
    assert not (bed.directory(pod) / "net-plugins.json").exists()


@pytest.mark.parametrize("version", ["0.3.1", "0.4.0", "1.0.0"])
def test_del_is_told_byte_for_byte_what_add_was_told(bed: CniBed, version: str) -> None:
    """Also when the configuration has changed meanwhile; from 0.4.0 on with the result of all."""
    bed.answering("first", version)
    bed.recorded("second")
    conf = (
        {"type": "first", "mark": "ü", "n": 2**53},
        {"type": "second", "args": {"cni": {"a": [1, {}]}}},
    )
    bed.configure("back", version, *conf)
    pod = bed.start("back:K=V")
    assert pod.up, pod.error
    bed.configure("back", version, {"type": "first"}, {"type": "other"})
    pod.down()
    assert bed.calls() == ["ADD", "ADD", "DEL", "DEL"]
    final = bed.call(1)[1]["prevResult"]
    for added, removed in ((0, 3), (1, 2)):
        (env, config, text), (later, told, again) = bed.call(added), bed.call(removed)
        assert {**env, "CNI_COMMAND": "DEL"} == later
        assert env["CNI_ARGS"] == "IgnoreUnknown=1;K=V"
        if version == "0.3.1":
            config.pop("prevResult", None)
            assert "prevResult" not in told
        else:
            config["prevResult"] = final
        assert told == config
        assert again == canonical(config)
        assert text == canonical(bed.call(added)[1])


def canonical(config: object) -> bytes:
    return json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_arguments_of_the_network_reach_its_plugins(bed: CniBed) -> None:
    """CNI_ARGS: Debian's host-local gives the address that is asked for."""
    bed.debian(xbridge="bridge", xlocal="host-local")
    bed.configure("back", "1.0.0", bed.bridge())
    pod = bed.start("back:IP=10.77.0.99")
    assert pod.up, pod.error
    assert pod.ip == "10.77.0.99"
    assert bed.leases() == ["10.77.0.99"]
    assert "10.77.0.99 is not available" in bed.start("back:IP=10.77.0.99").error


def test_a_plugin_is_told_what_it_declares_that_it_wants(bed: CniBed) -> None:
    wanted = ("portMappings", "ips", "mac", "aliases", "bandwidth", "dns")
    bed.answering("wants", "1.0.0")
    bed.answering("plain", "1.0.0")
    for name, capabilities in (("wants", dict.fromkeys(wanted, True)), ("plain", {"ips": False})):
        bed.configure(name, "1.0.0", {"type": name, "capabilities": capabilities})
        args = ":IP=10.9.0.7;MAC=02:00:00:00:00:07;egressRate=8000"
        assert bed.start(name + args, [f"{HOST}:8080:80", "8081:81/udp"]).down()
    assert "runtimeConfig" not in bed.call(2)[1]
    assert "capabilities" not in bed.call(0)[1]
    assert bed.call(0)[1]["runtimeConfig"] == {
        "portMappings": [
            {"hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": HOST},
            {"hostPort": 8081, "containerPort": 81, "protocol": "udp"},
        ],
        "ips": ["10.9.0.7"],
        "mac": "02:00:00:00:00:07",
        "aliases": ["web"],
        "bandwidth": {"egressRate": 8000},
    }


def test_ports_are_published_by_the_plugin_that_wants_to(bed: CniBed) -> None:
    """Debian's portmap by another name does it with iptables; our table has nothing of it."""
    bed.debian(xbridge="bridge", xlocal="host-local", xportmap="portmap")
    xportmap = {"type": "xportmap", "capabilities": {"portMappings": True}}
    bed.configure("back", "1.0.0", bed.bridge(), xportmap)
    pod = bed.start("back", ["8080:80"])
    assert pod.up, pod.error
    with serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, HOST, 8080) == OUTSIDE
    assert "8080" not in bed.host.run("nft", "list", "table", "inet", "podwright")
    pod.down()
    assert "8080" not in bed.host.run("iptables-save")


@pytest.mark.parametrize("whose", ["pod web", "this host"])
def test_a_plugin_cannot_answer_with_the_address_of_another_pod_or_of_the_host(
    bed: CniBed, whose: str
) -> None:
    """What was published for the liar's pod led to the other one."""
    other = bed.launch("web")
    stolen = other.ip if whose == "pod web" else HOST
    bed.answering("thief", "1.0.0", ips=[{"address": f"{stolen}/24"}])
    bed.configure("back", "1.0.0", {"type": "thief"})
    before = bed.ledger()
    assert f"the address {stolen}, which {whose} has" in bed.start("back", ["8080:80"]).error
    assert bed.settled(before) == before
    assert bed.calls() == ["ADD", "DEL"]
    if whose == "pod web":
        other.down()
    else:
        bed.host.run("ip", "address", "delete", f"{HOST}/25", "dev", "uplink0")
    assert bed.start("back").up


def test_what_an_executable_made_gets_what_is_built_in(bed: CniBed) -> None:
    """Chain of Debian's bridge, our tuning, and our portmap."""
    bed.debian(xbridge="bridge", xlocal="host-local")
    sysctl = {"net.ipv4.conf.IFNAME.arp_filter": "1"}
    ours = ({"type": "tuning", "sysctl": sysctl}, {"type": "portmap"})
    bed.configure("back", "1.0.0", bed.bridge(hairpinMode=True), *ours)
    pod = bed.start("back", ["8080:80"])
    assert pod.up, pod.error
    inside = ("nsenter", "-t", str(pod.pid), "-n", "cat", "/proc/sys/net/ipv4/conf/eth0/arp_filter")
    assert bed.host.run(*inside) == "1\n"
    with serving(pod.pid, "0.0.0.0", 80):
        assert ask(bed.outside.pid, HOST, 8080) == OUTSIDE
        assert ask(bed.host.pid, HOST, 8080) == HOST
        assert ask(pod.pid, HOST, 8080) == GATEWAY, "a pod that calls its own published port"
    pod.down()
    assert "8080" not in bed.host.run("nft", "list", "ruleset")


def test_what_is_built_in_is_never_run(bed: CniBed) -> None:
    for name in ("ptp", "host-local", "portmap"):
        bed.recorded(name)
    ipam = {"type": "host-local", "subnet": SUBNET}
    bed.configure("back", "1.0.0", {"type": "ptp", "ipam": ipam})
    pod = bed.start()
    assert pod.up, pod.error
    pod.down()
    assert bed.calls() == []


def test_addresses_of_a_link_of_ours_may_come_from_an_executable(bed: CniBed) -> None:
    bed.debian(xlocal="host-local")
    ipam = {
        "type": "xlocal",
        "subnet": SUBNET,
        "dataDir": str(bed.state),
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bed.recorded("after")
    bed.configure("back", "1.0.0", {"type": "ptp", "ipMasq": True, "ipam": ipam}, {"type": "after"})
    before = bed.ledger()
    pod = bed.start()
    assert pod.up, pod.error
    assert bed.leases() == ["10.77.0.2"]
    assert bed.call(0)[1]["prevResult"]["ips"][0]["address"] == "10.77.0.2/24"
    with serving(bed.outside.pid, OUTSIDE, 80):
        assert ask(pod.pid, OUTSIDE, 80) == HOST
    pod.down()
    assert bed.leases() == []
    assert bed.settled(before) == before


def test_two_networks_of_executables_end_in_reverse(bed: CniBed) -> None:
    for name in ("one", "two"):
        bed.answering(name, "1.0.0", ips=[{"address": f"10.9.{len(name)}.7/24"}])
        bed.configure(name, "1.0.0", {"type": name})
    pod = bed.start("one,two")
    assert pod.up, pod.error
    pod.down()
    assert bed.calls() == ["ADD", "ADD", "DEL", "DEL"]
    names = [(bed.call(i)[1]["name"], bed.call(i)[0]["CNI_IFNAME"]) for i in range(4)]
    assert names == [("one", "eth0"), ("two", "eth1"), ("two", "eth1"), ("one", "eth0")]


BACK = {"type": "broken"}
ONE_SECOND = {"args": {"podwright": {"timeout": 1}}}


def test_a_plugin_that_fails_says_why_and_the_chain_is_taken_back_in_reverse(bed: CniBed) -> None:
    """#3114: bridge and address had been made already."""
    bed.debian(xbridge="bridge", xlocal="host-local")
    error = json.dumps(
        {"cniVersion": "1.0.0", "code": 11, "msg": "no\u202e room", "details": "try\nlater"}
    )
    bed.recorded("broken", f"[ $CNI_COMMAND = DEL ] || {{ printf %s '{error}'; exit 3; }}")
    bed.configure("back", "1.0.0", bed.bridge(), BACK)
    pod = bed.start()
    assert pod.error == (
        "network back: plugin broken: ADD: no\\u202e room: try\\x0alater (code 11); try again later"
    )
    assert pod.answer["reason"] == "plugin-failed"
    assert bed.calls() == ["ADD", "DEL"]
    assert bed.leases() == []
    assert not (bed.directory(pod) / "net-plugins.json").exists()
    assert "veth" not in bed.host.run("ip", "link", "show", "type", "veth").replace("uplink", "")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("exit 3", "broken: ADD: ended with status 3; see"),
        ("{ echo 'oh \033[31m no' >&2; exit 3; }", "ended with status 3, saying 'oh \\x1b[31m no'; see"),
        ("kill -9 $$", "was killed by signal 9; see"),
        ("true", "it printed no result; see"),
        ("echo rubbish", "its result: not JSON at line 1 column 1: Expecting value: 'rubbish\\x0a'; see"),
        ("echo '[]'", "its result is not an object: "),
        ("echo '{\"ips\":[{\"address\":\"10.0.0.300/8\"}]}'", "its result is wrong: "),
        ("echo '{\"cniVersion\":\"7.0.0\"}'", "its result has the unknown cniVersion '7.0.0'"),
        ("echo '{\"dns\":{\"search\":[\"a\\\\nb\"]}}'", "its result is wrong: "),
        ("yes", "printed more than 131072 bytes; see"),
        ("{ yes >&2; }", "did not end in 1 seconds, saying 'y y "),
        ("sleep 1000", "did not end in 1 seconds; see"),
    ],
    ids=["status", "says", "killed", "silent", "rubbish", "list", "address", "version", "search", "floods",
         "complains", "hangs"],
)  # fmt: skip
def test_a_plugin_that_does_not_behave_is_named(bed: CniBed, what: str, expected: str) -> None:
    bed.script("broken", f"#!/bin/sh\n[ $CNI_COMMAND = DEL ] && exit\nexec 3>&1; {what}\n")
    bed.configure("back", "1.0.0", {**BACK, **ONE_SECOND})
    before = bed.ledger()
    pod = bed.start()
    assert pod.error.startswith("network back: plugin broken: ADD: "), pod.error
    assert expected in pod.error
    assert bed.settled(before) == before
    assert not (bed.directory(pod) / "net-plugins.json").exists()


def test_what_a_late_plugin_has_started_ends_with_it(bed: CniBed) -> None:
    """Even what has left its process group."""
    pids = bed.log / "pids"
    start = f"(setsid sleep 1000 & echo $! >>{pids}; sleep 1000 & echo $! >>{pids}; wait)"
    bed.script("broken", f"#!/bin/sh\n[ $CNI_COMMAND = DEL ] || {start}\n")
    bed.configure("back", "1.0.0", {**BACK, **ONE_SECOND})
    assert "did not end in 1 seconds" in bed.start().error
    for pid in pids.read_text().split():
        assert not lives(pid)


def test_a_version_that_a_plugin_does_not_know_leaves_nothing_to_undo(bed: CniBed) -> None:
    """Debian's refuse 1.1.0 for ADD and for DEL; that pod could never be removed."""
    bed.debian(xbridge="bridge", xlocal="host-local")
    bed.configure("back", "1.1.0", bed.bridge())
    pod = bed.start()
    assert "plugin xbridge: STATUS: " in pod.error
    bed.configure("back", "0.3.1", bed.bridge())
    bed.script(
        "old", '#!/bin/sh\necho \'{"code": 1, "msg": "incompatible CNI versions"}\'; exit 1\n'
    )
    bed.configure("chain", "0.3.1", bed.bridge(bridge="cni1"), {"type": "old"})
    pod = bed.start("chain")
    assert pod.error == (
        "network chain: plugin old: ADD: incompatible CNI versions (code 1);"
        " write a cniVersion that the plugin knows, or install a newer one"
    )
    assert not (bed.directory(pod) / "net-plugins.json").exists()


def test_an_error_keeps_what_could_not_be_undone_for_gc(bed: CniBed) -> None:
    bed.answering("first", "1.0.0")
    bed.recorded("broken", "exit 3")
    bed.configure("back", "1.0.0", {"type": "first"}, BACK)
    pod = bed.start()
    assert "and what was begun could not be taken back (" in pod.error
    assert pod.error.endswith("run gc")
    assert bed.calls() == ["ADD", "ADD", "DEL", "DEL"], "the one that fails does not keep the other"
    pod.close()
    (done, problems) = bed.collect()
    hint = "see the plugin's documentation, then run gc"
    assert done == []
    assert problems == [
        f"pod {pod.uuid}: network back: plugin broken: DEL: ended with status 3; {hint}"
    ]
    (bed.plugins / "broken").unlink()
    assert "install broken again" in bed.collect()[1][0]
    bed.recorded("broken")
    assert bed.collect() == [[f"network plugins of pod {pod.uuid}"], []]
    assert bed.collect() == [[], []]


@pytest.mark.threat("T85")
@pytest.mark.parametrize("victim", ["launcher", "worker"])
def test_a_kill_in_the_middle_of_add_leaks_nothing(bed: CniBed, victim: str) -> None:
    """#3114: the executable dies with its caller, and DEL gets what ADD got."""
    bed.debian(xbridge="bridge", xlocal="host-local")
    mark = bed.log.parent / "mark"
    told = f"setsid sleep 1000 & echo $! >{mark}.new; mv {mark}.new {mark}; sleep 1000"
    stray = f"[ $CNI_COMMAND = DEL ] || {{ {told}; }}"
    bed.recorded("broken", ECHO, stray)
    bed.configure("back", "1.0.0", bed.bridge(), BACK)
    pod = bed.start(hold_before_start=True)
    pod.read()
    assert pod.process.stdin is not None
    pod.process.stdin.write("\n")
    pod.process.stdin.flush()
    wait_until(mark.exists)
    stray_pid = mark.read_text().strip()
    assert bed.leases() == ["10.77.0.2"]
    record = bed.record(pod)
    assert [call["kind"] for call in record["networks"][0]["calls"]] == ["xbridge", "broken"]
    assert record["networks"][0]["whole"] is False
    if victim == "launcher":
        pod.close()
        wait_until(lambda: bed.collect()[0] == [f"network plugins of pod {pod.uuid}"])
    else:
        os.kill(children_of(pod.process.pid)[0], signal.SIGKILL)
        assert "the worker was killed by signal 9 before the network was up" in pod.read()["error"]
    assert not lives(stray_pid)
    assert bed.leases() == []
    assert "veth" not in bed.host.run("ip", "-o", "link").replace("uplink", "")
    assert not (bed.directory(pod) / "net-plugins.json").exists()
    assert bed.calls() == ["ADD", "DEL"]
    (added, config, _), (removed, again, _) = bed.call(0), bed.call(1)
    assert (removed.pop("CNI_NETNS") == added["CNI_NETNS"]) == (victim == "worker")
    assert {**added, "CNI_COMMAND": "DEL"} == {**removed, "CNI_NETNS": added["CNI_NETNS"]}
    assert config == again, "prevResult is that of what had been added"
    bed.reclaim()


def lives(pid: str) -> bool:
    """Whether it is there, and not only its status that nobody has asked for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children_of(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.threat("T85")
def test_after_kill_9_gc_calls_del_as_if_the_namespace_were_there(bed: CniBed) -> None:
    """Without one, Debian's bridge leaves the rules that masquerade."""
    bed.debian(xbridge="bridge", xlocal="host-local")
    bed.recorded("after")
    bed.configure("back", "1.0.0", bed.bridge(), {"type": "after"})
    pod = bed.start()
    assert pod.up, pod.error
    assert bed.collect() == [[], []], "it runs"
    pod.close()
    wait_until(lambda: bed.collect()[0] == [f"network plugins of pod {pod.uuid}"])
    assert bed.leases() == []
    assert bed.calls() == ["ADD", "DEL"]
    (added, _, _), (removed, _, _) = bed.call(0), bed.call(1)
    assert removed.pop("CNI_NETNS").startswith("/proc/")
    assert removed == {
        key: text for key, text in {**added, "CNI_COMMAND": "DEL"}.items() if key != "CNI_NETNS"
    }
    assert "10.77" not in bed.host.run("iptables-save")


@pytest.mark.threat("T91")
def test_after_a_reboot_the_next_start_takes_back_what_was_left(bed: CniBed) -> None:
    """/run is empty, the pod's directory is there, and so are the leases of Debian's host-local."""
    bed.debian(xbridge="bridge", xlocal="host-local")
    bed.configure("back", "1.0.0", bed.bridge())
    pod = bed.start()
    pod.close()
    wait_until(lambda: not Path(f"/proc/{pod.pid}").exists())
    shutil.rmtree(bed.net)
    assert bed.leases() == ["10.77.0.2"]
    again = bed.start("back:IP=10.77.0.2")
    assert again.up, again.error
    assert bed.leases() == ["10.77.0.2"]
    assert not (bed.directory(pod) / "net-plugins.json").exists()


@pytest.mark.parametrize("what", ["directory", "above", "file", "owner", "link", "group"])
def test_a_plugin_that_others_could_have_written_is_not_run(bed: CniBed, what: str) -> None:
    bed.recorded("broken", "touch $mark")
    bed.configure("back", "1.0.0", BACK)
    path = bed.plugins / "broken"
    if what == "link":
        elsewhere = bed.plugins.parent / "elsewhere"
        elsewhere.mkdir()
        path = path.rename(elsewhere / "real")
        (bed.plugins / "broken").symlink_to("../elsewhere/real")
        elsewhere.chmod(0o777)
        why = f"others can write to {elsewhere}"
    elif what == "owner":
        os.chown(path, 1000, 1000)
        why = f"{path} belongs to user 1000"
    elif what == "above":
        above = bed.plugins.parent / "above"
        above.mkdir()
        bed.plugins = bed.plugins.rename(above / "bin")
        above.chmod(0o777)
        why = f"others can write to {above}"
    else:
        bad = path if what == "file" else bed.plugins
        bad.chmod(0o775 if what == "group" else 0o777)
        why = f"others can write to {bad}"
    before = bed.ledger()
    assert bed.start().error == (
        f"network back: plugin {bed.plugins}/broken is not run: {why};"
        " make it root's own, writable by nobody else"
    )
    assert bed.calls() == []
    assert bed.settled(before) == before


def test_a_plugin_that_is_missing_is_named_with_where_it_can_be(bed: CniBed) -> None:
    bed.debian(xbridge="bridge")
    bed.configure("back", "1.0.0", bed.bridge())
    before = bed.ledger()
    assert bed.start().error == (
        f"network back: there is no plugin xlocal; install it into one of {bed.plugins}"
    )
    assert bed.settled(before) == before


def test_status_is_asked_before_anything_is_made(bed: CniBed) -> None:
    """CNI 1.1.0."""
    bed.answering("first", "1.1.0")
    error = json.dumps({"code": 50, "msg": "the daemon is away"})
    bed.recorded("second", f"[ $CNI_COMMAND != STATUS ] || {{ echo '{error}'; exit 1; }}")
    bed.configure("back", "1.1.0", {"type": "first"}, {"type": "second"})
    pod = bed.start()
    assert pod.error == (
        "network back: plugin second: STATUS: the daemon is away (code 50);"
        " see what the plugin needs on this host"
    )
    assert bed.calls() == ["STATUS", "STATUS"]
    assert set(bed.call(0)[0]) == {"CNI_COMMAND", "CNI_PATH"}
    bed.answering("other", "1.1.0")
    bed.configure("aaa", "1.1.0", {"type": "other"})
    assert "plugin second: STATUS: " in bed.start("aaa,back").error
    assert bed.calls()[2:] == ["STATUS"] * 3
    bed.recorded("second")
    assert bed.start().up
    assert bed.calls()[5:] == ["STATUS", "STATUS", "ADD", "ADD"]


@pytest.mark.parametrize("disabled", [False, True])
def test_gc_tells_plugins_what_there_still_is(bed: CniBed, disabled: bool) -> None:
    """CNI 1.1.0."""
    bed.answering("first", "1.1.0")
    bed.configure("back", "1.1.0", {"type": "first", "key": 1}, disableGC=disabled)
    gone, stays = bed.start(), bed.start()
    assert stays.up, stays.error
    gone.close()
    code = "import json; from podwright.net.cni.records import reclaim; print(json.dumps(reclaim(RUN + '/..', NET)))"
    wait_until(lambda: json.loads(bed.agent(code))[0] != [])
    assert bed.calls()[4:] == ["DEL"] + ["GC"] * (not disabled)
    if not disabled:
        env, config, _ = bed.call(5)
        assert set(env) == {"CNI_COMMAND", "CNI_PATH"}
        assert config["cni.dev/valid-attachments"] == [
            {"containerID": stays.uuid, "ifname": "eth0"}
        ]
        assert (config["name"], config["key"]) == ("back", 1)


FIRST_STEP = 10


def left_over(bed: CniBed) -> list[str]:
    """What plugins, or what is written down of them, can leave; bridges stay, as for every user of the plugin."""
    text = bed.host.run("sh", "-c", "iptables-save; ip -o link show type veth")
    found = [line for line in text.splitlines() if "10.77" in line or "veth" in line.split("@")[0]]
    records = [str(path) for path in bed.run_dir.glob("*/net-plugins.json")]
    return [*found, *bed.leases(), *records]


TIDY = """
from podwright.net import gc
from podwright.net.cni import records
assert records.reclaim(RUN + '/..')[1] == []
gc.reclaim(NET)
"""


HARMLESS = 2
"""Steps in a row that may fail without harm: on a full disk nobody is told who holds a lock."""


@pytest.mark.threat("T85")
@pytest.mark.parametrize("fault", ["kill", "ENOSPC"])
def test_at_any_step_a_start_that_fails_leaves_nothing(bed: CniBed, fault: str) -> None:
    """Those before anything of plugins are those of every network."""
    bed.debian(xbridge="bridge", xlocal="host-local")
    bed.configure("back", "1.0.0", bed.bridge())
    fine = 0
    for step in range(FIRST_STEP, 100, 1 if THOROUGH else 3):
        pod = bed.start(env={"PODWRIGHT_FAULT": f"{fault}@{step}"}, die_on_error=fault == "kill")
        fine = fine + 1 if pod.up else 0
        if fine > HARMLESS:
            break
        pod.close()
        bed.agent(TIDY)
        assert left_over(bed) == [], f"step {step}"
    assert step > FIRST_STEP + 10, "the steps were counted"


@pytest.mark.threat("T85")
def test_killed_at_any_step_gc_calls_del_again(bed: CniBed) -> None:
    bed.debian(xbridge="bridge", xlocal="host-local")
    bed.configure("back", "1.0.0", bed.bridge())
    code = "from podwright.net.cni.records import reclaim; reclaim(RUN + '/..')"
    for step in range(1, 100, 1 if THOROUGH else 2):
        pod = bed.start()
        assert pod.up, pod.error
        pod.close()
        bed.host.run("flock", str(bed.directory(pod)), "true")  # its PID 1 is gone, too
        fault = f"import os; os.environ['PODWRIGHT_FAULT'] = 'kill@{step}'\n"
        killed = bed.host.status(*bed.agent_command(fault + code)) == -9
        bed.agent(TIDY)
        assert left_over(bed) == [], f"step {step}"
        if not killed:
            break
    assert step > 5, "the steps were counted"
