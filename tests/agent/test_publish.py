# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`image publish`: a directory that a plain web server serves, from which hosts discover, verify and run."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support import aci
from tests.support.agent import Agent
from tests.support.webserver import ImageServer

NAME = "example.com/team/app"
ECHO = aci.app(["/bin/echo", "found"])


@pytest.fixture
def image(tiny_image: Callable[..., Path], tmp_path: Path) -> Path:
    """An unsigned image that says `found`."""
    return Path(shutil.copy(tiny_image(name=NAME, version="1.0", app=ECHO), tmp_path / "app.aci"))


@pytest.fixture
def web(https_server: ImageServer) -> ImageServer:
    """A server that makes nothing up."""
    https_server.static = True
    return https_server


@pytest.fixture
def signing(lab: Keys) -> tuple[str, str]:
    """Options that sign with the lab's key."""
    return f"--sign={lab.key.fingerprint}", f"--gpg-home={lab.lab.home}"


def names(root: Path) -> set[str]:
    """Every file below a directory."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_what_is_published_is_discovered_trusted_and_run(
    agent: Agent, web: ImageServer, image: Path, lab: Keys, signing: tuple[str, str]
) -> None:
    agent.ok("image", "publish", web.root, image, *signing)
    fpr = lab.key.fingerprint.lower()
    file = f"{NAME}-1.0-linux-{aci.host_arch()}.aci"
    assert names(web.root) == {
        f"images/{file}", f"images/{file}.asc", "images/index.json", "images/index.html",
        f"pubkeys/{fpr}.asc", "team/app/index.html",
    }  # fmt: skip
    assert all(stat.S_IMODE(path.stat().st_mode) in (0o644, 0o755) for path in web.root.rglob("*"))
    assert "no key is trusted" in agent.refused("fetch", f"{NAME}:1.0")
    agent.ok("--trust-keys-from-https", "trust", f"--prefix={NAME}")
    assert agent.ok("run", f"{NAME}:1.0") == "found\n"


def test_keys_from_https_are_enough_for_a_first_run(
    agent: Agent, web: ImageServer, image: Path, signing: tuple[str, str]
) -> None:
    agent.ok("image", "publish", web.root, image, *signing, "--latest")
    assert agent.ok("--trust-keys-from-https", "run", NAME) == "found\n"
    (key,) = json.loads(agent.ok("trust", "list", "--format=json"))
    assert key["prefix"] == NAME


def test_a_second_time_changes_nothing(
    agent: Agent, web: ImageServer, image: Path, signing: tuple[str, str]
) -> None:
    first = json.loads(agent.ok("image", "publish", web.root, image, *signing, "--format=json"))
    assert first["changed"] and first["host"] == "example.com"
    before = {path: path.stat().st_mtime_ns for path in web.root.rglob("*")}
    second = json.loads(agent.ok("image", "publish", web.root, image, *signing, "--format=json"))
    assert (second["changed"], second["files"]) == (False, [])
    assert {path: path.stat().st_mtime_ns for path in web.root.rglob("*")} == before


def test_one_page_for_a_whole_host_and_images_come_together(
    agent: Agent, web: ImageServer, tiny_image: Callable[..., Path], signing: tuple[str, str]
) -> None:
    images = [
        tiny_image(name=f"example.com/{name}", version=version, app=aci.app(["/bin/echo", name]))
        for name, version in (("one", "1"), ("two", "2"))
    ]
    for path in images:
        agent.ok("image", "publish", web.root, path, *signing, "--prefix=example.com")
    assert {name for name in names(web.root) if name.endswith("index.html")} == {
        "index.html", "images/index.html",
    }  # fmt: skip
    agent.ok("--trust-keys-from-https", "trust", "--prefix=example.com")
    said = agent.ok("run", "example.com/one:1", "---", "example.com/two:2").split()
    assert sorted(said) == ["one", "two"]  # nothing says which of the two apps speaks first
    assert len(json.loads((web.root / "images/index.json").read_text())["images"]) == 2


HOMEPAGE = "<!DOCTYPE html>\n<html><HEAD lang='en'>\n<title>We <sell> things</title></HEAD><body>Hello</body></html>\n"


def test_a_page_that_is_there_keeps_what_it_has(
    agent: Agent, web: ImageServer, image: Path, lab: Keys, signing: tuple[str, str]
) -> None:
    page = web.root / "index.html"
    page.write_text(HOMEPAGE)
    publish = ("image", "publish", web.root, image, "--prefix=example.com")
    agent.ok(*publish, *signing)
    once = page.read_text()
    assert "<body>Hello</body>" in once and once.count("ac-discovery-pubkeys") == 1
    begin, end = once.index("\n<!-- podwright: d"), once.index("end -->") + len("end -->")
    assert once[:begin] + once[end:] == HOMEPAGE
    other = f"--sign={lab.stranger.fingerprint}"
    agent.ok(*publish, other, signing[1], "--latest")
    assert page.read_text().count("<title>") == 1
    agent.ok("--trust-keys-from-https", "trust", "--prefix=example.com")
    assert agent.ok("run", f"{NAME}:1.0") == "found\n"


@pytest.mark.parametrize(
    "page",
    ["just text", "<body>no head</body>", "<!-- <head> --><html><body></body></html>",
     "<html><title><head></title><body></body></html>"],
)  # fmt: skip
def test_a_page_that_cannot_hold_tags_is_refused_and_kept(
    agent: Agent, web: ImageServer, image: Path, signing: tuple[str, str], page: str
) -> None:
    path = web.root / "index.html"
    path.write_text(page)
    line = agent.refused("image", "publish", web.root, image, *signing, "--prefix=example.com")
    assert "no tags can be put" in line
    assert path.read_text() == page and names(web.root) == {"index.html"}


def test_a_published_version_stays_as_it_is(
    agent: Agent,
    web: ImageServer,
    image: Path,
    tiny_image: Callable[..., Path],
    signing: tuple[str, str],
) -> None:
    agent.ok("image", "publish", web.root, image, *signing, "--latest")
    other = tiny_image(name=NAME, version="1.0", app=aci.app(["/bin/echo", "other"]))
    line = agent.refused("image", "publish", web.root, other, *signing)
    assert "is there already, in another build" in line
    agent.ok("--trust-keys-from-https", "trust", f"--prefix={NAME}")
    assert agent.ok("run", f"{NAME}:1.0") == "found\n"
    agent.ok("image", "publish", web.root, other, *signing, "--replace", "--latest")
    assert agent.ok("run", "--pull-policy=update", NAME) == "other\n"


def test_only_what_hosts_would_accept_is_published(
    agent: Agent, web: ImageServer, image: Path, lab: Keys, tmp_path: Path
) -> None:
    key = tmp_path / "key.asc"
    key.write_text(lab.key.armoured)
    publish = ("image", "publish", web.root, image)
    assert "is not signed" in agent.refused(*publish)
    lab.key.sign(image)
    assert "key of its signature is not given" in agent.refused(*publish)
    stranger = tmp_path / "stranger.asc"
    stranger.write_text(lab.stranger.armoured)
    assert "is not trusted" in agent.refused(*publish, f"--key={stranger}")
    data = image.read_bytes()
    image.write_bytes(data[:-1000])
    agent.refused(*publish, f"--key={key}")
    image.write_bytes(data)
    weak = tmp_path / "weak.asc"
    weak.write_text(lab.lab.generate("Weak <weak@example.com>", "rsa1024").armoured)
    assert "too weak" in agent.refused(*publish, f"--key={weak}")
    assert names(web.root) == set()
    agent.ok(*publish, f"--key={key}")


@pytest.mark.parametrize(
    ("name", "version", "why"),
    [
        ("localapp", "1.0", "does not begin with a host name"),
        (NAME, "../../../../etc/x", "no file can be named by"),
        (NAME, "..", "no file can be named by"),
        (NAME, "a<script>", "no file can be named by"),
        (NAME, "a b", "no file can be named by"),
    ],
)
def test_names_and_labels_that_would_lead_elsewhere(
    agent: Agent,
    web: ImageServer,
    tiny_image: Callable[..., Path],
    signing: tuple[str, str],
    name: str,
    version: str,
    why: str,
) -> None:
    path = tiny_image(name=name, version=version)
    assert why in agent.refused("image", "publish", web.root, path, *signing)
    assert names(web.root) == set()


def test_images_of_two_hosts_do_not_share_a_web_root(
    agent: Agent, web: ImageServer, tiny_image: Callable[..., Path], signing: tuple[str, str]
) -> None:
    images = [tiny_image(name=f"{host}/app") for host in ("example.com", "example.org")]
    line = agent.refused("image", "publish", web.root, *images, *signing)
    assert "web root of example.org, not of example.com" in line


def test_the_page_for_people_is_html_whatever_an_image_says(
    agent: Agent, web: ImageServer, image: Path, signing: tuple[str, str]
) -> None:
    """Somebody else's list is read, too: nothing in it gets onto the page unescaped."""
    agent.ok("image", "publish", web.root, image, *signing)
    path = web.root / "images/index.json"
    document = json.loads(path.read_text())
    evil = dict(document["images"][0])
    evil.update(file='x"><script>1</script>.aci', version="<b>&", id="'>", os="\x1b")
    path.write_text(json.dumps({"images": [*document["images"], evil]}))
    agent.ok("image", "publish", web.root, image, *signing)
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            found.append(tag)

    page = (web.root / "images/index.html").read_text()
    assert f"podwright trust --prefix={NAME}\n" in page
    Reader().feed(page)
    assert not set(found) & {"script", "b"} and "table" in found
    evil["key"] = "x https://evil.example.com"
    path.write_text(json.dumps({"images": [evil]}))
    assert "is not the fingerprint" in agent.refused("image", "publish", web.root, image, *signing)
