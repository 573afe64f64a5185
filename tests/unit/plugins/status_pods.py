# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of podwright.fleet.status_info with one pod that is as it should be, and with changes to it."""

from __future__ import annotations

from typing import Any

IMAGE = "sha512-1234"


def app(**changes: Any) -> dict[str, Any]:
    """An app that serves."""
    whole = {"name": "web", "image_name": "example.com/web", "image_version": "1.0", "image_id": IMAGE,
             "state": "running", "ready": True, "restarts": 0, "exit_code": None, "last_failure": None}  # fmt: skip
    return {**whole, **changes}


def pod(**changes: Any) -> dict[str, Any]:
    """A pod that serves."""
    history = [{"revision": 1, "current": True, "outcome": "ready", "by": "apply", "why": "",
                "images": [{"app": "web", "id": IMAGE}]}]  # fmt: skip
    whole = {
        "name": "uuid", "pod_name": "web", "state": "running", "ready": True, "stage1": "namespaces", "apps": [app()],
        "history": history, "insecure": [], "created_at": "2026-11-20T00:00:00Z", "started_at": "2026-11-20T00:00:00Z",
        "networks": [], "ports": [], "private_users": {"first": 1, "count": 65536}, "selinux": {"off": "as asked"},
        "exit_status": None, "exit_reason": None, "exit_error": None,
    }  # fmt: skip
    return {**whole, **changes}


def answer(*pods: dict[str, Any]) -> dict[str, Any]:
    """What a host with these pods tells."""
    verdict = {
        "kind": "signed",
        "text": "signed by abcd",
        "signatures": [{"key": "abcd"}],
        "options": [],
        "scope": "",
    }
    usage = {
        "name": "uuid",
        "cpu_percent": 1.5,
        "memory": 1024,
        "memory_limit": None,
        "apps": [{"memory_limit": 2048}],
    }
    return {
        "agent": {"podwright": "0.1.0"}, "host": {"kernel": "6.1", "time": "2026-11-21T00:00:00Z", "load": [1, 1, 1]},
        "pods": list(pods), "images": [{"id": IMAGE, "digest": IMAGE, "verdict": verdict}], "usage": [usage],
        "checks": [{"name": "seccomp", "status": "ok"}], "problems": [],
    }  # fmt: skip
