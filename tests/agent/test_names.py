# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""resolv.conf, hosts and names between pods (behaviour.md B7), as apps see them; threats.md T74."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support import tiny_image as tiny
from tests.support.agent import Agent

Build = Callable[..., Path]

LIVE = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"
SHOW = "cat /etc/hosts; echo ---; cat /etc/resolv.conf 2>/dev/null"
LIB = f"/u/lib/{os.uname().machine}-linux-gnu"
GETENT = f"{LIB}/ld-linux*.so.? --library-path {LIB} /u/bin/getent"
"""The C library's own resolver, from a volume of the host's /usr."""


def shell(script: str, **section: Any) -> dict[str, Any]:
    return aci.app(["/bin/sh", "-c", script], **section)


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Iterator[Agent]:
    """An agent that trusts the lab's key; its named pods are removed at the end."""
    agent.trust(lab.key, "example.com")
    yield agent
    names = {pod["pod_name"] for pod in json.loads(agent.ok("list", "--format=json"))} - {""}
    agent.apply({"pods": [{"name": name, "state": "absent"} for name in sorted(names)]})


class House:
    """Pods of one host, of small images made as they are needed."""

    def __init__(self, agent: Agent, build: Build, scratch: Path) -> None:
        self.agent = agent
        self.build = build
        self.resolv = scratch / "private-host/resolv.conf"
        self.first: dict[str, str] = {}

    def host_resolv(self, text: str) -> None:
        """What the host has in its resolv.conf."""
        self.resolv.write_text(text)

    def says(
        self, *options: str | Path, script: str = SHOW, app: tuple[str, ...] = (), **image: Any
    ) -> str:
        """What an app prints that a pod is run for."""
        made = self.build(app=shell(script), **image)
        return self.agent.ok("run", *options, made, *app)

    def hosts(self, *options: str | Path, **image: Any) -> list[str]:
        """The lines of its hosts file, without comments."""
        text = self.says(*options, script="cat /etc/hosts", **image)
        return [line for line in text.splitlines() if line and not line.startswith("#")]

    def resolvconf(self, *options: str | Path, **image: Any) -> str:
        return self.says(*options, script="cat /etc/resolv.conf 2>&1; true", **image)

    def start(self, *names: str, apps: dict[str, list[str]] | None = None, **fields: Any) -> None:
        """Start named pods that live until they are stopped; `apps`: theirs by name, else one called tiny."""
        image = str(self.build(app=shell(LIVE)))
        pods = []
        for name in names:
            listed = [{"name": app, "image": image} for app in (apps or {}).get(name, ["tiny"])]
            self.first[name] = listed[0]["name"]
            pods.append({"name": name, "apps": listed, "ready": {"seconds": 0}, **fields})
        self.agent.apply({"pods": pods})

    def state(self, state: str, *names: str) -> None:
        self.agent.apply({"pods": [{"name": name, "state": state} for name in names]})

    def sees(self, pod: str, app: str = "") -> dict[str, str]:
        """Name -> addresses, in the hosts file of a running pod, without its own lines."""
        app = app or self.first.get(pod, "")
        chosen = [f"--app={app}"] if app else []
        text = self.agent.ok("enter", *chosen, pod, "/bin/cat", "/etc/hosts")
        found: dict[str, str] = {}
        for line in text.splitlines():
            address, *names = line.partition("#")[0].split() or [""]
            if address not in ("", "127.0.0.1", "::1"):
                for name in names:
                    found[name] = f"{found[name]} {address}" if name in found else address
        return found

    def addresses(self, pod: str) -> str:
        """Those that the pod has, as `sees` shows them."""
        listed = json.loads(self.agent.ok("status", "--format=json", pod))
        return " ".join(
            one.partition("/")[0] for net in listed["networks"] for one in net["addresses"]
        )

    def await_names(self, pod: str, *names: str) -> None:
        """Wait until a pod sees these, and no others: they go in the background."""
        deadline = time.monotonic() + 30
        while set(self.sees(pod)) != set(names):
            assert time.monotonic() < deadline, self.sees(pod)
            time.sleep(0.02)


@pytest.fixture
def house(trusting: Agent, signed_image: Build, tmp_path: Path) -> House:
    return House(trusting, signed_image, tmp_path)


# What is asked for


def test_the_options_are_written_in_this_order(house: House) -> None:
    options = (
        "--dns=192.0.2.53",
        "--dns=2001:db8::53",
        "--dns-search=a.example",
        "--dns-search=b.example",
    )
    more = ("--dns-opt=ndots:2", "--dns-opt=rotate", "--dns-domain=c.example")
    assert house.resolvconf(*options, *more, "--net=none") == (
        "search a.example b.example\nnameserver 192.0.2.53\nnameserver 2001:db8::53\n"
        "options ndots:2 rotate\ndomain c.example\n"
    )
    assert house.resolvconf("--net=none", files={"etc/resolv.conf": "# mine\n"}) == "# mine\n"


def test_entries_of_the_hosts_file(house: House) -> None:
    entry = "--hosts-entry=192.0.2.7=db,2001:db8::7=db,db6"
    image = {"etc/hosts": "192.0.2.1 mine\n"}
    own, six, *entries = house.hosts(entry, "--net=none", "--hostname=web", files=image)
    assert own.startswith("127.0.0.1 localhost web rkt-") and " tiny " in own
    assert [six, *entries] == ["::1 localhost web", "192.0.2.7 db", "2001:db8::7 db db6"]
    assert house.hosts("--net=none", files=image) == ["192.0.2.1 mine"]
    assert house.hosts("--net=none")[0].startswith("127.0.0.1 localhost rkt-")


def test_the_hosts_own_files(house: House) -> None:
    house.host_resolv("search host.example\nnameserver 127.0.0.1\nnameserver 192.0.2.9\n")
    words = ("--dns=host", "--hosts-entry=host")
    hosts = house.agent.host.run(["cat", "/etc/hosts"]).stdout
    found = house.says(*words, "--net=default")
    assert found.partition("---\n")[0] == hosts
    assert found.endswith("left out.\nsearch host.example\nnameserver 192.0.2.9\n")
    assert house.says(*words, "--net=host").partition("---\n")[2] == house.resolv.read_text()


def test_the_servers_behind_systemd_resolved_are_taken_instead_of_its_own_address(
    house: House,
) -> None:
    house.host_resolv("nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch host.example\n")
    refused = house.agent.refused("run", "--dns=host", house.build(app=shell("true")))
    assert "the host's resolv.conf is of no use: a pod cannot reach 127.0.0.53" in refused
    assert house.agent.ok("list", "--no-legend") == "", "refused before anything was made"
    house.agent.host.run(
        [
            "sh",
            "-c",
            "mkdir -p /run/systemd/resolve; echo nameserver 192.0.2.9 >$0/resolv.conf",
            "/run/systemd/resolve",
        ]
    ).check()
    assert house.resolvconf("--dns=host").endswith("left out.\nnameserver 192.0.2.9\n")
    assert house.resolvconf().endswith("left out.\nnameserver 192.0.2.9\n")
    assert house.resolvconf("--net=host") == house.resolv.read_text()


def test_a_prepared_pod_is_told_when_it_starts(house: House) -> None:
    pod = house.agent.ok("prepare", "--quiet", house.build(app=shell(SHOW))).strip()
    found = house.agent.ok(
        "run-prepared", "--net=none", "--dns=192.0.2.53", "--hosts-entry=192.0.2.7=db", pod
    )
    assert "192.0.2.7 db\n---\nnameserver 192.0.2.53\n" in found


def test_fly(house: House) -> None:
    fly, image = "--stage1-name=fly", {"etc/resolv.conf": "# mine\n"}
    host = house.resolv.read_text()
    assert house.resolvconf(fly, files=image) == host
    assert house.resolvconf(fly, "--dns=192.0.2.53", files=image) == "nameserver 192.0.2.53\n"
    assert house.resolvconf(fly, "--dns=none", files=image) == "# mine\n"
    assert "192.0.2.7 db" in house.hosts(fly, "--hosts-entry=192.0.2.7=db")


# What nobody asks for


SERVER = "nameserver 192.0.2.9\n"


@pytest.mark.parametrize("users", ["--private-users", "--private-users=false"])
def test_an_image_without_name_servers_gets_the_hosts(house: House, users: str) -> None:
    house.host_resolv("nameserver 127.0.0.1\nnameserver fe80::1%eth0\n" + SERVER)
    assert house.resolvconf(users).endswith(SERVER)
    assert house.resolvconf(users, files={"etc/resolv.conf": ""}).endswith(SERVER)
    append = house.says(
        users, script="echo '# more' >> /etc/resolv.conf && tail -n1 /etc/resolv.conf"
    )
    assert append == "# more\n", "it is the app's own"


@pytest.mark.parametrize("option", ["--net=none", "--dns=none"])
def test_without_a_network_or_against_the_operators_word_it_gets_none(
    house: House, option: str
) -> None:
    house.host_resolv(SERVER)
    assert "No such file" in house.resolvconf(option)


@pytest.mark.parametrize(
    "option, expected",
    [
        ("--dns-opt=ndots:2", "nameserver 192.0.2.9\noptions ndots:2\n"),
        ("--dns-search=a.example", "search a.example\nnameserver 192.0.2.9\n"),
        ("--dns-domain=a.example", "nameserver 192.0.2.9\ndomain a.example\n"),
    ],
)
def test_options_without_servers_do_not_leave_the_pod_without_name_servers(
    house: House, option: str, expected: str
) -> None:
    house.host_resolv("nameserver 127.0.0.1\nnameserver 192.0.2.9\n")
    assert house.resolvconf(option) == expected
    if "opt" in option:
        assert house.resolvconf(option, "--dns=192.0.2.53").startswith("nameserver 192.0.2.53\n")
        assert house.resolvconf(option, "--net=none") == "options ndots:2\n"


def test_an_image_that_has_name_servers_keeps_them(house: House) -> None:
    house.host_resolv(SERVER)
    assert house.resolvconf(files={"etc/resolv.conf": "# mine\n"}) == "# mine\n"


def test_a_link_to_nowhere_is_replaced(house: House, lab: Keys, tmp_path: Path) -> None:
    house.host_resolv(SERVER)
    image = tmp_path / "linked.aci"
    tree = tmp_path / "tree"
    tree.mkdir()
    tiny.make_rootfs(tree, {})
    (tree / "etc/resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")
    (tree / "etc/hosts").symlink_to("/run/no/hosts")
    aci.build(tree, aci.image_manifest(tiny.NAME, "1.0", shell(SHOW)), image)
    lab.key.sign(image)
    for users in ("--private-users", "--private-users=false"):
        for options in ((), ("--readonly-rootfs",)):
            found = house.agent.ok("run", users, image, *options)
            assert found.startswith("127.0.0.1 localhost rkt-") and found.endswith(SERVER)


def test_a_read_only_root_has_what_is_asked_for(house: House) -> None:
    image = house.build(app=shell("cat /etc/resolv.conf"))
    for users in ("--private-users", "--private-users=false"):
        found = house.agent.ok("run", users, "--dns=192.0.2.53", image, "--readonly-rootfs")
        assert found == "nameserver 192.0.2.53\n"


def test_what_is_in_the_way_of_what_nobody_asked_for_is_left_alone(
    house: House, lab: Keys, tmp_path: Path
) -> None:
    image = tmp_path / "odd.aci"
    tree = tmp_path / "tree"
    tree.mkdir()
    tiny.make_rootfs(tree, {"etc/hosts/file": "x"})
    aci.build(tree, aci.image_manifest(tiny.NAME, "1.0", shell("ls /etc/hosts")), image)
    lab.key.sign(image)
    assert house.agent.ok("run", image) == "file\n"
    refused = house.agent.refused("run", "--hosts-entry=192.0.2.7=db", image)
    assert "app tiny: /etc/hosts cannot be provided" in refused


def test_volumes_keep_what_they_have(house: House, tmp_path: Path) -> None:
    house.host_resolv(SERVER)
    (tmp_path / "etc").mkdir()
    for name in ("hosts", "resolv.conf"):
        (tmp_path / "etc" / name).write_text(f"# {name} of a volume\n")
    image = house.build(app=shell(SHOW))

    def said(*options: str, names: tuple[str, ...]) -> str:
        volumes = [
            f"--volume={n[:4]},kind=host,source={tmp_path}/etc/{n},idmap=false" for n in names
        ]
        mounts = [f"--mount=volume={n[:4]},target=/etc/{n}" for n in names]
        return house.agent.ok("run", *options, *volumes, image, *mounts)

    theirs = "# hosts of a volume\n---\n# resolv.conf of a volume\n"
    assert said(names=("hosts", "resolv.conf")) == theirs
    whole = f"--volume=etc,kind=host,source={tmp_path}/etc,idmap=false"
    assert house.agent.ok("run", whole, image, "--mount=volume=etc,target=/etc") == theirs
    (tmp_path / "etc/resolv.conf").write_text("")
    assert said(names=("hosts", "resolv.conf")) == "# hosts of a volume\n---\n"
    asked = said("--dns=192.0.2.53", "--hosts-entry=192.0.2.7=db", names=("hosts", "resolv.conf"))
    assert "192.0.2.7 db\n" in asked and asked.endswith("---\nnameserver 192.0.2.53\n")
    assert sorted(path.name for path in (tmp_path / "etc").iterdir()) == ["hosts", "resolv.conf"]
    assert (tmp_path / "etc/hosts").read_text() == "# hosts of a volume\n"
    assert (tmp_path / "etc/resolv.conf").read_text() == ""


# What networks say

NETWORK = {
    "name": "lan",
    "type": "ptp",
    "ipam": {"type": "host-local", "subnet": "10.9.0.0/24"},
    "dns": {"nameservers": ["192.0.2.77"], "search": ["lan.example"]},
}
LAN = "search lan.example\nnameserver 192.0.2.77\n"


@pytest.mark.parametrize("users", ["--private-users", "--private-users=false"])
def test_the_order_of_those_who_say_something(house: House, tmp_path: Path, users: str) -> None:
    house.host_resolv(SERVER)
    directory = house.agent.local / "net.d"
    directory.mkdir()
    (directory / "10-lan.conf").write_text(json.dumps(NETWORK))
    image = {"etc/resolv.conf": "# mine\n"}
    volume = tmp_path / "resolv"
    volume.write_text("# volume\n")
    there = f"--volume=r,kind=host,source={volume},idmap=false"
    mount = "--mount=volume=r,target=/etc/resolv.conf"
    lan = (users, "--net=lan,default")
    assert house.resolvconf(*lan, files=image) == LAN
    assert house.resolvconf(*lan) == LAN
    assert house.resolvconf(*lan, there, mount, files=image) == LAN
    assert house.resolvconf(*lan, "--dns=192.0.2.53", files=image) == "nameserver 192.0.2.53\n"
    assert house.resolvconf(*lan, "--dns=none", files=image) == "# mine\n"
    assert house.resolvconf(users, there, mount, files=image) == "# volume\n"
    bare = house.build(app=shell("cat /etc/resolv.conf; ls -ln /etc/resolv.conf"))
    found = house.agent.ok("run", *lan, bare, "--readonly-rootfs")
    assert found.startswith(LAN) and found.split()[4:8] == ["-rw-r--r--", "1", "0", "0"]


# Names between pods


def test_pods_find_each_other_as_they_come_and_go(house: House) -> None:
    house.start("web", "db", apps={"web": ["nginx", "cache"], "db": ["redis"]})
    db = house.addresses("db")
    assert house.sees("web", "cache") == {"db": db, "redis.db": db, "redis": db}
    web = house.addresses("web")
    assert house.sees("db") == dict.fromkeys(
        ("web", "nginx.web", "cache.web", "nginx", "cache"), web
    )
    house.state("stopped", "db")
    house.await_names("web")
    house.state("started", "db")
    again = house.addresses("db")
    assert again != db
    assert house.sees("web") == {"db": again, "redis.db": again, "redis": again}
    house.start("other", apps={"other": ["redis"]})
    assert house.sees("web").keys() == {"db", "redis.db", "other", "redis.other"}
    house.state("absent", "other")
    house.await_names("web", "db", "redis.db", "redis")


def test_the_c_library_finds_them(house: House) -> None:
    volume = {"name": "u", "kind": "host", "source": "/usr", "readOnly": True, "idmap": False}
    both_families = {"etc/host.conf": "multi on\n"}  # as distributions have it
    image = str(house.build(app=shell(LIVE), files=both_families))
    mounts = [{"volume": "u", "path": "/u"}]
    apps = [{"name": name, "image": image, "mounts": mounts} for name in ("front", "cache")]
    house.agent.apply({"pods": [{"name": "web", "apps": apps, "volumes": [volume]}]})
    house.start("db", apps={"db": ["redis"]})

    def found(name: str) -> set[str]:
        script = f"{GETENT} ahosts {name} | while read address rest; do echo $address; done"
        return set(house.agent.ok("enter", "--app=front", "web", "/bin/sh", "-c", script).split())

    db = set(house.addresses("db").split())
    for name in ("db", "redis.db", "redis", "DB"):
        assert found(name) == db, name
    for name in ("cache", "cache.web", "front"):
        assert found(name) == {"127.0.0.1"}, name
    assert found("localhost") == {"::1", "127.0.0.1"}
    assert "127.0.0.1" in found("web")


@pytest.mark.parametrize("way", ["gc", "the next start"])
def test_names_of_a_pod_that_was_killed_go(house: House, way: str) -> None:
    house.start("web", restart="no")
    house.start("lost", apps={"lost": ["gone"]}, restart="no")
    assert set(house.sees("web")) == {"lost", "gone.lost", "gone"}
    status = json.loads(house.agent.ok("status", "--format=json", "lost"))
    host = house.agent.host
    parent = host.run(["ps", "-o", "ppid=", "-p", str(status["pid"])]).check().stdout.strip()
    host.run(["kill", "-9", parent]).check()
    deadline = time.monotonic() + 30
    while host.run(["kill", "-0", str(status["pid"])]).exit == 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    if way == "gc":
        house.agent.ok("gc")
        assert house.sees("web") == {}
    else:
        house.start("next", apps={"next": ["a"]})
        assert set(house.sees("web")) == {"next", "a.next", "a"}


@pytest.mark.threat("T74")
def test_names_that_mean_something_already_are_not_taken(house: House) -> None:
    entry = {"ip": "192.0.2.7", "names": ["db"]}
    house.start("web", apps={"web": ["nginx"]}, hosts=[entry], hostname="front.example")
    sly = {"localhost": ["localhost", "web", "nginx"], "db": ["front"]}
    house.start("localhost", "db", apps=sly)
    address, db = house.addresses("localhost"), house.addresses("db")
    assert house.sees("web") == {
        **dict.fromkeys(("localhost.localhost", "web.localhost", "nginx.localhost"), address),
        "db": "192.0.2.7",
        **dict.fromkeys(("front.db", "front"), db),
    }


@pytest.mark.threat("T74")
def test_pods_of_other_networks_are_not_named(house: House) -> None:
    house.start("inner", "near", net="default-restricted", apps={"near": ["a"]})
    house.start("outer", "far", apps={"far": ["b"]})
    house.start("both", net="default,default-restricted", apps={"both": ["c"]})
    assert set(house.sees("inner")) == {"near", "a.near", "a", "both", "c.both", "c"}
    assert set(house.sees("outer")) == {"far", "b.far", "b", "both", "c.both", "c"}
    four = [ip for ip in house.addresses("both").split() if ip.startswith("172.31.")]
    assert len(four) == 1
    assert four[0] in house.sees("near")["both"].split()
    assert not set(house.sees("near")["both"].split()) & set(house.sees("far")["both"].split())
    assert set(house.sees("both")) >= {"inner", "near", "outer", "far"}


@pytest.mark.threat("T74")
@pytest.mark.parametrize("users", ["--private-users", "--private-users=false"])
def test_no_app_writes_its_hosts_file(house: House, users: str) -> None:
    caps = "--caps-retain=CAP_SYS_ADMIN,CAP_DAC_OVERRIDE,CAP_FOWNER,CAP_CHOWN,CAP_SYS_CHROOT"
    script = (
        "cp /etc/hosts /tmp/before; for c in 'echo 6.6.6.6 db >> /etc/hosts' 'rm /etc/hosts'"
        " 'mv /tmp/before /etc/hosts' 'ln -sf /tmp/before /etc/hosts' 'chmod 666 /etc/hosts';"
        ' do sh -c "$c" 2>/dev/null && echo $c; done; cmp /etc/hosts /tmp/before && stat -c %u:%a /etc/hosts'
    )
    image = house.build(app=shell(script))
    assert house.agent.ok("run", users, image, caps) == "0:644\n"


def test_a_desired_state_is_brought_about_once(house: House) -> None:
    image = str(house.build(app=shell(LIVE)))
    pod = {
        "name": "web",
        "image": image,
        "dns": {"servers": ["192.0.2.53"], "search": ["a.example"]},
        "hosts": [{"ip": "192.0.2.7", "names": ["db"]}],
    }
    assert house.agent.apply({"pods": [pod]})["changed"] is True
    assert house.agent.apply({"pods": [pod]})["changed"] is False
    assert house.sees("web") == {"db": "192.0.2.7"}
    shown = house.agent.ok("enter", "web", "/bin/cat", "/etc/resolv.conf")
    assert shown == "search a.example\nnameserver 192.0.2.53\n"
    assert house.agent.apply({"pods": [{**pod, "dns": "none"}]})["changed"] is True


def test_many_pods_that_start_at_once_all_know_each_other(house: House) -> None:
    names = [f"p{number}" for number in range(6)]
    house.start(*names, apps={name: [f"app-{name}"] for name in names})
    found = {name: house.addresses(name) for name in names}
    for name in names:
        seen = house.sees(name)
        assert {other: seen[other] for other in names if other != name} == {
            other: found[other] for other in names if other != name
        }
        assert name not in seen
