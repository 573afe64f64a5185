# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`@value` keeps what type checkers are told: a frozen dataclass, at no import cost."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

import pytest

import podwright
from podwright.values import replace, value
from podwright.values_json import to_json


@value
class Point:
    x: int
    y: int = 0


@value
class Named(Point):
    name: str = ""
    y: int = 7


@value
class Holder:
    inner: Point
    others: tuple[Point, ...] = ()
    words: frozenset[str] = frozenset()
    table: Optional[dict[str, Any]] = None


@dataclasses.dataclass(frozen=True)
class DataPoint:
    """What `Point` must behave like."""

    x: int
    y: int = 0


def test_fields_come_by_position_or_by_name() -> None:
    assert Point(1, 2) == Point(y=2, x=1) == Point(1, y=2)
    assert Point(3).y == 0


@pytest.mark.parametrize(
    "args, kwargs, complaint",
    [
        ((), {}, "x is missing"),
        ((1, 2, 3), {}, "takes 2 values, got 3"),
        ((1,), {"z": 1}, "field z"),
        ((1,), {"x": 1}, "field x"),
    ],
)
def test_wrong_arguments_are_refused_as_dataclasses_refuse_them(
    args: tuple[int, ...], kwargs: dict[str, int], complaint: str
) -> None:
    with pytest.raises(TypeError):
        DataPoint(*args, **kwargs)
    with pytest.raises(TypeError, match=complaint):
        Point(*args, **kwargs)


def test_base_class_fields_come_first_and_defaults_can_be_overridden() -> None:
    named = Named(1, name="n")
    assert (named.x, named.y, named.name) == (1, 7, "n")
    assert repr(named) == "Named(x=1, y=7, name='n')"
    assert Point(1).y == 0


def replace_type(point: Point) -> object:
    """Something else with the same content."""
    return (point.x, point.y)


def test_equality_is_by_content_and_by_type() -> None:
    assert Point(1) == Point(1) and hash(Point(1)) == hash(Point(1))
    assert Point(1) != Point(2)
    assert Point(1, 7) != Named(1)
    assert Point(1) != replace_type(Point(1))
    assert len({Point(1), Point(1, 0), Point(2)}) == 2


def test_a_value_with_a_table_is_as_unhashable_as_its_table() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Holder(Point(1), table={}))


def test_nothing_can_be_set_or_deleted() -> None:
    for point in (Point(1), DataPoint(1)):
        with pytest.raises(AttributeError):
            point.x = 2  # type: ignore[misc]
        with pytest.raises(AttributeError):
            point.fresh = 2  # type: ignore[union-attr]
        with pytest.raises(AttributeError):
            del point.x
        assert point.x == 1


@pytest.mark.parametrize("default", [[], {}, set()], ids=repr)
def test_defaults_are_shared_so_they_cannot_be_mutable(default: object) -> None:
    plain = type("Shared", (), {"__annotations__": {"a": "object"}, "a": default})
    with pytest.raises(TypeError, match=r"^Shared\.a: a default is shared"):
        value(plain)


def test_replace_copies_and_checks_names() -> None:
    first = Named(1, name="a")
    assert replace(first, name="b") == Named(1, name="b")
    assert first.name == "a"
    with pytest.raises(TypeError, match="nme"):
        replace(first, nme="b")


def test_copies_and_pickles_are_equal() -> None:
    holder = Holder(Point(1), (Point(2),), frozenset({"a"}))
    assert copy.deepcopy(holder) == pickle.loads(pickle.dumps(holder)) == holder


def test_as_json() -> None:
    holder = Holder(Point(1), (Point(2, 3),), frozenset({"b", "a"}), {"k": (1, None)})
    assert to_json(holder) == {
        "inner": {"x": 1, "y": 0},
        "others": [{"x": 2, "y": 3}],
        "words": ["a", "b"],
        "table": {"k": [1, None]},
    }


HOT_PATH_FORBIDS = {"typing", "dataclasses", "pathlib", "subprocess", "argparse", "tarfile", "ssl"}
HOT_PATH_FORBIDS |= {"urllib", "socket", "tempfile", "logging", "shutil", "inspect", "enum"}


def test_the_values_of_a_pod_start_load_nothing_expensive() -> None:
    modules = "model.pod, podwright.model.build, podwright.model.podspec, podwright.cli.apps"
    program = (
        f"import sys; sys.path.insert(0, {str(Path(podwright.__file__).parent.parent)!r});"
        f" import podwright.{modules}, podwright.host.lock, podwright.main;"
        " print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-IS", "-c", program], stdout=subprocess.PIPE, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "podwright" in loaded
    assert loaded & HOT_PATH_FORBIDS <= {"enum"}  # json and re bring enum along
