# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in the journal's export format, taken apart and given to the pods that they are of: pure."""

from __future__ import annotations

from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

CURSOR, BOOT, TIME = b"__CURSOR", b"_BOOT_ID", b"__MONOTONIC_TIMESTAMP"
UUID, UNIT, MACHINE = b"PODWRIGHT_UUID", b"_SYSTEMD_UNIT", b"_MACHINE_ID"
SOURCE = b"PODWRIGHT_SOURCE"
"""In a pod's journal: which entry of the host's it is a copy of."""
LONGEST = 512


class Entry:
    """One entry: its fields as they were written, and the short texts among them by name."""

    def __init__(self) -> None:
        self.raw: list[tuple[bytes, bytes]] = []
        self.texts: dict[bytes, list[bytes]] = {}

    def add(self, name: bytes, raw: bytes, text: Optional[bytes]) -> None:
        """Another field; a name may come several times."""
        self.raw.append((name, raw))
        self.texts.setdefault(name, []).append(b"" if text is None else text[:LONGEST])

    def text(self, name: bytes) -> str:
        """The only value of a field; "" when there is none, or are several."""
        found = self.texts.get(name, [])
        return found[0].decode("utf-8", "replace") if len(found) == 1 else ""

    def source(self) -> str:
        """What tells it from every other entry of the host's journal: the cursor's first two parts."""
        return ";".join(self.text(CURSOR).split(";")[:2])

    def moment(self) -> tuple[str, int]:
        """The boot, and when in it the journal received it (never earlier than the one before)."""
        time = self.text(TIME)
        return self.text(BOOT), int(time) if time.isascii() and time.isdigit() else 0


class Splitter:
    """Takes pieces of an export as they come."""

    def __init__(self) -> None:
        self._rest = b""
        self._entry = Entry()

    def feed(self, data: bytes) -> list[Entry]:
        """The entries that are complete by now."""
        data, at, out = self._rest + data, 0, []
        while True:
            end = data.find(b"\n", at)
            if end < 0:
                break
            line = data[at:end]
            name, equals, text = line.partition(b"=")
            if not line:
                if self._entry.raw:
                    out.append(self._entry)
                self._entry, at = Entry(), end + 1
            elif equals:
                self._entry.add(name, data[at : end + 1], text)
                at = end + 1
            else:
                size = int.from_bytes(data[end + 1 : end + 9], "little")
                last = end + 9 + size
                if len(data) <= last:
                    break
                self._entry.add(line, data[at : last + 1], None)
                at = last + 1
        self._rest = data[at:]
        return out


@value
class Source:
    """A pod, and the unit whose entries are believed to be its own."""

    uuid: str
    unit: str


def believed(entry: Entry, pods: dict[str, Source]) -> Optional[str]:
    """Whose entry it is. What an entry says of itself counts only in the pod's unit, which the
    journal has found out itself."""
    pod = pods.get(entry.text(UUID))
    return pod.uuid if pod is not None and entry.text(UNIT) == pod.unit else None


def copy(entry: Entry, machine_id: str) -> bytes:
    """The entry as it is written to the journal of a machine."""
    kept = [raw for name, raw in entry.raw if name not in (CURSOR, MACHINE, SOURCE)]
    own = (MACHINE + b"=" + machine_id.encode(), SOURCE + b"=" + entry.source().encode())
    return b"".join(kept) + b"\n".join(own) + b"\n\n"


class Written:
    """What a pod's journal has already: up to which moment, and which entries of that moment."""

    def __init__(self, copies: list[Entry]) -> None:
        """`copies`: the last ones, newest first."""
        self.boot, self.time = copies[0].moment() if copies else ("", 0)
        last = [one for one in copies if one.moment() == (self.boot, self.time)]
        self.sources = {one.text(SOURCE) for one in last}

    def take(self, entry: Entry) -> bool:
        """Whether an entry, in the order of the host's journal, is still to be written."""
        boot, time = entry.moment()
        source = entry.source()
        if boot == self.boot and (time < self.time or source in self.sources):
            return False
        if (boot, time) != (self.boot, self.time):
            self.boot, self.time, self.sources = boot, time, set()
        self.sources.add(source)
        return True
