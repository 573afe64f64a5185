# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`image push`: build, push, fetch and run; what other programs of the field make of it; signatures."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support import aci, ocilayout, tiny_image
from tests.support.agent import Agent
from tests.support.private_host import PrivateHost
from tests.support.registry import PASSWORD, USER, Registry

UNSIGNED = "--insecure-options=image"
NAME = "example.com/pushed"


@pytest.fixture
def logged_in(agent: Agent, registry: Registry) -> Registry:
    """The registry, whose log-in the agent's configuration has."""
    log_in(agent, registry)
    return registry


def log_in(agent: Agent, registry: Registry, password: str = PASSWORD) -> None:
    """Put the registry's log-in into auth.d."""
    document = {
        "rktKind": "dockerAuth",
        "rktVersion": "v1",
        "registries": [registry.host],
        "credentials": {"user": USER, "password": password},
        "realms": ["registry.example.com:5001"],
    }
    path = agent.local / "auth.d" / "registry.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document))


@pytest.fixture
def built(agent: Agent, tmp_path: Path) -> Path:
    """An image that says something, built by the agent."""
    root = tmp_path / "root"
    root.mkdir()
    tiny_image.make_rootfs(root, {"/etc/motd": "hello from the image\n"})
    (root / "data").mkdir()
    output = tmp_path / "pushed.aci"
    script = 'cat /etc/motd; echo "$0 $WHO $(id -u):$(id -g) $(pwd)"'
    agent.ok(
        "image", "build", root, output, f"--name={NAME}", "--version=1.0", "--exec=/bin/sh",
        "--user=tiny", "--group=tiny", "--env=WHO=built", "--working-dir=/tmp",
        "--port=http:8080", "--port=dns:53/udp", "--mount-point=data:/data:ro",
        "--", "-c", script, "name",
    )  # fmt: skip
    return output


SAID = "hello from the image\nname built 1000:1000 /tmp\n"
VOLUME = "--volume=volume-data,kind=empty"


def inspect(registry: Registry, name: str, *options: str) -> dict[str, Any]:
    """What skopeo reads."""
    found = registry.skopeo(
        "inspect", f"--cert-dir={registry.base}/client", f"--authfile={registry.authfile}",
        *options, registry.reference(name),
    )  # fmt: skip
    document = json.loads(found.stdout)
    assert isinstance(document, dict)
    return document


def sent(registry: Registry, since: int) -> list[str]:
    """Lines of the log, from a line on, about something that was written."""
    return [
        line
        for line in registry.log()[since:]
        if any(f'"{method} /v2/' in line for method in ("POST", "PUT", "PATCH"))
    ]


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_built_pushed_fetched_and_run(
    agent: Agent, logged_in: Registry, built: Path, compression: str
) -> None:
    target = logged_in.reference("team/app:1.0")
    digest = agent.ok("image", "push", built, target, f"--compression={compression}").strip()
    pinned = logged_in.reference(f"team/app@{digest}")
    assert agent.ok(UNSIGNED, "run", VOLUME, target) == SAID
    assert agent.ok(UNSIGNED, "run", VOLUME, pinned) == SAID
    if compression == "zstd":
        return  # which Debian's skopeo does not know
    seen = inspect(logged_in, "team/app:1.0")
    assert seen["Digest"] == digest and len(seen["Layers"]) == 1
    assert seen["Labels"]["org.opencontainers.image.title"] == NAME
    config = inspect(logged_in, "team/app:1.0", "--config")["config"]
    assert config["User"] == "tiny:tiny" and config["WorkingDir"] == "/tmp"
    assert config["Entrypoint"][:2] == ["/bin/sh", "-c"] and config["Env"] == ["WHO=built"]
    assert set(config["ExposedPorts"]) == {"8080/tcp", "53/udp"}
    assert set(config["Volumes"]) == {"/data"}
    assert digest == logged_in.copy(
        target, "team/copy:1.0", "--preserve-digests", *source_options(logged_in)
    )


def source_options(registry: Registry) -> tuple[str, str]:
    """For skopeo to read from the registry."""
    return f"--src-cert-dir={registry.base}/client", f"--src-authfile={registry.authfile}"


def test_what_is_there_is_not_sent_again(agent: Agent, logged_in: Registry, built: Path) -> None:
    target = logged_in.reference("team/app:1.0")
    first = json.loads(agent.ok("image", "push", built, target, "--format=json"))
    assert first["changed"] and first["sent"] > 500_000
    assert first["reference"] == f"{logged_in.host}/team/app:1.0"
    before = len(logged_in.log())
    second = json.loads(agent.ok("image", "push", built, target, "--format=json"))
    assert (second["changed"], second["sent"]) == (False, 0)
    assert second["digest"] == first["digest"] and sent(logged_in, before) == []
    assert f"{first['reference']} is up to date" in agent("image", "push", built, target).stderr
    other = json.loads(
        agent.ok("image", "push", built, logged_in.reference("team/app:1.1"), "--format=json")
    )
    assert (other["changed"], other["sent"], other["digest"]) == (True, 0, first["digest"])
    assert len(sent(logged_in, before)) == 1


def test_a_stored_image_is_pushed_with_its_layers_and_runs_as_before(
    agent: Agent, logged_in: Registry, tmp_path: Path
) -> None:
    """Whiteouts and opaque directories of the layers come along, and the configuration."""
    layout = ocilayout.OciLayout(tmp_path / "layout")
    lower = [*ocilayout.busybox_members(), ("d", None), ("d/a", b"1"), ("e", None), ("e/b", b"2")]
    upper: list[ocilayout.Member] = [
        ("d/.wh.a", b""),
        ("e", None),
        ("e/.wh..wh..opq", b""),
        ("e/c", b"3"),
    ]
    config = {"Cmd": ["/bin/sh", "-c", "ls /d; ls /e"], "StopSignal": "SIGINT"}
    layers = [layout.layer(lower), layout.layer(upper)]
    layout.tag(layout.image(layers, config, author="somebody"))
    source = logged_in.reference("team/source:1.0")
    logged_in.push_layout(layout.path, "team/source:1.0")
    agent.ok(UNSIGNED, "fetch", source)
    target = logged_in.reference("team/again:1.0")
    assert "stored without a signature" in agent.refused("image", "push", source, target)
    agent.ok(UNSIGNED, "image", "push", source, target)
    assert agent.ok(UNSIGNED, "run", target) == "c\n"
    seen = inspect(logged_in, "team/again:1.0", "--config")
    assert seen["config"]["StopSignal"] == "SIGINT" and seen["author"] == "somebody"
    assert len(seen["rootfs"]["diff_ids"]) == 2


def test_a_layout_goes_as_it_is(agent: Agent, logged_in: Registry, tmp_path: Path) -> None:
    layout = ocilayout.busybox_layout(tmp_path / "layout", "1.0")
    target = logged_in.reference("team/layout:1.0")
    digest = agent.ok("image", "push", f"oci:{layout.path}:1.0", target).strip()
    index = json.loads((layout.path / "index.json").read_text())
    assert digest == index["manifests"][0]["digest"]
    assert agent.ok(UNSIGNED, "run", target, "--exec=/bin/echo", "--", "yes") == "yes\n"


def test_without_a_log_in_nothing_is_pushed_and_no_secret_is_shown(
    agent: Agent, registry: Registry, built: Path
) -> None:
    target = registry.reference("team/app:1.0")
    assert "wants a log-in" in agent.refused("image", "push", built, target)
    log_in(agent, registry, "wrong-canary")
    line = agent.refused("image", "push", built, target)
    assert "does not accept the log-in" in line and "wrong-canary" not in line
    assert not list(registry.storage.glob("**/repositories/*"))


@pytest.fixture
def token_registry(private_host: PrivateHost, agent: Agent, tmp_path: Path) -> Iterator[Registry]:
    """A registry that wants tokens."""
    with Registry(private_host, tmp_path, auth="token") as server:
        agent.accept_authority(server.host, server.files)
        yield server


def test_tokens_are_asked_for_with_the_right_to_push(
    agent: Agent, token_registry: Registry, built: Path
) -> None:
    log_in(agent, token_registry)
    target = token_registry.reference("team/app:1.0")
    agent.ok("image", "push", built, target)
    assert agent.ok(UNSIGNED, "run", VOLUME, target) == SAID


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("registry.example.com/app:1", "is not docker://"),
        ("docker://registry.example.com/app@sha256:" + "0" * 64, "names a digest"),
        ("docker://registry.example.com/APP:1", "not a repository name"),
        ("oci:/tmp/x", "is not docker://"),
    ],
)
def test_where_nothing_can_be_pushed_to(agent: Agent, built: Path, target: str, why: str) -> None:
    assert why in agent.refused("image", "push", built, target)


def test_an_archive_that_is_damaged_is_not_pushed(
    agent: Agent, logged_in: Registry, built: Path
) -> None:
    data = bytearray(built.read_bytes())
    data[len(data) // 2] ^= 255
    built.write_bytes(bytes(data))
    agent.refused("image", "push", built, logged_in.reference("team/app:1.0"))
    assert sent(logged_in, 0) == []


def test_a_simple_signature_admits_the_image_here_and_at_skopeo(
    agent: Agent, logged_in: Registry, built: Path, lab: Keys, tmp_path: Path
) -> None:
    lookaside, target = tmp_path / "lookaside", logged_in.reference("team/app:1.0")
    signed: list[str | Path] = [
        "image", "push", built, target, "--format=json", f"--lookaside={lookaside}",
        f"--gpg-home={lab.lab.home}", f"--sign-by={lab.key.fingerprint}",
    ]  # fmt: skip
    first = json.loads(agent.ok(*signed))
    assert first["changed"] and len(first["signatures"]) == 1
    assert not json.loads(agent.ok(*signed))["changed"]
    assert [path.name for path in lookaside.rglob("signature-*")] == ["signature-1"]

    registries = agent.local / "registries.d" / "here.json"
    registries.parent.mkdir()
    where = {"docker": {logged_in.host: {"lookaside": f"file://{lookaside}"}}}
    registries.write_text(json.dumps(where))
    line = agent.refused("run", VOLUME, target)
    assert "no key is trusted" in line
    agent.trust(lab.key, "registry.example.com~5000/team")
    assert agent.ok("run", VOLUME, target) == SAID

    key = tmp_path / "key.asc"
    key.write_text(lab.key.armoured)
    rule = {"type": "signedBy", "keyType": "GPGKeys", "keyPath": str(key)}
    policy = tmp_path / "policy.json"
    reject = [{"type": "reject"}]
    policy.write_text(
        json.dumps({"default": reject, "transports": {"docker": {logged_in.host: [rule]}}})
    )
    command = [
        "skopeo", f"--policy={policy}", f"--registries.d={registries.parent}", "copy", "--quiet",
        "--remove-signatures", *source_options(logged_in), target, f"dir:{tmp_path}/copy",
    ]  # fmt: skip
    yaml = registries.with_suffix(".yaml")
    yaml.write_text(registries.read_text())  # JSON is YAML
    registries.unlink()
    agent.host.run(command).check()


@pytest.mark.parametrize("kind", ["ed25519", "prime256v1", "encrypted"])
def test_a_sigstore_signature_admits_the_image(
    agent: Agent, logged_in: Registry, built: Path, tmp_path: Path, kind: str
) -> None:
    private, public = tmp_path / "sigstore.key", tmp_path / "sigstore.pub"
    make_key(private, public, kind)
    options = [f"--sigstore-key={private}", "--format=json"]
    if kind == "encrypted":
        line = agent.refused("image", "push", built, logged_in.reference("team/app:1"), *options)
        assert "passphrase" in line
        (tmp_path / "word").write_text("canary\n")
        (tmp_path / "word").chmod(0o600)
        options.append(f"--sigstore-passphrase-file={tmp_path}/word")
    target = logged_in.reference("team/app:1.0")
    first = json.loads(agent.ok("image", "push", built, target, *options))
    assert first["signatures"][0].endswith(".sig")
    again = json.loads(agent.ok("image", "push", built, target, *options))
    assert not again["changed"]

    rule = {
        "type": "sigstoreSigned",
        "keyPath": str(public),
        "signedIdentity": {"type": "matchExact"},
    }
    (agent.local / "policy.json").write_text(
        json.dumps(
            {"default": [{"type": "reject"}], "transports": {"docker": {logged_in.host: [rule]}}}
        )
    )
    assert agent.ok("run", VOLUME, target) == SAID
    make_key(tmp_path / "other.key", public, "ed25519")
    agent.refused("run", VOLUME, target)


def make_key(private: Path, public: Path, kind: str) -> None:
    """A key pair by openssl."""
    algorithm = (
        ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        if kind == "prime256v1"
        else ["-algorithm", "ed25519"]
    )
    secret = ["-aes256", "-pass", "pass:canary"] if kind == "encrypted" else []
    subprocess.run(
        ["openssl", "genpkey", *algorithm, *secret, "-out", str(private)],
        check=True,
        capture_output=True,
    )
    private.chmod(0o600)
    word = ["-passin", "pass:canary"] if kind == "encrypted" else []
    subprocess.run(
        ["openssl", "pkey", "-in", str(private), *word, "-pubout", "-out", str(public)], check=True
    )


def test_what_a_container_image_cannot_say_is_named(
    agent: Agent, logged_in: Registry, tiny_image: Callable[..., Path], tmp_path: Path
) -> None:
    app = aci.app(
        ["/bin/true"], isolators=[{"name": "resource/memory", "value": {"limit": "64Mi"}}]
    )
    image = tiny_image(app=app)
    result = agent("image", "push", image, logged_in.reference("team/app:1.0")).check()
    assert "isolators" in result.stderr
    by_path = aci.app(["/bin/true"], user="/etc/passwd")
    line = agent.refused(
        "image", "push", tiny_image(app=by_path), logged_in.reference("team/app:2")
    )
    assert "more than a container image can say" in line


def test_pushing_needs_no_root_and_little_memory(
    agent: Agent, logged_in: Registry, tmp_path: Path
) -> None:
    """64 MiB that do not compress, by somebody who is nobody here."""
    root = tmp_path / "big"
    root.mkdir()
    (root / "file").write_bytes(os.urandom(64 << 20))
    tmp_path.chmod(0o777)
    for above in (tmp_path, *tmp_path.parents):
        if above.stat().st_uid == 0 and above != above.parent:
            above.chmod(above.stat().st_mode | 0o011)
    output = tmp_path / "big.aci"
    script = (
        "import os,resource,subprocess,sys;"
        "os.setgroups([]);os.setgid(65534);os.setuid(65534);"
        "ended=subprocess.run(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss);sys.exit(ended.returncode)"
    )
    build = [*agent.command, "image", "build", root, output, f"--name={NAME}", "--owner=0:0"]
    push = [*agent.command, "image", "push", output, logged_in.reference("team/big:1")]
    subprocess.run(["chmod", "-R", "a+rX", str(agent.local)], check=True)
    for command in (build, push):
        done = agent.host.run(["/usr/bin/python3", "-c", script, *map(str, command)]).check()
        assert int(done.stdout.split()[-1]) < 100 * 1024
