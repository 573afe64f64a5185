# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host remembers of rollouts: who is at it (leases), and what the last one left (records).

`<data>/rollouts/state.json`, changed under a lock of that directory, one entry per pod: so two
rollouts exclude each other exactly where they are about the same pod, whatever they are called.

A lease is `rollout, run, owner, since, expires` (seconds since 1970, of this host's clock). A run whose lease
somebody else has taken is fenced: it gets none again, even if it wakes up later. A record is

  rollout, run    who wrote it
  stage           pending (about to be changed), switched, good (has got through its gate), failed,
                  rolled-back
  complete        the rollout came to its end on the whole fleet
  revision, created_at, running   what it left; revision 0 for a pod that is gone
  before          the same three of what was there before, to go back to
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, Optional

FORMAT = 1
FENCED = 20
"""Runs that somebody has taken over from, and that are remembered."""
DATA = "/var/lib/podwright"
BY_HAND = "by hand"
"""The run of whoever calls the module without the role: many in turn, so none of them is fenced."""
PENDING, SWITCHED, GOOD, FAILED, ROLLED_BACK = (
    *("pending", "switched", "good", "failed"),
    "rolled-back",
)
UNSETTLED = (PENDING, SWITCHED, FAILED)
"""Stages of a pod that nobody has found to be well since it was changed."""


class StateError(Exception):
    """The file cannot be used; the text says why and what to do."""


class Claim(NamedTuple):
    """Who wants the pods of a host.

    run         ID of the run
    takes_over  runs that are known to have ended, whose leases count no more
    force       take what others hold
    seconds     how long the lease is good without being renewed
    """

    rollout: str
    run: str
    owner: str
    seconds: int
    takes_over: tuple[str, ...] = ()
    force: bool = False


def holder(
    leases: dict[str, Any], pods: list[str], claim: Claim, now: float
) -> Optional[dict[str, Any]]:
    """The first lease of somebody else on one of these pods that is still good. Pure.

    A clock that was set back makes no lease longer than it was to be.
    """
    for pod in pods:
        lease = leases.get(pod)
        if lease is None or lease["run"] == claim.run or lease["run"] in claim.takes_over:
            continue
        if lease["since"] - 1 <= now < lease["expires"]:
            return {**lease, "pod": pod}
    return None


def shown(moment: float) -> str:
    """A time for people."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def _take(found: dict[str, Any], pod: str, claim: Claim, now: float) -> None:
    """Give a lease, and see that the run that had it does not come back."""
    before = found["leases"].get(pod)
    mine = {
        "rollout": claim.rollout,
        "run": claim.run,
        "owner": claim.owner,
        "since": now,
        "expires": now + claim.seconds,
    }
    if before is not None and before["run"] == claim.run:
        mine["since"] = min(before["since"], now)
    elif before is not None and before["run"] != BY_HAND:
        found["fenced"][before["run"]] = mine
        newest = sorted(found["fenced"], key=lambda run: found["fenced"][run]["since"])
        found["fenced"] = {run: found["fenced"][run] for run in newest[-FENCED:]}
    found["leases"][pod] = mine


class State:
    """The file. Use `changing` for whatever writes."""

    def __init__(self, data_dir: Optional[str]) -> None:
        self.directory = f"{data_dir or DATA}/rollouts"
        self.path = f"{self.directory}/state.json"

    def read(self) -> dict[str, Any]:
        """What is there. Raises StateError when it is not ours to read."""
        empty: dict[str, Any] = {"format": FORMAT, "leases": {}, "pods": {}, "fenced": {}}
        try:
            with open(self.path, encoding="utf-8") as file:
                found = json.load(file)
        except FileNotFoundError:
            return empty
        except (OSError, ValueError) as error:
            raise StateError(
                f"{self.path} cannot be read ({error}); remove it, and the next rollout takes"
                " what runs for what is to be there"
            ) from None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise StateError(
                f"{self.path} was written by another version of this collection; use that one"
            )
        return {**empty, **found}

    @contextlib.contextmanager
    def changing(self) -> Iterator[dict[str, Any]]:
        """What is there, to be changed; written when the block ends without an error."""
        os.makedirs(os.path.dirname(self.directory), mode=0o700, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.directory, mode=0o700)
        with open(f"{self.directory}/lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = self.read()
            yield found
            self._write(found)

    def _write(self, content: dict[str, Any]) -> None:
        with open(f"{self.path}.new", "w", encoding="utf-8") as file:
            json.dump(content, file, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        os.rename(f"{self.path}.new", self.path)

    def claim(self, pods: list[str], claim: Claim) -> Optional[dict[str, Any]]:
        """Take or renew the lease of all these pods; returns who holds one of them, and then takes none."""
        with self.changing() as found:
            now = time.time()
            if claim.run in found["fenced"]:
                return {**found["fenced"][claim.run], "pod": pods[0]}
            other = None if claim.force else holder(found["leases"], pods, claim, now)
            if other is None:
                for pod in pods:
                    _take(found, pod, claim, now)
            return other

    def release(self, claim: Claim) -> None:
        """Give back what this run holds, and what runs hold that are known to have ended."""
        if not os.path.exists(self.path):
            return
        with self.changing() as found:
            leases, over = found["leases"].items(), (claim.run, *claim.takes_over)
            found["leases"] = {pod: lease for pod, lease in leases if lease["run"] not in over}
