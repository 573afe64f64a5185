# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes as flags."""

from __future__ import annotations

import pytest

from podwright.cli import probes
from podwright.errors import UsageError
from podwright.model import probe
from podwright.model.fields import Fields
from podwright.model.probe import LIVENESS, READINESS, STARTUP, Probe


@pytest.mark.parametrize(
    ("text", "role", "expected"),
    [
        ("tcp:6379", LIVENESS, Probe("tcp", port="6379")),
        ("tcp:redis", STARTUP, Probe("tcp", port="redis", interval=1.0, failure_threshold=60)),
        ("http:80", READINESS, Probe("http", port="80")),
        ("http:80/", READINESS, Probe("http", port="80")),
        (
            "http:web/a%2Cb?c=d,interval=500ms,timeout=2,success-threshold=2,initial-delay=1m",
            READINESS,
            Probe(
                "http",
                port="web",
                path="/a%2Cb?c=d",
                interval=0.5,
                timeout=2.0,
                success_threshold=2,
                initial_delay=60.0,
            ),
        ),
        (
            "http:80/x,host=example.com:80,address=::1,header=B: c d,header=A:1",
            LIVENESS,
            Probe(
                "http",
                port="80",
                path="/x",
                host="example.com:80",
                address="::1",
                headers=(("A", "1"), ("B", "c d")),
            ),
        ),
        (
            "exec:/bin/sh -c a,b=c,interval=9,failure-threshold=1",
            LIVENESS,
            Probe("exec", exec=("/bin/sh", "-c", "a,b=c"), interval=9.0, failure_threshold=1),
        ),
    ],
)
def test_a_probe_is_its_target_and_what_differs_from_the_defaults(
    text: str, role: str, expected: Probe
) -> None:
    found = probes.parse(text, role)
    assert found == expected
    assert probe.parse(Fields(probe.dump(found, role), "x"), role) == found


@pytest.mark.parametrize(
    ("text", "role", "message"),
    [
        ("", LIVENESS, "--liveness: '' is not a probe"),
        ("8080", LIVENESS, "'8080' is not a probe"),
        ("https:443/", LIVENESS, "speaks plain HTTP only"),
        ("tcp:", LIVENESS, "'' is not a port"),
        ("tcp:0", LIVENESS, "'0' is not a port"),
        ("tcp:65536", LIVENESS, "'65536' is not a port"),
        ("tcp:80/x", LIVENESS, "'80/x' is not a port"),
        ("exec:", LIVENESS, "exec names no program"),
        ("tcp:80,host=a", LIVENESS, "host is nothing for tcp"),
        ("exec:/x,header=A: b", LIVENESS, "header is nothing for exec"),
        ("tcp:80,interval=1,interval=2", LIVENESS, "interval is said twice"),
        ("tcp:80,interval=0", LIVENESS, "--liveness.interval: must be a number of seconds"),
        ("tcp:80,interval=x", LIVENESS, "'x' is not a duration"),
        ("tcp:80,failure-threshold=0", LIVENESS, "0 is not between 1 and"),
        ("tcp:80,failure-threshold=-1", LIVENESS, "is not a number"),
        ("tcp:80,success-threshold=2", LIVENESS, "success_threshold of liveness is always 1"),
        ("http:80/a b", READINESS, "is not the path of a request"),
        ("http:80/\x1b[1m", READINESS, r"\x1b"),
        ("http:80/,header=A b: c", READINESS, "is not a header"),
        ("http:80/,header=A: b\r\nC: d", READINESS, "is not a header"),
        ("http:80/,header=Connection: keep-alive", READINESS, "is the probe's own"),
        ("http:80/,host=a b", READINESS, "is not a host name"),
        ("http:80/x,intervall=5s", READINESS, "'intervall' is not an option of a probe"),
        ("http:80/x,bogus=1", READINESS, "'bogus' is not an option of a probe"),
        ("http:80/a,b?c=d,interval=5s", READINESS, "is not an option of a probe"),
        ("tcp:80,bogus=1", LIVENESS, "'bogus' is not an option of a probe"),
        ("exec:/bin/check,intervall=5s", LIVENESS, "'intervall' is not an option of a probe"),
        ("http:80/,address=localhost", READINESS, "'localhost' is not an IP address"),
    ],
)
def test_refused(text: str, role: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        probes.parse(text, role)
    assert message in caught.value.message
    assert caught.value.message.isprintable()


def test_a_misspelt_option_is_no_part_of_the_path() -> None:
    with pytest.raises(UsageError) as caught:
        probes.parse("http:80/x,intervall=5s", READINESS)
    assert caught.value.hint.startswith("did you mean interval=? write a comma in a path as %2C")
