# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One snapshot of the host: what is there of the named pods that a desired state speaks of."""

from __future__ import annotations

import os

from podwright.errors import StoreError
from podwright.host import supervisor, systemd
from podwright.reconcile import revisions
from podwright.stage0 import pods, report
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.reconcile.revisions import Revision


@value
class Observed:
    """A named pod as it is.

    revision  its current revision, None when the host does not know the name
    uuid      the last instance, ""
    state     of that instance: running, exited, prepared ... or "absent"
    ready     it runs and has said that it is ready
    enabled   it starts at boot
    unit      the text of its unit, "" without systemd
    active    it runs, or something is about to start it
    prepared  the pod of the current revision is prepared and waits for its start
    damaged   it has a current revision, but that cannot be read
    listening systemd listens for it on its sockets
    """

    name: str
    revision: Optional[Revision] = None
    uuid: str = ""
    state: str = "absent"
    ready: bool = False
    enabled: bool = False
    unit: str = ""
    active: bool = False
    prepared: bool = False
    damaged: bool = False
    listening: bool = False


def observe(
    layout: Layout, name: str, units: systemd.ActiveStates, *, damaged_ok: bool = False
) -> Observed:
    """Look at one named pod. A damaged revision is an error unless `damaged_ok` (for removal).

    units  of the same moment, shared by all pods that are looked at
    """
    damaged, revision = False, None
    try:
        revision = revisions.current(layout, name)
    except StoreError:
        if not damaged_ok:
            raise
        damaged = True
    uuid = pods.instance(layout, name)
    pod = pods.get(layout, uuid) if uuid else None
    waiting = pods.get(layout, revision.uuid) if revision else None
    with_systemd = systemd.running()
    running = pod is not None and pod.state == "running"
    known = damaged or revision is not None
    return Observed(
        name=name,
        revision=revision,
        uuid=uuid,
        state=pod.state if pod else ("stopped" if revision else "absent"),
        ready=pod is not None and report.is_ready(pod),
        enabled=systemd.enabled(name) if with_systemd else revision is not None,
        unit=systemd.read_files(name) if with_systemd else "",
        listening=with_systemd and _listening(name),
        active=running or (known and supervisor.active(layout, name, units)),
        prepared=waiting is not None and waiting.directory == pods.PREPARED,
        damaged=damaged,
    )


def _listening(name: str) -> bool:
    if not os.path.exists(f"{systemd.UNIT_DIR}/podwright-{name}.socket"):
        return False
    from podwright.host import unitfiles

    return unitfiles.listening(name)
