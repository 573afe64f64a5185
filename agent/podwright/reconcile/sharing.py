# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two instances of a pod would share, so that the new one cannot start while the old one runs."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model import netchoice
from podwright.model.podspec import AUTO, START_FIRST, STOP_FIRST
from podwright.model.volume import DEVICE, HOST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.host.paths import Layout
    from podwright.model.pod import PodManifest
    from podwright.model.podspec import PodSpec
    from podwright.model.volume import Volume
    from podwright.net.lookup import Chosen
    from podwright.net.values import NetConf
    from podwright.reconcile.observe import Observed

OWN_ARGS = ("IP", "MAC")
"""CNI arguments that only one pod at a time can have."""


def starts_first(
    layout: Layout,
    spec: PodSpec,
    manifest: PodManifest,
    seen: Observed,
    planned: tuple[NetConf, ...] = (),
) -> bool:
    """Whether a pod that replaces the one that runs starts before that one stops.

    planned  configurations of networks that are still to be written
    Raises UsageError that names what is shared where it was asked for and cannot be had.
    """
    if spec.replace == STOP_FIRST:
        return False
    why = shared(layout, spec, manifest, planned) or _of_old(layout, spec, seen)
    if why and spec.replace == START_FIRST:
        raise UsageError(
            f"pod {spec.name}: cannot start before the one that it replaces has stopped:"
            f" they would share {why}",
            f"share nothing, or say replace: {AUTO}, which stops the old one first where it has to",
            object=spec.name,
            reason="shared",
        )
    return not why


def shared(
    layout: Layout, spec: PodSpec, manifest: PodManifest, planned: tuple[NetConf, ...] = ()
) -> str:
    """What any two instances of the pod would share, in words; "" for nothing."""
    if spec.stage1 == "fly":
        return "all of the host, which is what fly is for"
    if spec.net == netchoice.HOST:
        return "the host's network"
    if spec.sockets:
        return "the sockets that systemd listens on"
    volumes = (_of_volume(volume, manifest) for volume in manifest.volumes)
    return next(filter(None, volumes), "") or _of_networks(layout, spec, planned)


def _of_volume(volume: Volume, manifest: PodManifest) -> str:
    if volume.kind == DEVICE:
        return f"the device {volume.source} (volume {volume.name})"
    if volume.kind != HOST or volume.read_only:
        return ""
    mounts = [one for app in manifest.apps for one in app.mounts if one.volume == volume.name]
    if mounts and all(one.read_only for one in mounts):
        return ""
    return f"{volume.source}, which they can write to (volume {volume.name})"


def _of_networks(layout: Layout, spec: PodSpec, planned: tuple[NetConf, ...]) -> str:
    if not netchoice.has_own_network(spec.net) or spec.net in netchoice.KNOWN[:2]:
        return ""
    from podwright.net import lookup

    found = lookup.chosen(spec.net, layout.net_dirs(), planned)
    return next(filter(None, (_of_network(one, bool(spec.ports)) for one in found)), "")


def _of_network(one: Chosen, publishes: bool) -> str:
    from podwright.net import kinds

    name, plugin = one.conf.name, one.conf.plugins[0]
    for key, text in one.args:
        if key in OWN_ARGS:
            return f"{key}={text} on network {name}"
    ipam = plugin.get("ipam")
    if isinstance(ipam, dict) and ipam.get("type") == "static":
        return f"the address of network {name}"
    if plugin["type"] == "host-device":
        return f"the device of network {name}"
    if plugin.get("mac"):
        return f"the address {plugin['mac']} on network {name}"
    foreign = any(each["type"] not in kinds.BUILTIN for each in one.conf.plugins)
    if publishes and foreign and any(_maps_ports(each) for each in one.conf.plugins):
        return f"ports that a plugin of network {name} publishes"
    return ""


def _maps_ports(plugin: dict[str, object]) -> bool:
    capabilities = plugin.get("capabilities")
    return isinstance(capabilities, dict) and bool(capabilities.get("portMappings"))


def _of_old(layout: Layout, spec: PodSpec, seen: Observed) -> str:
    """What the one that runs has of which it cannot let go while it runs."""
    if seen.revision is None or seen.state != "running":
        return ""
    old, settings = seen.revision.runtime, seen.revision.settings
    if old.get("stage1") == "fly":
        return "all of the host, which the old one has (fly)"
    credentials = sorted(one.secret.credential for one in spec.secrets if one.secret.credential)
    if credentials != settings.get("credentials", []):
        return "the unit, which gets other credentials"
    from podwright.net import handover

    net = handover.external_ports(layout.net, seen.uuid)
    if net:
        return f"ports that a plugin of network {net} publishes"
    from podwright.host import succession
    from podwright.stage0 import pods

    pod = pods.get(layout, seen.uuid)
    if pod is not None and not succession.hears(succession.parent_of(pod.path)):
        return "the supervisor, which an earlier agent has started"
    return ""
