# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every verb gets: where things lie, which checks are lifted, where to write."""

from __future__ import annotations

import os
import sys

from podwright.errors import UsageError
from podwright.host.paths import Layout
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.cli.options import Arguments
    from podwright.stage0.images import AcceptKey
    from podwright.stage0.trust import KeyInfo


@value
class Context:
    """One call of the agent."""

    layout: Layout
    insecure: frozenset[str]
    trust_keys_from_https: bool
    debug: bool
    global_argv: tuple[str, ...]

    def need_root(self, verb: str) -> None:
        """Refuse early and clearly when not root."""
        if os.geteuid() != 0:
            raise UsageError(f"{verb} must be run as root", f"try: sudo podwright {verb} ...")

    def need_admin(self, verb: str) -> None:
        """Refuse early who may not change the trust store."""
        keys = f"{self.layout.local_config}/trustedkeys"
        if os.geteuid() != 0 and not os.access(keys, os.W_OK | os.X_OK):
            raise UsageError(
                f"{verb} must be run as root, or by a member of the group podwright-admin",
                f"try: sudo podwright {verb} ...",
            )

    @property
    def accept_key(self) -> Optional[AcceptKey]:
        """Who answers whether a key that discovery found is to be trusted: the option, a person at
        the terminal, or nobody.
        """
        if not (self.trust_keys_from_https or (os.isatty(0) and os.isatty(2))):
            return None

        def answer(info: KeyInfo, prefix: str, location: str) -> bool:
            from podwright.cli.trust import offered

            return offered(self, info, prefix, location)

        return answer


def build(args: Arguments) -> Context:
    """Make the context from the global flags and paths.d."""
    from podwright.cli import configuration

    insecure: frozenset[str] = frozenset()
    if args.given("insecure-options"):
        from podwright.stage0.insecure import expand

        insecure = expand(
            tuple(w for text in args.texts("insecure-options") for w in text.split(","))
        )
    layout = Layout(
        data=_absolute(args, "dir"),
        system_config=_absolute(args, "system-config") or "/usr/lib/podwright",
        local_config=_absolute(args, "local-config") or "/etc/podwright",
        user_config=_absolute(args, "user-config"),
        rkt=os.path.basename(sys.argv[0]) == "rkt",
    )
    if not layout.data:
        layout = configuration.with_data_dir(layout)
    return Context(
        layout, insecure, args.true("trust-keys-from-https"), args.true("debug"), _again(args)
    )


def _absolute(args: Arguments, name: str) -> str:
    """An absolute directory path, or "" when the flag is not given."""
    text = args.text(name)
    return os.path.abspath(text) if text else ""


def _again(args: Arguments) -> tuple[str, ...]:
    """The location flags of this call, for a unit or a child that must see the same state."""
    out = []
    for name in ("dir", "system-config", "local-config", "user-config"):
        if args.given(name):
            out.append(f"--{name}={os.path.abspath(args.text(name))}")
    return tuple(out)


def agent_command() -> list[str]:
    """The argv that starts this same agent again, by the same name."""
    own = os.path.realpath(sys.argv[0])
    as_rkt = os.path.basename(sys.argv[0]) == "rkt"
    installed = "/usr/bin/rkt" if as_rkt else "/usr/bin/podwright"
    if os.path.realpath(installed) == own:
        return [installed]
    shown = os.path.abspath(sys.argv[0]) if as_rkt else own
    return [sys.executable or "/usr/bin/python3", "-IS", shown]


def say(text: str) -> None:
    """Lines on standard output; what a terminal would obey is written as JSON escapes.

    Tables are escaped already. In JSON, such characters stand in strings only, where the
    escapes mean the same.
    """
    if not text.isprintable():
        text = "".join(
            char if char.isprintable() or char in "\n\t" else _escape(char) for char in text
        )
    sys.stdout.write(text + "\n")


def _escape(char: str) -> str:
    """`\\uXXXX`, or two of them (RFC 8259, section 7)."""
    code = ord(char)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def note(text: str) -> None:
    """A line on standard error, for people: progress and warnings."""
    sys.stderr.write(f"podwright: {safe(text, 2000)}\n")
    sys.stderr.flush()


def tell_report(text: str) -> None:
    """Protection that a pod does not have."""
    note(f"note: {text}")


def answer(args: Arguments, facts: Any) -> bool:
    """Print facts as --format asks for them; False when it asks for nothing."""
    form = args.text("format")
    if form:
        from podwright import jsonio

        say(jsonio.pretty(facts) if form == "json-pretty" else jsonio.dumps(facts))
    return bool(form)


def print_document(args: Arguments, document: Any) -> None:
    """Print a JSON document of those verbs that print nothing else; indented where nothing is said."""
    from podwright import jsonio

    pretty = args.true("pretty-print") or not args.given("pretty-print")
    pretty = args.text("format", "json-pretty" if pretty else "json") == "json-pretty"
    say(jsonio.pretty(document) if pretty else jsonio.dumps(document))


def print_json(obj: Any) -> None:
    """One JSON document on standard output."""
    from podwright import jsonio

    say(jsonio.dumps(obj))
