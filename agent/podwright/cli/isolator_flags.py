# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags of isolators, as the lists that manifests hold. Checked, with the flag named."""

from __future__ import annotations

from podwright.cli import options
from podwright.errors import UsageError
from podwright.model.isolators import parse
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from podwright.cli.options import Arguments


def app_isolators(own: Arguments) -> tuple[Any, ...]:
    """What the flags of one app ask for."""
    if own.given("caps-retain") and own.given("caps-remove"):
        raise UsageError("--caps-retain and --caps-remove cannot be combined")
    return tuple(_checked(flag, item(own)) for flag, item in _ITEMS.items() if own.given(flag))


def pod_isolators(args: Arguments) -> tuple[Any, ...]:
    """What the flags of the pod ask for."""
    pairs = [_pair(text, "--sysctl", "net.core.somaxconn=512") for text in args.texts("sysctl")]
    return (_checked("sysctl", {"name": "os/unix/sysctl", "value": dict(pairs)}, pod=True),)


def _checked(flag: str, item: dict[str, Any], *, pod: bool = False) -> dict[str, Any]:
    try:
        parse([item], flag, pod=pod)
    except UsageError as err:
        place, _, what = err.message.partition(": ")
        inner = place.partition("].value")[2].partition(".")[2]
        what = f"{inner}: {what}" if flag == "sysctl" and inner else what
        raise UsageError(f"--{flag}: {what}", err.hint, object=f"--{flag}") from None
    return item


def _pair(text: str, flag: str, example: str) -> tuple[str, str]:
    name, equals, rest = text.partition("=")
    if not name or not equals or not rest:
        raise UsageError(f"{flag}: {safe(text, 60)!r} says no value", f"write {flag}={example}")
    return name, rest


def _resource(flag: str, name: str) -> Callable[[Arguments], dict[str, Any]]:
    return lambda own: {"name": f"resource/{name}", "value": {"limit": own.text(flag)}}


def _number(flag: str) -> Callable[[Arguments], dict[str, Any]]:
    return lambda own: {"name": f"os/linux/{flag}", "value": own.text(flag)}


def _capabilities(kind: str) -> Callable[[Arguments], dict[str, Any]]:
    def item(own: Arguments) -> dict[str, Any]:
        names = [name for name in own.text(f"caps-{kind}").split(",") if name]
        return {"name": f"os/linux/capabilities-{kind}-set", "value": {"set": names}}

    return item


def _seccomp(own: Arguments) -> dict[str, Any]:
    words = options.split(own.text("seccomp"), "--seccomp")
    mode = words.pop("mode", "")
    errno_name = words.pop("errno", "")
    if mode not in ("retain", "remove") or any(words.values()):
        raise UsageError("--seccomp: begin with mode=retain or mode=remove, then name system calls")
    value: dict[str, Any] = {"set": sorted(words)}
    if errno_name:
        value["errno"] = errno_name
    return {"name": f"os/linux/seccomp-{mode}-set", "value": value}


def _rlimits(own: Arguments) -> dict[str, Any]:
    found = []
    for text in own.texts("rlimit"):
        name, amounts = _pair(text, "--rlimit", "nofile=1024:4096")
        soft, colon, hard = amounts.partition(":")
        found.append({"name": name, "soft": soft, **({"hard": hard} if colon else {})})
    return {"name": "os/linux/rlimits", "value": {"set": found}}


def _no_new_privileges(own: Arguments) -> dict[str, Any]:
    return {"name": "os/linux/no-new-privileges", "value": own.true("no-new-privileges")}


def _apparmor(own: Arguments) -> dict[str, Any]:
    return {"name": "os/linux/apparmor-profile", "value": own.text("apparmor")}


_ITEMS = {
    "memory": _resource("memory", "memory"),
    "cpu": _resource("cpu", "cpu"),
    "cpu-shares": _number("cpu-shares"),
    "oom-score-adj": _number("oom-score-adj"),
    "pids": _resource("pids", "pids"),
    "io-weight": _number("io-weight"),
    "block-bandwidth": _resource("block-bandwidth", "block-bandwidth"),
    "block-iops": _resource("block-iops", "block-iops"),
    "rlimit": _rlimits,
    "caps-retain": _capabilities("retain"),
    "caps-remove": _capabilities("remove"),
    "seccomp": _seccomp,
    "no-new-privileges": _no_new_privileges,
    "apparmor": _apparmor,
}
