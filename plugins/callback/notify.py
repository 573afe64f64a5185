# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The callback plugin podwright.fleet.notify."""

from __future__ import annotations

DOCUMENTATION = r"""
name: notify
type: notification
short_description: Tell programs and web services about rollouts
version_added: 0.1.0
description:
  - Hands the events of rollouts, which P(podwright.fleet.rollout#role) tells, one by one and in order, to a
    command as JSON on its standard input, to an address as the body of a POST, or to both.
  - It never makes a play fail, and never holds it up. What cannot be delivered is a warning, and while deliveries
    take long the play goes on. At the end it waits for what is left, no longer than O(drain).
  - Events of check mode are not told unless O(check) says so.
author:
  - The podwright authors (@podwright)
requirements:
  - Enabled with C(callbacks_enabled) in the section C(defaults) of C(ansible.cfg), or C(ANSIBLE_CALLBACKS_ENABLED).
options:
  command:
    description:
      - Program and arguments that are run for each event, without a shell. The program is an absolute path.
      - Programs and other users can see arguments. Nothing secret belongs there.
    type: list
    elements: str
    default: []
    env:
      - name: PODWRIGHT_NOTIFY_COMMAND
    ini:
      - section: callback_podwright_notify
        key: command
  url:
    description:
      - Address that each event is posted to. Only C(https), and redirects are not followed.
      - Where the address itself is a secret, as those of chats are, give it in the environment.
    type: str
    default: ""
    env:
      - name: PODWRIGHT_NOTIFY_URL
    ini:
      - section: callback_podwright_notify
        key: url
  token_file:
    description:
      - File on the controller with a token that is sent as C(Authorization) of the kind Bearer.
    type: str
    default: ""
    env:
      - name: PODWRIGHT_NOTIFY_TOKEN_FILE
    ini:
      - section: callback_podwright_notify
        key: token_file
  token:
    description:
      - The token itself, from the environment only.
    type: str
    default: ""
    env:
      - name: PODWRIGHT_NOTIFY_TOKEN
  events:
    description:
      - The events that are told. V(*) stands for all.
    type: list
    elements: str
    default: [rollout-started, rollout-refused, rollout-paused, host-failed, host-rolled-back, rollout-finished]
    env:
      - name: PODWRIGHT_NOTIFY_EVENTS
    ini:
      - section: callback_podwright_notify
        key: events
  check:
    description:
      - Whether events of check mode are told, too.
    type: bool
    default: false
    env:
      - name: PODWRIGHT_NOTIFY_CHECK
    ini:
      - section: callback_podwright_notify
        key: check
  timeout:
    description:
      - Seconds that one delivery may take, up to 300.
    type: float
    default: 10
    env:
      - name: PODWRIGHT_NOTIFY_TIMEOUT
    ini:
      - section: callback_podwright_notify
        key: timeout
  drain:
    description:
      - Seconds at the end of a run in which what is still to be told is delivered. The rest is given up with a warning.
    type: float
    default: 30
    env:
      - name: PODWRIGHT_NOTIFY_DRAIN
    ini:
      - section: callback_podwright_notify
        key: drain
"""

import atexit
from typing import Any

from ansible.plugins.callback import CallbackBase
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    live_model,
    notify_courier,
    notify_send,
)
from ansible_collections.podwright.fleet.plugins.plugin_utils.status_values import visible


class CallbackModule(CallbackBase):
    """See the documentation above. The methods without texts are Ansible's, named by what has happened."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "podwright.fleet.notify"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._courier: notify_courier.Courier | None = None
        self._given_up = False

    def _tell(self, result: Any) -> None:
        try:
            wanted = self.get_option("events")
            for event in live_model.events(result._result, str(result._task.action)):
                if "*" not in wanted and event.get("event") not in wanted:
                    continue
                if event.get("check") is True and not self.get_option("check"):
                    continue
                self._send(notify_send.encoded(event))
        except Exception as error:  # nothing here may end a play that changes hosts
            self._warn(f"{type(error).__name__}: {error}")

    def _send(self, data: bytes) -> None:
        if self._given_up:
            return
        if self._courier is None:
            try:
                self._courier = notify_courier.Courier(self._target())
            except (notify_send.NotifyError, OSError) as error:
                self._given_up = True
                self._warn(f"nobody is told about this run: {error}")
                return
            atexit.register(self._finish)
        self._courier.send(data)

    def _target(self) -> notify_send.Target:
        """Where to, as configured. Raises NotifyError."""
        command, url = list(self.get_option("command")), self.get_option("url")
        if not command and not url:
            raise notify_send.NotifyError("neither command nor url is set")
        given = (self.get_option("token"), self.get_option("token_file"))
        return notify_send.target(command, url, *given, self.get_option("timeout"))

    def _finish(self) -> None:
        courier, self._courier = self._courier, None
        if courier is not None:
            for wrong in courier.finish(self.get_option("drain")):
                self._warn(wrong)

    def _warn(self, text: str) -> None:
        self._display.warning(f"podwright.fleet.notify: {visible(text)}")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._tell(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._tell(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._tell(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._finish()
        self._given_up = True
