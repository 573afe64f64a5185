# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code of a module without what only people and type checkers read: docstrings and the
annotations of functions. A pod's PID 1 keeps its modules for as long as the pod lives; without
these they take 0.25 MiB less.

It is kept where the interpreter keeps its own compiled files, under a name of its own (PEP 488:
`NAME.TAG.opt-slim.pyc`), and belongs to a source of the same time and size (PEP 552).
"""

from __future__ import annotations

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAGIC = b"podwright slim 1"
ONLY_AST = 0x400
"""ast.PyCF_ONLY_AST; the module `ast` costs more than all of this."""
FUNCTIONS = ("FunctionDef", "AsyncFunctionDef")
DOCUMENTED = (*FUNCTIONS, "ClassDef", "Module")
BRANCHES = ("body", "orelse", "finalbody", "handlers", "cases")


def of(source: str) -> bytes:
    """The marshalled code of a source file; compiled, and kept, when it is not there yet."""
    folder, _, name = source.rpartition("/")
    path = f"{folder}/__pycache__/{name[:-3]}.{sys.implementation.cache_tag}.opt-slim.pyc"
    found = os.stat(source)
    head = MAGIC + found.st_mtime_ns.to_bytes(16, "little") + found.st_size.to_bytes(8, "little")
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError:
        data = b""
    if data[: len(head)] == head:
        return data[len(head) :]
    code = compiled(source)
    _keep(path, head + code)
    return code


def _keep(path: str, data: bytes) -> None:
    """A tree that cannot be written to costs time at the first start, and nothing else."""
    from podwright.kernel import fs

    try:
        fs.write_atomic(path, data, 0o644, durable=False)
    except OSError:
        return


def compiled(source: str) -> bytes:
    """Compile a source file without docstrings and annotations of functions."""
    with open(source, "rb") as file:
        tree: Any = compile(file.read(), source, "exec", ONLY_AST, dont_inherit=True)
    strip(tree)
    return marshal.dumps(compile(tree, source, "exec", dont_inherit=True))


def strip(tree: Any) -> None:
    """Take docstrings and annotations of functions out of a syntax tree; those of classes stay,
    since values are made of them.
    """
    todo = [tree]
    while todo:
        node = todo.pop()
        kind = type(node).__name__
        if kind in FUNCTIONS:
            _without_annotations(node)
        if kind in DOCUMENTED:
            _without_docstring(node.body)
        for branch in BRANCHES:
            inner = getattr(node, branch, ())
            todo += inner if isinstance(inner, list) else ()


def _without_annotations(function: Any) -> None:
    function.returns = None
    given = function.args
    for one in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg):
        if one is not None:
            one.annotation = None


def _without_docstring(body: list[Any]) -> None:
    if not body or type(body[0]).__name__ != "Expr":
        return
    if not isinstance(getattr(body[0].value, "value", None), str):
        return
    if len(body) > 1:
        del body[0]
    else:
        body[0].value.value = None
