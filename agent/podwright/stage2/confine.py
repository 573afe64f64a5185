# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drop what a process of an app is not to have, between fork and exec."""

from __future__ import annotations

import os

from podwright.kernel import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.namespaces.identity import Identity
    from podwright.stage2.app import Target


def confine(target: Target, identity: Identity) -> None:
    """Drop everything that the app is not to have; the system call filter goes on last.

    Without no-new-privileges only a process with CAP_SYS_ADMIN may put a filter on, so it then
    goes on before the capabilities go; that is for root only (B3: a filter on another user
    forces no-new-privileges). In a pod of the profile system users are to have sudo: there it goes
    on while we still are root.
    """
    restrictions = target.plan.restrictions
    for name, text in target.plan.attributes:
        process.set_attribute(name, text)
    if target.plan.attributes:
        process.new_session_keyring()  # again, as the app's own in its label, too
    for number in target.drop:
        process.drop_bounding(number)
    early = target.plan.system and not restrictions.no_new_privileges and identity.uid != 0
    if early and target.filter:
        process.install_filter(target.filter)  # as the root of its namespaces still
    os.setgroups(identity.groups)
    os.setresgid(identity.gid, identity.gid, identity.gid)
    ambient = identity.uid != 0 and restrictions.ambient
    if ambient:
        process.keep_capabilities()
    os.setresuid(identity.uid, identity.uid, identity.uid)
    if "pid" in target.plan.kept:
        process.die_with_parent()  # after the identity, whose change takes it back
    late = not early and (
        restrictions.no_new_privileges or (bool(target.filter) and identity.uid != 0)
    )
    if late:
        process.no_new_privileges()
    elif target.filter and not early:
        process.install_filter(target.filter)
    if target.rlimits:
        from podwright.kernel import rlimits  # loaded by PID 1 before the pivot

        for limit in target.rlimits:
            rlimits.put(*limit)
    if ambient:
        process.set_ambient_capabilities(target.capabilities)
    else:
        process.set_capabilities(target.capabilities if identity.uid == 0 else 0)
    if late and target.filter:
        process.install_filter(target.filter)
