# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""registries.d as written for other tools, and signatures read from a lookaside."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from podwright.errors import FetchError, PodwrightError, UsageError, VerifyError
from podwright.host.paths import Layout
from podwright.stage0.judge import lookaside, plainyaml
from podwright.stage0.judge.signatures import MAX_SIMPLE
from podwright.stage0.verdict import Subject

DIGEST = "sha256:" + "ab" * 32
SUBJECT = Subject("docker", "registry.example.com:5000/team/app:1", "x", DIGEST)
MANUAL = b"""\
# a comment
docker:
    registry.example.com:
        lookaside: https://registry-lookaside.example.com
    registry.example.com:5000/team:   # another
        lookaside: https://lookaside.team.example.com/base/
        lookaside-staging: file:///mnt/staging
        use-sigstore-attachments: true
    "registry.example.com:5000/team/app:mybranch":
        lookaside: 'https://example.com/mine'
default-docker:
    sigstore: file:///var/lib/containers/sigstore
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    for name in ("etc", "usr"):
        (tmp_path / name / "registries.d").mkdir(parents=True)
    return Layout(system_config=f"{tmp_path}/usr", local_config=f"{tmp_path}/etc")


def write(layout: Layout, name: str, data: bytes, place: str = "") -> Path:
    """A file of registries.d."""
    path = Path(place or layout.local_config, "registries.d", name)
    path.write_bytes(data)
    path.chmod(0o644)
    return path


@pytest.mark.parametrize(
    ("identity", "url"),
    [
        ("registry.example.com:5000/team/app:1", "https://lookaside.team.example.com/base/"),
        ("registry.example.com:5000/team/app:mybranch", "https://example.com/mine"),
        (
            f"registry.example.com:5000/team/app@{DIGEST}",
            "https://lookaside.team.example.com/base/",
        ),
        ("registry.example.com/team/app:1", "https://registry-lookaside.example.com"),
        ("registry.example.com:5001/team/app:1", "file:///var/lib/containers/sigstore"),
        ("other.example.com/team/app:1", "file:///var/lib/containers/sigstore"),
    ],
)
def test_the_most_precise_section_alone_counts(layout: Layout, identity: str, url: str) -> None:
    write(layout, "manual.yaml", MANUAL)
    assert lookaside.base_url(layout, identity) == (url, "")


def test_json_is_read_too_and_the_administrators_word_is_the_last(layout: Layout) -> None:
    scope = "registry.example.com:5000/team"
    shipped = {"docker": {scope: {"lookaside": "https://shipped.example.com"}}}
    write(layout, "a.json", json.dumps(shipped).encode(), layout.system_config)
    assert lookaside.base_url(layout, SUBJECT.identity)[0] == "https://shipped.example.com"
    write(layout, "b.yaml", MANUAL)
    assert "team.example.com" in lookaside.base_url(layout, SUBJECT.identity)[0]
    write(layout, "ignored.txt", b"\xff")


def test_without_configuration_there_is_no_lookaside_and_that_is_said(layout: Layout) -> None:
    assert lookaside.find(layout, None, SUBJECT) == (
        (),
        f"{layout.local_config}/registries.d, which names no lookaside for this image",
    )
    write(
        layout,
        "x.yaml",
        b"docker:\n  registry.example.com:5000:\n    use-sigstore-attachments: true\n",
    )
    assert "has no lookaside" in lookaside.base_url(layout, SUBJECT.identity)[1]


@pytest.mark.threat("T53")
@pytest.mark.parametrize(
    "data",
    [
        b"\xff", b"docker", b"- docker", b"docker: [a]", b"docker: {a: b}", b"docker: &x\n",
        b"docker:\n\tr.io:\n", b"docker:\n  r.io:\n   lookaside: https://a\n  x: y: z\n",
        b"docker:\n    r.io:\n        lookaside: https://a\n      lookaside: https://b\n",
        b"docker:\n  r.io:\n    lookaside: https://a\n    lookaside: https://b\n",
        b"docker:\n  r.io:\n    lookaside: >\n      https://a\n", b"docker:\n---\ndefault-docker:\n",
        b"docker:\n  r.io:\n    lookaside: http://a.example.com\n",
        b"docker:\n  r.io:\n    lookaside: ftp://a.example.com\n",
        b"docker:\n  r.io:\n    lookaside: file://relative\n",
        b"docker:\n  r.io:\n    lookaside: https://a.example.com/?x\n",
        b"docker:\n  r.io:\n    lookaside: true\n", b"docker:\n  r.io:\n    lookaside:\n",
        b"docker:\n  r.io:\n    use-sigstore-attachments: yes\n",
        b"docker:\n  r.io:\n    unknown: x\n", b"docker:\n  r.io/: {}\n", b"docker:\n  R.io:\n    lookaside: https://a\n",
        b"docker:\n  r.io: https://a\n", b"podman:\n  r.io:\n    lookaside: https://a\n",
        b"docker:\n  r.io:\n    lookaside: 'https://a\n", b'docker:\n  "r\\u002eio":\n    lookaside: https://a\n',
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_by_name(layout: Layout, data: bytes) -> None:
    path = write(layout, "bad.yaml", data)
    with pytest.raises(VerifyError) as caught:
        lookaside.base_url(layout, SUBJECT.identity)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.sentence()


@pytest.mark.threat("T53")
def test_a_scope_twice_or_a_file_of_others_is_refused(layout: Layout) -> None:
    write(layout, "a.yaml", b"default-docker:\n  lookaside: https://a.example.com\n")
    second = write(layout, "b.yaml", b"default-docker:\n  lookaside: https://b.example.com\n")
    with pytest.raises(VerifyError, match="once more"):
        lookaside.base_url(layout, SUBJECT.identity)
    second.chmod(0o666)
    with pytest.raises(VerifyError, match="written by others"):
        lookaside.base_url(layout, SUBJECT.identity)
    second.unlink()
    os.mkfifo(second)
    with pytest.raises(VerifyError, match="not a regular file"):
        lookaside.base_url(layout, SUBJECT.identity)


def test_quoting_comments_and_indentation_of_plain_yaml() -> None:
    text = b"---\na:\n    'b c': \"d # e\"   # f\n    g: h#i\r\nj: false\nk:\n"
    expected = {"a": {"b c": "d # e", "g": "h#i"}, "j": False, "k": {}}
    assert plainyaml.loads(text, "it") == expected
    with pytest.raises(UsageError, match="line 2"):
        plainyaml.loads(b"a: b\n c: d\n", "it")


def test_signatures_are_read_from_a_directory_until_one_is_missing(
    layout: Layout, tmp_path: Path
) -> None:
    write(layout, "x.yaml", f"default-docker:\n  lookaside: file://{tmp_path}/sigs\n".encode())
    place = tmp_path / "sigs/team" / f"app@{DIGEST.replace(':', '=')}"
    place.mkdir(parents=True)
    for number in (1, 2, 4):
        (place / f"signature-{number}").write_bytes(b"%d" % number)
    assert lookaside.find(layout, None, SUBJECT) == ((b"1", b"2"), f"file://{place}")


@pytest.mark.threat("T45")
def test_count_and_size_are_bounded(layout: Layout, tmp_path: Path) -> None:
    write(layout, "x.yaml", b"default-docker:\n  lookaside: https://sigs.example.com/a\n")

    class Endless:
        """A server that has ever more signatures."""

        def __init__(self) -> None:
            self.asked: list[str] = []

        def get(self, url: str, limit: int, *, deadline: float = 0.0) -> bytes:
            self.asked.append(url)
            assert limit == MAX_SIMPLE
            return b"x"

    endless = Endless()
    with pytest.raises(VerifyError, match="more than 8 signatures"):
        lookaside.find(layout, endless, SUBJECT)
    assert len(endless.asked) == 9
    path = f"https://sigs.example.com/a/team/app@{DIGEST.replace(':', '=')}/signature-1"
    assert endless.asked[0] == path
    write(layout, "x.yaml", f"default-docker:\n  lookaside: file://{tmp_path}/sigs\n".encode())
    place = tmp_path / "sigs/team" / f"app@{DIGEST.replace(':', '=')}"
    place.mkdir(parents=True)
    with open(place / "signature-1", "wb") as file:
        file.truncate(MAX_SIMPLE + 1)
    with pytest.raises(FetchError, match="larger"):
        lookaside.find(layout, None, SUBJECT)


def test_a_lookaside_that_fails_is_not_an_empty_one(layout: Layout) -> None:
    write(layout, "x.yaml", b"default-docker:\n  lookaside: https://sigs.example.com\n")

    class Failing:
        """A server that answers with one status."""

        def __init__(self, reason: str) -> None:
            self.reason = reason

        def get(self, url: str, limit: int, *, deadline: float = 0.0) -> bytes:
            raise FetchError("no", reason=self.reason)

    assert lookaside.find(layout, Failing("http-404"), SUBJECT)[0] == ()
    for reason in ("http-500", "http-403", "bad-certificate"):
        with pytest.raises(PodwrightError) as caught:
            lookaside.find(layout, Failing(reason), SUBJECT)
        assert caught.value.reason == reason
