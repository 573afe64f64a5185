# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who does what: `podwright` fetches into the inbox, `podwright-admin` trusts, only root renders and runs.

Real users and groups, of a private /etc/passwd and /etc/group.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from podwright.model.imageref import parse_ref
from podwright.stage0 import inbox
from tests.conftest import Keys
from tests.support import tiny_image as tiny
from tests.support.agent import AGENT_ERROR, Agent
from tests.support.paths import CHECKOUT
from tests.support.private_host import Result
from tests.support.webserver import ImageServer

FETCHERS, TRUSTERS = 3001, 3002
MEMBER, TRUSTER, OUTSIDER, HELPER = 2001, 2002, 2003, 2004
GROUPS = {MEMBER: (FETCHERS,), TRUSTER: (TRUSTERS,), OUTSIDER: (), HELPER: ()}
Publish = Callable[..., Path]


@dataclasses.dataclass(frozen=True)
class Site:
    """The host with its users; `agent` acts as root."""

    agent: Agent
    program: Path

    def run(self, user: int, *command: str | Path) -> Result:
        """Run a command as a user, with the user's groups."""
        groups = ",".join(map(str, GROUPS[user]))
        drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--inh-caps=-all"]
        drop += [f"--groups={groups}"] if groups else ["--clear-groups"]
        return self.agent.host.run([*drop, *map(str, command)], env={"HOME": "/nonexistent"})

    def as_user(self, user: int, *arguments: str | Path) -> Result:
        """Run the agent as a user."""
        options = self.agent.command[3:]
        return self.run(user, "/usr/bin/python3", "-IS", self.program, *options, *arguments)

    def refused(self, user: int, *arguments: str | Path) -> str:
        """Run the agent as a user, which must be refused in one line."""
        result = self.as_user(user, *arguments)
        assert result.exit == AGENT_ERROR, result
        assert result.stdout == "", result
        (line,) = result.stderr.splitlines()
        return line

    @property
    def inbox(self) -> Path:
        """Where downloads are left."""
        return self.agent.data / "cas/inbox"


@pytest.fixture
def site(agent: Agent, tmp_path: Path) -> Site:
    """Users of podwright, of podwright-admin, of neither; and the one that confined children become."""
    for directory in (tmp_path, *tmp_path.parents[:-2]):
        directory.chmod(0o711)
    accounts = {"passwd": "root:x:0:0::/root:/bin/sh\n", "group": "root:x:0:\n"}
    names = {MEMBER: "member", TRUSTER: "truster", OUTSIDER: "outsider", HELPER: "podwright"}
    for uid, name in names.items():
        accounts["passwd"] += f"{name}:x:{uid}:{uid}::/nonexistent:/bin/false\n"
    accounts["group"] += f"podwright:x:{FETCHERS}:member\npodwright-admin:x:{TRUSTERS}:truster\n"
    for name, text in accounts.items():
        (tmp_path / name).write_text(text)
        agent.host.run(["mount", "--bind", str(tmp_path / name), f"/etc/{name}"]).check()
    tree = tmp_path / "tree"
    shutil.copytree(CHECKOUT / "agent", tree, ignore=shutil.ignore_patterns("__pycache__"))
    return Site(agent, tree / "bin/podwright")


@pytest.fixture
def ready(site: Site, lab: Keys, published: Publish) -> Site:
    """A site with a store and a trusted key, whose server has the tiny image."""
    site.agent.trust(lab.key, "example.com")
    published()
    site.agent.ok("image", "list")
    make_store(site)
    return site


def make_store(site: Site) -> None:
    """Have the store's directories made, as the role does, by a fetch that finds nothing."""
    site.agent.refused("fetch", "example.com/missing:1.0")
    assert stat.S_IMODE(site.inbox.stat().st_mode) == 0o3770
    assert site.inbox.stat().st_gid == FETCHERS


def names_in(directory: Path) -> list[str]:
    """What is in a directory."""
    return sorted(entry.name for entry in directory.iterdir())


@pytest.mark.threat("T42")
def test_a_member_fetches_and_root_verifies_again_and_runs(
    ready: Site, https_server: ImageServer
) -> None:
    done = ready.as_user(MEMBER, "fetch", "--full", f"{tiny.NAME}:1.0").check()
    image_id = done.stdout.strip()
    (entry,) = ready.inbox.iterdir()
    assert entry.stat().st_uid == MEMBER
    assert names_in(entry) == ["aci", "aci.asc"]
    assert names_in(ready.agent.data / "cas/image") == []
    https_server.close()  # what root runs can come from the inbox only
    ran = ready.agent("run", "--net=none", f"{tiny.NAME}:1.0", "--exec=/bin/true")
    assert ran.exit == 0, ran
    assert names_in(ready.agent.data / "cas/image") == [image_id]
    assert names_in(ready.inbox) == []
    listed = ready.agent.ok("image", "list", "--fields=id,verdict", "--full")
    assert "signed" in listed


def test_root_fetch_takes_the_newest_and_clears_the_others(
    ready: Site, https_server: ImageServer
) -> None:
    for _ in range(2):
        ready.as_user(MEMBER, "fetch", f"{tiny.NAME}:1.0").check()
    assert len(names_in(ready.inbox)) == 2
    https_server.close()
    ready.agent.ok("fetch", f"{tiny.NAME}:1.0")
    assert names_in(ready.inbox) == []


def test_what_was_asked_for_by_url_or_without_version_is_left_under_its_signed_name_and_version(
    ready: Site, https_server: ImageServer
) -> None:
    (image,) = https_server.root.rglob("*.aci")
    url = f"https://example.com/{image.relative_to(https_server.root)}"
    shutil.copyfile(image, str(image).replace("1.0", "latest"))
    shutil.copyfile(f"{image}.asc", str(image).replace("1.0", "latest") + ".asc")
    for asked in (url, tiny.NAME):
        assert (
            f"of {tiny.NAME}:1.0 finds it" in ready.as_user(MEMBER, "fetch", asked).check().stderr
        )
    assert len(names_in(ready.inbox)) == 2
    https_server.close()
    ready.agent.ok("fetch", f"{tiny.NAME}:1.0")
    assert names_in(ready.inbox) == []


def test_an_image_without_a_version_is_for_root_to_fetch(
    ready: Site, published: Publish, https_server: ImageServer
) -> None:
    image = published(name="example.com/plain", version="1.0")
    plain = published(name="example.com/plain", version="")
    url = f"https://example.com/{plain.relative_to(https_server.root)}"
    assert image != plain
    assert "has no version" in ready.refused(MEMBER, "fetch", url)
    assert names_in(ready.inbox) == []


def planted(site: Site, text: str, image: Path) -> Path:
    """A signed image that a member leaves as the download of something else."""
    asked = parse_ref(text, lambda _path: False)
    entry = site.inbox / f"{inbox.key(asked)}.{'0' * 16}"
    entry.mkdir()
    shutil.copyfile(image, entry / "aci")
    shutil.copyfile(f"{image}.asc", entry / "aci.asc")
    for path in (entry, *entry.iterdir()):
        os.chown(path, MEMBER, MEMBER)
    return entry


@pytest.mark.threat("T42")
def test_nothing_from_the_inbox_is_what_a_url_gives(
    ready: Site, published: Publish, signed_image: Callable[..., Path], https_server: ImageServer
) -> None:
    other = signed_image(name="example.com/shell", version="1.0")
    url = "https://example.com/webapp.aci"
    entry = planted(ready, url, other)
    assert "404" in ready.agent.refused("run", "--net=none", url, "--exec=/bin/true")
    assert names_in(ready.agent.data / "cas/image") == []
    assert names_in(ready.inbox) == [entry.name]


@pytest.mark.threat("T42")
def test_an_old_version_from_the_inbox_is_not_the_latest(
    ready: Site, published: Publish, signed_image: Callable[..., Path]
) -> None:
    old = signed_image(version="0.1")
    published(version="latest")
    planted(ready, tiny.NAME, old)
    planted(ready, f"{tiny.NAME}:0.1", old)
    ready.agent.ok("fetch", tiny.NAME)
    listed = json.loads(ready.agent.ok("image", "list", "--format=json"))
    assert [dict(image["labels"])["version"] for image in listed] == ["latest"]
    ready.agent.ok("fetch", f"{tiny.NAME}:0.1")
    listed = json.loads(ready.agent.ok("image", "list", "--format=json"))
    latest = {dict(image["labels"])["version"]: image["latest"] for image in listed}
    assert latest == {"0.1": False, "latest": True}


@pytest.mark.threat("T42")
def test_what_else_is_in_a_download_is_left_to_gc(ready: Site, https_server: ImageServer) -> None:
    entry = left(ready)
    (entry / "deep/below").mkdir(parents=True)
    again = planted(ready, f"{tiny.NAME}:1.0", entry / "aci")
    (again / "deep").mkdir()
    https_server.close()
    ready.agent.ok("fetch", f"{tiny.NAME}:1.0")
    assert names_in(ready.inbox) == []
    kept = [path for path in (ready.agent.data / "tmp").iterdir() if path.name.startswith("inbox.")]
    assert sorted(map(names_in, kept)) == [["deep"], ["deep"]]
    ready.agent.ok("gc")
    assert names_in(ready.agent.data / "tmp") == []


def test_members_list_images_and_see_no_trees_or_archives(ready: Site) -> None:
    ready.agent.ok("fetch", f"{tiny.NAME}:1.0")
    shown = ready.as_user(MEMBER, "image", "list", "--full").check().stdout
    assert tiny.NAME in shown
    image_id = names_in(ready.agent.data / "cas/image")[0]
    assert ready.run(MEMBER, "ls", ready.agent.data / "cas/tree").exit != 0
    assert ready.run(MEMBER, "cat", ready.agent.data / "cas/image" / image_id / "aci").exit != 0
    assert ready.run(MEMBER, "ls", ready.agent.data / "pods").exit != 0
    assert ready.run(MEMBER, "touch", ready.agent.data / "cas/image/x").exit != 0
    assert ready.agent("run", "--net=none", image_id, "--exec=/bin/true").exit == 0
    assert "member of the group podwright" in ready.refused(OUTSIDER, "image", "list")


@pytest.mark.threat("T42")
def test_an_outsider_is_refused_in_one_sentence_that_says_what_to_do(ready: Site) -> None:
    for user in (OUTSIDER, TRUSTER):
        line = ready.refused(user, "fetch", f"{tiny.NAME}:1.0")
        assert "member of the group podwright" in line
        assert "sudo podwright fetch" in line
    assert names_in(ready.inbox) == []


@pytest.mark.parametrize("verb", ["run", "prepare"])
def test_a_member_neither_renders_nor_runs(ready: Site, verb: str) -> None:
    assert f"sudo podwright {verb}" in ready.refused(MEMBER, verb, f"{tiny.NAME}:1.0")


@pytest.mark.threat("T42")
def test_a_member_verifies_too(ready: Site, published: Publish, lab: Keys) -> None:
    published(version="2.0", key=lab.stranger)
    line = ready.refused(MEMBER, "fetch", f"{tiny.NAME}:2.0")
    assert "signed" in line or "trusted" in line
    published(version="3.0", key=None)
    assert "no signature" in ready.refused(MEMBER, "fetch", f"{tiny.NAME}:3.0")
    assert names_in(ready.inbox) == []


def test_what_root_would_not_take_a_member_is_told_at_once(
    ready: Site, signed_image: Callable[..., Path]
) -> None:
    lifted = ready.refused(MEMBER, "--insecure-options=image", "fetch", tiny.NAME)
    assert "only signed images" in lifted
    image = signed_image()
    assert "root reads files itself" in ready.refused(MEMBER, "fetch", image)
    assert "by root only" in ready.refused(MEMBER, "fetch", "docker://registry.example.com/a:1")


def left(site: Site, reference: str = f"{tiny.NAME}:1.0") -> Path:
    """A download that a member has left."""
    site.as_user(MEMBER, "fetch", reference).check()
    (entry,) = site.inbox.iterdir()
    return entry


@pytest.mark.threat("T42")
@pytest.mark.parametrize("policy", [False, True])
def test_a_member_cannot_pass_off_other_bytes(
    ready: Site, published: Publish, lab: Keys, https_server: ImageServer, policy: bool
) -> None:
    """Not unsigned ones, not those of a stranger, and not even where the policy accepts anything."""
    entry = left(ready)
    if policy:
        (ready.agent.local / "policy.json").write_text(
            '{"default": [{"type": "insecureAcceptAnything"}]}'
        )
    forged = published(
        version="1.0", key=lab.stranger, app={"exec": ["/bin/sh"], "user": "0", "group": "0"}
    )
    shutil.copyfile(forged, entry / "aci")
    shutil.copyfile(f"{forged}.asc", entry / "aci.asc")
    for file in entry.iterdir():
        os.chown(file, MEMBER, MEMBER)
    https_server.close()
    line = ready.agent.refused("fetch", f"{tiny.NAME}:1.0")
    assert "signed" in line or "trusted" in line
    assert names_in(ready.agent.data / "cas/image") == []
    assert names_in(ready.inbox) == []


@pytest.mark.threat("T42", "T40")
@pytest.mark.parametrize(
    "planted", ["link", "pipe", "foreign", "directory", "nothing", "entry is a link"]
)
def test_what_is_no_file_of_theirs_is_refused_and_nothing_is_read_through_it(
    ready: Site, https_server: ImageServer, tmp_path: Path, planted: str
) -> None:
    entry = left(ready)
    secret = tmp_path / "secret"
    secret.write_text("root's secret")
    secret.chmod(0o600)
    archive = entry / "aci"
    if planted != "entry is a link":
        archive.unlink()
    if planted == "link":
        archive.symlink_to(secret)
    elif planted == "pipe":
        os.mkfifo(archive)
        os.chown(archive, MEMBER, MEMBER)
    elif planted == "foreign":
        os.link(secret, archive)
    elif planted == "directory":
        archive.mkdir()
    elif planted == "entry is a link":
        aside = entry.rename(tmp_path / "aside")
        entry.symlink_to(aside)
    https_server.close()
    line = ready.agent.refused("fetch", f"{tiny.NAME}:1.0")
    assert "root's secret" not in line
    assert secret.read_text() == "root's secret"
    assert names_in(ready.agent.data / "cas/image") == []


@pytest.mark.threat("T42")
def test_an_image_of_another_name_is_not_taken_for_the_one_asked_for(
    ready: Site, published: Publish, https_server: ImageServer
) -> None:
    entry = left(ready)
    other = published(name="example.com/other", version="1.0")
    shutil.copyfile(other, entry / "aci")
    shutil.copyfile(f"{other}.asc", entry / "aci.asc")
    https_server.close()
    assert "calls itself example.com/other" in ready.agent.refused("fetch", f"{tiny.NAME}:1.0")


def test_a_refused_download_does_not_keep_root_from_the_network(ready: Site) -> None:
    entry = left(ready)
    (entry / "aci").write_bytes(b"nonsense")
    ready.agent.ok("fetch", f"{tiny.NAME}:1.0")
    assert names_in(ready.inbox) == []


def test_what_nobody_takes_within_a_day_goes(ready: Site) -> None:
    entry = left(ready)
    ready.as_user(MEMBER, "fetch", f"{tiny.NAME}:1.0").check()
    os.utime(entry, (0, 0))
    ready.agent.ok("gc")
    assert entry.name not in names_in(ready.inbox)
    assert len(names_in(ready.inbox)) == 1


def test_a_failed_fetch_leaves_nothing_behind(ready: Site) -> None:
    ready.refused(MEMBER, "fetch", "example.com/missing:1.0")
    assert names_in(ready.inbox) == []


@pytest.mark.threat("T42")
def test_a_member_of_the_other_group_adds_keys_and_removes_them(
    ready: Site, lab: Keys, published: Publish, tmp_path: Path
) -> None:
    trusted = ready.agent.local / "trustedkeys"
    for directory in (trusted, *(path for path in trusted.rglob("*") if path.is_dir())):
        os.chown(directory, 0, TRUSTERS)
        directory.chmod(0o2775)
    key = tmp_path / "stranger.asc"
    key.write_text(lab.stranger.armoured)
    add = ("trust", "--prefix=example.com/new", "--skip-fingerprint-review", key)
    assert ready.as_user(MEMBER, *add).exit == AGENT_ERROR
    ready.as_user(TRUSTER, *add).check()
    made = trusted / "prefix.d/example.com/new"
    assert (stat.S_IMODE(made.stat().st_mode), made.stat().st_gid) == (0o2775, TRUSTERS)
    published(name="example.com/new", version="1.0", key=lab.stranger)
    ready.agent.ok("fetch", "example.com/new:1.0")
    fingerprint = lab.stranger.fingerprint
    ready.as_user(TRUSTER, "trust", "remove", "--prefix=example.com/new", fingerprint).check()
    assert "trusted" in ready.agent.refused(
        "run", "--net=none", "example.com/new:1.0", "--exec=/bin/true"
    )


@pytest.mark.threat("T42")
@pytest.mark.parametrize(
    ("group", "mode"), [(MEMBER, 0o775), (FETCHERS, 0o2775), (TRUSTERS, 0o2777)]
)
def test_a_trust_store_that_others_may_write_is_refused(ready: Site, group: int, mode: int) -> None:
    directory = ready.agent.local / "trustedkeys/prefix.d/example.com"
    os.chown(directory, 0, group)
    directory.chmod(mode)
    assert "may be written by others" in ready.agent.refused("fetch", f"{tiny.NAME}:1.0")


@pytest.mark.threat("T42")
def test_a_key_file_of_somebody_elses_is_refused(ready: Site) -> None:
    (file,) = (ready.agent.local / "trustedkeys/prefix.d/example.com").iterdir()
    os.chown(file, MEMBER, FETCHERS)
    assert f"belongs to user {MEMBER}" in ready.agent.refused("fetch", f"{tiny.NAME}:1.0")


def test_without_the_group_the_store_is_roots_alone(
    agent: Agent, published: Publish, lab: Keys
) -> None:
    agent.trust(lab.key, "example.com")
    published()
    agent.ok("fetch", f"{tiny.NAME}:1.0")
    for path in (agent.data, agent.data / "cas", agent.data / "cas/image"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert not (agent.data / "cas/inbox").exists()
