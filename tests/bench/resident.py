# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a pod's own processes hold in memory on the host, by process, the guest's RAM apart.

Run on a private host with the process that the pod was started by as argument; JSON on standard output.
"""

from __future__ import annotations

import json
import sys

RAM = ("memory-backend", "/memfd:ram")
"""How QEMU's mapping of the guest's RAM is called."""


def family(pid: int) -> list[int]:
    """A process and all below it."""
    out = [pid]
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = [int(word) for word in file.read().split()]
    except OSError:
        return out
    return out + [found for child in children for found in family(child)]


def sizes(pid: int) -> dict[str, float]:
    """MiB of one process: resident, proportional, and what of the guest's RAM is resident."""
    found = {"rss": 0, "pss": 0, "ram": 0}
    ram = False
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as file:
        for line in file:
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                ram = any(name in line for name in RAM)
            elif words[0] == "Rss:":
                found["ram" if ram else "rss"] += int(words[1])
            elif words[0] == "Pss:" and not ram:
                found["pss"] += int(words[1])
    return {name: size / 1024 for name, size in found.items()}


def title(pid: int) -> str:
    """What a process is, in a word."""
    with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
        return file.read().strip()


def main() -> None:
    """Print a list of [pid, title, sizes]."""
    out = []
    for pid in family(int(sys.argv[1])):
        try:
            out.append([pid, title(pid), sizes(pid)])
        except OSError:
            continue
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    main()
