# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which networks a pod is on: what `--net` names, looked up in the configuration (behaviour.md D1, D2).

Configurations lie in the `net.d` of several directories. Their order is that of their files'
names, whatever the directory; a name in a later directory overrides the same one in an earlier
one, and any of them what is built in. A file that cannot be believed or understood makes the
network fail that it is about, and every network where that cannot be told: it may be what was to
keep one of them in.
"""

from __future__ import annotations

import os

from podwright.errors import NetworkError, UsageError
from podwright.model import netchoice
from podwright.net.values import NetConf
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional, Union

    from podwright.model.netchoice import NetChoice

ENDINGS = (".conf", ".conflist", ".json")
MAX_FILE = 1024 * 1024
MAX_FILES = 1000


@value
class Chosen:
    """A network and the CNI arguments it was named with."""

    conf: NetConf
    args: tuple[tuple[str, str], ...] = ()


@value
class Broken:
    """A file that says nothing we can use; `name` is the network's, or "" when not even that is known."""

    source: str
    name: str
    message: str
    hint: str = ""


@value
class Written:
    """What a file has in it; `name` is the network's, or "" when it has none."""

    source: str
    name: str
    raw: Any


@value
class Catalog:
    """Networks of a host, in the order in which a pod's links are made.

    warnings   about files that nothing is taken from
    """

    networks: tuple[NetConf, ...]
    broken: tuple[Broken, ...] = ()
    warnings: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """What there is."""
        return tuple(conf.name for conf in self.networks)


BUILTIN = (
    NetConf(
        "default",
        "1.0.0",
        (
            {
                "type": "ptp",
                "ipMasq": True,
                "ipam": {
                    "type": "host-local",
                    "ranges": [
                        [{"subnet": "172.16.28.0/24"}],
                        [{"subnet": "fd70:6f64:7772:1c::/64"}],
                    ],
                    "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}],
                },
            },
        ),
    ),
    NetConf(
        "default-restricted",
        "1.0.0",
        (
            {
                "type": "ptp",
                "podwright.io/reach": "host",
                "ipam": {
                    "type": "host-local",
                    "ranges": [
                        [{"subnet": "172.31.0.0/16"}],
                        [{"subnet": "fd70:6f64:7772:1f::/64"}],
                    ],
                },
            },
        ),
    ),
)
"""Their place in the order is that of files called `99-NAME.conf`."""


def choose(nets: str, conf_dirs: tuple[str, ...]) -> tuple[Chosen, ...]:
    """The networks that `nets` (`model/netchoice.py`) names, in the order of their links.

    None for `none` and `host`. Raises NetworkError for a network that does not exist or whose
    configuration cannot be used, and UsageError for arguments that it does not know.
    """
    choice = netchoice.parse(nets)
    if not netchoice.has_own_network(choice.word):
        return ()
    return _pick(choice, read(conf_dirs, _names(choice)), conf_dirs)


def _pick(choice: NetChoice, catalog: Catalog, conf_dirs: tuple[str, ...]) -> tuple[Chosen, ...]:
    """The chosen ones of a catalog that has them. Raises NetworkError as `choose`."""
    wanted = {one.name: one.args for one in choice.networks}
    everything = choice.word == netchoice.ALL
    for broken in catalog.broken:
        if everything or not broken.name or broken.name in wanted:
            raise _unusable(broken)
    known = catalog.names()
    for name in wanted:
        if name not in known:
            raise unknown(name, read(conf_dirs), netchoice.WORDS)
    if any(wanted.values()):
        from podwright.net import args

        for conf in catalog.networks:
            args.check(conf, wanted.get(conf.name, ()))
    return tuple(
        Chosen(conf, wanted.get(conf.name, ()))
        for conf in catalog.networks
        if everything or conf.name in wanted
    )


def _unusable(broken: Broken) -> NetworkError:
    """The error for a file that keeps pods from starting, with what it keeps them from."""
    message, hint = broken.message, broken.hint
    if not broken.name:
        message += "; so nobody knows which network it is about, and no pod starts on any"
        hint = f"{hint}; or move it away" if hint else "correct it, or move it away"
    return NetworkError(message, hint, object=broken.source, reason="bad-network")


def check(
    nets: str,
    conf_dirs: tuple[str, ...],
    planned: tuple[NetConf, ...] = (),
    plugin_dirs: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """Refuse what the start of a pod would whatever the host is doing; warnings about files.

    planned      configurations that are still to be written
    plugin_dirs  of executables, which have to be there
    """
    choice = netchoice.parse(nets)
    catalog = read(conf_dirs, _names(choice))
    for one in _pick(choice, _with(catalog, planned), conf_dirs):
        if one.args or one.conf not in BUILTIN:
            from podwright.net import trial
            from podwright.net.cni import find

            trial.check(one.conf, one.args)
            find.check(one.conf, plugin_dirs)
    return catalog.warnings


def chosen(
    nets: str, conf_dirs: tuple[str, ...], planned: tuple[NetConf, ...] = ()
) -> tuple[Chosen, ...]:
    """What `choose` gives once the planned configurations are written. Raises as it does."""
    choice = netchoice.parse(nets)
    return _pick(choice, _with(read(conf_dirs, _names(choice)), planned), conf_dirs)


def _with(catalog: Catalog, planned: tuple[NetConf, ...]) -> Catalog:
    names = {conf.name for conf in planned}
    networks = (*(one for one in catalog.networks if one.name not in names), *planned)
    broken = tuple(one for one in catalog.broken if one.name not in names)
    return Catalog(networks, broken)


def unknown(name: str, catalog: Catalog, words: tuple[str, ...] = ()) -> NetworkError:
    """The error for a network that this host has not; `words` may be said, too."""
    if name in netchoice.WORDS:
        return NetworkError(
            f"network {name}: is a word of --net and no network",
            netchoice.MEANING[name],
            object=name,
            reason="no-network",
        )
    return NetworkError(
        f"network {safe(name, 80)}: does not exist on this host",
        f"there are: {', '.join((*catalog.names(), *words))}",
        object=name,
        reason="no-network",
    )


def _names(choice: NetChoice) -> Optional[frozenset[str]]:
    """The networks whose configurations have to be understood; None for all."""
    if choice.word == netchoice.ALL:
        return None
    return frozenset(one.name for one in choice.networks)


def read(conf_dirs: tuple[str, ...], only: Optional[frozenset[str]] = None) -> Catalog:
    """Every configuration there is; what is wrong with files is told in the value.

    only  names of those that are wanted: of others no more is known than that they are there,
          which saves the start of a pod the modules of their types
    """
    found: dict[str, tuple[str, Union[NetConf, Written, Broken]]] = {
        conf.name: (f"99-{conf.name}.conf", conf) for conf in BUILTIN
    }
    nameless: list[Broken] = []
    warnings: list[str] = []
    for directory in conf_dirs:
        here: dict[str, str] = {}
        for one in _load_directory(directory):
            file = os.path.basename(one.source)
            if not one.name:
                broken = _understood(one)
                nameless += [broken] if isinstance(broken, Broken) else []
            elif one.name in here:
                warnings.append(
                    f"{safe(one.source, 300)}: network {one.name} is already configured by"
                    f" {safe(here[one.name], 100)}, so this file is not used"
                )
            else:
                here[one.name] = file
                found[one.name] = (file, one)
    ordered = [one for _, one in sorted(found.values(), key=lambda pair: pair[0])]
    read_all = [_understood(one) for one in ordered if only is None or one.name in only]
    return Catalog(
        tuple(one for one in read_all if isinstance(one, NetConf)),
        (*nameless, *(one for one in read_all if isinstance(one, Broken))),
        tuple(warnings),
    )


def read_directory(directory: str) -> list[Union[NetConf, Broken]]:
    """What the files of one directory say, in their order."""
    return [_understood(one) for one in _load_directory(directory)]


def _load_directory(directory: str) -> list[Union[Written, Broken]]:
    try:
        names = sorted(name for name in os.listdir(directory) if is_ours(name))
    except FileNotFoundError:
        return []
    except OSError as err:
        shown = safe(directory, 300)
        return [Broken(directory, "", f"{shown}: cannot be read: {err.strerror}")]
    why = _directory_problem(directory) if names else ""
    if why:
        hint = "correct it as root: only root may be able to put files there"
        return [Broken(directory, "", f"{safe(directory, 300)}: {why}", hint)]
    if len(names) > MAX_FILES:
        shown = safe(directory, 300)
        return [Broken(directory, "", f"{shown}: has more than {MAX_FILES} configurations")]
    loaded = (_load(f"{directory}/{name}") for name in names)
    return [one for one in loaded if one is not None]


def _directory_problem(directory: str) -> str:
    from podwright.host import owned

    try:
        return owned.directory_problem(directory)
    except OSError as err:
        return f"cannot be read: {err.strerror}"


def is_ours(name: str) -> bool:
    """Whether a file of this name is a configuration."""
    return name.endswith(ENDINGS) and not name.startswith(".")


def _load(path: str) -> Optional[Union[Written, Broken]]:
    """The document in a file, or what is wrong with it; None when there is none any more."""
    from podwright import jsonio
    from podwright.host import owned

    shown = safe(path, 300)
    try:
        data = owned.read(path, MAX_FILE)
        if data is None:
            return None
        raw = jsonio.loads(data, shown)
    except owned.NotOwned as err:
        hint = "correct it as root: only root may be able to write it"
        return Broken(path, "", f"{shown}: {err}", hint)
    except UsageError as err:
        return Broken(path, "", err.message, err.hint)
    name = raw.get("name") if isinstance(raw, dict) else None
    return Written(path, str(name) if netchoice.is_network_name(name) else "", raw)


def _understood(one: Union[NetConf, Written, Broken]) -> Union[NetConf, Broken]:
    """The configuration, or what is wrong with it."""
    if not isinstance(one, Written):
        return one
    from podwright.net import conf

    try:
        is_list = isinstance(one.raw, dict) and "plugins" in one.raw
        if one.source.endswith(".conflist") != is_list:
            wanted = "has plugins" if is_list else "has no plugins"
            raise UsageError(
                f"{safe(one.source, 300)}: {wanted}", "a list of plugins is called NAME.conflist"
            )
        return conf.parse(one.raw, one.source)
    except UsageError as err:
        return Broken(one.source, one.name, err.message, err.hint)
