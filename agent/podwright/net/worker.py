# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of one pod, set up by a child process while the launcher prepares roots.

The child is what imports pyroute2, so that the process which waits for the pod stays small,
and the 20 ms of import run beside other work. It dies with its parent.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import NetworkError
from podwright.net.plan import NetResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from podwright.net.plan import NetRequest

PR_SET_PDEATHSIG = 1
SIGKILL = 9


class NetWorker:
    """One pod's network, from a fork at once to `teardown`.

    The pod's directory under `request.alive` must be locked by the caller already, and stay
    so until `teardown`. Order of calls: start, wait, teardown; teardown at any time.
    """

    def __init__(self, request: NetRequest) -> None:
        self._request = request
        self._ip = ""
        self._torn_down = False
        orders, self._orders = os.pipe2(os.O_CLOEXEC)
        self._answers, answers = os.pipe2(os.O_CLOEXEC)
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _child(request, orders, answers, parent)
        os.close(orders)
        os.close(answers)

    def start(self, init_pid: int) -> None:
        """The pod's network namespace is that of this process from now on."""
        try:
            os.write(self._orders, str(init_pid).encode())
        except BrokenPipeError:
            return  # it has failed already; wait() says why

    def wait(self) -> NetResult:
        """Wait until the network works.

        Raises NetworkError; then all that was done has been undone.
        """
        answer = self._collect()
        if "error" in answer:
            self._torn_down = True
            error = answer["error"]
            raise NetworkError(
                error["message"],
                error["hint"],
                object=error["object"],
                reason=error["reason"] or None,
            )
        self._ip = answer["ip"]
        return NetResult(
            answer["netName"],
            answer["ifName"],
            answer["ip"],
            answer["gateway"],
            answer["hostIf"],
            answer["mask"],
            self._request.ports,
        )

    def teardown(self) -> None:
        """Give everything back; at the pod's end, or when it will not start. Idempotent.

        After the pod's end its link is left to the kernel, which removes it with the pod's
        namespace. Raises NetworkError or LockedError; gc then finishes it.
        """
        if self.pid:
            os.kill(self.pid, SIGKILL)
            self._finish()
        if not self._torn_down:
            from podwright.net.gc import release

            release(self._request.net_dir, self._request.uuid, self._ip, link=not self._ip)
            self._torn_down = True

    def _collect(self) -> dict[str, Any]:
        """Read the answer and reap the worker; a worker without an answer is cleaned up after."""
        text = b""
        while True:
            block = os.read(self._answers, 65536)
            if not block:
                break
            text += block
        status = self._finish()
        if text:
            answer: dict[str, Any] = jsonio.loads(text, "network worker")
            return answer
        self.teardown()
        code = os.waitstatus_to_exitcode(status)
        how = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        message = f"pod {self._request.name or self._request.uuid}: the network worker {how}"
        raise NetworkError(message, object=self._request.uuid)

    def _finish(self) -> int:
        """Close the pipes, reap the worker, and return its wait status."""
        os.close(self._orders)
        os.close(self._answers)
        pid, self.pid = self.pid, 0
        try:
            return os.waitpid(pid, 0)[1]
        except ChildProcessError:
            return 0


def _child(request: NetRequest, orders: int, answers: int, parent: int) -> NoReturn:
    """The worker's life; never returns into the launcher's code."""
    status = 1
    try:
        _isolate(frozenset((0, 1, 2, orders, answers)), parent)
        from podwright.net.setup import serve

        serve(request, orders, answers)
        status = 0
    finally:
        os._exit(status)


def _isolate(keep: frozenset[int], parent: int) -> None:
    """Die with the parent, leave signals to it, and hold nothing of it: not the pod's lock."""
    import ctypes
    import gc
    import signal

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    gc.disable()  # a file object of the parent that is collected here would close our descriptors
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in keep and os.path.exists(f"/proc/self/fd/{name}"):
            os.close(int(name))
