# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command lines of `app sandbox` and `app add`, as what they ask for."""

from __future__ import annotations

from podwright.cli import apps, options
from podwright.errors import UsageError
from podwright.model import netchoice
from podwright.model.image import Port
from podwright.model.names import ac_identifier, ac_name
from podwright.model.pod import MUTABLE, HostPort
from podwright.model.specfields import check_ip
from podwright.net.values import PROTOCOLS
from podwright.stage0.changes import Asked
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.context import Context
    from podwright.cli.options import Arguments
    from podwright.model.podspec import PodSpec
    from podwright.model.volume import Volume


def spec(args: Arguments, context: Context) -> PodSpec:
    """The pod without apps that `app sandbox` asks for."""
    given = apps.MultiArguments()
    given.flags = {name: texts for name, texts in args.flags.items() if name != "port"}
    texts = args.texts("port")
    plain = [text for text in texts if not _is_long(text)]
    if plain:
        given.flags["port"] = plain
    asked = apps.pod_spec(given, context.insecure, context.layout)
    if asked.stage1 in ("kvm", "xen"):
        from podwright.model import kvm

        kvm.check_pod(replace(asked, mutable=True))
    if asked.stage1 == "fly":
        from podwright.model import sandbox

        raise UsageError(f"app sandbox {sandbox.NO_FLY[0]}", sandbox.NO_FLY[1])
    ports = (*asked.ports, *(_port(text) for text in texts if _is_long(text)))
    if ports and not netchoice.can_publish(asked.net):
        raise UsageError(
            f"--port cannot be used with --net={asked.net}", netchoice.no_ports_hint(asked.net)
        )
    return replace(
        asked,
        mutable=True,
        ports=ports,
        pod_annotations=_annotations(args.texts("annotation")),
        annotations=_pairs(args.texts("user-annotation"), "--user-annotation"),
        labels=_pairs(args.texts("user-label"), "--user-label"),
    )


def _is_long(text: str) -> bool:
    """Whether a port is written as rkt's `app sandbox` takes it."""
    return text.split(":")[1:2] in [[protocol] for protocol in PROTOCOLS]


def _port(text: str) -> HostPort:
    """NAME:PROTOCOL:PODPORT:HOSTIP:HOSTPORT, where HOSTIP may be empty, or left out with its colon."""
    name, protocol, number, *rest = text.split(":", 3)
    address, _, last = rest[0].rpartition(":") if rest else ("", "", "")
    if not _is_number(number) or not _is_number(last):
        raise UsageError(
            f"--port: {safe(text, 80)!r} is not NAME:PROTOCOL:PODPORT:HOSTIP:HOSTPORT",
            "write it like http:tcp:80:127.0.0.1:8080",
        )
    address = address[1:-1] if address[:1] == "[" and address[-1:] == "]" else address
    name = ac_name(name, "--port")
    host_ip = check_ip(address, "--port") if address else ""
    return HostPort(name, int(last), host_ip, Port(name, protocol, int(number)))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536


def _pairs(texts: list[str], what: str) -> tuple[tuple[str, str], ...]:
    found = {}
    for text in texts:
        name, equals, content = text.partition("=")
        if not equals or not name:
            raise UsageError(f"{what}: {safe(text, 60)!r} is not NAME=VALUE")
        found[name] = content
    return tuple(found.items())


def _annotations(texts: list[str]) -> tuple[tuple[str, str], ...]:
    """Annotations of the pod's manifest; ours say how it is run."""
    pairs = _pairs(texts, "--annotation")
    for name, _ in pairs:
        ac_identifier(name, "--annotation")
        if name.startswith("podwright.io/") or name == MUTABLE[0]:
            raise UsageError(f"--annotation: {name} is for the agent itself", "choose another name")
    return pairs


def added(args: apps.MultiArguments) -> tuple[str, str, Arguments, list[str]]:
    """The pod, the image, its flags and its arguments, of `app add`."""
    words = list(args.apps)
    own = options.Arguments()
    pod = ""
    if args.given("uuid-file"):
        from podwright.cli import which

        args.rest = []
        pod = which.one(args, "app add")
    elif words:
        pod, own, _ = words.pop(0)  # flags before the image are the image's, too
    if not pod or len(words) != 1:
        raise UsageError(
            "app add needs a pod and one image", "podwright app add UUID IMAGE [OPTIONS] [-- ARGS]"
        )
    image, after, extra = words[0]
    own.flags = {**own.flags, **after.flags}
    return pod, image, own, extra


def app_spec(
    args: apps.MultiArguments, image: str, own: Arguments, extra: list[str], context: Context
) -> Asked:
    """What `app add` asks for."""
    found = [_volume(text) for text in own.texts("mnt-volume")]
    if found:
        own.flags["mount"] = [*own.texts("mount"), *(f"{mount}" for _, mount in found)]
    given = apps.MultiArguments()
    given.apps = [(image, own, extra)]
    app = apps.pod_spec(given, context.insecure).apps[0]
    volumes = tuple(volume for volume, _ in found)
    names = [volume.name for volume in volumes]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise UsageError(f"--mnt-volume: {name} is declared twice", object=name)
    return Asked(app, volumes, args.text("pull-policy", "new"), context.insecure)


def _volume(text: str) -> tuple[Volume, str]:
    """A volume, and its mount as `--mount` takes it."""
    from podwright.cli import storage

    words = options.split(text, "--mnt-volume")
    name, target = words.pop("name", ""), words.pop("target", "")
    if not name or not target or "kind" not in words:
        raise UsageError(
            f"--mnt-volume: {safe(text, 80)!r} does not say name, kind and target",
            "write name=data,kind=host,source=/path,target=/path",
        )
    rest = ",".join(f"{key}={content}" for key, content in words.items())
    return storage.volume(f"{name},{rest}"), f"volume={name},target={target}"
