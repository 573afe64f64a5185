# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright attach`: take part in the input and output of an app (B11)."""

from __future__ import annotations

import os

from podwright.cli import which
from podwright.cli.context import Context, note, print_json
from podwright.cli.enter import check_running
from podwright.cli.options import Arguments
from podwright.errors import LaunchError, UsageError
from podwright.model import life
from podwright.model.streams import PLAIN
from podwright.stage0 import appnames, pods, start
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MODES = ("stdin", "stdout", "stderr", "tty-in", "tty-out")
TTY = ("tty-in", "tty-out")


def run(context: Context, args: Arguments) -> int:
    """Stay attached; returns the app's status, or 0 when the user goes away before."""
    context.need_root("attach")
    pod = pods.find(context.layout, which.one(args, "attach"))
    check_running(pod)
    if os.path.lexists(f"{pod.path}/stage1/programs"):
        return _by_stage1(pod, args)
    offered = {
        app.name: (life.parse(app.annotations, app.name).streams or PLAIN).attachable()
        for app in start.read_manifest(pod.path).apps
    }
    app = _app(pod, offered, args.text("app"))
    mode = args.text("mode", "auto")
    if mode == "list":
        print_json(_targets(pod, offered[app]))
        return 0
    names = chosen(mode, app, offered[app])
    from podwright.stage1.namespaces.attach import Request, Session

    typed = args.text("detach-keys", "ctrl-p,ctrl-q")
    hint = f"attached to app {app}; {safe(typed)} leaves it" if typed else ""
    request = Request(pod.uuid, app, names, keys(typed), hint)
    return Session(request, note).run(pod.path)


def _by_stage1(pod: pods.Pod, args: Arguments) -> int:
    """As the stage1 image does it that runs the pod."""
    from podwright.stage1.external import contract, points

    names: dict[str, tuple[str, ...]] = {app.name: () for app in start.read_manifest(pod.path).apps}
    app = _app(pod, names, args.text("app"))
    mode = args.text("mode", "auto")
    action = {"auto": contract.AUTO, "list": contract.LIST}.get(mode, contract.CUSTOM)
    streams = chosen(mode, app, MODES) if action == contract.CUSTOM else ()
    return points.attach(pod.path, app, action, frozenset(streams))


def _app(pod: pods.Pod, offered: dict[str, tuple[str, ...]], wanted: str) -> str:
    """The app that is meant; the only one that can be attached to goes without saying."""
    if wanted:
        if wanted not in offered:
            raise appnames.unknown(pod.shown, wanted, offered)
        return wanted
    able = [name for name, names in offered.items() if names] or list(offered)
    if len(able) != 1:
        raise appnames.unclear(pod.shown, able, " to attach to")
    return able[0]


def _targets(pod: pods.Pod, names: tuple[str, ...]) -> dict[str, Any]:
    """What there is to attach to, in the form that rkt's has."""
    address = f"{pod.path}/control"
    return {
        "version": 1,
        "targets": [{"name": name, "domain": "unix", "address": address} for name in names],
    }


def chosen(mode: str, app: str, offered: tuple[str, ...]) -> tuple[str, ...]:
    """What a mode means for an app that offers these. Raises LaunchError, UsageError."""
    if not offered:
        raise LaunchError(
            f"app {app} has nothing to attach to",
            "start it with --stdin, --stdout or --stderr set to stream or tty",
            object=app,
        )
    if mode == "auto":
        return offered
    wanted = list(TTY) if mode == "tty" else mode.split(",")
    unknown = [name for name in wanted if name not in MODES]
    if unknown or len(set(wanted)) != len(wanted):
        raise UsageError(
            f"--mode: {safe(mode, 60)!r} is not a mode",
            f"write list, auto, tty, or some of {','.join(MODES)}",
        )
    lacks = [name for name in wanted if name not in offered and not (mode == "tty" and offered)]
    found = tuple(name for name in wanted if name in offered)
    if lacks or not found:
        raise LaunchError(
            f"app {app} has no {(lacks or wanted)[0]} to attach to",
            f"it has {', '.join(offered)}",
            object=app,
        )
    return found


def keys(text: str) -> bytes:
    """The bytes of keys such as `ctrl-p,ctrl-q`, or `~,.`; "" = none."""
    out = b""
    for word in text.split(",") if text else ():
        name = word.lower()
        if len(word) == 1 and " " < word < "\x7f":
            out += word.encode()
        elif len(name) == 6 and name.startswith("ctrl-") and "@" <= name[5].upper() <= "_":
            out += bytes((ord(name[5].upper()) & 0x1F,))
        else:
            raise UsageError(
                f"--detach-keys: {safe(word, 40)!r} is not a key", "write keys like ctrl-p,ctrl-q"
            )
    return out
