# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of a desired state: one file each in the administrator's net.d.

`<local_config>/net.d/NN-NAME.conflist`, written at once or not at all. Files of other names that
configure the same network there go, since the first of two would win. Pods that run keep what they
have: a configuration counts for pods that start from then on.
"""

from __future__ import annotations

import os
from contextlib import nullcontext

from podwright import jsonio
from podwright.errors import HostError, UsageError
from podwright.host import owned
from podwright.kernel import fs
from podwright.model import netchoice
from podwright.net import ledger, lookup, shown
from podwright.stage0 import pods
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AbstractContextManager
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.network import NetworkSpec
    from podwright.model.spec import DesiredState
    from podwright.net.values import NetConf

ORDER = 50


@value
class Present:
    """What the administrator's net.d has of a network.

    paths     its files, the one that counts first
    document  what that one says, or in words why it says nothing
    """

    paths: tuple[str, ...]
    document: Any

    def view(self) -> dict[str, Any]:
        """For the difference."""
        return {"path": self.paths[0], "config": self.document} if self.paths else {}


def apply_network(
    layout: Layout, spec: NetworkSpec, besides: Collection[str], check: bool
) -> tuple[dict[str, Any], list[str]]:
    """Write or remove one network's file, or say what that would change: its part, and warnings.

    besides  named pods about which the same desired state says otherwise
    """
    folder = f"{layout.local_config}/net.d"
    before = _present(folder, spec.name)
    after = _wanted(folder, spec, before)
    changed = before.view() != after.view() or before.paths != after.paths
    warnings: list[str] = []
    with _no_start(layout, changed and not check):
        if not check:
            fs.remove_unfinished(folder, lambda name: _number(name, spec.name) is not None)
        if changed:
            users = _running(layout, spec.name, besides if check else ())
            if spec.document is None:
                _refuse_loss(layout, spec, [*users, *_named(layout, spec.name, besides)], folder)
            elif users:
                warnings.append(_kept(spec.name, users))
            if not check:
                _change(folder, before, after)
                if spec.document is None and os.path.exists(f"{layout.data}/pull"):
                    from podwright.pull import keep

                    keep.disown(layout, network=spec.name)
    if spec.document is not None:
        lack = shown.lacks(_parsed(spec.document), layout.net_plugins)
        warnings += [f"{lack}; no pod can start on it until then"] if lack else []
    part = {
        "label": spec.name,
        "name": spec.name,
        "path": (after.paths or before.paths or ("",))[0],
        "changed": changed,
        "action": ("write" if after.paths else "remove") if changed else "none",
        "state": _state(layout, spec, folder),
        "diff": {"before": before.view(), "after": after.view()},
    }
    return part, warnings


def _no_start(layout: Layout, wanted: bool) -> AbstractContextManager[object]:
    """No pod looks its networks up within the block; without a ledger there are none."""
    there = wanted and os.path.isdir(layout.net)
    return ledger.lock(layout.net, "network change") if there else nullcontext()


def besides(desired: DesiredState, name: str) -> list[str]:
    """Pods of the desired state that are not to be on a network, whatever they are on now."""
    return [
        pod.name
        for pod in desired.pods
        if pod.state == "absent" or (pod.says_what and not _names(pod.net, name))
    ]


def planned(desired: DesiredState) -> tuple[NetConf, ...]:
    """The networks that the desired state makes, for pods that are planned before there are files."""
    return tuple(_parsed(one.document) for one in desired.networks if one.document is not None)


def _parsed(document: dict[str, Any]) -> NetConf:
    from podwright.net import conf

    return conf.parse(document)


def _kept(name: str, users: list[str]) -> str:
    """What a change means for pods that run."""
    they = (
        "keeps what it has until it starts"
        if len(users) == 1
        else "keep what they have until they start"
    )
    return f"network {name}: {', '.join(users)} {they} again"


def _present(folder: str, name: str) -> Present:
    found = [
        one
        for one in lookup.read_directory(folder)
        if one.name == name or (not one.name and _number(one.source, name) is not None)
    ]
    paths = tuple(one.source for one in found)
    if not found:
        return Present((), None)
    if isinstance(found[0], lookup.Broken):
        return Present(paths, f"broken: {found[0].message}")
    data = owned.read(paths[0], lookup.MAX_FILE)
    return Present(paths, None if data is None else jsonio.loads(data, paths[0]))


def _wanted(folder: str, spec: NetworkSpec, before: Present) -> Present:
    if spec.document is None:
        return Present((), None)
    order = ORDER if spec.order is None else spec.order
    if spec.order is None:
        known = (_number(path, spec.name) for path in before.paths)
        order = next((number for number in known if number is not None), ORDER)
    return Present((f"{folder}/{order:02}-{spec.name}.conflist",), spec.document)


def _number(path: str, name: str) -> Optional[int]:
    """What a file that we write for a network begins with; None for any other."""
    number, dash, rest = os.path.basename(path).partition("-")
    ours = dash and rest == f"{name}.conflist" and len(number) == 2
    return int(number) if ours and number.isascii() and number.isdigit() else None


def _running(layout: Layout, name: str, leaving: Collection[str]) -> list[str]:
    """Running pods on a network, without those that would be taken off it first."""
    own = os.path.realpath(f"{layout.pods}/{pods.RUN}")
    return [
        holding.holder()
        for holding in shown.living(layout.net) or ()
        if shown.on(name, (holding,)) and not (holding.name in leaving and holding.run_dir == own)
    ]


def _named(layout: Layout, name: str, besides: Collection[str]) -> list[str]:
    """Named pods that are to be on a network when they start."""
    from podwright.reconcile import revisions

    found = []
    for pod in revisions.names(layout):
        revision = None if pod in besides else revisions.current(layout, pod)
        if revision is not None and _names(revision.runtime["net"], name):
            found.append(f"pod {pod}")
    return found


def _names(net: str, name: str) -> bool:
    """Whether a choice names a network; `all` does not, since it means those that there are."""
    return any(one.name == name for one in netchoice.parse(net).networks)


def _refuse_loss(layout: Layout, spec: NetworkSpec, users: list[str], folder: str) -> None:
    """Refuse to take away what pods use, where nothing else is called so."""
    if not users or spec.force or _elsewhere(layout, spec.name, folder) is not None:
        return
    unique = sorted(set(users))
    more = f" and {len(unique) - 5} more" if len(unique) > 5 else ""
    raise UsageError(
        f"network {spec.name}: is used by {', '.join(unique[:5])}{more}",
        "take the pods off it first, or say force",
        object=spec.name,
        reason="in-use",
    )


def _elsewhere(layout: Layout, name: str, folder: str) -> Optional[str]:
    """Where a network is configured besides the administrator's net.d: a file, "" = built in."""
    others = tuple(one for one in layout.net_dirs() if one != folder)
    found = [one for one in lookup.read(others).networks if one.name == name]
    return found[0].source if found else None


def _state(layout: Layout, spec: NetworkSpec, folder: str) -> str:
    """What there is of the network afterwards: present, shipped, built-in or absent."""
    if spec.document is not None:
        return "present"
    source = _elsewhere(layout, spec.name, folder)
    if source is None:
        return "absent"
    return "shipped" if source else "built-in"


def _change(folder: str, before: Present, after: Present) -> None:
    """Write the new file first: in between, two say the same network, and one of them wins."""
    try:
        fs.ensure_dir(folder, 0o755)
        for path in after.paths:
            why = owned.directory_problem(folder) or owned.way_problem(path)
            if why:
                raise HostError(
                    f"network file {safe(path, 300)}: {why}",
                    "correct the directory; nothing was written",
                    object=path,
                )
            fs.write_atomic(path, jsonio.pretty(after.document).encode() + b"\n", 0o644)
        for path in before.paths:
            if path not in after.paths:
                fs.unlink(path)
        fs.fsync_dir(folder)
    except OSError as err:
        raise HostError(
            f"network files in {safe(folder, 300)} cannot be changed: {err.strerror}",
            "see the configuration directory",
            object=folder,
        ) from None
