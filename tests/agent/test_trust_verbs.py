# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`trust`, `trust list`, `trust remove`: what a person sees, what is asked, and what is never taken silently."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Keys
from tests.support.agent import AGENT_ERROR, Agent
from tests.support.gpglab import GpgLab, Key
from tests.support.private_host import Result
from tests.support.webserver import Handler, ImageServer

TERMINAL = Path(__file__).with_name("launch_terminal.py")
QUESTION = "(yes/no)?"


def generate_in_2020(home: GpgLab) -> Key:
    """A key that was valid for a day."""
    out = home.gpg(
        "--faked-system-time", "20200101T120000", "--status-fd", "1", "--passphrase", "",
        "--quick-generate-key", "Old <o@example.com>", "ed25519", "sign", "1d",
    )  # fmt: skip
    return Key(home, next(line.split()[3] for line in out.splitlines() if "KEY_CREATED" in line))


@pytest.fixture(scope="module")
def odd() -> Iterator[dict[str, Key]]:
    """Keys that should not be trusted, or not without a look."""
    with GpgLab() as home:
        keys = {
            "weak": home.generate("Weak <w@example.com>", "rsa1024"),
            "dsa": home.generate("Dsa <d@example.com>", "dsa2048"),
            "expired": generate_in_2020(home),
            "twin": home.generate("Images <images@example.com>", "rsa2048"),
            "soon": home.generate("Soon <s@example.com>", expire="5d"),
            "revoked": home.generate("Gone <g@example.com>"),
            "hostile": home.generate("\u202eEvil \x1b[2J <e@example.com>"),
        }
        certificate = home.home / "openpgp-revocs.d" / f"{keys['revoked'].fingerprint}.rev"
        text = certificate.read_text().replace(":-----BEGIN", "-----BEGIN")
        (home.home / "rev").write_text(text)
        home.gpg("--import", str(home.home / "rev"))
        yield keys


@pytest.fixture
def key_file(tmp_path: Path) -> Callable[[Key], Path]:
    """Write a public key to a file."""

    def write(key: Key) -> Path:
        path = tmp_path / f"{key.fingerprint}.asc"
        path.write_text(key.armoured)
        return path

    return write


def at_terminal(agent: Agent, steps: list[list[str]], *arguments: str | Path) -> Result:
    """Run the agent in a terminal at which somebody types."""
    inner = [*agent.command, *map(str, arguments)]
    return agent.host.run([sys.executable, str(TERMINAL), json.dumps(steps), *inner])


def trusted(agent: Agent, *options: str) -> list[dict[str, Any]]:
    """`trust list` as objects."""
    rows = json.loads(agent.ok("trust", "list", "--format=json", *options))
    assert isinstance(rows, list)
    return rows


@pytest.mark.threat("T60")
@pytest.mark.parametrize(
    ("answers", "accepted"),
    [
        (["yes\n"], True),
        (["no\n"], False),
        (["y\n", "YES\n", " yes\n", "\n", "yes, sure\n"], False),
        (["y\n", "yes\n"], True),
        (["\x04"], False),
    ],
)
def test_only_the_word_yes_accepts(
    agent: Agent, lab: Keys, key_file: Callable[[Key], Path], answers: list[str], accepted: bool
) -> None:
    steps = [[QUESTION, answer] for answer in answers]
    result = at_terminal(agent, steps, "trust", "--prefix=example.com", key_file(lab.key))
    assert result.exit == (0 if accepted else AGENT_ERROR), result
    grouped = " ".join(lab.key.fingerprint[at : at + 4] for at in range(0, 40, 4))
    assert grouped in result.stdout
    assert "Images <images@example.com>" in result.stdout
    assert len(trusted(agent)) == accepted


@pytest.mark.threat("T60")
def test_without_a_terminal_nobody_is_asked_and_nothing_is_trusted(
    agent: Agent, lab: Keys, key_file: Callable[[Key], Path]
) -> None:
    result = agent("trust", "--root", key_file(lab.key), stdin="yes\n")
    assert result.exit == AGENT_ERROR
    assert "there is no terminal to ask on" in result.stderr.splitlines()[-1]
    assert trusted(agent) == []


@pytest.mark.threat("T60")
def test_what_a_key_says_of_itself_cannot_move_the_terminal(
    agent: Agent, odd: dict[str, Key], key_file: Callable[[Key], Path]
) -> None:
    result = at_terminal(agent, [[QUESTION, "yes\n"]], "trust", "--root", key_file(odd["hostile"]))
    assert result.exit == 0, result
    listed = agent.ok("trust", "list") + agent.ok("trust", "list", "--format=json-pretty")
    for output in (result.stdout, listed):
        assert "Evil" in output
        assert "\x1b" not in output and "\u202e" not in output


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("weak", "too weak"),
        ("dsa", "too weak"),
        ("expired", "expired on 2020-01-02"),
        ("revoked", "has been revoked"),
    ],
)
def test_a_key_that_could_not_admit_an_image_is_refused(
    agent: Agent, odd: dict[str, Key], key_file: Callable[[Key], Path], kind: str, why: str
) -> None:
    for option in ("--skip-fingerprint-review", f"--fingerprint={odd[kind].fingerprint}"):
        result = agent("trust", "--root", key_file(odd[kind]), option)
        assert result.exit == AGENT_ERROR
        assert why in result.stderr.splitlines()[-1]
    desired = {
        "version": 1,
        "keys": [{"fingerprint": odd[kind].fingerprint, "root": True, "key": odd[kind].armoured}],
    }
    answer = json.loads(agent("apply", "--check", stdin=json.dumps(desired)).stdout)
    assert why in answer["error"]["message"]
    assert trusted(agent) == []


def test_a_key_that_ends_soon_is_trusted_with_a_warning(
    agent: Agent, odd: dict[str, Key], key_file: Callable[[Key], Path]
) -> None:
    result = agent("trust", "--root", key_file(odd["soon"]), "--skip-fingerprint-review").check()
    assert "expires on" in result.stderr.splitlines()[-1]
    assert "warning" in agent("trust", "list").check().stderr


def served_key(server: ImageServer, key: Key, name: str = "key.asc") -> str:
    """Serve a public key below pubkeys/, from where it is announced too."""
    path = server.root / "pubkeys" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(key.armoured)
    return f"https://{server.host}/pubkeys/{name}"


@pytest.mark.threat("T60")
def test_a_location_that_gives_another_key_than_before_is_never_taken_silently(
    agent: Agent, https_server: ImageServer, lab: Keys
) -> None:
    url = served_key(https_server, lab.key)
    how = ("trust", "--prefix=example.com")
    agent.ok("--trust-keys-from-https", *how)
    assert agent.ok("--trust-keys-from-https", *how, url).startswith("already trusted")
    served_key(https_server, lab.stranger)
    for silent in (["--trust-keys-from-https", *how], [*how, url, "--skip-fingerprint-review"]):
        result = agent(*silent)
        assert result.exit == AGENT_ERROR
        last = result.stderr.splitlines()[-1]
        assert "has changed" in last and lab.key.fingerprint in last
        assert lab.stranger.fingerprint in last
    assert [row["fingerprint"].upper() for row in trusted(agent)] == [lab.key.fingerprint]
    seen = at_terminal(agent, [[QUESTION, "yes\n"]], *how)
    assert "CHANGED: this location gave the key" in seen.stdout and seen.exit == 0
    assert len(trusted(agent)) == 2


@pytest.mark.threat("T60")
def test_key_locations_without_tls_need_to_be_allowed(
    agent: Agent, https_server: ImageServer, lab: Keys
) -> None:
    url = served_key(https_server, lab.key).replace("https://", "http://")
    assert "is not served over https" in agent.refused("trust", "--root", url)
    for options in (["--insecure-options=tls"], ["--insecure-options=http"]):
        line = agent.refused(*options, "--trust-keys-from-https", "trust", "--prefix=example.com")
        assert "not looked for over connections that are not checked" in line
    assert trusted(agent) == []
    checked = ["--insecure-options=tls,pubkey", "--trust-keys-from-https"]
    agent.ok(*checked, "trust", "--prefix=example.com")
    assert len(trusted(agent)) == 1


@pytest.mark.threat("T60")
def test_https_does_not_answer_for_a_key_that_came_from_a_file(
    agent: Agent, lab: Keys, key_file: Callable[[Key], Path]
) -> None:
    result = agent("--trust-keys-from-https", "trust", "--root", key_file(lab.key))
    assert result.exit == AGENT_ERROR and trusted(agent) == []


def test_a_redirect_of_a_key_to_http_is_refused(
    agent: Agent, https_server: ImageServer, lab: Keys
) -> None:
    def redirect(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "http://example.com/pubkeys/key.asc")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    https_server.answers["/moved.asc"] = redirect
    url = "https://example.com/moved.asc"
    assert "http://example.com" in agent.refused("trust", "--root", url)


def test_list_says_what_masks_a_key_and_for_what(
    agent: Agent, lab: Keys, key_file: Callable[[Key], Path]
) -> None:
    own = lab.key.fingerprint.lower()
    shipped = agent.system / "trustedkeys" / "root.d" / own
    shipped.parent.mkdir(parents=True)
    shipped.write_text(lab.key.armoured)
    agent.ok("trust", "--prefix=example.com", key_file(lab.key), f"--fingerprint={own}")
    mask = agent.local / "trustedkeys" / "prefix.d" / "example.com" / "x" / own
    mask.parent.mkdir()
    mask.write_text("")
    by_place = {(row["scope"], row["prefix"]): row for row in trusted(agent)}
    assert {place: row["state"] for place, row in by_place.items()} == {
        ("system", ""): "trusted",
        ("local", "example.com"): "trusted",
        ("local", "example.com/x"): "mask",
    }
    assert by_place["local", "example.com"]["masked_for"] == ["example.com/x"]
    assert by_place["system", ""]["identities"] == ["Images <images@example.com>"]
    assert by_place["system", ""]["algorithm"] == "EdDSA"

    result = agent("trust", "remove", "--root", own).check()
    assert result.stdout == f"masked {own} for every image\n"
    assert "still trusted for example.com" in result.stderr
    (row,) = trusted(agent, "--root")[:1]
    assert (row["state"], row["masked_by"]) == ("masked", f"{agent.local}/trustedkeys/root.d/{own}")
    assert shipped.stat().st_size
    assert agent.ok("trust", "remove", "--root", own).startswith("already masked")
    agent.ok("trust", "--root", key_file(lab.key), f"--fingerprint={own}")
    assert trusted(agent, "--root")[0]["state"] == "trusted"
    table = agent.ok("trust", "list")
    assert "(every image)" in table and "except example.com/x" in table


def test_remove_deletes_what_was_added_and_names_what_is_not_there(
    agent: Agent, lab: Keys, key_file: Callable[[Key], Path]
) -> None:
    own = lab.key.fingerprint
    agent.ok("trust", "--prefix=example.com", key_file(lab.key), f"--fingerprint={own}")
    line = agent.refused("trust", "remove", "--prefix=example.com/x", own)
    assert f"key {own} is not trusted for prefix example.com/x" in line
    assert "it is still trusted for example.com" in line
    assert "all 40 hexadecimal digits" in agent.refused(
        "trust", "remove", "--prefix=example.com", own[-16:]
    )
    agent.ok("trust", "remove", "--prefix=example.com", own)
    assert trusted(agent) == []
    assert "is not trusted" in agent.refused("trust", "remove", "--prefix=example.com", own)
    left = [path for path in agent.local.glob("trustedkeys/**/*") if path.is_file()]
    assert left == []


@pytest.mark.threat("T49")
@pytest.mark.parametrize(
    ("prefix", "name", "admitted"),
    [
        ("example.com/a", "example.com/a", True),
        ("example.com/a", "example.com/a/b", True),
        ("example.com", "example.com/a", True),
        ("example.com/a", "example.com/ab", False),
        ("example.com/a", "example.com", False),
        ("example.com/a", "example.com/b/a", False),
        ("example.com/a", "example.com/a-b", False),
        ("example.com/a", "example.com/a.b", False),
        ("example.com/a/b", "example.com/a", False),
        ("example.co", "example.com/a", False),
        ("evil.example.com", "example.com/a", False),
    ],
)
def test_a_key_counts_at_path_elements(
    agent: Agent,
    lab: Keys,
    signed_image: Callable[..., Path],
    key_file: Callable[[Key], Path],
    prefix: str,
    name: str,
    admitted: bool,
) -> None:
    fingerprint = f"--fingerprint={lab.key.fingerprint}"
    agent.ok("trust", f"--prefix={prefix}", key_file(lab.key), fingerprint)
    image = signed_image(name=name)
    if admitted:
        agent.ok("fetch", image)
    else:
        assert f"no key is trusted for image {name}" in agent.refused("fetch", image)


@pytest.mark.threat("T49")
@pytest.mark.parametrize(
    "prefix",
    ["EXAMPLE.com/a", "example.com/a/../b", "example.com/", "example.com//a", "../x", "/etc", ".",
     "https://example.com", "example.com/a\n", "example.com/\u0430", "-x", "example.com/*"],
)  # fmt: skip
def test_what_is_not_an_image_name_is_no_prefix(
    agent: Agent, lab: Keys, key_file: Callable[[Key], Path], prefix: str
) -> None:
    agent.refused(
        "trust", f"--prefix={prefix}", key_file(lab.key), f"--fingerprint={lab.key.fingerprint}"
    )
    assert trusted(agent) == []


@pytest.mark.threat("T49")
def test_keys_are_told_apart_by_their_whole_fingerprint(
    agent: Agent,
    lab: Keys,
    odd: dict[str, Key],
    signed_image: Callable[..., Path],
    key_file: Callable[[Key], Path],
) -> None:
    """A key file that is named by another key's fingerprint, and a key with the same identity."""
    image = signed_image()
    twin = odd["twin"]
    agent.ok("trust", "--prefix=example.com", key_file(twin), f"--fingerprint={twin.fingerprint}")
    assert "is not trusted" in agent.refused("fetch", image)
    path = agent.local / "trustedkeys/prefix.d/example.com" / lab.stranger.fingerprint.lower()
    path.write_text(lab.key.armoured)
    line = agent.refused("fetch", image)
    assert (
        lab.stranger.fingerprint.lower() in line and f"holds the key {lab.key.fingerprint}" in line
    )
    broken = [row for row in trusted(agent) if row["problem"]]
    assert [row["file"] for row in broken] == [str(path)]


@pytest.mark.threat("T60")
def test_keys_that_discovery_finds_are_offered_at_a_terminal_and_never_taken_without(
    agent: Agent, https_server: ImageServer, published: Callable[..., Path], lab: Keys
) -> None:
    published()
    served_key(https_server, lab.key)
    command = ("run", "example.com/tiny:1.0", "--exec=/bin/echo", "--", "ran")
    assert "no key is trusted" in agent.refused(*command)
    assert not [each for each in https_server.requests if "pubkeys" in each.path]
    refused = at_terminal(agent, [[QUESTION, "no\n"]], *command)
    assert refused.exit == AGENT_ERROR and "the key was not accepted" in refused.stdout
    assert trusted(agent) == []
    accepted = at_terminal(agent, [[QUESTION, "yes\n"]], *command)
    assert accepted.exit == 0 and accepted.stdout.endswith("ran\n"), accepted
    assert [row["prefix"] for row in trusted(agent)] == ["example.com/tiny"]
    assert agent.ok(*command) == "ran\n"
