# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may stand at the cursor: answers of `podwright complete`, for the scripts of all shells.

Made from the option tables, and from the pods, apps, images and networks of this host. What
cannot be read offers nothing: somebody is typing, and it is not the moment for errors.
"""

from __future__ import annotations

from podwright.cli import hostwords, options, verbs
from podwright.errors import PodwrightError
from podwright.model import netchoice
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.cli.options import Option, Verb
    from podwright.host.paths import Layout

    Words = list[tuple[str, str]]
    """What may stand there, and what it means ("": nothing to say)."""

FILES = ":files"
"""Stands alone in an answer: names of files, which the shell knows best."""
FILE_WORDS = ("FILE", "DIR", "FILE.aci", "OUT.aci", "PACKAGE|FILE")
TAKE_FILES = ("run", "prepare", "fetch", "app add", "image push", "policy check")
"""Verbs whose images may be files, too."""


@value
class Place:
    """Where the cursor is.

    rest     positional arguments before it
    given    options before it
    pending  the option whose value it is, when that is a word of its own
    literal  behind `--`: the arguments of an app
    """

    verb: Optional[Verb]
    group: str
    rest: tuple[str, ...]
    given: tuple[str, ...]
    pending: Optional[Option]
    literal: bool


def offered(layout: Layout, words: list[str]) -> Words:
    """What may stand for the last of `words`, which may be empty; the others stand before it."""
    before, current = words[:-1], (words or [""])[-1]
    try:
        place = _read(before)
        found = _at(layout, place, current, words)
    except (PodwrightError, OSError):
        return []
    return [(word, told) for word, told in found if word.startswith(current) or word == FILES]


def _read(before: list[str]) -> Place:
    """Walk over what stands before the cursor, without minding mistakes."""
    verb: Optional[Verb] = None
    group, literal = "", False
    rest: list[str] = []
    given: list[str] = []
    pending: Optional[Option] = None
    for word in before:
        if pending is not None:
            pending = None
        elif literal:
            literal = word != "---"
        elif word == "--":
            literal = True
        elif word.startswith("-") and word != "-":
            name, equals, _ = word[2:].partition("=")
            option = _known(verb).get(name)
            given.append(name)
            if option and option.metavar and not equals and option.metavar[0] != "[":
                pending = option
        elif verb is None:
            verb = verbs.find_verb(word)
        elif verbs.subs_of(verb) and not group and (verb.name != "trust" or _is_sub(verb, word)):
            group = verb.name
            verb = verbs.find_sub(verb, word)
        else:
            rest.append(word)
    return Place(verb, group, tuple(rest), tuple(given), pending, literal)


def _is_sub(verb: Verb, word: str) -> bool:
    return word in [sub.name for sub in verbs.subs_of(verb)]


def _known(verb: Optional[Verb]) -> dict[str, Option]:
    return options.table(options.GLOBAL, verb.options if verb else ())


def _at(layout: Layout, place: Place, current: str, words: list[str]) -> Words:
    if place.literal:
        return [(FILES, "")]
    if place.pending is not None:
        return _values(layout, place, place.pending, "", current, words)
    if current.startswith("-"):
        name, equals, text = current[2:].partition("=")
        option = _known(place.verb).get(name)
        if equals and option:
            return _values(layout, place, option, f"--{name}=", text, words)
        return _options(place)
    if place.verb is None:
        return _verbs(verbs.every())
    subs = verbs.subs_of(place.verb) if not place.group else ()
    found = _verbs(subs) if subs and not place.rest else []
    found += _positional(layout, place)
    return found or ([] if current else _options(place))


def _verbs(table: tuple[Verb, ...]) -> Words:
    return [(verb.name, verb.summary) for verb in table if not verb.hidden]


def _options(place: Place) -> Words:
    """Options that are not there yet, or may be again; those of an app only behind its image."""
    own = place.verb.options if place.verb else ()
    return [
        (f"--{one.name}{'=' if one.metavar and one.metavar[0] != '[' else ''}", one.help)
        for one in (*own, *options.GLOBAL)
        if not (one.hidden or one.deprecated)
        and (one.repeat or one.per_app or one.name not in place.given)
        and (place.rest or one.name == "mount" or not one.per_app)
    ]


def _values(
    layout: Layout, place: Place, option: Option, prefix: str, text: str, words: list[str]
) -> Words:
    """What an option takes; behind a comma, what may follow it."""
    if option.metavar in FILE_WORDS:
        return [(FILES, "")]
    if option.name == "app":
        pods = [word for word in words if word and not word.startswith("-")]
        found = hostwords.apps(layout, pods)
    else:
        found = hostwords.of_option(layout, option, place.group)
    if option.metavar == "LIST" or option.name == "net":
        first, comma, _ = text.rpartition(",")
        taken = first.split(",")
        alone = netchoice.WORDS if first and option.name == "net" else ()
        found = [one for one in found if one[0] not in (*taken, *alone)]
        found = [(f"{first}{comma}{word}", told) for word, told in found]
    return [(prefix + word, told) for word, told in found]


def _positional(layout: Layout, place: Place) -> Words:
    """What the verb takes where the cursor is, as its usage says."""
    if place.verb is None:
        return []
    if place.verb.name == "help":
        return _help(place.rest)
    if place.verb.name == "completion":
        return [] if place.rest else [(word, "") for word in place.verb.usage.split("|")]
    kinds = place.verb.usage.replace("[", "").replace("]", "").split(" ")
    kinds = [kind for kind in kinds if not kind.startswith("--")] or [""]
    several = place.verb.usage.split(" [-- ")[0].endswith(("...", "...]"))
    at = min(len(place.rest), len(kinds) - 1) if several else len(place.rest)
    each = kinds[at].rstrip(".").split("|") if at < len(kinds) else [""]
    kind = each[0]
    if kind.islower():
        return [(word, "") for word in each]  # to be written as it is
    if place.verb.name in ("run", "prepare", "fetch"):
        kind = "IMAGE"
    may_be = kind in (*FILE_WORDS, "KEY", "SOURCE") or (
        kind == "IMAGE" and place.verb.name in TAKE_FILES
    )
    files = [(FILES, "")] if may_be else []
    return hostwords.of_kind(layout, kind, place.verb.name, place.rest) + files


def _help(rest: tuple[str, ...]) -> Words:
    if not rest:
        return _verbs(verbs.every())
    return _verbs(verbs.subs_of(verbs.find_verb(rest[0]))) if len(rest) == 1 else []
