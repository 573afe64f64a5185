# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The code of a module without what only people and type checkers read: docstrings, annotations of
functions, and which instruction belongs to which line (a traceback names the first line of each
function; with --debug none of this is used). A pod's PID 1 keeps its modules for as long as the
pod lives; without these they take 0.4 MiB less.

It is kept where the interpreter keeps its own compiled files, under a name of its own (PEP 488:
`NAME.TAG.opt-slim.pyc`), and belongs to a source of the same time and size (PEP 552).
"""

from __future__ import annotations

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

MAGIC = b"podwright slim 2"
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
    return marshal.dumps(without_lines(compile(tree, source, "exec", dont_inherit=True)))


def without_lines(code: CodeType) -> CodeType:
    """The code, and what is defined in it, with one line for all of each function.

    Interpreters before 3.11 keep less of it, in another form: there it stays as it is.
    """
    if sys.hexversion < 0x030B0000:
        return code
    inner = tuple(
        without_lines(one) if isinstance(one, type(code)) else one for one in code.co_consts
    )
    return code.replace(co_linetable=_one_line(len(code.co_code) // 2), co_consts=inner)


def _one_line(units: int) -> bytes:
    """A location table (CPython, Objects/locations.md): entries for at most eight code units each,
    of the form that has no columns, whose line is the first one.
    """
    entry = 0x80 | 13 << 3
    full, rest = divmod(units, 8)
    return bytes((entry | 7, 0)) * full + (bytes((entry | rest - 1, 0)) if rest else b"")


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
