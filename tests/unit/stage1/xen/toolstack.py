# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program in the place of xl, which says what that of Xen 4.17 says, and a Xenstore."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from podwright.kernel import xenstore
from podwright.stage1.xen import xl

XL = """\
#!/bin/bash
cd {place}
echo "$@" >> told
case $1 in
list)
    [ ! -e list-fails ] || {{ echo "xl: libxl error" >&2; exit 1; }}
    if [ "$2" = -v ]; then
        echo "Name ID Mem VCPUs State Time(s) UUID Reason-Code Security Label"
        cat domains/* 2>/dev/null | sed 's/$/ - -/'
        exit 0
    fi
    [ -e domains/$2 ] || {{ echo "$2 is an invalid domain identifier (rc=-6)" >&2; exit 1; }}
    echo "Name ID Mem VCPUs State Time(s)"
    cut -d" " -f1-6 domains/$2 ;;
destroy)
    [ ! -e destroy-fails ] || {{ echo "libxl: error: x.c:1:f: Domain 7:destroy failed" >&2; exit 1; }}
    rm -f domains/$2 ;;
create)
    name=$(sed -n 's/^name = "\\(.*\\)"/\\1/p' "${{@: -1}}")
    [ ! -e gate ] || {{ echo > begun; read x < gate; }}
    echo "$name 7 256 1 --p--- 0.0 ${{name#podwright-}}" > domains/$name ;;
domid)
    [ -e domains/$2 ] || exit 1
    cut -d" " -f2 domains/$2 ;;
esac
exit 0
"""


class Toolstack:
    """What it knows, and what it was asked."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "domains").mkdir(parents=True)
        program = place / "xl"
        program.write_text(XL.format(place=place))
        program.chmod(0o755)

    def has(self, uuid: str, state: str = "-b----", name: str = "") -> None:
        """There is a domain."""
        name = name or f"podwright-{uuid}"
        (self.place / "domains" / name).write_text(f"{name} 7 256 1 {state} 0.1 {uuid}\n")

    def domains(self) -> list[str]:
        return sorted(os.listdir(self.place / "domains"))

    def asked(self) -> list[str]:
        return (self.place / "told").read_text().splitlines()

    def fails(self, what: str, *, fails: bool = True) -> None:
        """`list-fails`, `destroy-fails`."""
        file = self.place / what
        file.touch() if fails else file.unlink()


class Store:
    """Nodes of a Xenstore. `broken`: it goes away when something is removed."""

    def __init__(self) -> None:
        self.nodes: dict[str, str] = {}
        self.removed: list[str] = []
        self.broken = False

    def read(self, path: str) -> str | None:
        return self.nodes.get(path)

    def remove(self, path: str) -> None:
        if self.broken:
            raise ConnectionResetError(104, "xenstored has gone away")
        self.removed.append(path)

    def close(self) -> None:
        return


def toolstack(place: Path, monkeypatch: pytest.MonkeyPatch) -> Toolstack:
    """Is asked from now on."""
    found = Toolstack(place)
    monkeypatch.setattr(xl, "PLACES", (str(place / "xl"),))
    return found


def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    """Is that of the host from now on."""
    found = Store()
    monkeypatch.setattr(xenstore, "Store", lambda *_: found)
    return found
