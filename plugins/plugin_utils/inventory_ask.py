# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks many hosts at once, over the connections that the inventory says."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any


def ask(
    hosts: Mapping[str, Callable[[], Any]], forks: int, seconds: float
) -> tuple[dict[str, Any], dict[str, str]]:
    """Call each, at most `forks` at a time and `seconds` for all: answers, and why there is none.

    Who does not answer in time is left behind: such a thread ends with the process.
    """
    todo: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in hosts:
        todo.put(name)
    done: queue.SimpleQueue[tuple[str, Any, str]] = queue.SimpleQueue()

    def work() -> None:
        while True:
            try:
                name = todo.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((name, hosts[name](), ""))
            except Exception as err:  # whatever it is, it concerns this host only
                done.put((name, None, " ".join(str(err).split()) or type(err).__name__))

    for number in range(min(forks, len(hosts))):
        threading.Thread(target=work, name=f"ask-{number}", daemon=True).start()
    answers: dict[str, Any] = {}
    problems: dict[str, str] = {}
    deadline = time.monotonic() + seconds
    while len(answers) + len(problems) < len(hosts):
        try:
            name, answer, problem = done.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        if problem:
            problems[name] = problem
        else:
            answers[name] = answer
    for name in hosts.keys() - answers.keys() - problems.keys():
        problems[name] = f"it has not answered within {seconds:g} s"
    return answers, problems
