# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The apps of the pods by which flavours are compared: what each is given, and what it writes down, as values."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support import aci

OUT = "--mount=volume=out,target=/out"
SMALL = "--memory=24Mi"
"""A machine has memory for what its apps may have."""
STATUS = "grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups|Uid|Gid|Umask)' /proc/self/status"
HIDDEN_FILES = "config.gz interrupts kallsyms kcore keys modules sched_debug timer_list latency_stats iomem key-users"
HIDDEN_DIRECTORIES = (
    "/proc/acpi /proc/asound /proc/scsi /sys/firmware /sys/fs /sys/module /sys/kernel/debug /sys/power"
    " /sys/hypervisor /sys/kernel/boot_params"
)
SETTINGS = "/proc/sys/kernel/core_pattern /proc/sys/vm/panic_on_oom /proc/irq/default_smp_affinity /proc/sysrq-trigger"


@dataclasses.dataclass(frozen=True)
class App:
    """An app of a pod: its options on the command line, and the shell script that it runs ("" = the image's own)."""

    name: str
    script: str
    options: tuple[str, ...] = ()
    image: str = "tiny"


@dataclasses.dataclass(frozen=True)
class Step:
    """Something that is done to a running pod; the word UUID is the pod."""

    name: str
    words: tuple[str, ...]
    stdin: str | None = None


def teller(name: str, facts: Mapping[str, str], *options: str) -> App:
    """An app that writes to /out/FACT what the fact's script says; apps are few, since each takes time to start."""
    script = "\n".join(f"( {text}\n) > /out/{fact} 2>&1" for fact, text in facts.items())
    return App(name, script, (OUT, SMALL, *options))


HOOKS = aci.app(["/bin/sh", "-c", "echo main $(id -u) >> /log; exit 3"], user="1000", group="1000")
HOOKS["eventHandlers"] = [
    {"name": "pre-start", "exec": ["/bin/sh", "-c", "echo pre $(id -u) > /log; chmod 666 /log"]},
    {
        "name": "post-stop",
        "exec": ["/bin/sh", "-c", "echo post $(id -u) >> /log; cp /log /out/hooks"],
    },
]
IMAGES: Mapping[str, dict[str, Any]] = {"tiny": aci.app(["/bin/true"]), "hooks": HOOKS}


@dataclasses.dataclass(frozen=True)
class Places:
    """Directories and files of the host that the pod of facts is given."""

    base: Path

    @property
    def out(self) -> Path:
        """Where apps write what they find."""
        return self.base / "out"

    @classmethod
    def make(cls, base: Path) -> Places:
        """Make them."""
        places = cls(base)
        for name, mode in (("out", 0o777), ("data", 0o755), ("users", 0o755), ("ro", 0o755)):
            (base / name).mkdir(parents=True)
            (base / name).chmod(mode)
        os.chown(base / "users", 1000, 1000)
        (base / "ro/file").write_text("from the host\n")
        (base / "data/busybox-suid").write_bytes(Path("/usr/bin/busybox").read_bytes())
        (base / "data/busybox-suid").chmod(0o4755)
        os.mknod(base / "data/null", 0o20666, os.makedev(1, 3))
        (base / "data/link").symlink_to("/etc/passwd")
        (base / "single").write_text("one file\n")
        (base / "key").write_text("s3cret")
        (base / "key").chmod(0o400)
        return places

    def seen(self) -> dict[str, str]:
        """What the host sees of what apps wrote: owner, mode and content."""
        found = {}
        for path in sorted([*self.base.glob("data/by-*"), *self.base.glob("users/by-*")]):
            state = path.lstat()
            about = f"{state.st_uid}:{state.st_gid} {state.st_mode:o} {path.read_text()!r}"
            found[str(path.relative_to(self.base))] = about
        return found


def options(places: Places) -> tuple[str, ...]:
    """Options of the pod of facts."""
    base = places.base
    return (
        "--exit-policy=all-ended",
        "--hostname=web-1",
        "--set-env=EVERY=app",
        "--dns=192.0.2.53",
        "--dns-search=example.com",
        "--hosts-entry=192.0.2.7=neighbour",
        "--sysctl=net.core.somaxconn=512",
        f"--volume=out,kind=host,source={base}/out",
        f"--volume=data,kind=host,source={base}/data",
        f"--volume=users,kind=host,source={base}/users",
        f"--volume=ro,kind=host,source={base}/ro,readOnly=true",
        f"--volume=single,kind=host,source={base}/single",
        "--volume=common,kind=empty,mode=0770,uid=1000,gid=7",
        "--volume=memory,kind=tmpfs,size=1Mi,mode=0750,uid=3,gid=4",
        f"--secret=key,file={base}/key,uid=1000",
    )


FACTS = (
    # what an app is and sees
    teller("root", {
        "root": STATUS,
        "environment": "env | sort",
        "place": "pwd; umask; readlink /proc/self/root",
        "names": "hostname; cat /etc/hostname; cat /etc/hosts /etc/resolv.conf; readlink /etc/mtab",
        "devices": "ls /dev; ls -A /dev/pts; head -c 4 /dev/zero | wc -c; echo x > /dev/null",
        "devicemodes": "cd /dev; stat -c '%n %F %a %u %g' full null random tty urandom zero",
        "mknod": "for d in /x /dev/x /tmp/x /dev/shm/x; do mknod $d b 1 0; mknod $d c 1 1; done",
        "hidden": f"cd /proc; for f in {HIDDEN_FILES}; do [ -e $f ] && head -c 1 $f; done; true",
        "hiddendirs": f"for d in {HIDDEN_DIRECTORIES}; do ls -A $d 2> /dev/null; done; true",
        "settings": f"for f in {SETTINGS}; do (echo x > $f); done 2>&1 | grep -vE 'Read-only|nonexist'; true",
        "namespaces": "cd /proc/self/ns; for n in mnt pid net ipc uts cgroup user; do readlink $n; done",
        "pid1": "cat /proc/1/comm; tr -d '\\0' < /proc/1/cmdline; echo; ls /proc/1/root/ /proc/1/cwd/ 2>&1"
                " | grep -v denied; for f in environ exe mem maps; do cat /proc/1/$f; done 2>&1 | grep -v denied",
        "pid1links": "for f in root cwd exe fd/0 fd/3 ns/mnt; do readlink /proc/1/$f; done; true",
        "descriptors": "ls /proc/self/fd | wc -l; cat | wc -c",
        "cgroup": "cut -d: -f3 /proc/self/cgroup | sort -u; ls /sys/fs/cgroup; true",
        "mounts": "cut -d' ' -f5,6 /proc/self/mountinfo | sort -u",
        "filesystems": "sed 's/.* - //' /proc/self/mountinfo | cut -d' ' -f1 | sort -u",
        "sysvipc": "cat /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg | wc -l",
        "sysctl": "cat /proc/sys/net/core/somaxconn",
        "network": "ls /sys/class/net; cat /sys/class/net/lo/operstate; nc -l -p 7 -e echo over-loopback &"
                   " until nc 127.0.0.1 7 2> /dev/null; do sleep 0.05; done",
        "clock": "date +%s",
        "random": "[ $(head -c 64 /dev/urandom | sort -u | wc -c) -gt 16 ] && echo random",
        "forbidden": "unshare -m true; mount -t tmpfs x /tmp; hostname other; reboot -f; dmesg",
        "writable": "echo x > /file; cat /file; echo changed > /etc/motd; rm -r /home; ls -d /home",
        "orphans": "p=$(sh -c 'sh -c \"exit 0\" > /dev/null & echo $!'); while [ -e /proc/$p ]; do sleep 0.05; done;"
                   " (setsid sleep 1000 > /dev/null &); echo reaped",
    }, "--environment=A=1 2", "--working-dir=/var/tmp"),
    teller("user", {"user": STATUS, "nosecret": "cat /run/secrets/key"},
           "--user=1001", "--group=100", "--supplementary-gids=7,65535"),
    teller("retain", {"retain": STATUS}, "--caps-retain=CAP_NET_ADMIN,CAP_CHOWN"),
    teller("remove", {"remove": STATUS}, "--caps-remove=CAP_CHOWN,CAP_KILL"),
    teller("limited", {
        "privileges": STATUS,
        "limits": "ulimit -n; ulimit -Hn; ulimit -c",
        "score": "cat /proc/self/oom_score_adj",
        "calls": "mkdir /tmp/new; echo then",
        "apart": "ls /file /etc/motd; ls -d /home",
    }, "--no-new-privileges=false", "--rlimit=nofile=256:512", "--rlimit=core=0:0", "--oom-score-adj=321",
       "--seccomp=mode=remove,errno=EXDEV,mkdir,mkdirat"),
    # what it is given
    teller("readonly", {"readonly": "echo x > /file; echo x > /dev/shm/y && echo shm; echo x > /tmp/y"},
           "--readonly-rootfs"),
    teller("volumes", {
        "volumes": "cat /ro/file; echo x > /ro/file; echo x > /ro/new; cat /one; echo more >> /one;"
                   " echo by root > /d/by-root; chown 5:6 /d/by-root; stat -c '%u:%g %a' /d/by-root; cat /d/null;"
                   " readlink /d/link; stat -c '%a %u' /d/busybox-suid; mkdir /d/dir; mv /d/by-root /d/dir;"
                   " mv /d/dir/by-root /d/by-root; rmdir /d/dir; ln /d/by-root /d/by-hard; stat -c %h /d/by-hard",
        "memory": "stat -c '%u:%g %a' /m; head -c 2000000 /dev/zero > /m/big; wc -c < /m/big",
        "reader": "until [ -s /c/word ]; do sleep 0.05; done; cat /c/word; echo x > /c/y",
    }, "--mount=volume=ro,target=/ro", "--mount=volume=data,target=/d", "--mount=volume=single,target=/one",
       "--mount=volume=memory,target=/m", "--mount=volume=common,target=/c,readOnly=true"),
    teller("uservolume", {
        "named": "id -un; id -u; id -g",
        "uservolume": "stat -c '%u:%g %a' /users; echo mine > /users/by-user; stat -c %u:%g /users/by-user;"
                      " chown 0 /users/by-user; echo x > /data/by-stranger; /data/busybox-suid id -u",
        "writer": "echo said > /common/word; stat -c '%u:%g %a' /common; ls /common/word",
        "secret": "cd /run/secrets; stat -c '%a %u' key; cat key; echo; echo x > key; rm key; touch new",
    }, "--user=tiny", "--group=tiny", "--mount=volume=users,target=/users", "--mount=volume=data,target=/data",
       "--mount=volume=common,target=/common"),
    # how it ends
    App("ends7", "echo out; echo err >&2; exit 7", (SMALL,)),
    App("killed", "kill -9 $$", (SMALL,)),
    App("missing", "", ("--exec=/bin/nothing-here", SMALL)),
    App("hooked", "", (OUT, SMALL), image="hooks"),
    App("greedy", "dd if=/dev/zero of=/dev/null bs=64M count=1; exit $?", (SMALL,)),
    teller("forks", {"forks": "n=0; while [ $n -lt 40 ]; do sleep 5 & n=$((n+1)); done; echo all; wait"}, "--pids=16"),
    App("again", "echo x >> /count; wc -l < /count > /out/again; [ $(wc -l < /count) -ge 3 ] || exit 1",
        (OUT, SMALL, "--restart=on-failure")),
    App("first", "echo up > /common/first; until [ -e /common/second ]; do sleep 0.1; done",
        (SMALL, "--mount=volume=common,target=/common", "--ready-exec=/bin/test -e /common/first")),
    teller("second", {"second": "ls /common/first; echo x > /common/second"},
           "--mount=volume=common,target=/common", "--depends-on=first:ready"),
)  # fmt: skip

PROBE = f"""
{STATUS}
for n in mnt pid net ipc uts cgroup user; do echo "ns-$n: $(readlink /proc/self/ns/$n)"; done
echo "root: $(readlink /proc/self/root)"; echo "cwd: $(pwd)"
for f in uid_map gid_map oom_score_adj; do echo $f: $(cat /proc/self/$f); done
tail -n +2 /proc/self/limits | sed 's/^\\([A-Z][a-z ]*[a-z]\\)  */limit-\\1: /'
env | grep -vE '^(TERM|SHLVL|_)=' | sort | sed 's/^\\([^=]*\\)=/env-\\1: /'
cut -d' ' -f5,6 /proc/self/mountinfo | sed 's/^/mount-/; s/ /: /'
"""
BETWEEN = "that was the app"
STAY = "echo up > /tmp/up; while :; do sleep 0.1; done"
LIVE_OPTIONS = ("--exit-policy=app:main", "--set-env=EVERY=app")
LIVE = (
    App(
        "main",
        f"( {PROBE} ) > /tmp/facts 2>&1; echo begins; trap 'echo bye; exit 5' TERM; {STAY}",
        ("--user=1000", "--group=100", "--supplementary-gids=7", "--working-dir=/var/tmp", "--pids=50",
         "--memory=64Mi", "--rlimit=nofile=256:512", "--oom-score-adj=321", "--environment=A=b c"),
    ),
    App("stubborn", f"trap '' TERM; {STAY}", (SMALL, "--stop-timeout=500ms",)),
    App("signalled", f"trap 'exit 9' USR1; {STAY}", (SMALL, "--stop-signal=SIGUSR1")),
    App("echoes", "while read -r line; do echo \"said $line\"; done", (SMALL, "--stdin=stream", "--stdout=stream")),
    App("flaky", f"echo x >> /count; [ $(wc -l < /count) -ge 3 ] || exit 1; {STAY}", (SMALL, "--restart=always")),
    App("late", STAY, (SMALL, "--depends-on=main", "--depends-on=flaky")),
)  # fmt: skip


def enter(name: str, script: str, *options: str, app: str = "main", stdin: str = "") -> Step:
    """A step that enters an app with a shell script."""
    words = ("enter", f"--app={app}", *options, "UUID", "/bin/sh", "-c", script)
    return Step(name, words, stdin)


STEPS = (
    enter(
        "facts",
        f"until [ -e /tmp/up ]; do sleep 0.1; done; cat /tmp/facts; echo {BETWEEN}; {PROBE}",
    ),
    enter("status", "wc -c; echo err >&2; exit 7", stdin="x" * 100000),
    enter("signal", "head -c 300000 /dev/zero | tr '\\0' x; kill -9 $$"),
    Step("no such command", ("enter", "--app=main", "UUID", "/bin/nothing-here")),
    Step("no such app", ("enter", "--app=nobody", "UUID", "/bin/true")),
    enter(
        "flaky",
        "until [ -e /tmp/up ]; do sleep 0.1; done; wc -l < /count; ps -o comm | sort -u",
        app="flaky",
    ),
    Step("attach", ("attach", "--app=echoes", "UUID"), "one\ntwo\n"),
)
