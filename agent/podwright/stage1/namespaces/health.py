# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What PID 1 says of the probes of its apps, as it is kept for `status` and told to systemd.

`<pod dir>/health` is a JSON object: app -> {serving (null: it has no say), failure: {probe, text, at} or
null, ended: the same, of the last life that a probe has ended}. Only pods with probes have it.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.host import clock, systemd
from podwright.kernel import fs
from podwright.model.probe import READINESS
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME = "health"
LONGEST = 500
"""Characters of a failure that are kept."""


def read(pod_dir: str) -> dict[str, Any]:
    """What is known of the apps; nothing of most pods."""
    try:
        with open(f"{pod_dir}/{NAME}", "rb") as file:
            raw = jsonio.loads(file.read(), f"{pod_dir}/{NAME}")
    except FileNotFoundError:
        return {}
    return raw if isinstance(raw, dict) else {}


def told(pod_dir: str, fields: list[str]) -> None:
    """Keep what a HEALTH message says: an app's last failure stays until there is another one."""
    app, serving, probe, text, when = fields
    known = read(pod_dir)
    before = known.get(app) or {}
    failure = before.get("failure")
    if text:
        failure = {"probe": probe, "text": safe(text, LONGEST), "at": clock.rfc3339(float(when))}
    ended = failure if text and probe != READINESS else before.get("ended")
    serves = serving == "1" if serving else None
    known[app] = {"serving": serves, "failure": failure, "ended": ended}
    data = jsonio.dumps(known).encode()
    fs.write_atomic(f"{pod_dir}/{NAME}", data, 0o644, durable=False)


def say(pod_dir: str, *, ready: bool) -> None:
    """Tell systemd that the pod is ready again, or who of it is not."""
    uuid = os.path.basename(pod_dir)
    if ready:
        systemd.notify(f"STATUS=pod {uuid} is ready")
        return
    apps = read(pod_dir).items()
    why = [f"app {name}: {_failed(app)}" for name, app in apps if app["serving"] is False]
    systemd.notify(f"STATUS=pod {uuid} is not ready: {'; '.join(why)}")


def _failed(app: dict[str, Any]) -> str:
    failure = app["failure"]
    return f"{failure['probe']}: {failure['text']}" if failure is not None else "it is starting"
