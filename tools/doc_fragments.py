# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the modules' options, made from the tables that also give argument spec and desired state.

    python -m tools.doc_fragments            # write plugins/doc_fragments/*_options.py
    python -m tools.doc_fragments --check    # say what is not up to date; the status is then 1

Type, elements, choices, default and required come from the table. What an option is for stands in
`option_docs/MODULE.yml`, under the option's name: modules do not carry it to hosts. An option that has only one of the
two is an error.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.support.paths import CACHE, CHECKOUT

WORDS = Path(__file__).parent / "option_docs"
FRAGMENTS = CHECKOUT / "plugins/doc_fragments"
PLUGINS = "ansible_collections.podwright.fleet.plugins"
Known = dict[tuple[int, int], dict[str, Any]]
"""By the identities of an option and of the words about it: what they give."""

COMMON = "common"
"""What all modules have, which is no module."""

HEAD = """\
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
\"\"\"{of}. Made by `make fragments`; see tools/doc_fragments.py.\"\"\"

from __future__ import annotations


class ModuleDocFragment:
    \"\"\"Options, as ansible-doc shows them.\"\"\"

    DOCUMENTATION = r\"\"\"
{text}\"\"\"
"""


class Mismatch(ValueError):
    """A table and the words about it do not have the same options."""


class _Dumper(yaml.SafeDumper):
    """YAML as people indent it."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def names() -> list[str]:
    """Whose options are documented here: `common`, and the modules that have words about their options."""
    modules = {path.stem for path in (CHECKOUT / "plugins/modules").glob("*.py")}
    return [COMMON, *sorted(modules & {path.stem for path in WORDS.glob("*.yml")})]


def table(name: str) -> dict[str, Any]:
    """The option table of a module: its `OPTIONS`, or what its `KIND` makes of one."""
    if name == COMMON:
        common: dict[str, Any] = importlib.import_module(f"{PLUGINS}.module_utils.agent").COMMON
        return common
    module = importlib.import_module(f"{PLUGINS}.modules.{name}")
    found: dict[str, Any] = (
        module.KIND.module_table() if hasattr(module, "KIND") else module.OPTIONS
    )
    return found


def words(name: str) -> dict[str, Any]:
    """What is said about the options of a module."""
    path = WORDS / f"{name}.yml"
    return (yaml.safe_load(path.read_text()) if path.exists() else None) or {}


def documented(options: dict[str, Any], said: dict[str, Any], where: str = "") -> dict[str, Any]:
    """Options in the form of DOCUMENTATION. Raises Mismatch.

    The same words about the same option give the same object, so that YAML has them once, with references.
    """
    return _documented(options, said, where, {})


def _documented(
    options: dict[str, Any], said: dict[str, Any], where: str, known: Known
) -> dict[str, Any]:
    for missing in (
        *(one for one in options if one not in said),
        *(one for one in said if one not in options),
    ):
        has = "is not described" if missing in options else "is described, and not in the table"
        raise Mismatch(f"{where}{missing}: {has}")
    return {
        name: _one(option, said[name], f"{where}{name}", known) for name, option in options.items()
    }


def _one(option: Any, said: dict[str, Any], where: str, known: Known) -> dict[str, Any]:
    if (id(option), id(said)) in known:
        return known[id(option), id(said)]
    out: dict[str, Any] = {"description": said["description"], "type": option.type}
    if option.elements:
        out["elements"] = option.elements
    if option.required:
        out["required"] = True
    if option.choices:
        out["choices"] = list(option.choices)
    if option.default is not None:
        out["default"] = option.default
    if (option.table is None) != ("suboptions" not in said):
        raise Mismatch(f"{where}: has suboptions on one side only")
    if option.table is not None:
        out["suboptions"] = _documented(option.table, said["suboptions"], f"{where}.", known)
    known[id(option), id(said)] = out
    return out


def fragment(name: str) -> str:
    """The source of a doc fragment. Raises Mismatch."""
    options = documented(table(name), words(name), f"{name}: ")
    text = yaml.dump(
        {"options": options}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=92
    )
    of = "Options of every module" if name == COMMON else f"Options of the module {name}"
    return HEAD.format(of=of, name=name, text=text)


def path_of(name: str) -> Path:
    """Where a fragment lies."""
    return FRAGMENTS / f"{name}_options.py"


def differences() -> Iterator[str]:
    """Unified diffs of the files that are not what they should be."""
    wanted = {path_of(name): fragment(name) for name in names()}
    for path in sorted({*wanted, *FRAGMENTS.glob("*_options.py")}):
        before = path.read_text() if path.exists() else ""
        after = wanted.get(path, "")
        if before != after:
            place = os.path.relpath(path, CHECKOUT)
            lines = difflib.unified_diff(
                before.splitlines(), after.splitlines(), place, place, lineterm=""
            )
            yield "\n".join(lines)


def main() -> int:
    """Write the fragments, or compare them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="say what differs; write nothing")
    check = parser.parse_args().check
    sys.path.insert(0, str(CACHE / "collections"))
    try:
        found = list(differences())
    except Mismatch as error:
        print(error, file=sys.stderr)
        return 1
    if check:
        print("\n".join(found))
        return 1 if found else 0
    for name in names():
        path_of(name).write_text(fragment(name))
    for path in set(FRAGMENTS.glob("*_options.py")) - {path_of(name) for name in names()}:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
