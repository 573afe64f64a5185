# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log-ins that other programs keep (containers-auth.json(5), docker's config.json).

Credential helpers are programs that such a file names: they are not run.
"""

from __future__ import annotations

import base64
import binascii
import os

from podwright import jsonio
from podwright.errors import UsageError
from podwright.model.fields import Fields
from podwright.stage0.web.configfiles import read_private
from podwright.stage0.web.credentials import Login, covers, docker_key, login, longest
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


def find(registry: str, repository: str) -> Optional[Login]:
    """The log-in that other programs of the field have stored for the user we run as."""
    asked = os.environ.get("REGISTRY_AUTH_FILE", "")
    runtime, home = os.environ.get("XDG_RUNTIME_DIR", ""), os.environ.get("HOME", "")
    paths = [f"{runtime}/containers/auth.json"] if runtime else []
    paths += [f"{home}/.docker/config.json"] if home else []
    for path in [asked] if asked else paths:
        found = _auth_file(path, registry, repository, must_exist=bool(asked))
        if found is not None:
            return found
    return None


def _auth_file(path: str, registry: str, repository: str, must_exist: bool) -> Optional[Login]:
    data = read_private(path)
    if data is None:
        if must_exist:
            raise UsageError(f"REGISTRY_AUTH_FILE: {safe(path, 300)} is not there", object=path)
        return None
    fields = Fields(jsonio.loads(data, path), path)
    auths = fields.raw("auths", {})
    helpers = fields.raw("credHelpers", {})
    if not isinstance(auths, dict) or not isinstance(helpers, dict):
        raise UsageError(f"{path}: auths and credHelpers must be objects", object=path)
    logins = {}
    for key in auths:
        if covers(docker_key(key), registry, repository):
            made = _auth_entry(Fields(auths[key], f"{path}: auths[{safe(key, 80)}]"))
            if made is not None:
                logins[docker_key(key)] = made
    found = longest(logins, registry, repository)
    if found is None and any(covers(docker_key(key), registry, repository) for key in helpers):
        raise UsageError(
            f"{path}: the log-in for {registry} is with a credential helper, which is not run",
            "put it into auth.d, or give it with the image",
            object=path,
        )
    return found


def _auth_entry(fields: Fields) -> Optional[Login]:
    """One entry of `auths`; None for an empty one, which programs leave behind."""
    encoded, identity = fields.text("auth"), fields.text("identitytoken")
    if identity:
        made = login("", "", identity, fields.path)
        return replace(made, identity=True)
    if fields.text("registrytoken"):
        return login("", "", fields.text("registrytoken"), fields.path)
    if not encoded:
        return None
    try:
        text = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        raise UsageError(f"{fields.at('auth')}: is not base64 of USER:PASSWORD") from None
    user, colon, password = text.partition(":")
    if not colon:
        raise UsageError(f"{fields.at('auth')}: is not base64 of USER:PASSWORD")
    return login(user, password.rstrip("\0"), "", fields.path)
