# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an app of a pod lives: what it waits for, whether it is started again, how it is ended.

In a pod manifest it stands in annotations of the app, `podwright.io/...`, and the pod's exit
policy in one of the pod; so a manifest stays one that appc knows.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.names import ac_name
from podwright.model.specfields import seconds
from podwright.stage1.contract import Ready
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    Annotations = tuple[tuple[str, str], ...]

PREFIX = "podwright.io/"
CONDITIONS = ("started", "ready")
RESTARTS = ("no", "on-failure", "always")
FIRST_FAILURE = "first-failure"
ALL_ENDED = "all-ended"
LONGEST = 86400.0
HOOK_TIMEOUT = 90.0
"""Seconds that a hook may take when nothing else is said."""
IMAGE_STOP_SIGNAL = "appc.io/docker/stopsignal"
"""Where a converted image keeps its StopSignal (A7)."""


@value
class Dependency:
    """Another app of the pod that must be `started` (its program runs) or `ready` before."""

    app: str
    condition: str = "started"

    def __str__(self) -> str:
        return self.app if self.condition == "started" else f"{self.app}:{self.condition}"


@value
class Life:
    """One app's life.

    restart       no, on-failure or always; pre-start and post-stop hooks run again each time
    ready         when it is ready; None: when it has run for a second
    stop_signal   such as SIGQUIT; "": what its image says, or SIGTERM
    stop_timeout  seconds from there to SIGKILL; None: the pod's
    hook_timeout  seconds that each of its hooks may take; None: HOOK_TIMEOUT
    """

    depends_on: tuple[Dependency, ...] = ()
    restart: str = "no"
    ready: Optional[Ready] = None
    stop_signal: str = ""
    stop_timeout: Optional[float] = None
    hook_timeout: Optional[float] = None


PLAIN = Life()


def parse_dependency(text: str, where: str) -> Dependency:
    """`APP`, `APP:started` or `APP:ready`."""
    app, colon, condition = text.partition(":")
    if colon and condition not in CONDITIONS:
        raise UsageError(
            f"{where}: {safe(text, 80)!r} waits for something unknown",
            f"write APP or one of {', '.join(f'APP:{word}' for word in CONDITIONS)}",
            object=where,
        )
    return Dependency(ac_name(app, where), condition or "started")


def parse_signal(text: str, where: str) -> str:
    """The full name of a signal given as SIGQUIT, QUIT, 3 or SIGRTMIN+3."""
    from podwright.model.signalnames import full_name

    found = full_name(text)
    if not found:
        raise UsageError(
            f"{where}: {safe(text, 40)!r} is not a signal",
            "write a name such as SIGTERM or SIGRTMIN+3, or its number",
            object=where,
        )
    return found


def parse_exit_policy(text: str, where: str) -> str:
    """`first-failure`, `all-ended` or `app:NAME`."""
    kind, colon, app = text.partition(":")
    if kind == "app" and colon:
        ac_name(app, where)
    elif text not in (FIRST_FAILURE, ALL_ENDED):
        raise UsageError(
            f"{where}: {safe(text, 60)!r} is not an exit policy",
            f"write {FIRST_FAILURE}, {ALL_ENDED} or app:NAME",
            object=where,
        )
    return text


def parse_ready(fields: Optional[Fields], *, of_pod: bool = False) -> Optional[Ready]:
    """A readiness rule; only the pod's may name the app whose command it is."""
    if fields is None:
        return None
    ready = Ready(
        fields.optional_integer("tcp", 1, 65535),
        fields.texts("exec"),
        fields.text("app") if of_pod else "",
        seconds(fields, "seconds", 1.0, 3600),
        seconds(fields, "interval", 0.25, 60, 0.01),
        seconds(fields, "timeout", 60.0, LONGEST, 0.1),
    )
    fields.finish()
    if ready.tcp is not None and ready.exec:
        raise UsageError(
            f"{fields.path}: tcp and exec exclude each other",
            "let the command try the port, too",
            object=fields.path,
        )
    return ready


def parse_fields(fields: Fields, *, several: bool) -> Life:
    """Read the fields of an app in the desired state.

    several  it is an element of `apps`; a pod of one image says the rest for the whole pod
    """
    where = fields.at("stop_signal")
    signal = fields.text("stop_signal")
    signal = parse_signal(signal, where) if signal else ""
    hooks = _optional_seconds(fields, "hook_timeout")
    if not several:
        return Life(stop_signal=signal, hook_timeout=hooks)
    where = fields.at("depends_on")
    return Life(
        tuple(parse_dependency(text, where) for text in fields.texts("depends_on")),
        fields.choice("restart", RESTARTS, "no"),
        parse_ready(fields.child("ready")),
        signal,
        _optional_seconds(fields, "stop_timeout"),
        hooks,
    )


def _optional_seconds(fields: Fields, name: str) -> Optional[float]:
    return None if fields.raw(name) is None else seconds(fields, name, 0.0, LONGEST)


def from_json(raw: Optional[dict[str, Any]]) -> Life:
    """The life that `to_json` has written, or the plain one for nothing."""
    if not raw:
        return PLAIN
    ready = raw["ready"]
    return Life(
        tuple(Dependency(**item) for item in raw["depends_on"]),
        raw["restart"],
        ready and Ready(**{**ready, "exec": tuple(ready["exec"])}),
        raw["stop_signal"],
        raw["stop_timeout"],
        raw["hook_timeout"],
    )


def dump(life: Life) -> Annotations:
    """The annotations of an app; `parse(dump(life)) == life`."""
    if life == PLAIN:
        return ()
    texts = {
        "depends-on": ",".join(str(dependency) for dependency in life.depends_on),
        "restart": life.restart if life.restart != "no" else "",
        "ready": _dump_ready(life.ready) if life.ready is not None else "",
        "stop-signal": life.stop_signal,
        "stop-timeout": "" if life.stop_timeout is None else repr(life.stop_timeout),
        "hook-timeout": "" if life.hook_timeout is None else repr(life.hook_timeout),
    }
    return tuple((PREFIX + name, text) for name, text in texts.items() if text)


def _dump_ready(ready: Ready) -> str:
    from podwright import jsonio
    from podwright.values_json import to_json

    raw = to_json(ready)
    del raw["app"]
    return jsonio.dumps({name: item for name, item in raw.items() if item not in (None, [])})


def parse(annotations: Annotations, app: str) -> Life:
    """Read an app's annotations. Raises UsageError; an unknown one of ours is refused too."""
    given = {name[len(PREFIX) :]: text for name, text in annotations if name.startswith(PREFIX)}
    if not given:
        return PLAIN
    raw: dict[str, Any] = {}
    for name, text in given.items():
        key = name.replace("-", "_")
        if name == "depends-on":
            raw[key] = text.split(",")
        elif name == "ready":
            from podwright import jsonio

            raw[key] = jsonio.loads(text.encode(), f"app {app}: annotation {PREFIX}ready")
        else:
            raw[key] = _number(text) if name.endswith("-timeout") else text
    fields = Fields(raw, f"app {app}")
    life = parse_fields(fields, several=True)
    fields.finish()
    return life


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def exit_policy(annotations: Annotations) -> str:
    """The exit policy that the annotations of a pod say."""
    for name, text in annotations:
        if name == f"{PREFIX}exit-policy":
            return parse_exit_policy(text, f"annotation {name}")
    return FIRST_FAILURE


def of_image(life: Life, annotations: Annotations, where: str) -> Life:
    """The life of an app whose image has these annotations: it may know its stop signal."""
    if life.stop_signal:
        return life
    for name, text in annotations:
        if name == IMAGE_STOP_SIGNAL and text:
            from podwright.values import replace

            return replace(life, stop_signal=parse_signal(text, f"{where}: StopSignal"))
    return life


def with_stop_signal(own: Annotations, image: Annotations, where: str) -> Annotations:
    """An app's annotations with the stop signal that only its image knows."""
    life = of_image(PLAIN, image, f"{where}: its image")
    return own if f"{PREFIX}stop-signal" in dict(own) else own + dump(life)


def check(lives: dict[str, Life], policy: str) -> None:
    """Refuse apps that nobody knows and dependencies that go in a circle."""
    named = policy.partition(":")[2]
    if named and named not in lives:
        raise UsageError(
            f"exit policy {safe(policy, 80)} names no app of the pod",
            f"its apps are {', '.join(lives)}",
            object=named,
        )
    if any(life.depends_on for life in lives.values()):
        from podwright.model import startorder

        startorder.check(
            {name: tuple(d.app for d in life.depends_on) for name, life in lives.items()}
        )


def stop_bound(lives: list[Life], stop_timeout: float) -> float:
    """Seconds that stopping a pod may take: one app after the other where any depends on another."""
    times = []
    for life in lives:
        grace = stop_timeout if life.stop_timeout is None else life.stop_timeout
        times.append(grace + (grace if life.hook_timeout is None else life.hook_timeout))
    return _bound(lives, times)


def start_bound(lives: list[Life], ready: Ready) -> float:
    """Seconds until a pod must be ready."""
    times = []
    for life in lives:
        rule = life.ready.timeout if life.ready is not None else 1.0 if life.depends_on else 0.0
        times.append(rule + (life.hook_timeout or 0.0))
    return ready.timeout + _bound(lives, times)


def _bound(lives: list[Life], times: list[float]) -> float:
    return sum(times) if any(life.depends_on for life in lives) else max(times, default=0.0)
