# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a guest with SELinux enforcing: a pod that is a machine within the machine.

What QEMU and virtiofsd carry, what both are kept from, and that it is their labels which do that.
"""

from __future__ import annotations

import os
from pathlib import Path

from inside import call, podwright, tell, wait_for
from selinux_inside import (
    COMMON,
    FOREIGN,
    LABEL,
    SLEEP,
    Denials,
    Pod,
    context_of,
    label,
    label_of,
    link,
    mode,
    said,
    timed,
)

IMAGE = podwright(*COMMON, "fetch", "tiny.aci").stdout.strip()
KVM = ("--stage1-name=kvm", "--kvm-accelerator=kvm")
MOUNT = "--mount=volume=data,target=/data"
SHELL = ("--net=none", IMAGE, "--exec=/bin/sh", "--", "-c")
SECONDS = 1200.0
"""Far beyond what a machine takes to boot here, where an emulated processor has the extensions for it."""


def volume(name: str) -> tuple[str, str]:
    return f"--volume=data,kind=host,source=/srv/{name},relabel=private", MOUNT


def helpers(pod: Pod) -> dict[str, int]:
    """QEMU and virtiofsd once they are these programs: pids by name."""
    parent = pod.status()["pid"]
    found: dict[str, int] = {}

    def both() -> bool:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        programs = {os.path.basename(link(f"/proc/{pid}/exe")): int(pid) for pid in children}
        found.update((n, p) for n, p in programs.items() if n.startswith(("qemu-", "virtiofsd")))
        return len(found) == 2 or pod.process.poll() is not None

    wait_for(both, "QEMU and virtiofsd run", SECONDS)
    return {"virtiofsd" if "virtiofsd" in name else "qemu": pid for name, pid in found.items()}


def reads(kind: str, level: str, path: str) -> str:
    """What a program of this type and level gets of a file."""
    context = f"system_u:system_r:{kind}:{level}"
    done = call("runcon", context, "/usr/bin/cat", path)
    return f"{done.returncode} {done.stdout}{done.stderr}".strip()


def reach(level: str, other: str) -> dict[str, str]:
    """What both get of the private file of another pod, and of the machine's own."""
    theirs, own = "/srv/other/file", "/srv/own/file"
    return {
        f"{name} {whose}": reads(f"podwright_{name}_t", at, path)
        for name in ("machine", "serve")
        for whose, at, path in (
            ("other", level, theirs),
            ("as the other", other, theirs),
            ("own", level, own),
        )
    }


def main() -> None:
    denials = Denials()
    for name in ("own", "other"):
        Path(f"/srv/{name}").mkdir()
        Path(f"/srv/{name}/file").write_text(f"{name}\n")
        label(f"/srv/{name}", FOREIGN)
    fetched = podwright(*COMMON, "fetch", "stage1.aci")
    tell(fetched=f"{fetched.returncode} {fetched.stderr.strip()}")
    other = Pod("other", *volume("other"), *SHELL, SLEEP)
    script = f"echo up; cat /data/file; echo written >/data/new; {SLEEP}"
    machine = Pod("machine", *KVM, *volume("own"), *SHELL, script, ready=False)
    level = machine.level()
    tell(level=level, other_level=other.level(), pod=machine.label())

    def labels() -> None:
        found = helpers(machine)
        tell(labels={name: context_of(pid) for name, pid in found.items()})
        tell(output=machine.text(), private=label_of("/srv/own/file"))

    def boots() -> None:
        wait_for(
            lambda: "up" in machine.text().splitlines() or machine.process.poll() is not None,
            "the app of the machine runs",
            SECONDS,
        )
        wait_for(lambda: Path("/srv/own/new").exists(), "it writes", SECONDS)
        tell(up=machine.text(), written=label_of("/srv/own/new"))

    def verified() -> None:
        done = podwright("selinux", "verify", machine.uuid)
        tell(verified=f"{done.returncode} {done.stdout}{done.stderr}")

    timed(labels)
    timed(boots)
    timed(verified)
    machine.stop()
    tell(ended=machine.process.returncode, said=machine.text())
    last = said(*COMMON, "run", *SHELL, f"{LABEL}; kill -0 1 || true")
    tell(denials=denials.found(last.partition("podwright_pod_t:")[2].split()[0]))
    tell(enforcing=reach(level, other.level()))
    mode(enforcing=False)
    tell(permissive=reach(level, other.level()))
    mode(enforcing=True)
    other.stop()
    for name in ("own", "other"):
        call("rm", "-rf", f"/srv/{name}")


try:
    main()
finally:
    mode(enforcing=True)
