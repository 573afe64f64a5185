# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manual pages in man(7), made from the tables that the parser and `--help` use."""

from __future__ import annotations

import textwrap

from podwright import __version__
from podwright.cli import options, verbs
from podwright.cli.help import flag, shown_options
from podwright.values import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Option, Verb

DATE = "2026-11-22"
EXITS = (
    (
        "0",
        "Success. The verbs run, run-prepared, enter, attach and app exec return the status of what they ran.",
    ),
    (
        "1",
        (
            "An error of app sandbox, app list and app status; of stop and status when --uuid-file cannot be"
            " read; what check-host --require and selinux verify found."
        ),
    ),
    ("2", "No command was given."),
    ("128+n", "The workload was ended by signal n."),
    ("203", "The app's program could not be executed."),
    ("254", "Any other error, with one sentence on standard error."),
)
FILES = (
    (
        "/etc/podwright",
        (
            "The administrator's configuration: auth.d, ca.d, net.d, paths.d, stage1.d, policy.json and"
            " trustedkeys. Packages ship theirs in /usr/lib/podwright."
        ),
    ),
    ("/var/lib/podwright", "Images, pods and revisions."),
    ("/etc/rkt, /usr/lib/rkt", "Read too when the program is called rkt."),
)
ENVIRONMENT = (
    ("SOURCE_DATE_EPOCH", "The time that images are built at."),
    ("CREDENTIALS_DIRECTORY", "Where --secret finds credentials of the unit."),
    ("TERM", "Handed on by enter and attach."),
    ("http_proxy, https_proxy, no_proxy", "Proxies for fetching."),
)


def every() -> dict[str, str]:
    """All pages, by name: podwright, podwright-run, podwright-image-list, ..."""
    found = {"podwright": overview()}
    for verb in verbs.every():
        if verb.hidden:
            continue
        found[page(verb.name)] = of_verb(verb)
        for sub in verbs.subs_of(verb):
            if not sub.hidden and sub.name != "fetch":
                whole = replace(sub, name=f"{verb.name} {sub.name}")
                found[page(whole.name)] = of_verb(whole)
    return found


def page(name: str) -> str:
    """The name of a verb's page."""
    return "podwright-" + name.replace(" ", "-")


def overview() -> str:
    """The page podwright(1)."""
    shown = [verb for verb in verbs.every() if not verb.hidden]
    return "".join(
        (
            _head("podwright", "run signed container pods"),
            _synopsis(["podwright", "[GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]"]),
            ".SH DESCRIPTION\n",
            _text(
                "podwright fetches images, verifies who signed them, and runs them as pods: one or"
                " several apps that share a network and an isolation. There is no daemon. Any unique"
                " prefix of a command is enough; global options stand before or after it."
            ),
            ".SH COMMANDS\n",
            *(_item(verb.name, verb.summary, page(verb.name)) for verb in shown),
            ".SH GLOBAL OPTIONS\n",
            *_options(options.GLOBAL),
            ".SH EXIT STATUS\n",
            *(_item(*row) for row in EXITS),
            ".SH ENVIRONMENT\n",
            *(_item(*row) for row in ENVIRONMENT),
            ".SH FILES\n",
            *(_item(*row) for row in FILES),
        )
    )


def of_verb(verb: Verb) -> str:
    """The page of one verb."""
    words = (["[OPTIONS]"] if verb.options else []) + ([verb.usage] if verb.usage else [])
    parts = [
        _head(page(verb.name), verb.summary),
        _synopsis([f"podwright {verb.name}", " ".join(words)]),
        ".SH DESCRIPTION\n",
        _text(f"{verb.summary}."),
    ]
    if verb.description:
        parts += [".PP\n", _text(verb.description)]
    pod = tuple(option for option in verb.options if not option.per_app)
    app = tuple(option for option in verb.options if option.per_app)
    if shown_options(pod):
        parts += [".SH OPTIONS\n", *_options(pod)]
    if shown_options(app):
        parts += [".SS Options of the app before them\n", *_options(app)]
    old = [option for option in verb.options if option.deprecated]
    if old:
        parts.append(".SS Older spellings\n")
        parts += [_item(flag(one), f"Deprecated; write --{one.deprecated}.") for one in old]
    subs = [sub for sub in verbs.subs_of(verb) if not sub.hidden]
    if subs:
        parts.append(".SH COMMANDS\n")
        parts += [_item(sub.name, sub.summary, _of_sub(verb, sub)) for sub in subs]
    if verb.examples:
        parts += [".SH EXAMPLES\n.nf\n", *(f"{_escape(line)}\n" for line in verb.examples), ".fi\n"]
    return "".join((*parts, ".SH SEE ALSO\n.BR podwright (1)\n"))


def _of_sub(verb: Verb, sub: Verb) -> str:
    return page(sub.name if sub.name == "fetch" else f"{verb.name} {sub.name}")


def _head(name: str, summary: str) -> str:
    title = name.upper()
    small = summary[:1].lower() + summary[1:]
    return (
        f'.TH {title} 1 {DATE} "podwright {__version__}" "podwright"\n.ad l\n'
        f".SH NAME\n{_escape(name)} \\- {_escape(small)}\n"
    )


def _synopsis(words: list[str]) -> str:
    rest = f"\n{_escape(words[1])}" if words[1] else ""
    return f".SH SYNOPSIS\n.B {_escape(words[0])}{rest}\n"


def _options(items: tuple[Option, ...]) -> list[str]:
    found = []
    for item in shown_options(items):
        more = f"{item.help}."
        if item.choices:
            more += f" One of {', '.join(word for word in item.choices if word)}."
        more += " May be given several times." if item.repeat else ""
        more += f" Default: {item.default}." if item.default else ""
        found.append(_item(flag(item), more))
    return found


def _item(term: str, text: str, see: str = "") -> str:
    more = f"; see\n.BR {_escape(see)} (1)\n" if see else "\n"
    return f".TP\n.B {_escape(term)}\n{_text(text).rstrip()}{more}"


def _text(text: str) -> str:
    lines = textwrap.wrap(
        text.replace("\n", " "), 70, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(_escape(line) for line in lines) + "\n"


def _escape(text: str) -> str:
    """Text that roff takes as it is: no escapes, no requests, real hyphens in options."""
    out = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    out = out.replace("^", "\\(ha").replace("~", "\\(ti").replace('"', "\\(dq")
    return f"\\&{out}" if out.startswith((".", "'")) else out
