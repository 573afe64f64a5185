# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said to a CNI plugin, and its errors (CNI specification 0.1.0 to 1.1.0). Pure."""

from __future__ import annotations

from podwright import jsonio
from podwright.errors import NetworkError, UsageError
from podwright.net.values import VERSIONS
from podwright.text import Shown, safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.net.values import Attachment, NetRequest

CONTAINER = "CNI_CONTAINERID"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TIMEOUT = 30
"""Seconds that one call of a plugin may take, unless the configuration says otherwise."""
MOST_SECONDS = 600

BANDWIDTH = ("ingressRate", "ingressBurst", "egressRate", "egressBurst")
"""CNI arguments that the capability of this name is made of: bits, as the plugin counts."""

HINTS = {
    1: "write a cniVersion that the plugin knows, or install a newer one",
    2: "take the field out of the network's configuration",
    4: "look at the arguments of --net and at the plugin's documentation",
    5: "see the system log, and try again",
    6: "correct the network's configuration",
    7: "correct the network's configuration",
    11: "try again later",
    50: "see what the plugin needs on this host",
    51: "see what the plugin needs on this host",
}
"""Error codes of the specification -> what to do."""
UNREAD = (1, 2, 4, 6, 7)
"""Codes that refuse what a plugin is told, before it does anything."""
ENDED_BY_US = -1
"""In place of a code: it did not end by itself, or did not begin."""


class PluginError(NetworkError):
    """A plugin's call failed; `code` is what it says, or 0, or ENDED_BY_US."""

    reason = "plugin-failed"
    code = 0


@value
class Call:
    """What a plugin is called with, the same for ADD, CHECK and DEL.

    net      the network's name, for messages
    kind     the plugin's type, path its executable
    config   its configuration without prevResult
    uuid     the pod, ifname the link in it
    netns    path of the pod's namespace; "" when there is none any more
    args     CNI_ARGS as text, search CNI_PATH
    timeout  seconds
    """

    net: str
    kind: str
    path: str
    config: dict[str, Any]
    uuid: str
    ifname: str
    netns: str
    args: str
    search: str
    timeout: int = TIMEOUT

    def environment(self, command: str) -> dict[str, str]:
        """All of the plugin's environment."""
        out = {"PATH": PATH, "CNI_COMMAND": command, "CNI_PATH": self.search}
        if command in ("STATUS", "GC"):
            return out
        out |= {CONTAINER: self.uuid, "CNI_IFNAME": self.ifname, "CNI_NETNS": self.netns}
        return {**out, "CNI_ARGS": self.args} if self.args else out

    def stdin(self, previous: Optional[dict[str, Any]]) -> bytes:
        """The plugin's standard input: one form for each configuration."""
        more = {} if previous is None else {"prevResult": previous}
        return jsonio.dumps({**self.config, **more}).encode()


def at_least(version: str, floor: str) -> bool:
    """Whether a version that we know is not older than `floor`."""
    return VERSIONS.index(version) >= VERSIONS.index(floor)


def configuration(
    name: str, version: str, plugin: dict[str, Any], runtime: dict[str, Any]
) -> dict[str, Any]:
    """The configuration that a plugin of a network gets."""
    out = {key: found for key, found in plugin.items() if key not in ("capabilities", "prevResult")}
    out |= {"name": name, "cniVersion": version}
    return {**out, "runtimeConfig": runtime} if runtime else out


def arguments(args: tuple[tuple[str, str], ...]) -> str:
    """CNI_ARGS.

    A chain's plugins all get the same, and each understands its own: the usual ones ignore what
    is not theirs only when they are told to.
    """
    if not args or "IgnoreUnknown" in dict(args):
        return ";".join(f"{key}={text}" for key, text in args)
    return arguments((("IgnoreUnknown", "1"), *args))


def timeout(plugin: dict[str, Any], net: str) -> int:
    """Seconds for one call: `"args": {"podwright": {"timeout": SECONDS}}`. Raises UsageError."""
    args = plugin.get("args")
    own = args.get("podwright") if isinstance(args, dict) else None
    found = own.get("timeout", TIMEOUT) if isinstance(own, dict) else TIMEOUT
    if type(found) is not int or not 0 < found <= MOST_SECONDS:
        raise UsageError(
            f"network {net}: args.podwright.timeout must be 1 to {MOST_SECONDS} seconds",
            object=net,
        )
    return found


def declared(plugin: dict[str, Any], capability: str) -> bool:
    """Whether a plugin wants to be told of something at run time."""
    found = plugin.get("capabilities")
    return isinstance(found, dict) and found.get(capability) is True


def runtime(plugin: dict[str, Any], request: NetRequest, attached: Attachment) -> dict[str, Any]:
    """`runtimeConfig`: what a plugin has declared that it wants, and we have."""
    args = dict(attached.args)
    static = plugin.get("runtimeConfig")
    known: dict[str, Any] = {
        "portMappings": _ports(request),
        "ips": [one for one in args.get("IP", "").split(",") if one],
        "mac": args.get("MAC", ""),
        "aliases": sorted({request.name, request.hostname, *request.apps} - {""}),
        "dns": _dns(attached),
        "bandwidth": {key: int(args[key]) for key in BANDWIDTH if args.get(key, "").isdecimal()},
    }
    known = {
        **(static if isinstance(static, dict) else {}),
        **{k: v for k, v in known.items() if v},
    }
    return {key: found for key, found in known.items() if declared(plugin, key)}


def _ports(request: NetRequest) -> list[dict[str, Any]]:
    return [
        {
            "hostPort": port.host_port,
            "containerPort": port.pod_port,
            "protocol": port.proto,
            **({"hostIP": port.host_ip} if port.host_ip else {}),
        }
        for port in request.ports
    ]


def _dns(attached: Attachment) -> dict[str, Any]:
    dns = attached.dns
    lists = {"servers": dns.nameservers, "searches": dns.search, "options": dns.options}
    return {key: list(texts) for key, texts in lists.items() if texts}


def failure(call: Call, command: str, status: int, stdout: bytes, stderr: bytes) -> PluginError:
    """Why a plugin's call failed, from what it printed."""
    told = _error(stdout)
    said = shown(stderr)
    how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    code = told.get("code", 0)
    parts = [safe(told[key], 400) for key in ("msg", "details") if told.get(key)]
    text = ": ".join(parts) if parts else how
    if type(code) is int and code:
        text += f" (code {code})"
    if said and not parts:
        text += f", saying {said!r}"
    hint = HINTS.get(code if type(code) is int else 0, "see the plugin's documentation")
    return failed(call, command, text, hint, code if type(code) is int else 0)


def shown(stderr: bytes) -> Shown:
    """The end of what a plugin said on standard error, as one line."""
    return safe(b" ".join(stderr[-400:].split()), 400)


def failed(call: Call, command: str, why: str, hint: str, code: int = 0) -> PluginError:
    """One sentence about a call that failed."""
    error = PluginError(
        f"network {call.net}: plugin {call.kind}: {command}: {why}", hint, object=call.net
    )
    error.code = code
    return error


def _error(stdout: bytes) -> dict[str, Any]:
    """The error object that a plugin printed; empty when it is none."""
    try:
        raw = jsonio.loads(stdout, "error")
    except UsageError:
        return {}
    found = raw if isinstance(raw, dict) else {}
    texts = {key: found.get(key) for key in ("msg", "details")}
    return {
        "code": found.get("code", 0),
        **{key: text for key, text in texts.items() if isinstance(text, str)},
    }
