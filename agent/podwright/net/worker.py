# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of one pod, set up by a child process while the launcher does other things.

The child is what imports pyroute2 (20 ms, 10 MB), so that the process which waits for the pod
stays small and the import runs beside other work. It dies with its parent.

At the end another child takes everything back, and nobody waits for its end, only for its
word: a process that has removed anything from nftables stays in the kernel until a grace
period is over, some 20 ms.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import NetworkError, PodwrightError
from podwright.values import value
from podwright.values_json import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn, Optional

    from podwright.net.values import NetRequest

PR_SET_PDEATHSIG = 1
SIGKILL = 9


@value
class Result:
    """What a pod got.

    networks  `networks[]` of the pod (behaviour.md B10)
    ip        where its published ports lead, or ""
    resolv    what its networks want in resolv.conf, or ""
    """

    networks: tuple[dict[str, Any], ...]
    ip: str
    resolv: str = ""


class NetWorker:
    """One pod's network, from a fork at once to `teardown`.

    Order of calls: (ask,) start, wait, teardown; teardown at any time. Without a request the
    worker only gets ready; `ask` then gives it one: the earlier the fork, the less is waited
    for. From the request to `teardown` the caller holds the pod's directory under
    `request.alive` locked.
    """

    def __init__(self, request: Optional[NetRequest] = None) -> None:
        self._request: Optional[NetRequest] = None
        self._links: tuple[str, ...] = ()
        self._netns = -1
        self._held = False
        orders, self._orders = os.pipe2(os.O_CLOEXEC)
        self._answers, answers = os.pipe2(os.O_CLOEXEC)
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            _live(lambda: _serve(orders, answers, parent), (orders, answers))
        os.close(orders)
        os.close(answers)
        if request is not None:
            self.ask(request)

    @property
    def request(self) -> Optional[NetRequest]:
        """What was asked for."""
        return self._request

    def ask(self, request: NetRequest) -> None:
        """Say what is wanted; an address and the ports are taken now."""
        self._request = request
        self._held = True
        self._order(to_json(request))

    def start(self, init_pid: int) -> None:
        """The pod's network namespace is that of this process from now on."""
        try:
            # executables that made a link are told of it by this descriptor, and find it again
            self._netns = os.open(f"/proc/{init_pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._netns = -1  # it has ended; the worker says so
        self._order({"pid": init_pid, "netns": self._netns})

    def _order(self, order: dict[str, Any]) -> None:
        try:
            os.write(self._orders, jsonio.dumps(order).encode() + b"\n")
        except BrokenPipeError:
            return  # it has failed already; wait() says why

    def wait(self) -> Result:
        """Wait until the network works.

        Raises NetworkError; then all that was done has been undone.
        """
        line = _read_line(self._answers)
        if not line:
            self._report_death()
        self._end()
        answer = jsonio.loads(line, "network worker")
        if "error" in answer:
            self._held = False
            self._close_netns()
            _raise(answer["error"])
        self._links = tuple(answer["links"])
        if not answer["keep"]:
            self._close_netns()
        return Result(tuple(answer["networks"]), answer["ip"], answer["resolv"])

    def _report_death(self) -> NoReturn:
        """Undo what the worker did, and raise NetworkError."""
        code = os.waitstatus_to_exitcode(self._end())
        how = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        hint = ""
        try:
            self.teardown()
        except PodwrightError:
            hint = "what it had begun could not be taken back: run gc"
        raise NetworkError(f"network: the worker {how} before the network was up", hint)

    def held(self) -> Optional[dict[str, Any]]:
        """What `tear_down` needs besides the pod's UUID; None when there is nothing to give back."""
        if self._request is None or not self._held:
            return None
        return {
            "net_dir": self._request.net_dir,
            "links": list(self._links),
            "netns": self._netns,
            "run_dir": self._request.alive,
        }

    def teardown(self) -> None:
        """Give everything back; at the pod's end, or when it will not start. Idempotent.

        The link may be there for some more milliseconds: the kernel removes it in the
        background. Raises NetworkError or LockedError; gc then finishes it.
        """
        if self._pid:
            os.kill(self._pid, SIGKILL)
            self._end()
        if self._request is not None and self._held:
            self._held = False
            pod = (self._request.net_dir, self._request.uuid)
            tear_down(*pod, self._links, self._netns, self._request.alive)
        self._close_netns()

    def _close_netns(self) -> None:
        if self._netns >= 0:
            os.close(self._netns)
            self._netns = -1

    def _end(self) -> int:
        """Close the pipes and reap the worker; returns its wait status."""
        os.close(self._orders)
        os.close(self._answers)
        pid, self._pid = self._pid, 0
        try:
            return os.waitpid(pid, 0)[1]
        except ChildProcessError:
            return 0


def tear_down(
    net_dir: str, uuid: str, links: Sequence[str] = (), netns: int = -1, run_dir: str = ""
) -> None:
    """Give back what a pod has, by a child, waiting until it is done but not until it has ended.

    links    the host's ends, when known: nobody waits for their removal
    netns    a descriptor of the pod's network namespace, or -1
    run_dir  where the pod's directory is; "" when that is not known
    """
    answers, to_parent = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        keep = (to_parent, netns) if netns >= 0 else (to_parent,)
        _live(lambda: _release(net_dir, uuid, links, netns, run_dir, to_parent), keep)
    os.close(to_parent)
    line = _read_line(answers)
    os.close(answers)
    if not line:
        raise NetworkError(
            f"pod {uuid}: the network could not be given back", "run gc", object=uuid
        )
    answer = jsonio.loads(line, "network teardown")
    if "error" in answer:
        _raise(answer["error"])


def _raise(error: dict[str, str]) -> NoReturn:
    raise NetworkError(
        error["message"], error["hint"], object=error["object"], reason=error["reason"] or None
    )


def _read_line(fd: int) -> bytes:
    """One line, or b"" when the other side has ended without one."""
    text = b""
    while not text.endswith(b"\n"):
        block = os.read(fd, 65536)
        if not block:
            return b""
        text += block
    return text


def _live(work: Callable[[], None], keep: tuple[int, ...]) -> NoReturn:
    """A child's whole life: never returns into the launcher's code, holds nothing of it.

    Not the pod's lock, which would keep the pod alive, nor standard output, for whose end
    somebody may wait. Signals are the launcher's business.
    """
    status = 1
    try:
        import gc
        import signal

        gc.disable()  # a collected file object of the launcher would close a descriptor of ours
        signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        for name in os.listdir("/proc/self/fd"):
            if int(name) > 2 and int(name) not in keep and os.path.exists(f"/proc/self/fd/{name}"):
                os.close(int(name))
        work()
        status = 0
    finally:
        os._exit(status)


def _serve(orders: int, answers: int, parent: int) -> None:
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
    if os.getppid() == parent:
        from podwright.net.setup import serve

        serve(orders, answers)


def _release(
    net_dir: str, uuid: str, links: Sequence[str], netns: int, run_dir: str, answers: int
) -> None:
    from podwright.kernel.rtnl import delete_link
    from podwright.net import gc
    from podwright.net.setup import report

    answer: dict[str, Any] = {}
    path = f"/proc/{os.getpid()}/fd/{netns}" if netns >= 0 else ""
    try:
        gc.release(net_dir, uuid, links=not links, netns=path, run_dir=run_dir)
    except Exception as err:
        answer = {"error": report(err)}
    os.write(answers, jsonio.dumps(answer).encode() + b"\n")
    os.close(answers)
    for link in links:
        delete_link(link)
    gc.refresh_names(net_dir)
