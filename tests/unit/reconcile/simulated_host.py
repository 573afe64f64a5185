# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with one named pod, that carries out plans in the order in which `Work` does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Optional

from podwright.host import systemd
from podwright.model.podspec import PodSpec
from podwright.reconcile import canonical
from podwright.reconcile.observe import Observed
from podwright.reconcile.plan import PodPlan, plan_pod
from podwright.reconcile.revisions import Revision
from podwright.values import replace


class SimulatedHost:
    """What is true of the pod `web`, and what happens to it.

    waiting   pods that are prepared and were never started, with what they are made of
    instance  the pod that runs or ran last; `runs` is what it is made of
    """

    def __init__(self, with_systemd: bool) -> None:
        self.with_systemd = with_systemd
        self.revision: Optional[Revision] = None
        self.waiting: dict[str, Any] = {}
        self.instance = ""
        self.instance_exists = False
        self.runs: Any = None
        self.running = False
        self.active = False
        self.enabled = False
        self.unit = ""
        self.count = 0

    def observe(self) -> Observed:
        """As `reconcile.observe` sees it."""
        state = "stopped" if self.revision else "absent"
        if self.instance_exists:
            state = "running" if self.running else "exited"
        return Observed(
            name="web",
            revision=self.revision,
            uuid=self.instance,
            state=state,
            ready=self.running,
            enabled=self.enabled if self.with_systemd else self.revision is not None,
            unit=self.unit,
            active=self.running or self.active,
            prepared=self.revision is not None and self.revision.uuid in self.waiting,
        )

    def plan(self, spec: PodSpec, image: str) -> PodPlan:
        """What `apply` would do now."""
        unit = ""
        if self.with_systemd and spec.state != "absent":
            unit = systemd.unit_text("web", canonical.settings(spec), ["/usr/bin/podwright"])
        ids: list[Optional[str]] = [image for _ in spec.apps]
        return plan_pod(spec, self.observe(), ids, False, unit)

    def apply(self, spec: PodSpec, image: str, steps: Optional[int] = None) -> bool:
        """Carry out the plan; or die after so many steps. True when it came to its end."""
        work = self._work(self.plan(spec, image), spec)
        return all(number != steps for number, _ in enumerate(work))

    def _work(self, plan: PodPlan, spec: PodSpec) -> Iterator[None]:
        """The changes of the plan; the host may lose power wherever it yields."""
        does = set(plan.actions)
        if not does:
            return
        if "remove" in does:
            yield from self._remove()
            return
        new = None
        if does & {"prepare", "configure"}:
            uuid = self.revision.uuid if self.revision else ""
            if "prepare" in does:
                uuid = self._uuid()
                self.waiting[uuid] = plan.runtime
                yield
            number = self.revision.number + 1 if self.revision else 1
            new = Revision(number, "", plan.runtime, plan.settings, {}, uuid)
        if new is not None:
            self.revision = new
            yield
        if self.with_systemd:
            self.unit = systemd.unit_text("web", plan.settings, ["/usr/bin/podwright"])
            yield
        if "start" in does:
            self.end()
            yield
            self.start()
            yield
        elif "stop" in does:
            self.end()
            yield
        if "disable" in does:
            self.enabled = False
            yield
        if "enable" in does:
            self.enabled = True

    def _remove(self) -> Iterator[None]:
        self.end()
        yield
        self.unit, self.enabled = "", False
        yield
        self.instance_exists = False
        yield
        if self.revision:
            self.waiting.pop(self.revision.uuid, None)
        yield
        self.revision, self.instance = None, ""

    def _uuid(self) -> str:
        self.count += 1
        return f"uuid-{self.count}"

    def start(self) -> None:
        """The supervisor starts the pod of the current revision, prepared for it or again."""
        assert self.revision is not None
        uuid = self.revision.uuid
        self.instance = uuid if uuid in self.waiting else self._uuid()
        self.runs = self.waiting.pop(uuid, self.revision.runtime)
        self.instance_exists = self.running = self.active = True

    def end(self) -> None:
        """The pod ends, and nothing will start it again."""
        self.running = self.active = False

    # What else may happen between two calls of the agent.

    def crash(self) -> None:
        """The pod ends and its supervisor is about to start it again."""
        if self.running:
            self.running, self.active = False, True

    def gc(self) -> None:
        """Ended pods are removed, and prepared ones that no revision names."""
        if not self.running:
            self.instance_exists = False
        named = self.revision.uuid if self.revision else ""
        self.waiting = {uuid: made for uuid, made in self.waiting.items() if uuid == named}

    def reboot(self) -> None:
        """Everything ends; systemd starts what is enabled."""
        self.end()
        if self.with_systemd and self.enabled and self.unit and self.revision:
            self.start()

    def edit_unit(self) -> None:
        """Somebody changes the unit."""
        if self.unit:
            self.unit += "# mine\n"

    def upgrade(self) -> None:
        """A newer agent writes other settings into revisions."""
        if self.revision:
            settings = {**self.revision.settings, "restart": "never heard of"}
            self.revision = replace(self.revision, settings=settings)
