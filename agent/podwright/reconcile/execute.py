# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out pod plans: everything is prepared before anything stops; what fails to start goes back."""

from __future__ import annotations

import os

from podwright.errors import NotReadyError, PodwrightError
from podwright.host import detached, supervisor, systemd
from podwright.kernel import fs
from podwright.model import netchoice
from podwright.reconcile import canonical, revisions
from podwright.stage0 import collect, pods, prepare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.host.supervisor import Starting
    from podwright.model.podspec import PodSpec
    from podwright.reconcile.observe import Observed
    from podwright.reconcile.plan import PodPlan
    from podwright.reconcile.revisions import Revision
    from podwright.reconcile.startfirst import Succeeding
    from podwright.stage0.images import StoredImage


class Work:
    """One pod on its way through the phases `stage`, `switch`, `settle`."""

    def __init__(
        self,
        layout: Layout,
        spec: PodSpec,
        plan: PodPlan,
        seen: Observed,
        stored: list[StoredImage],
        command: list[str],
        wait: bool = True,
    ) -> None:
        self.layout = layout
        self.spec = spec
        self.plan = plan
        self.seen = seen
        self.stored = stored
        self.command = command
        self.warnings: list[str] = []
        self.new: Optional[Revision] = None
        self.starting: Optional[Starting] = None
        self.succeeding: Optional[Succeeding] = None
        self.waits = wait
        self.rolled_back = False

    def _does(self, action: str) -> bool:
        return action in self.plan.actions

    def stage(self) -> None:
        """Prepare the new revision completely; the old pod runs on. Undone when it fails."""
        if not self._does("secrets"):
            self._stage()
            return
        from podwright.host import secrets

        secrets.keep(self.layout, self.spec.name, self.spec.secrets)
        try:
            self._stage()
        except BaseException:
            secrets.prune(self.layout, self.spec.name, *self._kept_runtimes())
            raise

    def _stage(self) -> None:
        if not (self._does("prepare") or self._does("configure")):
            return
        uuid = self.seen.revision.uuid if self.seen.revision else ""
        if self._does("prepare"):
            check_ports(self.layout, self.spec, self.stored, self.seen.uuid)
            prepared = prepare.prepare(self.layout, self.spec, self.stored)
            prepared.pod.move(pods.PREPARED)
            prepared.pod.close()
            self.warnings += prepared.warnings
            uuid = prepared.pod.uuid
        self.new = revisions.add(
            self.layout,
            self.spec.name,
            self.plan.runtime,
            self.plan.settings,
            self._image_names(),
            uuid,
            self.spec.revision,
            canonical.image_versions(self.spec, self.stored),
        )

    def _image_names(self) -> dict[str, str]:
        """What the images were asked for as; a revision that is gone back to has IDs only."""
        if self.spec.revision:
            source = revisions.read(self.layout, self.spec.name, self.spec.revision)
            if source is not None and source.images:
                return source.images
        return canonical.image_names(self.spec, self.stored)

    def switch(self) -> None:
        """Make the new revision current, stop what must stop, begin what must start."""
        name = self.spec.name
        if self._does("remove"):
            remove(self.layout, name, self.seen)
            self._tell_foreign()
            return
        if self.new is not None and self.plan.starts_first:
            from podwright.reconcile import startfirst

            bound = supervisor.stop_seconds(self.plan.settings)
            self.succeeding = startfirst.Succeeding(
                self.layout, name, self.new, self.seen.uuid, bound
            )
            return
        if self.new is not None:
            revisions.switch(self.layout, name, self.new.number)
        self._write_unit(self.plan.settings)
        if self._does("start"):
            self.starting = supervisor.Starting(self.layout, name, self.plan.settings, self.command)
        elif self._does("stop"):
            supervisor.stop(self.layout, name, supervisor.stop_seconds(self.plan.settings))
        if self._does("disable"):
            systemd.systemctl("disable", "--quiet", systemd.unit_name(name))

    def settle(self) -> None:
        """Wait for what was begun. A new revision that does not become ready is undone."""
        try:
            self._settle()
        finally:
            if self.seen.revision is not None and os.path.lexists(f"{self.layout.run}/secrets"):
                self._prune_secrets()

    def _prune_secrets(self) -> None:
        """Forget what no revision has that is kept."""
        from podwright.host import secrets

        if revisions.current(self.layout, self.spec.name) is not None:
            secrets.prune(self.layout, self.spec.name, *self._kept_runtimes())

    def _kept_runtimes(self) -> list[dict[str, Any]]:
        """Of the revisions that can be gone back to."""
        kept = revisions.every(self.layout, self.spec.name)
        return [one.runtime for one in kept if one.result.outcome != revisions.ROLLED_BACK]

    def _settle(self) -> None:
        name = self.spec.name
        if not self.waits and self.starting is not None:
            return
        if self.succeeding is not None:
            self._succeed(self.succeeding)
        if self.starting is not None:
            try:
                self.starting.wait()
                self._confirm()
            except NotReadyError as err:
                self._go_back(err)
                raise
        started = self.starting is not None or self.succeeding is not None
        revision = revisions.current(self.layout, name) if started else None
        if revision is not None:
            revisions.conclude(self.layout, name, revision.number, revisions.READY)
        revisions.prune(self.layout, name)
        if self._does("enable"):
            systemd.systemctl("enable", "--quiet", systemd.unit_name(name))
        if self.spec.sockets and self.spec.state != "stopped" and systemd.running():
            systemd.systemctl("enable", "--quiet", "--now", f"podwright-{name}.socket")
        if self._does("unlisten"):
            systemd.systemctl("disable", "--quiet", "--now", f"podwright-{name}.socket")
        if self.new is not None and self._does("prepare") and started:
            self._remove_old_instance()

    def _confirm(self) -> None:
        if self.spec.selinux == "require":
            from podwright.stage0 import labelcheck

            labelcheck.confirm(self.layout, self.spec.name)

    def _succeed(self, succeeding: Succeeding) -> None:
        """Let the pod that has started beside the old one take over; or end it, and all is as it was."""
        assert self.new is not None and self.seen.revision is not None
        try:
            succeeding.wait()
            succeeding.take_over()
        except PodwrightError as err:
            self._failed(err, revisions.ROLLED_BACK, self.new.uuid)
            succeeding.give_up()
            self.rolled_back = True
            err.hint = f"revision {self.seen.revision.number} runs on; {err.hint}"
            raise
        self._write_unit(self.plan.settings)
        succeeding.finish(self.command)
        self._confirm()

    def _failed(self, err: PodwrightError, outcome: str, instance: str) -> None:
        """Record why the new revision failed, and the pod, which stays for a while."""
        if self.new is not None:
            number = self.new.number
            revisions.conclude(
                self.layout, self.spec.name, number, outcome, err.sentence(), instance
            )

    def _write_unit(self, settings: dict[str, object]) -> None:
        if systemd.running():
            name = self.spec.name
            systemd.write_files(name, settings, self.command)

    def _tell_foreign(self) -> None:
        """Drop-ins of the operator's stay, for they are his."""
        if systemd.running():
            from podwright.host import unitfiles

            left = unitfiles.foreign(self.spec.name)
            if left:
                self.warnings.append(f"drop-ins that are not ours stay: {', '.join(left)}")

    def _go_back(self, err: NotReadyError) -> None:
        """Run the old revision again, or stop what never worked."""
        name = self.spec.name
        old = self.seen.revision
        supervisor.stop(self.layout, name, supervisor.stop_seconds(self.plan.settings))
        failed = pods.instance(self.layout, name)
        back = old is not None and self.seen.active
        self._failed(err, revisions.ROLLED_BACK if back else revisions.FAILED, failed)
        if old is None or self.new is None or not self.seen.active:
            return
        err.hint += f"; podwright logs {failed} shows what the one that failed has said"
        revisions.switch(self.layout, name, old.number)
        self._write_unit(old.settings)
        try:
            supervisor.Starting(self.layout, name, old.settings, self.command).wait()
        except PodwrightError as again:
            err.message += f"; and going back to revision {old.number} failed: {again.message}"
            return
        self.rolled_back = True
        err.hint = f"revision {old.number} runs again; {err.hint}"

    def _remove_old_instance(self) -> None:
        pod = pods.get(self.layout, self.seen.uuid) if self.seen.uuid else None
        if pod is not None and pod.state == "exited":
            collect.remove(self.layout, pod)


def check_ports(layout: Layout, spec: PodSpec, stored: list[StoredImage], replacing: str) -> None:
    """Find port conflicts while the old pod still runs; its own ports are no conflict."""
    if not spec.ports or not netchoice.can_publish(spec.net):
        return
    from podwright.model.build import build_manifest
    from podwright.net.check import check_ports as check
    from podwright.net.ports import plan_ports
    from podwright.net.values import NetRequest

    manifest, _ = build_manifest(spec, [(image.id, image.manifest) for image in stored])
    if spec.sockets:
        from podwright.model import activated

        manifest = activated.published(manifest, spec.sockets)
    ports = plan_ports(manifest)
    request = NetRequest(
        replacing, spec.name, spec.net, ports, layout.net, f"{layout.pods}/{pods.RUN}"
    )
    check(request)


def remove(layout: Layout, name: str, seen: Observed) -> None:
    """Stop a named pod and remove everything that is kept of it."""
    timeout = supervisor.stop_seconds(seen.revision.settings) if seen.revision else 10.0
    supervisor.stop(layout, name, timeout)
    if systemd.running():
        systemd.remove_unit(name)
    known = {seen.uuid, seen.revision.uuid if seen.revision else ""} - {""}
    for uuid in sorted(known | revisions.failed_instances(layout, name)):
        pod = pods.get(layout, uuid)
        if pod is not None:
            if pod.state == "running":
                from podwright.stage1.namespaces.stop import stop

                stop(pod.path, True)
            collect.remove(layout, pods.get(layout, uuid) or pod)
    revisions.forget(layout, name)
    if os.path.exists(f"{layout.run}/secrets"):
        from podwright.host import secrets

        secrets.forget(layout, name)
    from podwright.host import logs

    logs.forget(layout, name)
    log = detached.log_path(layout, name)
    if os.path.exists(log):
        fs.unlink(log)
    if os.path.exists(f"{layout.data}/pull"):
        from podwright.pull import keep

        keep.disown(layout, pod=name)
