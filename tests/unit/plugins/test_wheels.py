# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which wheels the controller takes for the agent, and which it refuses, in one sentence each."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Container
from pathlib import Path

import pytest
from ansible_collections.podwright.fleet.plugins.module_utils import agent_tree
from ansible_collections.podwright.fleet.plugins.plugin_utils import wheels

from tests.support.wheels import make


class Every(Container[str]):
    """Any checksum is known."""

    def __contains__(self, _checksum: object) -> bool:
        return True


def refused(*paths: Path) -> str:
    """The one sentence with which wheels are refused."""
    with pytest.raises(wheels.WheelError) as error:
        wheels.read([str(path) for path in paths], Every())
    said = str(error.value)
    assert "\n" not in said
    assert "; " in said, "it says what to do"
    return said


def test_a_pure_wheel_is_its_files(tmp_path: Path) -> None:
    path = make(tmp_path, "thing-1.0-py2.py3-none-any.whl", {"thing/__init__.py": "x", "a/b": ""})
    found = wheels.read([str(path)], Every())
    assert set(found) == {"thing/__init__.py", "a/b", "thing-1.0.dist-info/WHEEL"}
    assert found["thing/__init__.py"] == b"x"


def test_the_name_in_the_metadata_may_be_spelt_differently(tmp_path: Path) -> None:
    path = make(tmp_path, "Some.Thing-1.0-1-py3-none-any.whl")
    path = path.rename(tmp_path / "some_thing-1.0-1-py3-none-any.whl")
    assert "thing.py" in wheels.read([str(path)], Every())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("thing-1.0.tar.gz", "is not named like a wheel"),
        ("thing.whl", "is not named like a wheel"),
        ("thing-1.0-cp311-cp311-manylinux_2_17_x86_64.whl", "is not pure Python"),
        ("thing-1.0-py3-none-manylinux_2_17_x86_64.whl", "is not pure Python"),
        ("thing-1.0-py3-abi3-any.whl", "is not pure Python"),
        ("thing-1.0-py2-none-any.whl", "is not pure Python"),
    ],
)
def test_other_names_are_refused(tmp_path: Path, name: str, said: str) -> None:
    assert said in refused(make(tmp_path, name))


@pytest.mark.parametrize(
    "member",
    [
        "../evil.py",
        "/etc/evil.py",
        "a/../../evil.py",
        "a//b.py",
        "./a.py",
        "a\\..\\b.py",
        "a\nb.py",
    ],
)
def test_paths_that_leave_the_directory_are_refused(tmp_path: Path, member: str) -> None:
    said = refused(make(tmp_path, files={member: "x"}))
    assert "which is not a path below its directory" in said
    assert repr(member) in said


@pytest.mark.parametrize(
    "member", ["thing.so", "thing.cpython-311-x86_64-linux-gnu.so", "libthing.so.1.2", "a/b.PYD",
               "a/b.pyc", "a/__pycache__/b.cpython-311.pyc"],
)  # fmt: skip
def test_compiled_files_are_refused(tmp_path: Path, member: str) -> None:
    assert f"is not pure Python: it has {member!r}" in refused(make(tmp_path, files={member: ""}))


def test_metadata_that_contradicts_the_name_is_refused(tmp_path: Path) -> None:
    said = refused(make(tmp_path, tag="cp311-cp311-linux_x86_64"))
    assert "is not pure Python, as thing-1.0.dist-info/WHEEL says" in said
    other = make(tmp_path, "other-2-py3-none-any.whl").rename(tmp_path / "x-2-py3-none-any.whl")
    assert "has no x-2.dist-info/WHEEL" in refused(other)


def test_files_for_other_places_of_the_host_are_refused(tmp_path: Path) -> None:
    said = refused(make(tmp_path, files={"thing-1.0.data/scripts/thing": "#!python"}))
    assert "belongs elsewhere on the host" in said


def test_links_are_refused(tmp_path: Path) -> None:
    path = make(tmp_path)
    link = zipfile.ZipInfo("evil")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/shadow")
    assert "'evil', which is no regular file" in refused(path)


def test_what_is_no_zip_archive_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path, files={"a.py": "canary" * 1000})
    whole = path.read_bytes()
    for damaged in (b"", b"x" * 1000, whole[: len(whole) // 2], whole[:90] + b"#" + whole[91:]):
        path.write_bytes(damaged)
        assert "is not a valid zip archive" in refused(path)


def test_a_name_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("thing.py", "x = 2\n")
    assert "has 'thing.py' twice" in refused(path)


def test_wheels_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    first = make(tmp_path, files={"a": "1"})
    same = make(tmp_path, "other-1-py3-none-any.whl", {"a": "2"})
    below = make(tmp_path, "more-1-py3-none-any.whl", {"a/b": "2"})
    assert "both have 'a'" in refused(first, same)
    assert "is a file" in refused(first, below)
    assert "is a file" in refused(below, first)


def test_more_than_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path, files={"a.py": "x" * 1000})
    monkeypatch.setattr(wheels, "LIMIT", 1000)
    assert "list a smaller one" in refused(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "thing-1.0-py3-none-any.whl"
    with pytest.raises(wheels.WheelError, match="cannot be read: No such file"):
        wheels.read([str(missing)], Every())


def test_wheels_arrive_beside_the_agent_and_drift_is_seen(tmp_path: Path) -> None:
    deep = "/".join(["deep" * 20] * 4) + ".py"  # longer than plain tar can name
    found = wheels.read([str(make(tmp_path, files={"thing.py": "x = 1\n", deep: ""}))], Every())
    content = {"bin/podwright": b"", **{f"wheels/{name}": text for name, text in found.items()}}
    archive = tmp_path / "packed.tar.gz"
    archive.write_bytes(agent_tree.pack(content))
    there = tmp_path / "there"
    there.mkdir()
    agent_tree.unpack(str(archive), str(there))
    assert agent_tree.installed(str(there)) == agent_tree.digest(content)
    assert (there / "wheels" / deep).stat().st_mode & 0o777 == 0o644
    (there / "wheels/thing.py").write_text("x = 2\n")
    assert agent_tree.installed(str(there)) != agent_tree.digest(content)


def test_a_wheel_is_taken_with_the_checksum_that_somebody_vouches_for_only(tmp_path: Path) -> None:
    path = make(tmp_path)
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    (pins := tmp_path / "pins").write_text(f"other==1 --hash=sha256:{'0' * 64}\n")
    for given in ([right], [f"sha256:{right.upper()}"]):
        assert "thing.py" in wheels.read([str(path)], wheels.checksums(given, str(pins)))
    with pytest.raises(wheels.WheelError) as error:
        wheels.read([str(path)], wheels.checksums(["1" * 64], str(pins)))
    assert right in str(error.value) and "podwright_agent_wheel_checksums" in str(error.value)
    pins.write_text(f"thing==1.0 --hash=sha256:{right}\n")
    assert "thing.py" in wheels.read([str(path)], wheels.checksums([], str(pins)))
    with path.open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(wheels.WheelError, match="nobody vouches for"):
        wheels.read([str(path)], wheels.checksums([right], str(pins)))


@pytest.mark.parametrize("wrong", ["", "abc", "g" * 64, "md5:" + "0" * 32])
def test_what_is_no_checksum_is_refused(tmp_path: Path, wrong: str) -> None:
    (pins := tmp_path / "pins").write_text("")
    with pytest.raises(wheels.WheelError, match="64 hexadecimal digits"):
        wheels.checksums([wrong], str(pins))
