# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod is given at /etc/hosts and /etc/resolv.conf, written into its directory (B7).

Its apps have these files read-only. They lie beside the pod's root and not in it, so that no app can
put anything else in their place, whatever it has become in there.
"""

from __future__ import annotations

import os

from podwright.errors import NetworkError
from podwright.kernel import fs
from podwright.kernel.step import step
from podwright.net import hostsfile
from podwright.stage1.contract import GIVEN, IMAGE, PEERS, EtcFiles
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.podnames import PodNames
    from podwright.stage1.contract import Launch

HOSTS = "/etc/hosts"
MAX_HOSTS = 1 << 20
KEPT = "etc-files"
"""In the directory of a pod whose apps come and go."""
SILENT = ("host", "none", "default", "default-restricted")
"""Networks that say nothing about names, as long as the operator has not put others in their place."""


def write(pod: Launch, names: Optional[PodNames], confs: tuple[str, ...] = ()) -> EtcFiles:
    """Write the files that the pod needs; returns which they are.

    confs  directories that may have configurations of networks
    Raises NetworkError where the host's name servers are asked for and are of no use.
    """
    own_network = pod.net not in ("host", "none")
    others = hostsfile.own_names(pod.uuid, pod.name, [app.name for app in pod.manifest.apps])
    hosts = _hosts(pod, own_network, others, names)
    resolv = _resolv(pod, own_network, names) if names is not None else ""
    speaks = pod.net not in SILENT or (own_network and any(map(os.path.isdir, confs)))
    taken = names.taken() if names is not None else ()
    return EtcFiles(hosts, resolv, speaks and not resolv, pod.net != "none", others, taken)


def keep(pod_dir: str, etc: EtcFiles) -> None:
    """Write down what they are, for apps that come later."""
    from podwright import jsonio
    from podwright.values_json import to_json

    data = jsonio.dumps(to_json(etc)).encode()
    fs.write_atomic(f"{pod_dir}/{KEPT}", data, 0o640, durable=False)


def kept(pod_dir: str) -> EtcFiles:
    """What was written down."""
    from podwright import jsonio

    with open(f"{pod_dir}/{KEPT}", "rb") as file:
        raw = jsonio.loads(file.read(), f"{pod_dir}/{KEPT}")
    return EtcFiles(**{**raw, "names": tuple(raw["names"]), "taken": tuple(raw["taken"])})


def say_apps(
    pod_dir: str,
    hostname: str,
    others: tuple[str, ...],
    own_network: bool,
    names: Optional[PodNames],
) -> None:
    """Write anew what the hosts file of a pod that runs says of the pod itself.

    others  names that lead to the pod itself, besides its host name
    It is bound into the apps, so it stays the same file.
    """
    path = f"{pod_dir}/{hostsfile.FILE}"
    if (names is not None and names.hosts) or not os.path.lexists(path):
        return
    entries = names.entries if names is not None else ()
    fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        peers = os.pread(fd, MAX_HOSTS, 0).partition(hostsfile.MARK)[2]
        data = hostsfile.own(hostname, others, entries, own_network) + peers
        step("write")
        os.pwrite(fd, data, 0)
        os.ftruncate(fd, len(data))
    finally:
        os.close(fd)


def _hosts(
    pod: Launch, own_network: bool, others: tuple[str, ...], names: Optional[PodNames]
) -> str:
    if names is not None and names.hosts:
        with open(HOSTS, "rb") as file:
            _put(pod, hostsfile.FILE, file.read(MAX_HOSTS))
        return GIVEN
    entries = names.entries if names is not None else ()
    if not entries and not own_network:
        return ""
    _put(pod, hostsfile.FILE, hostsfile.own(pod.hostname, others, entries, own_network))
    return GIVEN if entries else PEERS


def _resolv(pod: Launch, own_network: bool, names: PodNames) -> str:
    if names.dns == "none":
        return IMAGE
    if not names.dns and not names.says_dns():
        return ""
    if names.dns:
        text = check_host(pod.net)
    else:
        from podwright.host import resolvconf

        servers = names.servers or _host_servers(pod.net)
        text = resolvconf.render(servers, names.search, names.options, names.domain)
    _put(pod, "resolv.conf", text.encode())
    return GIVEN


def _host_servers(net: str) -> tuple[str, ...]:
    """For a pod with search domains or options, and no servers of its own: else it had none at all."""
    from podwright.host import resolvconf

    return () if net == "none" else resolvconf.servers(own_network=net != "host")


def check_host(net: str) -> str:
    """The host's resolv.conf for a pod on these networks.

    Raises NetworkError where it has no server, or none that such a pod could ask.
    """
    from podwright.host import resolvconf

    found = resolvconf.of_host(own_network=net not in ("host", "none"))
    if found.text:
        return found.text
    servers = safe(", ".join(found.unusable), 200)
    raise NetworkError(
        "dns host: the host's resolv.conf is of no use: "
        + (f"a pod cannot reach {servers}" if servers else "it names no server"),
        "name a server that it can reach, or use the host's network",
        object="dns",
        reason="no-name-server",
    )


def _put(pod: Launch, name: str, data: bytes) -> None:
    fs.write_new(f"{pod.pod_dir}/{name}", data, 0o644, durable=False)
