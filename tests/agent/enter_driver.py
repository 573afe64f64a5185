# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enter a pod many times from one process: `enter_driver.py POD_DIR APP TIMES COMMAND…`; all must end with 0."""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.realpath(os.path.join(os.path.dirname(__file__), "../../agent")))

from podwright.stage1.namespaces.enter import Request, enter


def main(pod_dir: str, app: str, times: int, argv: tuple[str, ...]) -> int:
    """Enter again and again."""
    request = Request(os.path.basename(pod_dir), app, argv, (), False, ())
    before = len(os.listdir("/proc/self/fd"))
    for number in range(times):
        ended = enter(pod_dir, request)
        if ended != (0, ""):
            sys.exit(f"number {number}: {ended}")
    return len(os.listdir("/proc/self/fd")) - before


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), tuple(sys.argv[4:])))
