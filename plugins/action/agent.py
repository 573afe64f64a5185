# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of the module podwright.fleet.agent: brings the files when the host asks."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.validation import check_type_list
from ansible.plugins.action import ActionBase
from ansible_collections.podwright.fleet.plugins.module_utils import agent_tree
from ansible_collections.podwright.fleet.plugins.plugin_utils import wheels

TREE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(__file__))), "agent")
"""The agent's files; they travel in the collection."""

PINS = os.path.join(os.path.dirname(TREE), "roles", "agent", "files", "wheels.txt")
"""The wheels that are taken without being asked about."""

MODULE = "podwright.fleet.agent"


class _Refused(Exception):
    """What is wrong on the controller, as modules tell what is wrong on hosts."""

    def __init__(self, message: str, object: str, hint: str, reason: str = "bad-input") -> None:
        super().__init__(message)
        self.result: dict[str, Any] = {
            "failed": True, "msg": f"{message}; {hint}", "reason": reason, "stage": "input",
            "object": object, "hint": hint,
        }  # fmt: skip


class ActionModule(ActionBase):
    """Tell the host which files it should have; send them only if it has others."""

    TRANSFERS_FILES = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run the module, and once more with the files if it needs them."""
        super().run(tmp, task_vars)
        try:
            return self._bring(dict(self._task.args), task_vars)
        except _Refused as refused:
            return refused.result

    def _bring(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        for name in ("content_hash", "archive"):
            if name in arguments:
                text = f"{name} is set by the action plugin and not by playbooks"
                raise _Refused(text, name, "leave it out")
        names = arguments.pop("wheels", None) or []
        checksums = arguments.pop("checksums", None) or []
        content: dict[str, bytes] = {}
        if arguments.get("state", "present") == "present":
            content = agent_tree.read(TREE)
            if not content:
                text = f"the collection is incomplete: no agent in {TREE}"
                raise _Refused(text, TREE, "install it again", reason="not-found")
            content.update(self._wheels(names, checksums))
            arguments["content_hash"] = agent_tree.digest(content)
        answer = self._ask(arguments, task_vars)
        if answer.pop("needs_archive", False):
            answer = self._ask({**arguments, "archive": self._send(content)}, task_vars)
        return answer

    def _ask(self, arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(MODULE, arguments, task_vars=task_vars)
        return answer

    def _wheels(self, names: Any, checksums: Any) -> dict[str, bytes]:
        """The files of the wheels with these names, by their place on the host."""
        try:
            known = wheels.checksums(check_type_list(checksums), PINS)
            found = wheels.read([self._find(name) for name in check_type_list(names)], known)
        except (wheels.WheelError, TypeError) as error:
            hint = "ansible-doc podwright.fleet.agent says what wheels and checksums are"
            raise _Refused(str(error), "wheels", hint) from None
        return {f"{agent_tree.WHEELS}/{name}": content for name, content in found.items()}

    def _find(self, name: object) -> str:
        try:
            return str(self._find_needle("files", str(name)))
        except AnsibleError:
            raise _Refused(
                f"wheel {str(name)!r} is not on the controller",
                str(name),
                "download it with 'ansible-playbook podwright.fleet.wheels -e wheels_dir=DIR' and give"
                " its path",
                reason="not-found",
            ) from None

    def _send(self, content: dict[str, bytes]) -> str:
        """Put the archive into the task's directory on the host; returns its path there."""
        shell = self._connection._shell
        if not shell.tmpdir:
            self._make_tmp_path()
        remote = str(shell.join_path(shell.tmpdir, "agent.tar.gz"))
        with tempfile.NamedTemporaryFile(suffix=".tar.gz") as local:
            local.write(agent_tree.pack(content))
            local.flush()
            self._transfer_file(local.name, remote)
        self._fixup_perms2((shell.tmpdir, remote))
        return remote
