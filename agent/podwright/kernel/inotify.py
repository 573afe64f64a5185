# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Being told that something has changed in directories (inotify(7)); what it was is for others to find out."""

from __future__ import annotations

import ctypes
import errno
import os
import select

_libc = ctypes.CDLL(None, use_errno=True)
_CREATE, _DELETE = 0x100, 0x200
_MOVED_FROM, _MOVED_TO, _CLOSE_WRITE = 0x40, 0x80, 0x8
_ONLY_DIRECTORY = 0x01000000
WHAT = _CREATE | _DELETE | _MOVED_FROM | _MOVED_TO | _CLOSE_WRITE | _ONLY_DIRECTORY
MOST = 65536


class Watch:
    """Watches directories. They are looked up again with `on`, as they come and go."""

    def __init__(self) -> None:
        self.fd = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        self._wake, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def on(self, path: str) -> bool:
        """Watch a directory too, whether it was watched before or not; False when it cannot be."""
        return bool(_libc.inotify_add_watch(self.fd, os.fsencode(path), WHAT) >= 0)

    def wait(self, seconds: float) -> bool:
        """Wait for a change or `wake`, at most so long; whether there was one. Takes all that there are."""
        ready, _, _ = select.select([self.fd, self._wake], [], [], seconds)
        for fd in ready:
            try:
                while len(os.read(fd, MOST)) >= MOST // 2:
                    continue
            except OSError as err:
                if err.errno != errno.EAGAIN:
                    raise
        return bool(ready)

    def wake(self) -> None:
        """End a `wait` in another thread."""
        try:
            os.write(self._waker, b".")
        except BlockingIOError:
            return  # it is going to end anyway

    def close(self) -> None:
        """Watch nothing any more."""
        for fd in (self.fd, self._wake, self._waker):
            os.close(fd)
