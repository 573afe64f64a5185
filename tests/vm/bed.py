# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenarios: programs that run in a virtual machine, for what this machine's own kernel does not have.

    @pytest.fixture(scope="module")
    def seen(plain: Machine) -> dict[str, Any]:                      # `plain`, `selinux`: tests/vm/conftest.py
        return bed.told(plain, "scenario_links.py", files={"tiny.aci": tiny_image.build()})

A scenario is a Python program; it runs in the guest as root, in a unit of systemd with its control group delegated,
in a directory in which the agent (`agent/`), `inside.py` and `files` lie next to it. What it prints with `inside.tell`
is what `told` returns. All scenarios of a recipe run in one boot: what one leaves behind in the guest is cleared away
after it, and what cannot be cleared away fails it. To write one, keep a guest at hand: `python -m tests.vm.shell`.
A scenario that needs QEMU's devices or its own boot starts a machine by itself: `machine.start`, then `play`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.paths import CHECKOUT
from tests.vm import inside
from tests.vm.machine import Failed, Machine

HERE = Path(__file__).parent
PLACE = "/run/payload"
UNIT = "podwright-scenario"
SECONDS = 3000.0
OPTIONS = (
    "--quiet", "--wait", "--pipe", "--collect", f"--unit={UNIT}", "--property=Delegate=yes",
    f"--working-directory={PLACE}", f"--setenv=PYTHONPATH={PLACE}",
)  # fmt: skip
# As an administrator would at a shell.
UNCONFINED = "--property=SELinuxContext=unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023"
PREPARE = f"""\
mkdir -p {PLACE}
labels=; [ ! -e /sys/fs/selinux/enforce ] || labels=,context=system_u:object_r:usr_t:s0
mount -t tmpfs -o mode=755$labels payload {PLACE}
"""
CLEAR = f"cd {PLACE} && find . -mindepth 1 -maxdepth 1 ! -name agent ! -name inside.py -exec rm -rf {{}} +"


@dataclass(frozen=True)
class Result:
    """What a scenario did: its exit status, its output, and what kernel and systemd said meanwhile."""

    status: int
    output: str
    console: str


def told(
    guest: Machine,
    scenario: str,
    files: Mapping[str, Path] | None = None,
    *,
    seconds: float = SECONDS,
) -> dict[str, Any]:
    """Run a scenario of this directory that has to succeed; return what it has told."""
    result = play(guest, HERE / scenario, files=files, seconds=seconds)
    print(result.output)
    if result.status != 0:
        raise Failed(
            f"{scenario}: status {result.status}\n{result.output[-6000:]}\n{result.console[-3000:]}"
        )
    return inside.told(result.output)


def play(
    guest: Machine,
    scenario: Path,
    *,
    files: Mapping[str, Path] | None = None,
    seconds: float = SECONDS,
) -> Result:
    """Run a scenario and clear away what it has left in the guest."""
    said = len(guest.console)
    if guest.run("test", "-d", f"{PLACE}/agent").returncode != 0:
        guest.ok("sh", "-ec", PREPARE)
        common = {"agent": CHECKOUT / "agent", "inside.py": HERE / "inside.py"}
        guest.unpack(common, PLACE)
    guest.unpack({"scenario.py": scenario, **(files or {})}, PLACE)
    command = ("systemd-run", *OPTIONS, UNCONFINED, "sh", "-c", "exec python3 scenario.py 2>&1")
    done = guest.run(*command, seconds=seconds)
    clear(guest)
    return Result(done.returncode, done.stdout + done.stderr, guest.console[said:])


def forget(guest: Machine) -> None:
    """Take the agent away from a guest that was used before: `play` puts the one of now there."""
    guest.ok("sh", "-c", f"while umount {PLACE}; do :; done 2>/dev/null; true")


def clear(guest: Machine) -> None:
    """Take away what pods and scenarios have left, and make sure that nothing is left."""
    reset = ("python3", "-B", "/checkout/tests/vm/guest/reset.py")
    guest.ok("sh", "-ec", CLEAR)
    done = guest.run(*reset)
    if done.returncode != 0:
        raise Failed(f"the scenario left something in the guest:\n{done.stdout}{done.stderr}")
