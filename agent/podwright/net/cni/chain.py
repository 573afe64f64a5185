# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The executables of one network's chain: ADD in order, DEL in reverse with what ADD used.

What is about to be done is told to the caller before it is done (`save`), so that whatever kills
us, the record names at least what has begun.
"""

from __future__ import annotations

import os

from podwright.errors import NetworkError, UsageError
from podwright.net.cni import protocol, result, run
from podwright.net.cni.find import fault
from podwright.net.cni.protocol import UNREAD, Call, PluginError, at_least
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional


@value
class Made:
    """What executables have made of one network of a pod.

    version  the network's cniVersion
    calls    those whose ADD has begun, in order
    whole    ADD of the last one has ended: nothing of it runs any more
    result   what the last one that succeeded answered, or that of what we made ourselves
    check    CHECK may be asked for
    collect  GC may be asked for
    refused  code with which the last one did not even take its ADD, or 0
    """

    version: str
    calls: tuple[Call, ...] = ()
    whole: bool = True
    result: Optional[dict[str, Any]] = None
    check: bool = True
    collect: bool = True
    refused: int = 0


def ready(calls: tuple[Call, ...], version: str) -> None:
    """Ask each executable whether it could work (STATUS, 1.1.0). Raises NetworkError."""
    if at_least(version, "1.1.0"):
        for call in calls:
            _execute(call, "STATUS", None)


def add(made: Made, call: Call, save: Callable[[Made], None]) -> Made:
    """ADD of one more executable. Raises NetworkError; then `save` was last told what to undo."""
    made = replace(made, calls=(*made.calls, call), whole=False)
    save(made)
    try:
        done = _execute(call, "ADD", made.result)
    except PluginError as err:
        if err.code in UNREAD:
            save(replace(made, refused=err.code))
        raise
    try:
        answer = result.read(done.stdout, made.version, call.netns)
    except UsageError as err:
        said = f"{err.message}: {safe(done.stdout, 200)!r}" if done.stdout else err.message
        raise protocol.failed(
            call, "ADD", said, "see the plugin's documentation, and its cniVersion"
        ) from None
    made = replace(made, whole=True, result=answer)
    save(made)
    return made


def check(made: Made) -> None:
    """CHECK by every executable, in order. Raises NetworkError for the first that objects.

    Before 0.4.0 there is no such thing; nor is there when the configuration says so.
    """
    if made.check and at_least(made.version, "0.4.0"):
        for call in made.calls:
            _execute(call, "CHECK", made.result)


def remove(made: Made, netns: str, save: Callable[[Made], None]) -> tuple[NetworkError, ...]:
    """DEL by every executable whose ADD has begun, in reverse; idempotent.

    netns  "" when the pod's namespace is gone: then something stands in for it (`standin.py`)
    Each that has succeeded is saved as gone. One that fails does not keep the others from their
    work, and stays; returns what they said. One that refuses its DEL as it has refused its ADD,
    because of what it is told, has made nothing.
    """
    if not made.whole:
        run.end_strays(f"{protocol.CONTAINER}={made.calls[-1].uuid}")
    if netns or not made.calls:
        return _remove(made, (netns,), save)
    from podwright.net.cni.standin import StandIn

    with StandIn(made.result, made.calls[0].ifname) as found:
        return _remove(made, (found.path, "") if found.path else ("",), save)


def _remove(
    made: Made, paths: tuple[str, ...], save: Callable[[Made], None]
) -> tuple[NetworkError, ...]:
    """DEL in reverse, with the first of `paths` to the namespace that it succeeds with."""
    previous = made.result if at_least(made.version, "0.4.0") else None
    problems = []
    for call in reversed(made.calls):
        error = _delete(call, paths, previous)
        last = call == made.calls[-1]
        if error is not None and not (last and made.refused and error.code == made.refused):
            problems.append(error)
            continue
        left = tuple(one for one in made.calls if one != call)
        made = replace(made, calls=left, whole=True, refused=0)
        save(made)
    return tuple(problems)


def _delete(
    call: Call, paths: tuple[str, ...], previous: Optional[dict[str, Any]]
) -> Optional[PluginError]:
    """The error of the last try, or None."""
    error: Optional[PluginError] = None
    for path in paths:
        try:
            _execute(replace(call, netns=_same(call.netns, path)), "DEL", previous)
            return None
        except PluginError as err:
            error = err
            if err.code == protocol.ENDED_BY_US:
                break  # it would take as long again
    return error


def _same(before: str, netns: str) -> str:
    """The path that ADD used, as long as it leads to the namespace that `netns` leads to."""
    try:
        return before if os.path.samestat(os.stat(before), os.stat(netns)) else netns
    except OSError:
        return netns


def collect(call: Call, valid: tuple[tuple[str, str], ...]) -> None:
    """GC (1.1.0): everything of the network but `valid`, (UUID, link) each, can go."""
    attachments = [{"containerID": uuid, "ifname": ifname} for uuid, ifname in valid]
    config = {**call.config, "cni.dev/valid-attachments": attachments}
    _execute(replace(call, config=config), "GC", None)


def _execute(call: Call, command: str, previous: Optional[dict[str, Any]]) -> run.Done:
    """Call the executable, when it is still safe to. Raises NetworkError when it fails."""
    why = fault(call.path)
    if why:
        hint = f"install {call.kind} again, owned by root and writable by nobody else"
        raise protocol.failed(call, command, f"{call.path} is not run: {why}", hint)
    done = run.run(call.path, call.environment(command), call.stdin(previous), call.timeout)
    if done.problem:
        said = f", saying {protocol.shown(done.stderr)!r}" if done.stderr else ""
        raise protocol.failed(
            call,
            command,
            f"{call.path} {done.problem}{said}",
            "see what the plugin waits for",
            protocol.ENDED_BY_US,
        )
    if done.status:
        raise protocol.failure(call, command, done.status, done.stdout, done.stderr)
    return done
