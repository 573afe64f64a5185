# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarative command lines: one table gives parsing, --help, completion and man pages.

argparse is not used because the multi-image syntax (`IMAGE flags -- args --- IMAGE2`) binds flags
to the image before them, and because it costs a fifth of a pod's start time.
"""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.text import safe
from podwright.values import value


@value
class Option:
    """One flag.

    metavar   what stands after `=`; "" makes it a boolean; in brackets: may be left out
    default   shown in help and used when absent ("" = none)
    repeat    may be given several times
    per_app   belongs to the image before it (run, prepare)
    choices   the only words accepted
    deprecated  an older spelling: what to write instead, NAME or (of a boolean) NAME=VALUE
    hidden    works and is not shown
    short     a letter that stands for it after a single dash
    """

    name: str
    help: str
    metavar: str = ""
    default: str = ""
    repeat: bool = False
    per_app: bool = False
    choices: tuple[str, ...] = ()
    deprecated: str = ""
    hidden: bool = False
    short: str = ""


@value
class Verb:
    """One sub-command: its words in help, and the module (below podwright.cli) that does it."""

    name: str
    module: str
    summary: str
    usage: str
    options: tuple[Option, ...] = ()
    description: str = ""
    examples: tuple[str, ...] = ()
    hidden: bool = False
    words: int = 0
    """Positional arguments after which everything is taken as it is; 0 = flags may stand anywhere."""


class Arguments:
    """Parsed flags; absent ones have their default. `rest` are the positional arguments.

    old  sentences about deprecated spellings that were used
    """

    def __init__(self) -> None:
        self.flags: dict[str, list[str]] = {}
        self.rest: list[str] = []
        self.old: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """The last value of a flag."""
        found = self.flags.get(name)
        return found[-1] if found else default

    def texts(self, name: str) -> list[str]:
        """All values of a repeatable flag, in order."""
        return self.flags.get(name, [])

    def true(self, name: str) -> bool:
        """Whether a boolean flag is set."""
        return self.text(name, "false") == "true"

    def given(self, name: str) -> bool:
        """Whether the flag was on the command line."""
        return name in self.flags


GLOBAL = (
    Option("debug", "print details, and the whole trace of an error"),
    Option("dir", "where images and pods are kept", "DIR", "/var/lib/podwright"),
    Option("system-config", "shipped configuration", "DIR", "/usr/lib/podwright"),
    Option("local-config", "the administrator's configuration", "DIR", "/etc/podwright"),
    Option("user-config", "configuration read last", "DIR"),
    Option(
        "insecure-options",
        "checks to lift: image, tls, http, pubkey, capabilities, paths, seccomp, all-fetch, all-run, all",
        "LIST",
        "none",
        repeat=True,
    ),
    Option("trust-keys-from-https", "accept keys that discovery offers over https"),
    Option("cpuprofile", "write where the time went (pstats)", "FILE", hidden=True),
    Option("memprofile", "write where the memory went (tracemalloc)", "FILE", hidden=True),
    Option("help", "show help"),
)


def take(argv: list[str], index: int, options: dict[str, Option], into: Arguments) -> int:
    """Read the flag at argv[index] into `into`; return the index of the next argument.

    Accepts --name=value, --name value, and for booleans --name and --name=false.
    """
    word = argv[index]
    name, equals, text = word[2:].partition("=") if word.startswith("--") else (word, "", "")
    if word == "-h":
        name = "help"
    elif len(word) == 2 and word[1] != "-":
        name = next((each.name for each in options.values() if each.short == word[1]), name)
    option = options.get(name)
    if option is None:
        raise _unknown(word.partition("=")[0], options)
    index += 1
    if not option.metavar:
        text = text if equals else "true"
        if text not in ("true", "false"):
            raise UsageError(f"--{name} is true or false, not {safe(text, 40)!r}")
    elif option.metavar.startswith("[") and not equals:
        text = option.default or "true"
    elif not equals:
        if index >= len(argv):
            raise UsageError(f"--{name} needs a value: --{name}={option.metavar}")
        text = argv[index]
        index += 1
    if option.deprecated:
        into.old.append(f"--{name} is now --{option.deprecated}")
        if text == "false" and not option.metavar:
            return index
        name, says, fixed = option.deprecated.partition("=")
        option, text = options[name], fixed if says else text
    if option.choices and text not in option.choices:
        words = ", ".join(word for word in option.choices if word)
        raise UsageError(f"--{name} is one of {words}, not {safe(text, 40)!r}")
    if name in into.flags and not option.repeat and option.metavar:
        raise UsageError(f"--{name} is given twice", "also by an older name" if into.old else "")
    into.flags.setdefault(name, []).append(text)
    return index


ELSEWHERE = {
    "tail": "lines",
    "n": "lines",
    "env": "environment",
    "e": "environment",
    "publish": "port",
    "p": "port",
    "network": "net",
    "workdir": "working-dir",
    "w": "working-dir",
    "entrypoint": "exec",
    "read-only": "readonly-rootfs",
    "cidfile": "uuid-file-save",
    "v": "volume",
    "o": "format",
    "output": "format",
    "container": "app",
    "time": "grace-period",
    "isolation": "stage1-name",
    "runtime": "stage1-name",
}
"""How other tools call what we have: what is meant by it here."""


def _unknown(word: str, options: dict[str, Option]) -> UsageError:
    """The error for a flag that does not exist; its value is not repeated, it may be a secret."""
    import difflib

    name = word.lstrip("-")
    shown = [one.name for one in options.values() if not one.hidden]
    close = [ELSEWHERE[name]] if ELSEWHERE.get(name) in shown else []
    close = close or difflib.get_close_matches(name, shown, 1)
    theirs = {} if close else {one: ours for one, ours in ELSEWHERE.items() if ours in shown}
    close = close or [theirs[one] for one in difflib.get_close_matches(name, theirs, 1, 0.8)]
    hint = f"did you mean --{close[0]}?" if close else "--help lists the options"
    return UsageError(f"unknown option {safe(word, 60)}", hint, object=safe(word, 60))


def table(*groups: tuple[Option, ...]) -> dict[str, Option]:
    """Options by name."""
    return {option.name: option for group in groups for option in group}


def parse(argv: list[str], verb: Verb, globals_: Arguments) -> Arguments:
    """Parse a verb's flags and positionals; global flags may stand here too. `--` ends flags."""
    own, shared = table(verb.options), table(GLOBAL)
    args = Arguments()
    index = 0
    while index < len(argv):
        word = argv[index]
        if verb.words and len(args.rest) + args.given("uuid-file") == verb.words:
            args.rest += argv[index:]
            break
        if word == "--":
            args.rest += argv[index + 1 :]
            break
        if word.startswith("-") and word != "-":
            name = "help" if word == "-h" else word[2:].partition("=")[0]
            target = globals_ if name in shared and name not in own else args
            index = take(argv, index, {**shared, **own}, target)
        else:
            args.rest.append(word)
            index += 1
    return args


TELL_MORE = ("app sandbox",)
"""Verbs that say themselves what to do with arguments that they do not take."""


def check_rest(verb: Verb, args: Arguments) -> None:
    """Refuse arguments of a verb that has none. Raises UsageError."""
    if verb.name in TELL_MORE:
        return
    if args.rest and not verb.hidden and not any(map(_is_named, verb.usage.split())):
        raise UsageError(
            f"{verb.name} takes no arguments, and was given {safe(args.rest[0], 60)!r}",
            "--help shows what it takes",
        )


def _is_named(word: str) -> bool:
    """Whether a word of a usage stands for an argument, and not for an option."""
    return not word.lstrip("[(").startswith("-")


def split(text: str, what: str) -> dict[str, str]:
    """Read `a=1,b=2`; a bare word counts as `word=`. Repeats are refused."""
    out: dict[str, str] = {}
    for part in text.split(","):
        key, _, content = part.partition("=")
        if not key or key in out:
            raise UsageError(f"{what}: {safe(text, 80)!r} has an empty or repeated key")
        out[key] = content
    return out
