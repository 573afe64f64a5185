# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of run, prepare and fetch: IMAGE flags -- args --- IMAGE2 (behaviour.md E)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from podwright.cli import apps, verbs
from podwright.cli.options import Arguments
from podwright.errors import UsageError
from podwright.model.build import build_manifest
from podwright.model.image import parse_image
from podwright.model.pod import HostPort
from podwright.model.podspec import AppSpec, PodSpec
from podwright.model.volume import Mount, Volume

RUN = verbs.find_verb("run")
NOTHING: frozenset[str] = frozenset()


def spec(*argv: str, verb: str = "run") -> PodSpec:
    """The pod that `podwright run ARGV` asks for."""
    return apps.pod_spec(apps.parse(list(argv), verbs.find_verb(verb), Arguments()), NOTHING)


@pytest.mark.parametrize(
    "line, expected",
    [
        ("a", [("a", "", ())]),
        ("a b", [("a", "", ()), ("b", "", ())]),
        ("a --- b", [("a", "", ()), ("b", "", ())]),
        ("a --user=u b --user v", [("a", "u", ()), ("b", "v", ())]),
        ("a -- x y", [("a", "", ("x", "y"))]),
        ("a -- x --- b -- y", [("a", "", ("x",)), ("b", "", ("y",))]),
        ("a --user=u -- --user=w --- b", [("a", "u", ("--user=w",)), ("b", "", ())]),
        ("a -- x -- y --- b", [("a", "", ("x", "--", "y")), ("b", "", ())]),
        ("a -- x --- --user=u", [("a", "u", ("x",))]),
        ("a -- --- b", [("a", "", ()), ("b", "", ())]),
        ("a -- --net=none --help -h", [("a", "", ("--net=none", "--help", "-h"))]),
        ("--net=none a --hostname=h --user=u b", [("a", "u", ()), ("b", "", ())]),
    ],
)
def test_flags_and_arguments_belong_to_the_image_before_them(
    line: str, expected: list[tuple[str, str, tuple[str, ...]]]
) -> None:
    assert [(app.image, app.user, app.args) for app in spec(*line.split()).apps] == expected


def test_global_flags_may_stand_anywhere() -> None:
    globals_ = Arguments()
    apps.parse(["--dir=/x", "a", "--debug", "--", "--insecure-options=all"], RUN, globals_)
    assert globals_.flags == {"dir": ["/x"], "debug": ["true"]}


def test_every_flag() -> None:
    found = spec(
        *("--port=http:8080", "--port=https:127.0.0.1:8443", "--hostname=front", "--no-overlay"),
        *(
            "--volume=data,kind=host,source=/srv,readOnly=true,recursive=false",
            "--pull-policy=never",
        ),
        *("--volume", "tmp,kind=empty,mode=1777,uid=5,gid=6", "--mount=volume=tmp,target=/tmp"),
        *("--set-env=A=1", "--stage1-name=coreos.com/rkt/stage1-coreos:1.0", "a", "--name=front"),
        *("--exec=/bin/a", "--environment=B=x=y", "--mount", "volume=data,target=/data"),
        *("--user=u", "--group=g", "--supplementary-gids=1,2", "--working-dir=/w"),
        *("--readonly-rootfs", "--memory=64Mi", "--cpu=500m", "--cpu-shares=100"),
        *("--oom-score-adj=-5", "--caps-retain=CAP_KILL,CAP_CHOWN", "--signature=a.asc"),
        *("--seccomp=mode=remove,errno=EPERM,mount,@x", "--", "-v"),
    )
    assert found == PodSpec(
        name="",
        apps=(
            AppSpec(
                image="a",
                name="front",
                exec="/bin/a",
                args=("-v",),
                environment=(("B", "x=y"),),
                user="u",
                group="g",
                supplementary_gids=(1, 2),
                working_dir="/w",
                mounts=(Mount("data", "/data"),),
                isolators=(
                    {"name": "resource/memory", "value": {"limit": "64Mi"}},
                    {"name": "resource/cpu", "value": {"limit": "500m"}},
                    {"name": "os/linux/cpu-shares", "value": "100"},
                    {"name": "os/linux/oom-score-adj", "value": "-5"},
                    {
                        "name": "os/linux/capabilities-retain-set",
                        "value": {"set": ["CAP_KILL", "CAP_CHOWN"]},
                    },
                    {
                        "name": "os/linux/seccomp-remove-set",
                        "value": {"set": ["@x", "mount"], "errno": "EPERM"},
                    },
                ),
                readonly_rootfs=True,
                signature="a.asc",
            ),
        ),
        hostname="front",
        ports=(HostPort("http", 8080), HostPort("https", 8443, "127.0.0.1")),
        volumes=(
            Volume("data", "host", "/srv", True, False),
            Volume("tmp", "empty", mode=0o1777, uid=5, gid=6),
        ),
        mounts=(Mount("tmp", "/tmp"),),
        environment=(("A", "1"),),
        pull_policy="never",
        overlay=False,
    )


def test_a_port_by_number_may_say_its_protocol() -> None:
    ports = spec("--port=80:8080", "--port=53/udp:5353", "--port=80/tcp:127.0.0.1:81-82", "a").ports
    assert ports == (
        HostPort("80", 8080),
        HostPort("53-udp", 5353),
        HostPort("80-tcp", 81, "127.0.0.1", count=2),
    )


def test_mounts_before_the_first_image_are_for_every_app() -> None:
    found = spec("--mount=volume=v,target=/a", "a", "--mount=volume=v,target=/b", "b")
    assert found.mounts == (Mount("v", "/a"),)
    assert [app.mounts for app in found.apps] == [(Mount("v", "/b"),), ()]


@pytest.mark.parametrize(
    "argv, message",
    [
        ((), "run needs an image"),
        (("--net=none",), "run needs an image"),
        (("--", "x"), "-- stands before the first image"),
        (("--user=u", "a"), "--user must follow the image that it is for"),
        (("a", "--user=u", "--user=v"), "--user is given twice"),
        (("a", "--net=none", "b", "--net=host"), "--net is given twice"),
        (("a", "--usr=u"), "unknown option --usr"),
        (("a", "--net=../x"), "--net: '../x' is not a network name"),
        (("a", "--private-net=host,x"), "--net: host cannot stand beside other networks"),
        (("a", "--net=none", "--private-net"), "--net is given twice"),
        (("a", "--private-net=none", "--port=http:80"), "--port cannot be used with --net=none"),
        (("a", "--net=host", "--port=http:80"), "--port cannot be used with --net=host"),
        (("a", "b", "--interactive"), "--interactive works with one app only"),
        (("a", "--pull-policy=always"), "--pull-policy is one of new, update, never, not 'always'"),
        (("a", "--stage1-name=jail"), "stage1 'jail' is not available"),
        (("a", "--hostname=a_b"), "--hostname: 'a_b' is not a host name"),
        (("a", "--name=A"), "--name: 'A' is not an AC name"),
        (("a", "--working-dir=x"), "--working-dir: 'x' is not an absolute path without .."),
        (("a", "--port=80/x:8080"), "--port: '80/x' is not NUMBER/PROTOCOL"),
        (("a", "--port=0/udp:80"), "--port: '0/udp' is not NUMBER/PROTOCOL"),
        (("a", "--port=http"), "--port: 'http' is not NAME:[HOSTIP:]HOSTPORT[-LAST]"),
        (("a", "--port=http:9-8"), "--port: 'http:9-8' is not NAME:[HOSTIP:]HOSTPORT[-LAST]"),
        (("a", "--port=http:9-"), "--port: 'http:9-' is not NAME:[HOSTIP:]HOSTPORT[-LAST]"),
        (("a",) * 101, "images: 101 apps are more than the 100 that a pod can have"),
        (("a", "--port=http:0"), "--port: 'http:0' is not NAME:[HOSTIP:]HOSTPORT[-LAST]"),
        (("a", "--port=http:65536"), "--port: 'http:65536' is not NAME:[HOSTIP:]HOSTPORT[-LAST]"),
        (("a", "--port=http:0080808"), "--port: 'http:0080808' is not NAME:[HOSTIP:]"),
        (("a", "--port=http:\u00b2"), "--port: 'http:\u00b2' is not NAME:[HOSTIP:]HOSTPORT[-LAST]"),
        (("a", "--port=http:x:80"), "--port: 'x' is not an IP address"),
        (("a", "--port=http:[::1]:80"), "--port: no port can be published on ::1"),
        (("a", "--port=http:2001:db8::1:80"), "--port: 'http:2001:db8::1:80' is not NAME:"),
        (("a", "--allow=80"), "--allow: '80' is not from=PEER"),
        (("a", "--allow=to=Pod web"), "--allow: 'Pod web' is nobody that can be allowed"),
        (("a", "--net=none", "--allow=to=host"), "--allow: cannot be enforced with net none"),
        (("a", "--port=http:::1:80"), "--port: 'http:::1:80' is not NAME:[HOSTIP:]HOSTPORT[-LAST]"),
        (("a", "--volume=v"), "--volume: 'v' does not say its kind"),
        (("a", "--volume=v,kind=nfs"), "--volume v.kind: 'nfs' is not one of host, empty"),
        (("a", "--volume=v,kind=host"), "--volume v.source: is missing"),
        (("a", "--volume=v,kind=empty,colour=1"), "--volume v.colour: unknown field"),
        (("a", "--volume=v,kind=empty,name=w"), "--volume v: name is given twice"),
        (("a", "--volume=v,kind=empty,readOnly=1"), "--volume v: readOnly is true or false"),
        (
            ("a", "--volume=v,kind=empty,uid=x"),
            "--volume v: uid: 'x' is not a user or group number",
        ),
        (("a", "--volume=v,kind=empty", "--volume=v,kind=empty"), "--volume: v is declared twice"),
        (("a", "--mount=volume=v"), "--mount: 'volume=v' is not volume=NAME,target=/path"),
        (("a", "--mount=volume=v,target=x"), "--mount: 'x' is not an absolute path without .."),
        (("a", "--set-env=A"), "--set-env: 'A' is not NAME=VALUE"),
        (("a", "--environment=1A=x"), "--environment: '1A=x' is not NAME=VALUE"),
        (("a", "--set-env-file=/nonexistent"), "--set-env-file: /nonexistent cannot be read"),
        (
            ("a", "--supplementary-gids=1,x"),
            "--supplementary-gids: 'x' is not a user or group number",
        ),
        (("a", "--memory=lots"), "--memory: 'lots' is not a quantity"),
        (("a", "--memory=4095"), "--memory: 4095 bytes are less than one page (4096)"),
        (("a", "--cpu-shares=1"), "--cpu-shares: 1 is not between 2 and 262144"),
        (("a", "--caps-retain=KILL"), "--caps-retain: 'KILL' is not a capability name"),
        (
            ("a", "--caps-retain=CAP_KILL", "--caps-remove=CAP_CHOWN"),
            "--caps-retain and --caps-remove cannot be combined",
        ),
        (("a", "--seccomp=read"), "--seccomp: begin with mode=retain or mode=remove"),
        (("a", "--seccomp=mode=drop,read"), "--seccomp: begin with mode=retain or mode=remove"),
        (("a", "--seccomp=mode=retain,read=1"), "--seccomp: begin with mode=retain or mode=remove"),
    ],
)
def test_refused(argv: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        spec(*argv)
    assert caught.value.message[: len(message)] == message


def test_an_unknown_option_may_be_a_near_miss_of_a_global_one() -> None:
    with pytest.raises(UsageError) as caught:
        spec("a", "--insecure-option=image")
    assert caught.value.hint == "did you mean --insecure-options?"


@pytest.mark.parametrize("flag", ["--net=none", "--hostname=h", "--interactive"])
def test_prepare_leaves_to_run_prepared_what_is_its_own(flag: str) -> None:
    with pytest.raises(UsageError, match="prepare takes no --") as caught:
        spec("a", flag, verb="prepare")
    assert caught.value.hint == "say it to run-prepared, which starts the pod"


@pytest.mark.parametrize(
    "flag, word", [("--private-users", "false"), ("--private-users", "idmapped")]
)
def test_a_value_that_stands_alone_is_no_image(flag: str, word: str) -> None:
    with pytest.raises(UsageError) as caught:
        spec(flag, word, "example.com/a")
    assert caught.value.hint == f"write {flag}={word}"


def test_a_switch_has_its_word_behind_an_equals_sign_only() -> None:
    with pytest.raises(UsageError, match="--no-overlay true: the value of this option follows"):
        spec("--no-overlay", "true", "example.com/a")
    assert spec("--private-users", "example.com/a").apps[0].image == "example.com/a"
    assert spec("--set-env", "A=false", "false").apps[0].image == "false"


@pytest.mark.parametrize(
    "text, written",
    [
        ("/tmp:/d", "source=/tmp and, after the image, --mount=volume=data,target=/d"),
        ("/tmp:/d:ro", "source=/tmp and, after the image, --mount=volume=data,target=/d"),
        ("data:/d", "source=/path and, after the image, --mount=volume=data,target=/d"),
    ],
)
def test_a_volume_as_docker_has_it_is_told_how_it_is_written_here(text: str, written: str) -> None:
    with pytest.raises(UsageError) as caught:
        spec("a", f"--volume={text}")
    assert caught.value.hint == f"write --volume=data,kind=host,{written}"


def test_a_source_may_have_a_colon() -> None:
    assert spec("a", "--volume=v,kind=host,source=/a:b").volumes[0].source == "/a:b"


def test_permissions_that_are_none_are_told_without_an_empty_choice() -> None:
    with pytest.raises(UsageError) as caught:
        spec("a", "--volume=v,kind=device,source=/dev/kvm,permissions=rwm")
    assert caught.value.message.endswith(".permissions: 'rwm' is not one of r, w, rw")


def test_host_names_may_have_dots() -> None:
    assert spec("a", "--hostname=web.Example.com").hostname == "web.Example.com"


ENV_FILE = """# comment
  ; another one

FILE=file
ONLY=  spaces stay \u2028 \x0c here
EMPTY=
"""


def env_file(directory: Path, text: str) -> str:
    """A file of variables."""
    path = directory / "env"
    path.write_text(text, encoding="utf-8")
    return f"--set-env-file={path}"


def test_an_environment_file(tmp_path: Path) -> None:
    assert dict(spec(env_file(tmp_path, ENV_FILE), "a").environment) == {
        "FILE": "file",
        "ONLY": "  spaces stay \u2028 \x0c here",
        "EMPTY": "",
    }


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("A=1\nB\n", "line 2: 'B' is not NAME=VALUE"),
        ("A=1\n\nA=1\n", "line 3: A is set twice"),
        ("A=1\n" + "#" * 1024 * 1024, "is larger than 1 MiB"),
    ],
)
def test_a_bad_environment_file(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        spec(env_file(tmp_path, text), "a")
    assert complaint in caught.value.message


SOURCES = ("inherit", "image", "file", "set_env", "environment")


def said_by(source: str) -> dict[str, str]:
    """Of five variables X_TOP, each said by every source up to TOP, those that `source` says."""
    return {f"X_{top}": source for top in SOURCES[SOURCES.index(source) :]}


def test_environment_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", said_by("inherit"))
    asked = spec(
        *(f"--set-env={name}={text}" for name, text in said_by("set_env").items()),
        "--inherit-env",
        "a",
        *(f"--environment={name}={text}" for name, text in said_by("environment").items()),
        env_file(tmp_path, "".join(f"{n}={v}\n" for n, v in said_by("file").items())),
    )
    variables = [{"name": name, "value": text} for name, text in said_by("image").items()]
    app = {"exec": ["/a"], "user": "0", "group": "0", "environment": variables}
    image = parse_image({"acKind": "ImageManifest", "acVersion": "0.8.11", "name": "a", "app": app})
    manifest, _ = build_manifest(asked, [("sha512-" + "0" * 64, image)])
    assert dict(manifest.apps[0].app.environment) == {f"X_{top}": top for top in SOURCES}


def test_nothing_is_inherited_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"A": "1", "not-a-name!": "2"})
    assert spec("a").inherited == ()
    assert spec("a", "--inherit-env").inherited == (("A", "1"),)


def test_fetch_takes_images_only() -> None:
    fetch = verbs.find_verb("fetch")
    found = apps.parse(["a", "--signature=a.asc", "b"], fetch, Arguments())
    assert [(image, own.text("signature")) for image, own, _ in found.apps] == [
        ("a", "a.asc"),
        ("b", ""),
    ]
    with pytest.raises(UsageError, match="fetch takes no arguments after --"):
        apps.parse(["a", "--", "b"], fetch, Arguments())


def test_a_uuid_file_that_cannot_be_written_is_named_with_its_option() -> None:
    from podwright.cli.run import save_uuid

    with pytest.raises(UsageError) as caught:
        save_uuid("/nope/x", "a UUID")
    message = "--uuid-file-save: /nope/x cannot be written: No such file or directory"
    assert caught.value.message == message
