# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of isolators: each reader takes the JSON value and its path, and refuses by path."""

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
RLIMITS = (
    *("CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS"),
    *("SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"),
)
"""Names without RLIMIT_; the numbers are the architecture's (setrlimit(2))."""
UNLIMITED = -1
_SYSCTLS = (
    *("kernel.sem", "kernel.auto_msgmni", "kernel.shm_rmid_forced"),
    *("kernel.shmall", "kernel.shmmax", "kernel.shmmni"),
    *("kernel.msgmax", "kernel.msgmnb", "kernel.msgmni"),
)
_SYSCTL_TREES = ("net.", "fs.mqueue.")
_HOSTNAMES = ("kernel.hostname", "kernel.domainname")


@value
class SelinuxContext:
    """A context; `level` is a range such as `s0:c1,c2`."""

    user: str
    role: str
    type: str
    level: str


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


def _limit(fields: Fields, milli: bool = False) -> Optional[int]:
    """`limit` of a value of `limit` and `request`; the request reserves nothing, but must fit."""
    limit, request = fields.raw("limit"), fields.raw("request")
    fields.finish()
    least = None
    if request is not None:
        least = quantity(request, fields.at("request"), milli=milli)
    if limit is None:
        return None
    amount = quantity(limit, fields.at("limit"), milli=milli)
    if amount == 0:
        raise UsageError(
            f"{fields.at('limit')}: a limit of {safe(limit, 40)} leaves nothing to run with",
            "leave the limit out, or give more",
            object=fields.path,
        )
    if least is not None and least > amount:
        raise UsageError(
            f"{fields.at('request')}: {safe(request, 40)} is more than the limit {safe(limit, 40)}",
            object=fields.path,
        )
    return amount


def limit(body: Any, path: str) -> Optional[int]:
    """A limit in units."""
    return _limit(Fields(body, path))


def cpu(body: Any, path: str) -> Optional[int]:
    """A limit in thousandths."""
    return _limit(Fields(body, path), milli=True)


def memory(body: Any, path: str) -> Optional[int]:
    """A limit in bytes, at least one page."""
    found = limit(body, path)
    if found is not None and found < 4096:
        raise UsageError(f"{path}.limit: {found} bytes are less than one page (4096)", object=path)
    return found


def device_limit(body: Any, path: str) -> Optional[int]:
    """A limit for each device; appc wants `default: true` to say that it is for all of them."""
    fields = Fields(body, path)
    if not fields.boolean("default", True):
        raise UsageError(
            f"{fields.at('default')}: must be true", "the limit is for every device", object=path
        )
    return _limit(fields)


def _integer(body: Any, path: str, low: int, high: int) -> int:
    if type(body) is str and made_of(body.removeprefix("-"), DIGITS) and len(body) < 11:
        body = int(body)
    if type(body) is not int:
        raise wrong(path, "a whole number", body)
    if not low <= body <= high:
        raise UsageError(f"{path}: {body} is not between {low} and {high}", object=path)
    return body


def cpu_shares(body: Any, path: str) -> int:
    """2..262144."""
    return _integer(body, path, 2, 262144)


def io_weight(body: Any, path: str) -> int:
    """1..1000."""
    return _integer(body, path, 1, 1000)


def oom_score_adj(body: Any, path: str) -> int:
    """-1000..1000."""
    return _integer(body, path, -1000, 1000)


def boolean(body: Any, path: str) -> bool:
    """true or false."""
    if type(body) is not bool:
        raise wrong(path, "true or false", body)
    return body


def capabilities(body: Any, path: str) -> tuple[str, ...]:
    """A set of capability names, sorted; whether they exist is seen later."""
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


def system_calls(body: Any, path: str) -> tuple[tuple[str, ...], str]:
    """A set of system calls and groups, and the errno of the rest."""
    fields = Fields(body, path)
    names, errno_name = fields.texts("set"), fields.text("errno")
    fields.finish()
    return tuple(sorted(set(names))), errno_name


def rlimits(body: Any, path: str) -> tuple[tuple[str, int, int], ...]:
    """{"set": [{name, soft, hard}]}, sorted by name; hard is as soft where it is not said."""
    fields = Fields(body, path)
    found: dict[str, tuple[int, int]] = {}
    for item in fields.objects("set"):
        name = item.text("name", ...).upper().removeprefix("RLIMIT_")
        if name not in RLIMITS:
            raise UsageError(
                f"{item.at('name')}: unknown limit {safe(item.text('name'), 40)!r}",
                f"known are {', '.join(RLIMITS).lower()}",
                object=path,
            )
        soft = _amount(item.raw("soft", ...), item.at("soft"))
        hard = _amount(item.raw("hard", soft), item.at("hard"))
        item.finish()
        if hard != UNLIMITED and (soft == UNLIMITED or soft > hard):
            raise UsageError(
                f"{item.at('soft')}: the soft limit of {name.lower()} is more than the hard one",
                object=path,
            )
        found[name] = (soft, hard)
    fields.finish()
    return tuple((name, *found[name]) for name in sorted(found))


def _amount(body: Any, path: str) -> int:
    return UNLIMITED if body in ("unlimited", -1) else quantity(body, path)


def setting_texts(body: Any) -> Any:
    """Kernel settings with whole numbers as the texts that are meant by them."""
    if not isinstance(body, dict):
        return body
    return {key: str(item) if type(item) is int else item for key, item in body.items()}


def sysctls(body: Any, path: str) -> tuple[tuple[str, str], ...]:
    """{key: text} of settings that belong to the pod's own namespaces, sorted."""
    head, _, last = path.rpartition(".")
    found = []
    for key, text in Fields({last: setting_texts(body)}, head).mapping(last).items():
        where = f"{path}.{safe(key, 80)}"
        if not made_of(key.replace(".", ""), LETTERS + DIGITS + "_-") or "" in key.split("."):
            raise UsageError(
                f"{where}: is not the name of a setting", "write net.core.somaxconn", object=path
            )
        if not (key in _SYSCTLS or key.startswith(_SYSCTL_TREES)):
            raise UsageError(
                f"{where}: is not a setting of a pod's own",
                "give the pod a hostname instead"
                if key in _HOSTNAMES
                else f"known are net.*, fs.mqueue.*, {', '.join(_SYSCTLS)}",
                object=path,
            )
        if len(text) > 1024 or any(character < " " and character != "\t" for character in text):
            raise UsageError(f"{where}: its value must be one line of text", object=path)
        found.append((key, text))
    return tuple(sorted(found))


def apparmor(body: Any, path: str) -> str:
    """The name of a profile, as text or as {"profile": NAME}."""
    name = body
    if isinstance(body, dict):
        fields = Fields(body, path)
        name = fields.text("profile", ...)
        fields.finish()
    if type(name) is not str:
        raise wrong(path, "the name of a profile", body)
    if not name or len(name) > 255 or any(not " " < character < "\x7f" for character in name):
        raise UsageError(f"{path}: {safe(name, 60)!r} is not the name of a profile", object=path)
    return name


def selinux(body: Any, path: str) -> SelinuxContext:
    """{user, role, type, level}, none of them empty or with what could add a part."""
    fields = Fields(body, path)
    parts = {name: fields.text(name, ...) for name in ("user", "role", "type", "level")}
    fields.finish()
    for name, text in parts.items():
        allowed = LETTERS + DIGITS + ("_.-:," if name == "level" else "_.-")
        if not made_of(text, allowed) or len(text) > 128:
            raise UsageError(
                f"{fields.at(name)}: {safe(text, 60)!r} cannot be in a context", object=path
            )
    return SelinuxContext(**parts)
