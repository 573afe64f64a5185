# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a domain: destroyed by its name, and with it what Xenstore had of our devices."""

from __future__ import annotations

from podwright.kernel import xenstore
from podwright.stage1.xen import devices, xl


def forget(name: str, domid: int) -> None:
    """Destroy a domain where there is one of that name, and remove the nodes of its number."""
    if xl.is_there() and xl.state(name):
        xl.destroy(name)
    if domid:
        remove_nodes(domid)


def remove_nodes(domid: int) -> None:
    """Remove what only we have written for a domain that is gone."""
    try:
        store = xenstore.Store()
    except OSError:
        return  # no Xenstore, no domains
    try:
        for path in devices.leftovers(domid):
            store.remove(path)
    finally:
        store.close()
