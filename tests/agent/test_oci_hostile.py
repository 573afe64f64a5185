# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registries that lie, steal or never end (threats.md T26-T34): refused in one line, nothing stored."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.support import ocilayout
from tests.support.agent import Agent
from tests.support.ocilayout import CONFIG, INDEX, MANIFEST, OciLayout
from tests.support.scriptedregistry import (
    Said,
    ScriptedRegistry,
    log_in_wanted,
    redirect,
    saying,
)
from tests.support.webserver import Handler, ImageServer

UNSIGNED = "--insecure-options=image"
USER, PASSWORD = "reader", "canary-of-the-log-in"
SECRETS = (PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())


@pytest.fixture
def layout(tmp_path: Path) -> OciLayout:
    return OciLayout(tmp_path / "layout")


@pytest.fixture
def good(layout: OciLayout) -> dict[str, Any]:
    """The descriptor of an image that there is nothing wrong with."""
    return layout.image([layout.layer([("a", b"one")]), layout.layer([("b", b"two")])])


@pytest.fixture
def stored_nothing(agent: Agent) -> Iterator[None]:
    """After the test the store has neither image nor tree, and no work in progress."""
    yield
    for place in ("cas/image", "cas/tree", "tmp"):
        found = agent.data / place
        assert not found.exists() or list(found.iterdir()) == [], place


@pytest.fixture
def script(
    https_server: ImageServer, layout: OciLayout, good: dict[str, Any]
) -> Callable[[], ScriptedRegistry]:
    """The registry with everything that the layout has by now."""
    return lambda: ScriptedRegistry(https_server, layout, "a/b")


def log_in(agent: Agent, **more: Any) -> None:
    directory = agent.local / "auth.d"
    directory.mkdir(exist_ok=True)
    document = {
        "rktKind": "dockerAuth",
        "rktVersion": "v1",
        "registries": ["example.com"],
        "credentials": {"user": USER, "password": PASSWORD},
        **more,
    }
    (directory / "it.json").write_text(json.dumps(document))


def secrets_seen(server: ImageServer, *hosts: str) -> list[str]:
    """Requests to these hosts that had something of the log-in in them."""
    return [
        f"{request.headers.get('host')}{request.path}"
        for request in server.requests
        if request.headers.get("host") in hosts
        and any(secret in str(request) for secret in SECRETS)
    ]


def test_an_honest_registry_is_believed(
    agent: Agent, script: Callable[[], ScriptedRegistry], good: dict[str, Any]
) -> None:
    reference = script().tag("1.0", good)
    assert agent.ok(UNSIGNED, "fetch", reference).startswith("sha512-")


@pytest.mark.threat("T26")
@pytest.mark.usefixtures("stored_nothing")
def test_an_index_that_leads_to_itself(
    agent: Agent, script: Callable[[], ScriptedRegistry]
) -> None:
    registry = script()
    digest = f"sha256:{'0' * 64}"
    entry = {"mediaType": INDEX, "digest": digest, "size": 5, "platform": _platform()}
    body = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    registry.manifest("1.0", body, INDEX)
    registry.manifest(digest, body, INDEX)
    assert "has the digest" in agent.refused(UNSIGNED, "fetch", f"{registry.reference}:1.0")
    assert len(registry.asked("manifests")) == 2


@pytest.mark.threat("T26")
@pytest.mark.usefixtures("stored_nothing")
def test_a_hundred_indexes_inside_each_other(
    agent: Agent, layout: OciLayout, script: Callable[[], ScriptedRegistry], good: dict[str, Any]
) -> None:
    inner = good
    for _ in range(100):
        inner = {**layout.index([inner]), "platform": _platform()}
    registry = script()
    reference = registry.tag("1.0", inner)
    assert "indexes without end" in agent.refused(UNSIGNED, "fetch", reference)
    assert len(registry.asked("manifests")) < 10


@pytest.mark.threat("T26")
@pytest.mark.usefixtures("stored_nothing")
@pytest.mark.parametrize(
    ("kind", "change", "why"),
    [
        (INDEX, {}, "is announced as"),
        ("text/html", {}, "is announced as"),
        (MANIFEST, {"manifests": []}, "an index and an image at once"),
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", {}, "manifest schema 1"),
        (MANIFEST, {"schemaVersion": 1}, "manifest schema 1"),
    ],
)
def test_a_manifest_of_two_minds(
    agent: Agent,
    script: Callable[[], ScriptedRegistry],
    layout: OciLayout,
    good: dict[str, Any],
    kind: str,
    change: dict[str, Any],
    why: str,
) -> None:
    registry = script()
    document = {**_document(layout, good), **change}
    registry.manifest("1.0", json.dumps(document).encode(), kind)
    assert why in agent.refused(UNSIGNED, "fetch", f"{registry.reference}:1.0")
    assert registry.asked("blobs") == []


@pytest.mark.threat("T27")
@pytest.mark.usefixtures("stored_nothing")
@pytest.mark.parametrize("size", [4 * 1024 * 1024 + 1, None])
def test_a_manifest_without_end(
    agent: Agent, script: Callable[[], ScriptedRegistry], size: int | None
) -> None:
    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", MANIFEST)
        if size:
            handler.send_header("Content-Length", str(size))
        else:
            handler.send_header("Connection", "close")
        handler.end_headers()
        for _ in range(5 * 1024):
            handler.wfile.write(b" " * 1024)

    registry = script()
    registry.answer("manifests", "1.0", endless)
    line = agent.refused(UNSIGNED, "fetch", f"{registry.reference}:1.0")
    assert "more than 4194304 bytes" in line


@pytest.mark.threat("T28")
@pytest.mark.usefixtures("stored_nothing")
@pytest.mark.parametrize(
    "digest",
    ["sha256:../../x", "sha256:" + "A" * 64, "md5:" + "0" * 32, "sha256:", f"sha256:{'0' * 64}\n"],
)
def test_a_digest_that_is_none_is_never_asked_for(
    agent: Agent,
    script: Callable[[], ScriptedRegistry],
    layout: OciLayout,
    good: dict[str, Any],
    digest: str,
) -> None:
    registry = script()
    for field in ("config", "layers"):
        document = _document(layout, good)
        if field == "config":
            document["config"]["digest"] = digest
        else:
            document["layers"][1]["digest"] = digest
        registry.manifest("1.0", json.dumps(document).encode())
        assert "digest" in agent.refused(UNSIGNED, "fetch", f"{registry.reference}:1.0")
    assert registry.asked("blobs") == []


@pytest.mark.threat("T29")
@pytest.mark.parametrize("lie", ["layer", "short", "long", "config", "claim", "diff_id"])
def test_content_that_is_not_what_its_digest_says(
    agent: Agent,
    script: Callable[[], ScriptedRegistry],
    layout: OciLayout,
    good: dict[str, Any],
    lie: str,
) -> None:
    if lie == "diff_id":
        layers = [layout.layer([("a", b"one")]), layout.layer([("b", b"two")])]
        config = layout.config([layers[0], layout.layer([("c", b"three")])])
        good = layout.image(layers, manifest={"config": layout.json(config, CONFIG)})
    document = _document(layout, good)
    registry = script()
    reference = registry.tag("1.0", good)
    last = document["layers"][1]
    data = (layout.blobs / last["digest"][7:]).read_bytes()
    if lie == "layer":
        other = ocilayout.compress(ocilayout.tar([("b", b"2wo")]), "gzip")
        registry.blob(last["digest"], other.ljust(len(data), b"\0"))
    elif lie == "short":
        registry.blob(last["digest"], data[:-1])
    elif lie == "long":
        registry.blob(last["digest"], data + b"\0")
    elif lie == "config":
        config_blob = layout.blobs / document["config"]["digest"][7:]
        registry.blob(
            document["config"]["digest"], config_blob.read_bytes().replace(b"2026", b"2027")
        )
    elif lie == "claim":
        body = json.dumps(document).encode()
        registry.manifest("1.0", body, headers={"Docker-Content-Digest": f"sha256:{'1' * 64}"})
    line = agent.refused(UNSIGNED, "fetch", reference)
    assert "digest" in line or "sha256:" in line or "bytes where it should have" in line
    assert agent.ok("image", "list", "--no-legend") == ""
    assert not list((agent.data / "tmp").iterdir())


@pytest.mark.threat("T29")
def test_a_tag_that_changes_between_two_answers(
    agent: Agent,
    script: Callable[[], ScriptedRegistry],
    layout: OciLayout,
    good: dict[str, Any],
    https_server: ImageServer,
) -> None:
    evil = layout.image([layout.layer([("evil", b"evil")])])
    index = layout.index([good])
    registry = script()
    names = ["good", "evil"]
    for name, descriptor in zip(names, (index, evil), strict=True):
        registry.tag(name, descriptor)

    def first_good_then_evil(handler: Handler) -> None:
        https_server.answers[f"/v2/a/b/manifests/{names[0]}"](handler)
        del names[: len(names) - 1]

    registry.answer("manifests", "1.0", first_good_then_evil)
    agent.ok(UNSIGNED, "fetch", f"{registry.reference}:1.0")
    asked = registry.asked("manifests")
    assert asked == ["1.0", good["digest"]]
    assert all(digest.startswith("sha256:") for digest in registry.asked("blobs"))


@pytest.mark.threat("T30")
@pytest.mark.parametrize("then", ["range", "whole", "wrong", "other"])
def test_a_layer_whose_connection_breaks(
    agent: Agent, script: Callable[[], ScriptedRegistry], layout: OciLayout, then: str
) -> None:
    noise = bytes(range(256)) * 4096
    image = layout.image([layout.layer([("big", noise)], "")])
    digest = _document(layout, image)["layers"][0]["digest"]
    data = (layout.blobs / digest[7:]).read_bytes()
    registry = script()
    reference = registry.tag("1.0", image)
    tries: list[str] = []

    def broken(handler: Handler) -> None:
        asked = handler.headers.get("Range", "")
        tries.append(asked)
        if len(tries) == 1:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data[:600_000])
            handler.close_connection = True
            return
        start = int(asked.partition("=")[2].rstrip("-"))
        if then == "whole":
            saying(Said(data, "application/octet-stream", {}, 200))(handler)
            return
        at = start + 1 if then == "wrong" else start
        rest = data[at:] if then != "other" else bytes(len(data) - start)
        headers = {"Content-Range": f"bytes {at}-{len(data) - 1}/{len(data)}"}
        saying(Said(rest, "application/octet-stream", headers, 206))(handler)

    registry.answer("blobs", digest, broken)
    if then in ("range", "whole"):
        agent.ok(UNSIGNED, "fetch", reference)
    else:
        line = agent.refused(UNSIGNED, "fetch", reference)
        assert "another place" in line or "digest" in line
        assert agent.ok("image", "list", "--no-legend") == ""
        assert list((agent.data / "cas/tree").iterdir()) == []
    assert tries[0] == "" and tries[1].startswith("bytes=")


@pytest.mark.threat("T31")
@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example.com/stolen",
        "https://example.com:4443/stolen",
        "http://example.com/stolen",
    ],
)
def test_a_redirect_elsewhere_gets_no_log_in(
    agent: Agent,
    script: Callable[[], ScriptedRegistry],
    layout: OciLayout,
    good: dict[str, Any],
    https_server: ImageServer,
    private_host: Any,
    target: str,
) -> None:
    log_in(agent)
    https_server.serve_on(private_host.listen(port=4443))
    registry = script()
    reference = registry.tag("1.0", good)
    for digest in [layer["digest"] for layer in _document(layout, good)["layers"]]:
        registry.answer("blobs", digest, log_in_wanted('Basic realm="x"', redirect(target)))
    line = agent.refused(UNSIGNED, "fetch", reference)
    assert not any(secret in line for secret in SECRETS)
    assert secrets_seen(https_server, "evil.example.com", "example.com:4443") == []
    assert secrets_seen(https_server, "example.com") != []


@pytest.mark.threat("T31")
def test_a_log_in_in_a_url_is_refused(agent: Agent) -> None:
    line = agent.refused(UNSIGNED, "fetch", "docker://me:pw@example.com/a/b")
    assert "log-ins are not accepted" in line and "me:pw" not in line


@pytest.mark.threat("T31", "T33")
@pytest.mark.usefixtures("stored_nothing")
@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
def test_no_log_in_goes_to_a_server_whose_certificate_is_not_checked(
    agent: Agent,
    script: Callable[[], ScriptedRegistry],
    https_server: ImageServer,
    scheme: str,
) -> None:
    log_in(agent)
    registry = script()
    challenge = f'{scheme} realm="https://example.com/token",service="s"'
    registry.answer("manifests", "1.0", log_in_wanted(challenge, _never))
    https_server.answers["/token"] = saying(Said(b"{}", "application/json", {}, 401))
    line = agent.refused("--insecure-options=image,tls", "fetch", f"{registry.reference}:1.0")
    assert "is not sent to a server whose certificate is not checked" in line
    assert https_server.requests != []
    assert secrets_seen(https_server, "example.com") == []


@pytest.mark.threat("T32")
@pytest.mark.usefixtures("stored_nothing")
@pytest.mark.parametrize(
    ("realm", "why"),
    [
        ("https://evil.example.com/token", "not known to belong to it"),
        ("https://169.254.169.254/token", "not known to belong to it"),
        ("http://example.com/token", "is not https"),
        ("file:///etc/passwd", "not an absolute https URL"),
        ("https://example.com@evil.example.com/token", "carries credentials"),
        ("", "not an absolute https URL"),
    ],
)
def test_a_realm_that_wants_our_log_in(
    agent: Agent,
    script: Callable[[], ScriptedRegistry],
    https_server: ImageServer,
    realm: str,
    why: str,
) -> None:
    log_in(agent)
    registry = script()
    registry.answer(
        "manifests", "1.0", log_in_wanted(f'Bearer realm="{realm}",service="s"', _never)
    )
    assert why in agent.refused(UNSIGNED, "fetch", f"{registry.reference}:1.0")
    assert len(https_server.requests) == 1


@pytest.mark.threat("T32")
@pytest.mark.usefixtures("stored_nothing")
def test_a_realm_on_the_link_is_not_asked_even_without_a_log_in(
    agent: Agent, script: Callable[[], ScriptedRegistry]
) -> None:
    registry = script()
    challenge = 'Bearer realm="https://169.254.169.254/latest",service="s"'
    registry.answer("manifests", "1.0", log_in_wanted(challenge, _never))
    line = agent.refused(UNSIGNED, "fetch", f"{registry.reference}:1.0")
    assert "an address that only this host can reach" in line


@pytest.mark.threat("T32")
@pytest.mark.usefixtures("stored_nothing")
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"token": "' + b"x" * (1024 * 1024) + b'"}', "answers more than 1048576 bytes"),
        (b'{"token": "a\\nX-Evil: 1"}', "gives no token"),
        (b'{"token": 5}', "gives no token"),
        (b'{"token": ""}', "gives no token"),
        (b'{"token": "a", "token": "b"}', "appears twice"),
        (b"<html>", "answers badly"),
    ],
)
def test_a_token_server_that_answers_nonsense(
    agent: Agent,
    script: Callable[[], ScriptedRegistry],
    https_server: ImageServer,
    body: bytes,
    why: str,
) -> None:
    registry = script()
    challenge = 'Bearer realm="https://example.com/token",service="s"'
    registry.answer("manifests", "1.0", log_in_wanted(challenge, _never))
    https_server.answers["/token"] = saying(Said(body, "application/json", {}, 200))
    assert why in agent.refused(UNSIGNED, "fetch", f"{registry.reference}:1.0")


@pytest.mark.threat("T32")
def test_the_scope_is_ours_whatever_the_challenge_says(
    agent: Agent,
    script: Callable[[], ScriptedRegistry],
    https_server: ImageServer,
    good: dict[str, Any],
) -> None:
    registry = script()
    registry.tag("1.0", good)
    then = https_server.answers["/v2/a/b/manifests/1.0"]
    challenge = (
        'Bearer realm="https://example.com/token",service="s",scope="registry:catalog:* '
        + "x" * 5000
        + '"'
    )
    registry.answer("manifests", "1.0", log_in_wanted(challenge, then))
    https_server.answers["/token"] = saying(
        Said(b'{"access_token": "abc"}', "application/json", {}, 200)
    )
    agent.ok(UNSIGNED, "fetch", f"{registry.reference}:1.0")
    paths = [request.path for request in https_server.requests if request.path.startswith("/token")]
    assert paths == ["/token?service=s&scope=repository%3Aa%2Fb%3Apull"]


@pytest.mark.threat("T34")
@pytest.mark.usefixtures("stored_nothing")
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda document: document.update(layers=[]), "has no layers"),
        (lambda document: document.update(layers=document["layers"] * 64 + document["layers"][:1]), "129 layers"),
        (lambda document: document["layers"].pop(), "its configuration names 2"),
        (lambda document: document["layers"].append(
            {**document["config"], "mediaType": document["layers"][0]["mediaType"]}),
         "its configuration is one of its layers"),
        (lambda document: document["layers"][0].update(urls=["https://evil.example.com/x"]), "server elsewhere"),
    ],
)  # fmt: skip
def test_a_list_of_layers_that_cannot_be(
    agent: Agent,
    script: Callable[[], ScriptedRegistry],
    layout: OciLayout,
    good: dict[str, Any],
    change: Callable[[dict[str, Any]], None],
    why: str,
) -> None:
    document = _document(layout, good)
    change(document)
    registry = script()
    registry.manifest("1.0", json.dumps(document).encode())
    assert why in agent.refused(UNSIGNED, "fetch", f"{registry.reference}:1.0")
    assert not set(registry.asked("blobs")) & {
        layer["digest"] for layer in _document(layout, good)["layers"]
    }


@pytest.mark.threat("T34")
@pytest.mark.usefixtures("stored_nothing")
@pytest.mark.parametrize(
    "fields", [{"architecture": "s390x"}, {"os": "windows"}, {"variant": "v9"}]
)
def test_an_image_for_another_host(
    agent: Agent, script: Callable[[], ScriptedRegistry], layout: OciLayout, fields: dict[str, Any]
) -> None:
    image = layout.image([layout.layer([("a", b"one")])], **fields)
    reference = script().tag("1.0", image)
    assert "this host is linux" in agent.refused(UNSIGNED, "fetch", reference)


def _platform() -> dict[str, str]:
    return {"os": "linux", "architecture": ocilayout.ARCH}


def _document(layout: OciLayout, descriptor: dict[str, Any]) -> dict[str, Any]:
    found = json.loads((layout.blobs / descriptor["digest"][7:]).read_bytes())
    assert isinstance(found, dict)
    return found


def _never(handler: Handler) -> None:
    handler.send_bytes(HTTPStatus.OK, b"{}", MANIFEST)
