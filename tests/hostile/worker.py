# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's own code, as the agent runs it (`/usr/bin/python3 -IS`), reading one hostile input after the other.

Reads one JSON object per line from standard input (`reader`, `file`, `place`) and answers with one per line on standard
output. Memory is limited to 512 MiB of address space (threats.md T16). What gets out of here as anything but an error
of the agent is a defect: `crash` holds its traceback. Processor `seconds` and the greatest `rss`, in KiB, come with it.

Usage: worker.py CHECKOUT
"""

from __future__ import annotations

import json
import os
import resource
import sys
import traceback
from typing import Any

ADDRESS_SPACE = 512 * 1024 * 1024
EVERYBODY = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def begin(checkout: str) -> None:
    """Find the agent and the tests in the checkout, and set the limits."""
    sys.path[:0] = [f"{checkout}/agent", checkout]
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def attempt(reader: str, data: bytes, place: str) -> dict[str, Any]:
    """Have one input read: `value`, or `refusal` with its `kind`, or `crash`."""
    from podwright.errors import PodwrightError
    from tests.hostile.readers import READERS

    try:
        return {"value": READERS[reader](data, place)}
    except PodwrightError as err:
        return {"refusal": err.sentence(), "kind": type(err).__name__, "reason": err.reason}
    except BaseException:
        return {"crash": traceback.format_exc()}


def _spent() -> float:
    """Processor time of this process and of its children that have ended."""
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, EVERYBODY))


def main() -> None:
    """Answer requests until standard input ends."""
    begin(sys.argv[1])
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing that the agent prints may be taken for an answer
    for line in sys.stdin:
        request = json.loads(line)
        with open(request["file"], "rb") as file:
            data = file.read()
        begun = _spent()
        result = attempt(request["reader"], data, request["place"])
        result["seconds"] = _spent() - begun
        result["rss"] = max(resource.getrusage(who).ru_maxrss for who in EVERYBODY)
        print(json.dumps(result), file=out, flush=True)


if __name__ == "__main__":
    main()
