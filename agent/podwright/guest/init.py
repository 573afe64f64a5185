# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first program of a pod's machine, from the kernel's last step to the end of the power.

Whatever goes wrong is said over the channel, as PID 1 of a pod would; or, before there is one, on
the console. Without a host there is nothing to live for.
"""

from __future__ import annotations

import os
import select
import time

from podwright.errors import PodwrightError
from podwright.guest import boot
from podwright.guest.channel import WINDOW, Channel, HungUp
from podwright.kernel import machine
from podwright.kernel.step import step
from podwright.stage1.kvm import frames
from podwright.stage1.namespaces import link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from podwright.guest.mux import Mux
    from podwright.guest.pod import Running
    from podwright.stage1.kvm.frames import Frame
    from podwright.stage1.kvm.protocol import Start

LAST = 10.0
"""Seconds for the host to take our last words, and for what was written to arrive when there is none."""
WATCHDOG = "/dev/watchdog"
DOG = 60
"""Seconds after which the hypervisor ends a machine whose first process does not come round any more."""


def main() -> None:
    """Be the guest. Never returns."""
    channel: Optional[Channel] = None
    said: dict[str, str] = {}
    try:
        began = time.clock_gettime(time.CLOCK_BOOTTIME)
        cmdline, said = boot.prepare()
        boot.load(cmdline, said)
        alone = said.get("bus") == "xen"
        channel = Channel(boot.channel(said), WINDOW if alone else 0)
        channel.connected(time.monotonic() + boot.PATIENCE)
        boot.share(said)
        _hello(channel, began)
        _live(channel, alone)
        channel.send(frames.BYE)
    except HungUp:
        channel = None
    except BaseException as err:
        _failed(channel, err)
    _end(channel, off=said.get("bus") == "xen")


def _hello(channel: Channel, began: float) -> None:
    from podwright import jsonio

    ready = time.clock_gettime(time.CLOCK_BOOTTIME) - began
    said = {"protocol": frames.PROTOCOL, "release": os.uname().release}
    data = {**said, "boot": round(began, 3), "ready": round(ready, 3)}
    channel.send(frames.HELLO, 0, jsonio.dumps(data).encode())
    channel.flush()


def _live(channel: Channel, alone: bool) -> None:
    """From what is to be run to its end. `alone`: the channel does not tell whether somebody is there."""
    from podwright.guest import pod
    from podwright.guest.mux import Mux  # while the host prepares what is to be run

    early: list[Frame] = []
    start = _start(channel, early)
    machine.set_clock(start.now)
    if start.seed:
        machine.seed_randomness(start.seed)
    pod.ignore_keys()
    running = pod.start(start)

    def go(told: Any) -> None:
        _go(told, running, mux)

    mux = Mux(channel, running, go, _watched(channel) if alone else None)
    running.open_streams(mux)
    mux.run([*early, *channel.left()])


def _watched(channel: Channel) -> Callable[[float], float]:
    """How to see whether there is a host; a machine that cannot do so any more is ended from outside.

    The kernel writes to a console of Xen's in a loop: it stands still when nobody is there who reads.
    """
    dog = machine.watchdog(WATCHDOG, DOG)

    def look(now: float) -> float:
        due = channel.look(now)
        if dog >= 0:
            os.write(dog, b"\0")
        return due

    return look


def _start(channel: Channel, early: list[Frame]) -> Start:
    """What the host wants us to run. Raises HungUp. Clients, and who stops the pod, may come before: `early`."""
    from podwright.stage1.kvm import codec

    data = b""
    while True:
        frame: Frame = channel.wait(time.monotonic() + boot.PATIENCE)
        if frame.kind == frames.CLOCK:
            machine.set_clock(int(frame.data))
        elif frame.kind != frames.START:
            early.append(frame)
        if frame.kind != frames.START:
            continue
        if not frame.data:
            found: Start = codec.decode(data)
            return found
        data += frame.data


def _go(told: Any, running: Running, mux: Mux) -> None:
    """The network is there: so are its devices here."""
    if told.get("nics"):
        from podwright.guest import nics

        nics.apply(told["nics"])
    go = link.Go(*(told.get(name) or "" for name in ("address", "metadata", "resolv")))
    running.go(go, mux)


def _failed(channel: Optional[Channel], err: BaseException) -> None:
    """Say why there is no pod."""
    from podwright.text import safe

    reason, stage, hint = "launch-failed", "launch", ""
    text = f"the machine cannot run the pod: {safe(err) or type(err).__name__}"
    if isinstance(err, PodwrightError):
        reason, stage, text, hint = err.reason, err.stage, err.message, err.hint
    if channel is None:
        os.write(2, f"podwright: {text}\n".encode("utf-8", "replace"))
        return
    line = link.encode(link.FAILED, reason, stage, text, hint)
    channel.send(frames.REPORT, 0, line.rstrip(b"\n"))
    channel.send(frames.BYE)


def _end(channel: Optional[Channel], *, off: bool) -> None:
    """All that was written is where it belongs; then the power goes off."""
    try:
        if channel is None:
            _sync_by(LAST)
        else:
            step("sync")
            os.sync()
            _heard(channel)
    except HungUp:
        pass
    finally:
        if off:
            machine.power_off()
        machine.restart()


def _sync_by(seconds: float) -> None:
    """Whoever has our files may be gone, too: then this would never end."""
    pid = os.fork()
    if not pid:
        step("sync")
        os.sync()
        os._exit(0)
    wait = select.poll()
    wait.register(os.pidfd_open(pid), select.POLLIN)
    wait.poll(seconds * 1000)


def _heard(channel: Channel) -> None:
    """Wait until the host has heard it, too: what is in a device is lost with its power."""
    until = time.monotonic() + LAST
    while channel.wait(until).kind != frames.BYE:
        pass
