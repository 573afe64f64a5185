# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network configurations: JSON as the CNI specification 0.1.0 to 1.1.0 has it. Pure.

A single configuration is one plugin's object with a name; a list has the name and a chain of
plugins. Objects of built-in types with a key that the type does not know are refused, since what
it asks for would not be done. What executables read is theirs to judge.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.model.names import DIGITS, LETTERS, made_of
from podwright.model.netchoice import MAX_NAME, WORDS, is_network_name
from podwright.net import ipam, kinds, meta
from podwright.net.values import VERSIONS, NetConf
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

UNSAID = "0.1.0"
"""What a configuration without a version follows."""
CHAINS_FROM = VERSIONS.index("0.3.0")
MAX_PLUGINS = 16
COMMON = ("type", "capabilities", "args")
"""What the object of every plugin of a chain may have."""
_SEE = "correct it, or see the networking documentation for what is known"
_SEE_FILE = "correct the file, or see the networking documentation for what is known"


def parse(raw: Any, source: str = "") -> NetConf:
    """Check a configuration that was read from `source`. Raises UsageError: file, key, what is wrong."""
    try:
        return understand(raw, source)
    except UsageError as err:
        where = safe(source, 300) or "network configuration"
        see = err.hint or (_SEE_FILE if source.startswith("/") else _SEE)
        raise UsageError(f"{where}: {err.message}", see, object=source or err.object) from None


def types(conf: NetConf) -> tuple[str, ...]:
    """The types of its plugins, first to last."""
    return tuple(plugin["type"] for plugin in conf.plugins)


def is_built_in(kind: str) -> bool:
    """Whether plugins of a type are part of the agent; they are never executables."""
    return kind in kinds.BUILTIN or kind in meta.BUILTIN


def understand(raw: Any, source: str = "") -> NetConf:
    """The same as `parse`; errors begin with the key."""
    from podwright.net import trial

    fields = Fields(raw, "")
    is_list = "plugins" in fields.obj
    name = _name(fields)
    version = _version(fields)
    disable_check = fields.boolean("disableCheck")
    disable_gc = fields.boolean("disableGC")
    _check_switches(fields)
    if is_list:
        plugins = [_plugin(item, ()) for item in fields.objects("plugins")]
        fields.finish()
    else:
        plugins = [_plugin(fields, tuple(fields.read))]
    _check_chain(plugins, version)
    found = NetConf(name, version, tuple(plugins), source, disable_check, disable_gc)
    trial.check(found)
    return found


def _name(fields: Fields) -> str:
    name = fields.text("name", ...)
    if not is_network_name(name):
        raise UsageError(
            f"name: {safe(name, 80)!r} is not a network name",
            f"use up to {MAX_NAME} letters, digits, - _ and ., a letter or digit first, and none of"
            f" the words {', '.join(WORDS)}",
        )
    return name


def _version(fields: Fields) -> str:
    """The newest version that both the configuration and we know."""
    said = fields.text("cniVersion", UNSAID)
    offered = fields.texts("cniVersions")
    known = [version for version in VERSIONS if version in (said, *offered)]
    if said not in VERSIONS and not known:
        raise UsageError(
            f"cniVersion: {safe(said, 40)!r} is not known", f"known are {', '.join(VERSIONS)}"
        )
    return known[-1]


def _check_switches(fields: Fields) -> None:
    """What a runtime may be told about all of a network."""
    if not fields.boolean("loadOnlyInlinedPlugins", True):
        raise UsageError(
            "loadOnlyInlinedPlugins: plugins in files of their own are not read",
            "write them into plugins",
        )


def _plugin(fields: Fields, top: tuple[str, ...]) -> dict[str, Any]:
    """One object of a chain as it is written; `top`: keys of the network that stand beside its own."""
    kind = fields.text("type", ...)
    if not made_of(kind, LETTERS + DIGITS + "_.-") or kind[0] in ".-" or len(kind) > 64:
        raise UsageError(f"{fields.at('type')}: {safe(kind, 80)!r} is not a plugin's name")
    fields.child("capabilities")
    fields.child("args")
    _check_ipam(fields)
    _check_dns(fields)
    if not is_built_in(kind):
        return fields.obj
    if kind in kinds.BUILTIN:
        known = {*kinds.COMMON_KEYS, *kinds.module(kind).KEYS}
    else:
        known = {*COMMON, *meta.module(kind).KEYS}
    _refuse_unknown(fields, f"type {kind}", known, top)
    plain: dict[str, Any] = _plain(fields.obj, fields.path)
    return plain


def _refuse_unknown(
    fields: Fields, what: str, known: set[str], besides: tuple[str, ...] = ()
) -> None:
    unknown = sorted(set(fields.obj) - known - set(besides))
    if unknown:
        raise UsageError(
            f"{fields.at(safe(unknown[0], 60))}: {what} has no such key",
            f"it has {', '.join(sorted(known))}",
        )


def _plain(found: Any, path: str) -> Any:
    """The same without keys that say nothing; a NUL is refused, which would end names for the kernel."""
    if isinstance(found, str) and "\0" in found:
        raise UsageError(f"{path}: contains a NUL character")
    if isinstance(found, list):
        return [_plain(item, f"{path}[{index}]") for index, item in enumerate(found)]
    if not isinstance(found, dict):
        return found
    start = f"{path}." if path else ""
    return {
        key: _plain(item, f"{start}{safe(key, 60)}")
        for key, item in found.items()
        if item is not None
    }


def _check_ipam(fields: Fields) -> None:
    """Address management; an empty object means none, as it does for the usual plugins."""
    found = fields.child("ipam")
    if found is None or not found.obj:
        return
    kind = found.text("type", ...)
    if not made_of(kind, LETTERS + DIGITS + "_.-") or kind[0] in ".-" or len(kind) > 64:
        raise UsageError(f"{found.at('type')}: {safe(kind, 80)!r} is not a plugin's name")
    if kind in ipam.BUILTIN and fields.obj.get("type") in kinds.BUILTIN:
        keys = ipam.module(kind).KEYS
        _refuse_unknown(found, f"address management {kind}", {"type", *keys})
        ipam.check(found, str(fields.obj["type"]))


def _check_dns(fields: Fields) -> None:
    found = fields.child("dns")
    if found is None:
        return
    for name in ("nameservers", "search", "options"):
        found.texts(name)
    found.text("domain")
    if fields.obj.get("type") in kinds.BUILTIN:
        found.finish()


def _check_chain(plugins: list[dict[str, Any]], version: str) -> None:
    """The first plugin makes the link, the others change it."""
    if not plugins:
        raise UsageError("plugins: is empty", "name at least the plugin that makes the link")
    if len(plugins) > MAX_PLUGINS:
        raise UsageError(f"plugins: {len(plugins)} are more than the {MAX_PLUGINS} that are run")
    if len(plugins) > 1 and VERSIONS.index(version) < CHAINS_FROM:
        raise UsageError(
            f"cniVersion: chains of plugins need 0.3.0 or newer, not {version}",
            f'write "cniVersion": "{VERSIONS[-2]}"',
        )
    first, *others = (plugin["type"] for plugin in plugins)
    if first in meta.BUILTIN:
        raise UsageError(
            f"type {first} changes a network and makes none", "put it behind the plugin that does"
        )
    for index, kind in enumerate(others, 1):
        if kind in kinds.BUILTIN:
            raise UsageError(
                f"plugins[{index}].type: {kind} makes a link and so stands first",
                "make it a network of its own",
            )
