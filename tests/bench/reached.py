# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time until something is reached: a bare kernel's init, or a pod's app, by the first byte of its output.

Run on a private host: a task as JSON on standard input, figures as JSON on standard output.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from podwright.kernel import tsc
from podwright.stage1.kvm import machine, parameters, qemu, sizing

UUID = "00000000-0000-4000-8000-000000000000"
KNOWN = b"INIT\n"
MEMORY = sizing.UNLIMITED + sizing.OVERHEAD
"""MiB, as a pod with one app without limits has."""


def bare(kernel: str, initrd: str) -> tuple[float, float, float]:
    """Boot the machine of a pod with an init that ends it at once: ms to the init, ms in all, CPU ms."""
    console, theirs = socket.socketpair()
    channel, other = socket.socketpair()
    rate = tsc.khz()
    made = machine.Machine(
        uuid=UUID,
        name=f"podwright-{UUID}",
        kind=machine.MICROVM,
        accelerator=machine.TCG,
        memory=MEMORY,
        cpus=1,
        kernel=kernel,
        initrd=initrd,
        parameters=parameters.words(
            parameters.MMIO, parameters.SERIAL, (f"tsc_early_khz={rate}",) if rate else ()
        ),
        console=machine.End(theirs.fileno()),
        channel=machine.End(other.fileno()),
    )
    began = time.perf_counter()
    process = subprocess.Popen(
        qemu.command(made), stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(), other.fileno())
    )
    theirs.close()
    other.close()
    reached = _until(console, began)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    console.close()
    channel.close()
    return reached * 1000, wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000


def _until(console: socket.socket, began: float) -> float:
    """Seconds until the init says that it runs."""
    said, reached = b"", 0.0
    while data := console.recv(4096):
        said += data
        if not reached and KNOWN.strip() in said:
            reached = time.perf_counter() - began
    if not reached:
        raise RuntimeError(f"the bare kernel did not reach its init: {said[-500:]!r}")
    return reached


def pod(command: Sequence[str]) -> tuple[float, float, float]:
    """Run a pod whose app writes something and ends: ms to the first byte, ms in all, CPU ms of all."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    first = os.read(process.stdout.fileno(), 1)
    reached = time.perf_counter() - began
    process.stdout.read()
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode or not first:
        raise RuntimeError(f"the pod ended with {process.returncode}: {said[-500:]!r}")
    return reached * 1000, wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000


def in_turn(task: Any) -> dict[str, list[tuple[float, float, float]]]:
    """Each side after the other, `runs` times, after one time that does not count."""
    figures: dict[str, list[tuple[float, float, float]]] = {"bare": []}
    for turn in range(task["runs"] + 1):
        found = {"bare": bare(task["kernel"], task["initrd"])}
        found.update({name: pod(command) for name, command in task["pods"].items()})
        for name, figure in found.items():
            figures.setdefault(name, [])
            if turn:
                figures[name].append(figure)
    return figures


if __name__ == "__main__":
    json.dump(in_turn(json.load(sys.stdin)), sys.stdout)
