# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python for the guest: the interpreter, its libraries, and the modules of its library that code of ours imports."""

from __future__ import annotations

import marshal
import os
import subprocess

from podwright.errors import HostError
from podwright.stage0.stage1build import sharedlibs
from podwright.stage1.kvm import cpio
from podwright.text import safe
from podwright.values import value

PROGRAM = "/usr/bin/python3"
MODULES = (
    "__future__",
    "_collections_abc",
    "_ctypes",
    "_socket",
    "_struct",
    "codecs",
    "collections.abc",
    "ctypes",
    "encodings.ascii",
    "encodings.latin_1",
    "encodings.utf_8",
    "errno",
    "fcntl",
    "functools",
    "gc",
    "grp",
    "importlib",
    "io",
    "json",
    "marshal",
    "mmap",
    "os",
    "pwd",
    "resource",
    "select",
    "signal",
    "stat",
    "string",
    "struct",
    "sys",
    "termios",
    "time",
    "traceback",
    "types",
)
"""What a guest can import of Python's own library, beside what these need. A host's agent relies on
this list in images that were made long before: things may be added, and nothing may go."""

_SCRIPT = """
import importlib, marshal, sys
import importlib.machinery, importlib._bootstrap_external as outer
for name in sys.argv[1:]:
    importlib.import_module(name)
sources, binaries = {}, []
for name, module in sorted(sys.modules.items()):
    spec = getattr(module, "__spec__", None)
    path = getattr(module, "__file__", None)
    if path is None or name == "__main__":
        continue
    if not path.endswith(".py"):
        binaries.append(path)
        continue
    with open(path, "rb") as file:
        text = file.read()
    code = compile(text, path, "exec", dont_inherit=True, optimize=2)
    sources[path + "c"] = bytes(outer._code_to_hash_pyc(code, bytes(8), False))
import importlib.util
out = (importlib.util.MAGIC_NUMBER.hex(), "%d.%d" % sys.version_info[:2], sources, binaries)
sys.stdout.buffer.write(marshal.dumps(out, 4))
"""


@value
class Interpreter:
    """What goes into the image. `magic`: of compiled files, in hex; `version`: 3.11."""

    program: str
    magic: str
    version: str
    nodes: tuple[cpio.Node, ...]


def collect(program: str = PROGRAM) -> Interpreter:
    """This host's interpreter with all it needs. Raises HostError."""
    program = os.path.realpath(program)
    magic, version, sources, binaries = _ask(program)
    nodes = [cpio.file(path.lstrip("/"), data) for path, data in sources.items()]
    nodes += [cpio.file(path.lstrip("/"), sharedlibs.read(path)) for path in binaries]
    nodes.append(cpio.file(program.lstrip("/"), sharedlibs.read(program), 0o755))
    for wanted, path in sharedlibs.closure([program, *binaries]).items():
        nodes.append(cpio.file(wanted.lstrip("/"), sharedlibs.read(path), 0o755))
    return Interpreter(program, magic, version, tuple(nodes))


def _ask(program: str) -> tuple[str, str, dict[str, bytes], list[str]]:
    try:
        done = subprocess.run(
            [program, "-IS", "-c", _SCRIPT, *MODULES], capture_output=True, check=False, env={}
        )
    except OSError as err:
        raise _failed(program, str(err)) from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").splitlines() or [f"status {done.returncode}"]
        raise _failed(program, lines[-1])
    answer: tuple[str, str, dict[str, bytes], list[str]] = marshal.loads(done.stdout)
    return answer


def _failed(program: str, why: str) -> HostError:
    return HostError(f"{safe(program, 200)} cannot be put into an image: {safe(why, 200)}")
