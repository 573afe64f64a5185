# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a prepared pod by a stage1 image of somebody else."""

from __future__ import annotations

from podwright.errors import HostError
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.stage1.contract import Launch, OnReady, OnReport, Outcome
    from podwright.stage1.external.contract import Contract


@value
class Stage1:
    """An admitted stage1 image.

    id        of the image
    contract  what its manifest declares (`contract.parse`)
    trees     absolute paths of the read-only directories that its root is stacked from, top first
    manifest  its image manifest as JSON object
    """

    id: str
    contract: Contract
    trees: tuple[str, ...]
    manifest: dict[str, object]


@value
class Given:
    """What the contract hands over that a `Launch` does not have.

    explicit       which of hostname, dns-conf-mode and ipc somebody asked for
    dns            words for --dns-conf-mode, see `contract.Wish`
    """

    debug: bool = False
    local_config: str = ""
    ipc: str = "auto"
    explicit: frozenset[str] = frozenset()
    dns: tuple[str, str] = ("default", "default")
    mutable: bool = False


def launch(
    pod: Launch,
    stage1: Stage1,
    given: Given,
    on_ready: OnReady,
    on_report: Optional[OnReport] = None,
) -> Outcome:
    """Run a pod to its end and take everything of it down again.

    on_ready   called once, in this process, when the stage1 says that the pod is ready
    on_report  called with each sentence about protection that was found missing
    Must be called from the main thread. Raises LaunchError or HostError when the pod could not be run.
    """
    raise HostError("stage1 images of others are not run yet", object=pod.uuid)
