# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pods of a rollout on a host: what is wanted of the agent, what a record says, who asks. Pure."""

from __future__ import annotations

from typing import Any, Optional

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.podwright.fleet.plugins.module_utils import rollout_gate, rollout_state
from ansible_collections.podwright.fleet.plugins.module_utils.agent import AgentError
from ansible_collections.podwright.fleet.plugins.module_utils.objects import Kind, objects
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    OptionError,
    argument_spec,
    desired,
)
from ansible_collections.podwright.fleet.plugins.module_utils.spec import LOGINS
from ansible_collections.podwright.fleet.plugins.module_utils.spec_pod import POD
from ansible_collections.podwright.fleet.plugins.module_utils.strangers import unknown

STATES = ("started", "stopped", "absent")


def view(now: Optional[dict[str, Any]]) -> dict[str, Any]:
    """What a record says of a pod."""
    if now is None:
        return {"revision": 0, "created_at": "", "running": False}
    return {
        "revision": now["revision"],
        "created_at": now["created_at"],
        "running": now["state"] == "running",
    }


def going_back(
    name: str, before: dict[str, Any], now: Optional[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What to ask for so that a pod is again what it was; nothing if it is. `revision` 0: cannot be done."""
    current = view(now)
    if current == before:
        return []
    if not before["revision"]:
        return [{"name": name, "state": "absent"}] if now is not None else []
    state = "started" if before["running"] else "stopped"
    if now is None:
        return [{"name": name, "revision": 0}]
    return [{"name": name, "state": state, "revision": before["revision"]}]


def lease_shown(lease: dict[str, Any]) -> dict[str, Any]:
    """A lease, and a sentence about it."""
    since, until = (rollout_state.shown(lease[at]) for at in ("since", "expires"))
    return {
        "pod": lease["pod"],
        "rollout": lease["rollout"],
        "owner": lease["owner"],
        "since": since,
        "expires": until,
        "message": f"pod {lease['pod']} is being rolled out by {lease['owner']} since {since}"
        f" (rollout {lease['rollout']}, locked until {until})",
        "hint": "wait for it; if it is certain that it has ended, podwright_rollout_force_unlock=true",
    }


def all_back(
    names: list[str], records: dict[str, Any], known: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """What to ask the agent for so that all pods are what they were before the rollout. Raises AgentError."""
    wanted = []
    for name in names:
        if name in records and records[name]["stage"] != rollout_state.ROLLED_BACK:
            wanted += going_back(name, records[name]["before"], known.get(name))
    lost = [pod["name"] for pod in wanted if pod.get("revision") == 0]
    if lost:
        raise AgentError(
            f"pod {lost[0]} was removed, and what it was is not kept",
            reason="rollback-impossible",
            stage="rollback",
            object=lost[0],
            hint="roll out what it was",
        )
    return wanted


def states_before(names: list[str], records: dict[str, Any]) -> dict[str, str]:
    """The states that pods are to have when they are what they were before the rollout."""
    found = {name: records[name]["before"] for name in names if name in records}
    return {name: "started" if before["running"] else "stopped" for name, before in found.items()}


def wishes(pods: list[dict[str, Any]]) -> dict[str, str]:
    """What is wanted of each pod, in words: its state and images."""
    return {pod["name"]: " ".join([pod["state"], *_images(pod)]) for pod in pods}


def _images(pod: dict[str, Any]) -> list[str]:
    parts = [pod, *(pod.get("apps") or ())]
    return [str(part["image"]) for part in parts if isinstance(part, dict) and part.get("image")]


def actions_of(answer: dict[str, Any]) -> dict[str, list[str]]:
    """The actions of the agent's answer by pod."""
    parts = answer.get("pods") or []
    return {part["name"]: list(part.get("actions") or ()) for part in parts}


def headed(diff: dict[str, Any]) -> dict[str, Any]:
    """What differs, with the names of what it is about, which Ansible shows above it."""
    sides = [diff.get(side) or {} for side in ("before", "after")]
    names = {f"{kind} {name}" for side in sides for kind, found in side.items() for name in found}
    text = ", ".join(sorted(names))
    return {**diff, "before_header": text, "after_header": text} if text else diff


def fail(trouble: rollout_gate.Trouble, stage: str) -> None:
    """Raise what was found as the module's failure."""
    text = f"{trouble.message}; {trouble.hint}" if trouble.hint else trouble.message
    raise AgentError(
        text, reason=trouble.reason, stage=stage, object=trouble.object, hint=trouble.hint
    )


def claim_of(params: dict[str, Any]) -> rollout_state.Claim:
    """Who asks, of the options."""
    context = params["context"]
    return rollout_state.Claim(
        str(context.get("rollout") or rollout_state.BY_HAND),
        str(context.get("run") or rollout_state.BY_HAND),
        str(context.get("owner") or "somebody"),
        params["lease"],
        tuple(map(str, context.get("takes_over") or ())),
        params["force_unlock"],
    )


def wanted_pods(params: dict[str, Any]) -> dict[str, Any]:
    """The desired state for the agent. Raises OptionError."""
    kind = Kind("pods", "name", STATES, POD, shared=LOGINS)
    table = kind.module_table()
    known = {name: table[name] for name in ("pods", "registry_auth", "state")}
    given = {"pods": params["pods"]}
    given.update({"registry_auth": params["registry_auth"]} if params["registry_auth"] else {})
    spec = argument_spec(known)
    stranger = unknown(spec, given, "ansible-doc podwright.fleet.pod")
    if stranger is not None:
        raise OptionError(stranger.text)
    checked = ArgumentSpecValidator(spec).validate(given)
    if checked.error_messages:
        raise OptionError(f"pods: {'; '.join(checked.error_messages)}")
    validated = checked.validated_parameters
    out = desired(LOGINS, validated)
    out["pods"] = objects(kind, validated)
    twice = {pod["name"] for pod in out["pods"]}
    if len(twice) != len(out["pods"]):
        raise OptionError("pods: two of them have the same name")
    return out
