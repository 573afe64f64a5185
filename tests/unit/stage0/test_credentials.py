# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose log-in is sent to whom, and which files are believed."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.host.paths import Layout
from podwright.stage0.oci.mirrors import mirrors_of
from podwright.stage0.web import credentials, urls
from podwright.stage0.web.credentials import Login
from podwright.values import replace


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    for name in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return Layout(
        data=str(tmp_path / "data"),
        system_config=str(tmp_path / "system"),
        local_config=str(tmp_path / "local"),
        user_config=str(tmp_path / "user"),
    )


def write(directory: str, name: str, **fields: Any) -> Path:
    path = Path(directory) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"rktVersion": "v1", **fields}))
    return path


def auth(layout_directory: str, name: str, domains: list[str], kind: str, **secret: str) -> Path:
    return write(
        f"{layout_directory}/auth.d",
        name,
        rktKind="auth",
        domains=domains,
        type=kind,
        credentials=secret,
    )


def docker(directory: str, name: str, registries: list[str], user: str, **more: Any) -> Path:
    return write(
        f"{directory}/auth.d", name, rktKind="dockerAuth", registries=registries,
        credentials={"user": user, "password": "pw"}, **more,
    )  # fmt: skip


def basic(user: str, password: str = "pw") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_servers_get_the_log_in_of_their_host_and_port(layout: Layout) -> None:
    auth(
        layout.system_config,
        "a.json",
        ["example.com", "b.example.com:8443"],
        "basic",
        user="u",
        password="pw",
    )
    auth(layout.local_config, "b.json", ["example.com"], "oauth", token="abc")
    ring = credentials.for_servers(layout)
    asked = {
        "https://example.com/x": "Bearer abc",
        "https://example.com:443/x": "Bearer abc",
        "https://example.com:8443/x": "",
        "https://b.example.com:8443/x": basic("u"),
        "https://b.example.com/x": "",
        "https://evil.example.com/x": "",
        "http://example.com/x": "",
    }
    found = {url: ring.header(urls.parse(url, frozenset({"http"}))) for url in asked}
    assert found == asked


@pytest.mark.parametrize(
    ("registry", "repository", "user"),
    [
        ("r.example.com", "a/b", "b"),
        ("r.example.com", "a/b/c", "b"),
        ("r.example.com", "a/bc", "a"),
        ("r.example.com", "x", "all"),
        ("r.example.com:5000", "x", None),
        ("docker.io", "library/redis", "hub"),
        ("docker.io", "me/mine", "me"),
    ],
)
def test_the_longest_entry_at_a_path_boundary_wins(
    layout: Layout, registry: str, repository: str, user: str | None
) -> None:
    docker(layout.local_config, "1.json", ["R.example.com"], "all")
    docker(layout.local_config, "2.json", ["r.example.com/a"], "a")
    docker(layout.local_config, "3.json", ["r.example.com/a/b"], "b")
    docker(layout.local_config, "4.json", ["index.docker.io"], "hub")
    docker(layout.local_config, "5.json", ["docker.io/me"], "me")
    found = credentials.for_registry(layout, registry, repository).login
    assert (found.user if found else None) == user


def test_a_later_directory_overrides_and_the_caller_comes_first(layout: Layout) -> None:
    docker(layout.system_config, "a.json", ["r.io"], "system", realms=["auth.r.io"])
    docker(layout.user_config, "a.json", ["r.io"], "user")
    access = credentials.for_registry(layout, "r.io", "x")
    assert access.login is not None and access.login.user == "user"
    assert set(access.realms) == {"r.io", "auth.r.io"}
    given = Login("given", "pw")
    assert credentials.for_registry(layout, "r.io", "x", given).login is given


def plain(login: Login | None) -> Login | None:
    """A log-in without where it came from, which every one from a file says."""
    assert login is not None and login.where
    return replace(login, where="")


def test_files_of_docker_and_podman(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home/.docker/config.json"
    home.parent.mkdir(parents=True)
    pair = base64.b64encode(b"u:p:w").decode()
    entries = {
        "https://index.docker.io/v1/": {"auth": pair},
        "https://old.example.com/v2/": {"auth": pair},
        "empty.example.com": {},
        "token.example.com": {"identitytoken": "abc"},
        "bad.example.com": {"auth": "!"},
    }
    home.write_text(json.dumps({"auths": entries, "credHelpers": {"helped.example.com": "evil"}}))

    def found(registry: str) -> Login | None:
        return credentials.for_registry(layout, registry, "a/b").login

    assert plain(found("docker.io")) == Login("u", "p:w")
    assert plain(found("old.example.com")) == Login("u", "p:w")
    assert found("empty.example.com") is None
    assert found("other.example.com") is None
    assert plain(found("token.example.com")) == Login(token="abc", identity=True)
    for registry, why in (("helped.example.com", "helper"), ("bad.example.com", "base64")):
        with pytest.raises(UsageError, match=why):
            found(registry)
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "missing.json"))
    with pytest.raises(UsageError, match="is not there"):
        found("docker.io")


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(layout: Layout, mode: int) -> None:
    docker(layout.local_config, "a.json", ["r.io"], "u").chmod(mode)
    with pytest.raises(UsageError, match="may be written by others"):
        credentials.for_registry(layout, "r.io", "x")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"rktKind": "paths"}, "not one of"),
        ({"rktKind": "auth", "rktVersion": "v2"}, "not v1"),
        ({"rktKind": "auth", "domains": ["x"], "type": "aws", "credentials": {}}, "aws are not supported"),
        ({"rktKind": "auth", "domains": ["x"], "type": "basic"}, "credentials: is missing"),
        ({"rktKind": "auth", "domains": ["https://x"], "type": "oauth", "credentials": {"token": "t"}},
         "not HOST"),
        ({"rktKind": "auth", "domains": ["x"], "type": "oauth", "credentials": {"token": "a b"}}, "cannot be sent"),
        ({"rktKind": "auth", "domains": ["x"], "type": "basic",
          "credentials": {"user": "a:b", "password": "canary"}}, "with a colon"),
        ({"rktKind": "auth", "domains": ["x"], "type": "basic",
          "credentials": {"user": "a\r\nX: y", "password": "canary"}}, "cannot be sent"),
        ({"rktKind": "auth", "domains": ["x"], "type": "basic", "extra": 1,
          "credentials": {"user": "a", "password": "canary"}}, "unknown field"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_without_its_secret(
    layout: Layout, fields: dict[str, Any], why: str
) -> None:
    write(f"{layout.local_config}/auth.d", "a.json", **fields)
    with pytest.raises(UsageError, match=why) as caught:
        credentials.for_servers(layout)
    assert "canary" not in caught.value.sentence()


def test_the_same_place_twice_in_one_directory(layout: Layout) -> None:
    docker(layout.local_config, "a.json", ["r.io"], "u")
    docker(layout.local_config, "b.json", ["r.io"], "u")
    with pytest.raises(UsageError, match="already has a log-in"):
        credentials.for_registry(layout, "r.io", "x")


def test_a_login_never_shows_itself() -> None:
    login = Login("u", "canary", "", False)
    assert "canary" not in f"{login} {login!r} {[login]} {Login(token='canary')!r}"


def test_mirrors(layout: Layout) -> None:
    write(f"{layout.system_config}/mirrors.d", "a.json", rktKind="registryMirrors", registry="docker.io",
          mirrors=["https://old.example.com"])  # fmt: skip
    write(f"{layout.local_config}/mirrors.d", "a.json", rktKind="registryMirrors", registry="docker.io",
          mirrors=["https://m.example.com/hub/", "https://n.example.com:5000"])  # fmt: skip
    assert [str(url) for url in mirrors_of(layout, "docker.io")] == [
        "https://m.example.com/hub",
        "https://n.example.com:5000/",
    ]
    assert mirrors_of(layout, "quay.io") == ()


@pytest.mark.parametrize(
    "mirror", ["http://m.example.com", "m.example.com", "https://u:p@m.example.com", "https://m/?x"]
)
def test_mirrors_that_cannot_be(layout: Layout, mirror: str) -> None:
    write(
        f"{layout.local_config}/mirrors.d",
        "a.json",
        rktKind="registryMirrors",
        registry="r.io",
        mirrors=[mirror],
    )
    with pytest.raises(UsageError, match="mirrors"):
        mirrors_of(layout, "r.io")
