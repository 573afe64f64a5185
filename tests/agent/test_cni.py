# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks whose plugins are executables: Debian's, and scripts that do what plugins should not."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.agent.network_bed import HOST, OUTSIDE, Bed, Pod, ask, serving

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
ECHO = "/usr/bin/python3 -IS -c 'import json,sys; print(json.dumps(json.load(sys.stdin)[\"prevResult\"]))'"
RESULT = {"ips": [{"address": "10.9.0.7/24", "gateway": "10.9.0.1"}], "dns": {"nameservers": ["10.9.0.1"]}}


class CniBed(Bed):
    """A bed with directories of configurations and of plugins, and a log of calls."""

    def __init__(self, scratch: Path, *wrap: str) -> None:
        super().__init__(scratch, *wrap)
        self.confs, self.plugins, self.log = (scratch / name for name in ("net.d", "bin", "log"))
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

    def network(self, name: str, version: str, *plugins: Mapping[str, Any], **more: Any) -> None:
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
        return {"type": "xbridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "ipam": ipam, **more}

    def start(self, net: str = "back", ports: Sequence[str] = (), **options: Any) -> Pod:
        """Start a pod; whether its network came up is for the caller to see."""
        request = {
            **self.request("web", ports, net),
            "conf_dirs": [str(self.confs)],
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
        return sorted(name for name in os.listdir(folder) if name[0].isdigit()) if folder.exists() else []

    def collect(self) -> list[list[str]]:
        """What gc does for plugins; `run` is the only state that pods of a bed are in."""
        code = "import json; from podwright.net.cni.records import reclaim; print(json.dumps(reclaim(RUN + '/..')))"
        return list(json.loads(self.agent(code)))


def number(name: str) -> int:
    return int(name.partition("-")[0])


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[CniBed]:
    """A fresh host with a directory of plugins."""
    with CniBed(tmp_path) as made:
        yield made


@pytest.mark.parametrize("version", VERSIONS)
def test_debians_bridge_carries_a_pod_through_its_life(bed: CniBed, version: str) -> None:
    bed.debian(xbridge="bridge", xlocal="host-local")
    bed.network("back", version, bed.bridge())
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
