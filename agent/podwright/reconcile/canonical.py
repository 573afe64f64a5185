# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canonical form of a pod: equal forms mean that there is nothing to change. Pure."""

from __future__ import annotations

from podwright.model import life
from podwright.model.names import app_name_from
from podwright.model.podspec import KEEP_REVISIONS, STOP_FIRST, AppSpec, PodSpec
from podwright.model.volume import Mount, dump_mount, dump_volume, parse_mount
from podwright.stage1.contract import Ready
from podwright.values_json import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.model.image import Port
    from podwright.model.machinechoice import MachineChoice
    from podwright.model.podnames import PodNames
    from podwright.model.podrules import Rule
    from podwright.model.secret import GivenSecret
    from podwright.model.stage1 import GivenStage1
    from podwright.model.streams import LogLimits
    from podwright.model.unitspec import ActivatedPort, UnitSpec
    from podwright.stage0.images import StoredImage

UNRESOLVED = "to be fetched"
_NAMED = ("annotations", "user_annotations", "user_labels")
"""Pairs that an app may have, and that revisions of older agents do not know."""


def runtime(spec: PodSpec, image_ids: list[str]) -> dict[str, Any]:
    """What the pod is made of, with image IDs in place of names."""
    more: dict[str, Any] = {}
    if spec.exit_policy != life.FIRST_FAILURE:
        more["exit_policy"] = spec.exit_policy
    if spec.pod_isolators:
        more["pod_isolators"] = list(spec.pod_isolators)
    if spec.log is not None:
        more["log"] = to_json(spec.log)
    if spec.private_users:
        more["private_users"] = spec.private_users
    if spec.profile:
        more["profile"] = spec.profile
    if spec.metadata:
        more["metadata"] = True
    if spec.mutable:
        more["sandbox"] = True
    if spec.names is not None:
        from podwright.model import podnames

        more.update(podnames.dump(spec.names))
    if spec.sockets:
        more["sockets"] = [to_json(one) for one in spec.sockets]
    if spec.stage1 in ("kvm", "xen", "image"):
        known = spec.stage1_image is not None and spec.stage1_image.settled
        more["stage1_image"] = spec.stage1_image.text if known and spec.stage1_image else UNRESOLVED
    if spec.kvm is not None:
        from podwright.model import machinechoice

        more["kvm"] = machinechoice.dump(spec.kvm)
    if spec.allow:
        from podwright.model import podrules

        more["allow"] = podrules.dump(spec.allow)
    return {
        **more,
        **_secrets(spec),
        "apps": [_app(app, image_id) for app, image_id in zip(spec.apps, image_ids)],
        "stage1": spec.stage1,
        "net": spec.net,
        "hostname": spec.hostname,
        "ports": [
            to_json(port) for port in sorted(spec.ports, key=lambda p: (p.name, p.host_port))
        ],
        "volumes": [dump_volume(volume) for volume in sorted(spec.volumes, key=lambda v: v.name)],
        "mounts": [dump_mount(mount) for mount in spec.mounts],
        "environment": dict(spec.environment),
        "insecure": sorted(spec.insecure),
        "overlay": spec.overlay,
        "selinux": spec.selinux,
        "annotations": dict(spec.annotations),
        "labels": dict(spec.labels),
        **({} if spec.manifest is None else {"manifest": spec.manifest}),
    }


def _app(app: AppSpec, image_id: str) -> dict[str, Any]:
    out: dict[str, Any] = to_json(app)
    del out["image"], out["signature"]
    out["environment"] = dict(app.environment)
    out["image_id"] = image_id
    out["mounts"] = [dump_mount(mount) for mount in app.mounts]
    del out["life"]
    if app.life != life.PLAIN:  # what revisions of older agents do not know is no change
        out["life"] = life.as_json(app.life)
    for name in _NAMED:
        if not out[name]:
            del out[name]
    return out


def settings(spec: PodSpec) -> dict[str, Any]:
    """How the pod is supervised."""
    out = {
        "restart": spec.restart,
        "ready": to_json(spec.ready),
        "stop_timeout": spec.stop_timeout,
    }
    if spec.unit is not None:
        from podwright.model import unitspec

        out["unit"] = unitspec.dump(spec.unit)
    if spec.sockets:
        from podwright.model import unitspec

        out["listens"] = unitspec.listens(spec.sockets, spec.ports)
    credentials = [given.secret.credential for given in spec.secrets if given.secret.credential]
    if credentials:
        out["credentials"] = sorted(credentials)
    if spec.replace != STOP_FIRST:
        out["replace"] = spec.replace
    if spec.keep_revisions != KEEP_REVISIONS:
        out["keep_revisions"] = spec.keep_revisions
    lives = [app.life for app in spec.apps]
    if any(one != life.PLAIN for one in lives):
        out["start_bound"] = life.start_bound(lives, spec.ready)
        out["stop_bound"] = life.stop_bound(lives, spec.stop_timeout)
    return out


def image_names(spec: PodSpec, stored: list[StoredImage]) -> dict[str, str]:
    """The image argument of each app, for people."""
    return {
        app.name or app_name_from(image.name): app.image for app, image in zip(spec.apps, stored)
    }


def image_versions(spec: PodSpec, stored: list[StoredImage]) -> dict[str, str]:
    """The version of each app's image, for people."""
    return {
        app.name or app_name_from(image.name): image.manifest.label("version")
        for app, image in zip(spec.apps, stored)
    }


def _pod_port(port: dict[str, Any]) -> Optional[Port]:
    if port.get("pod_port") is None:
        return None
    from podwright.model.image import Port

    return Port(**port["pod_port"])


def respec(name: str, runtime_: dict[str, Any], settings_: dict[str, Any]) -> PodSpec:
    """The spec of a revision again, its images named by ID: what the supervisor prepares."""
    from podwright.model.fields import Fields
    from podwright.model.pod import HostPort
    from podwright.model.volume import parse_volume

    apps = []
    for raw in runtime_["apps"]:
        given = {key: item for key, item in raw.items() if key != "image_id"}
        gids = given["supplementary_gids"]
        given.update(
            image=raw["image_id"],
            args=tuple(given["args"]),
            environment=tuple(sorted(given["environment"].items())),
            mounts=_mounts(given["mounts"]),
            isolators=tuple(given["isolators"]),
            supplementary_gids=None if gids is None else tuple(gids),
            life=life.from_json(given.get("life")),
            **{name: tuple(map(tuple, given.get(name, ()))) for name in _NAMED},
        )
        apps.append(AppSpec(**given))
    ready = settings_["ready"]
    spec = PodSpec(
        name=name,
        apps=tuple(apps),
        stage1=runtime_["stage1"],
        net=runtime_["net"],
        hostname=runtime_["hostname"],
        ports=tuple(
            HostPort(**{**port, "pod_port": _pod_port(port)}) for port in runtime_["ports"]
        ),
        volumes=tuple(parse_volume(Fields(raw, "volume")) for raw in runtime_["volumes"]),
        mounts=_mounts(runtime_["mounts"]),
        environment=tuple(sorted(runtime_["environment"].items())),
        pull_policy="never",
        insecure=frozenset(runtime_["insecure"]),
        restart=settings_["restart"],
        ready=Ready(**{**ready, "exec": tuple(ready["exec"])}),
        stop_timeout=settings_["stop_timeout"],
        overlay=runtime_["overlay"],
        selinux=runtime_.get("selinux", "auto"),
        annotations=tuple(sorted(runtime_["annotations"].items())),
        labels=tuple(sorted(runtime_["labels"].items())),
        pod_isolators=tuple(runtime_.get("pod_isolators", ())),
        exit_policy=runtime_.get("exit_policy", life.FIRST_FAILURE),
        secrets=_given(runtime_.get("secrets", ())),
        private_users=runtime_.get("private_users", ""),
        profile=runtime_.get("profile", ""),
        metadata=runtime_.get("metadata", False),
        names=_names(runtime_),
        allow=_allow(runtime_),
        unit=_unit(settings_),
        sockets=_sockets(runtime_),
        replace=settings_.get("replace", STOP_FIRST),
        keep_revisions=settings_.get("keep_revisions", KEEP_REVISIONS),
        log=_log(runtime_.get("log")),
        stage1_image=_stage1_image(runtime_),
        kvm=_machine(runtime_.get("kvm")),
        mutable=runtime_.get("sandbox", False),
    )
    if runtime_.get("manifest") is None:
        return spec
    from podwright.model import podmanifest

    return podmanifest.fill(spec, runtime_["manifest"])


def _mounts(raw: list[Any]) -> tuple[Mount, ...]:
    from podwright.model.fields import Fields

    return tuple(parse_mount(Fields(mount, "mount")) for mount in raw)


def _log(raw: Optional[dict[str, Any]]) -> Optional[LogLimits]:
    if raw is None:
        return None
    from podwright.model.streams import LogLimits

    return LogLimits(**raw)


def _stage1_image(runtime_: dict[str, Any]) -> Optional[GivenStage1]:
    if "stage1_image" not in runtime_:
        return None
    from podwright.model.stage1 import GivenStage1

    return GivenStage1("hash", runtime_["stage1_image"])


def _machine(raw: Optional[dict[str, Any]]) -> Optional[MachineChoice]:
    if raw is None:
        return None
    from podwright.model import machinechoice

    return machinechoice.load(raw)


def _names(runtime_: dict[str, Any]) -> Optional[PodNames]:
    said: dict[str, Any] = {key: runtime_[key] for key in ("dns", "hosts") if key in runtime_}
    if not said:
        return None
    from podwright.model import podnames

    return podnames.load(said)


def _unit(settings_: dict[str, Any]) -> Optional[UnitSpec]:
    if "unit" not in settings_:
        return None
    from podwright.model import unitspec

    return unitspec.load(settings_["unit"])


def _sockets(runtime_: dict[str, Any]) -> tuple[ActivatedPort, ...]:
    if "sockets" not in runtime_:
        return ()
    from podwright.model.unitspec import ActivatedPort

    return tuple(ActivatedPort(**raw) for raw in runtime_["sockets"])


def _allow(runtime_: dict[str, Any]) -> tuple[Rule, ...]:
    if "allow" not in runtime_:
        return ()
    from podwright.model import podrules

    return podrules.load(runtime_["allow"])


def _secrets(spec: PodSpec) -> dict[str, Any]:
    """The secrets by name, with digests in place of contents."""
    if not spec.secrets:
        return {}
    from podwright.model.secret import dump_secret

    by_name = sorted((given.secret for given in spec.secrets), key=lambda secret: secret.name)
    return {"secrets": [dump_secret(secret) for secret in by_name]}


def _given(raw: list[Any]) -> tuple[GivenSecret, ...]:
    if not raw:
        return ()
    from podwright.model.fields import Fields
    from podwright.model.secret import GivenSecret, parse_secret

    return tuple(GivenSecret(parse_secret(Fields(secret, "secret"))) for secret in raw)
