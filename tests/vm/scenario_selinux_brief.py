# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a guest with SELinux enforcing, for `make test`: the label of a pod, one denial, and its control."""

from __future__ import annotations

from pathlib import Path

from inside import call, podwright, tell
from selinux_inside import COMMON, FOREIGN, LABEL, label, said

IMAGE = podwright(*COMMON, "fetch", "tiny.aci").stdout.strip()
VOLUME = ("--volume=data,kind=host,source=/srv/data", "--mount=volume=data,target=/data")


def shell(script: str, *options: str) -> str:
    """What a shell in a pod says."""
    pod = ("run", "--net=none", *options, IMAGE, "--exec=/bin/sh")
    return str(said(*COMMON, *pod, "--", "-c", script))


Path("/srv/data").mkdir()
Path("/srv/data/file").write_text("data\n")
label("/srv/data", FOREIGN)
tell(mode=call("getenforce").stdout.strip())
tell(enforcing=shell(f"{LABEL}; cat /data/file 2>&1", *VOLUME))
call("setenforce", "0")
tell(permissive=shell(f"{LABEL}; cat /data/file 2>&1", *VOLUME))
call("setenforce", "1")
