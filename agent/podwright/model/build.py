# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a pod manifest from what was asked for and the images that answer it (B0-B4). Pure."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model import isolators, life
from podwright.model.image import App, ImageManifest
from podwright.model.names import app_name_from
from podwright.model.pod import MUTABLE, PROFILE, HostPort, PodApp, PodManifest
from podwright.model.volume import EMPTY, Mount, Volume
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.model.image import MountPoint
    from podwright.model.podspec import AppSpec, PodSpec
    from podwright.model.secret import Secret

REPLACING = ("cpu-shares", "oom-score-adj", "capabilities-", "seccomp-")


def build_manifest(
    spec: PodSpec, images: list[tuple[str, ImageManifest]]
) -> tuple[PodManifest, list[str]]:
    """Combine the spec with one (image ID, manifest) per app, in order.

    Returns the manifest and warnings for people. Raises UsageError for a mount of an unknown
    volume, two apps of one name, a port that no app has, an image that cannot be executed.
    """
    if spec.manifest is not None:
        from podwright.model import podmanifest

        return podmanifest.complete(spec, images)
    warnings: list[str] = []
    apps = []
    volumes = list(spec.volumes)
    taken: dict[str, tuple[str, str]] = {}
    for app_spec, (image_id, image) in zip(spec.apps, images):
        app, extra = _build_app(spec, app_spec, image_id, image, warnings, taken)
        apps.append(app)
        volumes += extra
    names = [app.name for app in apps]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise UsageError(
                f"two apps of the pod are called {name}",
                "give one of them another --name",
                object=name,
            )
    life.check({app.name: asked.life for app, asked in zip(apps, spec.apps)}, spec.exit_policy)
    mounted = {mount.volume for app in apps for mount in app.mounts}
    warnings += [
        f"no app mounts volume {volume.name}: the images have no mount point of that name, and no"
        " mount names it"
        for volume in spec.volumes
        if volume.name not in mounted and not spec.mutable
    ]
    ports = tuple(_led(port, apps) for port in spec.ports)
    check_ports(ports, apps)
    if spec.sockets:
        from podwright.model import activated

        apps = activated.mark(spec.sockets, apps)
    annotations = list(own_annotations(spec))
    if spec.mutable:
        annotations += [MUTABLE, *spec.pod_annotations]
    if spec.exit_policy != life.FIRST_FAILURE:
        annotations.append(("podwright.io/exit-policy", spec.exit_policy))
    if spec.allow:
        from podwright.model import podrules

        annotations += podrules.annotation(spec.allow)
    return (
        PodManifest(
            tuple(apps),
            tuple(volumes),
            ports,
            tuple(annotations),
            spec.annotations,
            spec.labels,
            isolators.parse(list(spec.pod_isolators), "pod isolators", pod=True),
            spec.pod_isolators,
            secrets_of(spec, names),
        ),
        warnings,
    )


def secrets_of(spec: PodSpec, names: list[str]) -> tuple[Secret, ...]:
    """The secrets without their contents; the apps they are for must be there."""
    for given in spec.secrets:
        _check_apps(given.secret, names)
    return tuple(given.secret for given in spec.secrets)


def _check_apps(secret: Secret, names: list[str]) -> None:
    for app in secret.apps:
        if app not in names:
            raise UsageError(
                f"secret {secret.name} is for app {app}, which the pod does not have",
                f"its apps are {', '.join(names)}",
                object=secret.name,
            )


def is_converted(image: ImageManifest) -> bool:
    """Whether it was a container image, whose volumes begin with what the image has there (B2)."""
    return any(name.startswith("appc.io/docker/") for name, _ in image.annotations)


def own_annotations(spec: PodSpec) -> tuple[tuple[str, str], ...]:
    """How the pod was made, for those who read its manifest."""
    stage1 = (("podwright.io/stage1", spec.stage1),)
    named = (("podwright.io/name", spec.name),) if spec.name else ()
    return stage1 + named + ((PROFILE, spec.profile),) * bool(spec.profile)


def _led(port: HostPort, apps: list[PodApp]) -> HostPort:
    """A port that no app declares leads to the number that it is called by, if it is."""
    if any(port.name == one.name for app in apps for one in app.app.ports):
        return port
    from podwright.model import portnumbers

    return portnumbers.led(port)


def check_ports(ports: tuple[HostPort, ...], apps: list[PodApp]) -> None:
    """Refuse to publish a port that no app has; a port may also say itself where it leads."""
    known = {port.name for app in apps for port in app.app.ports}
    for host_port in ports:
        if host_port.name not in known and host_port.pod_port is None:
            raise UsageError(
                f"port {host_port.name} is not a port of any app of the pod",
                f"the images declare: {', '.join(sorted(known)) or 'none'}; numbers are like 80 or 53/udp",
                object=host_port.name,
            )


def _build_app(
    spec: PodSpec,
    asked: AppSpec,
    image_id: str,
    image: ImageManifest,
    warnings: list[str],
    taken: dict[str, tuple[str, str]],
) -> tuple[PodApp, list[Volume]]:
    name = asked.name or app_name_from(image.name)
    base = image.app
    if base is None:
        if not asked.exec:
            raise UsageError(
                f"image {image.name} has no app", "say what to run with --exec", object=image.name
            )
        base = App(exec=(), user="0", group="0")
    command = (asked.exec,) if asked.exec else base.exec
    if not command:
        raise UsageError(
            f"app {name}: image {image.name} says no command",
            "say what to run with --exec",
            object=name,
        )
    raw_isolators = merge_isolators(list(base.isolators_json), list(asked.isolators))
    app = replace(
        base,
        exec=command + asked.args,
        user=asked.user or base.user,
        group=asked.group or base.group,
        supplementary_gids=(
            base.supplementary_gids
            if asked.supplementary_gids is None
            else asked.supplementary_gids
        ),
        working_directory=asked.working_dir or base.working_directory,
        environment=_environment(spec, asked, base),
        isolators=isolators.parse(raw_isolators, f"app {name}: isolators"),
        isolators_json=tuple(raw_isolators),
        user_annotations=_over(base.user_annotations, asked.user_annotations),
        user_labels=_over(base.user_labels, asked.user_labels),
    )
    if asked.user not in ("", "0", "root") and not asked.group and app.group in ("0", "root"):
        warnings.append(
            f"app {name}: user {asked.user} runs with the image's group {app.group}, since no other"
            " group was said"
        )
    mounts, extra = bind_mounts(spec, asked, name, base, warnings, is_converted(image), taken)
    lives = life.of_image(asked.life, image.annotations, f"app {name}: its image")
    lives = life.with_ports(lives, app.ports, name)
    return (
        PodApp(
            name,
            image_id,
            image.name,
            image.labels,
            app,
            asked.readonly_rootfs,
            mounts,
            life.dump(lives) + asked.annotations,
        ),
        extra,
    )


def _over(
    image: tuple[tuple[str, str], ...], asked: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    """What an image says with what the operator says over it."""
    return tuple({**dict(image), **dict(asked)}.items()) if asked else image


def _environment(spec: PodSpec, asked: AppSpec, base: App) -> tuple[tuple[str, str], ...]:
    """Later wins: inherited < image < pod wide (file, --set-env) < per app."""
    merged = dict(spec.inherited)
    merged.update(base.environment)
    merged.update(spec.environment)
    merged.update(asked.environment)
    return tuple(merged.items())


def merge_isolators(image: list[Any], asked: list[Any]) -> list[Any]:
    """The image's isolators with those asked for: an asked one replaces the image's of its kind.

    A retain set replaces a remove set of the same kind and the other way round (B3).
    """

    def kind(item: Any) -> str:
        name: str = item["name"]
        for part in REPLACING:
            if part in name:
                return part
        return name

    replaced = {kind(item) for item in asked}
    return [item for item in image if kind(item) not in replaced] + asked


def bind_mounts(
    spec: PodSpec,
    asked: AppSpec,
    app_name: str,
    base: App,
    warnings: list[str],
    copy_up: bool,
    taken: dict[str, tuple[str, str]],
) -> tuple[tuple[Mount, ...], list[Volume]]:
    """Bind mount points by name, then pod wide and own mounts; the rest get empty volumes (B2).

    taken  names of the pod's implicit volumes so far, and whose they are; added to
    """
    known = {volume.name for volume in spec.volumes}
    by_path: dict[str, Mount] = {}
    extra: list[Volume] = []
    explicit = {mount.path for mount in spec.mounts + asked.mounts}
    for point in base.mount_points:
        if point.name in known:
            by_path[point.path] = Mount(point.name, point.path)
            if point.path not in explicit:
                warnings += _given_to_others(spec, asked, app_name, point)
        elif point.path not in explicit:
            implicit = _implicit(app_name, point.name, known, taken)
            if implicit not in known and implicit not in {volume.name for volume in extra}:
                warnings.append(
                    f"app {app_name}: no volume for mount point {point.name} ({point.path}): "
                    f"using an empty volume that ends with the pod"
                )
                extra.append(Volume(implicit, EMPTY, copy_up=copy_up))
            by_path[point.path] = Mount(implicit, point.path)
    for mount in spec.mounts + asked.mounts:
        if mount.volume not in known:
            raise UsageError(
                f"app {app_name}: mount at {mount.path} names the unknown volume {mount.volume}",
                f"declare it with --volume {mount.volume},kind=...",
                object=mount.volume,
            )
        by_path[mount.path] = mount
    return tuple(by_path.values()), extra


def _implicit(app: str, point: str, known: set[str], taken: dict[str, tuple[str, str]]) -> str:
    """`<app>-<point>`, or that with a number when it is the name of another one's volume.

    One that the operator declared under the first name is meant to be used (B2).
    """
    plain = name = f"{app}-{point}"
    number = 1
    while taken.setdefault(name, (app, point)) != (app, point) or (name != plain and name in known):
        number += 1
        name = f"{plain}-{number}"
    return name


def _given_to_others(spec: PodSpec, asked: AppSpec, app_name: str, point: MountPoint) -> list[str]:
    """What to say when an image takes, by a name, a volume that was given to another app."""
    if any(mount.volume == point.name for mount in asked.mounts):
        return []
    for other in spec.apps:
        if other is not asked and any(mount.volume == point.name for mount in other.mounts):
            who = f"app {other.name}" if other.name else "another app"
            text = (
                f"app {app_name}: its mount point {point.name} ({point.path}) gets volume"
                f" {point.name}, which a mount of {who} names: mount something else there if it is"
                " not meant for both"
            )
            return [text]
    return []
