# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks with plugins that are executables: called between our own steps, taken back at the end.

What is built in is ours, whatever its place in the chain; executables get our result as
prevResult, and what they answer is what the pod holds.
"""

from __future__ import annotations

import os

from podwright.host.clock import boot_id
from podwright.net import check, ipam, kinds, ledger, meta, overlap
from podwright.net.cni import chain, collector, find, protocol, records, result
from podwright.net.cni.chain import Made
from podwright.net.cni.protocol import Call
from podwright.net.plan import compile
from podwright.net.values import Dns
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from podwright.net.allocate import Taken
    from podwright.net.apply import Applier
    from podwright.net.values import Attachment, Holding, NetRequest

BY_PLUGIN = ("ports", "plugin")
"""In an attachment's state: an executable publishes the pod's ports (capability portMappings)."""


@value
class Task:
    """What all executables of a pod have in common.

    netns  path of the pod's namespace, the same for the pod's life
    """

    request: NetRequest
    netns: str

    def call(self, attached: Attachment, plugin: dict[str, Any], kind: str) -> Call:
        """The call of one executable. Raises NetworkError when there is none to be run."""
        conf, directories = attached.conf, self.request.plugin_dirs
        told = protocol.runtime(plugin, self.request, attached)
        return Call(
            net=conf.name,
            kind=kind,
            path=find.find(kind, directories, conf.name),
            config=protocol.configuration(conf.name, conf.version, plugin, told),
            uuid=self.request.uuid,
            ifname=attached.ifname,
            netns=self.netns,
            args=protocol.arguments(attached.args),
            search=find.search_path(directories),
            timeout=protocol.timeout(plugin, conf.name),
        )

    def calls(self, attached: Attachment) -> tuple[Call, ...]:
        """The calls of all executables of a network, in order. Raises NetworkError, UsageError."""
        first, *_ = attached.conf.plugins
        managed = [(first, foreign_ipam(first))] if foreign_ipam(first) else []
        own = [(one, one["type"]) for one in executables(attached)]
        return tuple(self.call(attached, plugin, kind) for plugin, kind in (*managed, *own))


def foreign_ipam(plugin: dict[str, Any]) -> str:
    """The type of address management of one of our own kinds that is an executable, or ""."""
    found = plugin.get("ipam")
    kind = found.get("type") if isinstance(found, dict) else None
    ours = plugin["type"] in kinds.BUILTIN and kind not in ipam.BUILTIN
    return str(kind) if kind and ours else ""


def executables(attached: Attachment) -> list[dict[str, Any]]:
    """The objects of a chain that are executables."""
    return [one for one in attached.conf.plugins if not _is_ours(one)]


def _is_ours(plugin: dict[str, Any]) -> bool:
    return plugin["type"] in kinds.BUILTIN or plugin["type"] in meta.BUILTIN


def prepared(request: NetRequest, attached: Attachment) -> Attachment:
    """The attachment of a network that has executables, which are all there and safe to run.

    Raises NetworkError or UsageError before anything is made.
    """
    calls = Task(request, "").calls(attached)
    plugins = executables(attached)
    for plugin in plugins:
        inner = plugin.get("ipam")
        if isinstance(inner, dict) and inner.get("type"):
            find.find(str(inner["type"]), request.plugin_dirs, attached.net)
    if attached.kind not in kinds.BUILTIN:
        for plugin in attached.conf.plugins:
            if plugin["type"] in meta.BUILTIN:
                meta.module(plugin["type"]).alter(attached, plugin)  # says what it cannot do
    published = any(protocol.declared(plugin, "portMappings") for plugin in plugins)
    return replace(
        attached,
        external=True,
        plugin_path="" if _is_ours(attached.conf.plugins[0]) else calls[0].path,
        state=(*attached.state, BY_PLUGIN) if published else attached.state,
    )


def make(
    request: NetRequest, taken: Taken, applier: Applier, netns: int, path: str, pid: int
) -> Holding:
    """Everything of a pod that has a network with executables, in the order that they need.

    netns, path   the pod's namespace: a descriptor of ours, and where executables find it
    pid           the pod's PID 1
    Raises NetworkError; what executables have made is in the pod's record, for `remove`.
    """
    records.reclaim(os.path.dirname(taken.holding.run_dir))
    collector.adding(request.net_dir)  # until this process ends
    task = Task(request, path)
    for attached in taken.holding.attachments:
        chain.ready(task.calls(attached), attached.conf.version)
    taken = _assign_all(task, taken)
    applier.forward(taken.holding)
    applier.apply(compile(taken.holding), netns)
    if any(map(ipam.is_leased, taken.holding.attachments)):
        from podwright.net.dhcp import lease

        taken = lease.take_all(request.net_dir, taken, applier, netns, pid)
    taken = _add_all(task, taken, applier)
    check.refuse_unreachable(taken.holding)
    applier.admit(taken.holding)
    return taken.holding


def _assign_all(task: Task, taken: Taken) -> Taken:
    """Addresses by executables for links of ours, whose steps need them."""
    attachments = list(taken.holding.attachments)
    wanted = [i for i, one in enumerate(attachments) if foreign_ipam(one.conf.plugins[0])]
    for index in wanted:
        attachments[index] = _assign(task, attachments[index], taken.holding.pod_dir, index)
    return _change(task, taken, attachments) if wanted else taken


def _assign(task: Task, attached: Attachment, directory: str, index: int) -> Attachment:
    plugin = attached.conf.plugins[0]
    call = task.call(attached, plugin, foreign_ipam(plugin))
    before = records.read(directory)
    made = chain.add(Made(attached.conf.version), call, records.saver(directory, before))
    found = result.parse(made.result or {})
    want = kinds.Want(
        attached.conf,
        plugin,
        attached.args,
        task.request.uuid,
        attached.ifname,
        ledger.host_link(task.request.uuid, index),
        ipam.Assigned(found.addresses, found.routes, found.dns),
        kinds.seen(plugin, task.request.net_dir),
    )
    out: Attachment = kinds.module(plugin["type"]).attach(want)
    for further in attached.conf.plugins[1:]:
        if further["type"] in meta.BUILTIN:
            out = meta.module(further["type"]).alter(out, further)
    if task.request.bandwidth:
        from podwright.net import limits

        out = limits.isolated(task.request, out)
    return prepared(task.request, out)


def _add_all(task: Task, taken: Taken, applier: Applier) -> Taken:
    """ADD of all executables, network by network, and what of a chain of theirs is built in."""
    attachments = list(taken.holding.attachments)
    for index, attached in enumerate(attachments):
        if executables(attached):
            attachments[index] = _add(task, attached, taken.holding.pod_dir, applier)
    return _change(task, taken, attachments)


def _add(task: Task, attached: Attachment, directory: str, applier: Applier) -> Attachment:
    ours = attached.kind in kinds.BUILTIN
    version = attached.conf.version
    made = Made(
        version,
        result=_own_result(attached, version, task.netns) if ours else None,
        check=not attached.conf.disable_check,
        collect=not attached.conf.disable_gc,
    )
    save = records.saver(directory, records.read(directory))
    for plugin in attached.conf.plugins:
        if not _is_ours(plugin):
            made = chain.add(made, task.call(attached, plugin, plugin["type"]), save)
            attached = _absorbed(attached, made.result or {}, ours)
        elif plugin["type"] in meta.BUILTIN and not ours:
            module = meta.module(plugin["type"])
            attached = module.alter(attached, plugin)
            applier.go_on(module.steps(attached, plugin))
    return attached


def _own_result(attached: Attachment, version: str, netns: str) -> dict[str, Any]:
    """What we have made, as an executable is told of it."""
    outside = [result.Link(name) for name in (attached.bridge, attached.host_if) if name]
    links = (*outside, result.Link(attached.ifname, attached.mac, inside=True))
    found = result.Result(links, attached.addresses, attached.routes, attached.dns)
    return result.write(found, version, netns)


def _absorbed(attached: Attachment, answer: dict[str, Any], ours: bool) -> Attachment:
    """The attachment with what an executable answered; links of ours stay as they are."""
    found = result.parse(answer)
    results = (answer,)  # that of the last has all
    dns = attached.dns if found.dns == Dns() else found.dns
    if ours:
        return replace(attached, results=results, dns=dns)
    outside = [one.name for one in found.links if not one.inside and ledger.is_link_name(one.name)]
    state = {**dict(attached.state), "outside": outside}
    inside = next((one for one in found.links if one.inside and one.name == attached.ifname), None)
    return replace(
        attached,
        results=results,
        dns=dns,
        mac=inside.mac if inside is not None else attached.mac,
        addresses=found.addresses,
        routes=found.routes,
        state=tuple(state.items()),
    )


def _change(task: Task, taken: Taken, attachments: Iterable[Attachment]) -> Taken:
    """Write what the pod holds now to the ledger. Raises NetworkError when that is others'."""
    holding = replace(taken.holding, attachments=tuple(attachments))
    net_dir, boot = task.request.net_dir, boot_id()
    with ledger.lock(net_dir, "network setup"):
        others = [one for one in ledger.read_all(net_dir).holdings if one.uuid != holding.uuid]
        overlap.refuse_answered(
            holding, [one for one in others if ledger.is_alive(net_dir, one, boot)]
        )
        held = ledger.change(net_dir, holding, taken.held)
    return replace(taken, holding=holding, held=held)


def remove(holding: Holding, netns: str) -> None:
    """DEL of all that executables have made for a pod that ends. Idempotent.

    netns  path of the pod's namespace, or "" when it is gone
    Raises NetworkError; what could not be taken back stays in the pod's record for gc.
    """
    records.undo(holding.pod_dir, netns)
