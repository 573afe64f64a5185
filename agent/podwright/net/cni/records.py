# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What executables have made for a pod, in the pod's directory, until it is taken back.

`net-plugins.json`, for root alone, durable: a kill or a reboot at any moment leaves what DEL
needs. The file is there from before the first ADD until after the last DEL.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import NetworkError, PodwrightError, StoreError, UsageError
from podwright.host.lock import HostLock
from podwright.kernel import fs
from podwright.net.cni import chain
from podwright.net.cni.chain import Made
from podwright.net.cni.protocol import Call
from podwright.net.ledger import is_locked
from podwright.net.values import VERSIONS
from podwright.stage1.namespaces.record import is_copy
from podwright.values_json import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = "net-plugins.json"
LOCK = "net-plugins.lock"
FORMAT = 1
MOST = 64 << 20
"""Bytes of a record that is read: configurations may be large, and each plugin of a chain has its own."""
_PATIENCE = 120.0
"""Seconds to wait for somebody else who is taking the same back."""


def path_in(directory: str) -> str:
    """The record of the pod that lies in `directory`."""
    return f"{directory}/{NAME}"


def exists(directory: str) -> bool:
    """Whether there is something to take back."""
    return os.path.lexists(path_in(directory))


def read(directory: str) -> tuple[Made, ...]:
    """One element for each network with executables; none without a record. Raises StoreError."""
    path = path_in(directory)
    try:
        with open(path, "rb") as file:
            raw = jsonio.loads(file.read(), path, limit=MOST)
        if raw["format"] != FORMAT:
            raise StoreError(f"{path}: has format {raw['format']}", "upgrade the agent")
        return tuple(map(_made, raw["networks"]))
    except FileNotFoundError:
        return ()
    except (UsageError, KeyError, TypeError, ValueError) as err:
        raise StoreError(
            f"{path}: cannot be read ({err}): what its plugins have made is not known",
            "take it back by hand, then remove the file",
            object=directory,
        ) from None


def _made(raw: dict[str, object]) -> Made:
    calls = raw["calls"]
    if raw["version"] not in VERSIONS or not isinstance(calls, list):
        raise ValueError(raw["version"])
    fields = {**raw, "calls": tuple(Call(**one) for one in calls)}
    return Made(**fields)  # type: ignore[arg-type]


def write(directory: str, networks: tuple[Made, ...]) -> None:
    """Replace the record; without any calls left there is none."""
    left = [to_json(one) for one in networks if one.calls]
    if not left:
        fs.unlink(path_in(directory))
        fs.fsync_dir(directory)
        return
    data = jsonio.dumps({"format": FORMAT, "networks": left}).encode()
    try:
        jsonio.loads(data, "what its plugins have answered", limit=MOST)
    except UsageError as err:  # the record of before tells enough for DEL
        raise NetworkError(
            f"network {networks[-1].calls[-1].net}: cannot be recorded: {err.message}",
            "see what its plugins answer, and its configuration",
            object=networks[-1].calls[-1].net,
            reason="unrecordable",
        ) from None
    fs.write_atomic(path_in(directory), data, 0o600)


def saver(directory: str, before: tuple[Made, ...]) -> Callable[[Made], None]:
    """For `chain.add`: what to save is one more network after those of `before`."""
    return lambda made: write(directory, (*before, made))


def undo(directory: str, netns: str = "") -> None:
    """Take back all that executables have made for the pod that lies in `directory`. Idempotent.

    netns  path of the pod's namespace while it is there
    The pod has ended, or the caller is its parent. Raises NetworkError when something could not
    be taken back; what is left stays in the record for the next time.
    """
    if not exists(directory):
        return
    try:
        _undo_held(directory, netns)
    except OSError as err:
        raise NetworkError(
            f"{path_in(directory)}: what network plugins have made could not be taken back: {err}",
            "run gc",
            object=directory,
        ) from err


def _undo_held(directory: str, netns: str) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        here = f"/proc/self/fd/{fd}"  # it may be moved to the garbage meanwhile
        with HostLock(f"{here}/{LOCK}", "network plugins", timeout=_PATIENCE):
            problems = _undo(here, netns)
    finally:
        os.close(fd)
    if problems:
        raise _all(problems)


def _undo(directory: str, netns: str) -> list[NetworkError]:
    networks = list(read(directory))
    problems: list[NetworkError] = []
    for index in reversed(range(len(networks))):

        def save(made: Made, index: int = index) -> None:
            networks[index] = made
            write(directory, tuple(networks))

        problems += chain.remove(networks[index], netns, save)
    return problems


def _all(problems: list[NetworkError]) -> NetworkError:
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return NetworkError(
        first.message + more, f"{first.hint}, then run gc", object=first.object, reason=first.reason
    )


def check(directory: str) -> None:
    """CHECK of all networks of a pod that runs. Raises NetworkError for the first that fails."""
    for made in read(directory):
        chain.check(made)


def pending(pods_dir: str) -> Iterator[str]:
    """Directories of pods that have ended and left a record.

    pods_dir  `<data>/pods`
    """
    for state in sorted(_names(pods_dir)):
        for uuid in sorted(_names(f"{pods_dir}/{state}")):
            directory = f"{pods_dir}/{state}/{uuid}"
            if exists(directory) and not is_locked(directory) and not is_copy(directory):
                yield directory


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []


def reclaim(pods_dir: str, net_dir: str = "") -> tuple[list[str], list[str]]:
    """Take back what ended pods have left; a line for each, and a sentence for each that failed.

    net_dir  where the ledger is: then plugins that can (1.1.0) are told which pods are left (GC)
    """
    done, problems = [], []
    networks: dict[str, Made] = {}
    for directory in pending(pods_dir):
        shown = f"pod {os.path.basename(directory)}"
        try:
            found = read(directory)
            undo(directory)
            networks.update((made.calls[-1].net, made) for made in found)
            done.append(f"network plugins of {shown}")
        except PodwrightError as err:
            problems.append(f"{shown}: {err.sentence()}")
        except OSError as err:
            problems.append(f"{shown}: {err}")
    if net_dir and networks:
        from podwright.net.cni import collector

        problems += collector.collect(net_dir, networks)
    return done, problems
