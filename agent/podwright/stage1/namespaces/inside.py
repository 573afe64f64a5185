# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Something that root of the host does in the mounts of a pod that runs, in a child of its own.

The PID 1 of a pod is nobody on the host and can mount nothing; its mount namespace is the host's.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import HostError, LaunchError, PodwrightError
from podwright.kernel import fs, process
from podwright.stage1.namespaces import record
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def init_of(pod_dir: str, pod: str) -> tuple[int, int]:
    """(a descriptor, the number) of the PID 1 of a pod. Raises LaunchError when it has ended."""
    known = record.read(pod_dir)
    found = record.open_init(known) if known is not None else None
    if known is None or found is None:
        raise LaunchError(f"pod {pod} has just ended", object=pod)
    return found, known.process["pid"]


def run(act: Callable[[], Any], what: str) -> Any:
    """Run `act` in a child that dies with us; the JSON data that it returns. Raises what it raises."""
    ours, theirs = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        _child(act, theirs, parent)
    os.close(theirs)
    with open(ours, "rb") as file:
        data = file.read()
    os.waitpid(pid, 0)
    answer = jsonio.loads(data, what) if data else {"text": f"{what}: it was killed"}
    if "done" in answer:
        return answer["done"]
    if "reason" not in answer:
        raise HostError(answer["text"])
    kind = LaunchError if answer["stage"] == LaunchError.stage else PodwrightError
    raise kind(
        answer["text"],
        answer["hint"],
        reason=answer["reason"],
        stage=answer["stage"],
        object=answer["object"],
    )


def _child(act: Callable[[], Any], report: int, parent: int) -> None:
    answer: dict[str, Any]
    try:
        process.die_with_parent()
        if os.getppid() != parent:
            os._exit(1)
        process.hide_from_peers()
        answer = {"done": act()}
    except PodwrightError as err:
        told = {"text": err.message, "hint": err.hint, "reason": err.reason, "stage": err.stage}
        answer = {**told, "object": err.object}
    except BaseException as err:
        answer = {"text": safe(err) or type(err).__name__}
    try:
        fs.write_all(report, jsonio.dumps(answer).encode())
    finally:
        os._exit(0)
