# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of the module podwright.fleet.status_report: all of it. No host is connected to."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.podwright.fleet.plugins.plugin_utils import (
    status_lines,
    status_markdown,
    status_page,
    status_report,
    status_write,
)

KNOWN = ("files", "told", "desired", "title")


def _json(report: dict[str, Any]) -> str:
    return json.dumps(report, indent=1, sort_keys=True) + "\n"


FORMS: dict[str, Callable[[dict[str, Any]], str]] = {
    ".html": status_page.page,
    ".md": status_markdown.markdown,
    ".json": _json,
}


class ActionModule(ActionBase):
    """Write reports."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """See the module's documentation."""
        result = super().run(tmp, task_vars)
        result["changed"] = False
        try:
            options = self._options()
            places = [self._place(path) for path in options["files"]]
            report = status_report.report(
                self._told(options, task_vars or {}), time.time(), options["title"]
            )
            for place, form in places:
                status_write.write(place, form(report))
        except status_write.WriteError as error:
            return {**result, **_failure(str(error), "write", error.path, error.hint)}
        except ValueError as error:
            subject, _colon, _text = str(error).partition(":")
            hint = "ansible-doc podwright.fleet.status_report says what its options are"
            return {**result, **_failure(str(error), "input", subject, hint)}
        told = {
            "files": [place for place, _content in places],
            "summary": report["summary"],
            "attention": report["attention"][:100],
            "lines": status_lines.lines(report),
        }
        return {**result, **wrap_var(told)}

    def _options(self) -> dict[str, Any]:
        """The task's options. Raises ValueError."""
        given = dict(self._task.args)
        for name in given:
            if name not in KNOWN:
                raise ValueError(f"{name}: there is no such option; known are {', '.join(KNOWN)}")
        files = given.get("files") or []
        files = [files] if isinstance(files, str) else files
        if not isinstance(files, list) or not all(isinstance(one, str) for one in files):
            raise ValueError("files: a list of names of files is wanted")
        out: dict[str, Any] = {"files": files}
        for name, default in (
            ("told", "podwright_status"),
            ("desired", "podwright_status_wanted"),
            ("title", "Fleet"),
        ):
            out[name] = str(given.get(name) or default)
        return out

    @staticmethod
    def _place(path: str) -> tuple[str, Callable[[dict[str, Any]], str]]:
        """Where a report goes and who makes it. Raises ValueError, WriteError."""
        ending = os.path.splitext(path)[1].lower()
        if ending not in FORMS:
            raise ValueError(
                f"files: {path!r} ends with none of {', '.join(FORMS)}; the ending says what is written"
            )
        # Ansible would take a relative name for one below the playbook, which may be in the installed collection.
        return status_write.check(os.path.join(os.getcwd(), os.path.expanduser(path))), FORMS[
            ending
        ]

    @staticmethod
    def _told(options: dict[str, Any], variables: dict[str, Any]) -> list[status_report.Told]:
        """What each host of the play has told, also those that are no longer in it."""
        every = variables.get("hostvars") or {}
        names = variables.get("ansible_play_hosts_all") or []
        out = []
        for name in names:
            known = every.get(name)
            told = known.get(options["told"]) if known is not None else None
            wanted = known.get(options["desired"]) if known is not None else None
            out.append(status_report.Told(str(name), told, wanted))
        return out


def _failure(message: str, stage: str, subject: str, hint: str) -> dict[str, Any]:
    text = f"{message}; {hint}" if hint else message
    reason = "bad-input" if stage == "input" else "not-written"
    return {
        "failed": True, "msg": text, "reason": reason, "stage": stage, "object": subject, "hint": hint,
    }  # fmt: skip
