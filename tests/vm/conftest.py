# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual machines in software emulation: `make vm-tests` runs all of it, `make test` what is not `vm_full`.

`plain`     a guest of the recipe PLAIN: cgroup v2, AppArmor, a full kernel
`selinux`   one with SELinux enforcing

Each is booted once, for all its tests, which therefore run one recipe after the other. See tests.vm.bed. While one
writes tests: `PODWRIGHT_VM_TESTS=1 PODWRIGHT_VM_PLAIN=lab pytest tests/vm/test_links.py` takes a guest that is at hand
(`python -m tests.vm.shell start lab`), and PODWRIGHT_VM_SELINUX likewise.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest

from tests.vm import bed, images, machine, shell
from tests.vm.machine import Machine
from tests.vm.recipes import RECIPES, Recipe

collect_ignore_glob = [] if "PODWRIGHT_VM_TESTS" in os.environ else ["test_*.py"]


class Machines:
    """The machine that runs at the moment: there is memory for several, but not the processors."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory = factory
        self._open = contextlib.ExitStack()
        self._name = ""

    def get(self, recipe: Recipe) -> Machine:
        """The machine of a recipe; the one of another is ended."""
        if self._name != recipe.name:
            self.close()
            at_hand = os.environ.get(f"PODWRIGHT_VM_{recipe.name.upper()}")
            self.guest = self._at_hand(at_hand) if at_hand else self._booted(recipe)
            self._name = recipe.name
        return self.guest

    def _booted(self, recipe: Recipe) -> Machine:
        disk = images.image(recipe)
        state = self._factory.mktemp(recipe.name)
        return self._open.enter_context(machine.start(disk, state))

    def _at_hand(self, name: str) -> Machine:
        guest = machine.found(shell.PLACE / name)
        assert guest is not None, f"{name} does not run: python -m tests.vm.shell start {name}"
        bed.forget(guest)
        return guest

    def close(self) -> None:
        """End it."""
        self._open.close()
        self._name = ""


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Machines by recipe, one at a time."""
    found = Machines(tmp_path_factory)
    yield found
    found.close()


@pytest.fixture(scope="module")
def plain(machines: Machines) -> Machine:
    """A guest with cgroup v2 and AppArmor."""
    return machines.get(RECIPES["plain"])


@pytest.fixture(scope="module")
def selinux(request: pytest.FixtureRequest, machines: Machines) -> Machine:
    """A guest with SELinux enforcing; with QEMU in it where a test of the session needs that: one boot for all."""
    names = (getattr(item, "fixturenames", ()) for item in request.session.items)
    with_qemu = any("selinux_with_qemu" in used for used in names)
    return machines.get(RECIPES["machines" if with_qemu else "selinux"])


@pytest.fixture(scope="module")
def selinux_with_qemu(selinux: Machine) -> Machine:
    """The same, for pods that are machines."""
    return selinux


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of each recipe together."""
    items.sort(key=_recipe)


def _recipe(item: pytest.Item) -> int:
    used = getattr(item, "fixturenames", ())
    return next((n for n, name in enumerate(RECIPES, start=1) if name in used), 0)
