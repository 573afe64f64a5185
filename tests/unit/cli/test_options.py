# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines of the verbs that take one object (behaviour.md E)."""

from __future__ import annotations

import pytest

from podwright.cli import options, verbs
from podwright.cli.options import Arguments, Option, Verb
from podwright.errors import UsageError

VERB = Verb(
    "try",
    "try",
    "",
    "",
    (
        Option("full", ""),
        Option("file", "", "FILE"),
        Option("var", "", "VAR", repeat=True),
        Option("wait", "", "[DURATION]"),
        Option("format", "", "FORMAT", choices=("", "json", "json-pretty")),
    ),
)


def parse(*argv: str) -> tuple[Arguments, Arguments]:
    """(own flags, global flags)."""
    globals_ = Arguments()
    return options.parse(list(argv), VERB, globals_), globals_


@pytest.mark.parametrize(
    "argv, flags, rest",
    [
        ((), {}, []),
        (("a", "--full", "b"), {"full": ["true"]}, ["a", "b"]),
        (("--full=false",), {"full": ["false"]}, []),
        (("--full", "--full"), {"full": ["true", "true"]}, []),
        (("--file=x=y",), {"file": ["x=y"]}, []),
        (("--file", "x"), {"file": ["x"]}, []),
        (("--file", "--full"), {"file": ["--full"]}, []),
        (("--file=",), {"file": [""]}, []),
        (("--var=1", "--var", "2"), {"var": ["1", "2"]}, []),
        (("--wait", "5s"), {"wait": ["true"]}, ["5s"]),
        (("--wait=5s",), {"wait": ["5s"]}, []),
        (("--format=json",), {"format": ["json"]}, []),
        (("-",), {}, ["-"]),
        (("a", "--", "--full", "-x"), {}, ["a", "--full", "-x"]),
    ],
)
def test_own_flags(argv: tuple[str, ...], flags: dict[str, list[str]], rest: list[str]) -> None:
    args, globals_ = parse(*argv)
    assert (args.flags, args.rest, globals_.flags) == (flags, rest, {})


def test_global_flags_may_stand_anywhere_before_the_double_dash() -> None:
    args, globals_ = parse("a", "--dir=/x", "--full", "--debug", "-h", "--", "--debug")
    assert (args.flags, args.rest) == ({"full": ["true"]}, ["a", "--debug"])
    assert globals_.flags == {"dir": ["/x"], "debug": ["true"], "help": ["true"]}


@pytest.mark.parametrize(
    "argv, message, hint",
    [
        (("--full=yes",), "--full is true or false, not 'yes'", ""),
        (("--file",), "--file needs a value: --file=FILE", ""),
        (("--file=a", "--file=b"), "--file is given twice", ""),
        (("--format=yaml",), "--format is one of json, json-pretty, not 'yaml'", ""),
        (("--fulll",), "unknown option --fulll", "did you mean --full?"),
        (("--flie=x",), "unknown option --flie", "did you mean --file?"),
        (("--formt", "json"), "unknown option --formt", "did you mean --format?"),
        (("--insecure-option=all",), "unknown option --insecure-option", "--insecure-options?"),
        (("--xyzzy",), "unknown option --xyzzy", "--help lists the options"),
        (("-x",), "unknown option -x", "--help lists the options"),
        (("-d",), "unknown option -d", "--help lists the options"),
        (("--\x1b[31m",), "unknown option --\\x1b[31m", "--help lists the options"),
    ],
)
def test_refused(argv: tuple[str, ...], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(*argv)
    assert caught.value.message == message
    assert caught.value.hint.endswith(hint)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("a=1,b=2", {"a": "1", "b": "2"}),
        ("a", {"a": ""}),
        ("a=x=y", {"a": "x=y"}),
        ("mode=retain,@x,read", {"mode": "retain", "@x": "", "read": ""}),
    ],
)
def test_split(text: str, expected: dict[str, str]) -> None:
    assert options.split(text, "--x") == expected


@pytest.mark.parametrize("text", ["", "a,", ",a", "=1", "a=1,a=2", "a,a"])
def test_no_empty_or_repeated_keys(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--x: .* has an empty or repeated key"):
        options.split(text, "--x")


@pytest.mark.parametrize(
    "word, name", [("run", "run"), ("li", "list"), ("stat", "status"), ("run-p", "run-prepared")]
)
def test_a_unique_prefix_of_a_verb_is_enough(word: str, name: str) -> None:
    assert verbs.find_verb(word).name == name


@pytest.mark.parametrize(
    "word, message",
    [
        ("st", "command 'st' is ambiguous; it may be start, status, stop, stage1"),
        ("c", "command 'c' is ambiguous; it may be cat-manifest, config, check-host, completion"),
        ("begin", "unknown command 'begin'; podwright help lists the commands"),
        ("superv", "unknown command 'superv'; podwright help lists the commands"),
    ],
)
def test_no_verb(word: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        verbs.find_verb(word)
    assert caught.value.sentence() == message


def test_no_verb_has_a_flag_twice_or_one_that_hides_a_global_one() -> None:
    shared = set(options.table(options.GLOBAL))
    subs = [sub for verb in verbs.every() for sub in verbs.subs_of(verb)]
    for verb in (*verbs.every(), *subs):
        names = [option.name for option in verb.options]
        assert len(names) == len(set(names)), verb.name
        assert not shared & set(names), verb.name
