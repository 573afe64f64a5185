# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator says about the systemd unit of a named pod, and its sockets. Pure.

Only what leaves the agent able to do its work can be said here, and everything that is said is a
line of a unit that systemd reads back as it is: no specifiers, no line ends, no unknown settings,
which systemd would pass over with a warning. Whoever wants more writes a drop-in of his own, which
is never touched.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.names import ac_name, is_variable_name
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.model.fields import Fields
    from podwright.model.pod import HostPort

WANTED_BY: tuple[str, ...] = ("multi-user.target",)
LISTS = ("after", "before", "requires", "wants", "part_of")
"""Units by what they are to this one."""
DIRECTIVES = {
    "after": "After",
    "before": "Before",
    "requires": "Requires",
    "wants": "Wants",
    "part_of": "PartOf",
}
KINDS = (
    *("service", "socket", "target", "mount", "automount", "path", "timer", "device"),
    *("slice", "scope", "swap"),
)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


UNIT_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@"
UNIT_SETTINGS = _names(
    "Description Documentation BindsTo Requisite Upholds Conflicts OnFailure OnSuccess"
    " PropagatesStopTo StopPropagatedFrom RequiresMountsFor WantsMountsFor StartLimitIntervalSec"
    " StartLimitBurst StartLimitAction FailureAction SuccessAction RefuseManualStart"
    " RefuseManualStop IgnoreOnIsolate JobTimeoutSec ConditionPathExists ConditionHost"
    " ConditionPathIsMountPoint ConditionFileNotEmpty ConditionDirectoryNotEmpty"
    " ConditionACPower ConditionVirtualization ConditionMemory ConditionCPUs AssertPathExists"
    " AssertPathIsMountPoint AssertFileNotEmpty"
)
LIMITS = _names(
    "CPUAccounting CPUWeight StartupCPUWeight CPUQuota CPUQuotaPeriodSec AllowedCPUs"
    " StartupAllowedCPUs AllowedMemoryNodes MemoryAccounting MemoryMin MemoryLow MemoryHigh"
    " MemoryMax MemorySwapMax MemoryZSwapMax TasksAccounting TasksMax IOAccounting IOWeight"
    " StartupIOWeight IODeviceWeight IOReadBandwidthMax IOWriteBandwidthMax IOReadIOPSMax"
    " IOWriteIOPSMax IODeviceLatencyTargetSec IPAccounting IPAddressAllow IPAddressDeny"
    " ManagedOOMSwap ManagedOOMMemoryPressure ManagedOOMMemoryPressureLimit"
    " ManagedOOMPreference"
)
"""Resource control of the pod as a whole (systemd.resource-control(5)); they may be percentages."""
SERVICE_SETTINGS = LIMITS | _names(
    "Slice RestartSec RestartPreventExitStatus RestartForceExitStatus SuccessExitStatus"
    " WatchdogSec RuntimeMaxSec TimeoutAbortSec Nice IOSchedulingClass IOSchedulingPriority"
    " CPUSchedulingPolicy CPUSchedulingPriority CPUAffinity NUMAPolicy NUMAMask OOMPolicy"
    " OOMScoreAdjust LimitCPU LimitFSIZE LimitDATA LimitSTACK LimitCORE LimitRSS LimitNOFILE"
    " LimitAS LimitNPROC LimitMEMLOCK LimitLOCKS LimitSIGPENDING LimitMSGQUEUE LimitNICE"
    " LimitRTPRIO LimitRTTIME LogLevelMax LogRateLimitIntervalSec LogRateLimitBurst"
    " LogNamespace CoredumpFilter KeyringMode"
)
INSTALL_SETTINGS = _names("RequiredBy UpheldBy")
"""Neither Also= nor Alias=: with them, enabling and disabling the pod would do so to other units."""
SECTIONS = {
    "Unit": UNIT_SETTINGS,
    "Service": SERVICE_SETTINGS,
    "Install": INSTALL_SETTINGS,
}
OWN_DROP_IN = "write what else you want into a drop-in of your own, podwright-NAME.service.d/*.conf"
LONGEST = 2048

Settings = tuple[tuple[str, str, str], ...]


@value
class UnitSpec:
    """What is said about a pod's unit.

    relations    (directive of [Unit], name of a unit)
    environment  of the agent that runs the pod, such as a proxy; no app sees it
    settings     (section, directive, value); a directive may stand several times
    """

    relations: tuple[tuple[str, str], ...] = ()
    wanted_by: tuple[str, ...] = WANTED_BY
    environment: tuple[tuple[str, str], ...] = ()
    settings: Settings = ()


PLAIN = UnitSpec()


def parse(fields: Optional[Fields]) -> UnitSpec:
    """Read `unit` of a pod."""
    if fields is None:
        return PLAIN
    relations = [
        (DIRECTIVES[name], unit_name(text, fields.at(name)))
        for name in LISTS
        for text in fields.texts(name)
    ]
    wanted = WANTED_BY
    if fields.raw("wanted_by") is not None:
        wanted = tuple(
            unit_name(text, fields.at("wanted_by")) for text in fields.texts("wanted_by")
        )
    environment = fields.mapping("environment")
    for name, text in environment.items():
        if not is_variable_name(name):
            raise UsageError(f"{fields.at('environment')}: {safe(name, 60)!r} is not a variable")
        _printable(text, f"{fields.at('environment')}.{name}")
    found = UnitSpec(
        tuple(relations), wanted, tuple(sorted(environment.items())), tuple(_settings(fields))
    )
    fields.finish()
    return found


def unit_name(text: str, where: str) -> str:
    """The name of a unit, in full."""
    stem, dot, kind = text.rpartition(".")
    legal = all(char in UNIT_LETTERS for char in text) and len(text) < 256
    if not (dot and stem and kind in KINDS and legal):
        raise UsageError(
            f"{where}: {safe(text, 80)!r} is not the name of a unit",
            "write it in full, such as postgresql.service",
            object=where,
        )
    return text


def _settings(fields: Fields) -> list[tuple[str, str, str]]:
    given = fields.child("settings")
    if given is None:
        return []
    out = []
    for section, allowed in SECTIONS.items():
        raw = given.raw(section, {})
        where = given.at(section)
        if not isinstance(raw, dict):
            raise UsageError(f"{where}: must be an object of directives", object=where)
        for name, said in raw.items():
            _check_name(section, name, allowed, where)
            for one in said if isinstance(said, list) else [said]:
                line = _text(name, one, f"{where}.{name}")
                for word in line.split() if section == "Install" else ():
                    unit_name(word, f"{where}.{name}")
                out.append((section, name, line))
    given.finish()
    return out


def _check_name(section: str, name: Any, allowed: frozenset[str], where: str) -> None:
    if name not in allowed:
        raise UsageError(
            f"{where}: {safe(name, 60)!r} is not a setting that can be made here",
            OWN_DROP_IN,
            object=where,
        )


def _text(name: str, said: Any, where: str) -> str:
    """The text of a directive's value."""
    if isinstance(said, bool):
        return "yes" if said else "no"
    if isinstance(said, (int, float)):
        return f"{said}"
    if not isinstance(said, str):
        raise UsageError(f"{where}: must be text, a number, true or false", object=where)
    _printable(said, where)
    if said.endswith("\\") or said != said.strip():
        raise UsageError(f"{where}: begins or ends with what systemd would take off", object=where)
    if "%" in said and not (name in LIMITS and _is_share(said)):
        raise UsageError(
            f"{where}: has a %, which systemd would replace",
            f"only limits can be such shares as 50%; {OWN_DROP_IN}",
            object=where,
        )
    return said


def _is_share(text: str) -> bool:
    number = text[:-1].replace(".", "", 1)
    return text.endswith("%") and number.isascii() and number.isdigit()


def _printable(text: str, where: str) -> None:
    if len(text) > LONGEST or not all(char.isprintable() for char in text):
        raise UsageError(
            f"{where}: has characters that a line of a unit cannot have, or too many of them",
            object=where,
        )


# What is kept with a revision


def dump(unit: UnitSpec) -> dict[str, Any]:
    """As JSON; `load(dump(unit)) == unit`."""
    return {
        "relations": [list(pair) for pair in unit.relations],
        "wanted_by": list(unit.wanted_by),
        "environment": dict(unit.environment),
        "settings": [list(triple) for triple in unit.settings],
    }


def load(raw: Optional[dict[str, Any]]) -> UnitSpec:
    """Read what `dump` wrote; the plain one for nothing."""
    if not raw:
        return PLAIN
    return UnitSpec(
        tuple((name, unit) for name, unit in raw["relations"]),
        tuple(raw["wanted_by"]),
        tuple(sorted(raw["environment"].items())),
        tuple((section, name, text) for section, name, text in raw["settings"]),
    )


# Sockets


@value
class ActivatedPort:
    """A published port on which systemd listens until somebody connects."""

    name: str
    protocol: str = "tcp"


def parse_sockets(
    texts: tuple[str, ...], ports: tuple[HostPort, ...], where: str
) -> tuple[ActivatedPort, ...]:
    """`sockets` of a pod: names of its published ports, with /udp for those that are not TCP."""
    out = []
    for text in texts:
        name, slash, protocol = text.partition("/")
        ac_name(name, where)
        if slash and protocol not in ("tcp", "udp"):
            raise UsageError(f"{where}: {safe(text, 80)!r} is neither tcp nor udp", object=where)
        if name not in {port.name for port in ports}:
            raise UsageError(
                f"{where}: {name} is not a published port of the pod",
                "say in `ports` on which port of the host it is",
                object=where,
            )
        out.append(ActivatedPort(name, protocol or "tcp"))
    if len({one.name for one in out}) != len(out):
        raise UsageError(f"{where}: names must be unique", object=where)
    return tuple(out)


def listens(sockets: tuple[ActivatedPort, ...], ports: tuple[HostPort, ...]) -> list[list[str]]:
    """(directive, address) of the lines of the socket unit."""
    out = []
    for one in sockets:
        for port in ports:
            if port.name == one.name:
                directive = "ListenStream" if one.protocol == "tcp" else "ListenDatagram"
                host = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip
                for number in range(port.host_port, port.host_port + port.count):
                    out.append([directive, f"{host}:{number}" if host else f"{number}"])
    return out
