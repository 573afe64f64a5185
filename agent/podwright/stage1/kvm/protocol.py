# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod's host and guest agree on beyond the `frames` themselves. Pure.

In this order: HELLO by the guest; START by the host, in pieces, with an encoded `Start`; GO when
the network is there. From HELLO on the guest may say REPORT, also `failed` when it cannot go on.
At the end: all outputs, REPORT `done` or `failed` as the last one, BYE, which the host answers with BYE
(or by ending the machine itself); then the power goes off.
When the channel is hung up, the guest's power goes off at once. A channel over a console of Xen's is never
hung up, and somebody in between keeps what nobody reads: there the guest says PING, which the
host answers, at least every few seconds, and then and now while it sends much.

HELLO  {"protocol": 1, "release": the kernel's, "boot": seconds from the kernel's begin to /init,
        "ready": seconds from there to HELLO}
GO     {"address", "metadata", "resolv": as in `link.Go`, "nics": what `nicplan` says}

Streams. The host's have odd numbers, the guest's even ones; no number is used twice, and frames of
a stream that is not, or no more, there are passed over. Each direction begins with `WINDOW` bytes
that may be sent. EOF ends one direction; CLOSE ends both at once, and is not answered.

  OPEN by the guest
  {"for": "output", "app", "name": stdout | stderr}
           DATA by the guest: what the app writes, as it is; EOF when nothing more comes. The host
           may CLOSE it: what is written then is lost, and the app is not held up.
  {"for": "input", "app"}
           DATA by the host: what an interactive app without a terminal reads; EOF: its end.
  {"for": "terminal", "of": 0 or a control stream}
           DATA by both: of an interactive pod's terminal (0), or of what was entered; TELL by the
           host: {"rows", "columns"}; EOF by the guest when nobody has it open any more;
           CLOSE by the host: it is hung up. That of a control stream belongs to the next line
           that comes on it (`started`).

  OPEN by the host
  {"for": "control"}
           A client of the pod's control socket. DATA by both: lines of `link`, as client and PID 1
           say them, whole or in pieces; CLOSE by whoever has gone. The control groups that a
           client hands over are the host's, and stay there: the guest makes its own ones, and
           says so in the line's place.
  {"for": "fd", "of": a control stream, "way": in | out | both}
           A descriptor that the client hands over, opened before DATA with the line that it belongs
           to. in: DATA by the host (what the process reads), EOF; out: DATA by the guest, EOF;
           both: a socket, DATA and EOF in both directions.
"""

from __future__ import annotations

from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.stage1.namespaces.plan import PodPlan

OUTPUT, INPUT, TERMINAL, CONTROL, PASSED = "output", "input", "terminal", "control", "fd"
IN, OUT, BOTH = "in", "out", "both"

PORT = "podwright.0"
"""Name of the virtio-serial port."""
TAG = "pod"
"""Of the share with the pod's root; the guest has it at `SHARE`."""
SHARE = "/pod"


@value
class DiskAt:
    """A block device of the host at `where` in an app: that of the guest with this serial, or this name.

    access      r, w or rw, as `mountplan.Device` has it
    mode, uid, gid    of the node, as the pod sees it
    """

    app: str
    where: str
    serial: str
    access: str = "rw"
    mode: int = 0o660
    uid: int = 0
    gid: int = 0


@value
class Start:
    """What the guest is to run.

    plan      with `machine` THERE, `root` SHARE, and without users, label, journal and devices
    filters   compiled seccomp programs, by app
    now       nanoseconds since the epoch
    terminal  an interactive pod has one, with so many rows and columns; `size` (0, 0): unknown
    together  stdout and stderr go to the same place, so that their order counts
    outer     whether somebody on the host hears what apps say to their service manager (OUTER)
    watchdog  in how many seconds that wants signs of life, or 0
    rlimits   of who runs the pod on the host, which its apps have, too: (name, soft, hard)
    seed      for the guest's randomness, of which a young machine has none where its processor gives none
    """

    plan: PodPlan
    filters: dict[str, bytes]
    now: int
    terminal: bool = False
    size: tuple[int, int] = (0, 0)
    together: bool = False
    outer: bool = False
    watchdog: float = 0.0
    disks: tuple[DiskAt, ...] = ()
    rlimits: tuple[tuple[str, int, int], ...] = ()
    seed: bytes = b""


def pieces(data: bytes, longest: int) -> list[bytes]:
    """START's frames; the last one is empty."""
    return [*(data[at : at + longest] for at in range(0, len(data), longest)), b""]
