# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules and other plugins as pages in Markdown, from what `ansible-doc --json` says of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import yaml
from antsibull_docs_parser.md import to_md
from antsibull_docs_parser.parser import Context, parse

from tests.support.paths import CACHE

COLLECTION = "podwright.fleet"
KINDS = ("module", "connection", "inventory", "callback", "filter", "lookup")
Doc = dict[str, Any]

NEEDLESS = re.compile(r"\\([^\\`*_{}\[\]()>#+.!|-])")
"""What Ansible's parser escapes and Python-Markdown does not unescape."""


def documented(kind: str) -> dict[str, Doc]:
    """Return what ansible-doc says of each plugin of a kind, by its short name."""
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(CACHE / "collections"), "NO_COLOR": "1"}
    command = ["ansible-doc", "--type", kind, "--json"]
    listed = _json([*command, "--list", COLLECTION], env)
    found = _json([*command, *listed], env) if listed else {}
    return {name.removeprefix(f"{COLLECTION}."): found[name] for name in sorted(found)}


def _json(command: list[str], env: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def text(written: Any) -> str:
    """Return Ansible's markup, one or several paragraphs, as Markdown in one line."""
    paragraphs = [written] if isinstance(written, str) else written or []
    return "<br>".join(
        NEEDLESS.sub(r"\1", to_md(parse(part, Context(), errors="exception"))).replace("\n", " ")
        for part in paragraphs
    )


def page(kind: str, name: str, known: Doc) -> str:
    """Return the page of a plugin."""
    doc = known["doc"]
    parts = [f"# {COLLECTION}.{name}\n", f"*{text(doc['short_description'])}*\n"]
    parts += [f"{text(part)}\n" for part in _several(doc.get("description"))]
    if doc.get("requirements"):
        parts += ["**Needs**\n", *(f"- {text(part)}" for part in doc["requirements"]), ""]
    parts += section("Options", list(option_rows(doc.get("options") or {})), OPTIONS)
    parts += section("Attributes", list(_attribute_rows(doc.get("attributes") or {})), ATTRIBUTES)
    if doc.get("notes"):
        parts += ["## Notes\n", *(f"- {text(note)}" for note in doc["notes"]), ""]
    if known.get("examples"):
        parts += ["## Examples\n", f"```yaml\n{known['examples'].strip()}\n```\n"]
    parts += section("What it returns", list(_return_rows(known.get("return") or {})), RETURNS)
    related = [
        also["module"].removeprefix(f"{COLLECTION}.")
        for also in doc.get("seealso") or ()
        if "module" in also
    ]
    if related:
        parts += ["## See also\n", *(f"- `{COLLECTION}.{other}`" for other in related), ""]
    return "\n".join(parts)


OPTIONS = ("Option", "Type", "What it is")
ATTRIBUTES = ("Attribute", "Support", "What it means")
RETURNS = ("Key", "Type", "What it is")


def _several(written: Any) -> list[str]:
    return [written] if isinstance(written, str) else list(written or ())


def section(title: str, rows: list[tuple[str, ...]], heads: tuple[str, ...]) -> list[str]:
    """Return a table under its title, or nothing where it has no rows."""
    if not rows:
        return []
    lines = [heads, tuple("---" for _ in heads), *rows]
    return [
        f"## {title}\n",
        *("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines),
        "",
    ]


def _cell(content: str) -> str:
    return content.replace("|", "&#124;").replace("\n", " ")


def option_rows(options: dict[str, Any], above: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield name, type and meaning of options, each followed by those in it."""
    for name, option in options.items():
        full = f"{above}{name}"
        kind = option.get("type", "str")
        if option.get("elements"):
            kind = f"{kind} of {option['elements']}"
        must = "<br>**required**" if option.get("required") else ""
        yield f"`{full}`", f"{kind}{must}", text(option.get("description")) + _limits(option)
        inner = option.get("suboptions") or option.get("options")
        if inner:
            yield from option_rows(inner, f"{full}[]." if kind.startswith("list") else f"{full}.")


def _limits(option: Doc) -> str:
    """Return what an option can be, what it is when it is not given, and where else it can be said."""
    said = ""
    if option.get("choices"):
        said += "<br>One of " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "."
    if option.get("default") is not None:
        said += f"<br>Default: `{_plain(option['default'])}`."
    for source in ("vars", "env"):
        names = [f"`{item['name']}`" for item in option.get(source) or ()]
        said += (
            f"<br>{'Variables' if source == 'vars' else 'Environment'}: {', '.join(names)}."
            if names
            else ""
        )
    return said


def _plain(value: Any) -> str:
    return (
        value
        if isinstance(value, str)
        else str(yaml.safe_dump(value, default_flow_style=True)).removesuffix("...\n").strip()
    )


def _attribute_rows(attributes: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, said in sorted(attributes.items()):
        details = said.get("details")
        yield (
            f"`{name}`",
            said["support"],
            text(said.get("description")) + (f"<br>{text(details)}" if details else ""),
        )


def _return_rows(returned: dict[str, Any], above: str = "") -> Iterator[tuple[str, str, str]]:
    for name, said in returned.items():
        full = f"{above}{name}"
        kind = said.get("type", "")
        when = f"<br>*Returned {said['returned']}.*" if said.get("returned") else ""
        yield f"`{full}`", kind, text(said.get("description")) + when
        if said.get("contains"):
            yield from _return_rows(
                said["contains"], f"{full}[]." if kind == "list" else f"{full}."
            )
