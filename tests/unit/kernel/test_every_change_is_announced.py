# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lint: what changes a file announces itself as a step, so that crash tests can stop the agent before it.

Whoever is told of a line here writes `step("chmod")` before it, or better uses a function of `kernel/fs.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.support.paths import CHECKOUT

AGENT = CHECKOUT / "agent" / "podwright"
CHANGES = frozenset(
    (
        *(
            "rename",
            "replace",
            "renames",
            "unlink",
            "remove",
            "mkdir",
            "makedirs",
            "rmdir",
            "removedirs",
        ),
        *(
            "chmod",
            "fchmod",
            "lchmod",
            "chown",
            "fchown",
            "lchown",
            "link",
            "symlink",
            "mknod",
            "mkfifo",
        ),
        *(
            "utime",
            "truncate",
            "ftruncate",
            "setxattr",
            "removexattr",
            "fsync",
            "fdatasync",
            "sync",
        ),
    )
)
"""Functions of the module os that change what others can see."""
NEVER = ("shutil", "tempfile", "pathlib")
"""Modules that change files by themselves."""
MAY = {
    "kernel/fs.py": "takes back what it has announced, and is the place where changes are made",
    "kernel/copytree.py": "one step for each tree that is copied, which nobody sees before it is complete",
    "kernel/tree.py": "one step for each entry of a tree, in a directory that nobody sees before it is complete",
    "kernel/confinederrors.py": "writes to a pipe",
    "host/checks": "check-host tries what this host can do, in a namespace or a cgroup that ends with the trial",
    "net/dhcp/inside.py": "the root of a confined child, in memory of its own",
    "kernel/step.py": "what counts the steps",
    "stage1/namespaces/output.py": "the mode of a pipe of its own",
    "stage2/streams.py": "the modes of pipes of its own",
    "api/server.py": "a directory for a socket between its own processes, whose name nobody else is told",
    "stage0/build": "images are built in the caller's own directories",
}
"""Where changes need no step of their own, and why."""


def excused(path: str) -> bool:
    """Whether a file is one of those that may."""
    return any(path == one or path.startswith(f"{one}/") for one in MAY)


def functions(tree: ast.Module) -> Iterator[ast.AST]:
    """The functions of a module; one within another counts with it."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def calls(node: ast.AST) -> Iterator[ast.Call]:
    """All calls in a piece of code."""
    for one in ast.walk(node):
        if isinstance(one, ast.Call):
            yield one


def is_change(call: ast.Call) -> bool:
    """Whether a call changes a file, or makes one."""
    function = call.func
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        if function.value.id == "os" and function.attr in CHANGES:
            return True
        if function.value.id == "os" and function.attr == "open":
            # The mode of a new file, or the flag that makes it.
            return len(call.args) > 2 or "O_CREAT" in ast.dump(call)
    if isinstance(function, ast.Name) and function.id == "open":
        words = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
        return any(
            isinstance(word, ast.Constant) and set(str(word.value)) & set("wax+") for word in words
        )
    return False


def is_step(call: ast.Call) -> bool:
    """Whether a call announces a change."""
    return isinstance(call.func, ast.Name) and call.func.id == "step"


def unannounced(source: str) -> list[int]:
    """The lines of changes in functions that announce nothing before them."""
    tree = ast.parse(source)
    found = set()
    for function in functions(tree):
        steps = [call.lineno for call in calls(function) if is_step(call)]
        for call in calls(function):
            if is_change(call) and not any(line < call.lineno for line in steps):
                found.add(call.lineno)
    inside = {call.lineno for function in functions(tree) for call in calls(function)}
    found |= {call.lineno for call in calls(tree) if is_change(call) and call.lineno not in inside}
    return sorted(found)


@pytest.mark.threat("T83", "T85")
def test_no_file_is_changed_without_a_step() -> None:
    bad = []
    for path in sorted(AGENT.rglob("*.py")):
        name = str(path.relative_to(AGENT))
        if not excused(name):
            bad += [f"{name}:{line}" for line in unannounced(path.read_text())]
    assert bad == []


def test_no_module_is_used_that_changes_files_by_itself() -> None:
    bad = []
    for path in sorted(AGENT.rglob("*.py")):
        if excused(str(path.relative_to(AGENT))):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            bad += [f"{path.relative_to(AGENT)}: {name}" for name in names if name in NEVER]
    assert bad == []


def test_every_exception_is_still_there() -> None:
    assert [one for one in MAY if not (AGENT / one).exists()] == []


@pytest.mark.parametrize(
    "code",
    [
        "os.rename(a, b)",
        "os.open(p, flags, 0o600)",
        "os.open(p, os.O_CREAT)",
        "open(p, 'w')",
        "open(p, mode='ab')",
        "os.fchmod(fd, 0)\n    step('chmod')",
    ],
)
def test_the_lint_itself_finds(code: str) -> None:
    assert unannounced(f"def f():\n    {code}\n") == [2]


@pytest.mark.parametrize("code", ["step('x'); os.open(p, f, 0o600)", "open(p)", "os.open(p, 0)"])
def test_the_lint_itself_lets_pass(code: str) -> None:
    assert unannounced("def f():\n    " + code.replace("; ", "\n    ") + "\n") == []
