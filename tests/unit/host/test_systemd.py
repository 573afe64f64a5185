# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit texts: what systemd reads back from them is what was meant."""

from __future__ import annotations

import re
from typing import Any

import pytest

from podwright.host import systemd
from podwright.model.spec import parse_desired
from podwright.reconcile import canonical

AGENT = ["/usr/bin/podwright"]


def settings(**fields: Any) -> dict[str, Any]:
    """How a pod with these fields is supervised."""
    raw = {"name": "web", "image": "a", **fields}
    return canonical.settings(parse_desired({"pods": [raw]}).pods[0])


def entries(text: str) -> dict[str, str]:
    """The assignments of a unit; no key is said twice."""
    pairs = [line.partition("=") for line in text.splitlines() if line and line[0] not in "#["]
    found = {key: value for key, _, value in pairs}
    assert len(found) == len(pairs)
    return found


WORD = re.compile(rb"""\"((?:[^"\\]|\\.)*)\"|([^\s"'\\;]\S*)""")
ESCAPE = re.compile(rb"\\(x[0-9a-f]{2}|.)")


def argv_of(exec_start: str) -> list[str]:
    """The words of ExecStart= as systemd reads them, for the quoting that we use.

    systemd.service(5), "Command lines", and systemd.syntax(7), "Quoting".
    """
    rest, words = exec_start.encode(), []
    while rest:
        found = WORD.match(rest)
        assert found, rest
        quoted, bare = found.groups()
        assert quoted is not None or not set(bare) & set(b"\"'\\")
        text = bare if quoted is None else ESCAPE.sub(_unescaped, quoted)
        assert b"%" not in text.replace(b"%%", b"") and b"$" not in text.replace(b"$$", b"")
        text = text.replace(b"%%", b"%").replace(b"$$", b"$")
        words.append(text.decode("utf-8", "surrogateescape"))
        rest = rest[found.end() :].lstrip()
    return words


def _unescaped(found: re.Match[bytes]) -> bytes:
    text = found.group(1)
    return bytes([int(text[1:], 16)]) if len(text) > 1 else text


def test_a_unit() -> None:
    text = systemd.unit_text("web", settings(restart="always", stop_timeout=7.5), AGENT)
    found = entries(text)
    assert found["ExecStart"] == "/usr/bin/podwright supervise web"
    assert found["Type"] == "notify"
    assert found["KillMode"] == "mixed"
    assert found["Delegate"] == "yes"
    assert found["SyslogLevelPrefix"] == "no"  # else "<0>..." of an app goes to every terminal
    assert found["Restart"] == "always"
    assert found["WantedBy"] == "multi-user.target"
    assert (found["TimeoutStartSec"], found["TimeoutStopSec"]) == ("90", "27")
    assert systemd.unit_name("web") == "podwright-web.service"


@pytest.mark.parametrize("restart", ["no", "on-failure", "always"])
def test_restart_policies_are_systemds_words(restart: str) -> None:
    text = systemd.unit_text("web", settings(restart=restart), AGENT)
    assert entries(text)["Restart"] == restart


def test_systemd_waits_longer_than_the_pod_itself() -> None:
    found = entries(systemd.unit_text("web", settings(ready={"timeout": 300.5}), AGENT))
    assert int(found["TimeoutStartSec"]) > 300.5
    found = entries(systemd.unit_text("web", settings(stop_timeout=0), AGENT))
    assert int(found["TimeoutStopSec"]) > 0


@pytest.mark.parametrize(
    "directory",
    [
        "/var/lib/podwright",
        "/my pods",
        "/100%",
        "/%h/%%",
        "/$HOME",
        "/${HOME}$$",
        '/a"b',
        "/a'b",
        "/a\\b",
        "/a\\",
        "/trailing ",
        "/tab\there",
        "/new\nExecStartPre=/bin/evil",
        "/carriage\rreturn",
        "/a;b",
        "/a ; b",
        "/#a",
        "/\u00e9 \u4e2d",
        "/\x1b[31m\x7f",
        "/bytes \udcff",
    ],
)
def test_any_directory_reaches_the_supervisor_as_it_was_given(directory: str) -> None:
    command = ["/usr/bin/python3", "-IS", "/src/podwright", f"--dir={directory}"]
    text = systemd.unit_text("web", settings(), command)
    assert argv_of(entries(text)["ExecStart"]) == [*command, "supervise", "web"]
    assert all(char.isprintable() for line in text.splitlines() for char in line)
    text.encode("utf-8")


@pytest.mark.parametrize("word", ["", ";"])
def test_words_with_a_meaning_of_their_own_are_quoted(word: str) -> None:
    text = systemd.unit_text("web", settings(), ["/bin/agent", word])
    assert f'/bin/agent "{word}" supervise web' in text


def test_credentials_are_passed_by_name_or_from_their_store() -> None:
    stores = ("db", "/etc/credstore/web", "/etc/credstore.encrypted/api")
    secrets = [{"name": f"s{n}", "credential": each} for n, each in enumerate(stores)]
    text = systemd.unit_text("web", settings(secrets=secrets), AGENT)
    service = text.partition("[Service]")[2].partition("[Install]")[0].splitlines()
    assert [line for line in service if "Credential" in line] == [
        "LoadCredentialEncrypted=api:/etc/credstore.encrypted/api",
        "LoadCredential=web:/etc/credstore/web",
        "LoadCredential=db",
    ]


def test_a_unit_without_secrets_says_nothing_of_credentials() -> None:
    text = systemd.unit_text("web", settings(), AGENT)
    assert "Credential" not in text and text.count("\n\n") == 2
