# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Help text made from the option tables, and `podwright help`."""

from __future__ import annotations

from podwright import __version__
from podwright.cli import options, verbs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.context import Context
    from podwright.cli.options import Arguments, Option, Verb

FIRST = """podwright {version}: run signed container pods

Usage: podwright [GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]

A unique prefix of a command is enough.
"""
GROUPS = {
    "Pods": (
        *("run", "prepare", "run-prepared", "list", "status", "logs", "attach", "enter", "top"),
        *("stop", "rm", "gc", "cat-manifest", "export", "app"),
    ),
    "Pods with a name": ("apply", "start", "restart", "history", "rollback"),
    "A fleet's state": ("pull", "bundle"),
    "Images and trust": ("fetch", "image", "stage1", "trust", "policy"),
    "The host": (
        *("network", "secret", "check-host", "selinux", "tpm", "config", "metrics"),
        *("metadata-service", "api-service", "version", "completion", "help"),
    ),
}
LAST = """
A first pod:
  podwright trust --prefix=example.com/redis key.asc
  podwright run example.com/redis:7 --port=6379-tcp:6379

'podwright COMMAND --help' explains a command, 'podwright help --man COMMAND | man -l -' as a manual page.
"""


def overview() -> str:
    """What `podwright help` prints."""
    shown = {verb.name: verb for verb in verbs.every() if not verb.hidden}
    width = max(len(name) for name in shown) + 2
    parts = [FIRST.format(version=__version__)]
    for title, names in grouped(tuple(shown)):
        parts.append(f"\n{title}:\n")
        parts += [f"  {name:<{width}}{shown[name].summary}\n" for name in names]
    return "".join((*parts, "\nGlobal options:\n", _table(options.GLOBAL), LAST))


def grouped(names: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    """Verbs by what they are for; each stands once."""
    rest = [name for name in names if not any(name in group for group in GROUPS.values())]
    found = [(title, [n for n in group if n in names]) for title, group in GROUPS.items()]
    found[-1][1].extend(rest)
    return found


def of_verb(verb: Verb) -> str:
    """What `podwright VERB --help` prints."""
    parts = [f"podwright {verb.name}: {verb.summary}\n\nUsage: podwright {verb.name}"]
    parts.append(
        (" [OPTIONS]" if verb.options else "") + (f" {verb.usage}" if verb.usage else "") + "\n"
    )
    if verb.description:
        parts.append(f"\n{verb.description}\n")
    pod = tuple(option for option in verb.options if not option.per_app)
    app = tuple(option for option in verb.options if option.per_app)
    if pod:
        parts.append("\nOptions:\n" + _table(pod))
    if app:
        parts.append("\nOptions of the app before them:\n" + _table(app))
    subs = [sub for sub in verbs.subs_of(verb) if not sub.hidden]
    if subs:
        parts.append("\nSub-commands:\n")
        parts += [f"  {sub.name:<14}{sub.summary}\n" for sub in subs]
    if verb.examples:
        parts.append("\nExamples:\n" + "".join(f"  {line}\n" for line in verb.examples))
    return "".join(parts) + "\nGlobal options: see 'podwright help'.\n"


def shown_options(items: tuple[Option, ...]) -> list[Option]:
    """Those that people should know of: no older spellings."""
    return [item for item in items if not (item.hidden or item.deprecated)]


def flag(item: Option) -> str:
    """`--name=VALUE`, as it is typed."""
    if not item.metavar:
        return f"--{item.name}"
    equals = f"[={item.metavar[1:]}" if item.metavar.startswith("[") else f"={item.metavar}"
    return f"--{item.name}{equals}"


def _table(items: tuple[Option, ...]) -> str:
    rows = []
    for item in shown_options(items):
        extra = " (repeatable)" if item.repeat else ""
        extra += f" [{item.default}]" if item.default else ""
        rows.append((flag(item), item.help + extra))
    width = min(34, max(len(flag) for flag, _ in rows) + 2)
    return "".join(f"  {flag:<{width}}{text}\n" for flag, text in rows)


def run(context: Context, args: Arguments) -> int:
    """`podwright help [COMMAND]`, also of a sub-command; as text or as manual pages."""
    from podwright.cli.context import say

    if args.given("write"):
        from podwright.cli import shipped

        for path in shipped.write(args.text("write")):
            say(path)
        return 0
    verb = None
    if args.rest:
        verb = verbs.find_verb(args.rest[0])
        if len(args.rest) > 1 and verbs.subs_of(verb):
            verb = verbs.find_sub(verb, args.rest[1])
    if args.true("man"):
        from podwright.cli import manpage

        text = manpage.of_verb(verb) if verb else manpage.overview()
    else:
        text = of_verb(verb) if verb else overview()
    say(text.rstrip("\n"))
    return 0
