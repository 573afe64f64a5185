# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules hide from their output, before anything is checked; tests/modules has the real calls."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from ansible_collections.podwright.fleet.plugins.module_utils.module import (
    logged,
    secrets,
)

C = "canary"


@pytest.mark.parametrize(
    "given",
    [
        {"credentials": {"username": "u", "password": C}},
        {"credentials": {"token": C}},
        {"credentials": C},
        {"credentials": [C]},
        {"credentials": {"pasword": C}},
        {"credentials": {"password": [C]}},
        {"credentials": {"password": {"x": C}}},
        {"credentials": {"username": [C]}},
        {"registry_auth": [{"registry": "r", "password": C}]},
        {"registry_auth": C},
        {"registry_auth": {"registry": "r", "token": C}},
        {"registry_auth": [[C]]},
        {"images": [{"name": "x", "credentials": {"password": C}}]},
        {"images": {"name": "x", "credentials": {"password": C}}},
        {"pods": [{"registry_auth": [{"token": C}]}]},
        {"password": C},
        {"registry_password": C},
        {"token": C},
        {"images": [{"name": "x", "password": C}]},
    ],
)
def test_whatever_could_be_meant_as_a_secret_is_hidden(given: dict[str, Any]) -> None:
    assert C in secrets({"name": "example.com/app", "state": "present", **given})


def test_what_is_public_is_not_hidden() -> None:
    given = {
        "name": "docker://r.example.com/app",
        "registry_auth": [{"registry": "r.example.com", "username": "reader", "password": C}],
        "environment": {"A": "B"},
    }
    assert secrets(given) & {"r.example.com", "reader", "docker://r.example.com/app", "B"} == set()


def test_of_a_pods_secrets_only_the_content_is_hidden() -> None:
    """A secret called s, and the answer said that the pod is '****tarted'."""
    secret = {
        "name": "s",
        "content": C,
        "target": "/run/s",
        "apps": ["web"],
        "mode": "0400",
        "uid": 7,
    }
    assert secrets({"name": "web", "secrets": [secret]}) == {C}
    assert secrets({"pods": [{"name": "web", "secrets": [secret]}]}) == {C}


@pytest.mark.parametrize(
    "given",
    [
        {"contents": C},
        {"name": {"x": C}},
        {"name": [C]},
        {"apps": [{"content": C}]},
        {"content": {"name": C}},
        {"content": [C]},
        {"value": {"target": C}},
    ],
)
def test_what_could_be_meant_as_a_content_is_hidden(given: dict[str, Any]) -> None:
    assert C in secrets({"secrets": [given]})
    assert C in secrets({"pods": [{"secrets": given}]})


@pytest.mark.parametrize("holder", ["scerets", "volumes", "apps", "mounts", "pod_manifest"])
def test_a_content_under_a_misspelt_name_or_in_another_option_was_printed(holder: str) -> None:
    given = {"name": "web", holder: [{"name": "key", "content": C}]}
    for params in (given, {"pods": [given]}):
        assert secrets(params) == {C}
        assert C not in str(logged(params))


def test_a_password_in_the_wrong_place_is_hidden() -> None:
    assert C in secrets({"registry_auth": [{"password": {"username": C}}]})


def test_numbers_are_hidden_and_what_is_said_everywhere_is_not() -> None:
    given = {"password": 20_261_122, "token": None, "secret": True, "credentials": {"password": ""}}
    assert secrets(given) == {"20261122", base64.b64encode(b":20261122").decode()}


def test_a_secret_is_hidden_as_it_is_sent_and_as_it_is_quoted() -> None:
    password = """can"ary'\\\u00e9"""
    found = secrets({"credentials": {"username": "reader", "password": password}})
    assert base64.b64encode(f"reader:{password}".encode()).decode() in found
    assert repr(password)[1:-1] in found
    assert "can\\\"ary'\\\\\u00e9" in found


def test_the_log_has_everything_but_log_ins() -> None:
    given = {
        "name": "x",
        "credentials": {"username": "u", "password": C},
        "registry_auth": None,
        "images": [{"name": "y", "credentials": {"token": C}, "state": None}],
        "sign_passphrase": C,
    }
    assert logged(given) == {
        "name": "x",
        "credentials": "NOT_LOGGING_PARAMETER",
        "registry_auth": None,
        "images": [{"name": "y", "credentials": "NOT_LOGGING_PARAMETER", "state": None}],
        "sign_passphrase": "NOT_LOGGING_PARAMETER",
    }
