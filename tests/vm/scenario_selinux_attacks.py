# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a guest with SELinux: two pods that share every namespace and are both root, with nothing else between them.

One holds what can be reached for, the other one tries: enforcing, and then permissive, where all of it succeeds.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from inside import call, podwright, tell, wait_for
from selinux_inside import COMMON, LABEL, Denials, Pod, context_of, label, manifest, mode, said

IMAGE = podwright("--insecure-options=image", "fetch", "--full", "tiny.aci").stdout.strip()
TOOLS = Path("/srv/tools")
PYTHON = "/tools/ld.so --library-path /tools /tools/python -ISB /tools/attack.py"
PACKAGES = ("collections", "ctypes", "encodings", "importlib", "json", "re")
FLAVOUR = ("--stage1-name=fly",)


def put_tools() -> None:
    """Python as the guest has it, in a directory of its own."""
    (TOOLS / "lib").mkdir(parents=True)
    python = os.path.realpath("/usr/bin/python3")
    shutil.copy(python, TOOLS / "python")
    home = Path(os.__file__).parent
    place = TOOLS / "lib" / home.name
    place.mkdir()
    shutil.copytree(home / "lib-dynload", place / "lib-dynload")
    for name in PACKAGES:
        shutil.copytree(
            home / name, place / name, ignore=shutil.ignore_patterns("__pycache__", "test")
        )
    for file in home.glob("*.py"):
        shutil.copy(file, place)
    extensions = [str(path) for path in place.glob("lib-dynload/_ctypes.*")]
    for word in call("ldd", python, *extensions).stdout.split():
        if word.startswith("/") and not word.endswith(":"):
            shutil.copy(word, TOOLS / ("ld.so" if "ld-linux" in word else os.path.basename(word)))
    shutil.copy("selinux_attack.py", TOOLS / "attack.py")
    label(str(TOOLS), "system_u:object_r:podwright_image_t:s0")


def context(level: str) -> dict[str, Any]:
    """What an operator says of an app."""
    value = {"user": "system_u", "role": "system_r", "type": "podwright_pod_t", "level": level}
    return {"name": "os/linux/selinux-context", "value": value}


class Holder(Pod):  # type: ignore[misc]
    """A pod of the flavour fly that holds things in /held."""

    def __init__(self, name: str, place: Path, level: str) -> None:
        place.mkdir()
        label(str(place), f"system_u:object_r:podwright_file_t:{level}")
        file = manifest(
            IMAGE,
            f"exec {PYTHON} hold /held",
            mounts={"tools": str(TOOLS), "held": str(place)},
            isolators=[context(level)],
            environment=[{"name": "PYTHONHOME", "value": "/tools"}],
        )
        super().__init__(name, *FLAVOUR, f"--pod-manifest={file}", ready=False)
        wait_for(lambda: self._begun() and (place / "held").exists(), f"{name} holds")
        self.pid = int((place / "held").read_text())
        self.place = place


def reach(held: Holder, level: str) -> dict[str, str]:
    """What another pod at this level is told when it reaches for what the holder has."""
    file = manifest(
        IMAGE,
        f"exec {PYTHON} reach /held {held.pid}",
        mounts={"tools": str(TOOLS), "held": str(held.place)},
        isolators=[context(level)],
        environment=[{"name": "PYTHONHOME", "value": "/tools"}],
    )
    answer = said(*COMMON, "run", *FLAVOUR, f"--pod-manifest={file}")
    found: dict[str, str] = json.loads(answer[answer.index("{") :])
    return found


def forget() -> None:
    """Take away shared memory, messages and semaphores."""
    for key in ("-M", "-Q", "-S"):
        call("ipcrm", key, "0x706F6477")


def main() -> None:
    put_tools()
    denials = Denials()
    held = Holder("held", Path("/srv/held"), "s0:c1,c2")
    tell(
        holder=context_of(held.pid),
        spaces=[
            os.readlink(f"/proc/{held.pid}/ns/{name}") == os.readlink(f"/proc/self/ns/{name}")
            for name in ("pid", "ipc", "user", "net")
        ],
    )
    verified = podwright("selinux", "verify", held.uuid)
    tell(verified=f"{verified.returncode} {verified.stdout}{verified.stderr}")
    tell(other=reach(held, "s0:c3,c4"), one_in_common=reach(held, "s0:c2,c3"))
    tell(lives=os.path.exists(f"/proc/{held.pid}"))
    tell(denials=denials.found("s0:c2,c3", "sigkill"))
    mode(enforcing=False)
    tell(permissive=reach(held, "s0:c3,c4"))
    mode(enforcing=True)
    held.process.wait(120)
    forget()  # what it had in the kernel outlives it, with its label
    again = Holder("again", Path("/srv/again"), "s0:c5,c6")
    tell(same_pair=reach(again, "s0:c5,c6"))
    again.process.wait(120)
    tell(fly=said(*COMMON, "run", *FLAVOUR, IMAGE, "--exec=/bin/sh", "--", "-c", LABEL))
    forget()
    for place in ("/srv/tools", "/srv/held", "/srv/again"):
        shutil.rmtree(place)


try:
    main()
finally:
    mode(enforcing=True)
