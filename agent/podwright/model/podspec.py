# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One pod of the desired state, its apps, and how they are read from it."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model import isolators, netchoice
from podwright.model.fields import Fields
from podwright.model.image import absolute
from podwright.model.life import FIRST_FAILURE, PLAIN, Life, parse_exit_policy, parse_ready
from podwright.model.life import parse_fields as parse_life
from podwright.model.names import ac_name, host_name, is_reserved, pod_name
from podwright.model.pod import HostPort
from podwright.model.privateusers import CHOICES
from podwright.model.specfields import check_ip, environment, insecure, logins, seconds
from podwright.model.volume import Mount, Volume, parse_mount, parse_volume
from podwright.stage1.contract import Ready
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.model.machinechoice import MachineChoice
    from podwright.model.podnames import PodNames
    from podwright.model.podrules import Rule
    from podwright.model.secret import GivenSecret
    from podwright.model.stage1 import GivenStage1
    from podwright.model.streams import LogLimits
    from podwright.model.unitspec import ActivatedPort, UnitSpec
    from podwright.stage0.web.givenlogins import Credentials

STATES = ("started", "stopped", "prepared", "absent", "restarted")
KNOWN_STATES = ("started", "stopped", "restarted")
"""States that a pod which is known can be brought to without saying again what it is."""
RESTARTS = ("no", "on-failure", "always")
FLAVOURS = ("namespaces", "fly", "kvm", "xen", "image")
STOP_FIRST, START_FIRST, AUTO = "stop-first", "start-first", "auto"
REPLACES = (STOP_FIRST, START_FIRST, AUTO)
"""What comes first when a pod is replaced: that the old one stops, that the new one starts, or
that it starts where nothing is shared."""
KEEP_REVISIONS = 3
MOST_REVISIONS = 100
MAX_APPS = 100
"""Apps of one pod. What an app costs at the start grows with their number: each of them has mounts,
all of which are copied for each."""
PULL_POLICIES = ("new", "update", "never")
SELINUX = ("auto", "require", "off")
"""auto: where the host has SELinux on; require: refused elsewhere; off: never."""
APP_FIELDS = (
    "exec",
    "args",
    "environment",
    "user",
    "group",
    "supplementary_gids",
    "working_dir",
    "mounts",
    "isolators",
    "readonly_rootfs",
    "stop_signal",
    "hook_timeout",
    "startup",
    "readiness",
    "liveness",
    "notify",
    "watchdog",
    "stdin",
    "stdout",
    "stderr",
    "log_path",
)

MANIFEST_SAYS = (
    *("ports", "volumes", "mounts", "annotations", "labels"),
    *("pod_isolators", "exit_policy", "allow"),
)
"""What a pod manifest that is given whole says itself."""


def default_net(stage1: str) -> str:
    """The network of a pod that nothing is said about."""
    return "host" if stage1 == "fly" else "default"


@value
class AppSpec:
    """One app as asked for. Empty text and None mean: as the image says.

    exec       replaces the image's whole command; args are appended to what is executed
    isolators  the list as written ({name, value} objects), already checked
    """

    image: str
    name: str = ""
    exec: str = ""
    args: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    user: str = ""
    group: str = ""
    supplementary_gids: Optional[tuple[int, ...]] = None
    working_dir: str = ""
    mounts: tuple[Mount, ...] = ()
    isolators: tuple[Any, ...] = ()
    readonly_rootfs: bool = False
    signature: str = ""
    life: Life = PLAIN
    annotations: tuple[tuple[str, str], ...] = ()
    user_annotations: tuple[tuple[str, str], ...] = ()
    user_labels: tuple[tuple[str, str], ...] = ()


@value
class PodSpec:
    """One pod as asked for; `name` is "" for a pod started from the command line.

    apps           none: the pod as this host knows it already, in another state
    enabled_said   `enabled` was asked for in so many words, not by default
    credentials    log-ins to fetch the images with; no part of the pod, and never written
    selinux        auto, require or off
    pod_isolators  of the pod as a whole, as written
    manifest       a pod manifest given whole, see `model/podmanifest.py`
    private_users  a user namespace of its own, one of privateusers.CHOICES
    metadata       it is registered with the metadata service
    names          how it finds names; None: nothing is said
    allow          who may reach it, and what it may reach; none: nothing is said
    mutable        it begins without apps, which come and go while it runs
    pod_annotations   of such a pod's manifest, besides our own
    replace        one of REPLACES
    keep_revisions how many of its revisions are kept, with the current one
    revision       the one of the revisions that are kept that it is to be again; 0: nothing is said
    unit           what is said about its systemd unit; None: nothing
    sockets        published ports on which systemd listens for it
    log            how much of its log is kept where that goes to files; None: nothing is said
    stage1_image   of kvm, xen and image; None: what is configured, else the newest that is stored
    kvm            what is said about its virtual machine; None: nothing
    ipc            what was said about its IPC namespace: auto, private or parent
    profile        what it may do besides what all may: "", or system, see `model/profile.py`
    """

    name: str
    apps: tuple[AppSpec, ...]
    state: str = "started"
    stage1: str = "namespaces"
    net: str = "default"
    hostname: str = ""
    ports: tuple[HostPort, ...] = ()
    volumes: tuple[Volume, ...] = ()
    mounts: tuple[Mount, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    inherited: tuple[tuple[str, str], ...] = ()
    pull_policy: str = "new"
    insecure: frozenset[str] = frozenset()
    restart: str = "on-failure"
    enabled: bool = True
    enabled_said: bool = False
    ready: Ready = Ready()
    stop_timeout: float = 10.0
    overlay: bool = True
    interactive: bool = False
    annotations: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    credentials: Optional[Credentials] = None
    selinux: str = "auto"
    pod_isolators: tuple[Any, ...] = ()
    exit_policy: str = FIRST_FAILURE
    secrets: tuple[GivenSecret, ...] = ()
    private_users: str = ""
    manifest: Optional[dict[str, Any]] = None
    metadata: bool = False
    names: Optional[PodNames] = None
    allow: tuple[Rule, ...] = ()
    mutable: bool = False
    pod_annotations: tuple[tuple[str, str], ...] = ()
    replace: str = STOP_FIRST
    keep_revisions: int = KEEP_REVISIONS
    revision: int = 0
    unit: Optional[UnitSpec] = None
    sockets: tuple[ActivatedPort, ...] = ()
    log: Optional[LogLimits] = None
    stage1_image: Optional[GivenStage1] = None
    kvm: Optional[MachineChoice] = None
    ipc: str = "auto"
    profile: str = ""

    @property
    def says_what(self) -> bool:
        """Whether it says what the pod is; one that does not stays what it is."""
        return bool(self.apps) or self.mutable


def _parse_app(fields: Fields, image: str, name: str, *, several: bool = True) -> AppSpec:
    """Read the per-app fields that stand in `fields`; `several`: it is an element of `apps`."""
    raw_isolators = fields.raw("isolators", [])
    isolators.parse(raw_isolators, fields.at("isolators"))
    gids = None
    if fields.raw("supplementary_gids") is not None:
        gids = fields.integers("supplementary_gids", 0, 2**32 - 2)
    working_dir = fields.text("working_dir")
    if working_dir:
        absolute(working_dir, fields.at("working_dir"))
    program, first = _program(fields)
    return AppSpec(
        image=image,
        name=name,
        exec=program,
        args=(*first, *fields.texts("args")),
        environment=environment(fields),
        user=fields.text("user"),
        group=fields.text("group"),
        supplementary_gids=gids,
        working_dir=working_dir,
        mounts=tuple(_parse_mount(item) for item in fields.objects("mounts")),
        isolators=tuple(isolators.as_texts(item) for item in raw_isolators),
        readonly_rootfs=fields.boolean("readonly_rootfs"),
        life=parse_life(fields, several=several),
    )


def parse_added(fields: Fields, image: str, name: str) -> AppSpec:
    """Read an app that is added to a pod that runs; the caller finishes `fields`."""
    return _parse_app(fields, image, name)


def _program(fields: Fields) -> tuple[str, tuple[str, ...]]:
    """`exec`: a path, or a list of the path and its first arguments; the same pod either way."""
    if not isinstance(fields.raw("exec"), list):
        return fields.text("exec"), ()
    words = fields.texts("exec")
    if not words or not words[0]:
        raise UsageError(f"{fields.at('exec')}: names no program", "begin with its path")
    return words[0], words[1:]


def _parse_mount(fields: Fields) -> Mount:
    mount = parse_mount(fields)
    fields.finish()
    return mount


def _parse_apps(fields: Fields) -> tuple[AppSpec, ...]:
    image = fields.text("image")
    apps = []
    for item in fields.objects("apps"):
        name = item.text("name")
        apps.append(
            _parse_app(
                item, item.text("image", ...), ac_name(name, item.at("name")) if name else ""
            )
        )
        item.finish()
    if image and apps:
        raise UsageError(
            f"{fields.path}: image and apps exclude each other", "put the image into apps"
        )
    if image:
        return (_parse_app(fields, image, "", several=False),)
    used = [name for name in APP_FIELDS if fields.raw(name) is not None]
    if used:
        raise UsageError(
            f"{fields.at(used[0])}: needs image at the same level",
            "or move it into an element of apps",
        )
    return tuple(apps)


def check_number(apps: int, where: str) -> None:
    """Refuse a pod of more apps than start in good time."""
    if apps > MAX_APPS:
        raise UsageError(
            f"{where}: {apps} apps are more than the {MAX_APPS} that a pod can have",
            "make several pods of them",
            object=where,
        )


def parse_pod_spec(fields: Fields, shared: Optional[Credentials]) -> PodSpec:
    """Read one pod; `shared` are the log-ins that all pods may use."""
    name = pod_name(fields.text("name", ...), fields.at("name"))
    state = fields.choice("state", STATES, "started")
    if is_reserved(name) and state not in ("absent", "stopped"):
        raise UsageError(
            f"{fields.at('name')}: a unit of podwright's own is called podwright-{name}",
            "choose another name for the pod",
            object=name,
        )
    apps = _parse_apps(fields)
    check_number(len(apps), fields.at("apps"))
    if fields.raw("revision") is not None and (_says_more(fields) or state not in KNOWN_STATES):
        raise UsageError(
            f"{fields.at('revision')}: says what the pod is, so nothing else can",
            f"give it with name, state ({', '.join(KNOWN_STATES)}) and enabled only",
            object=name,
        )
    given = _parse_manifest(fields, apps)
    sandbox = fields.boolean("sandbox")
    if (
        not apps
        and not sandbox
        and given is None
        and state != "absent"
        and (state not in KNOWN_STATES or _says_more(fields))
    ):
        raise UsageError(
            f"{fields.path}: pod {name} needs image, apps, pod_manifest or sandbox",
            f"only with name, state ({', '.join(KNOWN_STATES)}) and enabled it stays what it is",
            object=name,
        )
    hostname = fields.text("hostname")
    stage1, stage1_image = _stage1(fields)
    spec = PodSpec(
        name=name,
        apps=apps,
        state=state,
        stage1=stage1,
        net=netchoice.of_field(fields, "net", default_net(stage1)),
        hostname=host_name(hostname, fields.at("hostname")) if hostname else "",
        ports=tuple(_parse_port(item) for item in fields.objects("ports")),
        volumes=tuple(parse_volume(item) for item in fields.objects("volumes")),
        pull_policy=fields.choice("pull_policy", PULL_POLICIES, "new"),
        insecure=insecure(fields),
        restart=fields.choice("restart", RESTARTS, "on-failure"),
        enabled=fields.boolean("enabled", state in ("started", "restarted")),
        enabled_said=fields.raw("enabled") is not None,
        ready=parse_ready(fields.child("ready"), of_pod=True) or Ready(),
        stop_timeout=seconds(fields, "stop_timeout", 10.0, 3600),
        annotations=tuple(sorted(fields.mapping("annotations").items())),
        labels=tuple(sorted(fields.mapping("labels").items())),
        credentials=logins(fields, shared),
        selinux=fields.choice("selinux", SELINUX, "auto"),
        pod_isolators=_pod_isolators(fields),
        exit_policy=parse_exit_policy(
            fields.text("exit_policy", FIRST_FAILURE), fields.at("exit_policy")
        ),
        secrets=_secrets(fields),
        private_users=_private_users(fields),
        profile=fields.choice("profile", ("", "system"), ""),
        metadata=fields.boolean("metadata"),
        names=_names(fields),
        allow=_allow(fields),
        replace=fields.choice("replace", REPLACES, STOP_FIRST),
        keep_revisions=fields.integer("keep_revisions", KEEP_REVISIONS, 1, MOST_REVISIONS),
        revision=fields.integer("revision", 0, 1),
        unit=_unit(fields),
        log=_log(fields),
        stage1_image=stage1_image,
        kvm=_machine(fields, stage1),
        mutable=sandbox,
    )
    spec = _with_sockets(spec, fields)
    fields.finish()
    if sandbox:
        from podwright.model import sandbox as rules

        rules.check(fields, spec)
    if spec.metadata:
        from podwright.model.registration import check_net

        check_net(spec.net, fields.at("metadata"))
    if spec.allow:
        from podwright.model import podrules

        podrules.check_net(spec.allow, spec.net, fields.at("allow"))
    volumes = [volume.name for volume in spec.volumes]
    if len(set(volumes)) != len(volumes):
        raise UsageError(f"{fields.at('volumes')}: names must be unique", object=name)
    if spec.ports and not netchoice.can_publish(spec.net):
        fly = stage1 == "fly"
        raise UsageError(
            f"{fields.at('ports')}: cannot be published with {stage1 if fly else f'net {spec.net}'}",
            netchoice.no_ports_hint(spec.net),
            object=name,
        )
    if given is not None:
        from podwright.model import podmanifest

        return podmanifest.fill(spec, given, fields.at("pod_manifest"))
    return spec


def _parse_manifest(fields: Fields, apps: tuple[AppSpec, ...]) -> Any:
    """The pod manifest, when it is given whole; then nothing else says what the pod is."""
    given = fields.raw("pod_manifest")
    if given is None:
        return None
    others = [name for name in ("image", "apps", *MANIFEST_SAYS) if fields.raw(name) is not None]
    if fields.raw("pull_policy") not in (None, "new"):
        others.append("pull_policy")
    if others:
        raise UsageError(
            f"{fields.at(others[0])}: cannot stand beside pod_manifest",
            "say it in the manifest" if others != ["pull_policy"] else "nothing is fetched for it",
            object=fields.at(others[0]),
        )
    return given


def _stage1(fields: Fields) -> tuple[str, Optional[GivenStage1]]:
    """The flavour, and the stage1 image where one is said."""
    found = fields.choice("stage1", FLAVOURS, "") if fields.raw("stage1") is not None else ""
    said = fields.child("stage1_image")
    if said is None and found != "image":
        return found or "namespaces", None
    if said is None:
        raise UsageError(
            f"{fields.at('stage1')}: image needs stage1_image, which says what image that is",
            "give stage1_image: {name: ...}, or {path: ...}, {url: ...} or {hash: ...}",
            object=fields.at("stage1"),
        )
    if found not in ("", "kvm", "xen", "image"):
        raise UsageError(
            f"{fields.at('stage1_image')}: cannot stand beside stage1 {found}, which takes no image",
            "leave one of them out",
            object=fields.at("stage1_image"),
        )
    from podwright.model import stage1

    return found or stage1.IMAGE, stage1.parse(said)


def _machine(fields: Fields, stage1: str) -> Optional[MachineChoice]:
    if fields.raw("kvm") is None:
        return None
    from podwright.model import machinechoice

    return machinechoice.parse(fields, stage1)


def _secrets(fields: Fields) -> tuple[GivenSecret, ...]:
    if fields.raw("secrets") is None:
        return ()
    from podwright.model.secret import check_all, parse_given

    given = tuple(parse_given(item) for item in fields.objects("secrets"))
    check_all(tuple(one.secret for one in given), fields.at("secrets"))
    return given


def _names(fields: Fields) -> Optional[PodNames]:
    if fields.raw("dns") is None and fields.raw("hosts") is None:
        return None
    from podwright.model.podnames import parse

    return parse(fields)


def _allow(fields: Fields) -> tuple[Rule, ...]:
    if fields.raw("allow") is None:
        return ()
    from podwright.model.podrules import parse

    return parse(fields)


def _log(fields: Fields) -> Optional[LogLimits]:
    if fields.raw("log") is None:
        return None
    from podwright.model.streams import limits_of

    return limits_of(fields)


def _unit(fields: Fields) -> Optional[UnitSpec]:
    if fields.raw("unit") is None:
        return None
    from podwright.model.unitspec import parse

    return parse(fields.child("unit"))


def _with_sockets(spec: PodSpec, fields: Fields) -> PodSpec:
    if fields.raw("sockets") is None:
        return spec
    from podwright.model.unitspec import parse_sockets
    from podwright.values import replace

    found = parse_sockets(fields.texts("sockets"), spec.ports, fields.at("sockets"))
    return replace(spec, sockets=found)


def _private_users(fields: Fields) -> str:
    """true, false (as JSON has them, too), idmapped, or "" where nothing is said."""
    raw = fields.raw("private_users")
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return "" if raw is None else fields.choice("private_users", CHOICES[1:], "")


def _pod_isolators(fields: Fields) -> tuple[Any, ...]:
    raw = fields.raw("pod_isolators", [])
    isolators.parse(raw, fields.at("pod_isolators"), pod=True)
    return tuple(isolators.as_texts(item) for item in raw)


def _says_more(fields: Fields) -> bool:
    """Whether anything is said about a pod besides the state that it is to be in."""
    given = {name for name, found in fields.obj.items() if found is not None}
    return bool(given - {"name", "state", "enabled", "registry_auth", "revision"})


def _parse_port(fields: Fields) -> HostPort:
    from podwright.model import portnumbers

    host_ip = fields.text("host_ip")
    name, number = portnumbers.parse(fields)
    port = HostPort(
        name,
        fields.integer("host_port", ..., 1, 65535),
        check_ip(host_ip, fields.at("host_ip")) if host_ip else "",
        count=fields.integer("count", 1, 1, 65535),
    )
    fields.finish()
    return portnumbers.to_number(port, *number) if number else port
