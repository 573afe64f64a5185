# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""AnsibleModule with two promises more: failures always have the same keys, and secrets are known
before anything is checked.

Ansible learns what to hide while it checks the options, and not at all when they are of a wrong
type or misspelt. So here everything that could be meant as a secret is hidden first, also as it
looks when it is quoted, escaped, or sent to a server.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podwright.fleet.plugins.module_utils.strangers import unknown

HOLDERS = ("credentials", "registry_auth", "sigstore_key")
"""Options that hold log-ins and private keys."""

LOGIN = ("registry", "username")
PUBLIC: dict[Any, tuple[str, ...]] = {
    "credentials": LOGIN,
    "registry_auth": LOGIN,
    "secrets": (
        *("name", "encoding", "file", "credential", "target", "mode", "uid", "gid", "apps"),
        *("stored", "state", "encrypt"),
    ),
}
"""What is no secret right in them. It is in answers, which must not be full of stars."""

QUIET = ("stdin",)
"""Options that may hold secrets, and more often do not: the system log does not have them."""

SECRET = re.compile(r"pass(?!ive)|secret|token|^contents?$", re.IGNORECASE)
"""Names of options that hold secrets, or were meant to."""

FAILURE = {"reason": "bad-input", "stage": "input", "object": "", "hint": ""}
"""What a failure is called when nobody knows better: Ansible refused an option."""


class Module(AnsibleModule):
    """See the module's docstring."""

    def __init__(self, argument_spec: dict[str, Any], **more: Any) -> None:
        super().__init__(argument_spec=argument_spec, **more)  # type: ignore[no-untyped-call]

    def _load_params(self) -> None:
        super()._load_params()  # type: ignore[no-untyped-call]
        self.no_log_values.update(secrets(self.params))

    def _log_invocation(self) -> None:
        """Log the call without log-ins: there the options are quoted, and quotes within quotes."""
        given = self.params
        self.params = logged(given)
        try:
            super()._log_invocation()  # type: ignore[no-untyped-call]
        finally:
            self.params = given

    def fail_json(self, msg: str, **more: Any) -> NoReturn:
        """Fail with `reason`, `stage`, `object` and `hint`."""
        told: dict[str, Any] = dict(FAILURE)
        manual = f"ansible-doc {self._name}"
        if "reason" not in more and "object" not in more:  # Ansible has refused an option
            stranger = unknown(self.argument_spec, self.params, manual)
            if stranger is not None:
                told.update(object=stranger.path, hint=stranger.hint)
                msg = stranger.text
        told.update(more)
        if told["reason"] == "bad-input" and not told["hint"]:
            told["hint"] = f"{manual} says what its options are"
        super().fail_json(msg=msg, **told)


def logged(given: Any) -> Any:
    """Options as the system log may have them."""
    if isinstance(given, dict):
        return {
            name: "NOT_LOGGING_PARAMETER"
            if content and (_holds(name) or name in QUIET)
            else logged(content)
            for name, content in given.items()
        }
    return [logged(item) for item in given] if isinstance(given, list) else given


def _holds(name: Any) -> bool:
    """Whether an option of this name holds a secret, or was meant to."""
    return name in HOLDERS or bool(SECRET.search(str(name)))


def secrets(params: dict[str, Any]) -> set[str]:
    """All texts that output must not have, of options as they were given."""
    found: set[str] = set()
    for plain in _secrets(params, hidden=False):
        found.update(spellings(plain))
    return found


def _secrets(given: Any, hidden: bool, public: tuple[str, ...] = ()) -> Iterator[str]:
    """The secrets in an option; all that it holds when `hidden`, but for what is `public` in it."""
    if isinstance(given, dict):
        yield from _pairs(given)
        for name, content in given.items():
            if not (name in public and _as_it_should_be(name, content)):
                yield from _secrets(content, hidden or _holds(name), PUBLIC.get(name, ()))
    elif isinstance(given, (list, tuple)):
        for item in given:
            yield from _secrets(item, hidden, public)
    elif hidden and given is not None and not isinstance(given, bool) and str(given):
        yield str(given)


def _as_it_should_be(name: str, content: Any) -> bool:
    """Whether an option that is public has its own kind: else something else was meant."""
    if name == "apps" and isinstance(content, (list, tuple)):
        return all(isinstance(item, str) for item in content)
    return isinstance(content, (str, int))


def _pairs(given: dict[str, Any]) -> Iterator[str]:
    """User and password as they are sent."""
    if given.get("password"):
        pair = f"{given.get('username') or ''}:{given['password']}"
        yield base64.b64encode(pair.encode("utf-8", "surrogateescape")).decode("ascii")


def spellings(plain: str) -> set[str]:
    """A text, and what it looks like in Python's and JSON's quotes."""
    quoted = (repr(plain), json.dumps(plain), json.dumps(plain, ensure_ascii=False))
    return {plain, *(text[1:-1] for text in quoted)}
