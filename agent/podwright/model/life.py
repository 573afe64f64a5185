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

    from podwright.model.image import Port
    from podwright.model.probe import Probe
    from podwright.model.streams import Streams

    Annotations = tuple[tuple[str, str], ...]

PREFIX = "podwright.io/"
CONDITIONS = ("started", "ready")
PROBES = ("startup", "readiness", "liveness")
STREAMS = ("stdin", "stdout", "stderr", "log_path")
RESTARTS = ("no", "on-failure", "always")
FIRST_FAILURE = "first-failure"
ALL_ENDED = "all-ended"
LONGEST = 86400.0
HOOK_TIMEOUT = 90.0
"""Seconds that a hook may take when nothing else is said."""
IMAGE_STOP_SIGNAL = "appc.io/docker/stopsignal"
"""Where a converted image keeps its StopSignal (A7)."""
IMAGE_NOTIFIES = "appc.io/executor/supports-systemd-notify"
"""true: the image's program speaks sd_notify(3) (C6)."""


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
    notify        it says itself when it is ready, sd_notify(3); None: what its image says, or not
    watchdog      seconds in which it must say that it is alive; None: it need not
    startup       until it succeeds, the others are not asked; gives the app up when it never does
    readiness     whether it serves, as long as it runs; beside it `ready` says only the patience
    liveness      the app is ended, and started again by `restart`, when it fails
    streams       what it reads from and writes to; None: nothing is said
    """

    depends_on: tuple[Dependency, ...] = ()
    restart: str = "no"
    ready: Optional[Ready] = None
    stop_signal: str = ""
    stop_timeout: Optional[float] = None
    hook_timeout: Optional[float] = None
    notify: Optional[bool] = None
    watchdog: Optional[float] = None
    streams: Optional[Streams] = None
    startup: Optional[Probe] = None
    readiness: Optional[Probe] = None
    liveness: Optional[Probe] = None

    def probes(self) -> dict[str, Probe]:
        """Those that it has, by what they are for."""
        found = {"startup": self.startup, "readiness": self.readiness, "liveness": self.liveness}
        return {role: probe for role, probe in found.items() if probe is not None}


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
    probes = _parse_probes(fields)
    if not several:
        return Life(stop_signal=signal, hook_timeout=hooks, **_told(fields), **probes)
    where = fields.at("depends_on")
    ready = parse_ready(fields.child("ready"))
    check_probes(ready, bool(probes.get("readiness")), fields.at("ready"))
    return Life(
        tuple(parse_dependency(text, where) for text in fields.texts("depends_on")),
        fields.choice("restart", RESTARTS, "no"),
        ready,
        signal,
        _optional_seconds(fields, "stop_timeout"),
        hooks,
        **_told(fields),
        **probes,
    )


def _parse_probes(fields: Fields) -> dict[str, Any]:
    found = {role: fields.child(role) for role in PROBES}
    if not any(found.values()):
        return {}
    from podwright.model import probe

    return {role: probe.parse(given, role) for role, given in found.items()}


def check_probes(ready: Optional[Ready], readiness: bool, where: str) -> None:
    """Refuse two rules about the same; beside a readiness probe `ready` may say the timeout."""
    if readiness and ready is not None and (ready.tcp is not None or ready.exec):
        raise UsageError(
            f"{where}: exclude each other: this rule and a readiness probe",
            "leave one of them out",
            object=where,
        )


def _told(fields: Fields) -> dict[str, Any]:
    """What the app is to tell us about itself."""
    notify = None if fields.raw("notify") is None else fields.boolean("notify")
    watchdog = None
    if fields.raw("watchdog") is not None:
        watchdog = seconds(fields, "watchdog", 0.0, LONGEST, 0.1)
    return {"notify": notify, "watchdog": watchdog, "streams": _streams_of(fields)}


def _streams_of(fields: Fields) -> Optional[Streams]:
    if all(fields.raw(name) is None for name in STREAMS):
        return None
    from podwright.model import streams

    return streams.of_fields(fields)


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
        notify=raw.get("notify"),
        watchdog=raw.get("watchdog"),
        streams=_streams(raw.get("streams")),
        **_parse_probes(Fields(raw, "probes")),
    )


LATER = (*PROBES, "notify", "watchdog", "streams")
"""Fields that came later."""


def as_json(life: Life) -> dict[str, Any]:
    """What `from_json` reads. Where nothing newer is said it is what older agents wrote, too."""
    from podwright.values_json import to_json

    raw: dict[str, Any] = to_json(life)
    known = {name: raw[name] for name in raw if name not in LATER or raw[name] is not None}
    return {**known, **_dump_probes(life)}


def _dump_probes(life: Life) -> dict[str, Any]:
    found = life.probes()
    if not found:
        return {}
    from podwright.model import probe

    return {role: probe.dump(each, role) for role, each in found.items()}


def _streams(raw: Optional[dict[str, Any]]) -> Optional[Streams]:
    if raw is None:
        return None
    from podwright.model.streams import Streams

    return Streams(**raw)


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
        "notify": "" if life.notify is None else str(life.notify).lower(),
        "watchdog": "" if life.watchdog is None else repr(life.watchdog),
    }
    if life.streams is not None:
        from podwright.model import streams

        texts.update(streams.dump(life.streams))
    for role, raw in _dump_probes(life).items():
        from podwright import jsonio

        texts[role] = jsonio.dumps(raw)
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
        elif name == "ready" or name in PROBES:
            from podwright import jsonio

            raw[key] = jsonio.loads(text.encode(), f"app {app}: annotation {PREFIX}{name}")
        else:
            number = name.endswith("-timeout") or name == "watchdog"
            raw[key] = _number(text) if number else _BOOLEAN.get(text, text)
    fields = Fields(raw, f"app {app}")
    life = parse_fields(fields, several=True)
    fields.finish()
    return life


_BOOLEAN = {"true": True, "false": False}


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
    """The life of an app whose image has these annotations: what it knows and nobody has said."""
    from podwright.values import replace

    for name, text in annotations:
        if name == IMAGE_STOP_SIGNAL and text and not life.stop_signal:
            life = replace(life, stop_signal=parse_signal(text, f"{where}: StopSignal"))
        elif name == IMAGE_NOTIFIES and text.lower() == "true" and life.notify is None:
            life = replace(life, notify=True)
    return life


def with_stop_signal(own: Annotations, image: Annotations, where: str) -> Annotations:
    """An app's annotations with the stop signal, and what else only its image knows."""
    said = dict(own)
    life = of_image(PLAIN, image, f"{where}: its image")
    return own + tuple(pair for pair in dump(life) if pair[0] not in said)


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
        if life.notify and life.ready is None:
            rule = ready.timeout
        if life.startup is not None or life.readiness is not None:
            rule = patience(life, ready)
        times.append(rule + (life.hook_timeout or 0.0))
    return ready.timeout + _bound(lives, times)


def patience(life: Life, ready: Ready) -> float:
    """Seconds from its first start until an app with a startup or readiness probe must be ready.

    ready  the pod's rule, whose timeout counts where the app has none of its own
    """
    from podwright.model import probe

    return (life.ready or ready).timeout + probe.budget(life.startup, life.readiness)


def with_ports(life: Life, ports: tuple[Port, ...], app: str) -> Life:
    """The life with numbers for the names of ports in its probes. Raises UsageError."""
    found = life.probes()
    if not found:
        return life
    from podwright.model import probe
    from podwright.values import replace

    numbered = {
        role: probe.resolve(each, ports, f"app {app}.{role}") for role, each in found.items()
    }
    return replace(life, **numbered)


def _bound(lives: list[Life], times: list[float]) -> float:
    return sum(times) if any(life.depends_on for life in lives) else max(times, default=0.0)
