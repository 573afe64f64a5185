# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Meta discovery: which tags count, what their templates give, and what a page cannot do (threats.md T57 to T59)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from podwright.errors import FetchError
from podwright.stage0.web import discover, metatags, urls

TAG = b'<meta name="ac-discovery" content="example.com/a https://h/{name}.{ext}">'
SECURE: frozenset[str] = frozenset()


def tags(page: bytes) -> list[tuple[str, str]]:
    """Every meta tag of a page."""
    return list(metatags.meta_tags(page))


FOUND = [("ac-discovery", "example.com/a https://h/{name}.{ext}")]


@pytest.mark.threat("T57")
@pytest.mark.parametrize(
    "page",
    [
        TAG,
        b"<!DOCTYPE html>\n<html lang='en'><head>" + TAG + b"</head><body></body></html>",
        b"<?xml version='1.0'?><HTML><HEAD><TITLE>a < b</TITLE>" + TAG,
        b"<head><script>if (a<b) document.write('<meta name=x content=y>')</script>" + TAG,
        b"<head><!-- <meta name=x content=y> -->" + TAG,
        b"<head><style>a>b{}</style><link rel=x href='>'>" + TAG,
        b"<meta content='example.com/a https://h/{name}.{ext}' name=ac-discovery />",
        b"<META\nNAME = \"ac-discovery\"\tCONTENT = 'example.com/a https://h/{name}.{ext}'>",
        b"<head>text " + TAG,
        b"<meta name='ac-discovery' content='example.com/a https://h/&#123;name}.{ext}'>",
        b"<meta charset=utf-8><meta>" + TAG,
    ],
)
def test_tags_in_a_head_are_found(page: bytes) -> None:
    assert FOUND[0] in tags(page)


@pytest.mark.threat("T57")
@pytest.mark.parametrize(
    "page",
    [
        b"<head></head>" + TAG,
        b"<body>" + TAG,
        b"<head><p>" + TAG,
        b"<head><div>" + TAG,
        b"<title>" + TAG + b"</title>",
        b"<title>" + TAG,
        b"<textarea>" + TAG + b"</textarea>",
        b"<script>" + TAG + b"</script>",
        b"<style>" + TAG + b"</style>",
        b"<noscript>" + TAG + b"</noscript>",
        b"<template>" + TAG + b"</template>",
        b"<!-- " + TAG + b" -->",
        b"<!-- " + TAG,
        b"<xmp>" + TAG,
        b"<plaintext>" + TAG,
        b" " * metatags.MAX_PAGE + TAG,
        b"<meta name='x" + TAG,
        TAG[:-1],
        b"<metax name='ac-discovery' content='x y'>",
    ],
)
def test_tags_elsewhere_are_not(page: bytes) -> None:
    assert tags(page) == []


@pytest.mark.threat("T57")
def test_a_tag_with_an_attribute_twice_is_refused() -> None:
    with pytest.raises(FetchError, match="two attributes"):
        tags(b"<meta name=ac-discovery NAME=x content=y>")


PIECES = [
    b"<a ", b"<meta ", b"<!--", b"<!-- -->", b"<", b"<meta a=", b"<title>", b"</title>", b"<meta a='", b"a=b ",
]  # fmt: skip


@pytest.mark.threat("T59")
def test_no_page_costs_more_than_its_length() -> None:
    """html.parser takes 22 s for the first of these; here all thirty must do with 10 s of CPU."""
    lines = [
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (10, 10))",
        "from podwright.errors import FetchError",
        "from podwright.stage0.web import metatags",
        f"for piece in {PIECES!r}:",
        "    for start in (b'', b'<meta ', b'<script>'):",
        "        try: list(metatags.meta_tags(start + piece * (65536 // len(piece))))",
        "        except FetchError: pass",
    ]
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", "\n".join(lines)], env=environment, check=True)


VARIABLES = {
    "name": "example.com/a/b",
    "version": "1+2 3",
    "os": "linux",
    "arch": "amd64",
    "ext": "aci",
}


@pytest.mark.threat("T58")
@pytest.mark.parametrize(
    ("template", "url"),
    [
        ("https://h/{name}-{version}-{os}-{arch}.{ext}", "https://h/example.com/a/b-1%2B2%203-linux-amd64.aci"),
        ("https://H:8443/{ext}?v={version}", "https://h:8443/aci?v=1%2B2%203"),
        ("https://h/{channel}/{name}", None),
        ("https://h/{}", None),
    ],
)  # fmt: skip
def test_templates(template: str, url: str | None) -> None:
    assert discover._expand(template, VARIABLES, SECURE) == url


@pytest.mark.threat("T58")
@pytest.mark.parametrize(
    "template",
    [
        "http://h/{name}", "file:///etc/{ext}", "ftp://h/x", "//h/x", "/x", "https:///x", "https://",
        "https://h/../{name}", "https://h/%2e%2e/{name}", "https://h//x", "https://h/a b", "https://h/\r\nX: y",
        "https://u:p@h/x", "https://h/{{name}}", "https://h/{name", "https://h/x#f", "https://h\\@evil/x",
        "https://h:99999/", "https://h:x/", "https://[::1/x", "https://ex\u00e4mple.com/", "https://" + "h" * 5000,
        "https://-h/", "https://h../", "HTTPS://h/\x00", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_templates_that_lead_elsewhere_are_refused(template: str) -> None:
    with pytest.raises(FetchError) as caught:
        discover._expand(template, VARIABLES, SECURE)
    assert caught.value.sentence().isprintable()


@pytest.mark.threat("T58")
def test_http_only_when_it_was_asked_for() -> None:
    assert str(urls.parse("http://h/x", frozenset({"http"}))) == "http://h/x"
    with pytest.raises(FetchError, match="is not https"):
        urls.parse("http://h/x")


@pytest.mark.parametrize(
    ("text", "host", "port", "target"),
    [
        ("https://Example.COM", "example.com", 443, "/"),
        ("https://h?ac-discovery=1", "h", 443, "/?ac-discovery=1"),
        ("https://[::1]:8/x", "::1", 8, "/x"),
        ("https://127.0.0.1/a%20b", "127.0.0.1", 443, "/a%20b"),
    ],
)
def test_parts_of_urls(text: str, host: str, port: int, target: str) -> None:
    url = urls.parse(text)
    assert (url.host, url.port, url.target) == (host, port, target)
    assert urls.parse(str(url)) == url


class Site:
    """Stands for the client: pages by location, and a list of what was asked."""

    insecure = SECURE

    def __init__(self, pages: dict[str, bytes]) -> None:
        self.pages = pages
        self.asked: list[str] = []

    def get(self, url: str, limit: int, **_: object) -> bytes:
        """The page, or the error of a server that has none."""
        self.asked.append(url)
        location = url[len("https://") :].partition("?")[0]
        if location not in self.pages:
            raise FetchError(f"{url} answers with status 404", reason="http-404")
        return self.pages[location][:limit]


def find(site: Site, name: str) -> discover.Endpoint:
    """Discover a name."""
    return discover.find_image(site, name, (("version", "1"),))  # type: ignore[arg-type]


def page(*tag: str) -> bytes:
    """A page with ac-discovery tags."""
    return "".join(f'<meta name="ac-discovery" content="{content}">' for content in tag).encode()


@pytest.mark.threat("T57")
def test_the_walk_ends_at_the_first_page_with_a_tag_that_covers_the_name() -> None:
    site = Site(
        {
            "example.com/a/b": page("example.com/other https://h/no.{ext}"),
            "example.com": page("example.com https://h/{name}.{ext}"),
        }
    )
    found = find(site, "example.com/a/b")
    assert found.image == "https://h/example.com/a/b.aci"
    assert found.signature == "https://h/example.com/a/b.aci.asc"
    assert site.asked == [
        f"https://{place}?ac-discovery=1"
        for place in ("example.com/a/b", "example.com/a", "example.com")
    ]


@pytest.mark.threat("T57")
@pytest.mark.parametrize(
    "prefix", ["example.com/a", "example.com/ab", "example.com/abcd", "ample.com", "*", ""]
)
def test_prefixes_count_at_path_elements(prefix: str) -> None:
    site = Site({"example.com": page(f"{prefix} https://h/{{name}}.{{ext}}")})
    with pytest.raises(FetchError, match="no ac-discovery tag for it"):
        find(site, "example.com/abc")


def test_the_first_template_that_can_be_filled_counts() -> None:
    site = Site(
        {
            "example.com/a": page(
                "example.com https://h/{channel}.{ext}",
                "example.com https://h/without-extension",
                "example.com https://h/second.{ext}",
                "example.com https://h/third.{ext}",
            )
        }
    )
    assert find(site, "example.com/a").image == "https://h/second.aci"


@pytest.mark.threat("T58")
def test_a_template_that_leads_elsewhere_is_an_error_not_a_reason_to_look_on() -> None:
    site = Site(
        {
            "example.com/a": page("example.com/a http://h/{name}.{ext}"),
            "example.com": page("example.com https://h/{name}.{ext}"),
        }
    )
    with pytest.raises(FetchError, match="is not https"):
        find(site, "example.com/a")
