# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Deliver events: to a command on its standard input, to an address as a POST. Bounded, and without secrets in argv.

Run as a program it is the courier of podwright.fleet.notify: on its standard input comes a target as JSON in one
line, then an event in each line; what could not be delivered it says on standard output. It is a process of its
own so that the play never waits for a delivery, and is never forked in the middle of one.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from types import FrameType
from typing import Any, NamedTuple, NoReturn, Optional

LIMIT = 64 * 1024
"""Bytes of an event; what is longer has its long lists cut."""
MOST_SAID = 20
"""Failures that the courier tells of."""
NAMED = 100
"""Hosts that an event of the fleet names when it is too long."""


class NotifyError(Exception):
    """An event could not be delivered, or the options do not say where to."""


class Target(NamedTuple):
    """Where events go. `token` is sent as a bearer's."""

    command: tuple[str, ...] = ()
    url: str = ""
    token: str = ""
    timeout: float = 10.0


def target(
    command: list[str], url: str, token: str, token_file: str, timeout: float
) -> Target:  # fmt: skip
    """A checked target. Raises NotifyError."""
    if not 0 < timeout <= 300:
        raise NotifyError(f"timeout: {timeout:g} is not between 0 and 300 seconds")
    if command and not os.path.isabs(command[0]):
        raise NotifyError(
            f"command: {command[0]!r} is not an absolute path; write where the program is"
        )
    if token_file:
        token = _secret(token_file)
    if url:
        _check(url)
    elif token:
        raise NotifyError("token: there is no url that it could be sent to")
    if not token.isprintable() or not token.isascii():
        raise NotifyError("token: it has characters that cannot be in a header")
    return Target(tuple(command), url, token, timeout)


def _check(url: str) -> None:
    try:
        parts = urllib.parse.urlsplit(url)
        sound = parts.port != 0 and url.isascii() and url.isprintable() and " " not in url
    except ValueError:
        sound = False
    if not sound:
        raise NotifyError(
            "url: it is no address; write https://HOST/PATH, with %20 for a space and the like"
        )
    if parts.scheme != "https":
        # the address may have a secret in its path, as those of chats have
        raise NotifyError("url: only https is spoken; what is sent tells about hosts and pods")
    if not parts.hostname or parts.username or parts.password:
        raise NotifyError(
            "url: it must have a host and no log-in; a secret belongs into token_file"
        )


def _secret(path: str) -> str:
    place = os.path.expanduser(path)
    try:
        with open(place, encoding="utf-8") as file:
            return file.read(10000).strip()
    except OSError as error:
        raise NotifyError(f"token_file: {place} cannot be read: {error.strerror}") from None
    except ValueError:
        raise NotifyError(f"token_file: {place} is not text") from None


def encoded(event: dict[str, Any]) -> bytes:
    """An event as one line of JSON of bounded length."""
    data = json.dumps(event, sort_keys=True, default=str).encode("ascii")
    if len(data) <= LIMIT:
        return data + b"\n"
    short = {name: _cut(content) for name, content in event.items()}
    data = json.dumps({**short, "cut": True}, sort_keys=True, default=str).encode("ascii")
    if len(data) > LIMIT:
        kept = ("event", "rollout", "run", "time", "phase", "batch", "host", "reason")
        least = {name: str(event[name])[:1000] for name in kept if name in event}
        data = json.dumps({**least, "cut": True}, sort_keys=True).encode("ascii")
    return data + b"\n"


def _cut(content: Any) -> Any:
    if isinstance(content, str):
        return content[:4000]
    if isinstance(content, list):
        return content[:NAMED]
    return dict(list(content.items())[:NAMED]) if isinstance(content, dict) else content


def run(where: Target, data: bytes) -> None:
    """Run the command; it and all that it has started are ended when it takes too long. Raises NotifyError."""
    name = os.path.basename(where.command[0])
    try:
        process = subprocess.Popen(
            where.command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True, close_fds=True,
        )  # fmt: skip
    except OSError as error:
        raise NotifyError(f"{where.command[0]} cannot be started: {error.strerror}") from None
    try:
        _out, said = process.communicate(data, where.timeout)
    except subprocess.TimeoutExpired:
        raise NotifyError(f"{name} has not ended within {where.timeout:g} s") from None
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
    if process.returncode:
        last = said.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise NotifyError(f"{name} ended with {process.returncode}: {''.join(last)[:300]}")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token elsewhere."""

    def redirect_request(self, *arguments: Any, **more: Any) -> NoReturn:
        raise NotifyError("the address answers with a redirect, which is not followed")


def post(where: Target, data: bytes) -> None:
    """POST the event. Raises NotifyError, whose text has the address's host only."""
    host = urllib.parse.urlsplit(where.url).hostname
    headers = {"Content-Type": "application/json", "User-Agent": "podwright.fleet.notify"}
    request = urllib.request.Request(where.url, data, headers, method="POST")
    if where.token:
        request.add_unredirected_header("Authorization", f"Bearer {where.token}")
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=where.timeout):
            return
    except urllib.error.HTTPError as error:
        with error:
            raise NotifyError(f"{host} answers with status {error.code}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error.__class__.__name__
        raise NotifyError(f"{host} cannot be reached: {str(reason)[:300]}") from None
    except http.client.HTTPException as error:
        raise NotifyError(f"{host} answers with no HTTP ({error.__class__.__name__})") from None


@contextlib.contextmanager
def _within(where: Target) -> Iterator[None]:
    """Raise NotifyError in what takes longer than `timeout`: a socket's own is for each answer of a few bytes.

    For the main thread of a process whose clock nobody else has.
    """

    def over(_number: int, _frame: Optional[FrameType]) -> NoReturn:
        host = urllib.parse.urlsplit(where.url).hostname
        raise NotifyError(f"{host} has not answered within {where.timeout:g} s")

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, where.timeout)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _post_within(where: Target, data: bytes) -> None:
    with _within(where):
        post(where, data)


def deliver(where: Target, data: bytes) -> list[str]:
    """Deliver an event to all that want it; what went wrong. For the courier's own process, see `_within`."""
    wrong = []
    ways = ((bool(where.command), run), (bool(where.url), _post_within))
    for wanted, way in ways:
        try:
            if wanted:
                way(where, data)
        except NotifyError as error:
            wrong.append(str(error))
    return wrong


def _asked_to_end(_number: int, _frame: Optional[FrameType]) -> NoReturn:
    sys.exit(1)


def courier() -> None:
    """See the module."""
    signal.signal(signal.SIGTERM, _asked_to_end)
    given = json.loads(sys.stdin.buffer.readline())
    where = Target(tuple(given["command"]), given["url"], given["token"], given["timeout"])
    said = 0
    for line in sys.stdin.buffer:
        for wrong in deliver(where, line):
            said += 1
            if said <= MOST_SAID:
                sys.stdout.write(f"{wrong!a}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    courier()
