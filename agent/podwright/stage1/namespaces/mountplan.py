# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which volume is mounted where in an app, from the manifest: pure values (B2)."""

from __future__ import annotations

from podwright.errors import LaunchError
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.image import MountPoint
    from podwright.model.pod import PodApp
    from podwright.model.volume import Volume
    from podwright.stage1.contract import Launch


@value
class EmptyVolume:
    """A fresh directory of the pod, made before it is bound."""

    path: str
    mode: int
    uid: int
    gid: int


@value
class Bind:
    """A path of the host at `where` in an app's root."""

    where: str
    source: str
    read_only: bool = False
    recursive: bool = True


def binds_of(
    launch: Launch, app: PodApp, volumes: dict[str, Volume], empty: dict[str, EmptyVolume]
) -> list[Bind]:
    """What is mounted into an app: explicit mounts, then mount points by name, then implicit empty volumes (B2)."""
    points = {_normal(point.path): point for point in app.app.mount_points}
    chosen: dict[str, str] = {_normal(mount.path): mount.volume for mount in app.mounts}
    for where, point in points.items():
        if where not in chosen:
            chosen[where] = point.name if point.name in volumes else ""
    out = []
    for where, name in chosen.items():
        _check_target(app.name, where)
        if name and name not in volumes:
            raise LaunchError(
                f"app {app.name}: nothing to mount at {safe(where, 80)}",
                f"the pod has no volume {safe(name, 60)!r}",
                object=app.name,
            )
        out.append(_bind(launch, app.name, where, points.get(where), volumes.get(name), empty))
    return out


def _bind(
    launch: Launch,
    app: str,
    where: str,
    point: Optional[MountPoint],
    volume: Optional[Volume],
    empty: dict[str, EmptyVolume],
) -> Bind:
    said = volume.read_only if volume is not None else None
    read_only = said if said is not None else bool(point and point.read_only)
    if volume is not None and volume.kind == "host":
        return Bind(where, volume.source, read_only, volume.recursive is not False)
    name = volume.name if volume is not None else f"{app}-{point.name if point else ''}"
    path = f"{launch.pod_dir}/sharedVolumes/{name}"
    mode, uid, gid = (volume.mode, volume.uid, volume.gid) if volume else (0o755, 0, 0)
    empty[name] = EmptyVolume(path, mode, uid, gid)
    return Bind(where, path, read_only, False)


def _normal(path: str) -> str:
    return "/" + "/".join(part for part in path.split("/") if part not in ("", "."))


def is_late(where: str) -> bool:
    """Whether a target lies in what the pod mounts itself, so that it comes after that."""
    return where == "/sys" or where.startswith(("/dev/", "/sys/"))


def _check_target(app: str, where: str) -> None:
    if where in ("/", "/dev", "/proc") or where.startswith("/proc/"):
        raise LaunchError(
            f"app {app}: a volume cannot be mounted at {safe(where, 80)}",
            "choose a path that the pod itself does not provide",
            object=app,
        )
