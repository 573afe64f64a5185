# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resolv.conf(5) that a network's address management names (`resolvConf`)."""

from __future__ import annotations

import os
import stat

from podwright.errors import UsageError
from podwright.net import ip
from podwright.net.values import Dns
from podwright.text import safe

MOST = 1 << 16


def read(path: str) -> Dns:
    """What the file says. Raises UsageError when it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as err:
        raise _unreadable(path, err.strerror or "") from None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise _unreadable(path, "it is not a regular file")
        return parse(os.read(fd, MOST).decode("utf-8", "replace"))
    finally:
        os.close(fd)


def _unreadable(path: str, why: str) -> UsageError:
    shown = safe(path, 300)
    return UsageError(f"ipam.resolvConf: {shown}: cannot be read: {why}", object=path)


def parse(text: str) -> Dns:
    """Pure. Lines that are not understood say nothing, as for resolvers."""
    servers: list[str] = []
    search: tuple[str, ...] = ()
    options: list[str] = []
    domain = ""
    for line in text.splitlines():
        word, *rest = line.split() or [""]
        rest = [one for one in rest if one.isprintable()]
        if word == "nameserver" and rest and _is_address(rest[0]):
            servers.append(ip.canonical(rest[0]))
        elif word == "search":
            search = tuple(rest)
        elif word == "options":
            options += rest
        elif word == "domain" and rest:
            domain = rest[0]
    return Dns(tuple(servers), search, tuple(options), domain)


def _is_address(text: str) -> bool:
    try:
        ip.number(text)
    except ValueError:
        return False
    return True
