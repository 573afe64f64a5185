# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an app reads from and writes to: what can be said, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from podwright.errors import UsageError
from podwright.model import life
from podwright.model.fields import Fields
from podwright.model.streams import PLAIN, LogLimits, Streams, limits_of, of_fields


def test_what_is_so_anyway_says_nothing() -> None:
    assert of_fields(Fields({}, "app")) is None
    assert of_fields(Fields({"stdin": "null", "stdout": "log"}, "app")) is None


def test_annotations_and_json_give_the_same_again() -> None:
    streams = Streams("stream", "null", "stream", "/var/log/0.log")
    own = life.Life(streams=streams)
    assert life.parse(life.dump(own), "app") == own
    assert life.from_json(life.as_json(own)) == own
    assert dict(life.dump(own))["podwright.io/log-path"] == "/var/log/0.log"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ({"stdin": "tty", "stdout": "stream"}, "tty and stream exclude each other"),
        ({"stdin": "interactive"}, "null, stream, tty"),
        ({"stdout": "file"}, "log, null, stream, tty"),
        ({"log_path": "0.log"}, "is not an absolute path"),
        ({"log_path": "/var/../0.log"}, "is not an absolute path"),
    ],
)
def test_refused(raw: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError) as caught:
        of_fields(Fields(raw, "app"))
    assert why in caught.value.sentence()


def test_what_can_be_attached_to() -> None:
    assert PLAIN.attachable() == ()
    assert Streams("stream", "log", "stream").attachable() == ("stdin", "stderr")
    assert Streams("tty", "tty", "tty").attachable() == ("tty-in", "tty-out")
    assert Streams("null", "tty", "log").attachable() == ("tty-out",)


def test_limits_of_logs() -> None:
    assert limits_of(Fields({}, "pod")) is None
    found = limits_of(Fields({"log": {"max_size": "1Mi", "max_files": 2}}, "pod"))
    assert found == LogLimits(1 << 20, 2)
    assert limits_of(Fields({"log": {}}, "pod")) == LogLimits()
    for wrong in ({"max_size": "1Ki"}, {"max_files": 0}, {"max_files": 1000}, {"more": 1}):
        with pytest.raises(UsageError):
            limits_of(Fields({"log": wrong}, "pod"))
