# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The published contract with a stage1 image (behaviour.md C1): its entry points, and what each is told. Pure.

A stage1 is an image whose manifest names programs in its root. Which options those know depends on the
version of the interface that the manifest says.
"""

from __future__ import annotations

from podwright.errors import ImageError, LaunchError
from podwright.model.names import DIGITS, made_of
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Optional

PREFIX = "coreos.com/rkt/stage1/"
VERSION = f"{PREFIX}interface-version"
RUN, ENTER, GC, STOP, ATTACH = "run", "enter", "gc", "stop", "attach"
REQUIRED = (RUN, ENTER, GC)
APP_ADD, APP_RM, APP_START, APP_STOP = "app/add", "app/rm", "app/start", "app/stop"
MUTABLE = (APP_ADD, APP_RM, APP_START, APP_STOP)
POINTS = (*REQUIRED, STOP, ATTACH, *MUTABLE)
NEWEST = 6
SINCE = {"hostname": 2, "disable": 3, "dns-conf-mode": 4, "mutable": 5, "local-config": 5, "ipc": 6}
"""The version of the interface that has an option; `local-config` of gc: run has always had it."""
RESTRICTIONS = {
    "capabilities": "--disable-capabilities-restriction",
    "paths": "--disable-paths",
    "seccomp": "--disable-seccomp",
}
NOTHING_SAID = ("default", "default")


@value
class Contract:
    """What a stage1 image declares.

    name     the image's name, for messages
    points   entry point -> absolute path inside its root
    version  of the interface, 1 to NEWEST
    """

    name: str
    points: dict[str, str]
    version: int = 1

    @property
    def mutable(self) -> bool:
        """Whether apps of its pods can come and go."""
        return self.version >= SINCE["mutable"] and all(each in self.points for each in MUTABLE)


@value
class Wish:
    """What a pod is to be run with.

    private_users  `shift:count`, or ""
    dns            what is to become of resolv.conf (default, host, stage0, none) and of the hosts
                   file (default, host, stage0)
    insecure       subset of RESTRICTIONS that is to be lifted
    ipc            auto, private or parent
    explicit       which of hostname, dns-conf-mode and ipc somebody has asked for
    """

    uuid: str
    net: str = "default"
    debug: bool = False
    interactive: bool = False
    private_users: str = ""
    mds_token: str = ""
    local_config: str = ""
    hostname: str = ""
    insecure: frozenset[str] = frozenset()
    dns: tuple[str, str] = NOTHING_SAID
    mutable: bool = False
    ipc: str = "auto"
    explicit: frozenset[str] = frozenset()


@value
class Told:
    """Arguments of an entry point, and sentences about what they could not say."""

    arguments: tuple[str, ...]
    reports: tuple[str, ...] = ()


def is_stage1(annotations: Iterable[tuple[str, str]]) -> bool:
    """Whether an image's annotations name an entry point of the contract."""
    return any(name == f"{PREFIX}{RUN}" for name, _ in annotations)


def parse(image: str, annotations: Iterable[tuple[str, str]]) -> Contract:
    """The contract that an image's manifest offers. Raises ImageError."""
    known = dict(annotations)
    points = {}
    for name in POINTS:
        if PREFIX + name in known:
            points[name] = _path(image, name, known[PREFIX + name])
    missing = [name for name in REQUIRED if name not in points]
    if missing:
        raise ImageError(
            f"stage1 {safe(image, 200)}: its manifest names no entry point {missing[0]!r}",
            f"a stage1 image has the annotations {', '.join(PREFIX + name for name in REQUIRED)}",
            object=image,
        )
    return Contract(image, points, _version(image, known.get(VERSION)))


def _path(image: str, name: str, path: str) -> str:
    parts = path.split("/")[1:]
    good = path.startswith("/") and path.isprintable() and len(path) < 1024
    if not good or not all(part not in ("", ".", "..") for part in parts):
        raise ImageError(
            f"stage1 {safe(image, 200)}: entry point {name}: {safe(path, 80)!r} is no path inside the image",
            "write it like /init: absolute, without empty, . or .. elements",
            object=image,
        )
    return path


def _version(image: str, text: Optional[str]) -> int:
    if text is None:
        return 1
    if not (made_of(text, DIGITS) and len(text) < 5 and int(text) >= 1):
        raise ImageError(
            f"stage1 {safe(image, 200)}: {safe(text, 40)!r} is no interface version",
            f"a whole number from 1 to {NEWEST}",
            object=image,
        )
    if int(text) > NEWEST:
        raise ImageError(
            f"stage1 {safe(image, 200)}: it wants interface version {int(text)}, and the newest"
            f" that this agent knows is {NEWEST}",
            "use an older release of it, or upgrade the agent",
            object=image,
        )
    return int(text)


def run_arguments(stage1: Contract, wish: Wish) -> Told:
    """What `run` is told. Raises LaunchError for what was asked for and cannot be said."""
    reports: list[str] = []
    words = ["--debug"] if wish.debug else []
    words.append(f"--net={wish.net}")
    words += ["--interactive"] if wish.interactive else []
    words += [f"--private-users={wish.private_users}"] if wish.private_users else []
    words += [f"--mds-token={wish.mds_token}"] if wish.mds_token else []
    words += [f"--local-config={wish.local_config}"] if wish.local_config else []
    if wish.hostname and _has(stage1, wish, "hostname", reports, f"the host name {wish.hostname}"):
        words.append(f"--hostname={wish.hostname}")
    words += _switches(stage1, wish.insecure)
    resolv, hosts = wish.dns
    if wish.dns == NOTHING_SAID:
        says_dns = stage1.version >= SINCE["dns-conf-mode"]
    else:
        says_dns = _has(stage1, wish, "dns-conf-mode", reports, "what names its apps know")
    words += [f"--dns-conf-mode=resolv={resolv},hosts={hosts}"] if says_dns else []
    if wish.mutable:
        check_mutable(stage1)
        words.append("--mutable")
    if stage1.version >= SINCE["ipc"]:
        words.append(f"--ipc={wish.ipc}")
    elif wish.ipc != "auto":
        raise _refused(stage1, f"ipc {wish.ipc}", SINCE["ipc"])
    return Told((*words, wish.uuid), tuple(reports))


def _has(stage1: Contract, wish: Wish, option: str, reports: list[str], what: str) -> bool:
    """Whether the stage1 knows an option. A default of ours that it does not know is reported."""
    if stage1.version >= SINCE[option]:
        return True
    if option in wish.explicit:
        raise _refused(stage1, safe(what, 200), SINCE[option])
    reports.append(
        f"{safe(what, 200)}: not handed to stage1 {safe(stage1.name, 200)},"
        f" whose interface version {stage1.version} has no --{option}"
    )
    return False


def _switches(stage1: Contract, insecure: frozenset[str]) -> list[str]:
    """What lifts restrictions."""
    asked = [name for name in RESTRICTIONS if name in insecure]
    if asked and stage1.version < SINCE["disable"]:
        raise _refused(stage1, f"insecure option {asked[0]}", SINCE["disable"])
    return [RESTRICTIONS[name] for name in asked]


def _refused(stage1: Contract, what: str, needed: int) -> LaunchError:
    return LaunchError(
        f"{what}: stage1 {safe(stage1.name, 200)} cannot be told: it has interface version"
        f" {stage1.version}, and this needs {needed}",
        "leave it out, or use a newer stage1",
        object=stage1.name,
        reason="not-supported",
    )


def check_mutable(stage1: Contract) -> None:
    """Refuse apps that come and go, unless the stage1 declares all that it takes."""
    if stage1.version < SINCE["mutable"]:
        raise _refused(stage1, "apps that come and go", SINCE["mutable"])
    missing = [name for name in MUTABLE if name not in stage1.points]
    if missing:
        raise LaunchError(
            f"stage1 {safe(stage1.name, 200)} has no entry point {missing[0]!r}:"
            " apps of its pods cannot come and go",
            "use another stage1, or a pod whose apps are there from the start",
            object=stage1.name,
            reason="not-supported",
        )


def enter_arguments(pid: int, app: str, command: tuple[str, ...]) -> tuple[str, ...]:
    """What `enter` is told."""
    return (f"--pid={pid}", f"--appname={app}", "--", *command)


def gc_arguments(stage1: Contract, uuid: str, *, debug: bool, local_config: str) -> tuple[str, ...]:
    """What `gc` is told."""
    said = bool(local_config) and stage1.version >= SINCE["local-config"]
    return (
        *(("--debug",) if debug else ()),
        *((f"--local-config={local_config}",) if said else ()),
        uuid,
    )


def stop_arguments(uuid: str, *, force: bool) -> tuple[str, ...]:
    """What `stop` is told."""
    return (*(("--force",) if force else ()), uuid)


def app_arguments(
    stage1: Contract, point: str, app: str, wish: Wish, *, debug: bool = False
) -> tuple[str, ...]:
    """What `app/add`, `app/start`, `app/stop` and `app/rm` are told."""
    words = ["--debug"] if debug else []
    words.append(f"--app={app}")
    if point == APP_ADD:
        words.append(f"--uuid={wish.uuid}")
        words += _switches(stage1, wish.insecure)
        words += [f"--private-users={wish.private_users}"] if wish.private_users else []
    return tuple(words)


STREAMS = ("tty-in", "tty-out", "stdin", "stdout", "stderr")
AUTO, CUSTOM, LIST = "auto-attach", "custom-attach", "list"


def attach_arguments(action: str, app: str, streams: frozenset[str]) -> tuple[str, ...]:
    """What `attach` is told; `streams` are some of STREAMS, with CUSTOM."""
    said = (f"--{each}={str(each in streams).lower()}" for each in STREAMS)
    return (f"--action={action}", f"--app={app}", *(said if action == CUSTOM else ()))


def crossing(helper: str, pid: int, app: str) -> dict[str, str]:
    """Variables by which attach and app/* find the program that takes them into the pod."""
    return {
        "RKT_STAGE1_ENTERCMD": helper,
        "RKT_STAGE1_ENTERPID": str(pid),
        "RKT_STAGE1_ENTERAPP": app,
    }
