#!/usr/bin/python3 -IS
# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stage1 image for tests: it writes down how each entry point was executed, and does what `script` in the image says.

`rootfs/script` is JSON: {"run": {"status": 0, "apps": {"web": 3}, "wait": true, "pid": false, "ppid": false}, "gc": 1}.
"""

import fcntl
import json
import os
import signal
import sys
import time
from typing import Any

NAME = os.path.basename(sys.argv[0])
ROOT = os.path.join(os.getcwd(), "stage1/rootfs")


def descriptors() -> dict[str, str]:
    """Our descriptors, without the one that this look takes."""
    out = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            out[name] = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue
    return out


def read(path: str) -> str:
    with open(path) as file:
        return file.read()


def is_locked() -> bool:
    """Whether the pod's directory is locked by nobody else than us (flock(2) of the inherited description)."""
    other = os.open(".", os.O_RDONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(int(os.environ["RKT_LOCK_FD"]), fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    finally:
        os.close(other)
    return False


def record() -> None:
    said = {
        "argv": sys.argv[1:],
        "program": sys.argv[0],
        "cwd": os.getcwd(),
        "environment": dict(os.environ),
        "descriptors": descriptors(),
        "session": os.getsid(0) == os.getpid(),
        "apps": {
            app: sorted(os.listdir(f"{ROOT}/opt/stage2/{app}/rootfs"))
            for app in (
                os.listdir(f"{ROOT}/opt/stage2") if os.path.isdir(f"{ROOT}/opt/stage2") else ()
            )
        },
        "own": sorted(os.listdir(ROOT)),
        "etc": {
            name: read(f"{ROOT}/etc/{name}")
            for name in ("rkt-resolv.conf", "rkt-hosts")
            if os.path.exists(f"{ROOT}/etc/{name}")
        },
        "files": sorted(os.listdir(".")),
        "mode": "overlay" if f" {ROOT} " in read("/proc/self/mountinfo") else "copy",
    }
    if "RKT_LOCK_FD" in os.environ:
        said["locked"] = is_locked()
    with open(f"told-{NAME}.new", "w") as file:
        json.dump(said, file)
    os.rename(f"told-{NAME}.new", f"told-{NAME}")


def put(path: str, text: str) -> None:
    with open(f"{path}.new", "w") as file:
        file.write(text)
    os.rename(f"{path}.new", path)


def run(script: dict[str, Any]) -> None:
    print("from the stage1", flush=True)
    if script.get("ignore"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if script.get("stray") and os.fork() == 0:
        os.setsid()
        os.execv("/usr/bin/sleep", ["sleep", "3600"])
    if script.get("pid"):
        put("pid", f"{os.getpid() if script['pid'] is True else script['pid']}\n")
    if script.get("ppid"):
        child = os.fork()
        if child == 0:
            time.sleep(3600)
        put("ppid", f"{os.getpid()}\n")
    for app, code in script.get("apps", {}).items():
        if isinstance(code, dict):
            os.mkfifo(f"{ROOT}/rkt/status/{app}")
        else:
            put(f"{ROOT}/rkt/status/{app}", f"{code}\n")
    mine = script.get("net-info")
    if mine == "fifo":
        os.mkfifo("net-info.json")
        os.mkfifo("appsinfo/tiny/created")
    elif mine == "endless":
        with open("net-info.json", "wb") as file:
            file.truncate(64 << 30)
    elif mine == "link":
        os.symlink("../../../canary", "net-info.json")
    elif mine is not None:
        put("net-info.json", mine)
    if script.get("ready", True):
        os.symlink("ready", f"{ROOT}/rkt/supervisor-status")
    if script.get("wait"):
        time.sleep(3600)
    sys.exit(script.get("status", 0))


record()
with open(f"{ROOT}/script") as opened:
    everything = json.load(opened)
if NAME == "run":
    run(everything.get("run", {}))
mine = everything.get(NAME, 0)
if mine in ("leave", "leave and hang"):
    if os.fork() == 0:
        os.setsid()
        os.execv("/usr/bin/sleep", ["sleep", "3711"])
    mine = "hang" if mine == "leave and hang" else 0
if mine == "hang":
    time.sleep(3600)
if mine == "kill":
    with open("pid") as opened:
        os.kill(int(opened.read()), signal.SIGKILL)
    sys.exit(0)
print(f"{NAME} says hello", flush=True)
sys.exit(mine)
