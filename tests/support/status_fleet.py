# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet on paper, of any size: what podwright.fleet.status_info would return on its hosts, always the same.

python -m tests.support.status_fleet 500 20 OUT.html    # the report about it
"""

from __future__ import annotations

import hashlib
import random
import sys
from pathlib import Path
from typing import Any

NOW = 1_795_500_000.0
"""The moment of the report: 2026-11-24."""

NAMES = (
    *("api", "web", "redis", "postgres", "worker", "metrics", "gateway", "search", "mail", "cron"),
    *(
        "auth",
        "billing",
        "cache",
        "queue",
        "ingest",
        "media",
        "proxy",
        "reports",
        "sessions",
        "vault",
    ),
)
KEY = "9f06d8154e387462f1df075121cc605174dbfac9"
CHECKS = ("kernel", "user-namespaces", "overlay", "cgroups", "seccomp", "nftables", "landlock")


def answers(hosts: int, pods: int, seed: int = 1) -> dict[str, Any]:
    """By host what it has told; about one pod in thirty has something wrong, and one host in fifty."""
    chance = random.Random(seed)
    return {
        f"{place}-{at:03}.shop.example": _host(chance, at, pods)
        for at, place in ((at, ("ber", "fra", "ams")[at % 3]) for at in range(hosts))
    }


def _host(chance: random.Random, at: int, pods: int) -> dict[str, Any]:
    if at % 50 == 7:
        said = "Failed to connect to the host via ssh: ssh: connect to host 10.0.3.7 port 22: No route to host"
        return {"unreachable": True, "msg": said}
    if at % 97 == 23:
        hint = (
            "apply the role podwright.fleet.agent to it, or say where the agent is with agent_path"
        )
        said = f"there is no podwright agent at /usr/bin/podwright on this host; {hint}"
        return {"failed": True, "msg": said, "reason": "no-agent", "stage": "host", "hint": hint}
    names = [f"{NAMES[n % len(NAMES)]}{n // len(NAMES) or ''}" for n in range(pods)]
    chosen = [name for name in names if chance.random() < 0.85]
    found = [_pod(chance, at, name) for name in chosen]
    memory = 16 * 2**30
    limited = {"name": "kvm", "status": "missing", "detail": "no /dev/kvm", "hint": ""}
    return {
        "agent": {"podwright": "0.1.0"},
        "host": {
            "kernel": "6.1.0-40-amd64" if at % 9 else "6.1.0-37-amd64", "arch": "x86_64",
            "os": "Debian GNU/Linux 12 (bookworm)", "cpus": 8, "memory_total": memory,
            "memory_available": int(memory * chance.uniform(0.05, 0.8)),
            "load": [chance.uniform(0.1, 7), 1.0, 1.0], "uptime": chance.randrange(4000, 9_000_000),
            "selinux": "off", "time": "2026-11-24T12:40:00Z",
        },
        "pods": [pod for pod, _, _ in found],
        "images": [image for _, image, _ in found],
        "usage": [use for _, _, use in found if use],
        "checks": [*({"name": name, "status": "ok"} for name in CHECKS), limited],
        "problems": [],
    }  # fmt: skip


def _pod(chance: random.Random, at: int, name: str) -> tuple[dict[str, Any], ...]:
    luck = chance.random()
    version = "2.3.9" if luck < 0.02 else f"2.4.{len(name) % 4}"
    uuid = hashlib.md5(f"{at}{name}".encode(), usedforsecurity=False).hexdigest()
    uuid = f"{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:20]}-{uuid[20:]}"
    image_id = f"sha512-{hashlib.sha256(f'{name}{version}'.encode()).hexdigest()}"
    ready = not 0.02 <= luck < 0.03
    ended = 0.03 <= luck < 0.04
    restarts = chance.randrange(3, 40) if 0.04 <= luck < 0.05 else 0
    kind = (
        "insecure"
        if name == "mail" and at % 20 == 0
        else "accepted"
        if name == "cron" and at % 15 == 0
        else "signed"
    )
    lifted = ["image"] if kind == "insecure" else []
    began = f"2026-11-{chance.randrange(1, 24):02}T0{chance.randrange(10)}:12:00.000Z"
    probe = {"probe": "readiness", "what": "http://127.0.0.1:8080/healthz answered 503"}
    pod = {
        "name": uuid, "pod_name": name, "state": "exited" if ended else "running", "ready": ready and not ended,
        "stage1": "kvm" if name == "vault" else "namespaces", "insecure": lifted, "net": "default",
        "private_users": {"first": 368115712, "count": 65536}, "selinux": {"off": "not enabled on this host"},
        "exit_status": 137 if ended else None, "exit_reason": "out of memory" if ended else None,
        "created_at": began, "started_at": began,
        "networks": [{"netName": "default", "ifName": "eth0", "ip": "172.16.28.7"}],
        "apps": [{"name": name, "image_name": f"shop.example/{name}", "image_version": version, "image_id": image_id,
                  "state": "exited" if ended else "running", "ready": ready, "restarts": restarts,
                  "last_failure": None if ready else probe}],
        "history": [{"revision": 4, "current": True, "outcome": "ready", "by": "apply", "why": "",
                     "images": [{"app": name, "id": image_id, "image": f"shop.example/{name}:{version}"}]}],
        "ports": [{"name": "http", "host_port": 8080, "host_ip": "", "count": 1}] if name == "web" else [],
    }  # fmt: skip
    verdict = {
        "kind": kind, "options": lifted, "scope": "", "text": f"signed by {KEY}" if kind == "signed" else kind,
        "signatures": [{"key": KEY, "expires": "", "kind": "openpgp"}] if kind == "signed" else [],
    }  # fmt: skip
    image = {
        "id": image_id,
        "name": f"shop.example/{name}:{version}",
        "digest": image_id,
        "verdict": verdict,
    }
    use = {"name": uuid, "cpu_percent": round(chance.expovariate(0.3), 1), "memory_limit": 512 * 2**20,
           "memory": int(chance.uniform(0.02, 1) * 512 * 2**20)}  # fmt: skip
    return pod, image, {} if ended else use


if __name__ == "__main__":
    from ansible_collections.podwright.fleet.plugins.plugin_utils import status_page, status_report

    fleet = answers(int(sys.argv[1]), int(sys.argv[2]))
    told = [status_report.Told(name, answer) for name, answer in fleet.items()]
    Path(sys.argv[3]).write_text(status_page.page(status_report.report(told, NOW, "The shop")))
