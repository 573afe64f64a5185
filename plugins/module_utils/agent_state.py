# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether an agent can go on with what another version has left on this host: asked before anything is changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile

from ansible_collections.podwright.fleet.plugins.module_utils import agent_tree
from ansible_collections.podwright.fleet.plugins.module_utils.changes import (
    ENVIRONMENT,
    InstallError,
)

PYTHON = "/usr/bin/python3"
PLACES = ("/var/lib/podwright", "/etc/podwright", "/run/podwright")
NEWER = 1
"""How `podwright check-data` ends when it finds something that it does not read."""
REASON = "newer-format"


def there() -> bool:
    """Whether there is anything that an agent could have written."""
    return any(os.path.lexists(place) for place in PLACES)


def check_archive(archive: str) -> None:
    """Refuse the agent in an archive made by `agent_tree.pack` if it is too old for this host."""
    if not there():
        return
    folder = tempfile.mkdtemp(prefix="podwright-")
    try:
        agent_tree.unpack(archive, folder)
        check_tree(folder)
    except agent_tree.TreeError as error:
        raise InstallError(str(error)) from None
    finally:
        shutil.rmtree(folder)


def check_tree(tree: str) -> None:
    """Refuse the agent in a directory if it is too old for this host."""
    if not there():
        return
    # By its interpreter, since it may lie where nothing can be executed; without writing bytecode.
    program = os.path.join(tree, "bin", "podwright")
    done = subprocess.run(
        [PYTHON, "-ISB", program, "check-data", "--format=json"],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=ENVIRONMENT,
    )
    if done.returncode == NEWER:
        raise _refusal(json.loads(done.stdout)["newer"])
    if done.returncode != 0:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise InstallError(
            f"the agent to install cannot tell whether it reads what is on this host: {said}"
        )


def _refusal(newer: list[dict[str, object]]) -> InstallError:
    """The sentence for what a newer agent has written."""
    first, more = newer[0], len(newer) - 1
    others = f" (and {more} more)" if more else ""
    return InstallError(
        f"this agent is older than the one that wrote {first['path']}{others}, whose format is"
        f" {first['format']} where this one knows {first['known']}, and nothing was changed; install a"
        " release of podwright.fleet that is at least as new as that agent's, or remove the pods and"
        " images that it made",
        REASON,
        str(first["path"]),
    )
