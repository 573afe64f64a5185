# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright status`: key=value lines, or JSON; can wait for the end or for readiness."""

from __future__ import annotations

import time

from podwright.cli import absent, addresses, durations, which
from podwright.cli.context import Context, answer, say
from podwright.errors import NotReadyError, PodwrightError
from podwright.stage0 import pods, report
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from podwright.cli.options import Arguments

POLL = 0.1
ENDED = ("exited", "exited garbage", "exited deleting", "aborted prepare", "garbage", "deleting")


def run(context: Context, args: Arguments) -> int:
    """Print the status; a wait that times out is an error and prints nothing."""
    text = which.one(args, "status")
    if absent.is_absent(context.layout, text):
        return _absent(context, args, text)
    pod = pods.find(context.layout, text)
    shown = pod.shown

    def look() -> dict[str, Any]:
        return report.report(pods.get(context.layout, pod.uuid) or pods.find(context.layout, text))

    seen = look()
    if args.given("wait"):
        seen = _wait(
            look, lambda s: s["state"] in ENDED, args.text("wait"), f"{shown} has not ended"
        )
    elif args.given("wait-ready"):
        seen = _wait(
            look,
            lambda s: s["ready"] or s["state"] in ENDED,
            args.text("wait-ready"),
            f"{shown} is not ready",
        )
        if not seen["ready"] and args.text("wait-ready") != "false":
            raise NotReadyError(
                f"pod {pod.shown} ended before it was ready",
                f"see what its apps wrote: podwright logs {pod.shown}",
                object=pod.uuid,
            )
    seen = _with_history(context, seen)
    if not answer(args, seen):
        say("\n".join(safe(line, 1000) for line in _lines(seen)))
    return 0


def _with_history(context: Context, seen: dict[str, Any]) -> dict[str, Any]:
    """The pod that has a name now with the revisions of the name."""
    name = seen["pod_name"]
    if context.layout.rkt or not name or pods.instance(context.layout, name) != seen["name"]:
        return seen
    from podwright.reconcile import history

    try:
        return {**seen, "history": history.of(context.layout, name)}
    except (PodwrightError, OSError):
        return seen  # who may see pods may not see what they are made of


def _absent(context: Context, args: Arguments, name: str) -> int:
    """A named pod without an instance: it has ended, and nothing of it is left to wait for."""
    if args.given("wait-ready") and args.text("wait-ready") != "false":
        raise NotReadyError(
            f"pod {name} is stopped", f"start it: podwright start {name}", object=name
        )
    if not answer(args, absent.report(context.layout, name)):
        say(f"name={name}\nstate={absent.STATE}")
    return 0


def _wait(
    look: Callable[[], dict[str, Any]],
    done: Callable[[dict[str, Any]], bool],
    text: str,
    problem: str,
) -> dict[str, Any]:
    limit = None if text in ("true", "false", "") else durations.seconds(text, "the time to wait")
    deadline = None if limit is None else time.monotonic() + limit
    while True:
        seen = look()
        if text == "false" or done(seen):
            return seen
        if deadline is not None and time.monotonic() >= deadline:
            raise NotReadyError(
                f"pod {problem} after {text}",
                "podwright logs shows what its apps wrote",
                object=seen["name"],
                reason="timeout",
            )
        time.sleep(POLL)


def _rule(one: dict[str, Any]) -> str:
    """A rule of the pod as `--allow` takes it."""
    way = "from" if "from" in one else "to"
    ports = f",ports={','.join(one['ports'])}" if one.get("ports") else ""
    return f"{way}={one[way]}{ports}"


def _machine(machine: dict[str, Any]) -> list[str]:
    """What is known of a pod's virtual machine."""
    said = {
        "machine": " ".join(machine[name] for name in ("kind", "runner") if name in machine),
        "accelerator": machine.get("accelerator", ""),
        "vcpus": machine.get("cpus", ""),
        "guest-memory": f"{machine['memory']}Mi" if "memory" in machine else "",
        "guest-kernel": machine.get("kernel", ""),
        "boot-overhead": f"{machine['boot']:.2f}s{_steps(machine)}" if "boot" in machine else "",
    }
    return [f"{name}={safe(text, 100)}" for name, text in said.items() if text]


def _steps(machine: dict[str, Any]) -> str:
    """Where that time went."""
    steps = dict(machine.get("steps", {}))
    app = steps.pop("app", None)
    texts = [", ".join(f"{name} {spent:.2f}s" for name, spent in steps.items())]
    texts += [f"apps began after {app:.2f}s"] if app is not None else []
    told = "; ".join(text for text in texts if text)
    return f" ({told})" if told else ""


def _image(app: dict[str, Any]) -> list[str]:
    """What an app is of."""
    name, version, known = app["image_name"], app["image_version"], app["image_id"]
    shown = name if not version or name.endswith(f":{version}") else f"{name}:{version}"
    return [f"app-{app['name']}.image={shown} ({known:.19})"] if known else []


def _lines(seen: dict[str, Any]) -> list[str]:
    running = seen["state"] == "running"
    lines = [f"state={seen['state']}", f"uuid={seen['name']}", f"created={seen['created_at']}"]
    if seen["pod_name"]:
        lines.insert(0, f"name={seen['pod_name']}")
    lines += [f"revision={one['revision']}" for one in seen.get("history", ()) if one["current"]]
    lines += [f"{name}={seen[name]}" for name in ("stage1", "net") if seen[name]]
    if seen["stage1_image"]:
        lines.append("stage1-image={name} ({id:.19})".format(**seen["stage1_image"]))
    if seen["machine"]:
        lines += _machine(seen["machine"])
    if seen["started_at"]:
        lines.append(f"started={seen['started_at']}")
    if running:
        lines.append(f"networks={addresses.networks(seen['networks'], every=True)}")
        lines += [f"port={text}" for text in addresses.ports(seen["networks"])]
        lines.append(f"pid={seen['pid'] or ''}")
        lines.append(f"ready={'true' if seen['ready'] else 'false'}")
        if seen["metadata"]:
            lines.append("metadata=registered")
    lines += [f"allow={_rule(one)}" for one in seen["allow"]]
    if running or seen["state"].startswith("exited"):
        lines.append(f"exited={'false' if running else 'true'}")
    if seen["finished_at"]:
        lines.append(f"finished={seen['finished_at']}")
        lines.append(f"reason={seen['exit_reason']}")
    elif seen["exit_reason"] == "unknown":
        lines += ["finished=unknown", "reason=unknown"]
    if seen["exit_error"]:
        lines.append(f"error={seen['exit_error']}")
    for number, life in enumerate(seen["lives"], 1):
        told = (life[name] for name in ("started_at", "finished_at", "exit_status"))
        texts = ("unknown" if one is None else str(one) for one in told)
        lines.append("life-{}=started {}, finished {}, status {}".format(number, *texts))
    label = seen["selinux"]
    lines.append(f"selinux={label.get('process') or 'off (' + label.get('off', '') + ')'}")
    if seen["started_at"]:
        users = seen["private_users"]
        lines.append(
            f"private-users={users['first']}:{users['count']}" if users else "private-users=off"
        )
    if seen.get("profile"):
        lines.append(f"profile={seen['profile']}")
    if seen["insecure"]:
        lines.append(f"insecure={','.join(seen['insecure'])}")
    lines += [f"report={text}" for text in seen["reports"]]
    for app in seen["apps"]:
        lines += _image(app)
        if running:
            lines.append(f"app-{app['name']}.state={app['state']}")
        if app["told"]:
            lines.append(f"app-{app['name']}.told={app['told']}")
        if running and app["probes"]:
            lines.append(f"app-{app['name']}.ready={'true' if app['ready'] else 'false'}")
        for what in ("failure", "unhealthy"):
            failed = app[f"last_{what}"]
            if failed:
                text = f"{failed['at']} {failed['probe']}: {failed['text']}"
                lines.append(f"app-{app['name']}.last-{what}={text}")
        if app["exit_code"] is not None:
            lines.append(f"app-{app['name']}={app['exit_code']}")
        if app["exit_reason"]:
            lines.append(f"app-{app['name']}.reason={app['exit_reason']}")
        if app["restarts"]:
            lines.append(f"app-{app['name']}.restarts={app['restarts']}")
    return lines
