# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the contract with stage1 images of others has no words for (docs/stage1.md): refused where somebody
asked for it and the image does not say that it heeds it, else reported. Pure.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model import lesser, life
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwright.model.pod import PodManifest
    from podwright.model.podspec import PodSpec
    from podwright.model.volume import Volume

PREFIX = "podwright.io/"
FEATURES = f"{PREFIX}stage1/features"
"""An annotation of a stage1 image: the annotations of ours that it heeds, by their names without the
prefix, and kinds of volumes, as in `restart depends-on volume-tmpfs`."""
OURS = ("stage1", "name")
"""What tells how a pod was made, and asks for nothing."""
WITHOUT = {"resource/network-bandwidth": "the stage1 makes the network"}


def features(annotations: Iterable[tuple[str, str]]) -> frozenset[str]:
    """What a stage1 image says that it heeds besides the contract."""
    return frozenset(dict(annotations).get(FEATURES, "").split())


def admit(
    spec: PodSpec, manifest: PodManifest, stage1: str, heeds: frozenset[str]
) -> tuple[PodManifest, list[str]]:
    """The manifest without what nothing would enforce and nobody asked for, and sentences about that.

    stage1  the name of the image
    heeds   its features
    Raises UsageError naming what was asked for and cannot be had.
    """
    check_pod(spec)
    for volume in manifest.volumes:
        _check_volume(volume, heeds)
    if manifest.secrets and "secrets" not in heeds:
        raise _refused(f"secret {manifest.secrets[0].name}")
    for name in _names(manifest.annotations):
        if name not in heeds and name not in OURS:
            raise _refused(name)
    reports = [isolation(stage1)]
    for index, app in enumerate(manifest.apps):
        own = spec.apps[index].life if spec.manifest is None else life.PLAIN
        asked = _names(life.dump(own)) if spec.manifest is None else _names(app.annotations)
        for name in _names(app.annotations):
            if name in heeds:
                continue
            if name in asked:
                raise _refused(f"app {app.name}: {name}")
            reports.append(f"app {app.name}: {name} of its image is left to the stage1 image")
    manifest, more = lesser.without(spec, manifest, WITHOUT, "image")
    return manifest, [*reports, *more]


def check_pod(spec: PodSpec) -> None:
    """Refuse what a pod as a whole cannot have, whatever its images are."""
    if spec.ready.tcp is not None or spec.ready.exec:
        raise _refused("readiness by tcp or exec", "its stage1 says when the pod is ready")
    if spec.sockets:
        raise _refused(
            f"socket activation (port {spec.sockets[0].name})", "publish the port instead"
        )
    if spec.selinux == "require":
        raise _refused("selinux: require", "say selinux: auto")
    if spec.private_users == "idmapped":
        raise _refused("private users: idmapped", "say true: its files are copied")


def isolation(stage1: str) -> str:
    """What everybody is told about such a pod."""
    return (
        f"stage1 image {safe(stage1, 200)} isolates the pod: capabilities, system call filters and"
        " other isolators are as good as it makes them"
    )


def _names(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """The annotations of ours among others."""
    return [name[len(PREFIX) :] for name, _ in pairs if name.startswith(PREFIX)]


def _check_volume(volume: Volume, heeds: frozenset[str]) -> None:
    """What the appc specification knows is the stage1's business, and the rest is none of it."""
    words = {
        f"volume-{volume.kind}": volume.kind not in ("host", "empty"),
        "propagation": volume.propagation != "private",
        "relabel": volume.relabel != "none",
        "noexec": volume.noexec,
        "size": bool(volume.size),
    }
    for word, asked in words.items():
        if asked and word not in heeds:
            raise _refused(f"volume {volume.name}: {word}")


def _refused(what: str, hint: str = lesser.OTHER) -> UsageError:
    return UsageError(
        f"stage1 image cannot have {safe(what, 160)}: the contract has no word for it",
        hint,
        reason="not-in-contract",
    )
