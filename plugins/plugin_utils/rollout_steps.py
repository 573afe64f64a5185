# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The steps of a rollout on the controller: state and results of hosts in, state and events out. Pure.

The state is what `rollout_state` describes. `Results` gives what a task has answered for a host.
"""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.podwright.fleet.plugins.plugin_utils import rollout_plan as plan
from ansible_collections.podwright.fleet.plugins.plugin_utils import rollout_state as states
from ansible_collections.podwright.fleet.plugins.plugin_utils.rollout_events import event

State = dict[str, Any]
Events = list[dict[str, Any]]
Results = Callable[[str, str], Any]
"""(host, name of the result, such as `staged`) → the task's result, None if there is none."""

FORTH, BACK = "forth", "back"
GOING_BACK: dict[str, Any] = {"canary": 0, "max_failures": "100%", "rollback": "none", "pause": []}
"""Options of whoever brings back what was before: each host is tried, and none of them again."""
PAUSES = ("canary", "batch")
ROLLBACKS = ("host", "batch", "all", "none")


LOST: dict[str, Any] = {"unreachable": True, "msg": "it was lost on the way"}
"""In place of an answer that there should be."""
UNREACHED = "hook-unreachable"


class Refused(Exception):
    """It does not start."""

    def __init__(self, message: str, reason: str, hint: str, object_: str = "") -> None:
        super().__init__(f"{message}; {hint}")
        self.told = {
            "message": message,
            "reason": reason,
            "stage": "look",
            "object": object_,
            "hint": hint,
        }


def opened(
    name: str,
    run: str,
    owner: str,
    takes_over: list[str],
    options: dict[str, Any],
    accepted: list[dict[str, Any]] | None = None,
    runs: list[str] | None = None,
) -> State:
    """The state at the very beginning. Raises PlanError for options that cannot be meant.

    runs  earlier runs of this rollout that the journal knows
    """
    direction = options.get("direction") or FORTH
    if direction not in (FORTH, BACK):
        raise plan.PlanError(f"direction: {direction!r} is neither forth nor back")
    options = {**options, **GOING_BACK} if direction == BACK else options
    if options["rollback"] not in ROLLBACKS:
        raise plan.PlanError(f"podwright_rollout_rollback: is not one of {', '.join(ROLLBACKS)}")
    plan.amount(options["max_failures"], 1, "podwright_rollout_max_failures")
    plan.batches(options["batches"], ["a"], 1)
    options = {**options, "pause_for": plan.pause_for(options["pause_for"])}
    if options["lease"] < 1:
        raise plan.PlanError(
            f"podwright_rollout_lease: {options['lease']} locks nothing; write seconds, such as 3600"
        )
    if any(one not in PAUSES for one in options["pause"]):
        raise plan.PlanError(f"podwright_rollout_pause: has something else than {PAUSES}")
    return {
        "name": name,
        "run": run,
        "owner": owner,
        "takes_over": takes_over,
        "options": options,
        "check": options["check"],
        "direction": direction,
        "accepted": accepted or [],
        "runs": runs or [],
        "since": "",
        "pods": [],
        "hosts": {},
        "batches": None,
        "at": -1,
        "canary": False,
        "offset": 1,
        "rollback": [],
        "lost": [],
        "late": [],
        "confirm": [],
        "release": [],
        "stop": "",
        "paused": "",
        "refused": False,
        "everywhere": False,
        "over": False,
    }


def planned(
    state: State, hosts: list[str], results: Results, groups: dict[str, list[str]]
) -> tuple[State, Events]:
    """After all hosts were looked at. Raises Refused, PlanError."""
    options = state["options"]
    looks: dict[str, plan.Look] = {}
    for host in hosts:
        known = state["hosts"].setdefault(host, states.new_host())
        found = _answered(results(host, "looked"))
        if states.bad(found):
            states.set_failed(known, found, "look")
            continue
        told = states.details(found)
        if told.get("lease") and not options["force_unlock"]:
            lease = told["lease"]
            raise Refused(f"{host}: {lease['message']}", "locked", lease["hint"], host)
        looks[host] = plan.Look(told["known"], told["left"], told["actions"], told.get("wants", {}))
        known.update(
            looked=True,
            held=told.get("held", False),
            actions=told["actions"],
            runs=states.versions(told["known"]),
        )
    state["pods"] = sorted({pod for look in looks.values() for pod in look.actions})
    _refuse_failures(state)
    _refuse_drift(state, looks)
    return _scheduled(state, looks, groups)


def _refuse_failures(state: State) -> None:
    failed = states.failures(state)
    allowed = plan.amount(
        state["options"]["max_failures"], len(state["hosts"]), "podwright_rollout_max_failures"
    )
    if len(failed) > allowed:
        first = state["hosts"][failed[0]]
        if first["reason"] in plan.EVERYWHERE and plan.alike(state["hosts"].values()):
            raise Refused(first["message"], first["reason"], first["hint"], "")
        raise Refused(
            f"{len(failed)} of {len(state['hosts'])} hosts cannot take part: {plan.some(failed)}"
            f" ({failed[0]}: {first['message']})",
            first["reason"] if len(failed) == 1 else "hosts-failed",
            f"mend them, leave them out with --limit, or allow for {len(failed)} with"
            " podwright_rollout_max_failures",
            failed[0],
        )


def _refuse_drift(state: State, looks: dict[str, plan.Look]) -> None:
    """Raise Refused for drift that is not accepted; note what is, for those who go on with this rollout."""
    back = state["direction"] == BACK
    drift = [one for host, look in looks.items() for one in plan.drift(host, look, back=back)]
    drift += [] if back else plan.disagreements(looks)
    earlier = state["accepted"]
    new = [one for one in drift if not one.is_in(earlier, looks[one.host].wants)]
    found = plan.accepted(new, state["options"]["accept_drift"])
    if not found:
        state["accepted"] = [*earlier, *(one.kept(looks[one.host].wants) for one in new)]
        return
    told = [one.text if one.kind == "disagree" else f"{one.host}: {one.text}" for one in found[:3]]
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    raise Refused(
        f"hosts have drifted: {'; '.join(told)}{more}",
        "drift",
        "see who has done that (podwright history), or go on with podwright_rollout_accept_drift=true",
        found[0].host,
    )


def _scheduled(
    state: State, looks: dict[str, plan.Look], groups: dict[str, list[str]]
) -> tuple[State, Events]:
    options = state["options"]
    todo = [host for host, look in looks.items() if look.changes or look.unsettled]
    for host, look in looks.items():
        if host not in todo:
            state["hosts"][host].update(result=plan.UNCHANGED, earlier=look.done)
    # Who counts as a canary says so, and did so in a run that is known here.
    done = sum(1 for look in looks.values() if look.done_by(state["runs"]))
    canary: list[str] = []
    if options["single"]:
        batches = [todo] if todo else []
    else:
        canary, batches = plan.split(todo, options["canary"], options["batches"], groups, done)
    state.update(batches=[canary, *batches] if canary else batches, canary=bool(canary))
    state["offset"] = 0 if canary else 1
    for host in todo:
        state["hosts"][host]["result"] = plan.NOT_TRIED
    state["adopt"] = [
        host
        for host, look in looks.items()
        if host not in todo and not look.complete and state["direction"] == FORTH
    ]
    context = states.context(state, "look")
    every = list(state["hosts"])
    return state, [
        event("phase-ended", context, hosts=every),
        event("rollout-started", states.context(state, ""), hosts=every),
        *([event("phase-started", states.context(state, "stage"), hosts=todo)] if todo else []),
    ]


def staged(state: State, results: Results) -> tuple[State, Events]:
    """After images were brought to the hosts."""
    todo = [host for batch in state["batches"] for host in batch]
    failed: list[str] = []
    for host in todo:
        found = _answered(results(host, "staged"))
        if states.bad(found) and not state["check"]:
            states.set_failed(state["hosts"][host], found, "stage")
            # Whoever is locked is told of first: that is why nothing is done.
            locked = found.get("reason") == "locked"
            failed.insert(0 if locked else len(failed), host)
            state["refused"] = state["refused"] or locked
    first = state["batches"][0] if state["canary"] else []
    bad_canaries = [host for host in failed if host in first]
    state["release"] = todo
    _stop_after_stage(state, failed, bad_canaries)
    # A canary that is left without hosts stops it; other batches are only smaller.
    state["batches"] = [
        left for batch in state["batches"] if (left := [one for one in batch if one not in failed])
    ]
    told = [event("phase-ended", states.context(state, "stage"), hosts=todo, message=state["stop"])]
    return state, (told if todo else []) + (_begun(state) if state["batches"] else [])


def _answered(found: Any) -> dict[str, Any]:
    """An answer of a host that was asked; who has not answered was lost."""
    return found if isinstance(found, dict) else LOST


def _stop_after_stage(state: State, failed: list[str], bad_canaries: list[str]) -> None:
    allowed = _allowed(state)
    if state["refused"] or bad_canaries or len(states.failures(state)) > allowed:
        first = state["hosts"][failed[0]] if failed else {"message": "hosts failed"}
        where = failed[0] if failed else "look"
        state["stop"] = f"nothing was switched: {where}: {first['message']}"
        state["over"] = True
        state["batches"] = []


def _allowed(state: State) -> int:
    return plan.amount(
        state["options"]["max_failures"], len(state["hosts"]), "podwright_rollout_max_failures"
    )


def _begun(state: State) -> Events:
    """The next batch begins."""
    state["at"] += 1
    hosts = state["batches"][state["at"]]
    return [event("phase-started", states.context(state, "batch"), hosts=hosts)]


def judged(state: State, results: Results) -> tuple[State, Events]:
    """After the hosts of a batch were switched and watched."""
    hosts = state["batches"][state["at"]]
    failed = []
    for host in hosts:
        known = state["hosts"][host]
        answers = [_hooked(results(host, "hooked")), _answered(results(host, "switched"))]
        answers.append(_hooked(results(host, "after_hook")))
        trouble = next((one for one in answers if states.bad(one)), None)
        done = states.details(answers[1])
        known.update(actions=done.get("actions", {}), when=states.label(state))
        known["runs"] = states.versions(done["known"]) if "known" in done else known["runs"]
        if trouble is not None:
            states.set_failed(known, trouble, states.label(state))
            failed.append(host)
            if trouble is LOST or trouble.get("reason") == UNREACHED:
                state["lost"].append(host)
        else:
            changed = any(known["actions"].values())
            known["result"] = plan.UPDATED if changed else plan.UNCHANGED
    canary = state["at"] == 0 and state["canary"]
    policy = state["options"]["rollback"]
    verdict = plan.judge(
        hosts, failed, len(states.failures(state)), _allowed(state), policy, canary=canary
    )
    tried = [host for host in verdict.rollback if not states.bad(_hooked(results(host, "hooked")))]
    state.update(rollback=tried, everywhere=verdict.everywhere)
    _stop(state, verdict.stop)
    return state, []


def _hooked(found: Any) -> Any:
    """How tasks around a switch went: who has begun them and not ended is one whose task reached nobody."""
    if isinstance(found, dict) and found.get("begun"):
        return {
            "failed": True,
            "reason": UNREACHED,
            "msg": "a task around its switch did not reach its host, or has taken it out of the play",
            "hint": "see that hosts that tasks are delegated to can be reached, and roll out again",
        }
    return found


def _stop(state: State, why: str) -> None:
    if why:
        state["stop"] = state["stop"] or why
        state["over"] = True


def _rolled_back(state: State, results: Results, name: str) -> None:
    """Note how going back went."""
    for host in state["rollback"]:
        known, found = state["hosts"][host], _answered(results(host, name))
        if states.bad(found):
            told = dict(known)
            states.set_failed(known, found, known["when"])
            known["message"] = f"{told['message']}; and going back failed: {known['message']}"
            if not found.get("unreachable"):
                known["result"] = plan.ROLLBACK_FAILED
        else:
            known["result"] = plan.ROLLED_BACK
            now = states.details(found)
            known["runs"] = states.versions(now["known"]) if "known" in now else known["runs"]
            known["reason"] = known["reason"] or "others-failed"
            known["message"] = known["message"] or "others failed"


def ended(state: State, results: Results, pause_file: bool) -> tuple[State, Events]:
    """After a batch. `state["pause"]` is then how to pause: stop, prompt, seconds, file, or ""."""
    # Who is lost is asked once more, in another play.
    state["late"] += [host for host in state["rollback"] if host in state["lost"]]
    state["rollback"] = [host for host in state["rollback"] if host not in state["lost"]]
    _rolled_back(state, results, "rolled_back")
    context, label = states.context(state, "batch"), states.label(state)
    hosts = state["batches"][state["at"]]
    told = [event("phase-ended", context, hosts=hosts, message=state["stop"])]
    left = state["at"] + 1 < len(state["batches"]) and not state["over"]
    kind = _pause(state, pause_file) if left else ""
    state.update(rollback=[], pause=kind, label=label)
    if kind:
        hint = {"stop": "the same command goes on", "file": "remove the pause file to go on"}
        why = {"stop": "stopped", "file": "asked"}.get(kind, kind)
        about = {"reason": why, "message": f"paused after {label}", "hint": hint.get(kind, "")}
        told.append(event("rollout-paused", context, **about))
    if kind == "stop":
        _pause_here(state)
    return state, told + (_begun(state) if left and not kind else [])


def _pause_here(state: State) -> None:
    state["paused"] = f"after {state['label']}"
    state["over"] = True


def _pause(state: State, pause_file: bool) -> str:
    options = state["options"]
    canary = state["at"] == 0 and state["canary"]
    if ("canary" if canary else "batch") in options["pause"]:
        how: str = options["pause_for"]
        return how if how in ("stop", "prompt") else "seconds"
    return "file" if pause_file else ""


def resumed(state: State, go_on: bool) -> tuple[State, Events]:
    """After a pause."""
    if go_on:
        return state, [event("rollout-resumed", states.context(state, "")), *_begun(state)]
    _pause_here(state)
    told = event(
        "rollout-paused",
        states.context(state, ""),
        reason="stopped",
        message=f"stopped after {state['label']}",
        hint="the same command goes on",
    )
    return state, [told]


def closing(state: State, results: Results) -> tuple[State, Events]:
    """Before the last look."""
    state["rollback"] = state["late"]
    _rolled_back(state, results, "rolled_back_lost")
    hosts = state["hosts"]
    # Where nothing goes back, nobody has said what is wanted there.
    fine = (plan.UPDATED,) if state["direction"] == BACK else (plan.UPDATED, plan.UNCHANGED)
    if state["everywhere"]:
        state["rollback"] = [
            host
            for host, known in hosts.items()
            if known["result"] == plan.UPDATED or (known["earlier"] and known["looked"])
        ]
    else:
        state["rollback"] = []
    well = [host for host, known in hosts.items() if known["result"] in fine]
    idle = not state["batches"] and not state["stop"]
    skip = state["refused"] or state["check"] or idle
    state["confirm"] = [] if skip else [host for host in well if host not in state["rollback"]]
    # Where there was nothing to do, what was seen a moment ago is what there is.
    state["idle"] = idle
    hosts_ = state["confirm"]
    context = states.context(state, "confirm")
    return state, [event("phase-started", context, hosts=hosts_)] if hosts_ else []


def confirmed(state: State, results: Results) -> tuple[State, Events]:
    """After the last look."""
    _rolled_back(state, results, "rolled_back_all")
    failed = []
    for host in state["confirm"]:
        known, found = state["hosts"][host], _answered(results(host, "confirmed"))
        if states.bad(found):
            changed = known["result"] == plan.UPDATED
            states.set_failed(known, found, "confirm")
            failed += [host] if changed else []
        else:
            known["runs"] = states.versions(states.details(found)["known"])
    if state["idle"]:
        _see_idle(state, results)
    policy = state["options"]["rollback"]
    updated = [host for host, known in state["hosts"].items() if known["result"] == plan.UPDATED]
    everywhere = bool(failed) and policy == "all"
    state["rollback"] = [] if policy == "none" else failed + (updated if everywhere else [])
    state["everywhere"] = state["everywhere"] or everywhere
    context = states.context(state, "confirm")
    ok = not states.failures(state) and not state["stop"] and not state["paused"]
    state["complete"] = ok and not state["check"]
    mine = [*state["release"], *_earlier(state), *_held(state)]
    state["release"] = sorted({*mine, *(state["adopt"] if state["complete"] else ())})
    told = event("phase-ended", context, hosts=state["confirm"])
    return state, [told] if state["confirm"] else []


def _earlier(state: State) -> list[str]:
    return [host for host, known in state["hosts"].items() if known["earlier"]]


def _held(state: State) -> list[str]:
    """Hosts that a dead run has locked, whether or not there is something to do."""
    return [host for host, known in state["hosts"].items() if known["held"]]


def _say_back(state: State) -> None:
    for known in state["hosts"].values():
        if known["result"] == plan.UPDATED:
            known["result"] = plan.ROLLED_BACK


def _see_idle(state: State, results: Results) -> None:
    """Hosts that have what is desired must do well, too."""
    for host, known in state["hosts"].items():
        found = states.details(results(host, "looked")).get("known", {})
        sick = [pod for pod, now in found.items() if now["state"] == "running" and not now["ready"]]
        if known["result"] == plan.UNCHANGED and sick:
            why = found[sick[0]]["failing"]
            text = f"pod {sick[0]} runs, but is not ready{': ' + why if why else ''}"
            failure = {"failed": True, "msg": text, "reason": "not-ready", "object": sick[0]}
            states.set_failed(known, failure, "look")


def closed(state: State, results: Results) -> tuple[State, Events]:
    """At the very end. Who was to go back and is, is `rolled-back` as in other rollouts, and has not failed."""
    _rolled_back(state, results, "rolled_back_late")
    state["outcome"] = states.outcome(state)
    state["bad"] = states.failures(state)
    if state["direction"] == BACK:
        _say_back(state)
    found = {host: known["result"] for host, known in state["hosts"].items()}
    kind = "rollout-refused" if state["refused"] else "rollout-finished"
    told = event(
        kind,
        states.context(state, ""),
        hosts=list(found),
        reason="locked" if state["refused"] else state["outcome"],
        message=state["stop"],
        results=found,
        resumed=[host for host in _earlier(state) if found[host] == plan.UNCHANGED],
    )
    return state, [told]
