# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright api-service`: answers programs over gRPC, until it is stopped or nobody is there."""

from __future__ import annotations

import os

from podwright.cli import durations
from podwright.cli.context import Context, note
from podwright.errors import HostError, UsageError
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from podwright.cli.options import Arguments

IDLE = 60.0


def run(context: Context, args: Arguments) -> int:
    """Returns 0 when it was asked to stop, or nobody needs it any more."""
    from podwright.api import schema, server
    from podwright.host import systemd
    from podwright.metadata import sockets

    schema.load()  # before anything listens
    given = sockets.inherited()
    if given and args.given("listen"):
        raise UsageError("--listen: systemd has opened the socket already", "leave it out")
    place = "the socket of systemd" if given else args.text("listen", "localhost:15441")
    idle = IDLE if given else 0.0
    if args.given("idle"):
        idle = durations.seconds(args.text("idle"), "--idle")
    made = "" if given or not place.startswith("unix:") else place[5:]
    listening = given or [_unix(made) if made else _tcp(place)]

    def ready() -> None:
        note(f"api service: listens on {safe(place, 200)}")
        systemd.notify("READY=1")

    try:
        server.run(context, listening, idle, note, ready)
        systemd.notify("STOPPING=1")
    finally:
        for each in listening:
            each.close()
        if made:
            from podwright.kernel import fs

            fs.unlink(made)
    return 0


def _tcp(place: str) -> socket.socket:
    from podwright.metrics import endpoint

    try:
        return endpoint.listen(place)
    except ValueError:
        raise UsageError(
            f"--listen: {safe(place, 80)!r} is neither ADDRESS:PORT nor unix:/PATH",
            "write it like localhost:15441 or unix:/run/podwright/api.sock",
        ) from None


def _unix(path: str) -> socket.socket:
    """A socket that root and the group podwright may connect to; one that nobody serves is replaced."""
    import socket

    from podwright.host import groups
    from podwright.kernel import fs

    if not path.startswith("/") or len(os.fsencode(path)) > 107:
        raise UsageError(f"--listen: {safe(path, 200)!r} is not the absolute path of a socket")
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            if os.path.lexists(path) and probe.connect_ex(path) != 0 and _is_socket(path):
                fs.unlink(path)
        made.bind(path)
        gid = groups.gid(groups.FETCHERS)
        if gid is not None and os.geteuid() == 0:
            from podwright.kernel.step import step

            step("chown")
            os.chown(path, 0, gid, follow_symlinks=False)
        made.listen(128)
    except OSError as err:
        made.close()
        raise HostError(
            f"cannot listen on {safe(path, 200)}: {err.strerror}",
            "give another path with --listen, or end who uses it",
            object=safe(path, 200),
        ) from None
    finally:
        os.umask(before)
    return made


def _is_socket(path: str) -> bool:
    import stat

    return stat.S_ISSOCK(os.lstat(path).st_mode)
