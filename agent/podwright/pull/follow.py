# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One pull: fetch, verify, remember, apply, tell. What is applied goes the way of every `apply`.

Nothing changes on the host before the bundle is verified and remembered; then `reconcile.apply` brings it about. A
bundle that was followed and has not changed costs one request (and nothing of the bundle is read).
"""

from __future__ import annotations

import os
import time

from podwright import __version__, jsonio
from podwright.errors import FetchError, PodwrightError, UsageError
from podwright.host import clock
from podwright.host.lock import HostLock
from podwright.pull import judge, keep, source
from podwright.reconcile.answer import without_diff
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.fleetstate import FleetState
    from podwright.model.spec import DesiredState
    from podwright.pull.desired import Wanted
    from podwright.pull.keep import Memory, Serial
    from podwright.pull.settings import Settings

FIRST_PAUSE, LONGEST_PAUSE = 300.0, 6 * 3600.0
"""Seconds until a bundle that could not be applied is tried again: twice as long each time."""
KINDS = ("keys", "policy", "networks", "images", "pods")
ENDS = ("unchanged", "applied", "waiting", "failed", "refused")


@value
class Call:
    """How to pull this once.

    check, diff  as with `apply`
    again     also what could not be applied a moment ago
    insecure  words of A12
    timeout   seconds in which the bundle must have come
    apply     takes apply's lock, asks for the desired state, brings it about, and says that it has when it
              went well, before it lets the lock go; returns apply's answer
    """

    check: bool
    diff: bool
    again: bool
    insecure: frozenset[str]
    apply: Callable[[Callable[[], DesiredState], Callable[[], None]], dict[str, Any]]
    timeout: float = 120.0
    lock_timeout: float = 60.0


def pull(layout: Layout, settings: Settings, call: Call) -> dict[str, Any]:
    """Pull once; the result, which also stands on disk then, but for check mode. Never raises for a refusal."""
    memory = keep.Memory(layout, settings.fleet)
    if call.check:
        return _told(layout, memory, settings, call)
    path = f"{layout.locks}/pull-{os.path.basename(memory.path)}"
    with HostLock(path, f"pull of fleet {settings.fleet}", call.lock_timeout):
        memory.prepare()
        result = _told(layout, memory, settings, call)
        memory.tell(kept(result))
    return result


def kept(result: dict[str, Any]) -> dict[str, Any]:
    """What the host keeps of a result, and others are told: not the differences, with all that pods are told."""
    out = {name: one for name, one in result.items() if name not in ("diff", "check")}
    for kind in KINDS:
        out[kind] = without_diff(result[kind])
    return out


def _told(layout: Layout, memory: Memory, settings: Settings, call: Call) -> dict[str, Any]:
    """The result of one pull, with what is still true of the results before it."""
    before = memory.result()
    run = _Run(layout, memory, settings, call, before)
    try:
        run.go()
    except PodwrightError as err:
        run.refused(err)
    except OSError as err:
        run.refused(_disk_error(err, settings.fleet))
    return run.result()


def _disk_error(err: OSError, fleet: str) -> PodwrightError:
    return PodwrightError(
        f"fleet {fleet}: {err.strerror}: {err.filename or 'writing'}",
        "see to the host's disk; the next pull goes on",
        object=fleet,
    )


class _Run:
    """One pull on its way; it fills the result."""

    def __init__(
        self,
        layout: Layout,
        memory: Memory,
        settings: Settings,
        call: Call,
        before: dict[str, Any],
    ) -> None:
        self.layout, self.memory = layout, memory
        self.settings, self.call, self.before = settings, call, before
        self.now = time.time()
        self.state = "failed"
        self.known: Optional[Serial] = None
        self.answer: dict[str, Any] = {}
        self.error: Optional[dict[str, Any]] = None
        self.followed: Any = before.get("followed")
        self.failed: Any = _failure(before.get("failed"))
        self.until = ""

    def go(self) -> None:
        """Pull. Raises PodwrightError, OSError."""
        self.known = self.memory.serial()
        bundle = self._fetch()
        if bundle is None:
            assert self.known is not None
            known = self.known
            judge.least(known.serial, self.memory.fleet, self.settings)
            judge.fresh(known.expires, self.memory.fleet, known.serial, max(self.now, known.at))
            if self._settled(known.digest):
                self.state = "unchanged"
                return
            kept = self.memory.bundle(known)
            if kept is None:  # lost from the disk: as if we had never had it, but for its serial
                bundle = self._fetch(anew=True)
                assert bundle is not None
            else:
                bundle = source.Bundle(*kept, known.etag)
        state, digest = self._judged(bundle)
        self._remember(bundle, state, digest)
        if self._settled(digest):
            self.state = "unchanged"
        elif not self._waits(state):
            self._follow(state, digest)

    def _fetch(self, *, anew: bool = False) -> Optional[source.Bundle]:
        """What the place has; None when it still has what we know."""
        known, url = self.known, self.settings.url
        etag = known.etag if known is not None and known.url == url and not anew else ""
        with source.connect(self.layout, self.call.insecure) as client:
            return source.fetch(self.layout, client, url, etag, self.call.timeout)

    def _judged(self, bundle: source.Bundle) -> tuple[FleetState, str]:
        """The bundle and its digest, if it may be followed."""
        from podwright.model import fleetstate
        from podwright.pull import desired
        from podwright.stage0.trustring import sha256

        fleet = self.memory.fleet
        judge.signed(self.layout, fleet, bundle.data, bundle.signature)
        state = fleetstate.parse(bundle.data, f"bundle of fleet {fleet}")
        digest = sha256(bundle.data)
        judge.acceptable(state, digest, self.settings, self.known, self.now)
        try:
            desired.check(state, self.settings)
        except UsageError as err:
            shown = f"bundle {state.serial} of fleet {fleet}: {err.message}"
            raise UsageError(shown, err.hint, object=err.object, reason=err.reason) from None
        return state, digest

    def _remember(self, bundle: source.Bundle, state: FleetState, digest: str) -> None:
        """From here on, no older bundle is accepted."""
        known = self.known
        # The latest time that was ever believed: a clock that was set back is not believed later on.
        at = self.now if known is None else max(self.now, known.at)
        new = keep.Serial(state.serial, digest, self.settings.url, bundle.etag, state.expires, at)
        self.known = new
        if self.call.check:
            return
        if known is None or known.digest != digest or self.memory.bundle(known) is None:
            self.memory.accept(new, bundle.data, bundle.signature)
        elif (known.url, known.etag) != (new.url, new.etag):
            self.memory.remember(replace(new, at=known.at))

    def _selectors(self) -> dict[str, Any]:
        """What besides the bundle decides what is applied here, as it is kept."""
        host, own = self.settings.selected(), self.settings
        return {
            "host": host.name,
            "groups": list(host.groups),
            "labels": dict(host.labels),
            "allow": list(own.allow),
            "adopt": own.adopt,
        }

    def _settled(self, digest: str) -> bool:
        """Whether this bundle has been applied, and nobody asks to look whether all is still so."""
        done = self.followed
        return (
            isinstance(done, dict)
            and not self.settings.repair
            and not self.call.check
            and (done.get("digest"), done.get("selectors")) == (digest, self._selectors())
        )

    def _waits(self, state: FleetState) -> bool:
        """Whether it is not this host's turn yet."""
        from podwright.model.fleetstate import turn

        after = turn(state, machine())
        if self.now >= after:
            return False
        self.state = "waiting"
        self.until = (
            clock.rfc3339(after) if after != float("inf") else "a bundle with another serial"
        )
        return True

    def _follow(self, state: FleetState, digest: str) -> None:
        self._not_too_soon(digest)
        found: list[Wanted] = []
        self.answer = self.call.apply(
            lambda: self._composed(state, found), lambda: self.memory.own(found[0].after)
        )
        self.error = self.answer.get("error")
        if self.error is not None:
            self._count(digest)
            return
        self.state = "applied" if self.answer["changed"] else "unchanged"
        self.failed = None
        self.followed = {
            "serial": state.serial,
            "digest": digest,
            "selectors": self._selectors(),
            "at": clock.rfc3339(self.now),
        }

    def _composed(self, state: FleetState, found: list[Wanted]) -> DesiredState:
        """What `apply` is to bring about. Under its lock: nobody makes what is not ours in between."""
        from podwright.pull import desired

        wanted = desired.compose(self.layout, state, self.settings, self.memory.owned())
        if not self.call.check:
            self.memory.own(wanted.before)
        found.append(wanted)
        return wanted.state

    def _not_too_soon(self, digest: str) -> None:
        """Raise FetchError for what could not be applied a moment ago: each try may interrupt pods."""
        failed = self.failed
        if self.call.again or self.call.check or not isinstance(failed, dict):
            return
        if failed.get("digest") != digest:
            return
        pause = min(FIRST_PAUSE * 2 ** min(int(failed["count"]) - 1, 20), LONGEST_PAUSE)
        began = _seconds(failed["at"])
        if began <= self.now < began + pause:
            raise FetchError(
                f"bundle of fleet {self.memory.fleet} could not be applied: {failed['message']}",
                f"it is tried again after {clock.rfc3339(began + pause)}, or now with --again",
                object=self.memory.fleet,
                reason="failed-before",
                stage="host",
            )

    def _count(self, digest: str) -> None:
        """Remember a failure of this bundle."""
        assert self.error is not None
        failed = self.failed
        same = isinstance(failed, dict) and failed.get("digest") == digest
        self.failed = {
            "digest": digest,
            "count": failed["count"] + 1 if same else 1,
            "at": clock.rfc3339(self.now),
            "message": self.error["message"],
        }

    def refused(self, err: PodwrightError) -> None:
        """Nothing was applied, for this reason."""
        self.state = "refused" if err.stage in ("verify", "input") else "failed"
        self.error = {
            "message": err.message,
            "hint": err.hint,
            "reason": err.reason,
            "stage": err.stage,
            "object": err.object,
        }

    def result(self) -> dict[str, Any]:
        """The result as it is told."""
        ok = self.error is None
        now = clock.rfc3339(self.now)
        count = self.before.get("failures", 0)
        out: dict[str, Any] = {
            "format": 1,
            "version": __version__,
            "fleet": self.memory.fleet,
            "host": self.settings.selected().name,
            "url": self.settings.url,
            "state": self.state,
            "until": self.until,
            "changed": bool(self.answer.get("changed")),
            "check": self.call.check,
            "serial": self.known.serial if self.known else None,
            "expires": clock.rfc3339(self.known.expires) if self.known else None,
            "followed": self.followed,
            "failed": self.failed,
            "at": now,
            "last_success": now if ok else self.before.get("last_success"),
            "failures": 0 if ok else count + 1 if isinstance(count, int) else 1,
            "failures_total": _number(self.before.get("failures_total")) + (not ok),
            "error": self.error,
            "warnings": self.answer.get("warnings", []),
        }
        for kind in KINDS:
            out[kind] = self.answer.get(kind, [])
        if "diff" in self.answer:
            out["diff"] = self.answer["diff"]
        return out


def _failure(found: Any) -> Optional[dict[str, Any]]:
    """What is remembered of a bundle that could not be applied; None for what is not that."""
    kinds = {"digest": str, "count": int, "at": str, "message": str}
    if not isinstance(found, dict) or any(
        type(found.get(name)) is not kinds[name] for name in kinds
    ):
        return None
    try:
        _seconds(found["at"])
    except UsageError:
        return None
    return found


def _seconds(at: str) -> float:
    """A time as `clock.rfc3339` writes it, without its milliseconds. Raises UsageError."""
    from podwright.model import fleetstate

    return fleetstate.moment(f"{at[:19]}Z", "at")


def _number(found: Any) -> int:
    return found if type(found) is int else 0


def machine() -> str:
    """What stands for this machine as long as its system is not installed anew."""
    try:
        with open("/etc/machine-id", encoding="ascii") as file:
            text = file.read(64).strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    return text or os.uname().nodename


def splay(fleet: str, longest: int) -> float:
    """Seconds that this machine pauses before it asks: always the same, spread evenly over the fleet."""
    from podwright.stage0.trustring import sha256

    if longest <= 0:
        return 0.0
    return longest * int(sha256(f"splay\n{fleet}\n{machine()}".encode())[:8], 16) / 2**32


def send(layout: Layout, url: str, result: dict[str, Any], insecure: frozenset[str]) -> None:
    """Post the result, as it is kept. Raises FetchError, UsageError."""
    with source.connect(layout, insecure & {"tls"}) as client:
        deadline = time.monotonic() + 30.0
        reply = client.open(
            url,
            {"Content-Type": "application/json"},
            deadline=deadline,
            method="POST",
            body=jsonio.dumps({**kept(result), "check": result["check"]}).encode(),
        )
        try:
            if reply.status not in (200, 201, 202, 204):
                raise UsageError(f"{url} answers with status {reply.status}", object=url)
        finally:
            client.done(reply)
