# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of an app: has it started, does it serve, is it still alive. Pure.

In a desired state a probe is an object such as `{"http": {"port": 8080, "path": "/healthz"},
"interval": 5}`; its fields are called as in Kubernetes, without `Seconds` and `period`. Only pods
that have probes load this.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.specfields import seconds
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.model.image import Port

STARTUP, READINESS, LIVENESS = ROLES = ("startup", "readiness", "liveness")
EXEC, HTTP, TCP = "exec", "http", "tcp"
LONGEST = 3600.0
MOST_TIMES = 100000
TOKEN = "!#$%&'*+-.^_`|~"
"""What a header's name may have besides letters and digits (RFC 9110)."""


@value
class Probe:
    """How one thing about an app is found out, and how often that must come out the same.

    kind      exec, http or tcp
    exec      the command, run as the app
    port      of the pod: a number, or the name of a port of the app
    address   where http and tcp connect to; "": the pod's own address, or its loopback
    path, host, headers   of the GET request; host "" is the address
    interval  seconds between the end of a try and the next one
    timeout   seconds for one try
    failure_threshold, success_threshold    tries in a row until it counts
    initial_delay    seconds from the start of the program (or the end of the startup probe)
    """

    kind: str
    exec: tuple[str, ...] = ()
    port: str = ""
    address: str = ""
    path: str = "/"
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    interval: float = 10.0
    timeout: float = 3.0
    failure_threshold: int = 3
    success_threshold: int = 1
    initial_delay: float = 0.0

    def shown(self) -> str:
        """What it asks, in a few words."""
        if self.kind == EXEC:
            return safe(self.exec[0], 80)
        return f"{self.kind} {self.port}" + (safe(self.path, 80) if self.kind == HTTP else "")


DEFAULTS = {
    STARTUP: Probe(TCP, interval=1.0, failure_threshold=60),
    READINESS: Probe(TCP),
    LIVENESS: Probe(TCP),
}
"""What is not said: an app has a minute to start, asked every second."""


def parse(fields: Optional[Fields], role: str) -> Optional[Probe]:
    """Read a probe from a desired state. Raises UsageError for what cannot be asked."""
    if fields is None:
        return None
    kinds = [kind for kind in (EXEC, HTTP, TCP) if fields.raw(kind) is not None]
    if len(kinds) != 1:
        raise UsageError(
            f"{fields.path}: must have one of exec, http and tcp",
            'write {"http": {"port": 8080, "path": "/healthz"}}, {"tcp": 6379} or {"exec": [...]}',
            object=fields.path,
        )
    plain = DEFAULTS[role]
    probe = replace(
        _target(fields, kinds[0]),
        interval=seconds(fields, "interval", plain.interval, LONGEST, 0.1),
        timeout=seconds(fields, "timeout", plain.timeout, LONGEST, 0.1),
        failure_threshold=_times(fields, "failure_threshold", plain.failure_threshold),
        success_threshold=_times(fields, "success_threshold", plain.success_threshold),
        initial_delay=seconds(fields, "initial_delay", 0.0, LONGEST),
    )
    fields.finish()
    return check(probe, role, fields.path)


def _times(fields: Fields, name: str, default: int) -> int:
    return fields.integer(name, default, 1, MOST_TIMES)


def _target(fields: Fields, kind: str) -> Probe:
    if kind == EXEC:
        return Probe(EXEC, exec=fields.texts("exec"))
    if kind == TCP:
        if isinstance(fields.raw("tcp"), dict):
            return _nested(fields, TCP)
        return Probe(TCP, port=_port(fields, "tcp"))
    return _nested(fields, HTTP)


def _nested(fields: Fields, kind: str) -> Probe:
    inner = fields.child(kind)
    assert inner is not None
    probe = Probe(kind, port=_port(inner, "port"), address=inner.text("address"))
    if kind == HTTP:
        if inner.text("scheme", "http").lower() != "http":
            raise no_https(inner.at("scheme"))
        probe = replace(
            probe,
            path=inner.text("path", "/"),
            host=inner.text("host"),
            headers=tuple(sorted(inner.mapping("headers").items())),
        )
    inner.finish()
    return probe


def _port(fields: Fields, name: str) -> str:
    found = fields.raw(name, ...)
    return str(found) if type(found) is int else fields.text(name)


def no_https(where: str) -> UsageError:
    """Why a probe does not speak TLS: the pod's init has no such library, and shall have none."""
    return UsageError(
        f"{where}: a probe speaks plain HTTP only",
        "ask a port that speaks it, or use tcp, or exec with a client that the image has",
        object=where,
    )


def check(probe: Probe, role: str, where: str) -> Probe:
    """Refuse what cannot be asked; the probe itself otherwise."""
    why = _wrong(probe, role)
    if why[0]:
        raise UsageError(f"{where}: {why[0]}", why[1], object=where)
    if probe.address:
        from podwright.net import ip

        try:
            return replace(probe, address=str(ip.canonical(probe.address)))
        except ValueError:
            raise UsageError(
                f"{where}: {safe(probe.address, 60)!r} is not an IP address",
                "write it like 127.0.0.1 or ::1",
                object=where,
            ) from None
    return probe


def _wrong(probe: Probe, role: str) -> tuple[str, str]:
    """(what is wrong, what to do), both "" when nothing is."""
    if probe.kind == EXEC and not (probe.exec and probe.exec[0]):
        return "exec names no program", "write the program and its arguments"
    if probe.kind in (HTTP, TCP) and not _is_port(probe.port):
        return (
            f"{safe(probe.port, 40)!r} is not a port",
            "write a number from 1 to 65535, or the name of one of the app's ports",
        )
    if role != READINESS and probe.success_threshold != 1:
        return f"success_threshold of {role} is always 1", "leave it out"
    return _wrong_request(probe)


def _wrong_request(probe: Probe) -> tuple[str, str]:
    if not probe.path.startswith("/") or not _visible(probe.path):
        return (
            f"{safe(probe.path, 80)!r} is not the path of a request",
            "begin with /, and write spaces and what is not ASCII like %20",
        )
    if not _visible(probe.host) or "/" in probe.host:
        return f"{safe(probe.host, 80)!r} is not a host name", "write it as in a URL"
    for name, text in probe.headers:
        in_name = all(char.isalnum() or char in TOKEN for char in name)
        if not name or not name.isascii() or not in_name or not _visible(text.replace(" ", "")):
            return f"{safe(f'{name}: {text}', 80)!r} is not a header", "write printable ASCII"
        if name.lower() in ("host", "connection", "content-length", "transfer-encoding"):
            hint = "give the host as `host`" if name.lower() == "host" else "leave it out"
            return f"header {name} is the probe's own", hint
    return "", ""


def _visible(text: str) -> bool:
    return all("!" <= char <= "~" for char in text)


def _is_port(text: str) -> bool:
    if text.isascii() and text.isdigit():
        return len(text) <= 5 and 0 < int(text) < 65536
    name = all(char.isalnum() or char == "-" for char in text) and text.isascii()
    return bool(text) and name and "-" not in (text[0], text[-1])


def dump(probe: Probe, role: str) -> dict[str, Any]:
    """What `parse` reads; what is not said is left out."""
    out: dict[str, Any] = {}
    if probe.kind == EXEC:
        out[EXEC] = list(probe.exec)
    else:
        inner: dict[str, Any] = {"port": int(probe.port) if probe.port.isdigit() else probe.port}
        more = {"address": probe.address, "host": probe.host, "headers": dict(probe.headers)}
        inner.update({name: found for name, found in more.items() if found})
        if probe.path != "/":
            inner["path"] = probe.path
        out[probe.kind] = inner["port"] if probe.kind == TCP and len(inner) == 1 else inner
    for name in TIMES:
        found = getattr(probe, name)
        if found != getattr(DEFAULTS[role], name):
            out[name] = found
    return out


TIMES = ("interval", "timeout", "failure_threshold", "success_threshold", "initial_delay")


def resolve(probe: Probe, ports: tuple[Port, ...], where: str) -> Probe:
    """The probe with a number for the name of a port of its app."""
    if not probe.port or probe.port.isdigit():
        return probe
    for port in ports:
        if port.name == probe.port and port.protocol == "tcp":
            return replace(probe, port=str(port.port))
    known = ", ".join(port.name for port in ports if port.protocol == "tcp")
    raise UsageError(
        f"{where}: the app has no TCP port called {probe.port}",
        f"its ports are {known}" if known else "write the port's number",
        object=where,
    )


def budget(startup: Optional[Probe], readiness: Optional[Probe]) -> float:
    """Seconds that an app's probes may take before it could be ready."""
    total = 0.0 if readiness is None else readiness.initial_delay
    if startup is not None:
        tries = startup.failure_threshold * (startup.interval + startup.timeout)
        total += startup.initial_delay + tries
    return total
