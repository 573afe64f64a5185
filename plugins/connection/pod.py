# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The connection plugin podwright.fleet.pod."""

from __future__ import annotations

DOCUMENTATION = r"""
name: pod
short_description: Run tasks in a pod, on this host or through another one
version_added: 0.1.0
description:
  - Runs tasks in an app of a running pod by C(podwright enter), confined exactly as the app is.
  - The pod is on the host that Ansible runs on, or on O(host), which is reached as the inventory says that it is
    reached, over OpenSSH, over paramiko, or locally.
  - A task with pipelining, which is on by default, is one call of the agent.
author:
  - The podwright authors (@podwright)
requirements:
  - The podwright agent on the host that the pod is on, in the version of this collection.
  - A shell in the pod's image for anything, C(cat) for files, Python for modules other than M(ansible.builtin.raw).
notes:
  - O(remote_user) is a user of the pod's image. It takes the place of sudo, which cannot work in a pod, where nothing
    gains privileges. So C(become) in a task means C(podwright enter --user) as O(become_user), whatever the become
    method is.
  - To become root on O(host), set C(ansible_become) and its password for that host, or O(host_vars) for the pod.
  - A pod that does not run, is unknown, or ends in the middle is unreachable, and so is one without a shell.
  - Files are written with mode 0600 and through the connection, never to a file of the host.
options:
  pod:
    description: Name, UUID or beginning of the UUID of the pod. By default the name of the host in the inventory.
    type: str
    vars:
      - name: ansible_host
      - name: podwright_pod
  app:
    description: The app of the pod. Needed when it has several.
    type: str
    vars:
      - name: podwright_app
  host:
    description:
      - The host that the pod is on. When the inventory has a host of that name, that one's variables say how it is
        reached (C(ansible_connection), C(ansible_host), C(ansible_port), C(ansible_user), keys, C(ansible_become) and
        so on); else it is an address for OpenSSH.
      - Empty means the host that Ansible runs on.
    type: str
    ini:
      - section: podwright_connection
        key: host
    env:
      - name: PODWRIGHT_CONNECTION_HOST
    vars:
      - name: podwright_host
  host_vars:
    description: Variables of O(host) that are used instead of what the inventory says of it.
    type: dict
    default: {}
    vars:
      - name: podwright_host_vars
  remote_user:
    description: The user in the pod, by name or number of its image, or USER:GROUP. By default the app's.
    type: str
    keyword:
      - name: remote_user
    vars:
      - name: ansible_user
      - name: podwright_user
  become_user:
    description: The user in the pod for tasks with C(become).
    type: str
    default: root
    keyword:
      - name: become_user
    vars:
      - name: ansible_become_user
  executable:
    description: The shell in the pod. By default what Ansible asks for, which is C(/bin/sh).
    type: str
    vars:
      - name: podwright_executable
  agent_path:
    description: The agent on the host.
    type: str
    default: /usr/bin/podwright
    ini:
      - section: podwright_connection
        key: agent_path
    env:
      - name: PODWRIGHT_AGENT_PATH
    vars:
      - name: podwright_agent_path
  data_dir:
    description: Where the agent keeps images and pods, if not where it does by itself.
    type: str
    vars:
      - name: podwright_data_dir
  local_config:
    description: The agent's configuration, if not where it is by itself.
    type: str
    vars:
      - name: podwright_local_config
  pipelining:
    description: Give modules to Python in the pod on its standard input, without a file.
    type: bool
    default: true
    vars:
      - name: podwright_pipelining
"""

EXAMPLES = r"""
# inventory: two hosts, and two of their pods as hosts
all:
  hosts:
    web1:
      ansible_host: web1.example.com
      ansible_user: deploy
      ansible_become: true
  children:
    pods:
      vars:
        ansible_connection: podwright.fleet.pod
        podwright_host: web1
      hosts:
        shop:
          podwright_app: app
        database:
          podwright_pod: shop
          podwright_app: postgres
          ansible_user: postgres
"""

import os
import secrets
import shlex
from collections.abc import Iterator
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    connection_outer as outer,
)
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    connection_words as words,
)

display = Display()
PUT_PIECE = 16 << 20
GET_PIECE = 8 << 20
"""Bytes of a file that are in memory at a time."""


class Connection(ConnectionBase):
    """A pod as a host."""

    transport = "podwright.fleet.pod"
    has_pipelining = True
    has_tty = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hostvars: Any = None
        self._outer: outer.Outer | None = None
        self._becomes = False

    def _resolve_option_variables(self, variables: Any, templar: Any) -> Any:
        """Remember what is known of other hosts, since the pod's host is one of them; believe no pod about itself."""
        for name in C.config.get_plugin_vars("connection", self._load_name):
            outer.refuse_told(variables, name, f"pod {variables.get('inventory_hostname', '')}")
        self._hostvars = variables.get("hostvars")
        return super()._resolve_option_variables(variables, templar)

    def set_become_plugin(self, plugin: Any) -> None:
        """Nobody becomes anybody in the pod: it is entered as that user."""
        self._becomes = plugin is not None
        self.become = None

    def _connect(self) -> Connection:
        self._reached()
        return self

    def _reached(self) -> outer.Outer:
        """The pod's host."""
        if self._outer is None:
            self._outer = self._find_outer()
        self._connected = True
        return self._outer

    def _find_outer(self) -> outer.Outer:
        name = self._option("host") or ""
        own = dict(self._option("host_vars") or {})
        if not name:
            return outer.Outer("localhost", {**outer.local(), **own}, self._play_context)
        known = outer.variables_of(name, self._hostvars, own)
        return outer.Outer(name, known, self._play_context)

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Run a command in the pod: status, standard output, standard error."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)  # type: ignore[safe-super]
        display.vvv(f"ENTER {self._pod()}: {cmd}", host=self._pod())
        return self._enter(words.argv(cmd, self._option("executable")), in_data)

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file into the pod, piece by piece."""
        super().put_file(in_path, out_path)  # type: ignore[safe-super]
        display.vvv(f"PUT {in_path} TO {out_path}", host=self._pod())
        if not os.path.exists(in_path):
            raise AnsibleFileNotFound(f"file or module does not exist: {in_path}")
        target = shlex.quote(_anchored(out_path))
        with open(in_path, "rb") as file:
            way = ">"
            while True:
                piece = file.read(PUT_PIECE)
                if not piece and way == ">>":
                    return
                self._transfer(f"umask 077; cat {way} {target}", piece, f"write {out_path}")
                way = ">>"

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file out of the pod, piece by piece."""
        super().fetch_file(in_path, out_path)  # type: ignore[safe-super]
        display.vvv(f"FETCH {in_path} TO {out_path}", host=self._pod())
        pieces = self._pieces(in_path)
        first = next(pieces)  # what cannot be read replaces nothing
        with open(out_path, "wb") as file:
            file.write(first)
            for piece in pieces:
                file.write(piece)

    def _pieces(self, path: str) -> Iterator[bytes]:
        """A file of the pod, in one piece at least."""
        source = shlex.quote(_anchored(path))
        done = 0
        while True:
            status, out, err = self._script(words.piece(source, done, GET_PIECE), None)
            if status == words.NOT_FOUND and not done:  # an image without head
                yield self._transfer(f"cat < {source}", None, f"read {path}")
                return
            _check(status, err, f"read {path}", self._pod())
            yield out
            done += len(out)
            if len(out) < GET_PIECE:
                return

    def reset(self) -> None:
        """Forget the connection to the pod's host."""
        self._reached().reset()
        self._outer, self._connected = None, False

    def close(self) -> None:
        """End the connection to the pod's host."""
        if self._outer is not None:
            self._outer.close()
        self._connected = False

    def _option(self, name: str) -> Any:
        return self.get_option(name)

    def _pod(self) -> str:
        """The pod's name or UUID."""
        return str(self._option("pod") or self._play_context.remote_addr)

    def _user(self) -> str | None:
        name = "become_user" if self._becomes else "remote_user"
        found = self._option(name)
        return str(found) if found else None

    def _transfer(self, script: str, data: bytes | None, what: str) -> bytes:
        status, out, err = self._script(script, data)
        _check(status, err, what, self._pod())
        return out

    def _script(self, script: str, data: bytes | None) -> tuple[int, bytes, bytes]:
        return self._enter([self._option("executable") or "/bin/sh", "-c", script], data)

    def _enter(self, argv: list[str], data: bytes | None) -> tuple[int, bytes, bytes]:
        """Have the agent run a command; says what it says itself as a failure of the connection."""
        host = self._reached()
        agent = words.Agent(
            str(self._option("agent_path")),
            self._option("data_dir"),
            self._option("local_config"),
        )
        mark = secrets.token_hex(8)
        app, user = self._option("app"), self._user()
        command = words.enter(agent, mark, self._pod(), argv, app=app, user=user)
        status, out, err = host.run(words.line(command, reads=bool(data)), data)
        err, outcome = words.split(err, mark)
        if outcome is None:
            raise AnsibleConnectionFailure(self._silent(host.name, status, err))
        if outcome.end != words.EXITED:
            raise AnsibleConnectionFailure(f"host {host.name}: {outcome.sentence()}")
        return outcome.status, out, err

    def _silent(self, host: str, status: int, err: bytes) -> str:
        """Why there is no outcome: the agent is not there, is older, or was killed; sudo refused."""
        said = words.last_line(err) or f"it ended with status {status}"
        return (
            f"host {host}: the agent did not tell how entering pod"
            f" {words.printable(self._pod())} ended: {said}; apply the role podwright.fleet.agent to"
            " that host, or say where its agent is with podwright_agent_path"
        )


def _check(status: int, err: bytes, what: str, pod: str) -> None:
    if status:
        said = words.last_line(err) or f"status {status}"
        raise AnsibleError(f"pod {pod}: cannot {words.printable(what)}: {said}")


def _anchored(path: str) -> str:
    """A path that no shell takes for anything else."""
    return path if path.startswith("/") else f"./{path}"
