# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capabilities, environments, messages between parent and PID 1, users and programs of a root."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from podwright.errors import LaunchError
from podwright.model.isolators import Isolators
from podwright.stage1.namespaces import capabilities, environment, identity, link, program


def test_numbers_of_capabilities_are_the_kernels() -> None:
    assert len(capabilities.NAMES) == 41
    known = {
        "CAP_CHOWN": 0,
        "CAP_SETPCAP": 8,
        "CAP_SYS_ADMIN": 21,
        "CAP_SETFCAP": 31,
        "CAP_CHECKPOINT_RESTORE": 40,
    }
    assert {name: capabilities.number(name) for name in known} == known


def test_the_default_set_leaves_out_what_reaches_further() -> None:
    never = {"CAP_MKNOD", "CAP_NET_RAW", "CAP_AUDIT_WRITE", "CAP_SETFCAP", "CAP_SYS_CHROOT"}
    assert len(capabilities.DEFAULT) <= 9
    assert never & set(capabilities.DEFAULT) == set()


def test_sets_are_exactly_as_asked() -> None:
    assert capabilities.granted("a", Isolators()) == capabilities.DEFAULT
    assert capabilities.granted("a", Isolators(caps_retain=())) == ()
    assert capabilities.granted("a", Isolators(caps_retain=("CAP_SYSLOG",))) == ("CAP_SYSLOG",)
    removed = capabilities.granted("a", Isolators(caps_remove=("CAP_KILL", "CAP_SYSLOG")))
    assert removed == tuple(name for name in capabilities.DEFAULT if name != "CAP_KILL")
    assert capabilities.mask(("CAP_CHOWN", "CAP_KILL")) == 0b100001


def test_an_unknown_capability_is_refused_by_name() -> None:
    for isolators in (Isolators(caps_retain=("CAP_ALL",)), Isolators(caps_remove=("CAP_ALL",))):
        with pytest.raises(LaunchError, match="app a: unknown capability 'CAP_ALL'"):
            capabilities.granted("a", isolators)


def test_the_constants_win_and_defaults_only_fill_gaps() -> None:
    given = (("container", "evil"), ("AC_APP_NAME", "evil"), ("PATH", "/x"), ("Z", ""))
    found = dict(environment.environment("web", given))
    assert (found["container"], found["AC_APP_NAME"], found["PATH"], found["Z"]) == (
        "rkt",
        "web",
        "/x",
        "",
    )
    assert set(found) == {"AC_APP_NAME", "PATH", "Z", "container"}


@pytest.mark.parametrize(
    ("passwd", "user", "uid", "told"),
    [
        ("", "0", 0, ("root", "/root", "/bin/sh")),
        ("www:x:33:33::/var/www:/bin/false", "33", 33, ("www", "/var/www", "/bin/false")),
        ("a:x:7:7::/a:\nb:x:7:7::/b:", "b", 7, ("b", "/b", "/bin/sh")),
        ("a:x:7:7::/a:\nb:x:7:7::/b:", "7", 7, ("a", "/a", "/bin/sh")),
        ("x:x:8:8::relative:", "8", 8, ("x", "/", "/bin/sh")),
        ("root:x:0:0:::", "7", 7, ("7", "/", "/bin/sh")),
        ("x\0y:x:7:7::/x:", "7", 7, ("7", "/", "/bin/sh")),
    ],
)
def test_an_app_is_told_who_it_is_by_its_image(
    tmp_path: Path, passwd: str, user: str, uid: int, told: tuple[str, str, str]
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(passwd)
    root = os.open(tmp_path, os.O_PATH)
    try:
        found = dict(environment.complete((("A", "1"),), root, user, uid))
        given = dict(environment.complete((("HOME", "/given"),), root, user, uid))
    finally:
        os.close(root)
    assert (found["USER"], found["HOME"], found["SHELL"]) == told
    assert found["LOGNAME"] == found["USER"]
    assert given["HOME"] == "/given"


@pytest.mark.parametrize(
    "field", ["", "a", "\t", "\n", "\\", "\\t", "\\\\n", "a\tb\\\n\\", "ü\udcff"]
)
def test_messages_survive_every_character(field: str) -> None:
    line = link.encode("kind", field, "last")
    assert line.count(b"\n") == 1
    assert link.decode(line[:-1]) == ["kind", field, "last"]


def test_messages_are_read_whatever_their_pieces() -> None:
    read, write = os.pipe()
    data = link.encode("note", "x" * 70000) + link.encode("done", "0", "exited")
    child = os.fork()
    if child == 0:
        for start in range(0, len(data), 7001):
            os.write(write, data[start : start + 7001])
        os._exit(0)
    os.close(write)
    assert [message[0] for message in link.messages(read, lambda: None)] == ["note", "done"]
    os.close(read)
    os.waitpid(child, 0)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    """A root with a passwd, programs, and links that try to leave."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(
        "web:x:33:33::/:\nweb:x:0:0::/:\nodd:x:-1:0::/:\nshort:x\n77:x:88:0::/:\n"
    )
    (tmp_path / "etc/group").write_text("web:x:34:\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/tool").write_text("#!/no/perl -w\n")
    (tmp_path / "bin/tool").chmod(0o755)
    (tmp_path / "bin/data").write_text("")
    (tmp_path / "bin/out").symlink_to("/bin/sh")
    (tmp_path / "bin/up").symlink_to("../../../../../../bin/tool")
    fd = os.open(tmp_path, os.O_PATH)
    yield fd
    os.close(fd)


@pytest.mark.parametrize(
    ("user", "group", "expected"),
    [
        ("web", "web", (33, 34)),
        ("root", "root", (0, 0)),
        ("77", "0033", (77, 33)),
        ("4294967294", "0", (4294967294, 0)),
    ],
)
def test_users_and_groups(root: int, user: str, group: str, expected: tuple[int, int]) -> None:
    found = identity.resolve(root, "a", user, group, (5,))
    assert ((found.uid, found.gid), found.groups) == (expected, (5,))


@pytest.mark.parametrize(
    "user", ["odd", "short", "none", "-1", "+0", " 0", "0x0", "1000:0", "4294967295", "٣", "/none"]
)
def test_no_guess_about_a_user(root: int, user: str) -> None:
    with pytest.raises(LaunchError, match=r"app a: user .* cannot be used"):
        identity.resolve(root, "a", user, "0", ())


def test_a_path_names_its_owner(root: int, tmp_path: Path) -> None:
    os.chown(tmp_path / "bin/data", os.getuid(), os.getgid())
    assert identity.resolve(root, "a", "/bin/data", "/bin/data", ()) == identity.Identity(
        os.getuid(), os.getgid()
    )


@pytest.mark.parametrize(
    ("command", "directory", "path", "expected"),
    [
        ("/bin/tool", "/", "", "/bin/tool"),
        ("/bin/up", "/", "", "/bin/up"),
        ("bin/tool", "/", "", "/bin/tool"),
        ("./tool", "/bin", "", "/bin/./tool"),
        ("tool", "/", "/none:/bin", "/bin/tool"),
        ("tool", "/", "", "/bin/tool"),
        ("tool", "/bin", ":/none", "/bin/tool"),
    ],
)
def test_programs_are_found_inside_the_root(
    root: int, command: str, directory: str, path: str, expected: str
) -> None:
    assert program.find(root, command, directory, path) == (expected, "")


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("/bin/out", "/bin/out does not exist in its image"),
        ("/bin/data", "/bin/data is not executable"),
        ("/bin", "/bin is not a regular file"),
        ("none", "none is in none of /bin:/etc"),
        ("data", "/bin/data is not executable"),
    ],
)
def test_why_there_is_no_program(root: int, command: str, why: str) -> None:
    assert program.find(root, command, "/", "/bin:/etc") == ("", why)


def test_a_missing_interpreter_is_named(root: int) -> None:
    import errno

    assert (
        program.explain(f"/proc/self/fd/{root}", "/bin/tool", errno.ENOENT)
        == "it needs /no/perl, which is missing in its image"
    )
    assert program.explain("/", "/bin/data", errno.EACCES) == "Permission denied"
