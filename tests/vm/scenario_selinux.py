# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a guest with SELinux enforcing: what pods carry, what that keeps them from, and that it is SELinux which does.

Two long running pods, a and b, each with the same host directory once private and once shared.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import IO, Any

from inside import call, podwright, tell, wait_for

FETCHED = podwright("--insecure-options=image", "fetch", "tiny.aci")
IMAGE = FETCHED.stdout.strip()
SELF = "cat /proc/self/attr/current"
SLEEP = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"
WITHOUT = b"system_u:object_r:container_file_t:s0\0"
"""The label of what every pod may use."""
COMMON = ("--insecure-options=image",)


class Pod:
    """A pod that runs until it is stopped."""

    def __init__(self, name: str, *options: str) -> None:
        self.file = Path(f"/run/{name}.uuid")
        command = ["/run/payload/agent/bin/podwright", *COMMON, "run", "--net=none"]
        command += [f"--uuid-file-save={self.file}", *options]
        command += [IMAGE, "--exec=/bin/sh", "--", "-c", SLEEP]
        self.log = output(f"/run/{name}.log")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        wait_for(self._runs, f"pod {name} runs")

    def _runs(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"ended with {self.process.returncode}: {self.text()}")
        if not self.file.exists():
            return False
        self.uuid = self.file.read_text().strip()
        found = podwright("status", self.uuid, "--format=json")
        return found.returncode == 0 and bool(json.loads(found.stdout)["ready"])

    def text(self) -> str:
        return Path(self.log.name).read_text()

    def status(self) -> Any:
        return json.loads(podwright("status", self.uuid, "--format=json").stdout)

    def label(self) -> str:
        return str(self.status()["selinux"].get("process"))

    def level(self) -> str:
        return self.label().split(":", 3)[3]

    def inside(self) -> list[int]:
        """Host pids of the app's processes."""
        init = self.status()["pid"]
        space = os.readlink(f"/proc/{init}/ns/pid")
        return [
            int(pid)
            for pid in os.listdir("/proc")
            if pid.isdigit() and int(pid) != init and link(f"/proc/{pid}/ns/pid") == space
        ]

    def stop(self) -> None:
        podwright("stop", self.uuid)
        self.process.wait(60)


def link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def run(script: str, *options: str) -> str:
    """What a shell in a pod of its own says."""
    command = ("run", "--net=none", *options, IMAGE, "--exec=/bin/sh", "--", "-c", script)
    return said(*COMMON, *command)


def said(*arguments: str) -> str:
    """Status and output of the agent, into a file that pods may write to."""
    with output("/run/output") as file:
        command = ["/run/payload/agent/bin/podwright", *arguments]
        ran = subprocess.run(command, stdout=file, stderr=file)
    return f"{ran.returncode} {Path(file.name).read_text().strip()}"


def output(path: str) -> IO[str]:
    """A file that pods may write to when they are handed it; a terminal or pipe of the host is not."""
    Path(path).touch()
    os.setxattr(path, "security.selinux", WITHOUT)
    return Path(path).open("w+")


def label_of(path: str) -> str:
    return os.getxattr(path, "security.selinux").rstrip(b"\0").decode()


def main() -> None:
    tell(fetched=f"{FETCHED.returncode} {FETCHED.stderr.strip()}")
    for place in ("data", "private", "shared"):
        Path(f"/srv/{place}").mkdir()
        Path(f"/srv/{place}/file").write_text(f"{place}\n")
    a, b = Pod("a"), Pod("b")
    tell(label_a=a.label(), label_b=b.label())
    tell(
        current=[Path(f"/proc/{pid}/attr/current").read_text().strip("\0\n") for pid in a.inside()]
    )
    verified = podwright("selinux", "verify", a.uuid, "--format=json")
    tell(verify=json.loads(verified.stdout or "{}"), verify_status=verified.returncode)
    tell(verify_error=verified.stderr, verify_text=podwright("selinux", "verify", a.uuid).stdout)

    # What a pod may not touch, and may when the label allows it.
    data = "--volume=data,kind=host,source=/srv/data"
    read = "cat /data/file 2>&1; echo x >/data/new 2>&1 && echo written"
    mount = "--mount=volume=data,target=/data"
    tell(unlabelled=run(read, data, mount))
    call("setenforce", "0")
    tell(unlabelled_permissive=run(read, data, mount))
    call("setenforce", "1")
    tell(unlabelled_off=run(read, data, mount, "--selinux=off"))

    # Private and shared volumes.
    private = "--volume=data,kind=host,source=/srv/private,relabel=private"
    shared = "--volume=data,kind=host,source=/srv/shared,relabel=shared"
    holder = Pod("holder", private, mount)
    tell(private_label=label_of("/srv/private/file"), holder_level=holder.level())
    plain = "--volume=data,kind=host,source=/srv/private"
    tell(private_of_other=run(read, plain, mount))
    call("setenforce", "0")
    tell(private_of_other_permissive=run(read, plain, mount))
    call("setenforce", "1")
    os.setxattr("/srv/private/file", "security.selinux", WITHOUT)
    os.setxattr("/srv/private", "security.selinux", WITHOUT)
    tell(private_of_other_label_taken_away=run(read, plain, mount))
    tell(verify_after_change=podwright("selinux", "verify", holder.uuid).returncode)
    holder.stop()
    tell(private_again=run(read, private, mount), shared_first=run(read, shared, mount))
    tell(shared_second=run(read, shared, mount), shared_label=label_of("/srv/shared/file"))

    # Refusals, and other ways to run.
    tell(relabel_etc=run("true", "--volume=data,kind=host,source=/etc,relabel=private", mount))
    tell(require=run(SELF, "--selinux=require"), off=run(SELF, "--selinux=off"))
    tell(copied=run(f"{SELF}; echo x >/etc/new && cat /etc/new", "--no-overlay"))
    tell(host_users=run(SELF, "--private-users=false"))
    call("setenforce", "0")
    tell(require_permissive=run("true", "--selinux=require"))
    call("setenforce", "1")
    tell(entered=said("enter", a.uuid, "/bin/cat", "/proc/self/attr/current"))
    slots = len(os.listdir("/run/podwright/mcs"))
    a.stop()
    b.stop()
    podwright("gc")
    tell(slots_while=slots, slots_after=os.listdir("/run/podwright/mcs"))


def supervised() -> None:
    """The desired state, with a unit of systemd, and the operator's own context."""
    call("cp", "-r", "/run/payload/agent", "/usr/lib/podwright")
    call("restorecon", "-R", "/usr/lib/podwright")
    pod = {
        "name": "web",
        "image": IMAGE,
        "exec": "/bin/sh",
        "args": ["-c", SLEEP],
        "net": "none",
        "selinux": "require",
        "insecure_options": ["image"],
        "ready": {"seconds": 0.2, "timeout": 120},
    }
    Path("/run/pods.json").write_text(json.dumps({"version": 1, "pods": [pod]}))
    applied = call("/usr/lib/podwright/bin/podwright", "apply", "--format=json", "/run/pods.json")
    tell(applied=json.loads(applied.stdout or "{}"), applied_status=applied.returncode)
    tell(applied_error=applied.stderr, verified=podwright("selinux", "verify", "web").stdout)
    tell(
        journal=call("sh", "-c", "systemctl status --no-pager -n 30 'podwright*' | tail -40").stdout
    )
    context = {"user": "system_u", "role": "system_r", "type": "container_t", "level": "s0:c1,c2"}
    pod["isolators"] = [{"name": "os/linux/selinux-context", "value": context}]
    Path("/run/pods.json").write_text(json.dumps({"version": 1, "pods": [pod]}))
    call("/usr/lib/podwright/bin/podwright", "apply", "--format=json", "/run/pods.json")
    tell(own_context=json.loads(podwright("status", "web", "--format=json").stdout)["selinux"])


def foreign_policy() -> None:
    """Debian's policy as it is shipped: it names a type that it does not have."""
    contexts = Path("/etc/selinux/default/contexts/lxc_contexts")
    contexts.write_text(contexts.read_text().replace("container_t", "missing_t"))
    tell(unknown_type=run(SELF), unknown_type_required=run(SELF, "--selinux=require"))


try:
    main()
    supervised()
    foreign_policy()
finally:
    print(call("sh", "-c", "dmesg | grep -a avc | tail -60").stdout)
