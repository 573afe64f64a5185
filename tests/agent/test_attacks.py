# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attacks that worked once, each played against the real agent (threats.md T42, T55, T60, T78, T86)."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import textwrap
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent
from tests.support.webserver import Handler, ImageServer

Build = Callable[..., Path]
NAME = "example.com/tiny"


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Agent:
    """An agent that trusts the lab's key for example.com."""
    agent.trust(lab.key, "example.com")
    return agent


def shell(script: str, **options: object) -> dict[str, object]:
    """An app that runs a script."""
    return aci.app(["/bin/sh", "-c", script], **options)  # type: ignore[arg-type]


def trusted_for(agent: Agent) -> set[str]:
    """The prefixes for which keys were added to the administrator's store."""
    base = agent.local / "trustedkeys/prefix.d"
    return {str(path.parent.relative_to(base)) for path in base.rglob("*") if path.is_file()}


@pytest.mark.threat("T57", "T60")
def test_a_page_below_a_site_cannot_get_its_key_trusted_for_the_whole_site(
    agent: Agent, https_server: ImageServer, published: Build, lab: Keys
) -> None:
    published(name="example.com/mallory/app", key=lab.stranger)
    published(name="example.com/victim", key=lab.stranger)
    (https_server.root / "key.asc").write_text(lab.stranger.armoured)
    page = b"".join(
        b'<meta name="%s" content="example.com https://example.com/%s">' % tag
        for tag in (
            (b"ac-discovery", b"images/{name}-{version}-{os}-{arch}.{ext}"),
            (b"ac-discovery-pubkeys", b"key.asc"),
        )
    )

    def announce(handler: Handler) -> None:
        handler.send_bytes(HTTPStatus.OK, page, "text/html")

    https_server.answers["/mallory/app"] = announce
    agent.ok("--trust-keys-from-https", "fetch", "example.com/mallory/app:1.0")
    assert trusted_for(agent) == {"example.com/mallory/app"}
    assert "no key is trusted" in agent.refused("fetch", "example.com/victim:1.0")


@pytest.mark.threat("T55")
@pytest.mark.parametrize("policy", ["new", "update"])
def test_lifting_the_signature_does_not_lift_tls_for_an_image_that_came_without(
    agent: Agent, published: Build, https_server: ImageServer, policy: str
) -> None:
    published(key=None)
    agent.ok("--insecure-options=image,tls", "fetch", f"{NAME}:1.0")
    (agent.local / "ca.d/example.com.pem").unlink()
    line = agent.refused(
        "--insecure-options=image", "run", "--net=none", f"--pull-policy={policy}", f"{NAME}:1.0"
    )
    assert ("from a connection that was not checked" if policy == "new" else "certificate") in line
    again = ("run", "--net=none", f"{NAME}:1.0", "--exec=/bin/true")
    agent.ok("--insecure-options=image,tls", *again)


@pytest.mark.threat("T30", "T55")
def test_bytes_that_came_without_tls_checks_are_not_continued_with_them(
    agent: Agent, published: Build, https_server: ImageServer
) -> None:
    served = published(key=None)
    path = f"/images/{NAME}-1.0-linux-{aci.host_arch()}.aci"
    ranges: list[str] = []

    def broken(handler: Handler) -> None:
        ranges.append(handler.headers.get("Range", ""))
        if len(ranges) == 1:
            handler.send_response(200)
            handler.send_header("Content-Length", str(served.stat().st_size))
            handler.send_header("ETag", '"same"')
            handler.end_headers()
            handler.wfile.write(served.read_bytes()[:400_000])
        handler.close_connection = True

    def whole(handler: Handler) -> None:
        ranges.append(handler.headers.get("Range", ""))
        handler.send_bytes(HTTPStatus.OK, served.read_bytes(), "application/octet-stream")

    https_server.answers[path] = broken
    assert agent("--insecure-options=image,tls", "fetch", f"{NAME}:1.0").exit == 254
    assert ranges[1] == "bytes=400000-"
    https_server.answers[path] = whole
    agent.ok("--insecure-options=image", "fetch", f"{NAME}:1.0")
    assert ranges[-1] == ""


@pytest.mark.threat("T40")
@pytest.mark.parametrize("verb", ["run", "apply"])
def test_a_file_planted_where_the_caller_stands_does_not_run_in_place_of_an_image(
    agent: Agent, signed_image: Build, lab: Keys, tmp_path: Path, verb: str
) -> None:
    agent.trust(lab.key, "example.org/other")
    evil = signed_image(name="example.org/other", app=shell("echo evil"))
    planted = tmp_path / "cwd/example.com/tiny:1.0"
    planted.parent.mkdir(parents=True)
    for suffix in ("", ".asc"):
        shutil.copy(f"{evil}{suffix}", f"{planted}{suffix}")
    pod = {"name": "web", "image": f"{NAME}:1.0", "net": "none", "state": "prepared"}
    if verb == "run":
        result = agent("run", "--net=none", f"{NAME}:1.0", directory=tmp_path / "cwd")
    else:
        desired = json.dumps({"version": 1, "pods": [pod]})
        result = agent("apply", "-", stdin=desired, directory=tmp_path / "cwd")
    assert result.exit == 254, result
    assert "a file of that name is here too" in result.stderr
    assert json.loads(agent.ok("image", "list", "--format=json")) == []


@pytest.mark.threat("T12")
@pytest.mark.parametrize("private_users", ["true", "false"])
def test_no_setuid_program_of_a_pod_can_be_reached_by_another_user_of_the_host(
    trusting: Agent, signed_image: Build, private_users: str
) -> None:
    """Also not by the group that the data directory belongs to (moby CVE-2021-41091)."""
    group = 4242
    trusting.data.mkdir()
    os.chown(trusting.data, 0, group)
    trusting.data.chmod(0o2750)
    script = """
        for place in /su /vol/su; do cp /bin/busybox $place; chmod 4755 $place; done
        cat /bin/busybox > /proc/self/fd/1; chmod 4755 /proc/self/fd/1
        touch /done; exec sleep 600
    """
    points = [{"name": "vol", "path": "/vol"}]
    image = signed_image(app=shell(textwrap.dedent(script), mount_points=points))
    pod = {"name": "p", "image": str(image), "net": "none", "private_users": private_users}
    pod["ready"] = {"exec": ["/bin/test", "-e", "/done"]}  # type: ignore[assignment]
    trusting.apply({"version": 1, "pods": [pod]})
    found = [
        path
        for path in trusting.data.rglob("*")
        if path.is_file() and not path.is_symlink() and path.stat().st_mode & stat.S_ISUID
    ]
    assert len(found) == 2, found  # its log is no file that it could change
    for path in found:
        assert not reachable(path, trusting.data, group), path
    trusting.apply({"version": 1, "pods": [{"name": "p", "state": "absent"}]})


def reachable(path: Path, base: Path, group: int) -> bool:
    """Whether a member of a group passes every directory from `base` down to a file."""
    between = [parent for parent in path.parents if parent.is_relative_to(base)]
    return all(
        info.st_mode & (stat.S_IXGRP if info.st_gid == group else stat.S_IXOTH)
        for info in (parent.stat() for parent in between)
    )


def test_a_pod_that_nests_directories_without_end_is_still_removed(
    trusting: Agent, signed_image: Build
) -> None:
    image = signed_image(app=shell("exit 0"))
    trusting.ok("run", "--net=none", image)
    (pod,) = (trusting.data / "pods/run").iterdir()
    # As a program in the pod does it; busybox's shell gives up at PATH_MAX.
    nest = "import os\nfor _ in range(6000):\n os.mkdir('d')\n os.chdir('d')\n"
    upper = pod / "overlay/tiny/upper"
    subprocess.run(["/usr/bin/python3", "-IS", "-c", nest], cwd=upper, check=True)
    try:
        trusting.ok("gc", "--grace-period=0s")
        assert list((trusting.data / "pods").glob("*/*")) == []
    finally:  # pytest could not remove it
        subprocess.run(["/bin/rm", "-rf", trusting.data], check=True)


@pytest.mark.threat("T21")
def test_bytes_that_are_no_text_are_refused_in_one_sentence(
    trusting: Agent, signed_image: Build
) -> None:
    image = signed_image(app=shell("exit 0"))
    line = trusting.refused("run", "--net=none", image, "--environment=A=\udcff\x1b")
    assert "text that is not valid UTF-8 cannot be used ('\\udcff')" in line
    assert list((trusting.data / "pods").glob("*/*")) == []


@pytest.mark.threat("T21", "T37")
def test_nothing_that_an_image_says_of_itself_reaches_the_terminal_raw(
    trusting: Agent, signed_image: Build
) -> None:
    hostile = "\x9b31m red \u202e \x1b[2J \x7f \U000e0041"
    image = signed_image(annotations=[{"name": "note", "value": hostile}])
    trusting.ok("fetch", image)
    shown = trusting.ok("image", "cat-manifest", NAME)
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert json.loads(shown)["annotations"] == [{"name": "note", "value": hostile}]


def isolator(name: str, value: object) -> dict[str, object]:
    """An isolator of the os/linux family."""
    return {"name": f"os/linux/{name}", "value": value}


@pytest.mark.threat("T38")
@pytest.mark.parametrize(
    ("asked", "said", "granted"),
    [
        (
            isolator("capabilities-retain-set", {"set": ["CAP_SYS_ADMIN", "CAP_CHOWN"]}),
            "asks for capabilities beyond the default: CAP_SYS_ADMIN",
            "--caps-retain=CAP_SYS_ADMIN,CAP_CHOWN",
        ),
        (
            isolator("seccomp-retain-set", {"set": ["@appc.io/all"]}),
            "asks for system calls beyond the default: all but some",
            "--seccomp=mode=retain,@appc.io/all",
        ),
        (
            isolator("seccomp-retain-set", {"set": ["@rkt/default-whitelist", "socket", "bpf"]}),
            "asks for system calls beyond the default: bpf, socket with any arguments",
            "--seccomp=mode=retain,@rkt/default-whitelist,socket,bpf",
        ),
        (
            isolator("seccomp-remove-set", {"set": ["reboot"]}),
            "asks for system calls beyond the default",
            "--seccomp=mode=remove,reboot",
        ),
    ],
)
def test_an_image_cannot_grant_itself_more_than_the_default(
    trusting: Agent, signed_image: Build, asked: dict[str, object], said: str, granted: str
) -> None:
    image = str(signed_image(app=aci.app(["/bin/true"], isolators=[asked])))
    assert said in trusting.refused("run", "--net=none", image)
    trusting.ok("run", "--net=none", image, granted)


@pytest.mark.parametrize(
    "name, value, said, granted",
    [
        ("resource/pids", {"limit": 2000}, "resource/pids beyond the default: 2000", "--pids=2000"),
        ("os/linux/cpu-shares", 2000, "os/linux/cpu-shares beyond", "--cpu-shares=2000"),
        (
            "os/unix/sysctl",
            {"net.core.somaxconn": "9"},
            "kernel settings beyond the default: net.core.somaxconn",
            "--sysctl=net.core.somaxconn=9",
        ),
        (
            "os/linux/rlimits",
            {"set": [{"name": "nofile", "soft": 9, "hard": 2**40}]},
            "process limits beyond the default: nofile=1099511627776",
            "--rlimit=nofile=9:10",
        ),
        ("os/linux/oom-score-adj", -5, "beyond the default: -5", "--oom-score-adj=5"),
        ("os/linux/apparmor-profile", "unconfined", "an AppArmor profile beyond", ""),
        (
            "os/linux/selinux-context",
            {"user": "u", "role": "r", "type": "unconfined_t", "level": "s0"},
            "an SELinux context beyond the default: unconfined_t",
            "",
        ),
    ],
)
def test_an_image_cannot_give_itself_more_than_its_share(
    trusting: Agent, signed_image: Build, name: str, value: object, said: str, granted: str
) -> None:
    asked = {"name": name, "value": value}
    image = str(signed_image(app=aci.app(["/bin/true"], isolators=[asked])))
    assert said in trusting.refused("run", "--net=none", image)
    if granted.startswith("--sysctl"):
        trusting.ok("run", "--net=none", granted, image)
    elif granted:
        trusting.ok("run", "--net=none", image, granted)


@pytest.mark.threat("T69")
def test_a_user_that_the_image_did_not_choose_has_no_capabilities_by_its_word(
    trusting: Agent, signed_image: Build
) -> None:
    retain = isolator("capabilities-retain-set", {"set": ["CAP_DAC_OVERRIDE"]})
    image = str(signed_image(app=aci.app(["/bin/true"], isolators=[retain])))
    trusting.ok("run", "--net=none", image)
    said = trusting.refused("run", "--net=none", image, "--user=1000", "--group=1000")
    assert "asks for capabilities beyond the default: CAP_DAC_OVERRIDE for user 1000" in said
    said_by_operator = ("--user=1000", "--group=1000", "--caps-retain=CAP_DAC_OVERRIDE")
    trusting.ok("run", "--net=none", image, *said_by_operator)


@pytest.mark.threat("T69")
@pytest.mark.parametrize(
    "flag, said",
    [
        ("--caps-retain=CAP_ALL", "unknown capability 'CAP_ALL'"),
        ("--caps-remove=CAP_NET_EVERYTHING", "unknown capability 'CAP_NET_EVERYTHING'"),
        ("--seccomp=mode=retain,@systemd/everything", "unknown group of system calls"),
        ("--seccomp=mode=retain,errno=EVIL,read", "unknown errno 'EVIL'"),
    ],
)
def test_isolators_that_make_no_sense_are_refused_before_anything_is_made(
    trusting: Agent, signed_image: Build, flag: str, said: str
) -> None:
    image = str(signed_image())
    trusting.ok("fetch", image)
    assert said in trusting.refused("prepare", image, flag)
    assert trusting.ok("list", "--format=json").strip() == "[]"


def test_unknown_optional_isolators_are_reported(trusting: Agent, signed_image: Build) -> None:
    gpu = {"name": "resource/gpu", "value": 1}
    refused = str(signed_image(app=aci.app(["/bin/true"], isolators=[gpu])))
    assert "unknown isolator 'resource/gpu'" in trusting.refused("run", "--net=none", refused)
    app = aci.app(["/bin/true"], isolators=[{**gpu, "optional": True}])
    done = trusting("run", "--net=none", str(signed_image(app=app)))
    assert done.exit == 0
    assert "isolator resource/gpu is not enforced by this version" in done.stderr


@pytest.mark.threat("T38")
def test_an_image_cannot_switch_off_no_new_privileges(trusting: Agent, signed_image: Build) -> None:
    image = signed_image(
        app=aci.app(["/bin/true"], isolators=[isolator("no-new-privileges", False)])
    )
    assert "asks for privileges beyond the default" in trusting.refused("run", "--net=none", image)


def test_an_image_can_ask_for_less_than_the_default(trusting: Agent, signed_image: Build) -> None:
    less = [
        isolator("capabilities-retain-set", {"set": ["CAP_CHOWN"]}),
        isolator("no-new-privileges", True),
    ]
    app = aci.app(["/bin/grep", "CapBnd", "/proc/self/status"], isolators=less)
    out = trusting.ok("run", "--net=none", signed_image(app=app))
    assert out.split() == ["CapBnd:", "0000000000000001"]
