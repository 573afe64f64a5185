# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright run-prepared UUID`."""

from __future__ import annotations

from podwright.cli import nets, which
from podwright.cli.apps import check_ipc, names_of
from podwright.cli.context import Context, note, tell_report
from podwright.cli.run import again, ready_teller, tell
from podwright.errors import UsageError
from podwright.model import netchoice
from podwright.model.names import host_name
from podwright.stage0 import pods, prepare, start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.cli.options import Arguments
    from podwright.model.pod import PodManifest


def run(context: Context, args: Arguments) -> int:
    """Returns the workload's status."""
    context.need_root("run-prepared")
    text = which.one(args, "run-prepared")
    overrides = _overrides(args)
    pod = pods.find(context.layout, text)
    manifest = start.read_manifest(pod.path)
    check_ipc(args, dict(manifest.annotations).get("podwright.io/stage1", "namespaces"))
    check_overrides(manifest, overrides)
    if "net" in overrides and netchoice.has_own_network(overrides["net"]):
        for warning in prepare.check_networks(context.layout, overrides["net"]):
            note(f"warning: {warning}")
    if context.insecure:
        overrides["insecure"] = sorted(context.insecure)
    locked = _prepared(context, pod)
    outcome = start.run(
        context.layout,
        locked,
        overrides,
        ready_teller(locked),
        on_report=tell_report,
        again=again(context),
        debug=context.debug,
    )
    tell(outcome)
    return outcome.status


def _prepared(context: Context, pod: pods.Pod) -> pods.LockedPod:
    """The pod, locked; one that has run already is made ready to run again."""
    if pod.directory == pods.PREPARED:
        return pods.lock(context.layout, pod)
    from podwright.stage0 import rerun

    locked, warnings = rerun.prepare(context.layout, pod)
    for warning in warnings:
        note(f"warning: {warning}")
    return locked


def check_overrides(manifest: PodManifest, overrides: dict[str, Any]) -> None:
    """Refuse what `run` would have refused for the same pod."""
    if ("podwright.io/stage1", "fly") in manifest.annotations:
        from podwright.model.fly import check_start

        check_start(overrides.get("net", ""), overrides.get("hostname", ""))
    stage1 = dict(manifest.annotations).get("podwright.io/stage1", "namespaces")
    if "kvm" in overrides:
        from podwright.model import machinechoice

        choice = machinechoice.load(overrides["kvm"])
        machinechoice.check(choice, stage1, "--kvm-accelerator")
    if stage1 in ("kvm", "xen"):
        from podwright.model import kvm

        kvm.check_start(overrides.get("net", ""), stage1)
    net = overrides.get("net", "default")
    if manifest.ports and not netchoice.can_publish(net):
        raise UsageError(
            f"--net={net} cannot be used: the pod publishes ports",
            "choose a network, such as default",
        )
    if any(name == "podwright.io/allow" for name, _ in manifest.annotations):
        from podwright.model import podrules

        rules = podrules.of_annotations(manifest.annotations, "pod manifest")
        podrules.check_net(rules, net, "the pod's rules")
    if overrides.get("metadata"):
        from podwright.model.registration import check_net

        check_net(net, "--mds-register")
    if overrides.get("interactive") and len(manifest.apps) > 1:
        raise UsageError(
            "--interactive works with one app only", f"the pod has {len(manifest.apps)}"
        )


def _overrides(args: Arguments) -> dict[str, Any]:
    out: dict[str, Any] = {}
    net = nets.chosen(args, "")
    if net:
        out["net"] = net
    if args.given("hostname"):
        out["hostname"] = host_name(args.text("hostname"), "--hostname")
    if args.given("ipc"):
        out["ipc"] = args.text("ipc")
    names = names_of(args)
    if names is not None:
        from podwright.model.podnames import dump

        out["names"] = dump(names)
    if args.given("kvm-accelerator"):
        out["kvm"] = {"accelerator": args.text("kvm-accelerator")}
    if args.given("interactive"):
        out["interactive"] = args.true("interactive")
    if args.given("mds-register"):
        out["metadata"] = args.true("mds-register")
    return out
