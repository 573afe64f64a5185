# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an execution environment with the collection gets: as ansible-builder reads it, and all that plugins import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.paths import CACHE
from tools import collection

ON_THE_CONTROLLER = (
    "action",
    "become",
    "cache",
    "callback",
    "connection",
    "filter",
    "inventory",
    "lookup",
    "plugin_utils",
    "strategy",
    "test",
    "vars",
)
BROUGHT = {"ansible", "ansible_collections", "jinja2", "yaml", "packaging", "resolvelib"}
"""By ansible-core itself."""


@pytest.fixture(scope="module")
def wanted() -> dict[str, list[str]]:
    """What `ansible-builder introspect` finds in the installed collection."""
    builder = CACHE / "venv/bin/ansible-builder"
    command = [str(builder), "introspect", str(collection.directory() / "collections")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done
    found = yaml.safe_load(done.stdout)
    return {
        kind: [line.partition("  #")[0] for line in found[kind]] for kind in ("python", "system")
    }


def imported(tree: Path) -> Iterator[str]:
    """The first names of modules that plugins of the controller import, wherever in a file."""
    for kind in ON_THE_CONTROLLER:
        for path in (tree / "plugins" / kind).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    yield from (name.name.partition(".")[0] for name in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module.partition(".")[0]


def test_a_builder_finds_python_and_system_packages(wanted: dict[str, list[str]]) -> None:
    assert any(line.startswith("cryptography>=") for line in wanted["python"])
    assert any(line.startswith("paramiko>=") for line in wanted["python"])
    for family, package in (("rpm", "openssh-clients"), ("dpkg", "openssh-client")):
        assert f"{package} [platform:{family}]" in wanted["system"]


def test_all_that_plugins_import_on_the_controller_is_asked_for(
    wanted: dict[str, list[str]],
) -> None:
    asked = {line.partition(">")[0].strip().replace("-", "_") for line in wanted["python"]}
    found = set(imported(collection.directory() / "collections" / collection.PLACE))
    assert {"cryptography", "paramiko"} <= found, "the search finds what is known to be imported"
    assert found - set(sys.stdlib_module_names) - BROUGHT <= asked
