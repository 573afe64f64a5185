# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sandbox of a desired state cannot have: a named pod that begins without apps, which come and go. Pure."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.life import FIRST_FAILURE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.fields import Fields
    from podwright.model.podspec import PodSpec

OF_APPS = ("image", "apps", "pod_manifest", "sockets", "profile")
"""Fields that say something about apps."""
NO_FLY = (
    "cannot be had with stage1 fly, whose pods are one app on the host itself",
    "choose stage1 namespaces",
)


def check(fields: Fields, spec: PodSpec) -> None:
    """Raise UsageError for what says something about apps, which are not there yet."""
    where = fields.at("sandbox")
    others = [name for name in OF_APPS if fields.raw(name) not in (None, "", [])]
    others += ["exit_policy"] * (spec.exit_policy != FIRST_FAILURE)  # no app's end ends it
    others += ["secrets"] * any(given.secret.apps for given in spec.secrets)
    if others:
        raise UsageError(
            f"{fields.at(others[0])}: says something about apps, and a sandbox begins without",
            "podwright app add, or the module podwright.fleet.app, brings apps when it runs",
            object=spec.name,
        )
    if spec.stage1 == "fly":
        raise UsageError(f"{where}: {NO_FLY[0]}", NO_FLY[1], object=spec.name)
    if spec.stage1 in ("kvm", "xen"):
        from podwright.model import kvm

        kvm.check_pod(spec)
    ready = spec.ready
    if ready.exec or ready.tcp:
        raise UsageError(
            f"{fields.at('ready')}: asks an app, and a sandbox begins without",
            "give ready.seconds, or nothing",
            object=spec.name,
        )
