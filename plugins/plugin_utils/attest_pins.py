# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which key is which host's, in a directory on the controller, and what was last seen of its TPM.

One host has `HOST.json`, the pin, which belongs into version control, and `HOST.seen`, which
does not: it changes with each attestation.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import tempfile
import urllib.parse
from collections.abc import Iterator
from typing import Any, NamedTuple, Optional

from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_judge import Seen
from ansible_collections.podwright.fleet.plugins.plugin_utils.tpm_structures import whole

FORMAT = 1
BY = ("first_use", "endorsement_key", "certificate")
"""What may stand behind a pin, the weakest first."""

NAME = re.compile(r"000b[0-9a-f]{64}|000c[0-9a-f]{96}|000d[0-9a-f]{128}")
"""A key's name as it is written: the algorithm, and a hash."""


class PinError(ValueError):
    """A pin that is not there, or cannot be believed; `reason` is one stable word, `path` the file."""

    def __init__(self, message: str, reason: str, path: str) -> None:
        super().__init__(message)
        self.reason, self.path = reason, path


class Pin(NamedTuple):
    """A host's key.

    key          name of the attestation key
    endorsement  name of the endorsement key, in whose TPM it is
    certificate  SHA-256 of the endorsement key's certificate, "" if none was looked at
    by           one of BY: how it is known that the endorsement key is that of a TPM of ours
    time         when that was found out
    """

    key: str
    endorsement: str
    certificate: str
    by: str
    time: str

    def stronger(self, other: Pin) -> bool:
        """Whether better evidence stands behind it."""
        return BY.index(self.by) > BY.index(other.by)


def place(directory: str, host: str) -> str:
    """The file with a host's pin. Whatever the host is called, it is a file in the directory."""
    quoted = urllib.parse.quote(host, safe="")
    if not quoted or quoted.startswith(".") or len(quoted) > 200:
        raise PinError(f"no file can be named after host {host!r}", "bad-input", directory)
    return os.path.join(directory, f"{quoted}.json")


def load(directory: str, host: str) -> Optional[Pin]:
    """The pin of a host, None if there is none. Raises PinError for a file that is none."""
    path = place(directory, host)
    found = _read(path)
    if found is None:
        return None
    pin = _pin(found)
    if pin is None:
        raise PinError(
            f"{path} is not a pin of a host's key; put back the file from version control, or"
            " remove it and enrol the host again",
            "bad-pin",
            path,
        )
    return pin


def holder(directory: str, pin: Pin, host: str) -> str:
    """The file of another host that has a key of this TPM, or "".

    One TPM makes as many attestation keys as one likes; it has one endorsement key.
    """
    own = place(directory, host)
    for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else ():
        path = os.path.join(directory, name)
        if name.endswith(".json") and path != own:
            with contextlib.suppress(PinError):
                found = _pin(_read(path))
                if found is not None and {found.key, found.endorsement} & {
                    pin.key,
                    pin.endorsement,
                }:
                    return path
    return ""


@contextlib.contextmanager
def alone(directory: str) -> Iterator[None]:
    """Nobody else pins a key in the directory meanwhile."""
    try:
        os.makedirs(directory, exist_ok=True)
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        why = f"{directory} cannot be used: {error.strerror}"
        raise PinError(why, "bad-pin", directory) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def save(directory: str, host: str, pin: Pin) -> None:
    """Write a host's pin; nothing is remembered any more of what was seen of an earlier one."""
    path = place(directory, host)
    _write(path, {"format": FORMAT, "host": host, **pin._asdict()})
    _remove(_seen_place(path))


def forget(directory: str, host: str) -> None:
    """Remove a host's pin, and what was seen."""
    path = place(directory, host)
    _remove(path)
    _remove(_seen_place(path))


def last_seen(directory: str, host: str, key: str) -> Optional[Seen]:
    """What was seen of this key the last time, if anything was."""
    found = _read(_seen_place(place(directory, host)))
    if not isinstance(found, dict) or found.pop("key", None) != key:
        return None
    numbers = ("resets", "restarts", "clock", "records")
    texts = ("boot_id", "value")
    if sorted(found) != sorted((*numbers, *texts)):
        return None
    good = all(whole(found[name]) for name in numbers)
    if not good or not all(isinstance(found[name], str) for name in texts):
        return None
    return Seen(**found)


def remember(directory: str, host: str, key: str, seen: Seen) -> None:
    """Keep what was seen for the next time."""
    _write(_seen_place(place(directory, host)), {"key": key, **seen._asdict()})


def _seen_place(path: str) -> str:
    return path.removesuffix(".json") + ".seen"


def _pin(found: object) -> Optional[Pin]:
    names = Pin._fields
    if not isinstance(found, dict) or not all(isinstance(found.get(n), str) for n in names):
        return None
    pin = Pin(**{name: found[name] for name in names})
    good = found.get("format") == FORMAT and pin.by in BY and NAME.fullmatch(pin.key)
    return pin if good else None


def _read(path: str) -> Any:
    """The JSON of a file; None if it is not there, and no object if it is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None
    except ValueError:
        return ""
    except OSError as error:
        raise PinError(f"{path} cannot be read: {error.strerror}", "bad-pin", path) from None


def _write(path: str, content: dict[str, Any]) -> None:
    """Write a file, complete or not at all."""
    directory = os.path.dirname(path)
    try:
        os.makedirs(directory, exist_ok=True)
        handle, partial = tempfile.mkstemp(dir=directory, prefix=".new-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=2, sort_keys=True)
                file.write("\n")
                os.fchmod(file.fileno(), 0o644)
                file.flush()
                os.fsync(file.fileno())
            os.rename(partial, path)
        except BaseException:
            _remove(partial)
            raise
    except OSError as error:
        raise PinError(f"{path} cannot be written: {error.strerror}", "bad-pin", path) from None


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
