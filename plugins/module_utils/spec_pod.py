# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The tables of what can be asked of a pod and of its apps. The agent checks the values."""

from __future__ import annotations

from ansible_collections.podwright.fleet.plugins.module_utils.notation import (
    mounts,
    ports,
    volumes,
)
from ansible_collections.podwright.fleet.plugins.module_utils.notation_names import dns, hosts
from ansible_collections.podwright.fleet.plugins.module_utils.options import (
    Option,
    Table,
    command,
    mapping,
    text,
    texts,
    words,
)
from ansible_collections.podwright.fleet.plugins.module_utils.spec import LOGINS

SECRET: Table = {
    "name": Option(required=True, no_log=False),
    "content": Option(no_log=True),
    "encoding": Option(choices=("text", "base64")),
    "file": Option("path"),
    "credential": Option(no_log=False),
    "stored": Option(),
    "target": Option(),
    "mode": Option(),
    "uid": Option("int"),
    "gid": Option("int"),
    "apps": Option("list", elements="str"),
}
"""One secret of a pod."""

ISOLATORS = Option(
    "list",
    elements="dict",
    table={
        "name": Option(required=True),
        "value": Option("raw", required=True),
        "optional": Option("bool"),
    },
)

PROBE: Table = {
    "exec": Option("list", elements="raw", convert=texts),
    "http": Option(
        "dict",
        table={
            "port": Option("raw", required=True, convert=text),
            "path": Option(),
            "address": Option(),
            "host": Option(),
            "headers": Option("dict", convert=mapping),
        },
    ),
    "tcp": Option("raw", convert=text),
    "interval": Option("float"),
    "timeout": Option("float"),
    "failure_threshold": Option("int"),
    "success_threshold": Option("int"),
    "initial_delay": Option("float"),
}
"""How it is found out whether an app has started, serves, or lives."""

PROBES: Table = {role: Option("dict", table=PROBE) for role in ("startup", "readiness", "liveness")}

PROCESS: Table = {
    "exec": Option("raw", convert=command),
    "args": Option("list", elements="raw", convert=texts),
    "environment": Option("dict", convert=mapping),
    "user": Option(),
    "group": Option(),
    "supplementary_gids": Option("list", elements="int"),
    "working_dir": Option(),
    "mounts": Option("list", elements="raw", convert=mounts),
    "isolators": ISOLATORS,
    "readonly_rootfs": Option("bool"),
    "stop_signal": Option(),
    "hook_timeout": Option("float"),
    **PROBES,
    "notify": Option("bool"),
    "watchdog": Option("float"),
    "stdin": Option(choices=("null", "stream", "tty")),
    "stdout": Option(choices=("log", "null", "stream", "tty")),
    "stderr": Option(choices=("log", "null", "stream", "tty")),
    "log_path": Option(),
}
"""How an app runs: options of each app, and of a pod with one app."""

READY: Table = {
    "tcp": Option("int"),
    "exec": Option("list", elements="raw", convert=texts),
    "app": Option(),
    "seconds": Option("float"),
    "interval": Option("float"),
    "timeout": Option("float"),
}

LIFE: Table = {
    "depends_on": Option("list", elements="str"),
    "restart": Option(choices=("no", "on-failure", "always")),
    "ready": Option("dict", table={name: READY[name] for name in READY if name != "app"}),
    "stop_timeout": Option("float"),
}
"""How an app of a pod with several lives with the others."""

UNIT: Table = {
    **{
        name: Option("list", elements="str")
        for name in ("after", "before", "requires", "wants", "part_of", "wanted_by")
    },
    "environment": Option("dict", convert=mapping),
    "settings": Option(
        "dict", table={name: Option("dict") for name in ("Unit", "Service", "Install")}
    ),
}
"""What is said about the systemd unit of a pod."""

RULE: Table = {
    "from": Option(),
    "to": Option(),
    "ports": Option("list", elements="str"),
}
"""One thing that a pod's network rules allow."""

POD: Table = {
    "image": Option(),
    **PROCESS,
    "apps": Option(
        "list",
        elements="dict",
        table={"name": Option(), "image": Option(required=True), **PROCESS, **LIFE},
    ),
    "pod_manifest": Option("dict"),
    "stage1": Option(),
    "kvm": Option(
        "dict",
        table={
            "accelerator": Option(choices=("kvm", "tcg")),
            "runner": Option(choices=("auto", "libvirt", "qemu")),
        },
    ),
    "stage1_image": Option(
        "dict",
        table={"name": Option(), "path": Option("path"), "url": Option(), "hash": Option()},
    ),
    "private_users": Option(choices=("true", "false", "idmapped")),
    "profile": Option(choices=("system",)),
    "selinux": Option(choices=("auto", "require", "off")),
    "net": Option("raw", convert=words),
    "hostname": Option(),
    "dns": Option("raw", convert=dns),
    "hosts": Option("raw", convert=hosts),
    "metadata": Option("bool"),
    "sandbox": Option("bool"),
    "ports": Option("list", elements="raw", convert=ports),
    "sockets": Option("list", elements="str"),
    "allow": Option("list", elements="dict", table=RULE),
    "volumes": Option("list", elements="raw", convert=volumes),
    "secrets": Option("list", elements="dict", no_log=False, table=SECRET),
    "pull_policy": Option(choices=("new", "update", "never")),
    "insecure_options": Option("list", elements="str"),
    "restart": Option(choices=("no", "on-failure", "always")),
    "enabled": Option("bool"),
    "ready": Option("dict", table=READY),
    "stop_timeout": Option("float"),
    "unit": Option("dict", table=UNIT),
    "replace": Option(choices=("stop-first", "start-first", "auto")),
    "keep_revisions": Option("int"),
    "revision": Option("int"),
    "exit_policy": Option(),
    "log": Option("dict", table={"max_size": Option("raw"), "max_files": Option("int")}),
    "pod_isolators": ISOLATORS,
    "annotations": Option("dict", convert=mapping),
    "labels": Option("dict", convert=mapping),
    **LOGINS,
}
"""A pod without its name and state."""

POD_STATES = ("started", "stopped", "prepared", "absent", "restarted")
