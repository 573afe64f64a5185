# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which volume is mounted where in an app, from the manifest: pure values (B2)."""

from __future__ import annotations

from podwright.errors import LaunchError
from podwright.model.volume import DEVICE, EMPTY, HOST, TMPFS, Mount, in_memory, is_read_only
from podwright.stage1.namespaces.targets import enclosing
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.image import MountPoint
    from podwright.model.pod import PodApp
    from podwright.model.volume import Volume
    from podwright.stage1.contract import Launch


@value
class EmptyVolume:
    """A fresh directory of the pod, made before it is bound.

    memory   name of a file system in memory that it is, of at most `size` bytes (0: the
             kernel's default); "" = a directory at `path`
    trees, image_path   where the image has what it begins with; () = it begins empty
    """

    path: str
    mode: int
    uid: int
    gid: int
    memory: str = ""
    size: int = 0
    trees: tuple[str, ...] = ()
    image_path: str = ""


@value
class Bind:
    """A path of the host at `where` in an app's root.

    source       its path; "" for a volume in memory
    idmap        its owners are shown as the pod's user namespace sees them
    propagation  private, slave or shared
    relabel      none, shared or private
    label        SELinux context that its files are given, see labels.py; "" for none
    volume       the volume's name; `kind` what it is
    device       what the pod may do with it when it is a device: r, w or rw
    inside       where the volume is mounted in which `where` lies, "" for none
    """

    where: str
    source: str
    read_only: bool = False
    recursive: bool = True
    idmap: bool = True
    propagation: str = "private"
    relabel: str = "none"
    label: str = ""
    noexec: bool = False
    follow_links: bool = False
    volume: str = ""
    kind: str = HOST
    device: str = "rw"
    memory: str = ""
    inside: str = ""


@value
class Device:
    """A device of the host that an app may use: for its devices cgroup.

    kind    c or b
    access  r, w or rw
    """

    app: str
    kind: str
    major: int
    minor: int
    access: str


@value
class SecretPlan:
    """A secret of the pod, see `model.secret`.

    source       the file with its content; "" for a credential
    kept         the content came with a desired state, and is in the host's memory until its boot
    """

    name: str
    target: str
    mode: int
    uid: Optional[int]
    gid: Optional[int]
    apps: tuple[str, ...]
    source: str = ""
    credential: str = ""
    kept: bool = False


def secrets_of(launch: Launch) -> tuple[SecretPlan, ...]:
    """Where the contents of the pod's secrets are."""
    return tuple(
        SecretPlan(
            secret.name,
            secret.target,
            secret.mode,
            secret.uid,
            secret.gid,
            secret.apps,
            secret.file
            or ("" if secret.credential else f"{launch.secrets_dir}/{secret.name}.{secret.digest}"),
            secret.credential_name,
            not secret.file and not secret.credential,
        )
        for secret in launch.manifest.secrets
    )


def binds_of(
    launch: Launch, app: PodApp, volumes: dict[str, Volume], empty: dict[str, EmptyVolume]
) -> list[Bind]:
    """What is mounted into an app: explicit mounts, then mount points by name, then implicit empty volumes (B2)."""
    points = {_normal(point.path): point for point in app.app.mount_points}
    chosen = {_normal(mount.path): mount for mount in app.mounts}
    for where, point in points.items():
        if where not in chosen:
            chosen[where] = Mount(point.name if point.name in volumes else "", where)
    out = []
    for where, mount in chosen.items():
        _check_target(app.name, where)
        if mount.volume and mount.volume not in volumes:
            raise LaunchError(
                f"app {app.name}: nothing to mount at {safe(where, 80)}",
                f"the pod has no volume {safe(mount.volume, 60)!r}",
                object=app.name,
            )
        volume = volumes.get(mount.volume)
        wanted = points.get(where)
        read_only = is_read_only(mount, volume, bool(wanted and wanted.read_only))
        if volume is not None and volume.kind in (HOST, DEVICE):
            out.append(_host(app.name, where, volume, read_only, launch.stage1 != "fly"))
        else:
            whose = (app.name, wanted)
            out.append(_empty(launch, whose, where, volume, volumes, empty, read_only))
    return [replace(bind, inside=enclosing(bind.where, chosen)) for bind in out]


def _host(app: str, where: str, volume: Volume, read_only: bool, recursive: bool) -> Bind:
    """A bind of something on the host; `recursive` is what counts when the volume says nothing."""
    if volume.recursive is not None:
        recursive = volume.recursive
    return Bind(
        where,
        volume.source,
        read_only,
        volume.kind == HOST and recursive,
        idmap=volume.idmap and volume.kind == HOST,
        propagation=volume.propagation,
        relabel=volume.relabel,
        noexec=volume.noexec,
        follow_links=volume.follow_links,
        volume=volume.name,
        kind=volume.kind,
        device=_access(app, volume, read_only),
    )


def _access(app: str, volume: Volume, read_only: bool) -> str:
    """What may be done with a device: what its volume permits and its mount, both."""
    if read_only and volume.permissions == "w":
        raise LaunchError(
            f"app {app}: volume {volume.name} has permissions w, and is mounted read-only",
            "so nothing could be done with it: leave one of them out",
            object=app,
        )
    return "r" if read_only else volume.permissions or "rw"


def _empty(
    launch: Launch,
    whose: tuple[str, Optional[MountPoint]],
    where: str,
    volume: Optional[Volume],
    volumes: dict[str, Volume],
    empty: dict[str, EmptyVolume],
    read_only: bool,
) -> Bind:
    """A bind of a directory of the pod's own, which the first app that mounts it has made."""
    app, point = whose
    name = volume.name if volume is not None else f"{app}-{point.name if point else ''}"
    plain, number = name, 1
    while volume is None and (name in empty or name in volumes):  # another one's: never shared
        number += 1
        name = f"{plain}-{number}"
    path = f"{launch.pod_dir}/sharedVolumes/{name}"
    if volume is None:
        empty[name] = EmptyVolume(path, 0o755, 0, 0)
        return Bind(where, path, read_only, False, volume=name, kind=EMPTY)
    memory = name if in_memory(volume) else ""
    made = EmptyVolume(path, volume.mode, volume.uid, volume.gid, memory, volume.size)
    if volume.copy_up:
        trees, inside = launch.trees[app], where
        made = EmptyVolume(path, made.mode, made.uid, made.gid, "", 0, trees, inside)
    empty.setdefault(name, made)
    noexec = volume.noexec
    if memory:
        return Bind(
            where, "", read_only, False, False, noexec=noexec, volume=name, kind=TMPFS, memory=name
        )
    return Bind(where, path, read_only, False, noexec=noexec, volume=name, kind=EMPTY)


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
