# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules from one file: only while it is ours, whole, and as new as the sources."""

from __future__ import annotations

import ast
import marshal
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from podwright import slimcode

AGENT = Path(__file__).parents[2] / "agent"
LOOK = """
import sys
tree, directory = sys.argv[1:]
sys.path.insert(0, tree)
from podwright import modulecache
modulecache.use(directory)
from podwright.model import names
from podwright.host import lock
print(type(names.__spec__.loader).__name__, names.__file__, getattr(names, "MARK", ""))
modulecache.done()
print(len(getattr(names.__spec__.loader, "data", b"")))
from podwright.model import durations_that_do_not_exist
"""


class Tree:
    """A copy of the agent and a cache directory."""

    def __init__(self, base: Path) -> None:
        self.agent, self.cache = base / "agent", base / "cache"
        shutil.copytree(AGENT, self.agent, ignore=shutil.ignore_patterns("__pycache__"))

    @property
    def source(self) -> Path:
        """The source of the module that is looked at."""
        return self.agent / "podwright/model/names.py"

    @property
    def file(self) -> Path:
        """The cache."""
        (found,) = self.cache.iterdir()
        return found

    def look(self) -> list[str]:
        """Loader, file and mark of the module in a fresh interpreter."""
        done = subprocess.run(
            ["/usr/bin/python3", "-IS", "-c", LOOK, self.agent, self.cache],
            capture_output=True,
            text=True,
        )
        assert "durations_that_do_not_exist" in done.stderr  # what nobody has is still an error
        *found, held = done.stdout.split()
        assert held == "0"  # a pod's processes live for long
        return found


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A tree whose cache was written by a first start."""
    made = Tree(tmp_path)
    assert made.look() == ["SourceFileLoader", str(made.source)]
    assert made.look() == ["Cache", str(made.source)]
    return made


def test_a_start_with_a_whole_cache_does_not_write_it(tree: Tree) -> None:
    before = tree.file.stat()
    tree.look()
    assert tree.file.stat().st_ino == before.st_ino


def test_only_its_owner_may_read_or_write_it(tree: Tree) -> None:
    assert tree.cache.stat().st_mode & 0o777 == 0o700
    assert tree.file.stat().st_mode & 0o777 == 0o600


def test_a_source_of_the_same_size_and_time_is_new_all_the_same(tree: Tree) -> None:
    text, times = tree.source.read_text(), tree.source.stat()
    mark = "MARK = 'new'\n"
    comment = text.index("# SPDX-License")
    end = text.index("\n", comment) + 1
    changed = text[:comment] + text[end:] + mark
    changed += "#" * (times.st_size - len(changed.encode()))
    tree.source.unlink()
    tree.source.write_text(changed)
    os.utime(tree.source, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert tree.source.stat().st_size == times.st_size
    shutil.rmtree(tree.source.parent / "__pycache__")
    assert tree.look() == ["SourceFileLoader", str(tree.source), "new"]


@pytest.mark.parametrize("damage", ["empty", "short", "garbage", "writable", "link"])
def test_a_cache_that_is_not_whole_or_not_ours_is_not_read(tree: Tree, damage: str) -> None:
    data = tree.file.read_bytes()
    if damage == "writable":
        tree.file.chmod(0o666)
    elif damage == "link":
        tree.file.rename(tree.cache.parent / "elsewhere")
        path = tree.cache / "modules.cpython-311"
        path.symlink_to(tree.cache.parent / "elsewhere")
    else:
        content = {"empty": b"", "short": data[:-1], "garbage": b"\xff" * len(data)}
        tree.file.write_bytes(content[damage])
    assert tree.look()[0] == "SourceFileLoader"
    assert tree.look()[0] == "Cache"  # written anew


def test_a_cache_of_another_tree_is_not_read(tree: Tree, tmp_path: Path) -> None:
    other = Tree(tmp_path / "other")
    shutil.copytree(tree.cache, other.cache)
    assert other.look()[0] == "SourceFileLoader"


def test_a_tree_that_keeps_no_compiled_code_has_a_cache_too(tmp_path: Path) -> None:
    made = Tree(tmp_path)
    for directory in made.agent.rglob("*/"):
        if directory.is_dir() and directory.name != "__pycache__":
            (directory / "__pycache__").write_text("a file, so that nothing can be kept")
    assert made.look()[0] == "SourceFileLoader"
    assert made.look()[0] == "Cache"


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    made = Tree(tmp_path)
    made.cache.write_text("a file where the directory should be")
    assert made.look()[0] == "SourceFileLoader"


SOURCE = '''"""What people read."""
from __future__ import annotations

class Value:
    """A class."""
    size: int = 1

    def grown(self, by: Number, *more: Any, **named: Any) -> Value:
        """A method."""
        if by:
            def inner(x: int) -> int:
                "Alone."
            return inner
        try:
            pass
        except OSError:
            def other() -> None:
                """Another."""
'''


def test_what_only_people_read_is_left_out_and_the_rest_is_the_same(tmp_path: Path) -> None:
    source = tmp_path / "one.py"
    source.write_text(SOURCE)
    (tmp_path / "__pycache__").mkdir()
    code = slimcode.of(str(source))
    assert slimcode.of(str(source)) == code
    (kept,) = (tmp_path / "__pycache__").iterdir()
    made: dict[str, Any] = {"__name__": "one"}
    exec(marshal.loads(code), made)
    value = made["Value"]
    assert value.__doc__ is value.grown.__doc__ is made.get("__doc__") is None
    assert value.__annotations__ == {"size": "int"}
    assert value.grown.__annotations__ == {}
    inner = value().grown(1)
    assert inner(1) is None and inner.__doc__ is None and not inner.__annotations__
    assert b"people read" not in code and b"Another" not in code
    lines = {line for *_, line in value.grown.__code__.co_lines()}
    assert lines == {8} if sys.version_info >= (3, 11) else len(lines) > 1
    kept.write_bytes(kept.read_bytes()[:-1] + b"\0")
    os.utime(source, (1, 1))
    assert slimcode.of(str(source)) == code, "what was made of another source is not used"


def test_all_modules_mean_the_same_without_what_people_read() -> None:
    for source in sorted((AGENT / "podwright").rglob("*.py")):
        whole = ast.parse(source.read_bytes())
        slim = ast.parse(source.read_bytes())
        slimcode.strip(slim)
        compile(slim, str(source), "exec", dont_inherit=True)
        kinds = [type(node).__name__ for node in ast.walk(slim)]
        assert kinds.count("FunctionDef") == [type(n).__name__ for n in ast.walk(whole)].count(
            "FunctionDef"
        )
        assert not any(ast.get_docstring(n) for n in ast.walk(slim) if isinstance(n, ast.Module))
