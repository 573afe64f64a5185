# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The multi-image command line of run and prepare (E): flags bind to the image before them."""

from __future__ import annotations

from podwright.cli import flavours, nets, options
from podwright.cli.verbs_pod import START_OPTIONS
from podwright.errors import UsageError
from podwright.model import netchoice
from podwright.model.image import absolute
from podwright.model.life import FIRST_FAILURE, PLAIN, Life, parse_exit_policy
from podwright.model.names import ac_identifier, ac_name, host_name, is_variable_name
from podwright.model.pod import HostPort
from podwright.model.podspec import AppSpec, PodSpec, check_number, default_net
from podwright.model.specfields import check_ip
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.cli.options import Arguments, Verb
    from podwright.host.paths import Layout
    from podwright.model.machinechoice import MachineChoice
    from podwright.model.podnames import PodNames
    from podwright.model.podrules import Rule
    from podwright.model.secret import GivenSecret
    from podwright.model.volume import Mount, Volume

MAX_ENVIRONMENT = 1024 * 1024
MAX_MANIFEST = 4 * 1024 * 1024
LIFE = (
    *("depends-on", "restart", "stop-signal", "stop-timeout", "hook-timeout"),
    *("ready-tcp", "ready-exec", "ready-timeout", "notify", "watchdog"),
    *("startup", "readiness", "liveness"),
    *("stdin", "stdout", "stderr", "log-path", "log-format"),
)
MANIFEST_SAYS = ("exit-policy", "sysctl", "allow")
"""Options of a pod that its manifest says itself, when it is given whole."""
ISOLATOR_FLAGS = (
    *("memory", "cpu", "cpu-shares", "pids", "io-weight", "block-bandwidth", "block-iops"),
    *("rlimit", "oom-score-adj", "caps-retain", "caps-remove", "seccomp"),
    *("no-new-privileges", "apparmor"),
)


NAME_FLAGS = ("dns", "dns-domain", "dns-search", "dns-opt", "hosts-entry")


class MultiArguments(options.Arguments):
    """Pod-wide flags, and for each image its own flags and the arguments after `--`."""

    def __init__(self) -> None:
        super().__init__()
        self.apps: list[tuple[str, Arguments, list[str]]] = []
        self.first_mounts: list[str] = []


def parse(argv: list[str], verb: Verb, globals_: Arguments) -> MultiArguments:
    """Split `IMAGE flags -- args --- IMAGE2 ...`."""
    known = options.table(verb.options)
    shared = options.table(options.GLOBAL)
    out = MultiArguments()
    current = options.Arguments()
    index = 0
    while index < len(argv):
        word = argv[index]
        if word == "---":
            index += 1
        elif word == "--" and "-- ARGS" not in verb.usage:
            raise UsageError(f"{verb.name} takes no arguments after --", "name images before it")
        elif word == "--":
            if not out.apps:
                raise UsageError("-- stands before the first image", "write IMAGE -- ARGUMENTS")
            end = argv.index("---", index) if "---" in argv[index:] else len(argv)
            out.apps[-1][2].extend(argv[index + 1 : end])
            index = end
        elif word.startswith("-") and word != "-":
            _check_verb(word, verb, known)
            index = _flag(argv, index, known, shared, out, current, globals_)
        else:
            if index:
                _check_no_value(argv[index - 1], word, known)
            current = options.Arguments()
            out.apps.append((word, current, []))
            out.rest.append(word)
            index += 1
    if not out.apps and not out.given("pod-manifest"):
        raise UsageError(f"{verb.name} needs an image", f"podwright {verb.name} --help")
    return out


def _check_verb(word: str, verb: Verb, known: dict[str, options.Option]) -> None:
    """Say who takes an option of the start, where a pod is only prepared."""
    name = word[2:].partition("=")[0]
    if name in options.table(START_OPTIONS) and name not in known:
        raise UsageError(
            f"{verb.name} takes no --{name}", "say it to run-prepared, which starts the pod"
        )


def _check_no_value(before: str, word: str, known: dict[str, options.Option]) -> None:
    """Refuse an image that is called like a value of the option before it, which takes it only after `=`."""
    option = known.get(before[2:]) if before.startswith("--") else None
    if option is None or (option.metavar and not option.metavar.startswith("[")):
        return
    if word in (option.choices or ("true", "false")):
        raise UsageError(
            f"{before} {word}: the value of this option follows a =", f"write {before}={word}"
        )


def _flag(
    argv: list[str],
    index: int,
    known: dict[str, options.Option],
    shared: dict[str, options.Option],
    out: MultiArguments,
    current: Arguments,
    globals_: Arguments,
) -> int:
    name = "help" if argv[index] == "-h" else argv[index][2:].partition("=")[0]
    option = known.get(name)
    if option is None:
        return options.take(argv, index, {**shared, **known}, globals_)
    if not option.per_app:
        return options.take(argv, index, known, out)
    if out.apps:
        return options.take(argv, index, known, current)
    if name != "mount":
        raise UsageError(f"--{name} must follow the image that it is for", "write IMAGE --" + name)
    first = options.Arguments()
    index = options.take(argv, index, known, first)
    out.first_mounts += first.texts("mount")
    return index


def pod_spec(
    args: MultiArguments, insecure: frozenset[str], layout: Optional[Layout] = None
) -> PodSpec:
    """The pod that the command line asks for; `layout`: whose stage1.d says what goes without saying."""
    manifest = _manifest(args) if args.given("pod-manifest") else None
    stage1, stage1_image = flavours.chosen(args, layout)
    check_ipc(args, stage1)
    net = nets.chosen(args, default_net(stage1))
    ports = tuple(_port(text) for text in args.texts("port"))
    if ports and not netchoice.can_publish(net):
        raise UsageError(
            f"--port cannot be used with {stage1 if net == default_net(stage1) else f'--net={net}'}",
            netchoice.no_ports_hint(net),
        )
    interactive = args.true("interactive") or any(
        own.text("stdin") == "interactive" for _, own, _ in args.apps
    )
    if interactive and len(args.apps) > 1:
        raise UsageError(
            "--interactive works with one app only", f"{len(args.apps)} images are given"
        )
    check_number(len(args.apps), "images")
    volumes = _volumes(args.texts("volume"))
    names = [volume.name for volume in volumes]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise UsageError(f"--volume: {name} is declared twice", object=name)
    hostname = args.text("hostname")
    spec = PodSpec(
        name="",
        apps=tuple(_app(image, own, extra) for image, own, extra in args.apps),
        stage1=stage1,
        stage1_image=stage1_image,
        kvm=_machine(args, stage1),
        ipc=args.text("ipc", "auto"),
        net=net,
        hostname=host_name(hostname, "--hostname") if hostname else "",
        ports=ports,
        volumes=volumes,
        mounts=_mounts(args.first_mounts),
        environment=_pod_environment(args),
        inherited=_inherited() if args.true("inherit-env") else (),
        pull_policy=args.text("pull-policy", "new"),
        insecure=insecure,
        exit_policy=parse_exit_policy(args.text("exit-policy", FIRST_FAILURE), "--exit-policy"),
        overlay=not args.true("no-overlay"),
        selinux=args.text("selinux", "auto"),
        private_users=args.text("private-users"),
        profile=args.text("profile"),
        interactive=interactive,
        pod_isolators=_pod_isolators(args),
        secrets=_secrets(args.texts("secret")),
        metadata=args.true("mds-register"),
        names=names_of(args),
        allow=_allow(args),
    )
    if spec.allow:
        from podwright.model import podrules

        podrules.check_net(spec.allow, spec.net, "--allow")
    if spec.metadata:
        from podwright.model.registration import check_net

        check_net(spec.net, "--mds-register")
    if manifest is None:
        return spec
    from podwright.model import podmanifest

    spec = podmanifest.fill(spec, manifest)
    if interactive and len(spec.apps) > 1:
        raise UsageError(
            "--interactive works with one app only", f"the manifest has {len(spec.apps)}"
        )
    return spec


def _manifest(args: MultiArguments) -> Any:
    """The pod manifest that is given whole; then nothing else says what the pod is (B1)."""
    from podwright import jsonio

    if args.apps:
        raise UsageError("--pod-manifest: images cannot be named beside it", "they stand in it")
    others = ("volume", "port", "inherit-env", "set-env", "set-env-file")
    used = [name for name in (*others, *MANIFEST_SAYS) if args.given(name)]
    used += ["mount"] if args.first_mounts else []
    if used:
        raise UsageError(f"--{used[0]} cannot be used with --pod-manifest", "say it in the file")
    if args.text("pull-policy", "new") != "new":
        raise UsageError(
            "--pull-policy cannot be used with --pod-manifest", "nothing is fetched for it"
        )
    path = args.text("pod-manifest")
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_MANIFEST + 1)
    except OSError as err:
        raise UsageError(f"--pod-manifest: {safe(path, 200)}: {err.strerror}") from None
    return jsonio.loads(data, safe(path, 200), limit=MAX_MANIFEST)


def _app(image: str, own: Arguments, extra: list[str]) -> AppSpec:
    gids = own.text("supplementary-gids")
    working_dir = own.text("working-dir")
    name = own.text("name")
    return AppSpec(
        image=image,
        name=ac_name(name, "--name") if name else "",
        exec=own.text("exec"),
        args=tuple(extra),
        environment=tuple(_variable(text, "--environment") for text in own.texts("environment")),
        user=own.text("user"),
        group=own.text("group"),
        supplementary_gids=_numbers(gids) if gids else None,
        working_dir=absolute(working_dir, "--working-dir") if working_dir else "",
        mounts=_mounts(own.texts("mount")),
        isolators=_isolators(own),
        readonly_rootfs=own.true("readonly-rootfs"),
        signature=own.text("signature"),
        life=_life(own),
        annotations=_annotations(own),
        user_annotations=_pairs(own, "user-annotation"),
        user_labels=_pairs(own, "user-label"),
    )


def _machine(args: Arguments, stage1: str) -> Optional[MachineChoice]:
    if not args.given("kvm-accelerator"):
        return None
    from podwright.model import machinechoice

    said = machinechoice.MachineChoice(args.text("kvm-accelerator"))
    return machinechoice.check(said, stage1, "--kvm-accelerator")


def check_ipc(args: Arguments, stage1: str) -> None:
    """Refuse an IPC namespace that the flavour does not give; `auto` is what it gives (B5)."""
    asked, has = args.text("ipc", "auto"), "parent" if stage1 == "fly" else "private"
    if stage1 in ("kvm", "xen"):
        from podwright.model import kvm

        kvm.check_ipc(asked, stage1)
    if stage1 == "image":
        return  # what it gives, its manifest says
    if asked not in ("auto", has):
        raise UsageError(
            f"--ipc={asked} cannot be had with stage1 {stage1}",
            "leave it out" if has == "parent" else "pods of --stage1-name=fly have the host's IPC",
        )


def _annotations(own: Arguments) -> tuple[tuple[str, str], ...]:
    """Annotations of the app; those that say how we run it have options of their own."""
    found = _pairs(own, "annotation")
    for name, _ in found:
        ac_identifier(name, "--annotation")
        if name.startswith("podwright.io/"):
            raise UsageError(
                f"--annotation: {name} is set by podwright", "see podwright run --help"
            )
    return found


def _pairs(own: Arguments, flag: str) -> tuple[tuple[str, str], ...]:
    """NAME=VALUE of a repeatable flag; the last one of a name counts."""
    found = {}
    for text in own.texts(flag):
        name, equals, content = text.partition("=")
        if not name or not equals:
            raise UsageError(f"--{flag}: {safe(text, 60)!r} is not NAME=VALUE")
        found[name] = content
    return tuple(found.items())


def _life(own: Arguments) -> Life:
    """How the app lives with the others of its pod."""
    if not any(own.given(name) for name in LIFE):
        return PLAIN
    from podwright.cli.lives import parse

    return parse(own)


def names_of(args: Arguments) -> Optional[PodNames]:
    """What is said about the pod's names."""
    if not any(args.given(flag) for flag in NAME_FLAGS):
        return None
    from podwright.cli.names import parse

    return parse(args)


def _allow(args: Arguments) -> tuple[Rule, ...]:
    if not args.given("allow"):
        return ()
    from podwright.model.podrules import of_flags

    return of_flags(args.texts("allow"))


def _numbers(gids: str) -> tuple[int, ...]:
    from podwright.cli.storage import number

    return tuple(number(text, "--supplementary-gids") for text in gids.split(","))


def _isolators(own: Arguments) -> tuple[Any, ...]:
    if not any(own.given(flag) for flag in ISOLATOR_FLAGS):
        return ()
    from podwright.cli.isolator_flags import app_isolators

    return app_isolators(own)


def _pod_isolators(args: Arguments) -> tuple[Any, ...]:
    if not args.given("sysctl"):
        return ()
    from podwright.cli.isolator_flags import pod_isolators

    return pod_isolators(args)


def _port(text: str) -> HostPort:
    name, colon, rest = text.partition(":")
    address, _, numbers = rest.rpartition(":")
    first, dash, last = numbers.partition("-")
    low, high = _port_number(first), _port_number(last if dash else first)
    bracketed = address.startswith("[") and address.endswith("]")
    if not colon or not 0 < low <= high or ((":" in address) and not bracketed) or rest[:1] == ":":
        raise UsageError(
            f"--port: {safe(text, 60)!r} is not NAME:[HOSTIP:]HOSTPORT[-LAST]",
            "a port of the host is 1 to 65535; an IPv6 address stands in brackets:"
            " NAME:[2001:db8::1]:8080",
        )
    host_ip = check_ip(address[1:-1] if bracketed else address, "--port") if address else ""
    if "/" in name:
        from podwright.model import portnumbers

        name = portnumbers.name(name, "--port")
    return HostPort(ac_name(name, "--port"), low, host_ip, count=high - low + 1)


def _port_number(text: str) -> int:
    """A port's number; 0 for what is none."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return number if number < 65536 else 0


def _volumes(texts: list[str]) -> tuple[Volume, ...]:
    if not texts:
        return ()
    from podwright.cli.storage import volume

    return tuple(volume(text) for text in texts)


def _mounts(texts: list[str]) -> tuple[Mount, ...]:
    if not texts:
        return ()
    from podwright.cli.storage import mount

    return tuple(mount(text) for text in texts)


def _secrets(texts: list[str]) -> tuple[GivenSecret, ...]:
    if not texts:
        return ()
    from podwright.cli.storage import secrets

    return secrets(texts)


def _variable(text: str, what: str) -> tuple[str, str]:
    name, equals, content = text.partition("=")
    if not equals or not is_variable_name(name):
        raise UsageError(f"{what}: {safe(text, 60)!r} is not NAME=VALUE")
    return name, content


def _pod_environment(args: Arguments) -> tuple[tuple[str, str], ...]:
    merged: dict[str, str] = {}
    for path in args.texts("set-env-file"):
        merged.update(_environment_file(path))
    merged.update(_variable(text, "--set-env") for text in args.texts("set-env"))
    return tuple(merged.items())


def _environment_file(path: str) -> dict[str, str]:
    """KEY=VALUE lines; # and ; begin comments; a key given twice is an error (B4)."""
    out: dict[str, str] = {}
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(MAX_ENVIRONMENT + 1)
    except (OSError, UnicodeDecodeError) as err:
        raise UsageError(
            f"--set-env-file: {safe(path, 200)} cannot be read: {safe(err, 200)}"
        ) from None
    if len(text) > MAX_ENVIRONMENT:
        raise UsageError(f"--set-env-file: {safe(path, 200)} is larger than 1 MiB")
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and line.lstrip()[0] not in "#;":
            name, content = _variable(line, f"{safe(path, 200)} line {number}")
            if name in out:
                raise UsageError(f"{safe(path, 200)} line {number}: {name} is set twice")
            out[name] = content
    return out


def _inherited() -> tuple[tuple[str, str], ...]:
    import os

    return tuple((name, content) for name, content in os.environ.items() if is_variable_name(name))
