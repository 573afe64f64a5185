# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Isolators: what an app or pod may use (behaviour.md B3). Unknown ones are refused by name.

One row of `ROWS` per isolator; how each value is read is in `isolator_values.py`.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model import isolator_values as read
from podwright.model.fields import Fields, wrong
from podwright.model.isolator_values import SelinuxContext, quantity
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

__all__ = ["Isolators", "SelinuxContext", "parse", "quantity"]


@value
class Isolators:
    """The isolators of one app or pod, all optional (None or empty = not said).

    memory       limit in bytes
    cpu_milli    limit in thousandths of a core
    cpu_shares   2..262144
    pids         most processes and threads
    oom_score_adj  -1000..1000
    caps_retain / caps_remove    capability names (`CAP_...`), at most one of the two is set
    seccomp_retain / seccomp_remove  syscall names and @groups, at most one of the two is set
    seccomp_errno   name of the errno a refused syscall returns, or "" for the default action
    no_new_privileges  None = our default (on)
    io_weight    share of a busy disk, 1..1000, the usual one is 100
    block_bandwidth  bytes per second, block_iops requests per second: of each disk, per direction
    sysctls      (key with dots, text) pairs
    rlimits      (name such as NOFILE, soft, hard), -1 for no limit
    apparmor     profile name, or ""
    selinux      context to run with
    network_bandwidth  bytes per second
    optional     names of the isolators that are reported when they cannot be enforced
    unknown      names of those that are not known, all of them optional
    """

    memory: Optional[int] = None
    cpu_milli: Optional[int] = None
    cpu_shares: Optional[int] = None
    pids: Optional[int] = None
    oom_score_adj: Optional[int] = None
    caps_retain: Optional[tuple[str, ...]] = None
    caps_remove: Optional[tuple[str, ...]] = None
    seccomp_retain: Optional[tuple[str, ...]] = None
    seccomp_remove: Optional[tuple[str, ...]] = None
    seccomp_errno: str = ""
    no_new_privileges: Optional[bool] = None
    io_weight: Optional[int] = None
    block_bandwidth: Optional[int] = None
    block_iops: Optional[int] = None
    sysctls: tuple[tuple[str, str], ...] = ()
    rlimits: tuple[tuple[str, int, int], ...] = ()
    apparmor: str = ""
    selinux: Optional[SelinuxContext] = None
    network_bandwidth: Optional[int] = None
    optional: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()


@value
class Row:
    """How one isolator is read.

    fields  of `Isolators`; with several, `read` returns as many values
    pod     it also makes sense for a pod as a whole
    """

    fields: tuple[str, ...]
    read: Callable[[Any, str], Any]
    pod: bool = False


_REMOVED_CAPS = Row(("caps_remove",), read.capabilities)

ROWS = {
    "resource/memory": Row(("memory",), read.memory, pod=True),
    "resource/cpu": Row(("cpu_milli",), read.cpu, pod=True),
    "resource/pids": Row(("pids",), read.limit, pod=True),
    "resource/block-bandwidth": Row(("block_bandwidth",), read.device_limit, pod=True),
    "resource/block-iops": Row(("block_iops",), read.device_limit, pod=True),
    "resource/network-bandwidth": Row(("network_bandwidth",), read.device_limit, pod=True),
    "os/linux/cpu-shares": Row(("cpu_shares",), read.cpu_shares, pod=True),
    "os/linux/io-weight": Row(("io_weight",), read.io_weight, pod=True),
    "os/linux/oom-score-adj": Row(("oom_score_adj",), read.oom_score_adj),
    "os/linux/capabilities-retain-set": Row(("caps_retain",), read.capabilities),
    "os/linux/capabilities-remove-set": _REMOVED_CAPS,
    "os/linux/capabilities-revoke-set": _REMOVED_CAPS,
    "os/linux/seccomp-retain-set": Row(("seccomp_retain", "seccomp_errno"), read.system_calls),
    "os/linux/seccomp-remove-set": Row(("seccomp_remove", "seccomp_errno"), read.system_calls),
    "os/linux/no-new-privileges": Row(("no_new_privileges",), read.boolean),
    "os/linux/rlimits": Row(("rlimits",), read.rlimits),
    "os/linux/apparmor-profile": Row(("apparmor",), read.apparmor),
    "os/linux/selinux-context": Row(("selinux",), read.selinux),
    "os/unix/sysctl": Row(("sysctls",), read.sysctls, pod=True),
}


def parse(items: Any, path: str, *, pod: bool = False) -> Isolators:
    """Read a list of {name, value, optional}; a later one of the same name wins (B3).

    pod  the list is for a pod as a whole
    The two names of the removed capabilities add up.
    Raises UsageError for a bad value, for retain and remove together, and for an isolator that
    is unknown or has no meaning here, unless it is optional.
    """
    if not isinstance(items, list):
        raise wrong(path, "a list", items)
    got: dict[str, Any] = {}
    optional: dict[str, bool] = {}
    removed: dict[str, tuple[str, ...]] = {}
    unknown = []
    for index, item in enumerate(items):
        fields = Fields(item, f"{path}[{index}]")
        name, may_miss = fields.text("name", ...), fields.boolean("optional")
        body = fields.raw("value", ...)
        fields.finish()
        refusal = _refusal(name, fields.at("name"), pod)
        if refusal is None:
            row = ROWS[name]
            found = row.read(body, fields.at("value"))
            if row is _REMOVED_CAPS:
                removed[name] = found
                found = tuple(sorted({cap for caps in removed.values() for cap in caps}))
            got.update(zip(row.fields, found if len(row.fields) > 1 else (found,)))
            optional[name] = may_miss
        elif may_miss:
            unknown.append(name)
        else:
            raise refusal
    _check_exclusive(got, path)
    missable = frozenset(name for name, may_miss in optional.items() if may_miss)
    return Isolators(**got, optional=missable, unknown=tuple(unknown))


def as_texts(item: Any) -> Any:
    """An isolator as manifests have it: the values of kernel settings are texts there."""
    if item["name"] != "os/unix/sysctl":
        return item
    return {**item, "value": read.setting_texts(item["value"])}


def _refusal(name: str, where: str, pod: bool) -> Optional[UsageError]:
    """Why an isolator is not accepted here, or None."""
    shown = safe(name, 80)
    if name not in ROWS:
        text = f"{where}: unknown isolator {shown!r}"
        hint = f"known are {', '.join(sorted(ROWS))}"
    elif pod and not ROWS[name].pod:
        text = f"{where}: {shown} is for an app, not for a pod as a whole"
        hint = "put it on the pod's apps"
    else:
        return None
    return UsageError(text, hint, object=where)


def _check_exclusive(got: dict[str, Any], path: str) -> None:
    for kind in ("caps", "seccomp"):
        if got.get(f"{kind}_retain") is not None and got.get(f"{kind}_remove") is not None:
            raise UsageError(
                f"{path}: retain and remove sets of {kind} cannot be combined", object=path
            )
