# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`export`: what an app of an ended pod sees as its root, as an ACI with its image's manifest (B10).

The image's layers and what the app wrote are read through a read-only overlay that is mounted
nowhere, so nothing is copied; an app that had a copy is read from that. Owners are as the pod saw
them. Volumes are not part of it. What is written is made as `image export` does it.
"""

from __future__ import annotations

import os
import stat

from podwright import jsonio
from podwright.errors import NotFoundError, PodwrightError, StoreError, UsageError
from podwright.host import uidranges
from podwright.kernel import beneath, mounts
from podwright.stage0 import appnames, images, intact, pods, storewriter
from podwright.stage0 import archive as stored
from podwright.stage0.build import archive, members, scan
from podwright.stage0.export import Place
from podwright.stage0.start import read_manifest
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.pod import PodApp, PodManifest

EXPORTED = ("exited", "exited garbage")
OVERLAY = (("redirect_dir", "nofollow"), ("metacopy", "off"), ("index", "off"))
MERGED_ALREADY = ("dependencies", "pathWhitelist")
"""Fields of a manifest that say how a root is made of several images; this one is made."""


@value
class How:
    """Where it is written.

    overwrite  a file of that name is replaced
    same       one that is this already is left alone
    check      nothing is written, only found out whether it would be
    """

    target: str
    overwrite: bool = False
    same: bool = False
    check: bool = False


@value
class Exported:
    """What was written: the ID that the archive has as an image, its size, and what is not in it.

    changed  whether it was, or would be
    """

    app: str
    image_id: str
    size: int
    volumes: tuple[str, ...]
    left_out: tuple[str, ...]
    changed: bool = True


def export(layout: Layout, pod: pods.Pod, app: str, how: How) -> Exported:
    """Write the root of an app (or of the only one) to a file.

    Raises UsageError, NotFoundError, StoreError, VerifyError, HostError; the file is as before then.
    """
    if pod.state not in EXPORTED:
        hint = "only what has run can be exported"
        if pod.state == "running":
            hint = f"stop it first: podwright stop {pod.shown}"
        raise UsageError(f"pod {pod.shown} is {pod.state}", hint, object=pod.uuid)
    locked = pods.lock(layout, pod)
    try:
        manifest = read_manifest(locked.path)
        chosen = _chosen(pod, manifest, app)
        return _write(layout, locked.path, chosen, how)
    finally:
        locked.close()


def _chosen(pod: pods.Pod, manifest: PodManifest, name: str) -> PodApp:
    names = [app.name for app in manifest.apps]
    if not name and len(names) != 1:
        raise appnames.unclear(pod.shown, names)
    for app in manifest.apps:
        if app.name == (name or names[0]):
            return app
    raise appnames.unknown(pod.shown, name, names)


def _write(layout: Layout, path: str, app: PodApp, how: How) -> Exported:
    volumes = tuple(sorted({mount.path for mount in app.mounts}))
    left_out: list[str] = []
    if not how.same:
        with Place(how.target, how.overwrite, stat.S_IFREG) as place:
            made = _make(layout, path, app, place.new, left_out)
            place.take()
        return Exported(app.name, made.image_id, made.raw_size, volumes, tuple(left_out))
    with storewriter.Workspace(layout, "export") as work:
        new = f"{work.path}/image"
        made = _make(layout, path, app, new, left_out)
        changed = not archive.is_image(how.target, made.image_id)
        if changed and how.check:
            Place.check(how.target, how.overwrite, stat.S_IFREG)
        elif changed:
            with Place(how.target, how.overwrite, stat.S_IFREG) as place:
                stored.copy(new, place.new)
                place.take()
    return Exported(app.name, made.image_id, made.raw_size, volumes, tuple(left_out), changed)


def _make(layout: Layout, path: str, app: PodApp, new: str, left_out: list[str]) -> archive.Written:
    """Write the archive to the new file `new`; what is not in it is added to `left_out`."""
    manifest = _manifest(path, app.name)
    root = _root(layout, path, app)
    try:
        found = scan.members(
            f"/proc/self/fd/{root}",
            scan.Rules(shift=_shift(path), pod=True),
            left_out.append,
        )
        pieces = members.archive(found, b"rootfs/", jsonio.dumps(manifest).encode())
        return archive.write(pieces, new, "gzip", lambda _: None)
    finally:
        os.close(root)


def _manifest(path: str, app: str) -> dict[str, Any]:
    """The image's own manifest, without what says how its root is put together."""
    where = f"{path}/appsinfo/{app}/manifest"
    try:
        with open(where, "rb") as file:
            raw: dict[str, Any] = jsonio.loads(file.read(), where)
    except FileNotFoundError:
        raise StoreError(f"{safe(where, 300)} is missing", "remove the pod") from None
    return {name: item for name, item in raw.items() if name not in MERGED_ALREADY}


def _shift(path: str) -> int:
    """What was added to owners on disk; 0 where they are as the pod sees them."""
    if not os.path.lexists(f"{path}/{uidranges.COPIED}"):
        return 0
    found = uidranges.of(path)
    if found is None:
        raise StoreError(
            f"{safe(path, 300)}: {uidranges.PREPARED} is damaged, and says whose files these are",
            "remove the pod",
        )
    return found[0]


def _root(layout: Layout, path: str, app: PodApp) -> int:
    """A descriptor of what the app has as its root: of its copy, else of a new overlay."""
    copy = _copy(path, app.name)
    if copy is not None:
        return copy
    upper = f"{path}/overlay/{app.name}/upper"
    try:
        fds = [os.open(upper, beneath.DIRECTORY)]
    except FileNotFoundError:
        raise UsageError(
            f"app {app.name} was never started, so that there is nothing to export",
            "podwright image export writes its image",
            object=app.name,
        ) from None
    try:
        fds += [os.open(tree, beneath.DIRECTORY) for tree in _trees(layout, app)]
        layers = tuple(f"/proc/self/fd/{fd}" for fd in fds)
        mount = mounts.overlay(layers, OVERLAY, f"{path}/overlay/{app.name}")
    finally:
        for fd in fds:
            os.close(fd)
    try:
        mounts.restrict(mount, mounts.RDONLY | mounts.NOSUID | mounts.NODEV | mounts.NOEXEC)
        return os.open(f"/proc/self/fd/{mount}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(mount)


def _copy(path: str, app: str) -> Optional[int]:
    """The app's own copy of its image, which an overlay never fills; PID 1 could reach its place."""
    top = os.open(f"{path}/stage1/rootfs", beneath.DIRECTORY)
    try:
        copy = beneath.open_strict(top, f"opt/stage2/{app}/rootfs", os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    finally:
        os.close(top)
    if os.listdir(copy):
        return copy
    os.close(copy)
    return None


def _trees(layout: Layout, app: PodApp) -> tuple[str, ...]:
    """The layers of the app's image, which are as they were when it ran."""
    try:
        image = images.find_images(layout, app.image_id)[-1]
    except IndexError:
        raise NotFoundError(
            f"the image of app {app.name} is not stored any more: {app.image_name}",
            "fetch it again",
            object=app.image_id,
        ) from None
    try:
        intact.check(layout, image)
    except PodwrightError as err:
        raise type(err)(
            f"app {app.name}: {err.message}", err.hint, object=err.object, reason=err.reason
        ) from None
    return image.trees
