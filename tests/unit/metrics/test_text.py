# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both formats are read back by the parsers of those who use them, whatever is in a label."""

from __future__ import annotations

import pytest
from prometheus_client import parser as older
from prometheus_client.openmetrics import parser as openmetrics

from podwright.metrics import pods
from podwright.metrics.text import OPENMETRICS, PROMETHEUS, Family, render

FAMILIES = (
    Family("podwright_agent", "info", "The agent", (((("version", "1"),), 1),)),
    Family(
        "podwright_pod_cpu_seconds",
        "counter",
        "CPU",
        (((("pod", "a"),), 1.5), ((("pod", "b"),), 2)),
        "seconds",
    ),
    Family("podwright_unknown", "gauge", "Nobody knows", ()),
)
HOSTILE = (
    'a"b',
    "back\\slash",
    "line\nbreak\rreturn",
    "\x1b[31mred",
    "\u202egpj.exe",
    "} 1\n# EOF",
    "\ud800",
    "x" * 100_000,
    "\\n",
)


def read(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    found = openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return {
        sample.name: [(one.labels, one.value) for one in family.samples]
        for family in found
        for sample in family.samples
    }


def test_openmetrics() -> None:
    assert read(render(FAMILIES, OPENMETRICS)) == {
        "podwright_agent_info": [({"version": "1"}, 1)],
        "podwright_pod_cpu_seconds_total": [({"pod": "a"}, 1.5), ({"pod": "b"}, 2)],
    }


def test_the_older_format_has_no_infos_and_full_names() -> None:
    families = list(older.text_string_to_metric_families(render(FAMILIES, PROMETHEUS)))
    assert [(one.name, one.type) for one in families] == [
        ("podwright_agent_info", "gauge"),
        ("podwright_pod_cpu_seconds", "counter"),
    ]


@pytest.mark.threat("T78")
@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_in_a_label_is_anything_but_a_label(hostile: str) -> None:
    points = (((("pod", hostile), ("app", "web")), 1), ((("pod", "b"), ("app", "web")), 2))
    text = render([Family("podwright_x", "gauge", "X", points)], OPENMETRICS)
    assert text.endswith("\n# EOF\n")
    assert all(char.isprintable() or char == "\n" for char in text)
    assert len(text.splitlines()) == 5
    (first, second) = read(text)["podwright_x"]
    assert (first[0]["app"], first[1], second) == ("web", 1, ({"pod": "b", "app": "web"}, 2))
    assert text == text.encode().decode()


def test_two_points_that_look_the_same_are_one() -> None:
    points = (((("pod", "x" * 300),), 1), ((("pod", "x" * 301),), 2))
    text = render([Family("podwright_x", "gauge", "X", points)], OPENMETRICS)
    assert len(read(text)["podwright_x"]) == 1


def test_times() -> None:
    assert pods.seconds("1970-01-01T00:01:00.250Z") == 60.25
    assert pods.seconds("1970-01-01T00:01:00Z") == 60
    assert [pods.seconds(text) for text in (None, "", "never")] == [None] * 3
