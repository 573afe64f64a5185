# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say how an app lives with the others of its pod."""

from __future__ import annotations

from podwright.cli import durations
from podwright.errors import UsageError
from podwright.model.life import PROBES, Life, parse_dependency, parse_signal
from podwright.stage1.contract import Ready
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.cli.options import Arguments
    from podwright.model.probe import Probe
    from podwright.model.streams import Streams

STREAMS = ("stdin", "stdout", "stderr", "log-path", "log-format")


def parse(own: Arguments) -> Life:
    """The life that an app's options ask for."""
    signal = own.text("stop-signal")
    return Life(
        tuple(parse_dependency(text, "--depends-on") for text in own.texts("depends-on")),
        own.text("restart", "no"),
        _ready(own),
        parse_signal(signal, "--stop-signal") if signal else "",
        _seconds(own, "stop-timeout"),
        _seconds(own, "hook-timeout"),
        notify=own.true("notify") if own.given("notify") else None,
        watchdog=_seconds(own, "watchdog"),
        streams=_streams(own),
        **_probes(own),
    )


def _probes(own: Arguments) -> dict[str, Probe]:
    given = [role for role in PROBES if own.given(role)]
    if not given:
        return {}
    from podwright.cli import probes

    if own.given("readiness") and (own.given("ready-tcp") or own.given("ready-exec")):
        raise UsageError(
            "--readiness and --ready-tcp or --ready-exec exclude each other",
            "--readiness goes on asking as long as the app runs",
        )
    return {role: probes.parse(own.text(role), role) for role in given}


def _streams(own: Arguments) -> Optional[Streams]:
    if not any(own.given(name) for name in STREAMS):
        return None
    from podwright.model.streams import INTERACTIVE, NULL, PLAIN, Streams, check

    if own.given("log-path") != own.given("log-format"):
        raise UsageError(
            "--log-format and --log-path belong together",
            "write --log-format=kubernetes --log-path=/var/log/pods/...",
        )
    stdin = own.text("stdin", NULL)
    found = Streams(
        NULL if stdin == INTERACTIVE else stdin,
        own.text("stdout", "log"),
        own.text("stderr", "log"),
        own.text("log-path"),
    )
    check(found, "--stdin, --stdout, --stderr, --log-path")
    return None if found == PLAIN else found


def _ready(own: Arguments) -> Optional[Ready]:
    port, command = own.text("ready-tcp"), own.text("ready-exec")
    timeout = _seconds(own, "ready-timeout")
    if bool(port) == bool(command):
        if port:
            raise UsageError("--ready-tcp and --ready-exec cannot be combined")
        if timeout is None:
            return None
        if not own.given("readiness") and not own.given("startup"):
            raise UsageError(
                "--ready-timeout needs a rule",
                "give --ready-tcp, --ready-exec or --readiness with it",
            )
        return Ready(timeout=timeout)
    plain = Ready(tcp=_port(port) if port else None, exec=tuple(command.split()))
    return plain if timeout is None else Ready(plain.tcp, plain.exec, timeout=timeout)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:6]) < 65536:
        raise UsageError(f"--ready-tcp: {safe(text, 40)!r} is not a port")
    return int(text)


def _seconds(own: Arguments, name: str) -> Optional[float]:
    if not own.given(name):
        return None
    found = durations.seconds(own.text(name), f"--{name}")
    if found > 86400:
        raise UsageError(f"--{name}: {safe(own.text(name), 40)} is longer than a day")
    return found
