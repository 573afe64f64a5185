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
    try:
        if options.get("hold_before_start"):
            _say(waiting=True)
            sys.stdin.readline()
        worker.start(pod)
        result = worker.wait()
    except PodwrightError as err:
        if options.get("die_on_error"):
            os.kill(os.getpid(), signal.SIGKILL)
        _say(error=err.sentence(), kind=type(err).__name__, reason=err.reason)
        return
    _say(pod=pod, result=_shown(result), seconds=time.perf_counter() - begin)
    sys.stdin.readline()
    os.kill(pod, signal.SIGKILL)
    os.waitpid(pod, 0)
    begin = time.perf_counter()
    worker.teardown()
    seconds = time.perf_counter() - begin
    worker.teardown()
    _say(down=True, seconds=seconds)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
