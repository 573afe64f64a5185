# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which links in a volume's source are followed (T66)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from podwright.stage1.namespaces import sourcelinks
from podwright.stage1.namespaces.sourcelinks import Refused, resolve
from tests.support.private_host import PrivateHost

AGENT = Path(__file__).parents[2] / "agent"


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that counts as the system's, as its `etc` does."""
    tmp_path.chmod(0o755)
    for name in ("etc/deep", "srv/place", "other"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "srv/place/file").write_text("found")
    monkeypatch.setattr(sourcelinks, "SYSTEM", (str(tmp_path), f"{tmp_path}/etc"))
    return tmp_path


def read(path: Path | str, *, follow_links: bool = False) -> str:
    """The text of what a source leads to."""
    fd = resolve(str(path), follow_links=follow_links)
    try:
        return Path(f"/proc/self/fd/{fd}").read_text()
    finally:
        os.close(fd)


def test_a_path_without_links_is_taken(top: Path) -> None:
    assert read(top / "srv/place/file") == "found"
    assert read(f"{top}/srv//./place/file") == "found"


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("etc/link", "../srv/place"),
        ("etc/link", "../srv/../srv/place"),
        ("link", "srv/place"),
        ("etc/link", "{top}/srv/place/"),
    ],
)
def test_links_of_the_system_are_followed(top: Path, link: str, target: str) -> None:
    (top / link).symlink_to(target.format(top=top))
    assert read(top / link / "file") == "found"


@pytest.mark.threat("T66")
def test_every_link_on_the_way_counts(top: Path) -> None:
    (top / "etc/first").symlink_to("../srv/second")
    (top / "srv/second").symlink_to("place")
    with pytest.raises(Refused, match="srv/second is a link to place"):
        read(top / "etc/first/file")
    assert read(top / "etc/first/file", follow_links=True) == "found"


@pytest.mark.threat("T66")
@pytest.mark.parametrize("link", ["srv/link", "other/link", "etc/deep/link"])
def test_other_links_are_followed_when_asked_for(top: Path, link: str) -> None:
    (top / link).symlink_to(top / "srv/place")
    with pytest.raises(Refused, match="is a link to"):
        read(top / link / "file")
    assert read(top / link / "file", follow_links=True) == "found"


@pytest.mark.threat("T66")
@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777])
def test_no_link_is_followed_where_others_can_make_one(top: Path, mode: int) -> None:
    (top / "etc/link").symlink_to("../srv/place")
    (top / "etc").chmod(mode)
    with pytest.raises(Refused, match="others than root can change"):
        read(top / "etc/link/file", follow_links=True)
    with pytest.raises(Refused, match="others than root can change"):
        read(top / "etc/link/file")
    (top / "etc").chmod(mode | 0o1000)
    with pytest.raises(Refused, match="others than root can change"):
        read(top / "etc/link/file")
    (top / "etc").chmod(0o755)
    assert read(top / "etc/link/file") == "found"


def test_asked_for_a_link_of_roots_in_a_sticky_directory_is_followed(top: Path) -> None:
    (top / "other/link").symlink_to("../srv/place")
    (top / "other").chmod(0o1777)  # nobody can replace a link of root's there
    assert read(top / "other/link/file", follow_links=True) == "found"


@pytest.mark.parametrize("what", ["etc", "etc/link"])
def test_no_link_of_another_user_is_followed(top: Path, what: str) -> None:
    (top / "etc/link").symlink_to("../srv/place")
    os.lchown(top / what, 1000, 1000)
    with pytest.raises(Refused, match="others than root can change"):
        read(top / "etc/link/file", follow_links=True)


def test_a_loop_ends(top: Path) -> None:
    (top / "etc/link").symlink_to("link")
    with pytest.raises((OSError, Refused)):
        read(top / "etc/link")


@pytest.mark.parametrize("path", ["/proc/self/root/etc", "/proc/self/cwd", "/proc/self/fd/0"])
def test_magic_links_are_never_followed(top: Path, path: str) -> None:
    with pytest.raises(Refused):
        read(path, follow_links=True)


def test_what_is_missing_is_an_error_of_the_system(top: Path) -> None:
    (top / "etc/link").symlink_to("../nowhere")
    for path in ("none", "etc/link/x", "srv/place/file/x"):
        with pytest.raises(OSError, match=r"No such file|Not a directory"):
            read(top / path)


LINKED_DEVICE = """\
set -e
grep -q ' /dev .* - {kind} ' /proc/self/mountinfo || mount -t {kind} -o mode=755 none /dev
trap 'rm -r {place}' EXIT
mkdir -p {place}/by-id
mknod {place}/null c 1 3
ln -s ../null {place}/by-id/disk
{python} -IS -c '{code}'
"""
RESOLVE = """\
import os, sys
sys.path.insert(0, "{agent}")
from podwright.stage1.namespaces.sourcelinks import Refused, resolve
try:
    print(os.fstat(resolve("{place}/by-id/disk")).st_rdev)
except Refused as err:
    print(err.args[0])
"""


@pytest.mark.threat("T66")
@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("devtmpfs", str(os.makedev(1, 3))),
        ("tmpfs", "{place}/by-id/disk is a link to ../null"),
    ],
)
def test_a_disk_by_its_id_is_found_where_the_kernel_keeps_dev_and_only_there(
    private_host: PrivateHost, kind: str, found: str
) -> None:
    place = f"/dev/podwright-test-{os.getpid()}"  # the kernel has one devtmpfs for all
    code = RESOLVE.format(agent=AGENT, place=place)
    script = LINKED_DEVICE.format(kind=kind, place=place, python="/usr/bin/python3", code=code)
    command = ["unshare", "-m", "--propagation", "private", "/bin/sh", "-c", script]
    assert private_host.run(command).check().stdout.strip() == found.format(place=place)
