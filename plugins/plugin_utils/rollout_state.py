# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How far a rollout is: one mapping, handed from step to step as a variable. Pure.

name, run, owner, takes_over, check, pods   what is rolled out, and by whom
direction   forth, or back to what ran before the last rollout
accepted    drift that was accepted, in this run or before in the same rollout, see `rollout_plan.Drift.kept`
options     as the role's variables say
hosts       of each host: result, when, reason, message, hint, actions, runs (what it runs, by pod), and
            looked (found in the look), earlier (an unfinished rollout has got it through its gate), held (a run
            that has ended has locked it)
batches     hosts of each batch, the canary first if `canary`; `offset` + its place is a batch's number
at          place of the current batch, -1 before
rollback, confirm, release   hosts to do that with next
lost        hosts that left the play of their batch; of them `late` are still to go back
stop        why it does not go on; "" as long as it does
paused      it ends here, to go on later
everywhere  all hosts go back
over        nothing more is to be done but the end
"""

from __future__ import annotations

from typing import Any

from ansible_collections.podwright.fleet.plugins.plugin_utils import rollout_plan as plan
from ansible_collections.podwright.fleet.plugins.plugin_utils.rollout_events import failure


def new_host() -> dict[str, Any]:
    """A host of which nothing is known."""
    return {
        "result": "",
        "when": "",
        "actions": {},
        "runs": {},
        "reason": "",
        "message": "",
        "hint": "",
        "looked": False,
        "earlier": False,
        "held": False,
    }


def bad(result: Any) -> bool:
    """Whether a task's result is a failure; what was never done is none."""
    return isinstance(result, dict) and bool(result.get("failed") or result.get("unreachable"))


def set_failed(host: dict[str, Any], result: dict[str, Any], when: str) -> None:
    """Note that a host failed."""
    told = failure(result)
    unreachable = bool(result.get("unreachable"))
    host.update(
        result=plan.UNREACHABLE if unreachable else plan.FAILED,
        when=when,
        reason=told["reason"] or "failed",
        message=told["message"],
        hint=told["hint"],
    )


def details(result: Any) -> dict[str, Any]:
    """What the module rollout_host found."""
    found = result.get("podwright") if isinstance(result, dict) else None
    return found if isinstance(found, dict) else {}


def versions(known: dict[str, Any]) -> dict[str, str]:
    """What runs, by pod, for people."""
    return {
        pod: ", ".join(now["images"]) + ("" if now["state"] == "running" else f" ({now['state']})")
        for pod, now in known.items()
    }


def failures(state: dict[str, Any]) -> list[str]:
    """Hosts that failed."""
    return [host for host, known in state["hosts"].items() if known["result"] in plan.BAD]


def lost_hosts(state: dict[str, Any]) -> list[str] | str:
    """Hosts of the play for those that are lost, first a witness that is not; without any, a pattern of none."""
    away = (plan.UNREACHABLE, plan.ROLLBACK_FAILED)
    known = state["hosts"].items()
    inside = [
        host for host, one in known if host not in state["lost"] and one["result"] not in away
    ]
    return [inside[0], *state["lost"]] if state["lost"] and inside else "all:!all"


def label(state: dict[str, Any]) -> str:
    """What the current batch is called."""
    at = state["at"]
    return "canary" if at == 0 and state["canary"] else f"batch {at + state['offset']}"


def context(state: dict[str, Any], phase: str) -> dict[str, Any]:
    """What events and leases say about the rollout."""
    at, is_batch = state["at"], phase == "batch"
    canary = is_batch and at == 0 and state["canary"]
    planned = state["batches"] is not None
    return {
        "rollout": state["name"],
        "run": state["run"],
        "owner": state["owner"],
        "takes_over": state["takes_over"],
        "check": state["check"],
        "direction": state["direction"],
        "pods": state["pods"],
        "phase": "canary" if canary else phase,
        "batch": at + state["offset"] if is_batch else None,
        "batches": len(state["batches"]) - int(state["canary"]) if planned else None,
    }


def outcome(state: dict[str, Any]) -> str:
    """How it has ended: done, paused, refused, rolled-back, failed."""
    if state["refused"]:
        return "refused"
    if failures(state) or state["stop"]:
        return "rolled-back" if state["everywhere"] else "failed"
    return "paused" if state["paused"] else "done"
