# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The power goes when the role agent has just switched versions: the version that the link then names is whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.modules.playbook_site import Site
from tests.support.paths import CHECKOUT

DRIVER = """\
import fcntl, json, os, struct, sys
from ansible_collections.podwright.fleet.plugins.module_utils import agent_install, agent_tree, agent_versions
disk, tree, archive = sys.argv[1:]
place = agent_versions.TREE
content = agent_tree.read(tree)
with open(archive, "wb") as stream:
    stream.write(agent_tree.pack(content))

def mount():
    agent_install.run("mount", "-o", "loop", disk, place)

def cut():
    "What has not reached the disk is lost; of what the journal knows, nothing is."
    fd = os.open(place, os.O_RDONLY)
    fcntl.ioctl(fd, 0x8004587D, struct.pack("I", 1))  # FS_IOC_SHUTDOWN, with the log
    os.close(fd)
    agent_install.run("umount", place)

mount()
wanted = agent_tree.digest(content)
for change in agent_versions.in_use(wanted, archive):
    change.make()
with open(f"{place}/later", "w") as stream:
    stream.write("x" * 4096)
cut()
mount()
used = os.path.dirname(os.readlink(f"{place}/bin")) if os.path.islink(f"{place}/bin") else ""
told = {"used": used, "whole": bool(used) and agent_tree.installed(f"{place}/{used}") == wanted}
told["later"] = os.path.exists(f"{place}/later") and os.path.getsize(f"{place}/later")
print(json.dumps(told))
agent_install.run("umount", place)
"""


@pytest.mark.threat("T90")
@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_a_version_that_is_in_use_is_on_the_disk(site: Site, tmp_path: Path, kind: str) -> None:
    disk, place = tmp_path / "disk", "/usr/lib/podwright"
    with disk.open("wb") as file:
        file.truncate(400 * 1024 * 1024)
    site.shell(f"mkfs.{kind} -q {disk}; mkdir -p {place}")
    (tmp_path / "driver.py").write_text(DRIVER)
    command = [
        "/usr/bin/python3",
        tmp_path / "driver.py",
        disk,
        CHECKOUT / "agent",
        tmp_path / "archive",
    ]
    done = site.host.run(
        [str(word) for word in command], env={"PYTHONPATH": str(site.collections)}
    ).check()
    told = json.loads(done.stdout)
    assert told["later"] != 4096, "the control: what nobody made durable is lost"
    assert told["used"] and told["whole"], told
