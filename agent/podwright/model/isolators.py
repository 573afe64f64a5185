# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Isolators: what an app or pod may use (behaviour.md B3). Unknown ones are refused by name."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.fields import Fields, wrong
from podwright.model.names import DIGITS, LETTERS, made_of
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

SUFFIXES = {
    "": 1,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "k": 10**3,
}
MOST = 2**63


@value
class Isolators:
    """The isolators of one app, all optional (None or empty = not said).

    memory       limit in bytes
    cpu_milli    limit in thousandths of a core
    cpu_shares   2..262144
    pids         most processes and threads
    oom_score_adj  -1000..1000
    caps_retain / caps_remove    capability names (`CAP_...`), at most one of the two is set
    seccomp_retain / seccomp_remove  syscall names and @groups, at most one of the two is set
    seccomp_errno   name of the errno a refused syscall returns, or "" for the default action
    no_new_privileges  None = our default (on)
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


def quantity(text: Any, path: str, *, milli: bool = False) -> int:
    """A Kubernetes-style quantity (`500m`, `1.5`, `256Mi`, `1G`) as units, or thousandths of them."""
    number = str(text) if type(text) in (str, int, float) else ""
    suffix = number.lstrip(DIGITS + ".")
    whole, point, fraction = number[: len(number) - len(suffix)].partition(".")
    if (
        suffix not in (*SUFFIXES, "m")
        or not made_of(whole, DIGITS)
        or (point and not made_of(fraction, DIGITS))
        or len(whole) > 15
        or len(fraction) > 9
    ):
        raise UsageError(
            f"{path}: {safe(text, 40)!r} is not a quantity",
            "write a number with an optional suffix: 500m, 2, 256Mi, 1G",
            object=path,
        )
    scale = 1 if suffix == "m" else 1000 * SUFFIXES[suffix]
    thousandths: int = int(whole + fraction) * scale // 10 ** len(fraction)
    if thousandths >= MOST * 1000:
        raise UsageError(f"{path}: {safe(text, 40)!r} is more than the kernel counts", object=path)
    return thousandths if milli else thousandths // 1000


def _limit(body: Any, path: str, *, milli: bool = False) -> Optional[int]:
    fields = Fields(body, path)
    limit = fields.raw("limit")
    request = fields.raw("request")
    fields.finish()
    if request is not None:
        quantity(request, fields.at("request"))
    if limit is None:
        return None
    amount = quantity(limit, fields.at("limit"), milli=milli)
    if amount == 0:
        raise UsageError(
            f"{fields.at('limit')}: a limit of {safe(limit, 40)} leaves nothing to run with",
            "leave the limit out, or give more",
            object=path,
        )
    return amount


def _integer(body: Any, path: str, low: int, high: int) -> int:
    if type(body) is str and made_of(body.removeprefix("-"), DIGITS) and len(body) < 11:
        body = int(body)
    if type(body) is not int:
        raise wrong(path, "a whole number", body)
    if not low <= body <= high:
        raise UsageError(f"{path}: {body} is not between {low} and {high}", object=path)
    return body


def _caps(body: Any, path: str) -> tuple[str, ...]:
    fields = Fields(body, path)
    names = fields.texts("set")
    fields.finish()
    for name in names:
        if not (
            name.startswith("CAP_") and made_of(name, LETTERS[26:] + "_") and 7 <= len(name) <= 34
        ):
            raise UsageError(
                f"{path}.set: {safe(name, 40)!r} is not a capability name",
                "write CAP_NET_ADMIN",
                object=path,
            )
    return tuple(sorted(set(names)))


def _seccomp(body: Any, path: str) -> tuple[tuple[str, ...], str]:
    fields = Fields(body, path)
    names, errno_name = fields.texts("set"), fields.text("errno")
    fields.finish()
    return tuple(sorted(set(names))), errno_name


def parse(items: Any, path: str) -> Isolators:
    """Read a list of {name, value}; a later one of the same name wins (B3).

    Raises UsageError for an unknown isolator, a bad value, or retain and remove together.
    """
    if not isinstance(items, list):
        raise wrong(path, "a list", items)
    got: dict[str, Any] = {}
    for index, item in enumerate(items):
        fields = Fields(item, f"{path}[{index}]")
        name = fields.text("name", ...)
        body = fields.raw("value", ...)
        fields.finish()
        where = fields.at("value")
        if name == "resource/memory":
            limit = _limit(body, where)
            if limit is not None and limit < 4096:
                raise UsageError(
                    f"{where}.limit: {limit} bytes are less than one page (4096)", object=where
                )
            got["memory"] = limit
        elif name == "resource/cpu":
            got["cpu_milli"] = _limit(body, where, milli=True)
        elif name == "resource/pids":
            got["pids"] = _limit(body, where)
        elif name == "os/linux/cpu-shares":
            got["cpu_shares"] = _integer(body, where, 2, 262144)
        elif name == "os/linux/oom-score-adj":
            got["oom_score_adj"] = _integer(body, where, -1000, 1000)
        elif name == "os/linux/capabilities-retain-set":
            got["caps_retain"] = _caps(body, where)
        elif name in ("os/linux/capabilities-remove-set", "os/linux/capabilities-revoke-set"):
            got["caps_remove"] = _caps(body, where)
        elif name == "os/linux/seccomp-retain-set":
            got["seccomp_retain"], got["seccomp_errno"] = _seccomp(body, where)
        elif name == "os/linux/seccomp-remove-set":
            got["seccomp_remove"], got["seccomp_errno"] = _seccomp(body, where)
        elif name == "os/linux/no-new-privileges":
            if type(body) is not bool:
                raise wrong(where, "true or false", body)
            got["no_new_privileges"] = body
        else:
            raise UsageError(
                f"{fields.at('name')}: unknown isolator {safe(name, 80)!r}",
                "this version enforces resource/{memory,cpu,pids} and os/linux/"
                "{cpu-shares,oom-score-adj,capabilities-*-set,seccomp-*-set,no-new-privileges}",
                object=path,
            )
    for kind in ("caps", "seccomp"):
        if got.get(f"{kind}_retain") is not None and got.get(f"{kind}_remove") is not None:
            raise UsageError(
                f"{path}: retain and remove sets of {kind} cannot be combined", object=path
            )
    return Isolators(**got)
