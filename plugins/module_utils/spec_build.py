# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The option tables of the module image_build. The agent checks the values."""

from __future__ import annotations

from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    Table,
    desired,
    mapping,
    texts,
)
from ansible_collections.podwright.fleet.plugins.module_utils.spec import LOGINS


def dependencies(value: list[Any], path: str) -> list[Any]:
    """Images by name, or as objects."""
    for index, item in enumerate(value):
        if not isinstance(item, (str, dict)):
            raise OptionError(f"{path}[{index}]: {item!r} is neither an image name nor an object")
    return value


BUILD: Table = {
    "source": Option(),
    "name": Option(),
    "version": Option(),
    "labels": Option("dict", convert=mapping),
    "exec": Option("list", elements="raw", convert=texts),
    "user": Option(),
    "group": Option(),
    "supplementary_gids": Option("list", elements="int"),
    "working_dir": Option(),
    "environment": Option("dict", convert=mapping),
    "ports": Option(
        "list",
        elements="dict",
        table={
            "name": Option(required=True),
            "port": Option("int", required=True),
            "protocol": Option(choices=("tcp", "udp", "sctp")),
            "count": Option("int"),
            "socket_activated": Option("bool"),
        },
    ),
    "mount_points": Option(
        "list",
        elements="dict",
        table={
            "name": Option(required=True),
            "path": Option(required=True),
            "read_only": Option("bool"),
        },
    ),
    "isolators": Option(
        "list",
        elements="dict",
        table={
            "name": Option(required=True),
            "value": Option("raw", required=True),
            "optional": Option("bool"),
        },
    ),
    "dependencies": Option("list", elements="raw", convert=dependencies),
    "path_whitelist": Option("list", elements="str"),
    "annotations": Option("dict", convert=mapping),
    "manifest": Option("dict"),
    "compression": Option(choices=("gzip", "zstd", "xz", "bzip2", "none")),
    "owner": Option(),
    "reproducible": Option("bool"),
}
"""What an image is built from."""

SIGN: Table = {
    "sign_key": Option(field="key", no_log=False),
    "sign_secret_key": Option(field="secret_key", no_log=True),
    "sign_passphrase": Option(field="passphrase", no_log=True),
    "sign_passphrase_file": Option("path", field="passphrase_file", no_log=False),
    "gpg_home": Option("path"),
}
"""Who signs it."""


def signer(params: dict[str, Any], where: str) -> dict[str, Any]:
    """The part of an order that says who signs; empty if nobody does. Raises OptionError."""
    sign = desired(SIGN, params)
    if "key" in sign or "secret_key" in sign:
        return {"sign": sign}
    if sign:
        raise OptionError(
            f"{where}sign_passphrase: is given without a key; give sign_key or sign_secret_key"
        )
    return {}


def several(params: dict[str, Any], items: str) -> list[dict[str, Any]]:
    """The elements of a list of which each has what the module's options of the same name say, but for its own."""
    return [
        {**params, **{name: given for name, given in one.items() if given is not None}}
        for one in params[items]
    ]


ORDER: Table = {
    "path": Option("path", required=True),
    "publish": Option(
        "dict",
        table={
            "directory": Option("path", required=True),
            "keys": Option("list", elements="str", no_log=False),
            "prefix": Option(),
            "latest": Option("bool"),
            "replace": Option("bool"),
        },
    ),
    "push": Option(
        "dict",
        table={
            "target": Option(required=True),
            "compression": Option(choices=("gzip", "zstd", "none")),
            "lookaside": Option("path"),
            "sigstore_key": Option(no_log=True),
            "sigstore_passphrase": Option(no_log=True),
            **LOGINS,
        },
    ),
    "insecure_options": Option("list", elements="str"),
}
"""Where it is, and where it goes."""
