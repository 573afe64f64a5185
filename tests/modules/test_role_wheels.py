# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role agent on hosts whose distribution has neither pyroute2 nor python-gnupg, from the built collection."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.modules.playbook_site import BIN, Site
from tests.support import aci
from tests.support.webserver import ImageServer
from tests.support.wheels import download, make

GNUPG = "python-gnupg==0.5.5"
HIDE = """\
cd "$1"
mkdir empty
echo 'raise SyntaxError("the distribution has another version")' >gnupg.py
mount --bind gnupg.py /usr/lib/python3/dist-packages/gnupg.py
for place in /usr/lib/python3/dist-packages/pyroute2*; do mount --bind empty "$place"; done
awk -v RS= -v ORS='\\n\\n' '!/^Package: python3-(gnupg|pyroute2)\\n/' /var/lib/dpkg/status >status
mount --bind status /var/lib/dpkg/status
mount -t tmpfs scratch /var/cache/apt
mkdir -p /var/lib/apt/lists/partial /var/cache/apt/archives/partial
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d
! dpkg-query -W python3-gnupg python3-pyroute2 2>/dev/null
dpkg-query -W nftables
"""
"""A distribution that has one library in a version which does not work, does not have the other, and whose dpkg and
apt know of neither."""

WHERE = """\
import sys
sys.path.insert(0, sys.argv[1])
from podwright.net import messages
from podwright.stage0.judge import gpg
messages.Messages()
print(gpg.gnupg.__version__, gpg.gnupg.__file__, gpg.gnupg.__cached__)
print(sys.modules["pyroute2.netlink.rtnl.rtmsg"].__cached__)
print("pyroute2.iproute" in sys.modules)
"""
"""What the agent takes, run as `python3 -IS` with its tree."""


@pytest.fixture
def bare(site: Site, tmp_path: Path) -> Site:
    """A host without the libraries, where apt cannot get them either."""
    scratch = tmp_path / "bare"
    scratch.mkdir()
    site.host.run(["/bin/sh", "-euc", HIDE, "sh", str(scratch)]).check()
    return site


def listed(*paths: Path) -> dict[str, object]:
    """The variables for wheels, vouched for by their checksums."""
    there = [path for path in paths if path.exists()]
    return {
        "podwright_agent_wheels": [str(path) for path in paths],
        "podwright_agent_wheel_checksums": [
            hashlib.sha256(path.read_bytes()).hexdigest() for path in there
        ],
    }


def failure(site: Site, **variables: object) -> str:
    """The sentence with which the playbook fails before it has put anything on the host."""
    done = site.playbook("install", **variables)
    assert done.exit != 0
    assert "Traceback" not in done.stdout + done.stderr
    assert site.shell("ls -d /usr/lib/podwright /usr/bin/podwright 2>/dev/null || true") == ""
    said = re.search(
        r'"msg": "(.*)"|^\[ERROR\]: Task failed: (.*)$', done.stdout + done.stderr, re.M
    )
    assert said, done
    return said.group(1) or said.group(2)


@pytest.mark.parametrize(
    "pyroute2", [pytest.param("pyroute2==0.7.12", marks=pytest.mark.thorough), "pyroute2==0.9.5"]
)
def test_a_signed_pod_runs_on_the_default_network_with_wheels_only(
    bare: Site, https_server: ImageServer, published: Callable[..., Path], lab: Keys, pyroute2: str
) -> None:
    variables = {
        **listed(download(pyroute2), download(GNUPG)),
        "podwright_agent_ca_certificates": [https_server.files.ca.read_text()],
    }
    assert bare.changed("install", "--check", **variables) == 1
    assert bare.changed("install", **variables) == 1
    assert bare.changed("install", **variables) == 0
    assert bare.changed("install", "--check", **variables) == 0
    published(app=aci.app(["/bin/sh", "-c", "ip -4 -o addr show eth0; ip route"]))
    command = ["podwright", "trust", "--prefix=example.com", "--skip-fingerprint-review"]
    (key := bare.home / "key.asc").write_text(lab.key.armoured)
    bare.host.run([*command, f"--fingerprint={lab.key.fingerprint}", str(key)]).check()
    assert "sha512-" in bare.shell("podwright fetch example.com/tiny:1.0")
    said = bare.shell("podwright run example.com/tiny:1.0")
    assert "inet 172.16.28.2/24" in said
    assert "default via 172.16.28.1" in said
    published(version="2.0", key=lab.stranger)
    refused = bare.host.run(["podwright", "fetch", "example.com/tiny:2.0"])
    assert refused.exit == 254
    assert "is not trusted" in refused.stderr


def test_wheels_win_over_the_distribution_and_are_used_compiled_and_in_part(bare: Site) -> None:
    bare.changed("install", **listed(download("pyroute2==0.9.5"), download(GNUPG)))
    tree = bare.shell("dirname $(dirname $(readlink -f /usr/bin/podwright))").strip()
    said = bare.host.run(["/usr/bin/python3", "-IS", "-c", WHERE, tree]).check().stdout
    version, source, compiled, message, whole = said.split()
    assert (version, source) == ("0.5.5", f"{tree}/wheels/gnupg.py")
    assert whole == "False"
    for cached in (compiled, message):
        assert bare.shell(f"grep -a -c {tree}/wheels/ {cached}").strip() != "0"
    others = f"find {tree}/wheels ! -user root -o ! -group root -o -type f ! -perm 644 -o -type l"
    assert bare.shell(others) == ""


def test_wheels_are_exactly_those_listed(site: Site, tmp_path: Path) -> None:
    one = make(tmp_path, "one-1-py3-none-any.whl", {"one.py": "x = 1\n"})
    two = make(tmp_path, "two-1-py3-none-any.whl", {"two.py": "x = 1\n"})
    look = "ls $(dirname $(dirname $(readlink -f /usr/bin/podwright)))/wheels 2>/dev/null || true"
    assert site.changed("install", **listed(one, two)) == 1
    assert site.changed("install", **listed(two, one)) == 0
    assert {"one.py", "two.py"} < set(site.shell(look).split())
    make(tmp_path, one.name, {"one.py": "x = 2\n"})
    assert site.changed("install", **listed(two)) == 1
    assert "one.py" not in site.shell(look)
    assert site.changed("install") == 1
    assert site.shell(look) == ""


@pytest.mark.thorough
def test_wheels_that_somebody_has_changed_are_put_right_and_check_mode_says_so(
    site: Site, tmp_path: Path
) -> None:
    one = make(tmp_path, "one-1-py3-none-any.whl", {"one.py": "x = 1\n"})
    two = make(tmp_path, "two-1-py3-none-any.whl", {"two.py": "x = 1\n"})
    look = "ls $(dirname $(dirname $(readlink -f /usr/bin/podwright)))/wheels 2>/dev/null || true"
    assert site.changed("install", "--check", **listed(one, two)) == 1
    assert site.shell("ls -d /usr/lib/podwright 2>/dev/null || true") == ""
    assert site.changed("install", **listed(one, two)) == 1
    site.shell("echo x >>$(dirname $(dirname $(readlink -f /usr/bin/podwright)))/wheels/two.py")
    assert site.changed("install", **listed(two)) == 1
    assert site.changed("install", **listed(two)) == 0
    assert "one.py" not in site.shell(look)
    assert site.changed("install", "--check") == 1
    assert site.changed("install") == 1
    assert site.shell(look) == ""
    assert site.changed("install", "--check") == 0
    site.changed("uninstall", podwright_agent_remove_data=True)
    assert site.shell("ls -d /usr/lib/podwright 2>/dev/null || true") == ""


def test_a_bad_wheel_is_refused_with_one_sentence(site: Site, tmp_path: Path) -> None:
    native = make(tmp_path, "native-1-py3-none-any.whl", {"native.so": ""})
    broken = tmp_path / "broken-1-py3-none-any.whl"
    broken.write_text("not a zip archive")
    outside = make(tmp_path, "outside-1-py3-none-any.whl", {"../../evil.py": ""})
    for wheel, said in (
        (native, "is not pure Python: it has 'native.so'"),
        (broken, "is not a valid zip archive"),
        (outside, "'../../evil.py', which is not a path below its directory"),
        (tmp_path / "none-1-py3-none-any.whl", "is not on the controller"),
    ):
        assert said in failure(site, **listed(wheel))


def test_source_that_the_host_cannot_compile_leaves_the_agent_as_it_was(
    site: Site, tmp_path: Path
) -> None:
    site.changed("install")
    before = site.shell("readlink /usr/lib/podwright/bin")
    bad = make(tmp_path, files={"thing.py": "match = (\n"})
    done = site.playbook("install", **listed(bad))
    assert done.exit != 0
    assert "thing.py" in done.stdout
    assert "SyntaxError" in done.stdout
    assert site.shell("readlink /usr/lib/podwright/bin") == before
    assert site.changed("install") == 0


def test_a_host_without_a_package_manager_is_told_what_to_do(bare: Site) -> None:
    # The machine that runs the tests may have rpm and dnf, too.
    bare.shell(
        "cd /usr/bin; rm -f apt-get dpkg-query rpm dnf dnf-3 dnf4 dnf5; ! command -v rpm dnf"
    )
    said = failure(bare)
    assert "has no apt or dnf to install python3-gnupg and python3-pyroute2 with;" in said
    assert "ansible-playbook podwright.fleet.wheels" in said
    assert "podwright_agent_wheels" in said
    assert "libnftables1, libseccomp2, nftables" in said
    one = failure(bare, **listed(download(GNUPG)))
    assert "to install python3-pyroute2 with;" in one
    both = listed(download("pyroute2==0.9.5"), download(GNUPG))
    assert bare.changed("install", **both) == 1
    assert bare.changed("install", **both) == 0


def test_a_wheel_that_nobody_vouches_for_is_refused(site: Site, tmp_path: Path) -> None:
    wheel = make(tmp_path, "one-1-py3-none-any.whl", {"one.py": "x = 1\n"})
    said = failure(site, podwright_agent_wheels=[str(wheel)])
    assert f"has the SHA-256 checksum {hashlib.sha256(wheel.read_bytes()).hexdigest()}" in said
    assert "podwright_agent_wheel_checksums" in said


def test_the_playbook_downloads_what_the_role_takes_without_being_told_checksums(
    bare: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "wheels"
    command = [
        str(BIN / "ansible-playbook"),
        "podwright.fleet.wheels",
        "-e",
        f"wheels_dir={folder}",
    ]

    def run() -> str:
        # On this machine, which is the controller; the host reaches nothing.
        done = subprocess.run(
            command, env={**os.environ, **bare.env}, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done
        return done.stdout

    assert "changed=2" in run()
    assert "changed=0" in run()
    paths = sorted(folder.glob("*.whl"))
    assert len(paths) == 2
    assert bare.changed("install", podwright_agent_wheels=[str(path) for path in paths]) == 1


@pytest.mark.thorough
def test_a_host_with_apt_is_still_asked_for_what_no_wheel_brings(bare: Site) -> None:
    done = bare.playbook("install", **listed(download(GNUPG)))
    assert done.exit != 0
    assert "No package matching 'python3-pyroute2' is available" in done.stdout
    assert "python3-gnupg" not in done.stdout
