# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pod directories: the state of a pod is the directory it lies in and whether it is locked (B9).

The lock is an exclusive flock on the pod's directory itself. Whoever only looks takes a shared
one for an instant; so those who need it exclusively wait a little before they give up.
"""

from __future__ import annotations

import errno
import os
import time

from podwright import jsonio
from podwright.errors import LockedError, NotFoundError, PodwrightError, StoreError, UsageError
from podwright.host.lock import try_lock
from podwright.kernel import beneath, fs
from podwright.model.names import is_pod_name, is_uuid
from podwright.text import safe
from podwright.values import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Optional

    from podwright.host.paths import Layout

EMBRYO, PREPARE, PREPARED, RUN = "embryo", "prepare", "prepared", "run"
EXITED_GARBAGE, GARBAGE = "exited-garbage", "garbage"
DIRECTORIES = (EMBRYO, PREPARE, PREPARED, RUN, EXITED_GARBAGE, GARBAGE)
STATE_NAMES = {
    (EMBRYO, True): "embryo",
    (EMBRYO, False): "embryo",
    (PREPARE, True): "preparing",
    (PREPARE, False): "aborted prepare",
    (PREPARED, True): "prepared",
    (PREPARED, False): "prepared",
    (RUN, True): "running",
    (RUN, False): "exited",
    (EXITED_GARBAGE, True): "exited deleting",
    (EXITED_GARBAGE, False): "exited garbage",
    (GARBAGE, True): "deleting",
    (GARBAGE, False): "garbage",
}
NO_FILE = frozenset(
    (
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EXDEV),
        *(errno.EINVAL, errno.EFBIG, errno.ENXIO, errno.ENODEV),
    )
)
"""What reading says of what is no file of ours."""
OPEN_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@value
class Pod:
    """A pod as seen at one moment: its directory and whether somebody held its lock.

    called  the name that it was looked for by, for messages; "" where that was its UUID
    """

    uuid: str
    directory: str
    locked: bool
    path: str
    called: str = ""

    @property
    def shown(self) -> str:
        """What who asked calls it: its name, or its UUID."""
        return self.called or self.uuid

    @property
    def state(self) -> str:
        """The state's name as `list` and `status` print it."""
        return STATE_NAMES[(self.directory, self.locked)]

    def read(self, name: str) -> str:
        """The text of a file of the pod, or "" when there is none; bytes that are no text are
        shown as escapes, so that a damaged pod can be listed and removed.

        A stage1 can have made anything of it: what is no file, a link or endless is as good as none.
        """
        try:
            data = beneath.read_regular(self.path, name, jsonio.MAX_BYTES)
        except OSError as err:
            if err.errno in NO_FILE:
                return ""
            raise
        return data.decode("utf-8", "backslashreplace")

    def read_json(self, name: str) -> Any:
        """A JSON file of the pod, or None when it is missing or damaged."""
        try:
            return jsonio.loads(self.read(name), f"{self.path}/{name}")
        except PodwrightError:
            return None

    def read_object(self, name: str) -> dict[str, Any]:
        """A JSON object of the pod, {} when it is missing or damaged."""
        raw = self.read_json(name)
        return raw if isinstance(raw, dict) else {}


class LockedPod:
    """A pod directory whose lock we hold; closing the descriptor lets it go."""

    def __init__(self, layout: Layout, uuid: str, directory: str, fd: int) -> None:
        self.layout = layout
        self.uuid = uuid
        self.directory = directory
        self.fd = fd

    @property
    def path(self) -> str:
        """Where the pod lies now."""
        return f"{self.layout.pods}/{self.directory}/{self.uuid}"

    def move(self, directory: str, *, durable: bool = True) -> None:
        """Change the pod's state: rename it into another state's directory."""
        source = self.path
        fs.rename(source, f"{self.layout.pods}/{directory}/{self.uuid}", durable=durable)
        self.directory = directory

    def close(self) -> None:
        """Let the lock go."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def ensure_directories(layout: Layout) -> None:
    """Make the state directories where they are missing."""
    if not os.path.isdir(f"{layout.pods}/{GARBAGE}"):
        for name in DIRECTORIES:
            fs.ensure_dir(f"{layout.pods}/{name}", 0o750)


def new_uuid() -> str:
    """A random (version 4) UUID."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def create(layout: Layout) -> LockedPod:
    """A new pod directory, locked, in state preparing."""
    ensure_directories(layout)
    uuid = new_uuid()
    path = f"{layout.pods}/{EMBRYO}/{uuid}"
    fs.mkdir(path, 0o750)
    fd = os.open(path, OPEN_DIR)
    pod = LockedPod(layout, uuid, EMBRYO, fd)
    lock_wait(fd, uuid, 5.0)
    pod.move(PREPARE, durable=False)
    return pod


def lock_wait(fd: int, uuid: str, timeout: float) -> None:
    """Take the lock, waiting as long as lookers may hold it shared."""
    deadline = time.monotonic() + timeout
    while not try_lock(fd):
        if time.monotonic() >= deadline:
            raise LockedError(
                f"pod {uuid} is in use by another process", "stop it first", object=uuid
            )
        time.sleep(0.005)


def lock(layout: Layout, pod: Pod, timeout: float = 1.0) -> LockedPod:
    """Lock a pod that was looked up; refuses one that moved or is in use."""
    try:
        fd = os.open(pod.path, OPEN_DIR)
    except FileNotFoundError:
        raise NotFoundError(
            f"pod {pod.uuid} has just changed its state", "try again", object=pod.uuid
        ) from None
    try:
        lock_wait(fd, pod.uuid, timeout)
        if os.stat(fd).st_ino != os.stat(pod.path).st_ino:
            raise LockedError(
                f"pod {pod.uuid} has just changed its state", "try again", object=pod.uuid
            )
    except FileNotFoundError:
        os.close(fd)
        raise LockedError(
            f"pod {pod.uuid} has just changed its state", "try again", object=pod.uuid
        ) from None
    except PodwrightError:
        os.close(fd)
        raise
    return LockedPod(layout, pod.uuid, pod.directory, fd)


def is_locked(path: str) -> bool:
    """Whether somebody holds the pod's lock exclusively; False for a directory that is gone."""
    try:
        fd = os.open(path, OPEN_DIR)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(fd, shared=True)
    finally:
        os.close(fd)


def get(layout: Layout, uuid: str) -> Optional[Pod]:
    """The pod of a full UUID, or None. Looks twice, since it may be renamed meanwhile."""
    for directory in DIRECTORIES * 2:
        path = f"{layout.pods}/{directory}/{uuid}"
        if os.path.isdir(path) and not os.path.islink(path):
            locked = is_locked(path)
            if os.path.isdir(path):
                return Pod(uuid, directory, locked, path)
    return None


def each(layout: Layout, directories: tuple[str, ...] = DIRECTORIES) -> Iterator[Pod]:
    """All pods in some states, by UUID; entries that are no pod directories are left alone."""
    for directory in directories:
        try:
            names = sorted(os.listdir(f"{layout.pods}/{directory}"))
        except FileNotFoundError:
            continue
        except PermissionError:
            raise _unreadable(layout) from None
        for name in names:
            if is_uuid(name):
                path = f"{layout.pods}/{directory}/{name}"
                try:
                    locked = is_locked(path)
                except NotADirectoryError:
                    continue
                yield Pod(name, directory, locked, path)


def _unreadable(layout: Layout) -> StoreError:
    return StoreError(
        f"{layout.pods} cannot be read by this user", "run as root or join group podwright"
    )


def instance(layout: Layout, name: str) -> str:
    """The UUID of the last instance of a named pod, or ""."""
    try:
        with open(f"{layout.named}/{name}/instance", encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""
    except PermissionError:
        raise _unreadable(layout) from None


def find(layout: Layout, text: str) -> Pod:
    """The pod of a UUID, a unique prefix of one, or a pod name."""
    if is_pod_name(text):
        named = instance(layout, text)
        pod = get(layout, named) if named else None
        if pod is not None:
            return replace(pod, called=text)
    # By UUID, since a pod that moves on meanwhile is met in both places; the later one counts.
    found = {
        pod.uuid: pod
        for pod in each(layout, (PREPARE, PREPARED, RUN, EXITED_GARBAGE))
        if pod.uuid.startswith(text) and text
    }
    matches = list(found.values())
    if len(matches) > 1:
        raise UsageError(
            f"pod {safe(text, 60)!r} is ambiguous: {len(matches)} UUIDs begin so",
            "give more digits",
            object=text,
        )
    if not matches:
        if is_pod_name(text) and os.path.lexists(f"{layout.named}/{text}/current"):
            raise NotFoundError(
                f"pod {text} has no instance now, only its revisions",
                f"start it: podwright start {text}, or see podwright history {text}",
                object=text,
            )
        raise NotFoundError(
            f"no pod is called {safe(text, 60)!r}",
            "podwright list shows the pods",
            object=safe(text, 60),
        )
    return matches[0]
