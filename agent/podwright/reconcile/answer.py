# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a desired state is applied, and the answer about it while it grows."""

from __future__ import annotations

from podwright import __version__
from podwright.errors import HostError, PodwrightError, UsageError
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.secretstore import Kept
    from podwright.model.pod import PodManifest
    from podwright.model.podspec import PodSpec
    from podwright.net.values import NetConf, PortMap
    from podwright.stage0.prepare import Progress


@value
class Mode:
    """How to apply.

    check     only say what would change
    diff      include before and after
    command   argv prefix that starts this agent again with the same directories
    wait      until what was started is ready
    stage     with check: images are fetched and verified all the same, and nothing else is changed
    """

    check: bool
    diff: bool
    command: list[str]
    progress: Optional[Progress] = None
    wait: bool = True
    stage: bool = False

    @property
    def fetches(self) -> bool:
        """Whether images are brought here."""
        return self.stage or not self.check


class Answer:
    """The JSON object that `apply` answers, while it grows."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self.keys: list[dict[str, Any]] = []
        self.policy: list[dict[str, Any]] = []
        self.networks: list[dict[str, Any]] = []
        self.secrets: list[dict[str, Any]] = []
        self.kept: dict[str, Kept] = {}
        self.images: list[dict[str, Any]] = []
        self.pods: list[dict[str, Any]] = []
        self.warnings: list[str] = []
        self.error: Optional[dict[str, Any]] = None
        self.planned: tuple[NetConf, ...] = ()
        self._ports: dict[str, tuple[PortMap, ...]] = {}

    def claim_ports(self, spec: PodSpec, manifest: PodManifest) -> None:
        """Refuse a host port that another pod of the same desired state has."""
        if not spec.ports or spec.state not in ("started", "restarted"):
            return
        from podwright.net.ports import plan_ports

        ports = plan_ports(manifest)
        for other, held in self._ports.items():
            for port in ports:
                if any(port.overlaps(each) for each in held):
                    raise UsageError(
                        f"{port.shown()}: both pod {other} and pod {spec.name} publish it",
                        "give one of them another host port",
                        object=spec.name,
                    )
        self._ports[spec.name] = ports

    def warn_once(self, text: str) -> None:
        """Add a warning that concerns the whole host."""
        if text not in self.warnings:
            self.warnings.append(text)

    def fail(self, err: PodwrightError) -> dict[str, Any]:
        """Record a failure; the first one is the answer's."""
        shown = error_json(err)
        self.error = self.error or shown
        return shown

    def as_json(self) -> dict[str, Any]:
        """The whole answer."""
        parts = self.keys + self.policy + self.secrets + self.networks + self.images + self.pods
        out: dict[str, Any] = {
            "version": __version__,
            "check": self.mode.check,
            "changed": any(part["changed"] for part in parts),
            "keys": self._shown(self.keys),
            "policy": self._shown(self.policy),
            "secrets": self._shown(self.secrets),
            "networks": self._shown(self.networks),
            "images": self._shown(self.images),
            "pods": self._shown(self.pods),
            "warnings": self.warnings,
        }
        if self.mode.diff:
            out["diff"] = {side: _side(self, side) for side in ("before", "after")}
        if self.error:
            out["error"] = self.error
        return out

    def _shown(self, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Parts of the answer, with what differs only where that was asked for."""
        if self.mode.diff:
            return parts
        return without_diff(parts)


def without_diff(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parts of an answer, without what differs."""
    return [{key: part[key] for key in part if key != "diff"} for part in parts]


def _side(answer: Answer, side: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for kind in ("keys", "policy", "secrets", "networks", "images", "pods"):
        parts = getattr(answer, kind)
        changed = {part["label"]: part["diff"][side] for part in parts if part["changed"]}
        if changed:
            out[kind] = changed
    return out


def of_host(err: OSError, about: str) -> HostError:
    """What the system says, as an error of one of several things that a call is about ("pod web")."""
    which = f": {safe(err.filename, 300)}" if err.filename else ""
    return HostError(
        f"{about}: {safe(err.strerror or err, 200)}{which}",
        "see to what it says of the host, and run it again",
        object=about,
    )


def error_json(err: PodwrightError) -> dict[str, Any]:
    """An error as playbooks read it."""
    return {
        "message": err.message,
        "hint": err.hint,
        "reason": err.reason,
        "stage": err.stage,
        "object": err.object,
    }
