# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest reports of its pod, before it is passed on: a stranger's word. Pure.

Only messages of `link` that a pod's PID 1 may send, with the fields that they have, and about apps that
the pod has. What does not fit is Nonsense, and ends the machine.
"""

from __future__ import annotations

from podwright.stage1.kvm.frames import PROTOCOL, Nonsense
from podwright.stage1.namespaces import link
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 2000
"""Letters of a sentence."""
MOST_REPORTS = 64
"""Sentences about missing protection: each is kept."""
LATEST = 1e11
"""Seconds since the epoch: a time is not beyond the year 5000."""
REASONS = frozenset(
    (
        *("", "exited", "failed", "killed-by-signal", "oom-killed", "stopped-by-pod"),
        *("hook-failed", "never-started", "unhealthy"),
    )
)
OUTCOMES = frozenset(("exited", "failed", "stopped", "not-ready"))
STAGES = frozenset(("launch", "network", "host", "input"))


def check(line: bytes, apps: frozenset[str]) -> list[str]:
    """The fields of a message, its kind first. Raises Nonsense."""
    try:
        kind, *fields = link.decode(line)
    except ValueError:
        raise Nonsense("a report that is no text") from None
    judge = KINDS.get(kind)
    if judge is None:
        raise Nonsense(f"a report of kind {safe(kind, 40)}")
    try:
        return [kind, *judge(fields, apps)]
    except ValueError:
        raise Nonsense(f"a report {kind} that makes no sense") from None


def _need(truth: bool) -> None:
    if not truth:
        raise ValueError


def _nothing(fields: list[str], apps: frozenset[str]) -> list[str]:
    _need(not fields)
    return fields


def _sentence(fields: list[str], apps: frozenset[str]) -> list[str]:
    (text,) = fields
    return [safe(text, LONGEST)]


def _health(fields: list[str], apps: frozenset[str]) -> list[str]:
    name, serves, probe, why, when = fields
    _need(name in apps and serves in ("", "0", "1") and len(probe) <= 40)
    return [name, serves, safe(probe, 40), safe(why, LONGEST), _time(when)]


def _begun(fields: list[str], apps: frozenset[str]) -> list[str]:
    name, when, restarts = fields
    _need(name in apps)
    return [name, _time(when), _count(restarts)]


def _ended(fields: list[str], apps: frozenset[str]) -> list[str]:
    name, status, reason, began, ended, restarts, over = fields
    _need(name in apps and reason in REASONS and over in ("0", "1"))
    known = _status(status) if status else ""
    return [name, known, reason, _time(began), _time(ended), _count(restarts), over]


def _done(fields: list[str], apps: frozenset[str]) -> list[str]:
    status, reason = fields
    _need(reason in OUTCOMES)
    return [_status(status), reason]


def _failed(fields: list[str], apps: frozenset[str]) -> list[str]:
    reason, stage, message, hint = fields
    plain = reason.replace("-", "a")
    _need(plain.isascii() and plain.isalpha() and len(reason) <= 40 and stage in STAGES)
    return [reason, stage, safe(message, LONGEST), safe(hint, LONGEST)]


def _time(text: str) -> str:
    number = float(text)
    _need(0 <= number < LATEST)  # false for what is no number, too
    return str(number)


def _count(text: str) -> str:
    _need(text.isascii() and text.isdigit() and len(text) <= 9)
    return text


def _status(text: str) -> str:
    _need(text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255)
    return text


KINDS: dict[str, Callable[[list[str], frozenset[str]], list[str]]] = {
    link.ISOLATED: _nothing,
    link.ENTERED: _nothing,
    link.READY: _nothing,
    link.UNREADY: _nothing,
    link.HEALTH: _health,
    link.NOTE: _sentence,
    link.REPORT: _sentence,
    link.AGAIN: _sentence,
    link.BEGUN: _begun,
    link.ENDED: _ended,
    link.DONE: _done,
    link.FAILED: _failed,
}


class Pace:
    """How many reports are listened to: some at once, and some each second, more of many apps."""

    def __init__(self, apps: int) -> None:
        self.most = 100.0 + 4 * apps
        self.each_second = 10.0 + apps
        self._left = self.most
        self._at = 0.0

    def count(self, now: float) -> None:
        """One has come; it may be one that is listened to in advance."""
        self._left = self._refilled(now) - 1
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until there is room for another one."""
        return max(0.0, -self._refilled(now) / self.each_second)

    def _refilled(self, now: float) -> float:
        return min(self.most, self._left + (now - self._at) * self.each_second)


def outer(data: bytes) -> bytes:
    """What of a message for the host's service manager is passed on: statuses and signs of life."""
    out = []
    for line in data[:4096].decode("utf-8", "replace").split("\n"):
        name, _, text = line.partition("=")
        if name == "STATUS":
            out.append(f"STATUS={safe(text, 300)}")
        elif line == "WATCHDOG=1":
            out.append(line)
    return "\n".join(out).encode()


@value
class Hello:
    """What a guest says first: seconds of its kernel and of its first process, and its kernel's release."""

    boot: float
    ready: float
    release: str


def hello(said: object) -> Hello:
    """What HELLO says. Raises Nonsense, also for another protocol."""
    if not isinstance(said, dict) or said.get("protocol") != PROTOCOL:
        raise Nonsense("it speaks another protocol")
    return Hello(_seconds(said.get("boot")), _seconds(said.get("ready")), _release(said))


def _seconds(number: object) -> float:
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 <= number < 1e6:
        raise Nonsense("it does not say how long it took to boot")
    return round(float(number), 3)


def _release(said: dict[str, object]) -> str:
    return safe(said.get("release", ""), 64)
