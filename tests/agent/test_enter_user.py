# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`podwright enter --user --workdir --env`: who that is, what it may, and what is refused (T61)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.agent.enter_bed import LIVE, House
from tests.agent.launch_bed import Bed, isolator, sh
from tests.support.patience import until
from tests.support.private_host import PrivateHost

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
web:x:33:33:web:/var/www:/bin/ash
deploy:x:1500:1600:Deploy:/home/deploy:
far:x:70000:70000::/:/bin/sh
broken:x:one:two::/:/bin/sh
1500:x:7:7::/:/bin/sh
"""
GROUP = (
    "root:x:0:\nweb:x:33:\ndeploy:x:1600:\nadm:x:4:web,deploy\nlog:x:2000:deploy\nbad:x:y:deploy\n"
)
FILES = {"etc/passwd": PASSWD, "etc/group": GROUP}
WHO = "id -u; id -g; id -G; echo $HOME $USER $LOGNAME $SHELL; pwd; echo $A"
POWERS = "grep -E '^(Cap...|NoNewPrivs|Seccomp|Seccomp_filters):' /proc/self/status"
BIND = isolator("os/linux/capabilities-retain-set", {"set": ["CAP_NET_BIND_SERVICE", "CAP_CHOWN"]})
FLY: dict[str, Any] = {
    "stage1": "fly",
    "net": "host",
    "private_users": "",
    "insecure": ["capabilities", "paths", "seccomp"],
}


@pytest.fixture
def house(private_host: PrivateHost, tmp_path: Path) -> House:
    return House(Bed(private_host, tmp_path))


def whoever(text: str) -> tuple[str, str, list[str], str, str, str]:
    uid, gid, groups, account, directory, variable = text.split("\n")[:6]
    return uid, gid, sorted(groups.split()), account, directory, variable


@pytest.mark.kernel
@pytest.mark.parametrize("options", [{}, {"private_users": ""}, FLY], ids=["own", "hosts", "fly"])
def test_a_user_of_the_image_with_its_groups_and_its_variables(
    house: House, options: dict[str, Any]
) -> None:
    live = sh(
        "app", LIVE, tree=house.bed.tree(FILES), environment=[{"name": "HOME", "value": "/x"}]
    )
    deploy = ("1500", "1600", ["1600", "2000", "4"], "/home/deploy deploy deploy /bin/sh", "/", "")
    with house.start(live, **options) as pod:

        def seen(*options: str) -> tuple[str, str, list[str], str, str, str]:
            return whoever(house.says(pod, WHO, options=options))

        assert seen("--user=deploy") == deploy
        assert seen("--user=1500") == deploy  # a number is no name
        assert seen("--user=deploy:web")[:3] == ("1500", "33", ["33"])
        assert seen("--user=web:4000")[:3] == ("33", "4000", ["4000"])
        assert seen("--user=4321:8")[:4] == ("4321", "8", ["8"], "/ 4321 4321 /bin/sh")
        assert seen("--user=root")[:4] == ("0", "0", ["0"], "/root root root /bin/sh")
        assert seen("--user=web", "--workdir=/etc", "--env=A=b c")[3:] == (
            "/var/www web web /bin/ash",
            "/etc",
            "b c",
        )
        assert seen("--workdir=/etc", "--env=A=1")[3:] == ("/x root root /bin/sh", "/etc", "1")
        assert seen()[3].startswith("/x ")


def test_an_image_without_such_files_has_root_and_the_apps_own_user(house: House) -> None:
    tree = house.bed.tree()
    live = sh("app", LIVE, user="1234", group="99", supplementaryGIDs=[7], tree=tree)
    with house.start(live) as pod:
        house.enter(pod, "/bin/rm", "-f", "/etc/passwd", "/etc/group", options=["--privileged"])
        root = whoever(house.says(pod, WHO, options=["--user=root"]))
        own = whoever(house.says(pod, WHO, options=["--user=1234"]))
        other = house.enter(pod, "/bin/true", options=["--user=1235"])
    assert root[:3] == ("0", "0", ["0"])
    assert own[:3] == ("1234", "99", ["7", "99"])
    assert other.exit == 254
    assert other.stderr.endswith("does not say its group; say it, too: --user=1235:GROUP\n")


@pytest.mark.threat("T61")
@pytest.mark.parametrize("app_user", ["0", "33"])
def test_it_may_no_more_than_the_app_may(house: House, app_user: str) -> None:
    """root has what the app's root would have; who is neither that nor the app's user has nothing."""
    live = sh("app", LIVE, tree=house.bed.tree(FILES), user=app_user, group="0", isolators=[BIND])
    with house.start(live) as pod:
        seen = {
            user: dict(
                line.split(":\t") for line in house.says(pod, POWERS, options=how).splitlines()
            )
            for user, how in {
                "app": [],
                "root": ["--user=root"],
                "web": ["--user=web"],
                "deploy": ["--user=deploy"],
                "privileged": ["--privileged"],
            }.items()
        }
    bind = f"{1 << 10 | 1:016x}"
    none = f"{0:016x}"
    for user in ("root", "web", "deploy"):
        assert seen[user]["CapBnd"] == bind
        for field in ("NoNewPrivs", "Seccomp", "Seccomp_filters"):
            assert seen[user][field] == seen["app"][field]
    assert seen["root"]["CapEff"] == bind
    assert seen["deploy"]["CapEff"] == seen["deploy"]["CapAmb"] == none
    mine = "root" if app_user == "0" else "web"
    assert seen[mine] == seen["app"]
    assert seen["app"]["NoNewPrivs"] == "1"
    assert int(seen["privileged"]["CapEff"], 16) > int(bind, 16)  # the control


@pytest.mark.threat("T61")
def test_the_kernel_holds_it_to_that(house: House) -> None:
    """A program with the set-user-ID bit gives nobody anything; a file of root's stays root's."""
    tree = house.bed.tree({**FILES, "etc/secret": "s\n"})
    (tree / "etc/secret").chmod(0o600)
    with house.start(sh("app", LIVE, tree=tree)) as pod:
        house.says(pod, "cp /bin/busybox /dev/shm/su && chmod 4755 /dev/shm/su")
        asked = ("/bin/sh", "-c", "cat /etc/secret; /dev/shm/su id -u; id -u")
        web = house.enter(pod, *asked, options=["--user=web"])
        root = house.enter(pod, *asked)
    assert root.stdout.split()[0] == "s"
    assert "s" not in web.stdout.split()
    assert "0" not in web.stdout.split()
    assert web.stdout.split()[-1] == "33"


REFUSED = {
    "--user=nobody9": "user 'nobody9' cannot be used: /etc/passwd in its image has no such entry",
    "--user=broken": "user 'broken' cannot be used: its entry in /etc/passwd of its image has no numbers",
    "--user=web:none9": "group 'none9' cannot be used: /etc/group in its image has no such entry",
    "--user=far": "user 70000 cannot be used: numbers go from 0 to 65535",
    "--user=4294967296": "user '4294967296' cannot be used: /etc/passwd",
    "--user=a\x1b[31mb": "user 'a\\x1b[31mb' cannot be used",
    "--workdir=/missing": "directory /missing: No such file or directory",
    "--workdir=/etc/passwd": "directory /etc/passwd: Not a directory",
}
SAID_WRONG = {
    ("--user=",): "is not USER or USER:GROUP",
    ("--user=web:",): "is not USER or USER:GROUP",
    ("--user=a:b:c",): "is not USER or USER:GROUP",
    ("--workdir=etc",): "--workdir=etc is not an absolute path",
    ("--env=A",): "--env needs a name and a value",
    ("--env==secret",): "--env needs a name and a value",
    ("--user=web", "--privileged"): "--privileged is root of the pod already; leave out --user",
}


def test_who_or_what_is_not_there_is_refused_with_one_sentence(house: House) -> None:
    with house.start(sh("app", LIVE, tree=house.bed.tree(FILES))) as pod:
        for option, sentence in REFUSED.items():
            ended = house.enter(pod, "/bin/true", options=[option])
            assert (ended.exit, ended.stdout) == (254, ""), ended
            assert ended.stderr.startswith("podwright: app app: ")
            assert sentence in ended.stderr.replace("\\\\", "\\")
            assert ended.stderr.count("\n") == 1
            assert "\x1b" not in ended.stderr
        for options, sentence in SAID_WRONG.items():
            ended = house.enter(pod, "/bin/true", options=options)
            assert ended.exit == 254, ended
            assert sentence in ended.stderr
            assert "secret" not in ended.stderr
        assert house.enter(pod, "/bin/true", options=["--user=web"]).exit == 0


@pytest.mark.threat("T61")
def test_files_that_lie_in_wait_hold_nobody_up(house: House) -> None:
    """The app makes its passwd file a FIFO, a link out of its root, a device, something enormous: the pod goes on."""
    makes = {
        "mkfifo /etc/passwd": "not a regular file",
        "ln -s /dev/zero /etc/passwd": "not a regular file",
        "mkdir /etc/passwd": "not a regular file",
        "ln -s ../../../../../../../proc/1/environ /etc/passwd": "",
        "dd if=/dev/zero of=/etc/passwd bs=1M count=3 2>/dev/null": "",
    }
    with house.start(sh("app", LIVE, tree=house.bed.tree(FILES))) as pod:
        for make, why in makes.items():
            house.says(pod, f"rm -rf /etc/passwd; {make}")
            ended = house.enter(pod, "/bin/true", options=["--user=web"])
            assert ended.exit == 254, (make, ended)
            assert "user 'web' cannot be used: /etc/passwd in its image" in ended.stderr
            assert why in ended.stderr
            assert house.enter(pod, "/bin/true").exit == 0


def test_a_pod_of_an_older_agent_refuses_and_does_not_enter_as_the_app(house: House) -> None:
    """Its PID 1 does not know the request: it must not be taken for one without a user."""
    older = (
        "from podwright.stage1.namespaces import enter; from podwright.stage2 import entered;"
        "import sys; entered.SPAWN_AS = 'spawn-in-a-later-way';"
        "r = enter.Request(sys.argv[2], 'app', ('/bin/touch', '/dev/shm/ran'), (), False, (), 'web');"
        "print(enter.enter(sys.argv[1], r))"
    )
    agent = os.path.realpath(Path(__file__).parents[2] / "agent")
    with house.start(sh("app", LIVE, tree=house.bed.tree(FILES))) as pod:
        words = ["/usr/bin/python3", "-c", older, str(pod.pod_dir), pod.pod_dir.name]
        ended = house.bed.host.run(words, env={"PYTHONPATH": agent})
        there = house.enter(pod, "/bin/ls", "/dev/shm/ran")
    assert "the pod was started by an agent that cannot do this" in ended.stderr
    assert there.exit != 0


def told(stderr: str) -> tuple[str, dict[str, Any]]:
    """What was written before the outcome, and that."""
    before, _, line = stderr.rpartition("\npodwright-outcome Mark7 ")
    assert before.startswith("podwright-begin Mark7\n")
    before = before.partition("\n")[2]
    found = json.loads(line)
    assert isinstance(found, dict)
    return before, found


def test_programs_are_told_whose_status_it_is(house: House) -> None:
    """255 is the command's, and not a connection's; what was refused says so; the end of the pod is no command's."""
    mark = ["--outcome=Mark7"]
    with house.start(sh("app", LIVE, tree=house.bed.tree(FILES))) as pod:
        ended = house.enter(pod, "/bin/sh", "-c", "echo o; printf e >&2; exit 255", options=mark)
        unknown = house.enter(pod, "/bin/true", options=[*mark, "--user=nobody9"])
        missing = house.enter(pod, "/bin/missing", options=mark)
        wrong = house.enter(pod, "/bin/true", options=["--outcome=a b"])
        killed = house.enter(pod, "/bin/sh", "-c", "kill -9 $$", options=mark)
        with house.begin(pod, "/bin/sleep", "1000", options=mark) as process:
            until(lambda: "/bin/sleep 1000" in house.processes(pod), "it runs")
            pod.signal(9)
            _, stderr = process.communicate()
    assert (ended.exit, ended.stdout) == (0, "o\n")
    before, outcome = told(ended.stderr)
    assert (before, outcome["end"], outcome["status"]) == ("e", "exited", 255)
    for one, words in ((unknown, "user 'nobody9' cannot be used"), (missing, "does not exist")):
        assert one.exit == 0
        assert told(one.stderr)[1]["end"] == "refused"
        assert words in told(one.stderr)[1]["message"]
    assert wrong.exit == 254
    assert (told(killed.stderr)[1]["end"], told(killed.stderr)[1]["status"]) == ("exited", 137)
    assert told(stderr)[1]["end"] == "pod-ended"
    assert process.returncode == 0
