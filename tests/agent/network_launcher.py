# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for the pod's launcher in network tests: locks a pod directory, holds a namespace, uses NetWorker.

Run as `python3 -IS network_launcher.py AGENT_TREE REQUEST_JSON`. Prints one line of JSON when the network is up
(`pod`: pid in the pod's namespace, `worker`, `result`) or has failed (`error`), then waits: a line on standard input
or its end tears the network down, prints a line, and exits.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import sys
import time
from typing import Any


def _namespace_holder() -> int:
    """A process in a network namespace of its own that ends with us; returns its pid when it is there."""
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(1, signal.SIGKILL)
        if libc.unshare(0x40000000) != 0:
            os._exit(1)
        os.closerange(0, told)
        os.write(told, b".")
        os.close(told)
        while True:
            time.sleep(1000)
    os.close(told)
    assert os.read(ready, 1) == b"."
    os.close(ready)
    return pid


def _holder(first: bool) -> int:
    """The same; `first`: as the first process of a PID namespace, too."""
    if not first:
        return _namespace_holder()
    libc = ctypes.CDLL(None, use_errno=True)
    own = os.open("/proc/self/ns/pid", os.O_RDONLY)
    assert libc.unshare(0x20000000) == 0
    pid = _namespace_holder()
    assert libc.setns(own, 0x20000000) == 0
    os.close(own)
    return pid


def _say(**line: object) -> None:
    print(json.dumps(line), flush=True)


def _shown(result: Any) -> dict[str, Any]:
    """The first network, with the address that published ports lead to."""
    return {**result.networks[0], "ip": result.ip, "networks": list(result.networks)}


class _Machine:
    """A pod in a virtual machine, as far as its network goes: the guest is another network namespace.

    Between its devices and the pod's taps a process passes packets on, as QEMU does.
    """

    def __init__(self, request: Any, pod: int, bridged: bool) -> None:
        from podwright.kernel.rtnl import entered
        from podwright.stage1.kvm import nic

        self.pod = os.open(f"/proc/{pod}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.bridged = bridged
        wires = nic.expect(request.nets, request.conf_dirs)
        with entered(self.pod):
            self.taps = nic.make_taps(wires)
        self.guest = _namespace_holder()
        self.relay = 0

    def up(self) -> None:
        """The pod's network is there: so it is in the guest."""
        from podwright.guest import nics
        from podwright.kernel import tap
        from podwright.kernel.rtnl import entered
        from podwright.stage1.kvm import nic

        with entered(self.pod):
            go = nic.connect(self.taps, bridged=self.bridged)
        guest = os.open(f"/proc/{self.guest}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        devices: list[int] = []
        with entered(guest):
            for one in reversed(self.taps):  # a kernel finds them in an order of its own
                devices.insert(0, tap.make(f"eth{len(devices)}"))
                _set_mac(f"eth{len(devices) - 1}", one.mac)
        self._pass_on(devices)
        with entered(guest):
            nics.apply(json.loads(json.dumps(go)))
        os.close(guest)

    def _pass_on(self, devices: list[int]) -> None:
        pairs = list(zip((one.fd for one in self.taps), devices))
        self.relay = os.fork()
        if self.relay == 0:
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)
            _relay(pairs)
        for fd in (fd for pair in pairs for fd in pair):
            os.close(fd)

    def end(self) -> None:
        """As a machine's end."""
        for pid in (self.relay, self.guest):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(self.pod)


def _set_mac(name: str, mac: str) -> None:
    from podwright.kernel.rtnl import Rtnl, if_nametoindex
    from podwright.net import linkmessages
    from podwright.net.links import Change

    rtnl = Rtnl()
    rtnl.call("mac", linkmessages.changed(if_nametoindex(name), Change(name, mac=mac)))
    rtnl.close()


def _relay(pairs: list[tuple[int, int]]) -> None:
    """Pass packets on in both directions, large ones and those with unfinished checksums as they are."""
    import select

    tunsetoffload, large = 0x400454D0, 1 | 2 | 4
    other = {}
    poll = select.poll()
    for one, two in pairs:
        other[one], other[two] = two, one
        for fd in (one, two):
            fcntl.ioctl(fd, tunsetoffload, large)
            poll.register(fd, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            try:
                os.write(other[fd], os.read(fd, 1 << 17))
            except OSError:
                continue  # a link that is down, or packets of what has ended


def main(tree: str, text: str) -> None:
    sys.path.insert(0, tree)
    from podwright.errors import PodwrightError
    from podwright.net.values import NetRequest
    from podwright.net.worker import NetWorker

    options = json.loads(text)
    request = NetRequest.from_json(options["request"])
    pod_dir = f"{request.alive}/{request.uuid}"
    os.makedirs(pod_dir, exist_ok=True)
    lock = os.open(pod_dir, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    begin = time.perf_counter()
    worker = NetWorker() if options.get("early") else NetWorker(request)
    if options.get("early"):
        worker.ask(request)
    pod = os.getpid() if options.get("no_namespace") else _holder(bool(options.get("first")))
    machine = None
    try:
        if options.get("machine"):
            machine = _Machine(request, pod, bool(options.get("bridged")))
        if options.get("hold_before_start"):
            _say(waiting=True)
            sys.stdin.readline()
        worker.start(pod)
        result = worker.wait()
        if machine is not None:
            machine.up()
    except PodwrightError as err:
        if options.get("die_on_error"):
            os.kill(os.getpid(), signal.SIGKILL)
        worker.teardown()  # as real launchers do; nothing is left to do where the worker itself has failed
        _say(error=err.sentence(), kind=type(err).__name__, reason=err.reason)
        return
    seconds = time.perf_counter() - begin
    inside = machine.guest if machine is not None else pod
    _say(pod=inside, netns=pod, result=_shown(result), seconds=seconds)
    sys.stdin.readline()
    if machine is not None:
        machine.end()
    os.kill(pod, signal.SIGKILL)
    os.waitpid(pod, 0)
    begin = time.perf_counter()
    worker.teardown()
    seconds = time.perf_counter() - begin
    worker.teardown()
    _say(down=True, seconds=seconds)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
