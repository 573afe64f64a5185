# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles as pages in Markdown: their README, and behind it all options of `meta/argument_specs.yml`."""

from __future__ import annotations

from pathlib import Path

import yaml

from tools.site.plugins import OPTIONS, option_rows, section


def pages(checkout: Path) -> dict[str, str]:
    """Return the page of each role, by the role's name."""
    return {
        path.parent.name: page(path.parent) for path in sorted(checkout.glob("roles/*/README.md"))
    }


def page(role: Path) -> str:
    """Return the page of one role."""
    readme = (role / "README.md").read_text("utf-8")
    spec = yaml.safe_load((role / "meta/argument_specs.yml").read_text("utf-8"))["argument_specs"]
    parts = [readme]
    for entry, said in spec.items():
        title = "All options" if entry == "main" else f"All options of tasks_from: {entry}"
        parts += section(title, list(option_rows(said.get("options") or {})), OPTIONS)
    return "\n".join(parts)
