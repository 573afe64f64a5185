# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What mkdocs calls (mkdocs.yml, `hooks`): pages that are made are added, and links out of `docs/` lead to them."""

from __future__ import annotations

import functools
import re
import sys
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))  # mkdocs loads this file by its path

from mkdocs.structure.files import File, Files  # noqa: E402

from tools.site import commands, playbooks, plugins, roles  # noqa: E402

REPOSITORY = "https://github.com/podwright/podwright/blob/main/"
TITLES = {
    "module": "Modules",
    "connection": "Connection plugins",
    "inventory": "Inventory plugins",
    "callback": "Callback plugins",
    "filter": "Filters",
    "lookup": "Lookups",
}


@functools.cache
def made() -> dict[str, dict[str, str]]:
    """Return the pages, path → Markdown, by the title of their section."""
    sections: dict[str, dict[str, str]] = {}
    for kind in plugins.KINDS:
        found = plugins.documented(kind)
        pages = {
            f"reference/{kind}/{name}.md": plugins.page(kind, name, doc)
            for name, doc in found.items()
        }
        if pages:
            sections[TITLES[kind]] = pages
    sections["Roles"] = {
        f"reference/roles/{name}.md": text for name, text in roles.pages(CHECKOUT).items()
    }
    sections["Playbooks"] = {"reference/playbooks.md": playbooks.page(CHECKOUT)}
    sections["Commands"] = {"reference/commands.md": commands.page()}
    return sections


def index(sections: dict[str, dict[str, str]]) -> str:
    """Return the page that lists all pages that are made, each with its first sentence."""
    parts = [
        "# Reference\n",
        "Made from what modules, plugins, roles, playbooks and commands say of themselves.\n",
    ]
    for title, pages in sections.items():
        parts += [f"## {title}\n", "| | |", "| --- | --- |"]
        for path, text in pages.items():
            lines = [line for line in text.splitlines() if line]
            parts.append(
                f"| [{lines[0].lstrip('# ')}]({path.removeprefix('reference/')}) | {lines[1].strip('*')} |"
            )
        parts.append("")
    return "\n".join(parts)


def on_config(config: Any) -> Any:
    """Put the pages into the navigation, under Reference."""
    reference = next(item["Reference"] for item in config.nav if "Reference" in item)
    for title, pages in made().items():
        single = len(pages) == 1 and title in ("Playbooks", "Commands")
        reference.append({title: next(iter(pages)) if single else list(pages)})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages."""
    sections = made()
    files.append(File.generated(config, "reference/index.md", content=index(sections)))
    for pages in sections.values():
        for path, text in pages.items():
            files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Let links to files of the repository lead to their page, or into the repository."""
    depth = "../" * page.file.src_uri.count("/")

    def led(match: re.Match[str]) -> str:
        target = match[1].lstrip("./")
        role = re.fullmatch(r"roles/(\w+)/README\.md", target)
        if role:
            return f"]({depth}reference/roles/{role[1]}.md)"
        if target.startswith("docs/"):
            return f"]({depth}{target.removeprefix('docs/')})"
        return f"]({REPOSITORY}{target})"

    return re.sub(
        r"\]\(((?:\.\./)+(?:roles|agent|plugins|playbooks|extensions|tests|docs)/[^)]+)\)",
        led,
        markdown,
    )
