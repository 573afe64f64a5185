# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log-ins for servers of ACIs (behaviour.md A10): to their host and port over https, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support.agent import Agent
from tests.support.registry import basic
from tests.support.scriptedregistry import log_in_wanted, redirect
from tests.support.webserver import Handler, ImageServer

Publish = Callable[..., Path]
SECRET = f"Basic {basic('reader', 'canary')}"


@pytest.fixture
def logged_in(agent: Agent, lab: Keys) -> None:
    """The agent trusts our key and has a log-in for example.com."""
    agent.trust(lab.key, "example.com")
    directory = agent.local / "auth.d"
    directory.mkdir()
    document = {
        "rktKind": "auth",
        "rktVersion": "v1",
        "domains": ["example.com"],
        "type": "basic",
        "credentials": {"user": "reader", "password": "canary"},
    }
    (directory / "it.json").write_text(json.dumps(document))


def received(server: ImageServer, host: str) -> set[str]:
    """The Authorization headers that a host was sent, "" for none."""
    return {
        request.headers.get("authorization", "")
        for request in server.requests
        if request.headers.get("host") == host
    }


@pytest.mark.usefixtures("logged_in")
def test_discovery_signature_and_image_are_asked_for_with_the_log_in(
    agent: Agent, published: Publish, https_server: ImageServer
) -> None:
    path = published()
    url = f"/images/{path.relative_to(https_server.root / 'images')}"

    def serve(handler: Handler) -> None:
        handler.send_file(path)

    https_server.answers[url] = log_in_wanted('Basic realm="x"', serve)
    agent.ok("fetch", "example.com/tiny:1.0")
    assert received(https_server, "example.com") == {SECRET}


@pytest.mark.threat("T31")
@pytest.mark.usefixtures("logged_in")
def test_where_the_server_redirects_gets_no_log_in(
    agent: Agent, published: Publish, https_server: ImageServer
) -> None:
    path = published()
    url = f"/images/{path.relative_to(https_server.root / 'images')}"
    elsewhere = path.with_name("elsewhere.aci")
    path.rename(elsewhere)
    https_server.answers[url] = redirect(
        f"https://evil.example.com/images/{elsewhere.relative_to(https_server.root / 'images')}"
    )
    agent.ok("fetch", "example.com/tiny:1.0")
    assert received(https_server, "evil.example.com") == {""}
    assert received(https_server, "example.com") == {SECRET}
