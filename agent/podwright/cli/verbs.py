# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of verbs: names, help and options. Reading them loads none of their code."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.text import safe
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Verb


def every() -> tuple[Verb, ...]:
    """All verbs, in the order in which help shows them."""
    from podwright.cli import (
        verbs_logs,
        verbs_more,
        verbs_mutable,
        verbs_named,
        verbs_own,
        verbs_pull,
        verbs_start,
        verbs_watch,
    )

    return (
        *verbs_start.VERBS,
        *verbs_named.VERBS,
        *verbs_logs.VERBS,
        *verbs_more.VERBS,
        *verbs_mutable.VERBS,
        *verbs_pull.VERBS,
        *verbs_watch.VERBS,
        *verbs_own.VERBS,
    )


def find_verb(word: str) -> Verb:
    """The verb called `word`, or the only one that begins so."""
    table: tuple[Verb, ...] = ()
    if word in ("run", "run-prepared"):
        from podwright.cli.verbs_start import VERBS as table
    elif word in ("supervise", "resume"):
        from podwright.cli.verbs_own import VERBS as table
    return find(word, table or every())


def find(word: str, verbs: tuple[Verb, ...], of: str = "") -> Verb:
    """The one of `verbs` called `word`, or the only one that begins so; `of` stands before it in errors."""
    matches = [verb for verb in verbs if verb.name == word] or [
        verb for verb in verbs if verb.name.startswith(word) and not verb.hidden
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(verb.name for verb in matches)
        raise UsageError(f"command '{of}{safe(word, 40)}' is ambiguous", f"it may be {names}")
    raise UsageError(f"unknown command '{of}{safe(word, 40)}'", _meant(word, verbs, of))


def _meant(word: str, verbs: tuple[Verb, ...], of: str) -> str:
    """What to do about a command that does not exist."""
    import difflib

    names = [verb.name for verb in verbs if not verb.hidden]
    close = difflib.get_close_matches(word, names, 1, 0.75)
    known = f"podwright help {of}lists the commands"
    if not close and of and word == "ls" and "list" in names:
        close = ["list"]
    return f"did you mean '{of}{close[0]}'? {known}" if close else known


def find_exact(word: str) -> Verb:
    """The verb called `word`; it exists."""
    return next(verb for verb in every() if verb.name == word)


def subs_of(verb: Verb) -> tuple[Verb, ...]:
    """The sub-commands of a verb, () when it has none; `image fetch` is `fetch` (E)."""
    if verb.name == "bundle":
        from podwright.cli.verbs_pull import BUNDLE_VERBS

        return BUNDLE_VERBS
    if verb.name == "image":
        from podwright.cli.verbs_build import BUILD_VERBS
        from podwright.cli.verbs_image import IMAGE_VERBS

        return (*IMAGE_VERBS, *BUILD_VERBS, find_exact("fetch"))
    if verb.name == "app":
        from podwright.cli.verbs_mutable import APP_VERBS

        return APP_VERBS
    if verb.name == "network":
        from podwright.cli.verbs_network import NETWORK_VERBS

        return NETWORK_VERBS
    if verb.name == "policy":
        from podwright.cli.verbs_policy import POLICY_VERBS

        return POLICY_VERBS
    if verb.name == "secret":
        from podwright.cli.verbs_secret import SECRET_VERBS

        return SECRET_VERBS
    if verb.name == "selinux":
        from podwright.cli.verbs_selinux import SELINUX_VERBS

        return SELINUX_VERBS
    if verb.name == "stage1":
        from podwright.cli.verbs_stage1 import STAGE1_VERBS

        return STAGE1_VERBS
    if verb.name == "tpm":
        from podwright.cli.verbs_tpm import TPM_VERBS

        return TPM_VERBS
    if verb.name == "trust":
        from podwright.cli.verbs_trust import TRUST_VERBS

        return TRUST_VERBS
    return ()


def find_sub(verb: Verb, word: str) -> Verb:
    """The sub-command of `verb` called `word`, under the name that people write."""
    sub = find(word, subs_of(verb), f"{verb.name} ")
    return sub if sub.name == "fetch" else replace(sub, name=f"{verb.name} {sub.name}")
