# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line that rkt had, verb by verb and flag by flag: each is here, or docs/cli.md says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwright.cli import options, verbs
from podwright.cli.options import Option, Verb
from podwright.values import replace

DOCS = " ".join((Path(__file__).parents[3] / "docs/cli.md").read_text().split())

STAGE1 = "stage1-path stage1-url stage1-name stage1-hash stage1-from-dir"
POD = (
    f"{STAGE1} port inherit-env set-env set-env-file no-overlay private-users pull-policy store-only"
    " no-store pod-manifest volume"
)
NAMES = "dns dns-search dns-opt dns-domain hosts-entry hostname"
APP = (
    "name exec working-dir readonly-rootfs mount user group supplementary-gids environment annotation"
    " user-annotation user-label memory cpu cpu-shares oom-score-adj caps-retain caps-remove cap-retain"
    " cap-remove seccomp signature stdin stdout stderr"
)
THEIRS = {
    "run": f"{POD} {NAMES} {APP} net interactive ipc mds-register uuid-file-save",
    "prepare": f"{POD} {APP} quiet",
    "run-prepared": f"{NAMES} net interactive ipc mds-register",
    "fetch": "full signature pull-policy store-only no-store",
    "trust": "prefix root skip-fingerprint-review insecure-allow-http",
    "list": "full no-legend format",
    "status": "wait wait-ready format uuid-file",
    "cat-manifest": "pretty-print uuid-file",
    "enter": "app",
    "attach": "app mode",
    "stop": "force uuid-file",
    "rm": "uuid-file",
    "gc": "grace-period expire-prepared mark-only",
    "export": "app overwrite",
    "image list": "fields sort order full no-legend format",
    "image rm": "",
    "image gc": "grace-period",
    "image fetch": "full signature pull-policy store-only no-store",
    "image cat-manifest": "pretty-print",
    "image export": "overwrite",
    "image extract": "rootfs-only overwrite",
    "image render": "rootfs-only overwrite",
    "image verify": "",
    "app sandbox": (
        f"net {NAMES} port annotation user-annotation user-label no-overlay uuid-file-save {STAGE1}"
    ),
    "app add": f"{APP} mnt-volume",
    "app start": "app",
    "app stop": "app",
    "app rm": "app",
    "app list": "no-legend",
    "app status": "app format",
    "app exec": "app",
    "metadata-service": "listen-port",
    "api-service": "listen",
    "config": "pretty-print",
    "version": "",
    "completion": "",
    "help": "",
}
"""Every verb of rkt 1.30 and its flags (behaviour.md E)."""
OLDER = {"run": "private-net stage1-image", "run-prepared": "private-net"}
"""Spellings that rkt itself had given up."""
GLOBAL = (
    "debug dir system-config local-config user-config insecure-options trust-keys-from-https cpuprofile"
    " memprofile"
)
NOT_HERE: dict[str, str] = {}
"""`VERB --flag`, and the words of docs/cli.md that say why it is not there."""
DEFAULTS = {
    "run --net": "default",
    "run --pull-policy": "new",
    "run --ipc": "auto",
    "fetch --pull-policy": "update",
    "gc --grace-period": "30m",
    "gc --expire-prepared": "24h",
    "image gc --grace-period": "24h",
    "image list --sort": "importtime",
    "image list --order": "asc",
    "cat-manifest --pretty-print": "true",
    "image cat-manifest --pretty-print": "true",
    "config --pretty-print": "true",
    "metadata-service --listen-port": "18112",
    "api-service --listen": "localhost:15441",
}
OURS = (
    *("logs", "top", "restart", "start", "history", "rollback", "apply", "check-host", "metrics"),
    *("policy check", "network list", "network inspect", "network check", "selinux verify"),
    *("trust list", "trust remove", "image build", "image sign", "image push", "image publish"),
    *("stage1 build", "pull", "bundle make", "bundle push", "bundle show"),
)
"""Verbs that rkt had not."""
NO_FACTS = {
    "run": "its output is the pod's",
    "run-prepared": "its output is the pod's",
    "enter": "its output is the command's",
    "app exec": "its output is the command's",
    "app sandbox": "it prints the UUID and stays",
    "attach": "its output is the app's",
    "logs": "has forms of its own",
    "metrics": "prints OpenMetrics text",
    "metadata-service": "answers over its sockets",
    "api-service": "answers over its socket",
    "completion": "prints a script",
    "help": "prints text for people",
}
"""Verbs without --format, and why."""


def verb_of(words: str) -> Verb:
    """A verb or sub-verb by its whole name."""
    first, _, second = words.partition(" ")
    verb = verbs.find_exact(first)
    return replace(verbs.find_sub(verb, second)) if second else verb


def option_of(words: str) -> Option:
    """`VERB --flag` in our tables."""
    verb, _, flag = words.rpartition(" --")
    return options.table(verb_of(verb).options)[flag]


def everything() -> dict[str, Verb]:
    """All verbs that people see, with sub-verbs, by their whole names."""
    found = {}
    for verb in verbs.every():
        if verb.hidden:
            continue
        subs = [sub for sub in verbs.subs_of(verb) if not sub.hidden and sub.name != "fetch"]
        if not subs or verb.name == "trust":
            found[verb.name] = verb
        for sub in subs:
            found[f"{verb.name} {sub.name}"] = sub
    return found


@pytest.mark.parametrize("verb", THEIRS)
def test_every_verb_of_rkts_takes_every_flag_that_it_had(verb: str) -> None:
    taken = options.table(verb_of(verb).options)
    for flag in f"{THEIRS[verb]} {OLDER.get(verb, '')}".split():
        why = NOT_HERE.get(f"{verb} --{flag}")
        assert flag in taken or (why and why in DOCS), f"{verb} --{flag}"
        if flag in taken and taken[flag].deprecated:
            assert taken[flag].deprecated.partition("=")[0] in taken


def test_nothing_is_said_to_be_missing_that_is_there() -> None:
    for words, why in NOT_HERE.items():
        verb, _, flag = words.rpartition(" --")
        assert flag not in options.table(verb_of(verb).options)
        assert why in DOCS


def test_every_global_flag_of_rkts() -> None:
    assert set(GLOBAL.split()) <= set(options.table(options.GLOBAL))


@pytest.mark.parametrize("words", DEFAULTS)
def test_defaults(words: str) -> None:
    assert option_of(words).default == DEFAULTS[words]


@pytest.mark.parametrize("name", everything())
def test_docs_know_every_verb(name: str) -> None:
    assert f"`{name}`" in DOCS


@pytest.mark.parametrize("words", OURS)
def test_verbs_of_ours(words: str) -> None:
    assert words in everything()


@pytest.mark.parametrize("name", everything())
def test_every_verb_that_names_a_pod_takes_a_uuid_file(name: str) -> None:
    verb = everything()[name]
    first = verb.usage.strip("[").split(" ")[0].rstrip(".]")
    if first in ("POD", "UUID"):
        assert "uuid-file" in options.table(verb.options)


@pytest.mark.parametrize("name", everything())
def test_every_verb_that_prints_facts_prints_them_as_json(name: str) -> None:
    taken = options.table(everything()[name].options)
    if name in NO_FACTS:
        assert NO_FACTS[name] in DOCS
    else:
        assert {"json", "json-pretty"} <= set(taken["format"].choices)


@pytest.mark.parametrize("name", everything())
def test_every_verb_teaches(name: str) -> None:
    verb = everything()[name]
    assert verb.summary[:1].isupper() and not verb.summary.endswith(".")
    assert any("podwright " in line for line in verb.examples)
    for option in verb.options:
        assert option.help or option.deprecated
        assert not option.help.endswith(".") or option.help.endswith("...")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("versio", "version"),
        ("run-", "run-prepared"),
        ("run", "run"),
        ("meta", "metadata-service"),
        ("cat", "cat-manifest"),
    ],
)
def test_a_unique_beginning_is_enough(typed: str, meant: str) -> None:
    assert verbs.find_verb(typed).name == meant


@pytest.mark.parametrize(
    ("verb", "typed", "meant"),
    [
        ("image", "li", "image list"),
        ("image", "ver", "image verify"),
        ("app", "sa", "app sandbox"),
        ("network", "ins", "network inspect"),
    ],
)
def test_also_of_a_sub_verb(verb: str, typed: str, meant: str) -> None:
    assert verbs.find_sub(verbs.find_exact(verb), typed).name == meant
