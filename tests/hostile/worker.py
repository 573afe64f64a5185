# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's own code, as the agent runs it (`/usr/bin/python3 -IS`), doing one thing after the other on request.

Reads one JSON object per line from standard input and answers with one per line on standard output. Memory is limited
to 512 MiB of address space (threats.md T16). What gets out of here as anything but an error of the agent is a defect:
`crash` holds its traceback.

Usage: worker.py CHECKOUT
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

ADDRESS_SPACE = 512 * 1024 * 1024


def aci(request: dict[str, Any]) -> Any:
    """Fetch the file `file` as an unsigned image into the store `store`; its image ID."""
    from podwright.host.paths import Layout
    from podwright.model.imageref import parse_ref
    from podwright.stage0 import acquire
    from podwright.stage0.images import FetchOptions

    layout = Layout(
        data=request["store"], local_config=request["store"] + ".etc", run=request["store"] + ".run"
    )
    options = FetchOptions(insecure=frozenset({"image"}))
    ref = parse_ref(request["file"], os.path.isfile)
    return acquire.get(layout, ref, options, None, "/").id


def layer(request: dict[str, Any]) -> Any:
    """Unpack the file `file` as an OCI layer into the empty directory `tree`."""
    from podwright.stage0.ingest import ingest

    found = ingest(_chunks(request["file"]), request["tree"], "layer", shown="hostile")
    return [found.members, found.left_out]


def manifest(request: dict[str, Any]) -> Any:
    """Read the file `file` as an image manifest; its name."""
    from podwright import jsonio
    from podwright.model.image import parse_image

    with open(request["file"], "rb") as file:
        return parse_image(jsonio.loads(file.read(), "manifest", limit=4 * 1024 * 1024)).name


def _chunks(path: str) -> Any:
    with open(path, "rb") as file:
        while chunk := file.read(65536):
            yield chunk


DOES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "aci": aci,
    "layer": layer,
    "manifest": manifest,
}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Do what was asked; `value`, or `refusal` and its `kind`, or `crash`."""
    from podwright.errors import PodwrightError

    try:
        return {"value": DOES[request["do"]](request)}
    except PodwrightError as err:
        return {"refusal": err.sentence(), "kind": type(err).__name__, "reason": err.reason}
    except BaseException:
        return {"crash": traceback.format_exc()}


def main() -> None:
    """Answer requests until standard input ends."""
    checkout = sys.argv[1]
    sys.path.insert(0, f"{checkout}/agent")
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing that the agent prints may be taken for an answer
    for line in sys.stdin:
        result = answer(json.loads(line))
        result["rss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps(result), file=out, flush=True)


if __name__ == "__main__":
    main()
