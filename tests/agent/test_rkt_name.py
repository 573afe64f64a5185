# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Command lines that were published for rkt, typed as they were, on a host that was set up for it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent
from tests.support.paths import AGENT
from tests.support.private_host import PrivateHost, Result
from tests.support.webserver import ImageServer

OVERLAY = """\
mount -t tmpfs -o mode=755 scratch {0}
mkdir {0}/upper {0}/work
cp /etc/hosts /etc/resolv.conf {0}
mount -t overlay -o lowerdir=/etc,upperdir={0}/upper,workdir={0}/work scratch /etc
cp {0}/hosts {0}/resolv.conf /etc
rm -rf /etc/podwright /etc/rkt
mkdir -p /etc/rkt/trustedkeys/prefix.d/example.com /etc/rkt/paths.d /etc/rkt/net.d /etc/rkt/stage1.d
mkdir -p /etc/podwright
cp -r {1}/ca.d /etc/podwright/
"""
SERVER = "echo $0 $*; id -u > /var/lib/etcd/member; ip -4 -o addr show eth0; cat /proc/self/uid_map; exit 7"


class Rkt:
    """The agent under the name rkt, with the configuration of rkt's and none of ours."""

    def __init__(self, host: PrivateHost, program: Path) -> None:
        self.host = host
        self.program = program

    def __call__(self, *words: str | Path) -> Result:
        return self.host.run([str(self.program), *map(str, words)])

    def ok(self, *words: str | Path) -> str:
        return self(*words).check().stdout


@pytest.fixture
def rkt(
    private_host: PrivateHost, agent: Agent, https_server: ImageServer, lab: Keys, tmp_path: Path
) -> Rkt:
    (tmp_path / "etc").mkdir()
    private_host.run(["sh", "-euc", OVERLAY.format(tmp_path / "etc", agent.local)]).check()
    for name, content in {
        f"trustedkeys/prefix.d/example.com/{lab.key.fingerprint.lower()}": lab.key.armoured,
        "paths.d/paths.json": json.dumps(
            {"rktKind": "paths", "rktVersion": "v1", "data": str(tmp_path / "data")}
        ),
        "stage1.d/10-coreos.json": json.dumps(
            {
                "rktKind": "stage1",
                "rktVersion": "v1",
                "name": "coreos.com/rkt/stage1-coreos",
                "version": "1.30.0",
                "location": "/usr/lib/rkt/stage1-images/stage1-coreos.aci",
            }
        ),
        "net.d/10-back.conf": json.dumps(
            {
                "name": "back",
                "type": "ptp",
                "ipMasq": True,
                "ipam": {
                    "type": "host-local",
                    "subnet": "10.61.0.0/24",
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ),
    }.items():
        private_host.run(["tee", f"/etc/rkt/{name}"], stdin=content).check()
    program = tmp_path / "bin/rkt"
    program.parent.mkdir()
    os.symlink(AGENT, program)
    return Rkt(private_host, program)


@pytest.fixture
def etcd(published: Callable[..., Path]) -> str:
    """An image like the one of the published examples; returns its name."""
    app = aci.app(
        ["/bin/sh", "-c", SERVER, "/etcd"],
        ports=[{"name": "client", "protocol": "tcp", "port": 2379}],
        mount_points=[{"name": "data-dir", "path": "/var/lib/etcd"}],
    )
    published(version="v2.0.10", app=app)
    return "example.com/tiny"


def test_the_published_example(rkt: Rkt, etcd: str, tmp_path: Path) -> None:
    data = tmp_path / "etcd"
    data.mkdir()
    volume = f"data-dir,kind=host,source={data}"
    image = f"{etcd},version=v2.0.10"
    options = ["--private-net", "--port=client:2379", "--volume", volume]
    done = rkt("run", *options, image, "--", "--name=node1", "--data-dir=/var/lib/etcd")
    assert done.exit == 7, done
    assert done.stdout.startswith("/etcd --name=node1 --data-dir=/var/lib/etcd\n")
    assert "inet 172.16.28." in done.stdout
    assert "podwright: deprecated: --private-net is now --net\n" in done.stderr
    written = os.stat(data / "member")
    assert (written.st_uid, written.st_gid) == (0, 0)
    with_users = rkt("run", "--private-net=back", "--private-users", *options[1:], image)
    assert with_users.exit == 7, with_users
    assert "inet 10.61.0." in with_users.stdout
    assert not re.search(r"^\s*0\s+0\s", with_users.stdout, re.MULTILINE)
    assert os.stat(data / "member").st_uid == 0
    found = json.loads(rkt.ok("list", "--format=json"))
    assert {pod["state"] for pod in found} == {"exited"}
    assert rkt("rm", *[pod["name"] for pod in found]).exit == 0


def test_stage1s_that_are_not_here_are_refused_in_one_sentence(rkt: Rkt, etcd: str) -> None:
    build = "podwright stage1 build kvm"
    for flag, text in (
        ("--stage1-name=coreos.com/rkt/stage1-kvm:1.30.0", build),
        ("--stage1-image=/usr/share/rkt/stage1-kvm.aci", build),
        ("--stage1-path=/home/me/stage1-coreos.aci", "/home/me/stage1-coreos.aci"),
        ("--stage1-url=https://example.com/stage1-kvm.aci", "https://example.com/stage1-kvm.aci"),
        ("--stage1-hash=sha512-00", "sha512-00"),
        ("--stage1-from-dir=stage1-own.aci", "/usr/lib/rkt/stage1-images/stage1-own.aci"),
    ):
        done = rkt("run", flag, etcd)
        assert (done.exit, done.stdout) == (254, "")
        last = done.stderr.splitlines()[-1]
        assert text in last, last
    assert rkt.ok("list", "--no-legend") == ""


def test_images_are_prepared_and_run_with_its_words(rkt: Rkt, etcd: str, tmp_path: Path) -> None:
    image = f"{etcd},version=v2.0.10"
    short = rkt.ok("fetch", image).strip()
    assert re.fullmatch(r"sha512-[0-9a-f]{32}", short)
    assert rkt.ok("image", "fetch", "--full", "--store-only", image).strip().startswith(short)
    words = [
        "prepare",
        "--quiet",
        "--no-overlay",
        image,
        "--user=0",
        "--group=0",
        "--exec=/bin/true",
    ]
    uuid = rkt.ok(*words, "--", "a", "---", short, "--name=two", "--exec=/bin/true").strip()
    assert rkt.ok("run-prepared", "--net=none", "--mds-register=false", uuid) == ""
    lines = rkt.ok("status", uuid).splitlines()
    assert {"state=exited", "exited=true", "app-tiny=0", "app-two=0"} <= set(lines)
    assert rkt.ok("rm", uuid) == f'"{uuid}"\n'


def test_columns_are_its_own(rkt: Rkt, etcd: str) -> None:
    image = f"{etcd},version=v2.0.10"
    rkt.ok("prepare", image)
    assert re.split(r"\s*\t", rkt.ok("list").splitlines()[0]) == [
        *("UUID", "APP", "IMAGE NAME", "STATE", "CREATED", "STARTED", "NETWORKS"),
    ]
    assert re.split(r"\s*\t", rkt.ok("list", "--full").splitlines()[0])[3] == "IMAGE ID"
    assert re.split(r"\s*\t", rkt.ok("image", "list").splitlines()[0]) == [
        *("ID", "NAME", "SIZE", "IMPORT TIME", "LAST USED"),
    ]
    assert rkt.ok("version").startswith("rkt Version: ")
    assert rkt("").exit == 254 and rkt().exit == 2


def test_by_our_own_name_its_configuration_does_not_count(
    rkt: Rkt, agent: Agent, etcd: str
) -> None:
    line = agent.refused("fetch", f"{etcd},version=v2.0.10")
    assert "example.com/tiny" in line and "trust" in line
    listed = rkt.ok("trust", "list", "--no-legend")
    assert listed.startswith("example.com") and listed.rstrip().endswith("local")
    directories = json.loads(rkt.ok("config"))["stage0"]
    assert [one["rktKind"] for one in directories] == ["paths", "stage1"]


@pytest.mark.threat("T53")
def test_who_signs_for_a_fleet_and_what_is_pulled_is_said_in_no_directory_of_rkts(
    rkt: Rkt, lab: Keys, agent: Agent, https_server: ImageServer
) -> None:
    """rkt's directories may belong to the group rkt-admin, whose members are not root."""
    theirs = "/etc/rkt/trustedkeys/pull.d/acme"
    settings = {
        "rktKind": "pull",
        "rktVersion": "v1",
        "fleet": "acme",
        "url": "https://example.com/f.json",
    }
    bundle = {"kind": "podwright-fleet", "version": 1, "fleet": "acme", "serial": 1, "hosts": []}
    bundle["expires"] = "2999-01-01T00:00:00Z"
    file = https_server.root / "f.json"
    file.write_text(json.dumps(bundle))
    lab.stranger.sign(file)
    rkt.host.run(["mkdir", "-p", theirs, "/etc/rkt/pull.d"]).check()
    rkt.host.run(
        ["tee", f"{theirs}/{lab.stranger.fingerprint.lower()}"], stdin=lab.stranger.armoured
    ).check()
    rkt.host.run(["tee", "/etc/rkt/pull.d/own.json"], stdin=json.dumps(settings)).check()
    unsaid = rkt("pull")
    assert unsaid.exit == 254 and "pull needs the URL of a bundle" in unsaid.stderr, unsaid
    words = ("pull", "https://example.com/f.json", "--fleet=acme")
    refused = rkt(*words)
    assert refused.exit == 254 and "no key is trusted for fleet acme" in refused.stderr, refused
    listed = json.loads(rkt.ok("trust", "list", "--format=json"))
    assert not [one for one in listed if one["prefix"].startswith("pull:")]
    ours = theirs.replace("/etc/rkt", "/etc/podwright")
    rkt.host.run(["mkdir", "-p", os.path.dirname(ours)]).check()
    rkt.host.run(["cp", "-r", theirs, ours]).check()
    rkt.host.run(["chmod", "g+w", "/etc/rkt/trustedkeys"]).check()
    assert json.loads(rkt.ok(*words, "--format=json"))["serial"] == 1, (
        "ours count by that name, too"
    )
