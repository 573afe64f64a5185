# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the PID 1 of a pod whose apps come and go for something, and wait for its answer."""

from __future__ import annotations

from podwright.errors import LaunchError
from podwright.kernel import unixsocket
from podwright.stage1.namespaces import enter, link
from podwright.stage2.control import FAILED

CHUNK = 65536


def ask(pod_dir: str, pod: str, kind: str, *fields: str, fds: tuple[int, ...] = ()) -> list[str]:
    """The fields of the answer. Raises LaunchError with the sentence of a refusal."""
    channel = enter.connect(pod_dir, pod)
    try:
        enter.send(channel, link.encode(kind, *fields), fds)
        data = b""
        while not data.endswith(b"\n"):
            piece, extra = unixsocket.receive(channel, CHUNK)
            if extra or not piece:
                raise LaunchError(f"pod {pod} has just ended", object=pod)
            data += piece
        unixsocket.receive(channel, CHUNK)  # PID 1 has let go of the connection, too
    except ConnectionResetError:
        raise LaunchError(f"pod {pod} has just ended", object=pod) from None
    finally:
        channel.close()
    word, *answer = link.decode(data[:-1])
    if word == FAILED:
        who = f"app {fields[0]}: " if fields else ""
        raise LaunchError(f"{who}{answer[1]}", object=fields[0] if fields else pod)
    return answer
