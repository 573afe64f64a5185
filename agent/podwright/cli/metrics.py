# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright metrics`: numbers for monitoring, printed, written to a file, or served."""

from __future__ import annotations

import os
import sys

from podwright.cli import durations
from podwright.cli.context import Context, note
from podwright.errors import HostError, UsageError
from podwright.metrics import text
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments


def run(context: Context, args: Arguments) -> int:
    """Returns 0 also when parts of the host could not be read: a metric says so."""
    path, serve = args.text("textfile"), args.true("serve")
    if path and serve:
        raise UsageError("--textfile and --serve exclude each other", "leave one out")
    if not serve and (args.given("listen") or args.given("idle")):
        raise UsageError("--listen and --idle need --serve", "add it, or leave them out")
    if serve:
        return _serve(context, args)
    from podwright.metrics import collect

    form = args.text("format") or (text.PROMETHEUS if path else text.OPENMETRICS)
    if path:
        _check(path)
    _begin(context)
    shown = text.render(collect.everything(context.layout, note), form)
    if path:
        _write(path, shown.encode("utf-8", "replace"))
    else:
        sys.stdout.write(shown)
    return 0


def _begin(context: Context) -> None:
    """Root wants to know what is refused from now on."""
    from podwright.host import counters

    if os.geteuid() == 0 and not os.path.lexists(counters.path(context.layout)):
        counters.begin(context.layout)


def _check(path: str) -> None:
    """Refuse what would have others read, or write, what they should not."""
    if not os.path.isabs(path) or not path.endswith(".prom"):
        raise UsageError(
            f"--textfile: {safe(path, 200)!r} is not the absolute path of a .prom file",
            "node_exporter reads nothing else: --textfile="
            "/var/lib/prometheus/node-exporter/podwright.prom",
        )


def _write(path: str, data: bytes) -> None:
    """Replace the file in one step. Its directory is opened once, and must be nobody else's."""
    from podwright.kernel import fs

    folder, name = os.path.split(path)
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as err:
        raise HostError(
            f"--textfile: {safe(folder, 200)} cannot be opened: {err.strerror}",
            "it has to be a directory, and no link to one",
            object=safe(folder, 200),
        ) from None
    try:
        info = os.fstat(fd)
        if info.st_uid not in (0, os.geteuid()) or info.st_mode & 0o022:
            raise HostError(
                f"--textfile: others can write to {safe(folder, 200)}",
                "choose a directory that only root can write to, such as the node exporter's own",
                object=safe(folder, 200),
                reason="unsafe-directory",
            )
        try:
            before = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            before = None
        if before is not None and not _is_plain(before):
            raise HostError(
                f"--textfile: {safe(path, 200)} is no file of ours",
                "find out who made it, and remove it",
                object=safe(path, 200),
                reason="unsafe-file",
            )
        fs.replace_at(fd, name, data, 0o644, durable=False)
    finally:
        os.close(fd)


def _is_plain(info: os.stat_result) -> bool:
    import stat

    return stat.S_ISREG(info.st_mode) and info.st_uid in (0, os.geteuid())


def _serve(context: Context, args: Arguments) -> int:
    import asyncio

    from podwright.host import systemd
    from podwright.metadata import sockets
    from podwright.metrics import collect, endpoint

    given = sockets.inherited()
    if given and args.given("listen"):
        raise UsageError("--listen: systemd has opened the socket already", "leave it out")
    place = args.text("listen", "127.0.0.1:18113")
    if not given:
        try:
            given = [endpoint.listen(place)]
        except ValueError:
            raise UsageError(
                f"--listen: {safe(place, 80)!r} is not ADDRESS:PORT",
                "write it like 127.0.0.1:18113 or [::1]:18113",
            ) from None
        idle = 0.0
    else:
        place, idle = "the socket of systemd", 60.0
    if args.given("idle"):
        idle = durations.seconds(args.text("idle"), "--idle")
    _begin(context)
    served = endpoint.Endpoint(given, lambda: collect.everything(context.layout, note), note, idle)

    def ready() -> None:
        note(f"metrics: listens on {place}")
        systemd.notify("READY=1")

    try:
        asyncio.run(served.run(ready))
    finally:
        for each in given:
            each.close()
    return 0
