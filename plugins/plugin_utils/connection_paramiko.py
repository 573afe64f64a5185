# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Commands on a host over paramiko, with their input. Ansible's own plugin passes none on, and goes with 2.21.

Host keys are checked against the known_hosts files of user and system; an unknown one is refused.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.loader import get_shell_plugin

try:
    import paramiko  # type: ignore[import-untyped]
except ImportError:
    HAS_PARAMIKO = False
else:
    HAS_PARAMIKO = True

KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "~/.ssh/known_hosts")
PIECE = 1 << 15
KEEPALIVE = 5
CHECKING = (
    *("ansible_paramiko_host_key_checking", "ansible_ssh_host_key_checking"),
    "ansible_host_key_checking",
)
ADDRESSES = ("ansible_paramiko_host", "ansible_ssh_host", "ansible_host")
USERS = ("ansible_paramiko_user", "ansible_ssh_user", "ansible_user")
PASSWORDS = (
    *("ansible_paramiko_password", "ansible_paramiko_pass", "ansible_ssh_password"),
    *("ansible_ssh_pass", "ansible_password"),
)
KEYS = (
    *("ansible_paramiko_private_key_file", "ansible_ssh_private_key_file"),
    "ansible_private_key_file",
)
PORTS = ("ansible_paramiko_port", "ansible_ssh_port", "ansible_port")
TIMEOUTS = ("ansible_paramiko_timeout", "ansible_ssh_timeout")

_clients: dict[tuple[int, int, str, int, str], Any] = {}
"""Of this process and thread: (pid, thread, address, port, user). A client does not survive a fork, and who closes
his own ends nobody else's."""


class Paramiko:
    """As much of a connection plugin as `connection_outer` needs.

    get  the first of the host's variables that is set, or None
    """

    def __init__(self, context: Any, get: Callable[..., Any]) -> None:
        if not HAS_PARAMIKO:
            raise AnsibleError(
                "paramiko is not installed on the controller: pip install paramiko, or use"
                " ansible_connection: ssh for the host"
            )
        self._get = get
        self._context = context
        self._shell = get_shell_plugin(shell_type="sh", executable="/bin/sh")
        self._become: Any = None
        self.address = str(get(*ADDRESSES) or get("inventory_hostname") or "")
        self.port = int(get(*PORTS) or 22)
        self.user = str(get(*USERS) or _setting("DEFAULT_REMOTE_USER") or _login())

    def set_become_plugin(self, plugin: Any) -> None:
        """Who answers the prompt of sudo."""
        self._become = plugin

    def exec_command(
        self, line: str, in_data: bytes | None = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Run a line of shell. Raises AnsibleConnectionFailure."""
        client = self._client()
        try:
            transport = client.get_transport()
            transport.set_keepalive(KEEPALIVE)
            channel = transport.open_session()
            channel.exec_command(line.encode("utf-8", "surrogateescape"))
            talk = _Talk(channel)
            if sudoable and self._become is not None:
                self._escalate(talk)
            return talk.follow(in_data or b"")
        except (OSError, EOFError, paramiko.SSHException) as err:
            self.close()
            raise AnsibleConnectionFailure(
                f"Failed to talk to the host {self.address} via paramiko: {err}"
            ) from err

    def reset(self) -> None:
        """Forget the connection."""
        self.close()

    def close(self) -> None:
        """End the connection of this process."""
        client = _clients.pop(self._key(), None)
        if client is not None:
            client.close()

    def _key(self) -> tuple[int, int, str, int, str]:
        return (os.getpid(), threading.get_ident(), self.address, self.port, self.user)

    def _client(self) -> Any:
        key = self._key()
        if key not in _clients:
            _clients[key] = self._connected()
        return _clients[key]

    def _connected(self) -> Any:
        client = paramiko.SSHClient()
        checking = self._get(*CHECKING)
        if boolean(checking if checking is not None else _setting("HOST_KEY_CHECKING")):
            for path in KNOWN_HOSTS:
                _load_known(client, os.path.expanduser(path))
            client.set_missing_host_key_policy(paramiko.RejectPolicy())
        else:
            client.set_missing_host_key_policy(_Any())
        key_file = self._get(*KEYS) or _setting("DEFAULT_PRIVATE_KEY_FILE")
        password = self._get(*PASSWORDS) or self._context.password or None
        timeout = float(
            self._get(*TIMEOUTS) or self._context.timeout or _setting("DEFAULT_TIMEOUT")
        )
        try:
            client.connect(
                self.address,
                port=self.port,
                username=self.user,
                password=password,
                key_filename=os.path.expanduser(str(key_file)) if key_file else None,
                allow_agent=True,
                look_for_keys=not key_file,
                sock=self._proxy(),
                timeout=timeout,
                banner_timeout=timeout,
                auth_timeout=timeout,
            )
        except paramiko.AuthenticationException as err:
            raise AnsibleAuthenticationFailure(
                f"Failed to log in to {self.user}@{self.address} via paramiko: {err}"
            ) from err
        except (OSError, EOFError, paramiko.SSHException) as err:
            raise AnsibleConnectionFailure(
                f"Failed to connect to the host {self.address} via paramiko: {err}"
            ) from err
        return client

    def _proxy(self) -> Any:
        command = self._get("ansible_paramiko_proxy_command")
        if not command:
            return None
        said = {"%h": self.address, "%p": str(self.port), "%r": self.user}
        for word, meaning in said.items():
            command = str(command).replace(word, meaning)
        return paramiko.ProxyCommand(command)

    def _escalate(self, talk: _Talk) -> None:
        """Answer the prompt, until the command runs. Raises AnsibleError."""
        become, answered = self._become, False
        while True:
            out, err = talk.said()
            if become.check_success(out):
                break
            said = out + err
            if become.check_incorrect_password(said):
                raise AnsibleError(f"Incorrect {become.name} password")
            if become.check_missing_password(said):
                raise AnsibleError(f"Missing {become.name} password")
            if become.expect_prompt() and not answered and become.check_password_prompt(said):
                talk.send(f"{become.get_option('become_pass')}\n".encode())
                answered = True
            if not talk.more(len(said)):
                return
        talk.strip(become.strip_become_success)


class _Talk:
    """One command: what it has written so far."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.out = bytearray()
        self.err = bytearray()
        self._news = threading.Condition()
        self._open = 2
        for read, into in ((channel.recv, self.out), (channel.recv_stderr, self.err)):
            threading.Thread(target=self._read, args=(read, into), daemon=True).start()

    def _read(self, read: Callable[[int], bytes], into: bytearray) -> None:
        piece = b"."
        while piece:
            try:
                piece = read(PIECE)
            except OSError:
                piece = b""
            with self._news:
                into += piece
                self._open -= not piece
                self._news.notify_all()

    def send(self, data: bytes) -> None:
        """Write all of it."""
        self.channel.sendall(data)

    def strip(self, change: Callable[[bytes], bytes]) -> None:
        """Take something out of its output so far."""
        with self._news:
            self.out[:] = change(bytes(self.out))

    def said(self) -> tuple[bytes, bytes]:
        """Its output and errors so far."""
        with self._news:
            return bytes(self.out), bytes(self.err)

    def more(self, known: int) -> bool:
        """Wait until it has said more than so many bytes; False when it says no more."""
        with self._news:
            self._news.wait_for(lambda: self._open == 0 or self._size() > known)
            return self._size() > known

    def _size(self) -> int:
        return len(self.out) + len(self.err)

    def follow(self, data: bytes) -> tuple[int, bytes, bytes]:
        """Give it its input, and wait for its end."""
        # A command that ends without reading all of it is no failure of the connection.
        with contextlib.suppress(OSError):
            self.send(data)
        with contextlib.suppress(OSError):
            self.channel.shutdown_write()
        with self._news:
            self._news.wait_for(lambda: self._open == 0)
        return self.channel.recv_exit_status(), bytes(self.out), bytes(self.err)


if HAS_PARAMIKO:

    class _Any(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
        """Whoever answers, where the host's variables say that it is not to be checked."""

        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
            """Accept it."""


def _load_known(client: Any, path: str) -> None:
    """Know the keys of a file, if there is one. Raises AnsibleConnectionFailure."""
    try:
        client.load_system_host_keys(path)
    except OSError:
        return
    except paramiko.hostkeys.InvalidHostKey as err:
        line = " ".join(str(err.line).split())[:100]
        raise AnsibleConnectionFailure(
            f"{path} has a line that is no host key, {line!r}; remove that line"
        ) from None


def _setting(name: str) -> Any:
    return C.config.get_config_value(name)


def _login() -> str:
    import getpass

    return getpass.getuser()
