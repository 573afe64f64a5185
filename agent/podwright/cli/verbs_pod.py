# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of run, prepare and run-prepared: for the pod, for its start, for one app."""

from __future__ import annotations

from podwright.cli.flags import PULL
from podwright.cli.options import Option

MACHINE_OPTION = Option(
    "kvm-accelerator",
    "for stage1 kvm: kvm; tcg: emulated in software, slow, for test machines; default as configured",
    "NAME",
    choices=("kvm", "tcg"),
)
POD_OPTIONS = (
    Option(
        "port", "publish a port: NAME|NUMBER[/PROTO]:[HOSTIP:]HOSTPORT[-LAST]", "PORT", repeat=True
    ),
    Option(
        "allow",
        "rule: from=PEER or to=PEER[,ports=80/tcp,...]; a peer is a subnet, pod NAME, network NAME"
        " or host",
        "RULE",
        repeat=True,
    ),
    Option(
        "volume",
        "NAME,kind=host,source=/path[,readOnly=true], or kind=empty, tmpfs[,size=64Mi] or device",
        "VOLUME",
        repeat=True,
    ),
    Option(
        "secret",
        "NAME,file=/path or NAME,credential=NAME[,target=/path][,mode=0400]",
        "SECRET",
        repeat=True,
    ),
    Option("set-env", "set a variable in every app: NAME=VALUE", "VAR", repeat=True),
    Option("set-env-file", "read variables for every app from a file", "FILE", repeat=True),
    Option("inherit-env", "hand on the caller's environment where nothing else is said"),
    Option(
        "pull-policy",
        "new: store first; update: network first; never: store only",
        "POLICY",
        "new",
        choices=PULL,
    ),
    Option("store-only", "", deprecated="pull-policy=never"),
    Option("no-store", "", deprecated="pull-policy=update"),
    Option("sysctl", "kernel setting of the pod: NAME=VALUE", "SETTING", repeat=True),
    Option("pod-manifest", "run what this pod manifest says; its images are stored", "FILE"),
    Option("no-overlay", "copy the image tree instead of using an overlay"),
    Option(
        "stage1-name",
        "isolation: namespaces, kvm, xen or fly; or the name of a stage1 image",
        "NAME",
        "namespaces",
    ),
    Option("stage1-path", "stage1 image in a file", "FILE"),
    Option("stage1-url", "stage1 image at a URL", "URL"),
    Option("stage1-hash", "stage1 image by its ID in the store", "ID"),
    Option("stage1-from-dir", "stage1 image in the directory for them, see config", "FILE"),
    Option("stage1-image", "", "FILE", deprecated="stage1-path"),
    MACHINE_OPTION,
    Option(
        "exit-policy",
        "what ends the pod: first-failure, all-ended, or app:NAME when that app ends",
        "POLICY",
        "first-failure",
    ),
    Option(
        "selinux",
        "auto: where the host has it on; require: refuse elsewhere; off",
        "MODE",
        "auto",
        choices=("auto", "require", "off"),
    ),
    Option(
        "private-users",
        "a user namespace of its own: true, false, or idmapped (true, but never by a copy of the"
        " image with other owners); without it: where possible",
        "[MODE]",
        choices=("true", "false", "idmapped"),
    ),
    Option(
        "profile",
        "system: wider, for an image with systemd inside, always in a user namespace",
        "NAME",
        choices=("system",),
    ),
)
START_OPTIONS = (
    Option(
        "net",
        "default, default-restricted, host, none, all, or networks of net.d: NAME[:KEY=VALUE;...],NAME...",
        "NET",
        "default",
    ),
    Option("private-net", "", "[NET]", "default", deprecated="net"),
    Option(
        "ipc",
        "auto; private: System V and POSIX IPC of its own; parent: the host's (fly)",
        "MODE",
        "auto",
        choices=("auto", "private", "parent"),
    ),
    Option("hostname", "host name in the pod", "NAME"),
    Option("dns", "name server, or host, or none: only what the image has", "IP", repeat=True),
    Option("dns-domain", "local domain in resolv.conf", "DOMAIN"),
    Option("dns-search", "search domain in resolv.conf", "DOMAIN", repeat=True),
    Option("dns-opt", "option in resolv.conf: ndots:2", "OPTION", repeat=True),
    Option(
        "hosts-entry",
        "entry of the hosts file: IP=NAME[,IP=NAME...], or host: the host's file",
        "ENTRY",
        repeat=True,
    ),
    Option("interactive", "tie the terminal to the app (one app only)"),
    Option("mds-register", "register with the metadata service: apps get AC_METADATA_URL"),
)
APP_OPTIONS = (
    Option("name", "name of the app", "NAME", per_app=True),
    Option("exec", "run this instead of the image's command", "PATH", per_app=True),
    Option(
        "environment", "set a variable in this app: NAME=VALUE", "VAR", repeat=True, per_app=True
    ),
    Option("mount", "volume=NAME,target=/path[,readOnly=true]", "MOUNT", repeat=True, per_app=True),
    Option("user", "user to run as: name, number or /path", "USER", per_app=True),
    Option("group", "group to run as", "GROUP", per_app=True),
    Option("supplementary-gids", "further groups: 1,2", "LIST", per_app=True),
    Option("working-dir", "working directory", "PATH", per_app=True),
    Option("readonly-rootfs", "make the app's root read-only", per_app=True),
    Option("memory", "memory limit: 256Mi", "QUANTITY", per_app=True),
    Option("cpu", "CPU limit in cores: 500m, 2", "QUANTITY", per_app=True),
    Option("cpu-shares", "CPU weight: 2..262144", "NUMBER", per_app=True),
    Option("pids", "most processes and threads; 1024 where it is not said", "NUMBER", per_app=True),
    Option("io-weight", "share of busy disks: 1..1000", "NUMBER", per_app=True),
    Option("block-bandwidth", "bytes per second of each disk: 10M", "QUANTITY", per_app=True),
    Option("block-iops", "requests per second of each disk", "NUMBER", per_app=True),
    Option(
        "rlimit", "process limit: nofile=1024:4096", "NAME=SOFT[:HARD]", repeat=True, per_app=True
    ),
    Option("oom-score-adj", "out-of-memory score: -1000..1000", "NUMBER", per_app=True),
    Option("caps-retain", "capabilities to keep: CAP_A,CAP_B", "LIST", per_app=True),
    Option("caps-remove", "capabilities to drop from the default set", "LIST", per_app=True),
    Option("cap-retain", "", "LIST", per_app=True, deprecated="caps-retain"),
    Option("cap-remove", "", "LIST", per_app=True, deprecated="caps-remove"),
    Option("seccomp", "mode=retain|remove[,errno=NAME][,SYSCALL...]", "RULE", per_app=True),
    Option("no-new-privileges", "false: setuid programs work", per_app=True),
    Option("apparmor", "AppArmor profile of the app", "PROFILE", per_app=True),
    Option(
        "depends-on",
        "start after another app: APP[:started|ready]",
        "APP",
        repeat=True,
        per_app=True,
    ),
    Option(
        "restart",
        "start the app again: no, on-failure or always",
        "WHEN",
        "no",
        per_app=True,
        choices=("no", "on-failure", "always"),
    ),
    Option("ready-tcp", "the app is ready when this port of the pod accepts", "PORT", per_app=True),
    Option(
        "ready-exec", "the app is ready when this command succeeds in it", "COMMAND", per_app=True
    ),
    Option("ready-timeout", "the pod fails when that takes longer", "DURATION", per_app=True),
    Option(
        "startup",
        "until this succeeds the app is starting: tcp:PORT, exec:COMMAND, http:PORT/PATH,interval=1s",
        "PROBE",
        per_app=True,
    ),
    Option(
        "readiness",
        "the app is ready as long as this succeeds: http:8080/ready,interval=5s",
        "PROBE",
        per_app=True,
    ),
    Option(
        "liveness",
        "end the app when this fails: http:8080/healthz,interval=5s,failure-threshold=3",
        "PROBE",
        per_app=True,
    ),
    Option("stop-signal", "signal that asks the app to end: SIGQUIT", "SIGNAL", per_app=True),
    Option("stop-timeout", "time from there until it is killed", "DURATION", per_app=True),
    Option(
        "stdin",
        "null; stream or tty: of who attaches; interactive: our terminal (one app only)",
        "MODE",
        "null",
        per_app=True,
        choices=("null", "stream", "tty", "interactive"),
    ),
    Option(
        "stdout",
        "log, null, or stream or tty: to who attaches",
        "MODE",
        "log",
        per_app=True,
        choices=("log", "null", "stream", "tty"),
    ),
    Option(
        "stderr",
        "the same for standard error",
        "MODE",
        "log",
        per_app=True,
        choices=("log", "null", "stream", "tty"),
    ),
    Option("log-format", "of --log-path", "FORMAT", per_app=True, choices=("kubernetes",)),
    Option("log-path", "write what goes to the log to this file", "FILE", per_app=True),
    Option("hook-timeout", "time that each of its hooks may take", "DURATION", per_app=True),
    Option("notify", "the app says itself when it is ready, by sd_notify", per_app=True),
    Option(
        "watchdog",
        "the app fails when it does not say WATCHDOG=1 so often",
        "DURATION",
        per_app=True,
    ),
    Option("signature", "detached signature of a local image", "FILE", per_app=True),
    Option("annotation", "set an annotation of the app", "NAME=VALUE", repeat=True, per_app=True),
    Option(
        "user-annotation",
        "free text, in the JSON of list and status",
        "NAME=VALUE",
        repeat=True,
        per_app=True,
    ),
    Option(
        "user-label",
        "a label, in the JSON of list and status",
        "NAME=VALUE",
        repeat=True,
        per_app=True,
    ),
)
