# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs for pods that change while they run: app sandbox, add, start, ...."""

from __future__ import annotations

from podwright.cli.flags import FORMAT, PULL, UUID_FILE
from podwright.cli.options import Option, Verb, table
from podwright.cli.verbs_pod import APP_OPTIONS, POD_OPTIONS, START_OPTIONS
from podwright.values import replace

OF_POD = (
    *("port", "allow", "secret", "no-overlay", "stage1-name", "selinux", "private-users"),
    *("net", "private-net", "hostname", "dns", "dns-domain", "dns-search", "dns-opt"),
    *("hosts-entry", "mds-register", "ipc"),
    *("stage1-path", "stage1-from-dir", "stage1-image", "stage1-url", "stage1-hash"),
)
"""What `run` takes for its pod, that says nothing about apps."""
_POD = table(POD_OPTIONS, START_OPTIONS)
DECIDED_BEFORE = ("depends-on",)
"""What `run` takes for an app, and what makes no sense for one that is started by hand."""
REFUSED = ("startup", "readiness", "liveness", "notify", "watchdog")
"""What is read to be refused with a sentence, and not offered: its probes are made when a pod starts."""
APP = Option("app", "name of the app", "APP")

VERBS = (
    Verb(
        "app",
        "mutable",
        "Change the apps of a pod that runs: sandbox, add, start, stop, rm, list, status, exec",
        "COMMAND ...",
        examples=("podwright app list web", "podwright help app add"),
    ),
)
"""The verb `app`."""
APP_VERBS = (
    Verb(
        "sandbox",
        "mutable",
        "Run a pod without apps, to which they can be added",
        "",
        (
            *(_POD[name] for name in OF_POD if name in _POD),
            Option("annotation", "annotation of the pod: NAME=VALUE", "PAIR", repeat=True),
            Option("user-annotation", "for you: NAME=VALUE", "PAIR", repeat=True),
            Option("user-label", "for you: NAME=VALUE", "PAIR", repeat=True),
            Option("uuid-file-save", "write the pod's UUID to a file", "FILE"),
        ),
        "Prints the UUID when the pod is ready, and stays in the foreground until the pod is stopped;\n"
        "no app's end ends it. --port also takes NAME:PROTOCOL:PODPORT:HOSTIP:HOSTPORT.",
        (
            "systemd-run podwright app sandbox --uuid-file-save=/run/web.uuid --port=80-tcp:8080",
            "podwright app sandbox --port=http:tcp:80:127.0.0.1:8080",
        ),
    ),
    Verb(
        "add",
        "mutable",
        "Put an app into such a pod; app start starts it",
        "POD IMAGE [APP-OPTIONS] [-- ARGS...]",
        (
            Option(
                "mnt-volume",
                "name=NAME,kind=host,source=/path,target=/path[,readOnly=true], or kind=empty",
                "VOLUME",
                repeat=True,
                per_app=True,
            ),
            *(
                replace(one, hidden=one.hidden or one.name in REFUSED)
                for one in APP_OPTIONS
                if one.name not in DECIDED_BEFORE
            ),
            Option(
                "pull-policy",
                "new: store first; update: network first; never: store only",
                "POLICY",
                "new",
                choices=PULL,
            ),
            FORMAT,
            UUID_FILE,
        ),
        "The image is fetched, verified and confined as run would. Prints the app's name.",
        (
            "podwright app add $UUID example.com/redis:7 --name=redis --memory=256Mi",
            "podwright app add $UUID example.com/web --mnt-volume=name=www,kind=host,source=/srv/www,target=/www",
        ),
    ),
    Verb(
        "make",
        "app_make",
        "Have apps of such pods be there, run or be gone, as JSON on standard input says",
        "-",
        (
            Option("check", "say what would change, change nothing"),
            Option("diff", "tell what differs, too"),
        ),
        "What the module podwright.fleet.app calls.",
        hidden=True,
    ),
    Verb(
        "start",
        "mutable",
        "Start an app of such a pod",
        "POD",
        (APP, FORMAT, UUID_FILE),
        "Returns when its program is executed. An app that has ended can be started again.",
        ("podwright app start --app=redis $UUID",),
    ),
    Verb(
        "stop",
        "mutable",
        "Stop an app of such a pod",
        "POD",
        (APP, FORMAT, UUID_FILE),
        "Sends its stop signal, waits, and kills it when its time is up.",
        ("podwright app stop --app=redis $UUID",),
    ),
    Verb(
        "rm",
        "mutable",
        "Remove a stopped app of such a pod",
        "POD",
        (APP, FORMAT, UUID_FILE),
        "",
        ("podwright app rm --app=redis $UUID",),
    ),
    Verb(
        "list",
        "mutable",
        "List the apps of a pod",
        "POD",
        (Option("no-legend", "no line with titles"), FORMAT, UUID_FILE),
        "",
        ("podwright app list $UUID",),
    ),
    Verb(
        "status",
        "mutable",
        "Show how an app of a pod fares",
        "POD",
        (
            Option("app", "name of the app; needed when the pod has several", "APP"),
            FORMAT,
            UUID_FILE,
        ),
        "",
        ("podwright app status --app=redis $UUID",),
    ),
    Verb(
        "exec",
        "enter",
        "Run a command in an app of a running pod",
        "POD [COMMAND [ARG...]]",
        (
            Option("app", "name of the app; needed when the pod has several", "APP"),
            Option("privileged", "as root of the pod, with all its capabilities and no filter"),
            Option("no-tty", "pass standard input and output on as they are, even a terminal"),
            UUID_FILE,
        ),
        "The same as podwright enter.",
        ("podwright app exec --app=redis $UUID redis-cli ping",),
        words=2,
    ),
)
