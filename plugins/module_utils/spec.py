# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The tables of what can be asked of a host: images, keys, log-ins. The agent checks the values."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    OptionError,
    Table,
    text,
)

FINGERPRINT = re.compile(r"[0-9a-f]{40}\Z")


def fingerprint(value: Any, path: str) -> str:
    """A full fingerprint in lower case without spaces; short key ids are refused."""
    found = re.sub(r"[\s:]", "", text(value, path)).lower()
    if found.startswith("0x"):
        found = found[2:]
    if FINGERPRINT.match(found):
        return found
    if re.match(r"[0-9a-f]{8,39}\Z", found):
        raise OptionError(
            f"{path}: {value!r} is only part of a fingerprint, and such parts can be forged;"
            " write all 40 hexadecimal digits (gpg --show-keys FILE)"
        )
    raise OptionError(f"{path}: {value!r} is not a fingerprint; write its 40 hexadecimal digits")


LOGIN: Table = {
    "username": Option(),
    "password": Option(no_log=True),
    "token": Option(no_log=True),
}
"""What a server is told."""

LOGINS: Table = {
    "registry_auth": Option(
        "list",
        elements="dict",
        no_log=False,
        table={"registry": Option(required=True), **LOGIN},
    ),
}
"""Log-ins by the place that they are for."""

IMAGE: Table = {
    "digest": Option(),
    "signature": Option("path"),
    "credentials": Option("dict", no_log=False, table=LOGIN),
    "insecure_options": Option("list", elements="str"),
}
"""An image without its name and state."""

IMAGE_STATES = ("present", "latest", "absent")

KEY: Table = {
    "prefix": Option(),
    "root": Option("bool"),
    "key": Option(no_log=False),
    "key_file": Option("path", no_log=False, field="-"),
    "key_url": Option(no_log=False, field="url"),
}
"""A trusted key without its fingerprint and state."""

KEY_STATES = ("present", "absent")

KEPT_SECRET: Table = {
    "content": Option(no_log=True),
    "encoding": Option(choices=("text", "base64")),
    "encrypt": Option(choices=("auto", "require", "off")),
}
"""A secret that the host keeps, without its name and state."""

SECRET_STATES = ("present", "absent")
