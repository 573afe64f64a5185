# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images from a real registry, from layouts and archives, all the way to a running app."""

from __future__ import annotations

import http.server
import json
import shutil
import tarfile
import threading
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support import ocilayout
from tests.support.agent import Agent
from tests.support.ocilayout import OciLayout
from tests.support.ocisigning import simple_sign
from tests.support.private_host import PrivateHost
from tests.support.registry import PASSWORD, USER, Registry, basic

UNSIGNED = "--insecure-options=image"


@pytest.fixture
def logged_in(agent: Agent, registry: Registry) -> Registry:
    """The registry, whose log-in the agent's configuration has."""
    log_in(agent, registry)
    return registry


def log_in(agent: Agent, registry: Registry, **more: object) -> None:
    """Put the registry's log-in into auth.d."""
    document = {
        "rktKind": "dockerAuth",
        "rktVersion": "v1",
        "registries": [registry.host],
        "credentials": {"user": USER, "password": PASSWORD},
        **more,
    }
    path = agent.local / "auth.d" / "registry.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document))


def test_an_image_is_fetched_and_runs(agent: Agent, logged_in: Registry, tmp_path: Path) -> None:
    layout = ocilayout.busybox_layout(
        tmp_path / "layout",
        config={"Entrypoint": ["/bin/echo"], "Cmd": ["hello", "there"]},
    )
    logged_in.push_layout(layout.path, "app/web:1.0")
    reference = logged_in.reference("app/web:1.0")
    image_id = agent.ok(UNSIGNED, "fetch", "--full", reference).strip()
    assert image_id.startswith("sha512-")
    assert agent.ok(UNSIGNED, "run", reference).strip() == "hello there"


def test_the_image_says_how_it_runs_and_the_user_has_the_last_word(
    agent: Agent, logged_in: Registry, tmp_path: Path
) -> None:
    script = 'echo "$0 $* $WHO $(id -u):$(id -g) $(pwd)"; echo kept > /data/x; cat /data/x'
    layout = OciLayout(tmp_path / "layout")
    members = [
        *ocilayout.busybox_members(),
        ("etc/passwd", b"root:x:0:0::/:/bin/sh\nweb:x:1234:77::/:/bin/sh\n"),
        ("etc/group", b"root:x:0:\n"),
        ("srv", None),
    ]
    config = {
        "Entrypoint": ["/bin/sh", "-c", script],
        "Cmd": ["name", "first"],
        "Env": ["WHO=image", "NOTHING"],
        "User": "web",
        "WorkingDir": "/srv",
        "ExposedPorts": {"8080/tcp": {}, "9000": {}},
        "Volumes": {"/data": {}},
        "Labels": {"coreos.com/rkt/stage1/interpolate": "true"},
    }
    layout.tag(layout.image([layout.layer(members)], config))
    logged_in.push_layout(layout.path, "app/web:1.0")
    reference = logged_in.reference("app/web:1.0")
    data = tmp_path / "data"
    data.mkdir(mode=0o777)
    data.chmod(0o777)
    volume = f"--volume=volume-data,kind=host,source={data}"
    said = agent.ok(UNSIGNED, "run", volume, reference, "--", "last")
    assert said == "name first last image 1234:1234 /srv\nkept\n"
    assert (data / "x").read_text() == "kept\n"
    assert (data / "x").stat().st_uid % 65536 == 1234
    manifest = json.loads(agent.ok("image", "cat-manifest", "registry.example.com~5000/app/web"))
    assert [(port["name"], port["port"]) for port in manifest["app"]["ports"]] == [
        ("8080-tcp", 8080),
        ("9000", 9000),
    ]
    named = agent(UNSIGNED, "run", reference, "--exec=/bin/echo", "--user=root", "--", "other")
    assert named.check().stdout == "other\n"


def test_unsigned_images_are_refused_before_a_layer_is_fetched(
    agent: Agent, logged_in: Registry, tmp_path: Path
) -> None:
    layout = ocilayout.busybox_layout(tmp_path / "layout")
    logged_in.push_layout(layout.path, "app/web:1.0")
    before = len(logged_in.log())
    line = agent.refused("fetch", logged_in.reference("app/web:1.0"))
    assert "registry.example.com~5000/app/web" in line
    assert layer_requests(logged_in, before) == []
    assert agent.ok("image", "list", "--no-legend") == ""
    agent.ok(UNSIGNED, "fetch", logged_in.reference("app/web:1.0"))
    assert "stored without a signature" in agent.refused("run", logged_in.reference("app/web:1.0"))


def layer_requests(registry: Registry, since: int) -> list[str]:
    """Blobs beyond the configurations that were read after a line of the log."""
    return [
        line
        for line in registry.log()[since:]
        if '"GET /v2/' in line and "/blobs/" in line and not _is_small(registry, line)
    ]


def _is_small(registry: Registry, line: str) -> bool:
    digest = line.partition("/blobs/")[2].split(" ")[0]
    return registry.stored_blob(digest).read_bytes()[:1] == b"{"


def test_a_log_in_is_needed_and_the_error_says_where_it_goes(
    agent: Agent, registry: Registry, tmp_path: Path
) -> None:
    layout = ocilayout.busybox_layout(tmp_path / "layout")
    registry.push_layout(layout.path, "app/web:1.0")
    reference = registry.reference("app/web:1.0")
    line = agent.refused(UNSIGNED, "fetch", reference)
    assert f"registry {registry.host}/app/web wants a log-in" in line and "dockerAuth" in line
    assert f"{agent.local}/auth.d" in line and "REGISTRY_AUTH_FILE" in line
    log_in(agent, registry, credentials={"user": USER, "password": "wrong-canary"})
    line = agent.refused(UNSIGNED, "fetch", reference)
    assert "does not accept the log-in" in line and "wrong-canary" not in line
    assert f"which came from {agent.local}/auth.d/registry.json" in line
    log_in(agent, registry)
    path = agent.local / "auth.d" / "registry.json"
    path.chmod(0o666)
    assert "may be written by others" in agent.refused(UNSIGNED, "fetch", reference)
    path.chmod(0o600)
    agent.ok(UNSIGNED, "fetch", reference)


@pytest.mark.parametrize("place", ["REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "HOME"])
def test_log_ins_of_other_programs_are_found_the_longest_path_first(
    agent: Agent, registry: Registry, tmp_path: Path, place: str
) -> None:
    layout = ocilayout.busybox_layout(tmp_path / "layout")
    registry.push_layout(layout.path, "app/web:1.0")
    names = {
        "REGISTRY_AUTH_FILE": "mine.json",
        "XDG_RUNTIME_DIR": "containers/auth.json",
        "HOME": ".docker/config.json",
    }
    path = tmp_path / "home" / names[place]
    path.parent.mkdir(parents=True)
    wrong = "d3Jvbmc6d3Jvbmc="
    path.write_text(
        json.dumps(
            {
                "auths": {
                    registry.host: {"auth": wrong},
                    f"{registry.host}/app/we": {"auth": wrong},
                    f"{registry.host}/app": {"auth": basic()},
                }
            }
        )
    )
    env = {"HOME": "/nonexistent", "XDG_RUNTIME_DIR": "", "REGISTRY_AUTH_FILE": ""}
    env[place] = str(path if place == "REGISTRY_AUTH_FILE" else tmp_path / "home")
    agent(UNSIGNED, "fetch", registry.reference("app/web:1.0"), env=env).check()
    registry.push_layout(layout.path, "other/web:1.0")
    refused = agent(UNSIGNED, "fetch", registry.reference("other/web:1.0"), env=env)
    assert refused.exit != 0 and "does not accept the log-in" in refused.stderr


def test_tokens_come_from_the_token_server_that_is_known(
    agent: Agent, private_host: PrivateHost, tmp_path: Path
) -> None:
    layout = ocilayout.busybox_layout(tmp_path / "layout")
    with Registry(private_host, tmp_path, "token") as registry:
        agent.accept_authority(registry.host, registry.files)
        registry.push_layout(layout.path, "app/web:1.0")
        assert registry.tokens is not None
        registry.tokens.requests.clear()
        reference = registry.reference("app/web:1.0")
        log_in(agent, registry)
        line = agent.refused(UNSIGNED, "fetch", reference)
        assert "not known to belong to it" in line and "`realms`" in line
        assert registry.tokens.requests == []
        log_in(agent, registry, realms=["registry.example.com:5001"])
        agent.ok(UNSIGNED, "fetch", reference)
        asked = [target for target, _ in registry.tokens.requests]
        assert asked == ["/token?service=test-registry&scope=repository%3Aapp%2Fweb%3Apull"]


def test_the_image_for_this_host_is_chosen_and_a_known_one_is_not_fetched_again(
    agent: Agent, logged_in: Registry, tmp_path: Path
) -> None:
    layout = OciLayout(tmp_path / "layout")
    layer = layout.layer(ocilayout.busybox_members())
    other = layout.layer([("other", b"for another host")])
    images = [
        layout.image([other], {"Cmd": ["/other"]}, architecture="s390x"),
        layout.image([layer], {"Cmd": ["/bin/echo", "mine"]}),
        layout.image([other], {"Cmd": ["/other"]}, architecture="arm64", variant="v8"),
    ]
    layout.tag(layout.index(images), "all")
    logged_in.push_layout(layout.path, "app/web:1.0")
    reference = logged_in.reference("app/web:1.0")
    assert agent.ok(UNSIGNED, "run", reference) == "mine\n"
    before = len(logged_in.log())
    assert agent.ok(UNSIGNED, "run", reference) == "mine\n"
    assert logged_in.log()[before:] == []
    agent.ok(UNSIGNED, "fetch", reference)
    asked = [line for line in logged_in.log()[before:] if '"GET /v2/' in line and '" 200 ' in line]
    assert asked == []


def test_a_tag_that_moves_is_fetched_again_and_a_digest_is_not(
    agent: Agent, logged_in: Registry, tmp_path: Path
) -> None:
    layouts = [
        ocilayout.busybox_layout(tmp_path / word, config={"Cmd": ["/bin/echo", word]})
        for word in ("old", "new")
    ]
    digest = logged_in.push_layout(layouts[0].path, "app/web:1.0")
    tagged = logged_in.reference("app/web:1.0")
    pinned = logged_in.reference(f"app/web@{digest}")
    assert agent.ok(UNSIGNED, "run", tagged) == "old\n"
    logged_in.push_layout(layouts[1].path, "app/web:1.0")
    assert agent.ok(UNSIGNED, "run", tagged) == "old\n"
    before = len(logged_in.log())
    assert agent.ok(UNSIGNED, "run", "--pull-policy=update", tagged) == "new\n"
    assert layer_requests(logged_in, before) == []  # both have the same layer
    assert agent.ok(UNSIGNED, "run", pinned) == "old\n"
    wrong = logged_in.reference(f"app/web@sha256:{'0' * 64}")
    assert "has no such image" in agent.refused(UNSIGNED, "fetch", wrong)


@pytest.mark.parametrize("compression", ["gzip", "zstd", ""])
def test_layers_hide_what_is_below_as_in_umoci(
    agent: Agent, private_host: PrivateHost, tmp_path: Path, compression: str
) -> None:
    layout = OciLayout(tmp_path / "layout")
    contents = hiding_layers()
    layers = [layout.layer(members, compression) for members in contents]
    layout.tag(layout.image(layers), "mine")
    agent.ok(UNSIGNED, "fetch", f"oci:{layout.path}:mine")
    plain = OciLayout(tmp_path / "plain")  # umoci 0.4.7 reads no zstd
    plain.tag(plain.image([plain.layer(members) for members in contents]), "mine")
    bundle = tmp_path / "bundle"
    private_host.run(["umoci", "unpack", "--image", f"{plain.path}:mine", str(bundle)]).check()
    lowers = ":".join(trees(agent))
    script = (
        f"mount -t overlay overlay -o ro,lowerdir={lowers} {tmp_path}/merged &&"
        f" diff -r --no-dereference {bundle}/rootfs {tmp_path}/merged &&"
        f" for at in {bundle}/rootfs {tmp_path}/merged; do (cd $at &&"
        " find . -printf '%p %y %m %U %G %l %s\\n' | grep -v ' d ' | sort); done"
    )
    (tmp_path / "merged").mkdir()
    listed = private_host.run(["unshare", "-m", "/bin/sh", "-c", script]).check().stdout
    lines = listed.splitlines()
    assert lines[: len(lines) // 2] == lines[len(lines) // 2 :]
    assert any("./kept/new " in line for line in lines)
    assert not any("gone" in line for line in lines)


def hiding_layers() -> list[list[ocilayout.Member]]:
    """Three layers that add, change, hide and empty."""
    special = ocilayout.special
    return [
        [
            ("kept", None), ("kept/old", b"old"), ("kept/gone", b"x"), ("emptied", None),
            ("emptied/gone", b"x"), ("emptied/gone2", None), ("emptied/gone2/deep", b"x"),
            ("gone-dir", None), ("gone-dir/x", b"x"), ("changed", b"one"), ("becomes-dir", b"file"),
            ("becomes-file", None), ("becomes-file/gone", b"x"),
            special("link", tarfile.SYMTYPE, "kept"), ("linked", b"linked"),
        ],
        [
            ("kept", None), ("kept/.wh.gone", b""), ("emptied", None), ("emptied/.wh..wh..opq", b""),
            ("emptied/new", b"new"), (".wh.gone-dir", b""), ("changed", b"two"),
            ("becomes-dir", None), ("becomes-dir/inside", b"x"), ("becomes-file", b"now a file"),
            special("hard", tarfile.LNKTYPE, "changed"),
        ],
        [("kept", None), ("kept/new", b"new"), ("emptied", None), ("emptied/.wh.new", b""),
         ("emptied/newer", b"newer"), ("again", None), (".wh.link", b"")],
    ]  # fmt: skip


def trees(agent: Agent) -> list[str]:
    """The roots of the layers of the only image, top first."""
    (record,) = (agent.data / "cas/image").glob("*/record.json")
    layers = json.loads(record.read_text())["layers"]
    return [f"{agent.data}/cas/tree/{layer['tree']}/rootfs" for layer in reversed(layers)]


def test_layers_are_stored_once_however_many_images_have_them(
    agent: Agent, logged_in: Registry, tmp_path: Path
) -> None:
    layout = OciLayout(tmp_path / "layout")
    base = layout.layer(ocilayout.busybox_members())
    empty = layout.layer([])
    one = layout.image(
        [base, empty, layout.layer([("one", b"1")]), empty], {"Cmd": ["/bin/ls", "/one"]}
    )
    two = layout.image([base, layout.layer([("two", b"2")])], {"Cmd": ["/bin/ls", "/two"]})
    layout.tag(one, "one")
    layout.tag(two, "two")
    for name in ("one", "two"):
        logged_in.copy(f"oci:{layout.path}:{name}", f"app/{name}:1")
        assert agent.ok(UNSIGNED, "run", logged_in.reference(f"app/{name}:1")) == f"/{name}\n"
    assert len(list((agent.data / "cas/tree").iterdir())) == 4
    agent.ok("gc", "--grace-period=0s")
    agent.ok("image", "rm", "registry.example.com~5000/app/one:1")
    assert len(list((agent.data / "cas/tree").iterdir())) == 2
    assert agent.ok(UNSIGNED, "run", logged_in.reference("app/two:1")) == "/two\n"


def test_layouts_and_archives(agent: Agent, private_host: PrivateHost, tmp_path: Path) -> None:
    layout = OciLayout(tmp_path / "layout")
    base = layout.layer(ocilayout.busybox_members())
    for name in ("one", "two"):
        extra = layout.layer([(name, name.encode())])
        layout.tag(layout.image([base, extra], {"Cmd": ["/bin/cat", f"/{name}"]}), name)
    pairs = [
        (f"oci:{layout.path}:one", f"docker-archive:{tmp_path}/docker.tar:example.com/app/one:1"),
        (f"oci:{layout.path}:two", f"oci-archive:{tmp_path}/oci.tar:two"),
    ]
    for source, target in pairs:
        private_host.run(["skopeo", "--insecure-policy", "copy", source, target]).check()
    private_host.run(["gzip", "-k", f"{tmp_path}/docker.tar"]).check()
    for argument, said in [
        (f"oci:{layout.path}:one", "one"),
        (f"oci:{layout.path}:two", "two"),
        (f"docker-archive:{tmp_path}/docker.tar", "one"),
        (f"docker-archive:{tmp_path}/docker.tar:example.com/app/one:1", "one"),
        (f"docker-archive:{tmp_path}/docker.tar.gz:@0", "one"),
        (f"oci-archive:{tmp_path}/oci.tar", "two"),
        (f"oci-archive:{tmp_path}/oci.tar:two", "two"),
    ]:
        assert agent.ok(UNSIGNED, "run", argument) == said, argument
    assert "it has: one, two" in agent.refused(UNSIGNED, "fetch", f"oci:{layout.path}:three")
    line = agent.refused(UNSIGNED, "fetch", f"oci-archive:{tmp_path}/docker.tar")
    assert "docker-archive:FILE" in line
    broken = tmp_path / "broken.tar"
    broken.write_bytes((tmp_path / "docker.tar").read_bytes()[:5000])
    line = agent.refused(UNSIGNED, "fetch", f"docker-archive:{broken}")
    assert f"archive {broken}: " in line
    line = agent.refused(UNSIGNED, "fetch", f"docker-archive:{tmp_path}/docker.tar:other:1")
    assert "example.com/app/one:1" in line
    # the base, and one layer of each image, by what they are as served: compressed, or plain in docker's archive
    assert len(list((agent.data / "cas/tree").iterdir())) == 3 + 2
    assert not list((agent.data / "tmp").iterdir())


def test_a_layout_that_changed_is_read_again(agent: Agent, tmp_path: Path) -> None:
    layout = ocilayout.busybox_layout(tmp_path / "layout", "x", {"Cmd": ["/bin/echo", "old"]})
    assert agent.ok(UNSIGNED, "run", f"oci:{layout.path}:x") == "old\n"
    again = OciLayout(tmp_path / "again")
    layer = again.layer(ocilayout.busybox_members())
    again.tag(again.image([layer], {"Cmd": ["/bin/echo", "new"]}), "x")
    shutil.copytree(again.path, layout.path, dirs_exist_ok=True)
    assert agent.ok(UNSIGNED, "run", f"oci:{layout.path}:x") == "new\n"


def test_links_in_a_layout_lead_nowhere(agent: Agent, tmp_path: Path) -> None:
    layout = ocilayout.busybox_layout(tmp_path / "layout", "x")
    blob = max(layout.blobs.iterdir(), key=lambda path: path.stat().st_size)
    moved = tmp_path / "elsewhere"
    blob.rename(moved)
    blob.symlink_to(moved)
    assert "cannot be read" in agent.refused(UNSIGNED, "fetch", f"oci:{layout.path}:x")


def test_mirrors_are_asked_first_and_believed_no_more_than_the_registry(
    agent: Agent, private_host: PrivateHost, tmp_path: Path
) -> None:
    layout = ocilayout.busybox_layout(tmp_path / "layout", config={"Cmd": ["/bin/echo", "hi"]})
    with (
        Registry(private_host, tmp_path, False) as upstream,
        Registry(private_host, tmp_path, False, "images.example.com", 5443) as mirror,
    ):
        for registry in (upstream, mirror):
            agent.accept_authority(registry.host, registry.files)
        upstream.push_layout(layout.path, "app/web:1.0")
        mirror.push_layout(layout.path, "cache/app/web:1.0")
        directory = agent.local / "mirrors.d"
        directory.mkdir()
        document = {
            "rktKind": "registryMirrors",
            "rktVersion": "v1",
            "registry": upstream.host,
            "mirrors": ["https://evil.example.com:1", f"https://{mirror.host}/cache"],
        }
        (directory / "it.json").write_text(json.dumps(document))
        before = len(upstream.log())
        assert agent.ok(UNSIGNED, "run", upstream.reference("app/web:1.0")) == "hi\n"
        assert [line for line in upstream.log()[before:] if '"GET /v2/' in line] == []
        (layer,) = (path for path in layout.blobs.iterdir() if path.read_bytes()[:1] != b"{")
        broken = mirror.stored_blob(f"sha256:{layer.name}")
        broken.write_bytes(broken.read_bytes()[:-8] + b"tampered")
        agent.ok("gc", "--grace-period=0s")
        agent.ok("image", "rm", "registry.example.com~5000/app/web:1.0")
        assert agent.ok(UNSIGNED, "run", upstream.reference("app/web:1.0")) == "hi\n"
        assert any("/blobs/" in line and '" 200 ' in line for line in upstream.log()[before:])


def test_fetches_of_one_image_at_once_make_one_copy(
    agent: Agent, logged_in: Registry, tmp_path: Path
) -> None:
    layout = OciLayout(tmp_path / "layout")
    layers = [layout.layer([(f"f{number}", bytes([number]) * 100_000)]) for number in range(6)]
    layout.tag(layout.image(layers), "x")
    logged_in.copy(f"oci:{layout.path}:x", "app/web:1.0")
    logged_in.copy(f"oci:{layout.path}:x", "app/other:1.0")
    before = len(logged_in.log())
    command = [*agent.command, UNSIGNED, "fetch"]
    running = [
        agent.host.popen([*command, logged_in.reference(f"app/{name}:1.0")])
        for name in ("web", "other") * 4
    ]
    ids = set()
    for process in running:
        stdout, stderr = process.communicate(timeout=60)
        assert process.returncode == 0, stderr
        ids.add(stdout)
    assert len(ids) == 2
    assert len(list((agent.data / "cas/tree").iterdir())) == 6
    assert len(layer_requests(logged_in, before)) == 6
    assert not list((agent.data / "tmp").iterdir())


def test_finished_layers_stay_when_another_one_fails(
    agent: Agent, logged_in: Registry, tmp_path: Path
) -> None:
    layout = OciLayout(tmp_path / "layout")
    layers = [layout.layer([(f"f{number}", bytes([number]) * 100_000)]) for number in range(3)]
    # A link to a file of another layer: the others are finished before this one can fail.
    last = ("f3", b"3" * 100_000)
    layers.append(layout.layer([ocilayout.special("link", tarfile.LNKTYPE, "f0"), last]))
    layout.tag(layout.image(layers), "x")
    logged_in.copy(f"oci:{layout.path}:x", "app/web:1.0")
    blob = logged_in.stored_blob(layers[3].descriptor["digest"])
    whole = blob.read_bytes()
    blob.write_bytes(whole[:-1] + b"\xff")
    assert "digest" in agent.refused(UNSIGNED, "fetch", logged_in.reference("app/web:1.0"))
    assert len(list((agent.data / "cas/tree").iterdir())) == 3
    assert agent.ok("image", "list", "--no-legend") == ""
    blob.write_bytes(whole)
    before = len(logged_in.log())
    agent.ok(UNSIGNED, "fetch", logged_in.reference("app/web:1.0"))
    assert len(layer_requests(logged_in, before)) == 1


@pytest.mark.parametrize("signed", ["index", "image"])
def test_a_signature_of_the_index_or_of_the_image_will_do(
    agent: Agent, logged_in: Registry, lab: Keys, tmp_path: Path, signed: str
) -> None:
    layout = OciLayout(tmp_path / "layout")
    layer = layout.layer(ocilayout.busybox_members())
    image = layout.image([layer], {"Cmd": ["/bin/echo", "signed"]})
    index = layout.index([image])
    layout.tag(index)
    logged_in.push_layout(layout.path, "app/web:1.0")
    reference = logged_in.reference("app/web:1.0")
    lookaside = tmp_path / "lookaside"
    directory = agent.local / "registries.d"
    directory.mkdir()
    (directory / "it.yaml").write_text(f"default-docker:\n    lookaside: file://{lookaside}\n")
    agent.trust(lab.key, "registry.example.com~5000/app")
    assert "has no signature" in agent.refused("fetch", reference)
    digest = (index if signed == "index" else image)["digest"]
    document = (layout.blobs / digest[7:]).read_bytes()
    place = lookaside / f"app/web@{digest.replace(':', '=')}"
    place.mkdir(parents=True)
    message = simple_sign(lab.key, document, f"{logged_in.host}/app/web:1.0")
    (place / "signature-1").write_bytes(message)
    assert agent.ok("run", reference) == "signed\n"
    (record,) = (agent.data / "cas/image").glob("*/record.json")
    assert json.loads(record.read_text())["digest"] == digest


def test_layers_that_need_those_below(
    agent: Agent, private_host: PrivateHost, tmp_path: Path
) -> None:
    """A hard link to a file of a lower layer, and a file in a directory that has no member."""
    top_dir = ocilayout.special("private", tarfile.DIRTYPE, mode=0o700, uid=7, gid=8)
    contents: list[list[ocilayout.Member]] = [
        [top_dir, ("private/file", b"below"), ("other", None), ("other/file", b"x")],
        [("private/new", b"new")],
        [ocilayout.special("link", tarfile.LNKTYPE, "private/file")],
    ]
    layout = OciLayout(tmp_path / "layout")
    layers = [layout.layer(members) for members in contents]
    layout.tag(layout.image(layers), "x")
    agent.ok(UNSIGNED, "fetch", f"oci:{layout.path}:x")
    merged = tmp_path / "merged"
    merged.mkdir()
    script = (
        f"mount -t overlay overlay -o ro,lowerdir={':'.join(trees(agent))} {merged} &&"
        f" cat {merged}/link {merged}/private/new && stat -c ' %a %u %g' {merged}/private"
    )
    said = private_host.run(["unshare", "-m", "/bin/sh", "-c", script]).check().stdout
    assert said == "belownew 700 7 8\n"
    # on top of other layers the same layer is another tree
    other = OciLayout(tmp_path / "other")
    below = other.layer([("private", None), ("private/file", b"other")])
    other.tag(other.image([below, *layers[1:]]), "x")
    for blob in layout.blobs.iterdir():
        shutil.copy(blob, other.blobs)
    agent.ok(UNSIGNED, "fetch", f"oci:{other.path}:x")
    record = max(
        (agent.data / "cas/image").glob("*/record.json"), key=lambda path: path.stat().st_mtime_ns
    )
    trees_of = [layer["tree"] for layer in json.loads(record.read_text())["layers"]]
    assert (agent.data / "cas/tree" / trees_of[-1] / "rootfs/link").read_bytes() == b"other"
    assert len(list((agent.data / "cas/tree").iterdir())) == 6


@pytest.mark.threat("T35")
def test_a_working_directory_behind_a_link_stays_in_the_pod(agent: Agent, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.mkdir()
    for number, target in enumerate((str(canary), "/proc/self/fd/7", "../../../../..")):
        layout = OciLayout(tmp_path / f"layout{number}")
        link = ocilayout.special("work", tarfile.SYMTYPE, target, mode=0o777)
        layer = layout.layer([*ocilayout.busybox_members(), link])
        config = {"Cmd": ["/bin/sh", "-c", "pwd; touch here; ls /"], "WorkingDir": "/work"}
        layout.tag(layout.image([layer], config), "x")
        result = agent(UNSIGNED, "run", f"oci:{layout.path}:x")
        if result.exit == 0:
            assert result.stdout.splitlines()[0] == "/"
            assert "bin" in result.stdout and "here" in result.stdout
        else:
            assert "working directory" in result.stderr
        assert list(canary.iterdir()) == []


@pytest.mark.threat("T31")
def test_secrets_are_in_no_argument_output_or_file(
    agent: Agent, logged_in: Registry, tmp_path: Path
) -> None:
    layout = ocilayout.busybox_layout(tmp_path / "layout")
    logged_in.push_layout(layout.path, "app/web:1.0")
    for name in ("app/web:1.0", "app/missing:1.0"):
        result = agent(UNSIGNED, "--debug", "fetch", logged_in.reference(name))
        for text in (result.stdout, result.stderr):
            assert PASSWORD not in text and basic() not in text
    for path in agent.data.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert PASSWORD.encode() not in data and basic().encode() not in data


@pytest.mark.threat("T33")
def test_plain_http_only_when_it_is_asked_for_and_without_the_log_in(
    agent: Agent, private_host: PrivateHost, tmp_path: Path
) -> None:
    layout = ocilayout.busybox_layout(tmp_path / "layout", config={"Cmd": ["/bin/echo", "plain"]})
    requests: list[dict[str, str]] = []

    class Plain(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(dict(self.headers))
            reference = self.path.rpartition("/")[2]
            entry = json.loads((layout.path / "index.json").read_text())["manifests"][0]
            digest = entry["digest"] if reference == "1.0" else reference
            path = layout.blobs / digest.rpartition(":")[2]
            data = path.read_bytes() if path.is_file() else b""
            self.send_response(200 if data else 404)
            self.send_header("Content-Type", ocilayout.MANIFEST)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("", 0), Plain, bind_and_activate=False)
    server.socket.close()
    server.socket = private_host.listen(port=5000)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    ).start()
    document = {
        "rktKind": "dockerAuth", "rktVersion": "v1", "registries": ["registry.example.com:5000"],
        "credentials": {"user": USER, "password": PASSWORD},
    }  # fmt: skip
    (agent.local / "auth.d").mkdir()
    (agent.local / "auth.d/it.json").write_text(json.dumps(document))
    reference = "docker://registry.example.com:5000/app/web:1.0"
    agent.refused(UNSIGNED, "fetch", reference)
    assert requests == []
    assert agent.ok("--insecure-options=image,http", "run", reference) == "plain\n"
    assert requests and not any("Authorization" in headers for headers in requests)
    server.shutdown()
    server.server_close()


@pytest.mark.threat("T33")
def test_a_registry_without_a_known_certificate(
    agent: Agent, private_host: PrivateHost, tmp_path: Path
) -> None:
    layout = ocilayout.busybox_layout(tmp_path / "layout", config={"Cmd": ["/bin/echo", "lifted"]})
    with Registry(private_host, tmp_path, False) as registry:
        registry.push_layout(layout.path, "app/web:1.0")
        reference = registry.reference("app/web:1.0")
        assert "its certificate is not accepted" in agent.refused(UNSIGNED, "fetch", reference)
        line = agent.refused("--insecure-options=image,http", "fetch", reference)
        assert "its certificate is not accepted" in line
        assert agent.ok("--insecure-options=image,tls", "run", reference) == "lifted\n"
        assert "was not checked" in agent.refused(UNSIGNED, "run", reference)
