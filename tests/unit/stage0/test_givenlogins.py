# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log-ins of one call: where they go, and that they go nowhere else."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from podwright import jsonio
from podwright.errors import FetchError, UsageError
from podwright.host.paths import Layout
from podwright.model.podspec import PodSpec
from podwright.model.spec import ImageSpec, parse_desired
from podwright.reconcile import canonical
from podwright.stage0.prepare import runtime_config
from podwright.stage0.web import givenlogins, urls
from podwright.stage0.web.givenlogins import Credentials
from podwright.values_json import to_json

C = "canary"
AUTH = [
    {"registry": "r.example.com", "username": "u", "password": C},
    {"registry": "r.example.com/team", "token": "team"},
    {"registry": "r.example.com:5000", "token": "port"},
    {"registry": "https://index.docker.io/v1/", "token": "hub"},
]


def image(**fields: Any) -> ImageSpec:
    """The only image of a desired state."""
    only = {"name": "docker://r.example.com/team/api:1", **fields}
    return parse_desired({"images": [only]}).images[0]


def logins(spec: ImageSpec | PodSpec) -> Credentials:
    """The log-ins of an image or pod."""
    assert spec.credentials is not None
    return spec.credentials


def header(found: Credentials, registry: str, repository: str) -> str:
    """What a registry is told."""
    login = found.for_registry(registry, repository)
    return login.header() if login else ""


def test_the_longest_place_wins_at_path_boundaries() -> None:
    found = logins(image(registry_auth=AUTH))
    assert header(found, "r.example.com", "team/api") == "Bearer team"
    assert header(found, "r.example.com", "teams/api").startswith("Basic ")
    assert header(found, "r.example.com:5000", "team/api") == "Bearer port"
    assert header(found, "docker.io", "library/redis") == "Bearer hub"
    assert header(found, "example.com", "team/api") == ""


@pytest.mark.parametrize(
    ("name", "registry", "repository"),
    [
        ("docker://r.example.com/team/api:1", "r.example.com", "team/api"),
        ("docker://r.example.com:5000/api@sha256:" + "0" * 64, "r.example.com:5000", "api"),
        ("docker://redis", "docker.io", "library/redis"),
    ],
)
def test_an_images_own_log_in_is_for_its_repository_alone(
    name: str, registry: str, repository: str
) -> None:
    own = {"credentials": {"username": "u", "password": C}}
    found = logins(image(name=name, **own, registry_auth=[{"registry": registry, "token": "all"}]))
    assert header(found, registry, repository).startswith("Basic ")
    assert header(found, registry, "other") == "Bearer all"
    assert header(found, "mirror.example.com", repository) == ""


@pytest.mark.parametrize(
    ("name", "mine", "others"),
    [
        ("example.com/app:1", "https://example.com/x", "https://images.example.com/x"),
        ("https://h.example.com/a.aci", "https://h.example.com/b", "https://h.example.com:8443/b"),
        ("https://h.example.com:8443/a.aci", "https://h.example.com:8443/", "https://h.example.com/"),
    ],
)  # fmt: skip
def test_a_server_of_acis_is_told_by_host_and_port_over_https(
    tmp_path: Path, name: str, mine: str, others: str
) -> None:
    layout = Layout(str(tmp_path), str(tmp_path), str(tmp_path), "", str(tmp_path))
    found = logins(image(name=name, credentials={"token": C}))
    ring = givenlogins.keyring(layout, found)
    assert ring.header(urls.parse(mine)) == f"Bearer {C}"
    assert ring.header(urls.parse(others)) == ""
    plain = mine.replace("https://", "http://")
    assert ring.header(urls.parse(plain, frozenset({"http"}))) == ""


def test_what_is_nearer_comes_first() -> None:
    def auth(token: str) -> list[dict[str, str]]:
        return [{"registry": "r.example.com", "token": token}]

    pod: dict[str, Any] = {"name": "web", "image": "docker://r.example.com/team/api:1"}
    state = parse_desired(
        {
            "registry_auth": [*auth("all"), {"registry": "other.example.com", "token": "other"}],
            "images": [{"name": "docker://r.example.com/x"}],
            "pods": [{**pod, "registry_auth": auth("pod")}, {**pod, "name": "job"}],
        }
    )
    specs: list[ImageSpec | PodSpec] = [*state.images, *state.pods]
    told = [header(logins(spec), "r.example.com", "x") for spec in specs]
    assert told == ["Bearer all", "Bearer pod", "Bearer all"]
    assert header(logins(state.pods[0]), "other.example.com", "x") == "Bearer other"


def test_secrets_are_in_nothing_that_is_written_or_shown() -> None:
    pod = {"name": "web", "image": "docker://r.example.com/team/api:1"}
    with_them = parse_desired({"pods": [{**pod, "registry_auth": AUTH}]}).pods[0]
    without = parse_desired({"pods": [pod]}).pods[0]
    shown = [repr(with_them), str(with_them), repr(logins(with_them)), repr([logins(with_them)])]
    shown.append(jsonio.dumps(canonical.runtime(with_them, ["x"])))
    shown.append(jsonio.dumps(canonical.settings(with_them)))
    shown.append(jsonio.dumps(runtime_config(with_them)))
    pair = base64.b64encode(f"u:{C}".encode()).decode()
    assert [text for text in shown for word in (C, pair, "team'", "hub") if word in text] == []
    assert canonical.runtime(with_them, ["x"]) == canonical.runtime(without, ["x"])
    with pytest.raises(TypeError):
        jsonio.dumps(to_json(with_them))
    with pytest.raises(TypeError):
        jsonio.pretty(to_json(with_them))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"credentials": {"username": "u"}}, "images[0].credentials: needs username and password"),
        ({"credentials": {"password": C}}, "images[0].credentials: needs username and password"),
        ({"credentials": {"username": "u", "password": C, "token": C}}, "or a token"),
        ({"credentials": {"username": "u:v", "password": C}}, "a user with a colon"),
        ({"credentials": {"token": f"{C}\n"}}, "characters that cannot be sent"),
        ({"credentials": {"token": C, "realm": C}}, "images[0].credentials.realm: unknown field"),
        ({"credentials": [C]}, "images[0].credentials: must be an object, not a list"),
        ({"credentials": {"username": "u", "password": 7}}, "must be a string, not a whole number"),
        ({"name": "oci:/x:1", "credentials": {"token": C}}, "does not come from a server"),
        ({"name": "sha512-" + "0" * 64, "credentials": {"token": C}}, "does not come from a server"),
        ({"registry_auth": {"registry": "r"}}, "images[0].registry_auth: must be a list"),
        ({"registry_auth": [{"token": C}]}, "images[0].registry_auth[0].registry: is missing"),
        ({"registry_auth": [{"registry": f"u:{C}@r", "token": C}]}, "'r' is not a registry"),
        ({"registry_auth": [{"registry": "", "token": C}]}, "is not a registry"),
        ({"registry_auth": [{"registry": "r/../x?", "token": C}]}, "is not a registry"),
        ({"registry_auth": [{"registry": "R", "token": C}, {"registry": "r", "token": C}]}, "already"),
    ],
)  # fmt: skip
def test_what_is_no_log_in_is_refused_without_a_word_of_it(
    fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        image(**fields)
    assert said in caught.value.message
    assert C not in caught.value.sentence() + caught.value.object


def test_a_log_in_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(
        FetchError, match=r"'https://\.\.\.@h\.example\.com/a' carries credentials"
    ) as caught:
        urls.parse(f"https://u:{C}@h.example.com/a")
    assert C not in caught.value.sentence() + caught.value.object
