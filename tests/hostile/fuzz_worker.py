# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run cases of the fuzz one after the other, each decided by (seed, number) alone.

Every case: the input is read within five seconds, comes out as a success or as an error of the agent in one printable
line; the canary is as before, no descriptor, thread or process is left, a refused image leaves nothing in the store.
The number of the case is written to `progress` before it begins. A case that hangs ends the process (faulthandler);
whatever else is wrong is written to standard output as one JSON object per line.

Usage: fuzz_worker.py CHECKOUT BASE SEED FIRST END STEP [--show]
"""

from __future__ import annotations

import base64
import faulthandler
import json
import os
import shutil
import sys
import threading
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.hostile import mutate, worker
from tests.hostile.snapshot import snapshot

SECONDS = 5
WEIGHTS = {
    "aci": 6, "unpacked": 12, "layer": 16, "manifest": 10, "pod": 4, "document": 8, "config": 8, "signature": 6,
    "message": 6, "payload": 3, "key": 4, "page": 8, "policy": 5, "network": 5, "registries": 4, "logins": 3,
    "challenge": 2, "reference": 2,
}  # fmt: skip
"""How often each reader has its turn."""
COMPRESSED = ("aci", "unpacked", "layer")
CLEAN = ("cas/image", "cas/tree", "cas/ref/name", "cas/ref/url", "tmp")


def case(seeds: dict[str, list[bytes]], seed: str, number: int) -> tuple[str, bytes]:
    """(reader, input) of a case."""
    rng = Random(f"{seed}:{number}")
    reader = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    mine = seeds[reader]
    data = mutate.mutated(rng, rng.choice(mine), mine)
    return reader, mutate.compressed(rng, data, mine) if reader in COMPRESSED else data


class Bench:
    """Where the cases run, and what must hold after each."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.place = base / "place"
        self.counts = {"accepted": 0, "refused": 0}
        self._canary = snapshot(base / "canary")
        self._descriptors = -1

    def run(self, reader: str, data: bytes) -> str:
        """Run one case; what is wrong, or ""."""
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(mode=0o700)
        result = worker.attempt(reader, data, str(self.place))
        self.counts["refused" if "refusal" in result else "accepted"] += 1
        return self._wrong(result)

    def _wrong(self, result: dict[str, Any]) -> str:
        if "crash" in result:
            return str(result["crash"])
        sentence = result.get("refusal", "a refusal that says something")
        if not sentence.isprintable() or not 10 < len(sentence) <= 2000:
            return f"a bad sentence: {sentence!a}"
        if snapshot(self.base / "canary") != self._canary:
            return "ESCAPE: the canary has changed"
        if sorted(os.listdir(self.base)) != ["canary", "place", "progress", "seeds"]:
            return "ESCAPE: something lies beside the place"
        left = [path for part in CLEAN for path in (self.place / "data" / part).glob("*")]
        if "refusal" in result and left:
            return f"refused, but left {left[0]}"
        if threading.active_count() > 1:
            return "a thread is left"
        if Path("/proc/thread-self/children").read_text():
            return "a process is left"
        descriptors = len(os.listdir("/proc/self/fd"))
        before, self._descriptors = self._descriptors, descriptors
        return (
            f"{descriptors - before} more descriptors are open" if 0 <= before < descriptors else ""
        )


def main() -> None:
    """Run the cases from FIRST to before END in steps of STEP; at the end the counts."""
    checkout, base, seed, first, end, step = sys.argv[1:7]
    worker.begin(checkout)
    raw = json.loads(Path(base, "seeds").read_text())
    seeds = {reader: [base64.b64decode(text) for text in texts] for reader, texts in raw.items()}
    if "--show" in sys.argv:
        sys.stdout.buffer.write(case(seeds, seed, int(first))[1])
        return
    bench = Bench(Path(base))
    progress = os.open(f"{base}/progress", os.O_WRONLY | os.O_CREAT, 0o600)
    for number in range(int(first), int(end), int(step)):
        os.pwrite(progress, b"%020d" % number, 0)
        reader, data = case(seeds, seed, number)
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        wrong = bench.run(reader, data)
        faulthandler.cancel_dump_traceback_later()
        if wrong:
            print(json.dumps({"case": number, "reader": reader, "wrong": wrong}), flush=True)
    print(json.dumps(bench.counts), flush=True)


if __name__ == "__main__":
    main()
