# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage1 image of a pod: chosen, fetched and verified like every image, admitted again at the start."""

from __future__ import annotations

from podwright.errors import ImageError, NotFoundError, PodwrightError, UsageError
from podwright.model import stage1 as model
from podwright.model.imageref import format_ref
from podwright.model.stage1 import IMAGE, KVM, MACHINES, GivenStage1
from podwright.stage0 import images, intact, platform, store
from podwright.stage1.contract import Stage1Image
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.model.podspec import PodSpec
    from podwright.stage0.images import StoredImage

    Progress = Callable[[str, int, Optional[int]], None]


def settle(
    layout: Layout,
    spec: PodSpec,
    progress: Optional[Progress] = None,
    accept_key: Optional[images.AcceptKey] = None,
) -> PodSpec:
    """The spec with its stage1 image as an ID, fetched where that is needed, and the flavour that it is.

    A pod whose flavour takes no image is left as it is. Raises like `images.resolve`, and
    NotFoundError where nothing is said and the store has none that fits.
    """
    if spec.stage1 not in model.WITH_IMAGE:
        return spec
    image = _found(layout, spec, progress, accept_key)
    return _settled(spec, image)


def would_settle(layout: Layout, spec: PodSpec) -> tuple[PodSpec, bool]:
    """As `settle` would make it, and whether that would fetch: then the image is not known yet."""
    if spec.stage1 not in model.WITH_IMAGE:
        return spec, False
    asked = _asked(layout, spec)
    stored = _stored(layout, asked, spec)
    if stored is not None:
        return _settled(spec, stored), False
    found, would = images.would_resolve(layout, _text(asked), _options(spec, None))
    if found is None or would:
        return spec, True
    check_configured(asked, found)
    return _settled(spec, found), False


def of_spec(layout: Layout, spec: PodSpec) -> Optional[StoredImage]:
    """The image of a settled spec, admitted; None for a flavour that takes none, or is not settled."""
    if spec.stage1_image is None or not spec.stage1_image.settled:
        return None
    return admit(layout, spec.stage1_image.text, spec.stage1, spec.insecure)


def admit(
    layout: Layout, image_id: str, stage1: str, insecure: frozenset[str], *, whole: bool = False
) -> StoredImage:
    """A stage1 image by its ID, judged by the policy and the keys of this moment.

    whole  its files are compared with what was rendered, too
    """
    try:
        image = images.admit(layout, image_id, insecure)
        found = model.check(image.manifest, stage1)
        if found != stage1:
            raise ImageError(f"image {image.name} is no stage1 for stage1 {stage1}")
        if stage1 == IMAGE:
            from podwright.stage1.external import contract

            contract.parse(image.name, image.manifest.annotations)
        if whole:
            intact.check(layout, image)
        if whole and stage1 in MACHINES:
            from podwright.stage1.kvm import bundle

            bundle.check_files(bundle.read(image.id, image.manifest, image.trees[0]))
    except PodwrightError as err:
        err.message = f"stage1 {stage1}: {err.message}"
        raise
    return image


def as_launched(image: StoredImage) -> Stage1Image:
    """What a stage1 is handed of its image."""
    return Stage1Image(
        id=image.id,
        name=image.name,
        trees=image.trees,
        labels=image.labels,
        annotations=tuple(image.manifest.annotations),
        manifest=image.manifest.raw,
    )


def _settled(spec: PodSpec, image: StoredImage) -> PodSpec:
    platform.check_runnable(image.manifest)
    flavour = model.check(image.manifest, spec.stage1)
    if spec.kvm is not None and flavour != KVM:
        raise UsageError(
            f"image {image.name} runs no virtual machine, so nothing can be said about one",
            "leave out what is said of kvm, or choose stage1 kvm",
            object=image.name,
        )
    if flavour == model.XEN != spec.stage1:  # it was said by the image alone
        from podwright.stage0 import xensettings

        xensettings.check_host()
    return replace(spec, stage1=flavour, stage1_image=GivenStage1("hash", image.id))


def _asked(layout: Layout, spec: PodSpec) -> GivenStage1:
    """What was said, or what is configured, or the newest of ours that the store has."""
    if spec.stage1_image is not None:
        return spec.stage1_image
    from podwright.stage0 import stage1choice

    return stage1choice.of_machines(layout, spec.stage1)


def _found(
    layout: Layout,
    spec: PodSpec,
    progress: Optional[Progress],
    accept_key: Optional[images.AcceptKey],
) -> StoredImage:
    asked = _asked(layout, spec)
    stored = _stored(layout, asked, spec)
    if stored is not None:
        return stored
    found = images.resolve(layout, _text(asked), _options(spec, accept_key), progress)
    check_configured(asked, found)
    return found


def check_configured(asked: GivenStage1, image: StoredImage) -> None:
    """Refuse an image from the configured place that is another one than the configured name says."""
    if not asked.location:
        return
    ref = images.parse(asked.text, images.FetchOptions(), None)
    labels = dict(image.labels)
    if image.name != ref.name or any(labels.get(key) != text for key, text in ref.labels):
        raise ImageError(
            f"image {safe(asked.location, 200)} is {format_ref(image.name, image.labels)},"
            f" not {safe(asked.text, 160)}, which is configured",
            "say in stage1.d what lies there",
            object=image.name,
            reason="wrong-name",
        )


def _stored(layout: Layout, asked: GivenStage1, spec: PodSpec) -> Optional[StoredImage]:
    """The newest stored image of a name that fits and may run, so that one that somebody has stored
    without a check stands in nobody's way.

    Raises NotFoundError where nothing may be fetched, and what is said of the newest where none may run.
    """
    if asked.way != "name":
        return None
    candidates = _fitting(layout, asked.text, spec.stage1)
    refused: Optional[PodwrightError] = None
    for image in sorted(candidates, key=_order, reverse=True):
        try:
            return images.admit(layout, image.id, spec.insecure)
        except PodwrightError as err:
            refused = refused or err
    if refused is not None:
        raise refused
    if asked.stored and not asked.location:
        raise missing(layout, asked, spec.stage1)
    return None


def _fitting(layout: Layout, name: str, stage1: str) -> list[StoredImage]:
    """The stored images of a name that fit; one for Xen serves KVM where there is none for that."""
    found = [image for image in images.find_images(layout, name) if _fits(image, stage1)]
    if found or (name, stage1) != (model.KVM_NAME, KVM):
        return found
    return [image for image in images.find_images(layout, model.XEN_NAME) if _fits(image, stage1)]


def _fits(image: StoredImage, stage1: str) -> bool:
    """Whether it is a stage1 of the flavour, for this host and this agent."""
    return not misfit(image, stage1)


def misfit(image: StoredImage, stage1: str) -> str:
    """Why it is not, or ""."""
    try:
        platform.check_runnable(image.manifest)
        model.check(image.manifest, stage1)
    except ImageError as err:
        return err.message
    return ""


def _order(image: StoredImage) -> tuple[object, ...]:
    return (model.version_key(dict(image.labels).get("version", "")), image.imported, image.id)


def missing(layout: Layout, asked: GivenStage1, stage1: str) -> NotFoundError:
    """That no stored image fits, and what could be done about it."""
    name = safe(asked.text, 160)
    others = images.find_images(layout, asked.text) if store.check(layout) else []
    why = ""
    for image in others:
        why = f" that fits: {misfit(image, stage1)}"
    hint = f"make it: podwright stage1 build {stage1} OUT.aci, or take the one that was made for your hosts;"
    if stage1 not in MACHINES:
        hint = "it is what --stage1-name or a file of stage1.d in the configuration names;"
    return NotFoundError(
        f"stage1 {stage1}: there is no image {name} in the store{why}",
        f"{hint} then: podwright fetch FILE",
        object=asked.text,
        reason="no-stage1-image",
    )


def of_machines(layout: Layout, flavour: str) -> tuple[list[str], list[str]]:
    """Names of the stored images that pods in such machines can be started from, the newest last; and
    what is wrong with the others.
    """
    from podwright.stage0 import stage1choice

    name = stage1choice.NAMES[flavour]
    if not store.check(layout):
        return [], []
    found = images.find_images(layout, name)
    fitting = sorted(_fitting(layout, name, flavour), key=_order)
    wrong = [misfit(image, flavour) for image in found if image not in fitting]
    return [format_ref(image.name, image.labels) for image in fitting], wrong


def _text(asked: GivenStage1) -> str:
    return asked.location if asked.stored and asked.location else asked.text


def _options(spec: PodSpec, accept_key: Optional[images.AcceptKey]) -> images.FetchOptions:
    """Like those of the apps' images, but that one which is stored is not looked for anew."""
    return images.FetchOptions(
        pull_policy="never" if spec.pull_policy == "never" else "new",
        insecure=spec.insecure,
        credentials=spec.credentials,
        accept_key=accept_key,
    )


__all__ = ["IMAGE", "KVM", "admit", "as_launched", "missing", "of_spec", "settle", "would_settle"]
