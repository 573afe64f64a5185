# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role agent where another version is: up, down, killed at any moment, with a pod that runs through all of it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.modules.playbook_site import Site
from tests.support import aci
from tests.support.patience import until
from tests.support.webserver import ImageServer
from tools import collection

TREE = "/usr/lib/podwright"
LOOK = f"""\
find {TREE} /usr/bin/podwright /etc /var/lib/podwright -name '*podwright*' -printf '%p %y %m %s %l\\n' | sort
readlink {TREE}/bin
"""
HALF = "find /usr /etc -xdev -name '*podwright-new' -o -xdev -name '.new-*' -path '*podwright*'"
DRIVER = """\
import os, sys
from ansible_collections.podwright.fleet.plugins.module_utils import agent_install, agent_tree
tree, archive, event, words, nth = sys.argv[1:]
content = agent_tree.read(tree)
with open(archive, "wb") as stream:
    stream.write(agent_tree.pack(content))
changes = agent_install.install(agent_install.Wanted(agent_tree.digest(content), archive, [], True, False))
left = int(nth)

def die(name, arguments):
    global left
    said = " ".join(str(one) for one in arguments)
    if name == event and all(word in said for word in words.split(",")):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)

sys.addaudithook(die)
for change in changes:
    change.make()
"""
"""Make what must be made, and be killed before the nth thing of a kind, by the names of Python's audit events."""

STRIDE = int(os.environ.get("PODWRIGHT_CRASH_STRIDE", "3"))
KILLS = (
    ("subprocess.Popen", "useradd", 1),
    ("os.mkdir", ".new-", 1),
    ("open", ".new-,text.py", 1),
    ("subprocess.Popen", "compileall", 1),
    ("os.rename", ".new-,agent-", 1),
    ("os.symlink", "agent-,.bin.podwright-new", 1),
    ("os.rename", ".bin.podwright-new", 1),
    ("os.utime", "agent-", 1),
    ("os.rename", ".podwright.podwright-new", 1),
    ("subprocess.Popen", "--write=/usr/share", 1),
    ("open", ".podwright-gc.timer.podwright-new", 1),
    ("os.rename", ".podwright-gc.timer.podwright-new", 1),
)


def another(collections: Path, target: Path, edits: dict[str, tuple[str, str]]) -> Path:
    """The collection with an agent of another version: text replaced in some of its files."""
    shutil.copytree(collections, target, symlinks=True)
    for name, (old, new) in edits.items():
        path = target / collection.PLACE / "agent/podwright" / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
    return target


@pytest.fixture
def other(site: Site, tmp_path: Path) -> Site:
    """The same host, with an agent that differs and writes what the usual one reads."""
    edit = {"text.py": ("# SPDX-License", "# Of another version.\n# SPDX-License")}
    path = another(site.collections, tmp_path / "other", edit)
    return replace(site, collections=path)


@pytest.fixture
def newer(site: Site, tmp_path: Path) -> Site:
    """The same host, with an agent whose data directory has another format."""
    path = another(
        site.collections, tmp_path / "newer", {"host/paths.py": ("FORMAT = 1", "FORMAT = 2")}
    )
    return replace(site, collections=path)


@pytest.fixture
def serving(
    site: Site, https_server: ImageServer, published: Callable[..., Path], lab: Keys
) -> str:
    """The name of an image that can be fetched once the agent is there; it sleeps."""
    published(app=aci.app(["/bin/sh", "-c", "echo up; while sleep 1; do :; done"]))
    site.shell(f"mkdir -p /etc/podwright/ca.d /etc/podwright/trustedkeys/prefix.d/{'example.com'}")
    place = f"/etc/podwright/trustedkeys/prefix.d/example.com/{lab.key.fingerprint.lower()}"
    (key := site.home.parent / "key.asc").write_text(lab.key.armoured)
    site.shell(f"cp {key} {place}; cp {https_server.files.ca} /etc/podwright/ca.d/lab.pem")
    return "example.com/tiny:1.0"


def running(site: Site) -> list[str]:
    """The processes of the pod's app, by their numbers on the host."""
    return site.shell("pgrep -f 'while slee[p]' || true").split()


def version_in_use(site: Site) -> str:
    return site.shell(f"readlink {TREE}/bin").strip()


def test_an_older_agent_is_refused_before_anything_is_changed(
    site: Site, newer: Site, serving: str
) -> None:
    newer.changed("install")
    newer.shell(f"podwright fetch {serving}")
    assert '"format": 2' in newer.shell("cat /var/lib/podwright/version").replace(
        '":', '": '
    ).replace("  ", " ")
    before = site.shell(LOOK)
    for flags in ((), ("--check",)):
        done = site.playbook("install", *flags)
        assert done.exit != 0
        assert (
            "this agent is older than the one that wrote /var/lib/podwright/version" in done.stdout
        )
        assert '"reason": "newer-format"' in done.stdout
        assert site.shell(LOOK) == before
    assert newer.changed("install") == 0
    site.shell("rm -rf /var/lib/podwright")
    assert site.changed("install") == 1


def test_an_older_agent_that_reads_what_is_there_is_installed(
    site: Site, other: Site, serving: str
) -> None:
    other.changed("install")
    other.shell(f"podwright fetch {serving}")
    used = version_in_use(site)
    assert site.changed("install", "--check") == 1
    assert site.changed("install") == 1
    assert version_in_use(site) != used
    assert "sha512-" in site.shell("podwright image list")
    # Back again: the version that was in use is still there, and nothing is sent.
    assert other.changed("install") == 1
    assert version_in_use(site) == used


@pytest.mark.thorough
def test_a_pod_runs_through_upgrades_that_are_killed_at_any_moment(
    site: Site, serving: str, tmp_path: Path
) -> None:
    site.changed("install")
    pod = site.host.popen(["podwright", "run", "--net=none", serving])
    before = until(lambda: running(site) or pod.poll() is not None, "the pod's app runs")
    assert pod.poll() is None, pod.communicate()
    (tmp_path / "driver.py").write_text(DRIVER)

    def drive(tree: Path, event: str = "", words: str = "", nth: int = 0) -> int:
        program, archive = str(tmp_path / "driver.py"), str(tmp_path / "archive")
        command = ["/usr/bin/python3", program, str(tree), archive, event, words, str(nth)]
        done = site.host.run(command, env={"PYTHONPATH": str(site.collections)})
        assert "Traceback" not in done.stderr, done
        return done.exit

    for number, (event, words, nth) in enumerate(KILLS[1::STRIDE] if STRIDE > 1 else KILLS):
        tree = tmp_path / f"agent{number}"
        shutil.copytree(site.collections / collection.PLACE / "agent", tree)
        with (tree / "podwright/text.py").open("a") as stream:
            stream.write(f"# version {number}\n")
        # So that these are made again each time, too.
        site.shell(
            "userdel podwright; rm -f /etc/systemd/system/podwright-gc.timer /usr/bin/podwright"
        )
        assert drive(tree, event, words, nth) in (-9, 137), (event, words)
        assert drive(tree) == 0
        assert site.shell(f"tail -n 1 {TREE}/bin/../podwright/text.py") == f"# version {number}\n"
        assert re.match(r"podwright Version", site.shell("podwright version"))
        assert site.shell(HALF) == "", (event, words)
        assert running(site) == before
    assert site.changed("install") == 1
    assert site.changed("install") == 0
    site.shell(
        "podwright stop $(podwright list --format=json | grep -oE '[0-9a-f]{8}(-[0-9a-f]+){4}' | head -n 1)"
    )
    pod.communicate(timeout=60)
    assert running(site) == []


def test_nothing_is_left_where_an_interrupted_upgrade_is_followed_by_a_removal(site: Site) -> None:
    site.changed("install")
    halves = [
        f"{TREE}/.new-x/podwright/a.py",
        f"{TREE}/.bin.podwright-new",
        "/usr/bin/.podwright.podwright-new",
    ]
    for path in halves:
        site.shell(f"mkdir -p $(dirname {path}); touch {path}")
    site.changed("uninstall", podwright_agent_remove_data=True)
    assert site.shell(HALF) == ""
    assert site.shell(f"ls -d {TREE} 2>/dev/null || true") == ""
