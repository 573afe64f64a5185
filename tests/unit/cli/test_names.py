# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""--dns, --dns-domain, --dns-search, --dns-opt and --hosts-entry (behaviour.md B7)."""

from __future__ import annotations

import pytest

from podwright.cli import apps, run_prepared, verbs
from podwright.cli.options import Arguments, table, take
from podwright.errors import UsageError
from podwright.model.podnames import PodNames


def names(*argv: str) -> PodNames | None:
    """What `podwright run ARGV IMAGE` says about names."""
    parsed = apps.parse([*argv, "image"], verbs.find_verb("run"), Arguments())
    return apps.pod_spec(parsed, frozenset()).names


@pytest.mark.parametrize(
    "line, expected",
    [
        ("", None),
        ("--dns=192.0.2.53 --dns 2001:db8::53", PodNames(servers=("192.0.2.53", "2001:db8::53"))),
        ("--dns=192.0.2.53,192.0.2.54", PodNames(servers=("192.0.2.53", "192.0.2.54"))),
        ("--dns=host", PodNames("host")),
        ("--dns=none --hosts-entry=host", PodNames("none", hosts="host")),
        (
            "--dns-domain=d --dns-search=a --dns-search=b --dns-opt=ndots:2 --dns-opt=rotate",
            PodNames(domain="d", search=("a", "b"), options=("ndots:2", "rotate")),
        ),
        ("--hosts-entry=192.0.2.7=db", PodNames(entries=(("192.0.2.7", ("db",)),))),
        (
            "--hosts-entry=192.0.2.7=db,::1=six --hosts-entry 192.0.2.8=a",
            PodNames(entries=(("192.0.2.7", ("db",)), ("::1", ("six",)), ("192.0.2.8", ("a",)))),
        ),
        (
            "--hosts-entry=192.0.2.7=db,db2,db3",
            PodNames(entries=(("192.0.2.7", ("db", "db2", "db3")),)),
        ),
    ],
)
def test_what_is_understood(line: str, expected: PodNames | None) -> None:
    assert names(*line.split()) == expected


@pytest.mark.parametrize(
    "line, message",
    [
        ("--dns=host --dns=192.0.2.53", "--dns=host and another --dns exclude each other"),
        ("--dns=host,none", "--dns=host and another --dns exclude each other"),
        ("--dns=none --dns-opt=rotate", "--dns=none and --dns-opt exclude each other"),
        ("--dns=host --dns-search=a", "--dns=host and --dns-search exclude each other"),
        ("--hosts-entry=host --hosts-entry=192.0.2.7=a", "--hosts-entry=host and another"),
        ("--dns=example.com", "--dns: 'example.com' is not an IP address"),
        ("--dns=", "--dns: '' is not an IP address"),
        ("--dns-search=-bad", "--dns-search: '-bad' is not a host or domain name"),
        ("--dns-domain=-bad", "--dns-domain: '-bad' is not a host or domain name"),
        ("--dns-opt=x", "--dns-opt: 'x' is not an option"),
        ("--hosts-entry=db", "--hosts-entry: 'db' is not IP=NAME[,IP=NAME...] or host"),
        ("--hosts-entry=192.0.2.7=", "is not IP=NAME"),
        ("--hosts-entry==a", "is not IP=NAME"),
        ("--hosts-entry=192.0.2.7=a,", "is not IP=NAME"),
        ("--hosts-entry=192.0.2.7=a,host", None),
        ("--hosts-entry=db=192.0.2.7", "--hosts-entry: 'db' is not an IP address"),
    ],
)
def test_what_is_refused(line: str, message: str | None) -> None:
    if message is None:
        assert names(*line.split()) is not None
        return
    with pytest.raises(UsageError) as caught:
        names(*line.split())
    assert message in caught.value.message


def test_run_prepared_takes_them_and_prepare_does_not() -> None:
    args = Arguments()
    known = table(verbs.find_verb("run-prepared").options)
    take(["--dns=192.0.2.53"], 0, known, args)
    take(["--hosts-entry=host"], 0, known, args)
    assert run_prepared._overrides(args) == {
        "names": {"dns": {"servers": ["192.0.2.53"]}, "hosts": "host"}
    }
    with pytest.raises(UsageError, match="prepare takes no --dns"):
        apps.parse(["--dns=host", "image"], verbs.find_verb("prepare"), Arguments())
