# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Discovery pages that somebody else wrote: T57 (what counts), T58 (where it leads), T59 (what it costs).

A real server, the real agent, and an image that would be accepted if only a page could lead to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import AGENT_ERROR, Agent
from tests.support.paths import CHECKOUT
from tests.support.webserver import Handler, ImageServer

NAME = "example.com/abc"
FILE = f"images/{NAME}-1.0-linux-{aci.host_arch()}.aci"
GOOD = "https://evil.example.com/images/{name}-{version}-{os}-{arch}.{ext}"
LIMITS = ["prlimit", "--cpu=4", "--"]
"""Seconds of processor time for the whole call and each of its processes; starting takes a quarter of one."""


def tag(prefix: str = NAME, template: str = GOOD, name: str = "ac-discovery") -> str:
    """One meta tag."""
    return f'<meta name="{name}" content="{prefix} {template}">'


class Pages:
    """The pages of the server, and what the agent did with them."""

    def __init__(self, agent: Agent, server: ImageServer) -> None:
        self.agent, self.server = agent, server
        server.static = True

    def put(self, page: str | bytes, path: str = "/abc") -> None:
        """Answer a path with a page."""
        body = page.encode() if isinstance(page, str) else page
        self.server.answers[path] = lambda handler: handler.send_bytes(
            HTTPStatus.OK, body, "text/html"
        )

    def refused(self, name: str = f"{NAME}:1.0", command: list[str] | None = None) -> str:
        """Fetch, which must be refused in one line, leave nothing, and get nothing."""
        argv = [*(command or LIMITS), *self.agent.command, "fetch", name]
        ended = self.agent.host.run(argv, timeout=100)
        assert (ended.exit, ended.stdout) == (AGENT_ERROR, ""), ended
        (line,) = ended.stderr.splitlines()
        assert line.isprintable() and "internal error" not in line
        assert not [each for each in self.server.requests if each.path.endswith((".aci", ".asc"))]
        left = [
            path
            for place in ("cas/image", "cas/tree", "tmp")
            for path in self.agent.data.glob(f"{place}/*")
        ]
        assert left == []
        return line

    def accepted(self) -> None:
        """Fetch, which must succeed, within the same limits."""
        argv = [*LIMITS, *self.agent.command, "fetch", f"{NAME}:1.0"]
        self.agent.host.run(argv, timeout=100).check()


@pytest.fixture
def pages(
    agent: Agent, https_server: ImageServer, published: Callable[..., Path], lab: Keys
) -> Pages:
    """A server with one good image and no page; the key is trusted."""
    agent.trust(lab.key, "example.com")
    served = published(name=NAME)
    assert served == https_server.root / FILE
    return Pages(agent, https_server)


@pytest.mark.threat("T57")
@pytest.mark.parametrize(
    "page",
    [
        tag(),
        f"<!DOCTYPE html><html><head><title>x</title>{tag()}</head><body></body></html>",
        tag("example.com"),
        tag("example.com/ab", "https://no.example.com/{ext}") + tag(),
        tag() + tag(template="https://no.example.com/{name}.{ext}"),
        tag(template="https://no.example.com/{channel}.{ext}") + tag(),
    ],
)
def test_the_first_tag_that_covers_the_name_counts(pages: Pages, page: str) -> None:
    pages.put(page)
    pages.accepted()


@pytest.mark.threat("T57")
@pytest.mark.parametrize(
    "page",
    [
        tag("example.com/a"),
        tag("example.com/ab"),
        tag("example.com/abcd"),
        tag("example.com/abc/d"),
        tag("example.co"),
        tag("abc"),
        tag("xample.com/abc"),
        tag("*"),
        tag("EXAMPLE.COM/abc"),
        tag("example.com/abc/"),
        tag("example.com//abc"),
        tag("example.com/x/../abc"),
        tag("https://example.com/abc"),
        tag(name="ac-discovery-pubkeys"),
        tag(name="AC-DISCOVERY"),
        f"<head><textarea>{tag()}</textarea>",
        f"<textarea>{tag()}</textarea>",
        f"<title>{tag()}</title>",
        f"<title>{tag()}",
        f"<!-- {tag()} -->",
        f"<!-- {tag()}",
        f"<!--> --!> {tag()}",
        f"<script>document.write('{tag()}')</script>",
        f"<style>{tag()}</style>",
        f"<noscript>{tag()}</noscript>",
        f"<template>{tag()}</template>",
        f"<svg><head>{tag()}",
        f"<head></head>{tag()}",
        f"<head></head><body>{tag()}</body>",
        f"<body><head>{tag()}</head>",
        f"<p>A comment by a visitor: {tag()}",
        tag().replace("<meta ", f'<meta content="{NAME} https://no.example.com/" '),
        tag().replace("<meta ", '<meta name="description" '),
        tag()[:-1],
        tag().replace('content="', "content='"),
        f"\0{tag()[:20]}\0{tag()[20:]}",
    ],
)
def test_what_visitors_wrote_or_is_for_other_names_does_not_count(pages: Pages, page: str) -> None:
    pages.put(page)
    assert f"image {NAME}:1.0: no place to get it from was found" in pages.refused()


@pytest.mark.threat("T57")
def test_a_page_below_cannot_speak_for_keys_of_the_whole_site(
    pages: Pages, lab: Keys, tmp_path: Path
) -> None:
    pages.agent.ok("trust", "remove", "--prefix=example.com", lab.key.fingerprint)
    (pages.server.root / "evil.asc").write_text(lab.stranger.armoured)
    key = tag("example.com", "https://example.com/evil.asc", "ac-discovery-pubkeys")
    pages.put(tag() + key)
    ended = pages.agent("--trust-keys-from-https", "fetch", f"{NAME}:1.0")
    assert ended.exit == AGENT_ERROR
    stored = list((pages.agent.local / "trustedkeys").rglob(lab.stranger.fingerprint.lower()))
    assert [str(path.parent) for path in stored] == [
        f"{pages.agent.local}/trustedkeys/prefix.d/{NAME}"
    ]


@pytest.mark.threat("T58")
@pytest.mark.parametrize(
    "template",
    [
        "http://evil.example.com/images/{name}-{version}-{os}-{arch}.{ext}",
        "HTTP://evil.example.com/{name}.{ext}",
        "file:///etc/passwd?{ext}",
        "ftp://evil.example.com/{name}.{ext}",
        "gopher://evil.example.com/{ext}",
        "data:text/plain,{ext}",
        "javascript:alert('{ext}')",
        "unix:///run/docker.sock/{ext}",
        "//evil.example.com/{name}.{ext}",
        "/images/{name}.{ext}",
        "{name}.{ext}",
        "https:///{name}.{ext}",
        "https://evil.example.com/../../{name}.{ext}",
        "https://evil.example.com/%2e%2e/{name}.{ext}",
        "https://evil.example.com//{name}.{ext}",
        "https://evil.example.com/{name}.{ext}&#13;&#10;Host:%20x",
        "https://evil.example.com/&#10;{name}.{ext}",
        "https://user:secret@evil.example.com/{name}.{ext}",
        "https://evil.example.com\\@example.com/{name}.{ext}",
        "https://evil.example.com#@example.com/{name}.{ext}",
        "https://evil.example.com:443:443/{name}.{ext}",
        "https://evil.example.com:99999/{name}.{ext}",
        "https://[::1/{name}.{ext}",
        "https://ev\u0456l.example.com/{name}.{ext}",
        "https://evil.example.com/{x}{ext}",
        "https://evil.example.com/{{name}}.{ext}",
        "https://evil.example.com/{name.{ext}",
        "https://evil.example.com/{name}",
        "https://evil.example.com/{name}.{ext}\x1b[2J",
        "https://{version}.example.com/{ext}\u202e",
        "https://" + "a" * 5000 + "/{ext}",
    ],
)
def test_templates_lead_to_https_and_nowhere_else(pages: Pages, template: str) -> None:
    pages.put(tag(template=template))
    pages.refused()


@pytest.mark.threat("T58")
@pytest.mark.parametrize(
    "name",
    ["example.com/../etc/passwd", "example.com/./abc", "example.com//abc", "example.com/%2e%2e/abc",
     "example.com/a\r\nHost: x", "example.com/abc:../../x", "example.com/abc,os=../..", "example.com/{ext}",
     "example.com/abc?x", "example.com:444/abc", "[::1]/abc", "user@example.com/abc"],
)  # fmt: skip
def test_names_cannot_reach_into_templates(pages: Pages, name: str) -> None:
    pages.put(tag("example.com"), "/")
    pages.refused(name)
    assert pages.server.requests == []


@pytest.mark.threat("T58")
@pytest.mark.parametrize(
    "location",
    ["http://example.com/elsewhere", "file:///etc/passwd", "//", "https://", "\x1b[2J",
     "https://evil.example.com/\u00e9", "/abc?ac-discovery=1", ""],
)  # fmt: skip
def test_pages_that_move_are_followed_over_https_only(pages: Pages, location: str) -> None:
    def moved(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", location.encode().decode("latin-1"))
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    pages.server.answers["/abc"] = moved
    pages.put(tag(), "/elsewhere")
    pages.refused()


@pytest.mark.threat("T58")
def test_ten_thousand_tags_are_too_many(pages: Pages) -> None:
    """Also when the last of them would be right."""
    pages.put(tag("example.com/other", "https://h/{ext}") * 10_000 + tag())
    pages.refused()
    pages.put("<meta name=a content=b>" * 2000 + tag())
    pages.refused()
    pages.put(tag(template="https://h/{x}.{ext}") * 500 + tag())
    pages.refused()


PIECES = [
    "<a ", "<meta ", "<!--", "<!-- -->", "<!", "<", "<meta a=", "<title>", "<title></title>", "<meta a='", "a=b ",
    "<meta name=ac-discovery content='", "<meta a='&#", "&amp;", "</", "<script>", "<?", "\0", "<meta/",
]  # fmt: skip


@pytest.mark.threat("T59")
@pytest.mark.parametrize(
    "start",
    ["", *(pytest.param(one, marks=pytest.mark.thorough) for one in ("<meta ", "<script>")),
     "<meta name=ac-discovery content='"],
)  # fmt: skip
def test_no_64_kib_cost_more_than_seconds(pages: Pages, start: str) -> None:
    """html.parser takes 22 s for 60 KB of the first; here the whole call has four."""
    for number, piece in enumerate(PIECES):
        pages.put(
            start + piece * (65536 // len(piece)), "/" + "/".join(["abc", "d"][: 1 + number % 2])
        )
        pages.refused(f"{NAME}/d:1.0" if number % 2 else f"{NAME}:1.0")


@pytest.mark.threat("T59")
@pytest.mark.parametrize("length", [str(1 << 30), None])
def test_of_an_endless_page_only_the_beginning_is_read(pages: Pages, length: str | None) -> None:
    sent: list[int] = []

    def endless(handler: Handler) -> None:
        handler.send_response(200)
        if length is not None:
            handler.send_header("Content-Length", length)
        else:
            handler.send_header("Connection", "close")
        handler.end_headers()
        count = 0
        try:
            while count < 1 << 30:
                count += handler.wfile.write(b"<!-- -->" * 8192)
        except OSError:
            pass
        finally:
            sent.append(count)

    pages.server.answers["/abc"] = endless
    grown = (
        "import resource,subprocess,sys;ended=subprocess.run(sys.argv[1:]);"
        "most=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss;"
        "sys.exit(ended.returncode if most < 262144 else 99)"
    )
    pages.refused(command=["/usr/bin/python3", "-c", grown])
    deadline = time.monotonic() + 30
    while not sent and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sent and sent[0] < 32 << 20  # what fits into sockets, not what there was


SLOW = """
import sys
sys.path.insert(0, {agent!r})
from podwright.stage0.web import discover
discover.TIME_CAP = 3.0
from podwright.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.threat("T59")
@pytest.mark.parametrize("phase", ["body", "head", "silence"])
def test_a_page_that_comes_a_byte_a_second_ends_with_the_time_for_discovery(
    pages: Pages, phase: str
) -> None:
    """The agent's minute is made three seconds here; without it the page would take a day, and this test fail."""

    def slow(handler: Handler) -> None:
        try:
            if phase == "head":
                handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
            else:
                handler.send_response(200)
                handler.send_header("Content-Length", "100000")
                handler.end_headers()
            while handler.wfile.write(b"" if phase == "silence" else b"<") >= 0:
                handler.wfile.flush()
                time.sleep(1)
        except OSError:
            return

    pages.server.answers["/abc"] = slow
    pages.server.answers["/"] = slow
    script = ["/usr/bin/python3", "-IS", "-c", SLOW.format(agent=str(CHECKOUT / "agent"))]
    arguments = pages.agent.command[3:]
    ended = pages.agent.host.run([*script, *arguments, "fetch", f"{NAME}:1.0"], timeout=60)
    assert ended.exit == AGENT_ERROR, ended
    (line,) = ended.stderr.splitlines()
    assert "no place to get it from was found" in line


def test_the_checks_above_would_notice(pages: Pages) -> None:
    """What is refused above is refused for its page: with a good one the same image is fetched."""
    pages.put(tag())
    pages.accepted()
    assert [each for each in pages.server.requests if each.path == f"/{FILE}"]
