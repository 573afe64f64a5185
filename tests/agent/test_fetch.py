# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`fetch`: from a name, a URL or a file to a verified image in the store, or to nothing at all."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Keys
from tests.support import aci, webserver
from tests.support.agent import AGENT_ERROR, Agent
from tests.support.webserver import Handler, ImageServer

Build = Callable[..., Path]
NAME = "example.com/tiny"
ID_LINE = "sha512-"


@pytest.fixture
def trusting(agent: Agent, lab: Keys) -> Agent:
    """An agent that trusts the lab's key for example.com."""
    agent.trust(lab.key, "example.com")
    return agent


def refused(agent: Agent, *arguments: str | Path) -> str:
    """The sentence with which the agent refuses; lines about progress may stand before it."""
    result = agent(*arguments)
    assert result.exit == AGENT_ERROR, result
    assert result.stdout == "", result
    *before, last = result.stderr.splitlines()
    assert all("fetching" in line for line in before), result
    return last


def stored(agent: Agent) -> list[str]:
    """IDs of all images in the store."""
    listed = json.loads(agent.ok("image", "list", "--format=json"))
    return [image["id"] for image in listed]


def nothing_kept(agent: Agent) -> bool:
    """Whether neither an image nor work in progress lies in the data directory."""
    patterns = ("cas/image/*", "cas/tree/*", "tmp/*")
    return not [path for pattern in patterns for path in agent.data.glob(pattern)]


def image_requests(server: ImageServer) -> list[str]:
    """Methods and statuses of the requests for archives."""
    return [f"{r.status}" for r in server.requests if r.path.endswith(".aci")]


def test_by_name_the_image_is_discovered_verified_and_stored(
    trusting: Agent, published: Build
) -> None:
    served = published()
    out = trusting.ok("fetch", "--full", f"{NAME}:1.0")
    assert out.strip() == aci.image_id(served)[: len(ID_LINE) + 64]
    assert stored(trusting) == [out.strip()]
    tree = trusting.data / "cas/tree" / out.strip() / "rootfs"
    assert (tree / "bin/busybox").stat().st_mode & 0o111


def test_a_plain_name_gets_what_is_called_latest(trusting: Agent, published: Build) -> None:
    published(version="latest")
    trusting.ok("fetch", NAME)
    assert trusting.ok("fetch", "--pull-policy=never", NAME)


def test_a_path_is_enough_when_the_signature_lies_beside_it(
    trusting: Agent, signed_image: Build
) -> None:
    image = signed_image()
    out = trusting.ok("fetch", "--full", image)
    assert out.strip() == aci.image_id(image)[: len(ID_LINE) + 64]


def test_a_url_is_enough_when_the_signature_lies_beside_it(
    trusting: Agent, published: Build
) -> None:
    served = published()
    url = f"https://example.com/images/{NAME}-1.0-linux-{aci.host_arch()}.aci"
    out = trusting.ok("fetch", "--full", url)
    assert out.strip() == aci.image_id(served)[: len(ID_LINE) + 64]


def test_signature_names_another_file(trusting: Agent, signed_image: Build, tmp_path: Path) -> None:
    image = signed_image()
    elsewhere = image.with_name(image.name + ".asc").rename(tmp_path / "other.sig")
    assert "no signature at" in refused(trusting, "fetch", image)
    trusting.ok("fetch", image, f"--signature={elsewhere}")


@pytest.mark.threat("T42")
def test_the_store_is_closed_to_other_users(trusting: Agent, signed_image: Build) -> None:
    trusting.host.run(
        [
            "/bin/sh",
            "-c",
            'umask 0; exec "$@"',
            "sh",
            *trusting.command,
            "fetch",
            str(signed_image()),
        ]
    ).check()
    for path in [trusting.data / "cas", *trusting.data.glob("cas/*/*"), trusting.data / "tmp"]:
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode & 0o077 == 0, f"{path} {mode:o}"


@pytest.mark.threat("T55")
def test_an_unsigned_image_is_refused(trusting: Agent, published: Build) -> None:
    published(key=None)
    line = refused(trusting, "fetch", f"{NAME}:1.0")
    assert "there is no signature at https://example.com/" in line
    assert nothing_kept(trusting)


@pytest.mark.parametrize(("asked", "said"), [("1.1", "tiny:1.1"), ("", "tiny:latest")])
def test_an_image_that_is_not_there_is_not_called_unsigned(
    trusting: Agent, published: Build, asked: str, said: str
) -> None:
    published()
    line = refused(trusting, "fetch", f"{NAME}:{asked}" if asked else NAME)
    assert f"image example.com/{said}: https://example.com/" in line
    assert "there is no such image; check its name and version" in line


@pytest.mark.threat("T49")
def test_an_untrusted_key_is_refused_before_the_image_is_downloaded(
    trusting: Agent, published: Build, https_server: ImageServer, lab: Keys
) -> None:
    published(key=lab.stranger)
    line = refused(trusting, "fetch", f"{NAME}:1.0")
    assert f"signed by {lab.stranger.fingerprint}, which is not trusted for {NAME}" in line
    assert image_requests(https_server) == []


@pytest.mark.threat("T49")
def test_without_any_trusted_key_nothing_is_downloaded(
    agent: Agent, published: Build, https_server: ImageServer
) -> None:
    published()
    assert f"no key is trusted for image {NAME}" in refused(agent, "fetch", f"{NAME}:1.0")
    assert image_requests(https_server) == []


@pytest.mark.threat("T49")
def test_a_key_for_a_prefix_does_not_count_for_a_name_that_only_begins_alike(
    agent: Agent, lab: Keys, published: Build
) -> None:
    published()
    agent.trust(lab.key, "example.com/ti")
    assert "no key is trusted" in refused(agent, "fetch", f"{NAME}:1.0")
    agent.trust(lab.key, "example.com/tiny")
    agent.ok("fetch", f"{NAME}:1.0")


@pytest.mark.threat("T29")
@pytest.mark.parametrize("where", [0, 300, -30])
def test_a_tampered_image_is_refused_whatever_byte_it_is(
    trusting: Agent, published: Build, where: int
) -> None:
    served = published()
    content = bytearray(served.read_bytes())
    content[where] ^= 1
    served.write_bytes(content)
    assert "bad: this is not what was signed" in refused(trusting, "fetch", f"{NAME}:1.0")
    assert nothing_kept(trusting)


@pytest.mark.threat("T17")
def test_an_image_that_is_cut_short_is_refused(trusting: Agent, published: Build) -> None:
    served = published()
    served.write_bytes(served.read_bytes()[:-4000])
    assert "not what was signed" in refused(trusting, "fetch", f"{NAME}:1.0")
    assert nothing_kept(trusting)


@pytest.mark.threat("T49", "T56")
def test_a_properly_signed_image_of_another_name_is_refused(
    trusting: Agent, https_server: ImageServer, signed_image: Build
) -> None:
    other = signed_image(name="example.com/other")
    webserver.publish(
        https_server.root, NAME, other, "1.0", aci.host_arch(), other.with_name(other.name + ".asc")
    )
    line = refused(trusting, "fetch", f"{NAME}:1.0")
    assert "what was served calls itself example.com/other" in line
    assert nothing_kept(trusting)


@pytest.mark.threat("T56")
def test_an_older_version_served_under_the_new_ones_name_is_refused(
    trusting: Agent, https_server: ImageServer, signed_image: Build
) -> None:
    old = signed_image(version="1.0")
    webserver.publish(
        https_server.root, NAME, old, "1.1", aci.host_arch(), old.with_name(old.name + ".asc")
    )
    assert "label version is '1.0'" in refused(trusting, "fetch", f"{NAME}:1.1")


@pytest.mark.threat("T55")
def test_the_name_is_checked_also_when_verification_is_off(
    agent: Agent, https_server: ImageServer, signed_image: Build
) -> None:
    other = signed_image(name="example.com/other")
    webserver.publish(https_server.root, NAME, other, "1.0", aci.host_arch())
    line = refused(agent, "--insecure-options=image", "fetch", f"{NAME}:1.0")
    assert "calls itself example.com/other" in line


@pytest.mark.threat("T55")
def test_an_image_fetched_insecurely_needs_the_same_option_again(
    agent: Agent, published: Build, lab: Keys
) -> None:
    published(key=None)
    agent.ok("--insecure-options=image", "fetch", f"{NAME}:1.0")
    agent.trust(lab.key, "example.com")
    line = refused(agent, "run", "--net=none", f"{NAME}:1.0", "--exec=/bin/true")
    assert "stored without a signature check" in line
    run = agent("--insecure-options=image", "run", "--net=none", f"{NAME}:1.0", "--exec=/bin/true")
    assert run.exit == 0, run


def test_a_signed_image_replaces_the_one_that_was_fetched_insecurely(
    trusting: Agent, published: Build
) -> None:
    published(key=None)
    trusting.ok("--insecure-options=image", "fetch", f"{NAME}:1.0")
    published()
    trusting.ok("fetch", f"{NAME}:1.0")
    trusting.ok("fetch", "--pull-policy=never", f"{NAME}:1.0")
    assert len(stored(trusting)) == 1


@pytest.mark.threat("T56")
def test_an_image_stops_being_admitted_when_its_key_is_removed(
    trusting: Agent, signed_image: Build, lab: Keys
) -> None:
    image_id = trusting.ok("fetch", "--full", signed_image()).strip()
    for file in trusting.local.rglob(lab.key.fingerprint.lower()):
        file.unlink()
    line = refused(trusting, "run", "--net=none", image_id, "--exec=/bin/true")
    assert "which is not trusted for example.com/tiny" in line


@pytest.mark.threat("T56")
def test_a_renewed_key_file_is_verified_again_in_full(
    trusting: Agent, signed_image: Build, lab: Keys
) -> None:
    image_id = trusting.ok("fetch", "--full", signed_image()).strip()
    (file,) = trusting.local.rglob(lab.key.fingerprint.lower())
    file.write_text(file.read_text() + "\n")
    assert trusting("run", "--net=none", image_id, "--exec=/bin/true").exit == 0
    record = json.loads((trusting.data / f"cas/image/{image_id}/record.json").read_text())
    file.write_text(lab.stranger.armoured)
    assert "holds the key" in refused(trusting, "run", "--net=none", image_id, "--exec=/bin/true")
    assert record["verdict"]["kind"] == "signed"


def test_the_server_says_not_modified_and_nothing_is_downloaded_again(
    trusting: Agent, published: Build, https_server: ImageServer
) -> None:
    published()
    first = trusting.ok("fetch", f"{NAME}:1.0")
    assert trusting.ok("fetch", f"{NAME}:1.0") == first
    assert image_requests(https_server) == ["200", "304"]


def test_max_age_spares_the_request(
    trusting: Agent, published: Build, https_server: ImageServer
) -> None:
    served = published()

    def cached(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(served.stat().st_size))
        handler.send_header("Cache-Control", "public, max-age=600")
        handler.end_headers()
        handler.wfile.write(served.read_bytes())

    https_server.answers[f"/images/{NAME}-1.0-linux-{aci.host_arch()}.aci"] = cached
    trusting.ok("fetch", f"{NAME}:1.0")
    trusting.ok("fetch", f"{NAME}:1.0")
    assert image_requests(https_server) == ["200"]


def broken_off(served: Path, after: int, ranges: list[str]) -> Callable[[Handler], None]:
    """An answer that breaks off the first time and notes which ranges were asked for."""

    def answer(handler: Handler) -> None:
        ranges.append(handler.headers.get("Range", ""))
        if len(ranges) > 1:
            handler.send_file(served)
            return
        handler.send_response(200)
        handler.send_header("Content-Length", str(served.stat().st_size))
        handler.send_header("ETag", etag(handler, served))
        handler.end_headers()
        handler.wfile.write(served.read_bytes()[:after])
        handler.wfile.flush()
        handler.close_connection = True

    return answer


def etag(handler: Handler, served: Path) -> str:
    """The ETag with which the server sends the file."""
    return f'"{hashlib.sha256(served.read_bytes()).hexdigest()[:32]}"'


@pytest.mark.threat("T30")
def test_a_download_that_breaks_off_goes_on_where_it_was(
    trusting: Agent, published: Build, https_server: ImageServer
) -> None:
    served = published()
    ranges: list[str] = []
    path = f"/images/{NAME}-1.0-linux-{aci.host_arch()}.aci"
    https_server.answers[path] = broken_off(served, 500_000, ranges)
    trusting.ok("fetch", f"{NAME}:1.0")
    assert ranges == ["", "bytes=500000-"]


@pytest.mark.threat("T30")
def test_a_partial_download_is_resumed_by_the_next_call(
    trusting: Agent, published: Build, https_server: ImageServer
) -> None:
    served = published()
    path = f"/images/{NAME}-1.0-linux-{aci.host_arch()}.aci"
    calls: list[str] = []

    def answer(handler: Handler) -> None:
        calls.append(handler.headers.get("Range", ""))
        if len(calls) == 1:
            handler.send_response(200)
            handler.send_header("Content-Length", str(served.stat().st_size))
            handler.send_header("ETag", etag(handler, served))
            handler.end_headers()
            handler.wfile.write(served.read_bytes()[:400_000])
            handler.wfile.flush()
        handler.close_connection = True

    https_server.answers[path] = answer
    assert "was cut short" in refused(trusting, "fetch", f"{NAME}:1.0")
    assert stored(trusting) == []
    assert calls[1] == "bytes=400000-"
    del https_server.answers[path]
    trusting.ok("fetch", f"{NAME}:1.0")
    assert image_requests(https_server)[-1] == "206"


@pytest.mark.threat("T30")
def test_a_partial_download_of_other_content_is_dropped(
    trusting: Agent, published: Build, https_server: ImageServer
) -> None:
    served = published()
    path = f"/images/{NAME}-1.0-linux-{aci.host_arch()}.aci"

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(served.stat().st_size))
        handler.send_header("ETag", '"of something else"')
        handler.end_headers()
        handler.wfile.write(b"x" * 300_000)
        handler.close_connection = True

    https_server.answers[path] = answer
    refused(trusting, "fetch", f"{NAME}:1.0")
    del https_server.answers[path]
    out = trusting.ok("fetch", "--full", f"{NAME}:1.0")
    assert out.strip() == aci.image_id(served)[: len(ID_LINE) + 64]


def test_a_signature_that_is_not_ready_is_asked_for_after_the_image(
    trusting: Agent, published: Build, https_server: ImageServer
) -> None:
    served = published()
    path = f"/images/{NAME}-1.0-linux-{aci.host_arch()}.aci.asc"
    asked: list[int] = []

    def answer(handler: Handler) -> None:
        asked.append(1)
        if len(asked) == 1:
            handler.send_bytes(202, b"", "text/plain")  # type: ignore[arg-type]
        else:
            handler.send_file(served.with_name(served.name + ".asc"))

    https_server.answers[path] = answer
    trusting.ok("fetch", f"{NAME}:1.0")
    order = [r.path.rsplit(".", 1)[1] for r in https_server.requests if ".aci" in r.path]
    assert order == ["asc", "aci", "asc"]


@pytest.mark.threat("T33")
def test_a_redirect_is_followed_but_never_to_http(
    trusting: Agent, published: Build, https_server: ImageServer
) -> None:
    published()
    path = f"/images/{NAME}-1.0-linux-{aci.host_arch()}.aci"

    def redirect(to: str) -> Callable[[Handler], None]:
        def answer(handler: Handler) -> None:
            handler.send_response(302)
            handler.send_header("Location", to)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        return answer

    https_server.answers["/mirror" + path] = lambda h: h.send_file(https_server.root / path[1:])
    https_server.answers[path] = redirect("https://images.example.com/mirror" + path)
    trusting.ok("fetch", f"{NAME}:1.0")
    https_server.answers[path] = redirect("http://example.com" + path)
    trusting.ok("image", "rm", f"{NAME}:1.0")
    assert "is not https" in refused(trusting, "fetch", f"{NAME}:1.0")
    https_server.answers[path] = redirect(path)
    assert "redirects more than 5 times" in refused(trusting, "fetch", f"{NAME}:1.0")


@pytest.mark.threat("T33")
def test_a_certificate_of_an_unknown_authority_is_refused(
    trusting: Agent, published: Build
) -> None:
    published()
    for file in (trusting.local / "ca.d").iterdir():
        file.unlink()
    assert "its certificate is not accepted" in refused(trusting, "fetch", f"{NAME}:1.0")
    trusting.ok("--insecure-options=tls", "fetch", f"{NAME}:1.0")


def test_a_name_that_nobody_serves(trusting: Agent, https_server: ImageServer) -> None:
    line = refused(trusting, "fetch", "nowhere.example.org/x")
    assert "image nowhere.example.org/x: host nowhere.example.org cannot be resolved" in line
    assert "docker://" not in line
    assert "docker://redis:7" in refused(trusting, "fetch", "redis:7")
    line = refused(trusting, "trust", "--prefix=nowhere.example.org")
    assert "host nowhere.example.org cannot be resolved" in line
    line = refused(trusting, "fetch", "registry.example.com:5000/team/web")
    assert "did you mean docker://registry.example.com:5000/team/web?" in line
    url = "http://example.com/a.aci"
    assert f"{url}' is not https" in refused(trusting, "fetch", url)
    line = refused(trusting, "fetch", f"{NAME}:9")
    assert "https://example.com/images/example.com/tiny-9-linux-" in line
    assert "there is no such image" in line and "insecure" not in line


@pytest.mark.threat("T57")
def test_a_tag_for_a_name_that_only_begins_alike_does_not_count(
    trusting: Agent, published: Build, https_server: ImageServer
) -> None:
    published()
    https_server.prefix = "example.com/ti"
    assert "no ac-discovery tag for it" in refused(trusting, "fetch", f"{NAME}:1.0")


def test_an_image_for_another_machine_is_fetched_but_not_run(
    trusting: Agent, signed_image: Build
) -> None:
    image = signed_image(labels={"arch": "ppc64le" if aci.host_arch() != "ppc64le" else "amd64"})
    trusting.ok("fetch", image)
    line = refused(trusting, "prepare", "--quiet", stored(trusting)[0], "--exec=/bin/true")
    assert "is for arch" in line
    assert trusting.ok("list", "--no-legend") == ""


@pytest.mark.threat("T88")
def test_two_fetches_at_once_download_once(
    trusting: Agent, published: Build, https_server: ImageServer
) -> None:
    published()
    running = [trusting.host.popen([*trusting.command, "fetch", f"{NAME}:1.0"]) for _ in range(3)]
    results = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], results
    assert len({out for out, _ in results}) == 1
    assert image_requests(https_server).count("200") == 1
    assert len(stored(trusting)) == 1


@pytest.mark.threat("T60")
def test_keys_are_taken_from_discovery_only_when_asked(
    agent: Agent, published: Build, https_server: ImageServer, lab: Keys
) -> None:
    published()
    keys = https_server.root / "pubkeys"
    keys.mkdir()
    (keys / "key.asc").write_text(lab.key.armoured)
    assert "no key is trusted" in refused(agent, "fetch", f"{NAME}:1.0")
    agent.ok("--trust-keys-from-https", "fetch", f"{NAME}:1.0")
    agent.ok("fetch", "--pull-policy=update", f"{NAME}:1.0")


@pytest.mark.threat("T87")
def test_a_store_of_a_newer_format_is_left_alone(agent: Agent, signed_image: Build) -> None:
    agent.data.mkdir(mode=0o700)
    (agent.data / "version").write_text('{"format": 2}')
    line = refused(agent, "--insecure-options=image", "fetch", signed_image())
    assert "has format 2, this agent knows 1" in line
    assert os.listdir(agent.data) == ["version"]


@pytest.mark.threat("T42")
def test_a_store_that_belongs_to_somebody_else_is_refused(
    agent: Agent, signed_image: Build
) -> None:
    agent.data.mkdir(mode=0o700)
    os.chown(agent.data, 65534, 65534)
    line = refused(agent, "--insecure-options=image", "fetch", signed_image())
    assert "belongs to user 65534" in line


@pytest.mark.threat("T42")
def test_a_store_that_is_a_link_is_refused(
    agent: Agent, signed_image: Build, tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    agent.data.symlink_to(tmp_path / "real")
    assert "not a directory" in refused(agent, "--insecure-options=image", "fetch", signed_image())


def test_a_missing_tree_is_rendered_again(trusting: Agent, signed_image: Build) -> None:
    image_id = trusting.ok("fetch", "--full", signed_image()).strip()
    mark = trusting.data / "cas/tree" / image_id / "rendered"
    mark.unlink()
    (mark.parent / "rootfs/bin/busybox").unlink()
    assert trusting("run", "--net=none", image_id, "--exec=/bin/true").exit == 0
    assert mark.exists()
