# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role agent and its playbooks, on a private host whose /usr, /etc and /var/lib are copies that can be written.

The collection is the one that `ansible-galaxy` builds and installs, so that what is tested is what users get.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.paths import CACHE, CHECKOUT
from tests.support.private_host import PrivateHost, Result

BIN = CACHE / "venv/bin"
RECAP = re.compile(r"changed=(\d+) .*failed=(\d+)")

OVERLAYS = """\
set -eu
mount -t tmpfs -o mode=755 scratch "$1"
for place in usr etc; do
    mkdir -p "$1/$place/upper" "$1/$place/work"
    mount -t overlay -o "lowerdir=/$place,upperdir=$1/$place/upper,workdir=$1/$place/work" scratch "/$place"
done
mkdir "$1/dpkg"
mount --bind /var/lib/dpkg "$1/dpkg"
mount -t tmpfs -o mode=755 scratch /var/lib
mkdir /var/lib/dpkg
mount --move "$1/dpkg" /var/lib/dpkg
rm -rf /etc/podwright /usr/bin/podwright /usr/lib/podwright
sed -i /^podwright/d /etc/group /etc/gshadow
"""
"""Run by the shell with a scratch directory; hides an agent that is installed on the machine."""


@dataclasses.dataclass(frozen=True)
class Site:
    """A host, and a controller with the installed collection."""

    host: PrivateHost
    collections: Path
    home: Path

    def playbook(self, name: str, *flags: str, **variables: object) -> Result:
        """Run a playbook of the collection against the host."""
        command = ["ansible-playbook", f"podwright.fleet.{name}", "-e", "target=localhost"]
        command += ["-e", json.dumps(variables), *flags]
        return self.host.run(command, env=self.env, timeout=120)

    def changed(self, name: str, *flags: str, **variables: object) -> int:
        """Run a playbook that must succeed without warnings; returns how many tasks changed something."""
        done = self.playbook(name, *flags, **variables)
        recap = RECAP.search(done.stdout)
        assert done.exit == 0, done
        assert "WARNING" not in done.stderr, done
        assert recap, done
        return int(recap.group(1))

    @property
    def env(self) -> Mapping[str, str]:
        """The controller's environment."""
        return {
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_HOME": str(self.home),
            "ANSIBLE_LOCAL_TEMP": str(self.home / "local"),
            "ANSIBLE_REMOTE_TEMP": str(self.home / "remote"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
        }

    def shell(self, script: str) -> str:
        """Run a script on the host, which must succeed; returns its output."""
        return self.host.run(["/bin/sh", "-euc", script]).check().stdout


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collections directory with this checkout, built and installed by ansible-galaxy."""
    scratch = tmp_path_factory.mktemp("galaxy")
    source = scratch / "source"
    tracked = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(tracked, cwd=CHECKOUT, check=True, capture_output=True).stdout
    for name in names.decode().rstrip("\0").split("\0"):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, target, follow_symlinks=False)
    galaxy = [str(BIN / "ansible-galaxy"), "collection"]
    env = {
        **os.environ,
        "ANSIBLE_HOME": str(scratch / "home"),
        "ANSIBLE_COLLECTIONS_PATH": str(scratch / "installed"),  # else it finds this checkout
        "LC_ALL": "C.UTF-8",
    }
    build = [*galaxy, "build", str(source), "--output-path", str(scratch)]
    subprocess.run(build, check=True, capture_output=True, env=env)
    (archive,) = scratch.glob("podwright-fleet-*.tar.gz")
    install = [*galaxy, "install", "--offline", str(archive), "-p", str(scratch / "installed")]
    subprocess.run(install, check=True, capture_output=True, env=env)
    return scratch / "installed"


@pytest.fixture
def site(private_host: PrivateHost, collections: Path, tmp_path: Path) -> Site:
    """A host on which everything can be installed."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    private_host.run(["/bin/sh", "-c", OVERLAYS, "sh", str(scratch)]).check()
    return Site(private_host, collections, tmp_path / "ansible")


LOOK = """\
find /usr/bin/podwright /usr/lib/podwright /etc/podwright /var/lib/podwright -printf '%p %y %m %u:%g %s %l\\n' |
    grep -v __pycache__ | sort; getent group | grep podwright || true
"""


def test_install_twice_upgrade_and_remove(site: Site) -> None:
    assert site.changed("install", "--check") == 1
    assert site.changed("install") == 1
    before = site.shell(LOOK)
    assert "/usr/bin/podwright l 777 root:root" in before
    assert "/var/lib/podwright d 2750 root:podwright" in before
    assert site.changed("install") == 0
    assert site.shell(LOOK) == before
    assert site.shell("podwright version").startswith("podwright Version: ")
    assert site.changed("uninstall", "--check") == 1
    assert site.changed("uninstall", podwright_agent_remove_data=True) == 1
    assert site.changed("uninstall", podwright_agent_remove_data=True) == 0
    assert site.shell("ls -d /*/podwright* /*/*/podwright* 2>/dev/null || true") == ""
    assert "podwright" not in site.shell("cat /etc/group /etc/gshadow")


def test_the_agent_starts_from_bytecode(site: Site) -> None:
    site.changed("install")
    before = site.shell(LOOK.replace("grep -v __pycache__", "cat"))
    assert "main.cpython-311.pyc" in before
    site.shell("podwright version; podwright list")
    used = "import sys; sys.argv = ['x']; import podwright.main as m; print(m.__cached__)"
    tree = site.shell("dirname $(dirname $(readlink -f /usr/bin/podwright))").strip()
    cached = site.shell(f"cd {tree} && /usr/bin/python3 -c {json.dumps(used)}").strip()
    assert cached.startswith(tree)
    assert site.shell(f"grep -a -c /usr/lib/podwright/agent- {cached}").strip() != "0"
    assert site.shell(LOOK.replace("grep -v __pycache__", "cat")) == before


def test_files_changed_by_hand_are_put_right_and_the_version_in_use_stays(site: Site) -> None:
    site.changed("install")
    tree = site.shell("dirname $(dirname $(readlink -f /usr/bin/podwright))").strip()
    for damage in ("echo '# x' >>{}/podwright/text.py", "chmod 666 {}/bin/podwright"):
        site.shell(damage.format(tree))
        assert site.changed("install", "--check") == 1
        assert site.changed("install") == 1
        assert site.changed("install") == 0
        assert site.shell(f"ls {tree}/bin") == "podwright\n"
        tree = site.shell("dirname $(dirname $(readlink -f /usr/bin/podwright))").strip()
    site.shell("chmod 777 /etc/podwright/trustedkeys")
    assert site.changed("install") == 1
    assert site.shell("stat -c %a /etc/podwright/trustedkeys") == "755\n"


def test_an_interrupted_upgrade_leaves_the_old_agent_and_is_cleaned_up(site: Site) -> None:
    site.changed("install")
    site.shell("mkdir -p /usr/lib/podwright/.new-abc/podwright; podwright version")
    site.shell("echo '# x' >>$(dirname $(readlink -f /usr/bin/podwright))/../podwright/text.py")
    site.changed("install")
    assert ".new-" not in site.shell("ls -a /usr/lib/podwright")


def test_certificates_are_exactly_those_listed(site: Site) -> None:
    place = "/etc/podwright/ca.d/ansible.pem"
    site.changed("install", podwright_agent_ca_certificates=["A\n", "B"])
    assert site.shell(f"cat {place}; stat -c %a {place}") == "A\nB\n644\n"
    assert site.changed("install", podwright_agent_ca_certificates=["A", "B"]) == 0
    assert site.changed("install", podwright_agent_ca_certificates=["A"]) == 1
    assert site.shell(f"cat {place}") == "A\n"
    site.shell("echo C >/etc/podwright/ca.d/own.pem")
    assert site.changed("install") == 1
    assert site.shell("ls /etc/podwright/ca.d") == "own.pem\n"


def test_what_others_put_beside_the_agent_stays(site: Site) -> None:
    site.changed("install")
    site.shell("mkdir -p /usr/lib/podwright/trustedkeys; echo x >/usr/lib/podwright/trustedkeys/y")
    assert site.changed("install") == 0
    site.changed("uninstall", podwright_agent_remove_data=True)
    assert site.shell("find /usr/lib/podwright -type f") == "/usr/lib/podwright/trustedkeys/y\n"


def test_data_with_something_mounted_in_it_is_not_removed(site: Site) -> None:
    site.changed("install")
    site.shell(
        "mkdir /var/lib/podwright/m; mount -t tmpfs x /var/lib/podwright/m; touch /var/lib/podwright/m/canary"
    )
    done = site.playbook("uninstall", podwright_agent_remove_data=True)
    assert done.exit != 0
    assert "/var/lib/podwright/m is mounted in it" in done.stdout
    assert site.shell("ls /var/lib/podwright/m") == "canary\n"
    site.shell("podwright version")


def test_wrong_variables_are_refused_before_anything_is_done(site: Site) -> None:
    for name, wrong in (("state", "gone"), ("remove_data", "perhaps")):
        done = site.playbook("install", **{f"podwright_agent_{name}": wrong})
        assert done.exit != 0
        assert "Validation of arguments failed" in done.stdout
        assert site.shell("ls -d /usr/lib/podwright 2>/dev/null || true") == ""
