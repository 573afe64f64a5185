# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a guest with SELinux enforcing: what pods carry, what that keeps them from, and that it is SELinux which does.

Two long running pods, a and b, volumes with each kind of label, and every way to start a pod.
"""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path

from inside import AGENT, call, podwright, tell
from selinux_inside import (
    COMMON,
    FOREIGN,
    LABEL,
    LIBRARY,
    PODS,
    SLEEP,
    Denials,
    Pod,
    context_of,
    label,
    label_of,
    manifest,
    mode,
    said,
    timed,
    write_pods,
)

FETCHED = podwright("--insecure-options=image", "fetch", "--full", "tiny.aci")
IMAGE = FETCHED.stdout.strip()
SHELL = ("--net=none", IMAGE, "--exec=/bin/sh", "--", "-c")
SHOWN = (
    "proc_t",
    "proc_net_t",
    "sysctl_t",
    "sysctl_fs_t",
    "sysctl_kernel_t",
    "sysfs_t",
    "cgroup_t",
    "security_t",
)
OWN = tuple(f"podwright_{name}_t" for name in ("file", "shared", "image", "jail"))
MOUNT = "--mount=volume=data,target=/data"
READ = "cat /data/file 2>&1; echo x >/data/new 2>&1 && echo written"


def shell(script: str, *options: str) -> str:
    """What a shell in a pod of its own says."""
    return str(said(*COMMON, "run", *options, *SHELL, script))


def volume(name: str, relabel: str = "none") -> str:
    return f"--volume=data,kind=host,source=/srv/{name},relabel={relabel}"


def labels() -> None:
    """What is allocated is what there is."""
    tell(fetched=f"{FETCHED.returncode} {FETCHED.stderr.strip()}")
    tell(check=podwright("check-host").stdout)
    a, b = Pod("a", *SHELL, SLEEP), Pod("b", *SHELL, SLEEP)
    tell(label_a=a.label(), label_b=b.label(), current=[context_of(pid) for pid in a.inside()])
    verified = podwright("selinux", "verify", a.uuid, "--format=json")
    tell(verify=json.loads(verified.stdout or "{}"), verify_status=verified.returncode)
    tell(verify_error=verified.stderr, verify_text=podwright("selinux", "verify", a.uuid).stdout)
    tell(entered=said("enter", a.uuid, "/bin/cat", "/proc/self/attr/current"))
    slots = os.listdir("/run/podwright/mcs")
    a.stop()
    b.stop()
    podwright("gc")
    tell(slots_while=len(slots), slots_after=os.listdir("/run/podwright/mcs"))


def volumes() -> None:
    """What a pod may not touch, and may when the label or the mode allows it."""
    tell(unlabelled=shell(READ, volume("data"), MOUNT))
    mode(enforcing=False)
    tell(unlabelled_permissive=shell(READ, volume("data"), MOUNT))
    mode(enforcing=True)
    tell(unlabelled_off=shell(READ, volume("data"), MOUNT, "--selinux=off"))
    label("/srv/data", LIBRARY)
    tell(library=shell(READ, volume("data"), MOUNT, "--private-users=false"))
    mode(enforcing=False)
    tell(library_permissive=shell(READ, volume("data"), MOUNT, "--private-users=false"))
    mode(enforcing=True)
    holder = Pod("holder", volume("private", "private"), MOUNT, *SHELL, SLEEP)
    tell(private_label=label_of("/srv/private/file"), holder_level=holder.level())
    tell(private_of_other=shell(READ, volume("private"), MOUNT))
    mode(enforcing=False)
    tell(private_of_other_permissive=shell(READ, volume("private"), MOUNT))
    mode(enforcing=True)
    label("/srv/private", PODS)
    tell(private_of_other_label_taken_away=shell(READ, volume("private"), MOUNT))
    tell(verify_after_change=podwright("selinux", "verify", holder.uuid).returncode)
    holder.stop()
    tell(private_again=shell(READ, volume("private", "private"), MOUNT))
    one = Pod(
        "one", volume("shared", "shared"), MOUNT, *SHELL, f"{READ}; mkdir /data/made; {SLEEP}"
    )
    two = "cat /data/file; echo y >>/data/new && cat /data/new; touch /data/made/mine && ls /data/made"
    tell(
        shared_second=shell(two, volume("shared"), MOUNT), shared_label=label_of("/srv/shared/file")
    )
    tell(shared_made=label_of("/srv/shared/made"), shared_first=one.text())
    one.stop()
    tell(relabel_etc=shell("true", "--volume=data,kind=host,source=/etc,relabel=private", MOUNT))


def ways() -> None:
    """Every way to start something in a pod, and to hear of it."""
    tell(require=shell(LABEL, "--selinux=require"), off=shell(LABEL, "--selinux=off"))
    tell(copied=shell(f"{LABEL}; echo x >/etc/new && cat /etc/new", "--no-overlay"))
    tell(host_users=shell(LABEL, "--private-users=false"))
    mode(enforcing=False)
    tell(require_permissive=shell("true", "--selinux=require"))
    mode(enforcing=True)
    prepared = said(*COMMON, "prepare", "--quiet", "--selinux=require", *SHELL[1:], LABEL).split()[
        -1
    ]
    tell(prepared=said("run-prepared", "--net=none", prepared))
    told = "cat /proc/self/attr/current >/ways"
    handlers = [
        {"name": name, "exec": ["/bin/sh", "-c", f"{told}/{name}"]}
        for name in ("pre-start", "post-stop")
    ]
    file = manifest(IMAGE, f"{told}/app", mounts={"ways": "/srv/ways"}, eventHandlers=handlers)
    tell(hooks=said(*COMMON, "run", "--net=none", f"--pod-manifest={file}"))
    seen = {path.name: path.read_text().strip("\0\n") for path in Path("/srv/ways").iterdir()}
    tell(ways=seen)
    sandbox = Pod("sandbox", "--net=none", verb=("app", "sandbox"), ready=False)
    add = said(
        *COMMON,
        "app",
        "add",
        sandbox.uuid,
        IMAGE,
        "--name=added",
        "--exec=/bin/sh",
        "--",
        "-c",
        SLEEP,
    )
    started = said("app", "start", sandbox.uuid, "--app=added")
    tell(added=f"{add} {started}", added_label=sandbox.label())
    tell(added_current=[context_of(pid) for pid in sandbox.inside()])
    sandbox.stop()


def outputs() -> None:
    """Pipes, files, terminals, the kernel's files: what every program uses."""
    probe = (
        "df >/dev/null && echo df; ls /proc /sys >/dev/null; cat /proc/net/dev >/dev/null && echo net;"
        " mkfifo /tmp/f && (echo fifo >/tmp/f & cat /tmp/f); head -c 4 /dev/urandom >/dev/null && echo urandom;"
        " echo s >/dev/shm/x && echo shm; ps >/dev/null && echo ps; (sleep 3600 & kill $!; wait; echo killed);"
        " cp /bin/busybox /tmp/cat && /tmp/cat </etc/passwd >/dev/null && echo executed; cat"
    )
    tell(probe=said(*COMMON, "run", "--interactive", *SHELL, probe, stdin="through a pipe\n"))
    file = Path("/root/output")
    with file.open("w") as out:
        call_into(out, "echo to a file")
    tell(file=file.read_text(), file_label=label_of(str(file)))
    tell(
        terminal=call(
            "script",
            "-qc",
            f"{AGENT} {' '.join(COMMON)} run {' '.join(SHELL)} 'tty; echo on a terminal'",
            "/dev/null",
        ).stdout
    )


def call_into(out: object, script: str) -> None:
    import subprocess

    subprocess.run([AGENT, *COMMON, "run", *SHELL, script], stdout=out, check=True)  # type: ignore[call-overload]


def supervised() -> None:
    """The desired state, with a unit of systemd's: secrets, probes, the journal, and an operator's own context."""
    # With its times, which compiled modules go by; labelled by the directory that it is made in, but for programs.
    call("cp", "-r", "--preserve=mode,timestamps", "agent", "/usr/lib/podwright")
    call("restorecon", "-R", "/usr/lib/podwright/bin")
    program = "/usr/lib/podwright/bin/podwright"
    Path("/root/secret").write_text("of the secret\n")
    pod = {
        "name": "web",
        "image": IMAGE,
        "exec": "/bin/sh",
        "args": ["-c", f"echo begun; cat /run/secrets/key; {SLEEP}"],
        "net": "none",
        "selinux": "require",
        "insecure_options": ["image"],
        "secrets": [{"name": "key", "file": "/root/secret"}],
        "volumes": [{"name": "ways", "kind": "host", "source": "/srv/ways"}],
        "mounts": [{"volume": "ways", "path": "/ways"}],
        "readiness": {
            "exec": [
                "/bin/sh",
                "-c",
                "cat /proc/self/attr/current >/ways/new && mv /ways/new /ways/probe",
            ],
            "interval": 1,
        },
    }
    applied = call(program, "apply", "--format=json", write_pods(pod))
    tell(
        applied=json.loads(applied.stdout or "{}"),
        applied_status=applied.returncode,
        applied_error=applied.stderr,
    )
    tell(probed=Path("/srv/ways/probe").read_text().strip("\0\n"))
    status = json.loads(podwright("status", "web", "--format=json").stdout)
    tell(
        verified=podwright("selinux", "verify", "web").stdout, logs=podwright("logs", "web").stdout
    )
    tell(keeper=context_of(status["pid"]))
    call("journalctl", "--sync")
    journal = call("journalctl", "--quiet", "--output=cat", "SYSLOG_IDENTIFIER=tiny").stdout
    tell(
        journal=journal,
        units=call("systemctl", "list-units", "--plain", "--no-legend", "podwright*").stdout,
    )
    tell(entered_web=said("enter", "web", "/bin/cat", "/run/secrets/key"))
    context = {
        "user": "system_u",
        "role": "system_r",
        "type": "podwright_pod_t",
        "level": "s0:c1,c2",
    }
    pod["isolators"] = [{"name": "os/linux/selinux-context", "value": context}]
    tell(own_applied=call(program, "apply", "--format=json", write_pods(pod)).stdout)
    tell(own_context=json.loads(podwright("status", "web", "--format=json").stdout)["selinux"])
    tell(own_slot=len(os.listdir("/run/podwright/mcs")))
    call(program, "apply", write_pods({"name": "web", "state": "absent"}))


def foreign_policy() -> None:
    """A policy's own types for containers come first; where it names what it lacks, ours; without ours, none."""
    contexts = Path("/etc/selinux/default/contexts/lxc_contexts")
    before = contexts.read_text()
    theirs = before.replace("container_t", "svirt_t").replace("container_file_t", "svirt_image_t")
    contexts.write_text(theirs.replace("container_ro_file_t", "virt_content_t"))
    tell(theirs=chosen())
    contexts.write_text("")
    tell(nothing=chosen())
    contexts.write_text(before)


def writable() -> None:
    """Types of files that apps may open and write, of all that the policy has for files, by what the kernel answers."""
    text = Path("/etc/selinux/default/contexts/files/file_contexts").read_text()
    types = sorted({*re.findall(r"object_r:(\w+):", text), *SHOWN, *OWN})
    kind = Path("/sys/fs/selinux/class/file")
    bits = {
        name: 1 << int((kind / "perms" / name).read_text()) - 1
        for name in ("open", "write", "append")
    }
    allowed = {one: answer(one, (kind / "index").read_text()) for one in types}
    writes = bits["write"] | bits["append"]
    tell(
        types=len(types), opened=[n for n, a in allowed.items() if a & bits["open"] and a & writes]
    )


def other_modules() -> None:
    """A module of somebody else's lets every domain read two types of the host's; one is said to be never written."""
    rules = "(allow domain locale_t (file (open read))) (allow domain cert_t (file (open read)))"
    module = Path("/root/others.cil")
    module.write_text(f"{rules} (typeattributeset podwright_never (cert_t))\n")
    tell(others_status=call("semodule", f"--install={module}").returncode)
    for name in ("locale_t", "cert_t"):
        tell(**{f"{name}_pod": may(name), f"{name}_machine": may(name, "podwright_machine_t")})
    call("semodule", "--remove=others")
    module.unlink()


def may(kind: str, by: str = "podwright_pod_t") -> list[str]:
    """Which of opening, reading and writing files of a type is allowed."""
    place = Path("/sys/fs/selinux/class/file")
    found = answer(kind, (place / "index").read_text(), by)
    bits = {one: int((place / "perms" / one).read_text()) for one in ("open", "read", "write")}
    return [name for name, bit in bits.items() if found >> bit - 1 & 1]


def answer(kind: str, number: str, by: str = "podwright_pod_t") -> int:
    """What an app may do with files of a type, as the kernel's bits."""
    fd = os.open("/sys/fs/selinux/access", os.O_RDWR)
    own, other = f"system_u:system_r:{by}:s0:c1,c2", f"system_u:object_r:{kind}:s0"
    try:
        os.write(fd, f"{own} {other} {number}".encode())
        return int(os.read(fd, 4096).split()[0], 16)
    except OSError as err:
        if (
            err.errno != errno.EINVAL
        ):  # there is no such type, which file_contexts may name all the same
            raise
        return 0
    finally:
        os.close(fd)


def chosen() -> str:
    """The type that a pod's processes would get."""
    program = "from podwright.host import selinux; print(selinux.container_contexts().process.type)"
    return str(
        call("env", "PYTHONPATH=/run/payload/agent", "python3", "-c", program).stdout.strip()
    )


def main() -> None:
    denials = Denials()
    for place in ("data", "private", "shared", "ways"):
        Path(f"/srv/{place}").mkdir()
        Path(f"/srv/{place}/file").write_text(f"{place}\n")
        label(f"/srv/{place}", FOREIGN)
    label("/srv/ways", PODS)
    Path("/srv/ways/file").unlink()
    for part in (
        labels,
        volumes,
        ways,
        outputs,
        supervised,
        writable,
        other_modules,
        foreign_policy,
    ):
        timed(part)
    # The last denial, so that the journal is known to have all of them.
    last = shell(f"{LABEL}; kill -0 1 || true")
    tell(denials=denials.found(level(last)))
    for place in ("data", "private", "shared", "ways"):
        call("rm", "-rf", f"/srv/{place}")
    call("rm", "-rf", "/usr/lib/podwright", "/root/output", "/root/secret")


def level(text: str) -> str:
    return text.partition("podwright_pod_t:")[2].split()[0]


try:
    main()
finally:
    mode(enforcing=True)
