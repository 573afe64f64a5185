# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where network configurations are looked up, and which of them counts (behaviour.md D1, D2)."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import NetworkError, UsageError
from podwright.host.paths import Layout
from podwright.net import lookup, shown
from podwright.net.values import NetConf

LOCAL = {"type": "host-local", "subnet": "10.0.0.0/24"}


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """The administrator's net.d."""
    return tmp_path / "etc" / "net.d"


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """The net.d of packages."""
    return tmp_path / "usr" / "net.d"


@pytest.fixture
def dirs(shipped: Path, local: Path) -> tuple[str, ...]:
    return (str(shipped), str(local))


def write(folder: Path, file: str, name: str, **fields: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    path = folder / file
    path.write_text(json.dumps({"name": name, "type": "ptp", **fields}))
    path.chmod(0o644)
    return path


def chosen(nets: str, dirs: tuple[str, ...]) -> list[tuple[str, str]]:
    """The networks and their files' names."""
    found = lookup.choose(nets, dirs)
    return [(one.conf.name, Path(one.conf.source).name) for one in found]


def refusal(nets: str, dirs: tuple[str, ...]) -> str:
    with pytest.raises(NetworkError) as caught:
        lookup.choose(nets, dirs)
    return caught.value.sentence()


def test_what_is_built_in_is_there_without_any_directory(dirs: tuple[str, ...]) -> None:
    (default,) = lookup.choose("default", dirs)
    assert default.conf is lookup.BUILTIN[0]
    assert chosen("all", dirs) == [("default-restricted", ""), ("default", "")]
    assert (lookup.choose("none", dirs), lookup.choose("host", dirs)) == ((), ())


def test_links_are_made_in_the_order_of_the_files_names(
    local: Path, shipped: Path, dirs: tuple[str, ...]
) -> None:
    write(local, "30-a.conf", "a")
    write(shipped, "20-b.conf", "b")
    write(local, "10-c.json", "c")
    assert chosen("a,b,c", dirs) == [
        ("c", "10-c.json"),
        ("b", "20-b.conf"),
        ("a", "30-a.conf"),
    ]
    assert [name for name, _ in chosen("all", dirs)] == [
        "c",
        "b",
        "a",
        "default-restricted",
        "default",
    ]
    found = lookup.choose("a,b:MAC=02:00:00:00:00:01", dirs)
    assert [one.args for one in found] == [(("MAC", "02:00:00:00:00:01"),), ()]


def test_the_operators_network_takes_the_place_of_a_shipped_and_a_built_in_one(
    local: Path, shipped: Path, dirs: tuple[str, ...]
) -> None:
    write(shipped, "10-web.conf", "web", mtu=1300)
    write(shipped, "50-default.conf", "default", mtu=1300)
    assert chosen("default,web", dirs) == [("web", "10-web.conf"), ("default", "50-default.conf")]
    write(local, "90-mine.conf", "web", mtu=1400)
    assert chosen("default,web", dirs) == [("default", "50-default.conf"), ("web", "90-mine.conf")]


def test_the_first_file_of_a_directory_wins_and_the_other_is_told_of(
    local: Path, dirs: tuple[str, ...]
) -> None:
    write(local, "10-web.conf", "web")
    other = write(local, "20-web.conf", "web")
    assert chosen("web", dirs) == [("web", "10-web.conf")]
    assert lookup.check("web", dirs) == (
        f"{other}: network web is already configured by 10-web.conf, so this file is not used",
    )


def test_a_network_that_does_not_exist(local: Path, dirs: tuple[str, ...]) -> None:
    write(local, "10-web.conf", "web")
    assert refusal("web,wbe", dirs) == (
        "network wbe: does not exist on this host; there are: web, default-restricted, default,"
        " host, none, all"
    )


def test_other_files_are_no_configurations(local: Path, dirs: tuple[str, ...]) -> None:
    for name in (".10-a.conf", "README", "10-a.conf.dpkg-old", "10-a.conf~", "a.yaml"):
        write(local, name, "a")
    assert "there are: default-restricted, default" in refusal("a", dirs)
    assert lookup.read(dirs).broken == ()


def test_a_file_that_is_wrong_fails_its_network_only(local: Path, dirs: tuple[str, ...]) -> None:
    path = write(local, "10-web.conf", "web", mut=1400)
    write(local, "20-other.conf", "other")
    assert chosen("other", dirs) == [("other", "20-other.conf")]
    assert chosen("default", dirs) == [("default", "")]
    assert refusal("web", dirs).startswith(f"{path}: mut: type ptp has no such key")
    assert refusal("all", dirs).startswith(f"{path}: mut:")


def test_a_wrong_file_does_not_leave_the_field_to_what_it_takes_the_place_of(
    local: Path, shipped: Path, dirs: tuple[str, ...]
) -> None:
    write(shipped, "10-web.conf", "web")
    write(local, "10-web.conf", "web", mut=1)
    write(local, "99-default.conf", "default", mut=1)
    assert "mut: type ptp has no such key" in refusal("web", dirs)
    assert "mut: type ptp has no such key" in refusal("default", dirs)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON at line 1"),
        ("", "not JSON"),
        ("[]", "must be an object, not a list"),
        ('{"type":"ptp"}', "name: is missing"),
        ('{"name":"a","name":"b","type":"ptp"}', "key 'name' appears twice"),
        ('{"name":"../a","type":"ptp"}', "'../a' is not a network name"),
        ('{"name":"\\ud800","type":"ptp"}', "not valid UTF-8"),
        ("[" * 100, "nested deeper"),
        (" " * (lookup.MAX_FILE + 1), "is larger than 1048576 bytes"),
    ],
)
def test_a_file_of_which_nobody_knows_what_it_is_about_fails_all_networks(
    local: Path, dirs: tuple[str, ...], content: str, message: str
) -> None:
    write(local, "20-other.conf", "other")
    path = write(local, "10-x.conf", "x")
    path.write_text(content)
    for nets in ("default", "other", "all"):
        said = refusal(nets, dirs)
        assert said.startswith(f"{path}: ")
        assert message in said


@pytest.mark.parametrize("what", ["group", "world", "owner", "link", "fifo", "directory", "folder"])
def test_only_files_that_nobody_but_root_can_write_are_read(
    local: Path, dirs: tuple[str, ...], tmp_path: Path, what: str
) -> None:
    path = write(local, "10-web.conf", "web")
    assert chosen("web", dirs) == [("web", "10-web.conf")]
    if what in ("group", "world"):
        path.chmod(0o664 if what == "group" else 0o646)
    elif what == "owner":
        os.chown(path, 1000, 0)
    elif what == "folder":
        local.chmod(0o775)
    else:
        path.rename(tmp_path / "elsewhere")
        if what == "link":
            path.symlink_to(tmp_path / "elsewhere")
        elif what == "fifo":
            os.mkfifo(path, 0o644)
        else:
            path.mkdir()
    named = path.parent if what == "folder" else path
    assert refusal("default", dirs).startswith(f"{named}: ")


def test_a_chain_is_a_conflist_and_nothing_else_is(local: Path, dirs: tuple[str, ...]) -> None:
    raw = {"cniVersion": "1.0.0", "name": "a", "plugins": [{"type": "ptp"}, {"type": "vendor"}]}
    local.mkdir(parents=True)
    (local / "10-a.conflist").write_text(json.dumps(raw))
    assert chosen("a", dirs) == [("a", "10-a.conflist")]
    (local / "10-a.conflist").rename(local / "10-a.conf")
    assert "has plugins; a list of plugins is called NAME.conflist" in refusal("a", dirs)
    write(local, "10-a.conflist", "a")
    (local / "10-a.conf").unlink()
    assert "has no plugins; a list of plugins is called NAME.conflist" in refusal("a", dirs)


def test_a_directory_that_cannot_be_read(local: Path, dirs: tuple[str, ...]) -> None:
    local.parent.mkdir(parents=True)
    local.write_text("")
    assert refusal("default", dirs) == (
        f"{local}: cannot be read: Not a directory; so nobody knows which network it is about, and no"
        " pod starts on any; correct it, or move it away"
    )


def test_the_directories_of_a_host() -> None:
    assert Layout().net_dirs() == ("/usr/lib/podwright/net.d", "/etc/podwright/net.d")
    assert Layout(user_config="/u", rkt=True).net_dirs() == (
        "/usr/lib/rkt/net.d",
        "/etc/rkt/net.d",
        "/usr/lib/podwright/net.d",
        "/etc/podwright/net.d",
        "/u/net.d",
    )


@pytest.mark.parametrize(
    ("fields", "args", "message"),
    [
        ({}, "IP=10.0.0.5", "network web: has no argument IP; it has MAC; IgnoreUnknown=1 lets"),
        ({"ipam": LOCAL}, "IPP=10.0.0.5", "network web: has no argument IPP; it has IP, MAC; "),
        (
            {"ipam": LOCAL},
            "ip=10.0.0.5;MAC=02:00:00:00:00:01",
            "has no argument ip; it has IP, MAC",
        ),
        ({"ipam": LOCAL}, "GATEWAY=10.0.0.1", "has no argument GATEWAY"),
        ({"ipam": LOCAL}, "IPP=1;IgnoreUnknown=0", "has no argument IPP"),
    ],
)
def test_an_argument_that_nothing_would_be_done_with_is_refused(
    local: Path, dirs: tuple[str, ...], fields: Any, args: str, message: str
) -> None:
    write(local, "10-web.conf", "web", **fields)
    with pytest.raises(UsageError) as caught:
        lookup.choose(f"web:{args}", dirs)
    assert message in caught.value.sentence()


@pytest.mark.parametrize(
    ("fields", "args"),
    [
        ({"ipam": LOCAL}, "IP=10.0.0.5;MAC=02:00:00:00:00:01"),
        ({"ipam": LOCAL}, "K8S_POD_NAME=x;IgnoreUnknown=1"),
        ({"type": "vendor"}, "ANYTHING=x"),
        ({"ipam": {"type": "vendor"}}, "ANYTHING=x"),
        ({"ipam": {"type": "static"}}, "IP=10.0.0.5/24;GATEWAY=10.0.0.1"),
        (
            {
                "type": "macvlan",
                "ipam": {"type": "dhcp", "provide": [{"option": "12", "fromArg": "NAME"}]},
            },
            "NAME=web",
        ),
    ],
)
def test_arguments_that_somebody_knows(
    local: Path, dirs: tuple[str, ...], fields: Any, args: str
) -> None:
    write(local, "10-web.conf", "web", **fields)
    (found,) = lookup.choose(f"web:{args}", dirs)
    assert ";".join(sorted(args.split(";"))) == ";".join(map("=".join, found.args))


def test_networks_that_are_still_to_be_written_count(local: Path, dirs: tuple[str, ...]) -> None:
    write(local, "10-web.conf", "web", mut=1)
    planned = tuple(NetConf(name, "1.0.0", ({"type": "ptp"},)) for name in ("web", "new"))
    assert lookup.check("default,new,web", dirs, planned) == ()
    assert "mut" in refusal("web", dirs)


def test_a_configuration_is_shown_as_a_list_whatever_form_it_was_written_in(
    local: Path, dirs: tuple[str, ...]
) -> None:
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd01::/64"}]],
    }
    write(local, "10-a.conf", "a", cniVersion="0.4.0", disableCheck=True, ipam=ipam)
    (found,) = lookup.choose("a", dirs)
    assert shown.document(found.conf) == {
        "cniVersion": "0.4.0",
        "name": "a",
        "disableCheck": True,
        "plugins": [{"type": "ptp", "ipam": ipam}],
    }
    assert shown.subnets(found.conf) == ["10.1.0.0/24", "fd01::/64"]


@pytest.mark.parametrize(
    ("ipam", "subnets"),
    [
        (None, []),
        ({"type": "dhcp"}, []),
        ({"type": "static", "addresses": [{"address": "10.0.0.7/24"}]}, ["10.0.0.7/24"]),
        ({"type": "own", "ranges": {"a": 1}, "addresses": [7], "subnet": 5}, []),
    ],
)
def test_subnets_as_far_as_they_are_said(ipam: Any, subnets: list[str]) -> None:
    assert shown.subnets(NetConf("a", "1.0.0", ({"type": "x", "ipam": ipam},))) == subnets


def test_a_start_loads_the_types_of_its_own_networks_only(
    local: Path, dirs: tuple[str, ...]
) -> None:
    write(local, "10-web.conf", "web", type="bridge", ipam=LOCAL)
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from podwright.net import lookup\n"
        "print(len(lookup.choose(sys.argv[1], tuple(sys.argv[2:]))))\n"
        "print('podwright.net.conf' in sys.modules, 'podwright.net.kinds.bridge' in sys.modules)"
    )
    agent = Path(lookup.__file__).parents[2]
    for net, said in (("default", "1\nFalse False\n"), ("web", "1\nTrue True\n")):
        command = ["/usr/bin/python3", "-IS", "-c", code, str(agent), net, *dirs]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        assert done.stdout == said
