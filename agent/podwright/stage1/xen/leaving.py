# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a domain: destroyed by its name, and with it what Xenstore had of our devices."""

from __future__ import annotations

from podwright.kernel import xenstore
from podwright.stage1.xen import devices, xl


def is_there(name: str) -> bool:
    """Whether there is a domain of that name. Raises HostError where nobody tells."""
    return xl.is_there() and bool(xl.state(name))


def forget(name: str, domid: int) -> None:
    """Destroy a domain where there is one of that name, and remove the nodes of its number.

    Raises HostError where it goes on: what there is of it must not be forgotten then.
    """
    if is_there(name):
        xl.destroy(name)
    if domid:
        remove_nodes(domid, name)


def remove_nodes(domid: int, name: str) -> None:
    """Remove what only we have written for a domain that is gone; another one may have its number by now."""
    try:
        store = xenstore.Store()
    except OSError:
        return  # no Xenstore, no domains
    try:
        if store.read(f"/local/domain/{domid}/name") in (None, name):
            for path in devices.leftovers(domid):
                store.remove(path)
    except OSError:
        return  # it has gone away, and comes back empty
    finally:
        store.close()
