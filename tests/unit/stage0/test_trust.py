# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trust store (behaviour.md A11): which files count for which names, and which make everything stop."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from podwright.errors import UsageError
from podwright.host.paths import Layout
from podwright.kernel import fs
from podwright.stage0 import trust, trustfiles
from podwright.stage0.trustring import TrustError
from tests.conftest import Keys
from tests.support.gpglab import Key


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Empty configuration directories."""
    return Layout(
        data=f"{tmp_path}/data", system_config=f"{tmp_path}/sys", local_config=f"{tmp_path}/etc"
    )


def place(base: str, below: str, key: Key, text: str | None = None, name: str = "") -> Path:
    """Put a key file into the trust store by hand, as an admin or a package does."""
    path = Path(base) / "trustedkeys" / below / (name or key.fingerprint.lower())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(key.armoured if text is None else text)
    return path


def prints(layout: Layout, name: str) -> list[str]:
    """Fingerprints that count for a name."""
    return [key.fingerprint for key in trust.keys_for(layout, name)]


@pytest.mark.threat("T49")
def test_root_keys_and_prefix_keys_count_at_path_elements(layout: Layout, lab: Keys) -> None:
    place(layout.system_config, "root.d", lab.stranger)
    place(layout.local_config, "prefix.d/example.com/et", lab.key)
    root, own = lab.stranger.fingerprint.lower(), lab.key.fingerprint.lower()
    assert prints(layout, "example.com/et") == [root, own]
    assert prints(layout, "example.com/et/cd") == [root, own]
    for name in ("example.com/etcd", "example.com", "other.com/example.com/et"):
        assert prints(layout, name) == [root]


@pytest.mark.threat("T53")
def test_an_empty_file_in_a_later_place_masks_a_key(layout: Layout, lab: Keys) -> None:
    place(layout.system_config, "root.d", lab.key)
    place(layout.local_config, "prefix.d/example.com", lab.key, "")
    assert prints(layout, "example.com/x") == []
    assert prints(layout, "other.com/x") == [lab.key.fingerprint.lower()]
    place(layout.local_config, "prefix.d/example.com/x", lab.key)
    assert prints(layout, "example.com/x") == [lab.key.fingerprint.lower()]


@pytest.mark.threat("T53")
def test_a_missing_store_trusts_nobody(layout: Layout) -> None:
    assert prints(layout, "example.com/x") == []


def replaced(path: Path) -> Path:
    """A path at which nothing is any more."""
    path.unlink()
    return path


def mkfifo(path: Path) -> None:
    """A named pipe, on which reading would wait for ever."""
    os.mkfifo(path)


def looped(directory: Path) -> None:
    """A link to itself in place of a directory."""
    directory.rename(directory.with_name(".old"))
    directory.symlink_to(directory.name)


SPOIL: dict[str, Callable[[Path, Keys], object]] = {
    "other name": lambda path, keys: path.rename(path.with_name("a" * 40)),
    "short name": lambda path, keys: path.rename(path.with_name(path.name[-16:])),
    "upper case": lambda path, keys: path.rename(path.with_name(path.name.upper())),
    "suffix": lambda path, keys: path.rename(path.with_name(path.name + ".asc")),
    "garbage": lambda path, keys: path.write_text("garbage"),
    "truncated": lambda path, keys: path.write_text(path.read_text()[:200]),
    "two keys": lambda path, keys: path.write_text(
        keys.lab.gpg("--armor", "--export", keys.key.fingerprint, keys.stranger.fingerprint)
    ),
    "secret key": lambda path, keys: path.write_text(
        keys.lab.gpg("--passphrase", "", "--armor", "--export-secret-keys", keys.key.fingerprint)
    ),
    "another key": lambda path, keys: path.write_text(keys.stranger.armoured),
    "huge": lambda path, keys: path.write_text("x" * (1024 * 1024 + 1)),
    "writable by others": lambda path, keys: path.chmod(0o666),
    "writable by group": lambda path, keys: path.chmod(0o664),
    "of another user": lambda path, keys: os.chown(path, 65534, 65534),
    "link": lambda path, keys: path.symlink_to(path.rename(path.with_name(".k"))),
    "dangling link": lambda path, keys: replaced(path).symlink_to("nowhere"),
    "pipe": lambda path, keys: mkfifo(replaced(path)),
    "directory writable by others": lambda path, keys: path.parent.chmod(0o777),
    "directory of another user": lambda path, keys: os.chown(path.parent, 65534, 65534),
    "store writable by others": lambda path, keys: path.parents[1].chmod(0o777),
    "link loop": lambda path, keys: looped(path.parent),
}


@pytest.mark.threat("T53")
@pytest.mark.parametrize("spoil", SPOIL)
def test_a_trust_store_that_is_not_in_order_trusts_nobody_and_names_the_file(
    layout: Layout, lab: Keys, spoil: str
) -> None:
    path = place(layout.local_config, "root.d", lab.key)
    SPOIL[spoil](path, lab)
    with pytest.raises(TrustError) as caught:
        trust.keys_for(layout, "example.com/x")
    assert "trustedkeys" in caught.value.message


def test_hidden_files_are_not_looked_at(layout: Layout, lab: Keys) -> None:
    place(layout.local_config, "root.d", lab.key, "unfinished", name=".something.new")
    assert prints(layout, "example.com/x") == []


def test_adding_is_idempotent_and_check_writes_nothing(layout: Layout, lab: Keys) -> None:
    armoured = lab.key.armoured.encode()
    planned = trust.add_key(layout, armoured, prefix="example.com/a", dry_run=True)
    assert planned.changed and not Path(layout.local_config).exists()
    change = trust.add_key(
        layout, armoured, prefix="example.com/a", fingerprint=lab.key.fingerprint
    )
    assert change == planned
    path = Path(change.path)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o644, 0o755)
    again = trust.add_key(layout, armoured, prefix="example.com/a")
    assert (again.changed, again.before) == (False, change.after)
    assert [key.prefix for key in trust.list_keys(layout)] == ["example.com/a"]
    assert sorted(os.listdir(path.parent)) == [path.name]


def test_removing_deletes_ours_and_masks_what_was_shipped(layout: Layout, lab: Keys) -> None:
    shipped = place(layout.system_config, "prefix.d/example.com", lab.key)
    trust.add_key(layout, lab.key.armoured.encode(), prefix="example.com")
    fingerprint = lab.key.fingerprint
    assert trust.remove_key(layout, fingerprint, "example.com", dry_run=True)
    assert prints(layout, "example.com/x") == [fingerprint.lower()]
    assert trust.remove_key(layout, fingerprint, "example.com")
    assert prints(layout, "example.com/x") == [] and shipped.stat().st_size
    assert not trust.remove_key(layout, fingerprint, "example.com")
    shipped.unlink()
    assert trust.remove_key(layout, fingerprint, "example.com")
    assert trust.list_keys(layout) == []
    assert not trust.remove_key(layout, fingerprint, None)


@pytest.mark.threat("T49")
@pytest.mark.parametrize("cut", [8, 16, 32, 39])
def test_short_key_ids_are_refused(layout: Layout, lab: Keys, cut: int) -> None:
    with pytest.raises(UsageError) as caught:
        trust.add_key(
            layout, lab.key.armoured.encode(), prefix=None, fingerprint=lab.key.fingerprint[-cut:]
        )
    assert "give all 40 hexadecimal digits" in caught.value.sentence()


@pytest.mark.threat("T49")
def test_the_fingerprint_given_must_be_the_keys(layout: Layout, lab: Keys) -> None:
    with pytest.raises(UsageError, match=lab.key.fingerprint):
        trust.add_key(
            layout, lab.key.armoured.encode(), prefix=None, fingerprint=lab.stranger.fingerprint
        )
    assert trust.list_keys(layout) == []


@pytest.mark.threat("T49")
@pytest.mark.parametrize("prefix", ["../x", "/x", "https://x", "", "Example.com", "a//b", "a/../b"])
def test_a_prefix_is_an_image_name(layout: Layout, lab: Keys, prefix: str) -> None:
    with pytest.raises(UsageError):
        trust.add_key(layout, lab.key.armoured.encode(), prefix=prefix)


def test_a_key_describes_itself(lab: Keys) -> None:
    info = trust.inspect_key(lab.key.armoured.encode())
    assert info.fingerprint == lab.key.fingerprint.lower()
    assert info.user_ids == ("Images <images@example.com>",)
    assert (info.algo, info.state, info.expires) == ("EdDSA", "valid", "")


@pytest.mark.threat("T46")
@pytest.mark.parametrize("data", [b"", b"x", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n"])
def test_what_is_no_key_is_refused(layout: Layout, data: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        trust.add_key(layout, data, prefix=None)
    assert "gpg --armor --export" in caught.value.sentence()


@pytest.mark.threat("T42")
@pytest.mark.parametrize("swapped", ["prefix.d", "prefix.d/example.com", "prefix.d/example.com/a"])
def test_a_link_in_the_place_of_a_directory_leads_no_write_and_no_removal_elsewhere(
    layout: Layout, lab: Keys, tmp_path: Path, swapped: str
) -> None:
    """What a member of podwright-admin can do between two of our calls."""
    own = lab.key.fingerprint.lower()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    for name in (own, f".{own}.from", f".{own}.new", f"..{own}.from.new"):
        (elsewhere / name).write_text("another's")
    before = {path.name: path.read_text() for path in elsewhere.iterdir()}
    link = Path(layout.local_config, "trustedkeys", swapped)
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    below = trust.directory("example.com/a")
    assert link.parts[-1] in below.split("/")
    for change in (
        lambda: trustfiles.write(layout, below, own, b"key"),
        lambda: trustfiles.remove(layout, below, own, f".{own}.from"),
        lambda: trustfiles.note(layout, below, f".{own}.from"),
        lambda: trust.add_key(layout, lab.key.armoured.encode(), prefix="example.com/a"),
        lambda: trust.remove_key(layout, own, "example.com/a"),
    ):
        with pytest.raises(TrustError):
            change()
    assert {path.name: path.read_text() for path in elsewhere.iterdir()} == before
    assert elsewhere.stat().st_mode & 0o7777 == 0o700


@pytest.mark.threat("T42")
def test_a_directory_that_is_swapped_after_it_was_opened_is_still_the_one_written_to(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    directory = Path(layout.local_config, "trustedkeys/prefix.d/example.com")
    replace = fs.replace_at

    def swap(parent: int, name: str, data: bytes, mode: int) -> None:
        directory.rename(directory.with_name("moved"))
        directory.symlink_to(elsewhere)
        replace(parent, name, data, mode)

    monkeypatch.setattr(fs, "replace_at", swap)
    trustfiles.write(layout, "prefix.d/example.com", "a" * 40, b"key")
    assert (directory.with_name("moved") / ("a" * 40)).read_bytes() == b"key"
    assert list(elsewhere.iterdir()) == []
