# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The callback plugin podwright.fleet.live."""

from __future__ import annotations

DOCUMENTATION = r"""
name: live
type: stdout
short_description: See what a fleet does, live in a terminal and in few lines in logs
version_added: 0.1.0
description:
  - In a terminal, a few lines at its bottom tell how far the play is, on how many hosts, and which of them
    have trouble or take long, the worst first; with a rollout, hosts by its phases.
  - Above them stays one line for each change and each failure, in which refusals by podwright have their reason,
    what it is about, and what to do.
  - Where there is no terminal, as in logs of CI, and with C(TERM=dumb), only these lines are written.
  - With C(-v) and more it writes all that P(ansible.builtin.default#callback) does, and the events of rollouts.
  - Differences of C(--diff), warnings, and messages of M(ansible.builtin.debug) are shown always.
  - What hosts say is written so that a terminal does not obey it.
  - While the stage of a rollout fetches images, it asks each host now and then how far it is.
author:
  - The podwright authors (@podwright)
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - Set as C(stdout_callback) in the section C(defaults) of C(ansible.cfg), or as C(ANSIBLE_STDOUT_CALLBACK).
options:
  mode:
    description:
      - V(auto) draws where standard output is a terminal. V(lines) never does.
    type: str
    choices: [auto, lines]
    default: auto
    env:
      - name: PODWRIGHT_LIVE
    ini:
      - section: callback_podwright_live
        key: mode
  patience:
    description:
      - Where no panel is drawn, seconds after which a host that is still fetching an image gets a line that tells how
        far it is, and then one for each quarter.
    type: float
    default: 10
    env:
      - name: PODWRIGHT_LIVE_PATIENCE
    ini:
      - section: callback_podwright_live
        key: patience
"""

import atexit
import contextlib
import os
import sys
import threading
import time
from typing import Any

from ansible import constants as C
from ansible import context
from ansible.plugins.callback.default import CallbackModule as Default
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    live_fetch,
    live_lines,
    live_model,
    live_panel,
    live_screen,
    live_wire,
)
from ansible_collections.podwright.fleet.plugins.plugin_utils.status_values import visible

COLORS = {
    live_lines.GOOD: "COLOR_OK",
    live_lines.CHANGED: "COLOR_CHANGED",
    live_lines.BAD: "COLOR_ERROR",
    live_lines.SOFT: "COLOR_VERBOSE",
}


def _name(task: Any) -> str:
    """A task's name without that of its role."""
    return str(task.get_name()).strip().rpartition(" : ")[2]


class CallbackModule(Default):
    """See the documentation above. The methods without texts are Ansible's, named by what has happened."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "podwright.fleet.live"

    def __init__(self) -> None:
        super().__init__()
        self._fleet = live_model.Fleet()
        self._notes: dict[str, str] = {}
        self._ended: dict[str, Any] = {}
        self._told: set[str] = set()
        self._finished: set[str] = set()
        self._banner = ""
        self._screen: live_screen.Screen | None = None
        self._real: tuple[Any, Any] | None = None
        self._wire: live_wire.Listener | None = None

    # -- the terminal

    @property
    def _full(self) -> bool:
        """Whether all is written that the default plugin writes."""
        return bool(self._display.verbosity > 0)

    def _begin(self) -> None:
        """Take standard output and error: from now on nothing on them can drive the terminal but this plugin."""
        if self._real is not None:
            return
        lock = getattr(self._display, "_lock", None)
        self._screen = live_screen.Screen(sys.stdout, self._picture, lock or threading.RLock())
        self._real = (sys.stdout, sys.stderr)
        sys.stdout = live_screen.Stream(sys.stdout, self._screen)
        sys.stderr = live_screen.Stream(sys.stderr, self._screen)
        atexit.register(self._leave)
        # Ansible forks with its lock held. With another one, a process that is forked while the clock draws would begin
        # with a lock that nobody releases.
        if lock is not None:
            if self._may_draw(self._real[0]):
                self._screen.open()
            self._listen(lock)

    def _listen(self, lock: Any) -> None:
        """Hear from now on how far hosts are with their downloads."""
        if self._full:
            return
        wire = live_wire.Listener(self._hear, lock)
        with contextlib.suppress(OSError):  # without it, all else is shown
            wire.open()
            self._wire = wire

    def _hear(self, message: dict[str, Any]) -> None:
        """A worker tells of a download; in a terminal the next picture has it, in a log a line now and then."""
        found = live_fetch.fetch(message)
        if found is None or self._screen is None:
            return
        patience = float(self.get_option("patience"))
        said = self._fleet.fetching(str(message.get("host")), found, patience, time.monotonic())
        if said and not self._screen.shows:
            self._say([(said[: live_lines.LONGEST], live_lines.SOFT)])

    def _may_draw(self, out: Any) -> bool:
        if self.get_option("mode") != "auto" or self._full or not out.isatty():
            return False
        return os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")

    def _leave(self) -> None:
        """Whatever ends the play: say how a rollout goes on that has not come to its end."""
        if self._real is not None and self._fleet.going:
            if self._screen is not None:
                self._screen.close()
            phase = live_lines.phase_name({**self._fleet.rollout, "phase": self._fleet.phase})
            self._say(live_lines.interrupted(self._fleet.going, phase))
            self._fleet.going = ""
        self._end()

    def _end(self) -> None:
        """Give standard output and error back, without the panel."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        if self._screen is not None:
            self._screen.close()
        if self._real is not None:
            sys.stdout, sys.stderr = self._real
            self._real = None

    def _picture(self, columns: int, rows: int) -> list[str]:
        encoding = (getattr(sys.__stdout__, "encoding", "") or "").lower().replace("-", "")
        color = not getattr(C, "ANSIBLE_NOCOLOR", False) and "NO_COLOR" not in os.environ
        view = live_panel.View(columns, rows, color, encoding == "utf8")
        return live_panel.panel(self._fleet, view, time.monotonic())

    def _say(self, lines: list[live_lines.Line]) -> None:
        for text, kind in lines:
            bad = kind == live_lines.BAD and self.get_option("display_failed_stderr")
            color = getattr(C, COLORS[kind])
            self._display.display(visible(text), color=color, stderr=bool(bad))

    def _head(self, task: Any) -> None:
        """The task's name, once, above the first line that is about it."""
        if self._banner == task._uuid:
            return
        self._banner = task._uuid
        where = f"  ({task.get_path()})" if self._full else ""
        self._display.display(
            visible(f"{task.get_name().strip()}{where}"),
            color=getattr(C, "COLOR_HIGHLIGHT", "white"),
        )

    def _draw(self) -> None:
        if self._screen is not None and self._screen.shows:
            self._screen.draw()

    # -- plays and tasks

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._begin()
        if self._full:
            super().v2_playbook_on_start(playbook)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._begin()  # ansible, in contrast to ansible-playbook, begins here
        self._play = play
        name = play.get_name().strip()
        hosts = []
        if play.get_variable_manager() is not None:
            inventory = play.get_variable_manager()._inventory
            hosts = (
                [host.get_name() for host in inventory.get_hosts(play.hosts)] if inventory else []
            )
        self._fleet.play(name, hosts, bool(context.CLIARGS.get("check")), time.monotonic())
        if self._full:
            super().v2_playbook_on_play_start(play)
        elif not self._fleet.going:  # a rollout's phases are told by its events
            dry = " (check mode, nothing is changed)" if self._fleet.check else ""
            line = f"{name or 'Play'}: {live_lines.counted(len(hosts))}{dry}"
            self._display.display(visible(line), color=getattr(C, "COLOR_HIGHLIGHT", "white"))

    def _task_start(self, task: Any, prefix: Any = None) -> None:
        self._fleet.next_task(_name(task))
        if self._full:
            super()._task_start(task, prefix=prefix)
        self._draw()

    def _print_task_banner(self, task: Any) -> None:
        """Also called by what is inherited, such as differences."""
        if self._full:
            super()._print_task_banner(task)
        else:
            self._head(task)
            self._last_task_banner = task._uuid

    def v2_on_file_diff(self, result: Any) -> None:
        data = result._result
        items = data["results"] if result._task.loop and "results" in data else [data]
        if not self._full and any(item.get("diff") and item.get("changed") for item in items):
            self._head(result._task)
            self._say([(f"{result._host.get_name()}  differences:", live_lines.SOFT)])
        super().v2_on_file_diff(result)

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        if self._full:
            super().v2_runner_on_start(host, task)
        self._fleet.start(host.get_name(), _name(task), time.monotonic())

    # -- results

    @staticmethod
    def _is_of_rollout(task: Any) -> bool:
        """Whether a task's changes are told by events, sooner or later."""
        return bool(task.get_name().strip().startswith("podwright.fleet.rollout : "))

    def _events(self, result: Any) -> bool:
        """Tell a result's events; whether there were any."""
        found = live_model.events(result._result, str(result._task.action))
        for one in found:
            self._fleet.event(one)
            if one.get("event") == "rollout-refused":
                self._notes[result._host.get_name()] = ""  # it is the fleet's, and has been told
            if one.get("event") == "host-failed":
                self._notes[str(one.get("host"))] = live_model.refusal(one)
                self._told.add(str(one.get("host")))
            if one.get("event") == "rollout-finished":
                self._ended = one
            self._say(live_lines.event(one))
        return bool(found)

    def _warnings(self, result: Any) -> None:
        """Show warnings; a failure's one line is in place of its exception."""
        data = result._result
        if "exception" in data:
            data = {**data, "exception": None}
        if data.get("warnings") or data.get("deprecations"):
            self._head(result._task)
        self._handle_warnings(data)
        for name in ("warnings", "deprecations"):
            result._result.pop(name, None)

    def _lost(self, result: Any, how: str, word: str, ignored: bool) -> None:
        host = result._host.get_name()
        note = live_model.refusal(result._result)
        self._fleet.end(host, live_model.OK if ignored else how, note)
        if not ignored:
            self._notes[host] = note
        told = self._events(result)
        if self._ended and host in self._told and self._is_of_rollout(result._task):
            self._notes[host], told = "", True  # by an event, and in the table of its end
        if self._full:
            return
        self._warnings(result)
        if result._task.loop and "results" in result._result and not told:
            if ignored:
                self._say([(f"{host}  the failures above are ignored", live_lines.SOFT)])
            return  # its items have been told
        if not told:
            self._head(result._task)
            word = f"{word}, which is ignored" if ignored else word
            self._say(live_lines.failed(self.host_label(result), result._result, word))
        self._draw()

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        if self._full:
            super().v2_runner_on_failed(result, ignore_errors=ignore_errors)
        self._lost(result, live_model.FAILED, "FAILED", ignore_errors)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        if self._full:
            super().v2_runner_on_unreachable(result)
        ignored = bool(getattr(result._task, "ignore_unreachable", False))
        self._lost(result, live_model.UNREACHABLE, "UNREACHABLE", ignored)

    def v2_runner_on_ok(self, result: Any) -> None:
        data, host = result._result, result._host.get_name()
        has_changed = bool(data.get("changed"))
        if self._full:
            super().v2_runner_on_ok(result)
        how = live_model.CHANGED if has_changed else live_model.OK
        self._fleet.end(host, how, live_model.acted(data))
        told = self._events(result)
        if self._full:
            return
        self._warnings(result)
        if data.get("_ansible_verbose_always") and not data.get("_ansible_verbose_override"):
            self._head(result._task)
            label = "" if result._task.run_once else self.host_label(result)
            self._say(live_lines.shown(label, data))
        elif (
            has_changed
            and not told
            and not self._is_of_rollout(result._task)
            and not (result._task.loop and "results" in data)
        ):
            self._head(result._task)
            self._say(live_lines.changed(self.host_label(result), data, _name(result._task)))
        self._draw()

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._fleet.end(result._host.get_name(), live_model.OK)
        if self._full:
            super().v2_runner_on_skipped(result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        if self._full:
            super().v2_runner_item_on_ok(result)
            return
        self._warnings(result)
        data, label = result._result, self.host_label(result)
        if data.get("_ansible_verbose_always") and not data.get("_ansible_verbose_override"):
            self._head(result._task)
            self._say(live_lines.shown(label, data))
        elif data.get("changed"):
            self._head(result._task)
            self._say(live_lines.changed(label, data, f"{self._get_item_label(data)}"))

    def v2_runner_item_on_failed(self, result: Any) -> None:
        if self._full:
            super().v2_runner_item_on_failed(result)
            return
        self._warnings(result)
        self._head(result._task)
        label = f"{self.host_label(result)} (item {self._get_item_label(result._result)})"
        self._say(live_lines.failed(label, result._result))

    def v2_runner_item_on_skipped(self, result: Any) -> None:
        if self._full:
            super().v2_runner_item_on_skipped(result)

    def v2_runner_retry(self, result: Any) -> None:
        if self._full:
            super().v2_runner_retry(result)
            return
        data = result._result
        left = data.get("retries", 0) - data.get("attempts", 0)
        row = self._fleet.row(result._host.get_name())
        row.doing = f"{_name(result._task)}, not yet, {left} tries left"

    def v2_runner_on_async_poll(self, result: Any) -> None:
        if self._full:
            super().v2_runner_on_async_poll(result)

    def v2_playbook_on_include(self, included_file: Any) -> None:
        if self._full:
            super().v2_playbook_on_include(included_file)

    # -- the end

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if self._screen is not None:
            self._screen.close()
        if self._full:
            super().v2_playbook_on_stats(stats)
        else:
            found = {name: stats.summarize(name) for name in stats.processed}
            took = (
                live_panel.clock(time.monotonic() - self._fleet.began)
                if self._fleet.began
                else "0 s"
            )
            self._say(live_lines.summary(found, self._notes, took, self._ended))
            custom = stats.custom if self.get_option("show_custom_stats") else {}
            for name in sorted(custom):
                self._display.display(
                    visible(f"{name}: {self._dump_results(custom[name], indent=None)}")
                )
        self._leave()
