# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that prints errors and decides the exit status.

Exit codes (behaviour.md E): 0 success, 254 any error of the agent, 2 no command given; `run` and its
like return the workload's status.
"""

from __future__ import annotations

import os
import sys

from podwright.cli import options
from podwright.errors import PodwrightError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from podwright.cli.options import Verb

ERROR = 254
ERRORS = "PODWRIGHT_ERRORS"
"""The variable by which programs ask for errors as JSON, too (`podwright.failures`)."""


def main(argv: list[str]) -> int:
    """Run one command line; returns the exit status. Catches everything there is to catch."""
    _sane_descriptors()
    asked = os.environ.pop(ERRORS, "") == "json"  # no process that we start is meant by it
    own = argv[: argv.index("--")] if "--" in argv else argv
    debug = "--debug" in own or "--debug=true" in own
    try:
        status = _dispatch(argv)
        sys.stdout.flush()
        return status
    except PodwrightError as err:
        return _fail(err.sentence(), err, debug, asked, status=err.status)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return ERROR
    except KeyboardInterrupt:
        return _fail("interrupted", KeyboardInterrupt(), False, asked, status=130)
    except OSError as err:
        where = f": {err.filename!r}" if err.filename else ""
        return _fail(f"{err.strerror or err}{where}", err, debug, asked)
    except UnicodeEncodeError as err:
        bad = err.object[err.start : err.end]
        return _fail(f"text that is not valid UTF-8 cannot be used ({bad!a})", err, debug, asked)
    except RecursionError as err:
        return _fail("the input is nested too deeply", err, debug, asked)
    except MemoryError:
        return _fail("not enough memory", MemoryError(), False, asked)
    except Exception as err:
        sentence = (
            f"internal error: {type(err).__name__}: {err}; --debug shows where, please report it"
        )
        return _fail(sentence, err, debug, asked)


def leave(status: int) -> NoReturn:
    """End the process at once: taking the interpreter apart in order costs a pod start 2 ms."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue  # `main` has said what there was to say
    os._exit(status if 0 <= status <= 255 else ERROR)  # else 256 would be success


def _fail(sentence: str, err: object, debug: bool, asked: bool, status: int = ERROR) -> int:
    from podwright.text import safe

    if debug and isinstance(err, BaseException):
        import traceback

        traceback.print_exception(type(err), err, err.__traceback__)
    said = f"podwright: {safe(sentence, 1000)}\n"
    if asked:
        from podwright import failures

        said += failures.line(err, sentence)
    for stream, text in ((sys.stdout, ""), (sys.stderr, said)):
        try:
            stream.write(text)
            stream.flush()
        except OSError:
            continue
    return status


def _sane_descriptors() -> None:
    """Open /dev/null where 0, 1 or 2 are closed, so that no file of the store gets these numbers.

    Modes of files are ours to decide, too, not the caller's umask's.
    """
    os.umask(0o022)
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  until we end


def _dispatch(argv: list[str]) -> int:
    globals_ = options.Arguments()
    known = options.table(options.GLOBAL)
    index = 0
    while index < len(argv) and argv[index].startswith("-"):
        if argv[index] == "--version":
            argv = [*argv[:index], "version"]
            break
        index = options.take(argv, index, known, globals_)
    from podwright.cli import verbs

    if index >= len(argv):
        from podwright.cli import help as help_

        sys.stdout.write(help_.overview())
        return 0 if globals_.true("help") else 2
    verb = verbs.find_verb(argv[index])
    rest = argv[index + 1 :]
    if verb.name in GROUPS:
        verb, rest = _sub_verb(verb, rest, globals_)
    return _call(verb, rest, globals_)


def _sub_verb(verb: Verb, rest: list[str], globals_: options.Arguments) -> tuple[Verb, list[str]]:
    """The sub-command and what follows it; `trust` is a command of its own too."""
    from podwright.cli import verbs

    subs = verbs.subs_of(verb)
    if verb.name == "trust":
        if rest and rest[0] in [sub.name for sub in subs]:
            return verbs.find_sub(verb, rest[0]), rest[1:]
        return verb, rest
    known = options.table(options.GLOBAL)
    index = 0
    while index < len(rest) and rest[index].startswith("-"):
        index = options.take(rest, index, known, globals_)
    if index >= len(rest):
        if globals_.true("help"):
            return verb, []
        names = ", ".join(sub.name for sub in subs if not sub.hidden)
        raise UsageError(f"{verb.name} needs a sub-command", f"one of {names}")
    return verbs.find_sub(verb, rest[index]), rest[index + 1 :]


STARTERS = ("run", "run-prepared", "supervise", "resume")
REFUSERS = ("fetch", "prepare", "run", "run-prepared", "supervise")
"""Whose refusals are counted for monitoring, besides those of `apply`."""
GROUPS = (
    "app",
    "bundle",
    "image",
    "network",
    "policy",
    "secret",
    "selinux",
    "stage1",
    "tpm",
    "trust",
)
"""Verbs that have sub-commands."""
STATUS_1 = ("app sandbox", "app list", "app status")
"""Verbs whose errors end with 1, as rkt's do (E)."""


def _call(verb: Verb, rest: list[str], globals_: options.Arguments) -> int:
    from podwright.cli import context

    apart = globals_.true("debug") or any(word.startswith(("--dir", "--debug")) for word in rest)
    if verb.name in STARTERS and not apart:
        from podwright import modulecache

        modulecache.use(f"{context.build(globals_).layout.data}/cache")
    multi_image = verb.name in ("run", "prepare", "fetch", "app add")
    args = options.Arguments() if multi_image else options.parse(rest, verb, globals_)
    asked = globals_.true("help") or (multi_image and _asks_help(rest))
    if multi_image and not asked:
        from podwright.cli import apps

        args = apps.parse(rest, verb, globals_)
        asked = globals_.true("help")
    if asked:
        from podwright.cli import help as help_

        sys.stdout.write(help_.of_verb(verb))
        return 0
    module = __import__(f"podwright.cli.{verb.module}", fromlist=["run"])
    name = verb.name.split(" ")[1].replace("-", "_") if " " in verb.name else "run"
    handler = getattr(module, f"{name}_" if name in ("list", "rm", "exec") else name)
    _tell_old(globals_, args)
    if globals_.given("cpuprofile") or globals_.given("memprofile"):
        from podwright.cli import profiles

        handler = profiles.around(handler, globals_)
    try:
        options.check_rest(verb, args)
        status: int = handler(context.build(globals_), args)
    except PodwrightError as err:
        err.status = 1 if verb.name in STATUS_1 else err.status
        if verb.name in REFUSERS:
            from podwright.host import counters

            counters.refused(context.build(globals_).layout, err.stage, err.reason)
        raise
    return status


def _tell_old(globals_: options.Arguments, args: options.Arguments) -> None:
    """One note for each older spelling that was used."""
    found = [*globals_.old, *args.old]
    for _, own, _ in getattr(args, "apps", ()):
        found += own.old
    for text in dict.fromkeys(found):
        from podwright.cli.context import note

        note(f"deprecated: {text}")


def _asks_help(rest: list[str]) -> bool:
    """Whether --help stands before the app's own arguments."""
    before = rest[: rest.index("--")] if "--" in rest else rest
    return "--help" in before or "-h" in before
