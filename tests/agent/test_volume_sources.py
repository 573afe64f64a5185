# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which links in a volume's source are followed (T66)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from podwright.stage1.namespaces import sources
from podwright.stage1.namespaces.sources import Refused, resolve


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory whose `etc` counts as the system's, and whose own links count too."""
    tmp_path.chmod(0o755)
    for name in ("etc/deep", "srv/place", "other"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "srv/place/file").write_text("found")
    monkeypatch.setattr(sources, "SYSTEM", (f"{tmp_path}/etc",))
    monkeypatch.setattr(sources, "SYSTEM_TOP", (str(tmp_path),))
    return tmp_path


def read(path: Path | str, **options: bool) -> str:
    """The text of what a source leads to."""
    fd = resolve(str(path), **options)
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
        ("etc/deep/link", "../../srv/../srv/place"),
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


@pytest.mark.parametrize("link", ["srv/link", "other/link"])
def test_other_links_are_followed_when_asked_for(top: Path, link: str) -> None:
    (top / link).symlink_to("../srv/place")
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
    (top / "etc").chmod(mode | 0o1000)
    assert read(top / "etc/link/file") == "found"  # nobody can replace a link of root's there


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
