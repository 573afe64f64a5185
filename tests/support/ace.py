# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod that checks from inside what the App Container specification's executor section (ACE) promises.

Each clause is a shell script in the validator's image; the app of a pod that it is for runs it and prints
`clause APP NAME ok`, or what it said when it failed. Nothing but busybox is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support import aci, tiny_image

MAIN = "example.com/ace-main"
SIDE = "example.com/ace-side"
APPS = ("main", "user", "readonly", "owner", "limited", "side")

ENVIRONMENT = """
test "$PATH" = /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
test "$AC_APP_NAME" = main
test -n "$container"
test -z "${AC_METADATA_URL+set}"
test "$IN_THE_IMAGE" = "as it is  written"
"""

CLAUSES: dict[str, dict[str, str]] = {
    "main": {
        "environment": ENVIRONMENT,
        "environment_holds_nothing_of_the_caller": 'test -z "${LEAK+set}"',
        "working_directory_is_the_one_of_the_app": "test $(pwd) = /opt/work",
        "arguments_are_passed_as_they_are": (
            "tr '\\0' '|' </proc/$VALIDATOR/cmdline | grep -qF \"|one|two words||\\$HOME|\""
        ),
        "root_is_user_0": "test $(id -u):$(id -g) = 0:0",
        "app_has_its_own_file_system": "test -e /only-in-main && test ! -e /only-in-side",
        "root_file_system_is_writable": "echo x > /written && test $(cat /written) = x",
        "execution_starts_from_a_clean_copy": "test ! -e /leftover && touch /leftover",
        "volume_is_mounted_at_its_mount_point": "test $(cat /db/file) = from-the-host",
        "volume_is_writable": "echo changed > /db/changed",
        "read_only_volume_cannot_be_written": (
            "test -e /config/file; ! touch /config/x 2>/dev/null; ! rm /config/file 2>/dev/null"
        ),
        "missing_mount_point_is_made_with_its_parents": (
            "test -d /made/for/it; test $(stat -c %a:%u:%g /made/for) = 755:0:0"
        ),
        "content_of_the_image_is_obscured_by_a_volume": (
            "test -d /covered && test ! -e /covered/of-the-image"
        ),
        "single_file_is_a_volume": "test -f /etc/one-file && test $(cat /etc/one-file) = single",
        "empty_volume_has_its_mode_and_owner": "test $(stat -c %a:%u:%g /scratch) = 2770:0:8",
        "empty_volume_begins_empty": 'test -z "$(ls /scratch)"',
        "volume_is_shared_by_the_apps": "test -e /shared/side-up",
        "loopback_is_up": (
            "ip addr show lo | grep -q 'inet 127.0.0.1/8'; ip link show lo | grep -q '[<,]UP'"
        ),
        "apps_share_the_network": "test $(wget -qO- http://127.0.0.1:8080/only-in-side) = side",
        "apps_share_processes": "kill -0 $(cat /shared/side-pid)",
        "apps_share_ipc": "test $(readlink /proc/self/ns/ipc) = $(cat /shared/side-ipc)",
        "apps_share_the_host_name": "test $(hostname) = $(cat /shared/side-hostname)",
        "apps_have_mounts_of_their_own": "test $(readlink /proc/self/ns/mnt) != $(cat /shared/side-mnt)",
        "pre_start_ran_before_in_the_same_root": "test $(cat /pre-start-ran) = 0",
        "devices_are_there": """
            for d in null zero full random urandom tty; do test -c /dev/$d; done
            echo x > /dev/null; test $(head -c 3 /dev/zero | wc -c) = 3; ! echo x > /dev/full 2>/dev/null
            test $(head -c 3 /dev/urandom | wc -c) = 3; test -c /dev/ptmx; test -d /dev/pts; test -d /dev/shm
            for d in fd stdin stdout stderr; do test -e /dev/$d; done""",
        "proc_is_the_pods": "test -r /proc/self/status && test $(ls -d /proc/[0-9]* | wc -l) -lt 40",
        "sys_is_there": "test -d /sys/class/net/lo",
        "tmp_and_run_are_there": "test $(stat -c %a /tmp) = 1777; touch /tmp/x /run/x /dev/shm/x",
        "host_files": "test $(cat /etc/hostname) = $(hostname) && grep -q localhost /etc/hosts && test -r /etc/mtab",
        "only_standard_descriptors_are_open": (
            "others=$(grep -e '->' /open-descriptors | grep -v -e ' [012] ->' -e '-> /ace/' || :);"
            ' echo "$others"; test -z "$others"'
        ),
        "capabilities_default": "grep -q 'CapBnd:.*00000000000005fb' /proc/self/status",
        "sysctl_of_the_pod": "test $(cat /proc/sys/net/ipv4/tcp_keepalive_time) = 321",
    },
    "user": {
        "user_and_group_names_are_those_of_the_image": "test $(id -u):$(id -g) = 1000:1000",
        "supplementary_groups_are_exactly_those_given": (
            "for g in 7 8 1000; do id -G | grep -qw $g; done; test $(id -G | wc -w) = 3"
        ),
        "working_directory_is_the_root_by_default": "test $(pwd) = /",
        "home_and_user_are_those_of_the_image": "test $USER:$LOGNAME:$HOME = tiny:tiny:/home/tiny",
        "no_capability_for_an_ordinary_user": "grep -q 'CapEff:.*0000000000000000' /proc/self/status",
        "own_files_can_be_written_and_others_not": "touch /home/tiny/x; ! touch /x 2>/dev/null",
        "app_name_is_that_of_the_pod": 'test "$AC_APP_NAME" = user',
    },
    "readonly": {
        "read_only_root_cannot_be_written": "! touch /x 2>/dev/null; ! rm /only-in-main 2>/dev/null",
        "volumes_in_a_read_only_root_can": "touch /scratch/x",
        "numbers_need_no_entry": "test $(id -u):$(id -g) = 4242:4343",
    },
    "owner": {
        "path_means_its_owner": "test $(id -u):$(id -g) = 1000:1000",
    },
    "limited": {
        "capabilities_retain_set": "grep -q 'CapBnd:.*0000000000000021' /proc/self/status",
        "seccomp_remove_set_with_errno": "mkdir /x 2>&1 | grep -q 'not supported'; touch /y",
        "no_new_privileges": "grep -q 'NoNewPrivs:.*1' /proc/self/status",
    },
    "side": {
        "second_image_is_another_file_system": "test ! -e /only-in-main && test -e /only-in-side",
    },
}  # fmt: skip

PRE_START = {
    "environment_of_pre_start": ENVIRONMENT,
    "pre_start_is_root_in_the_apps_directory": "test $(id -u) = 0; echo 0 > /pre-start-ran",
    "pre_start_runs_before_the_app": "test ! -e /written",
}
POST_STOP = {
    "environment_of_post_stop": ENVIRONMENT,
    "post_stop_runs_after_the_app_in_the_same_root": "test -e /written",
}
HOOKS = {"pre-start": PRE_START, "post-stop": POST_STOP}

FLY_CANNOT = {
    # A second app, and what only it could tell.
    "apps_share_the_network", "apps_share_processes", "apps_share_ipc", "apps_share_the_host_name",
    "apps_have_mounts_of_their_own", "volume_is_shared_by_the_apps",
    # What is the host's: network and its settings, processes, devices, host name.
    "proc_is_the_pods", "sysctl_of_the_pod", "devices_are_there", "host_files",
    # Capabilities are the caller's.
    "capabilities_default",
    # Hooks are ignored by fly.
    "pre_start_ran_before_in_the_same_root",
}  # fmt: skip
"""Clauses that fly does not offer: it isolates the root file system of one app, and nothing else."""

VALIDATOR = r"""#!/bin/sh
# validator WHO ARGUMENTS...: check every clause of WHO.
export VALIDATOR=$$
who=$1
[ ! -w / ] || (exec ls -l /proc/$$/fd > /open-descriptors)
for file in /ace/$who/*; do
  name=${file##*/}
  if said=$(sh -euc '. '$file 2>&1); then
    echo "clause $who $name ok"
  else
    echo "clause $who $name failed: $(echo $said)"
  fi
done
"""
START = r"""#!/bin/sh
# start WHO ARGUMENTS...: an app of the pod.
if [ "$1" = side ]; then
  for kind in ipc mnt; do readlink /proc/self/ns/$kind > /shared/side-$kind; done
  hostname > /shared/side-hostname
  echo $$ > /shared/side-pid
  httpd -p 127.0.0.1:8080 -h /
  touch /shared/side-up
else
  until [ -e /shared/side-up ]; do sleep 0.02; done
fi
/ace/validator "$@"
touch /shared/done-$1
if [ "$1" = side ]; then
  for app in main user readonly owner limited; do
    until [ -e /shared/done-$app ]; do sleep 0.02; done
  done
fi
"""


def image(name: str) -> Path:
    """The validator's image of that name."""
    clauses: dict[str, dict[str, str]] = {**CLAUSES, **HOOKS}
    scripts = {
        f"ace/{who}/{clause}": script
        for who, parts in clauses.items()
        for clause, script in parts.items()
    }
    marker = {f"only-in-{name.rpartition('-')[2]}": "side" if name == SIDE else "main"}
    files = {
        **scripts,
        **marker,
        "ace/validator": VALIDATOR,
        "ace/start": START,
        "opt/work/.keep": "",
        "covered/of-the-image": "hidden",
    }
    return tiny_image.build(name=name, app=aci.app(["/ace/validator", "main"]), files=files)


def _volume(name: str, path: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "path": path, **more}


def _app(name: str, image_id: str, **fields: Any) -> dict[str, Any]:
    points = [_volume("shared", "/shared"), *fields.pop("points", [])]
    outer: dict[str, Any] = {
        key: fields.pop(key) for key in ("readOnlyRootFS", "mounts") if key in fields
    }
    base = {"exec": ["/ace/start", name], "user": "0", "group": "0", "mountPoints": points}
    return {"name": name, "image": {"id": image_id}, "app": {**base, **fields}, **outer}


def _main(image_id: str) -> dict[str, Any]:
    handlers = [{"name": name, "exec": ["/ace/validator", name]} for name in HOOKS]
    return _app(
        "main",
        image_id,
        exec=["/ace/start", "main", "one", "two words", "", "$HOME"],
        workingDirectory="/opt/work",
        environment=[{"name": "IN_THE_IMAGE", "value": "as it is  written"}],
        eventHandlers=handlers,
        points=[
            _volume("db", "/db"),
            _volume("config", "/config", readOnly=True),
            _volume("fresh", "/made/for/it"),
            _volume("covering", "/covered"),
            _volume("file", "/etc/one-file"),
            _volume("scratch", "/scratch"),
        ],
    )


def manifest(main: str, side: str, host: Path) -> dict[str, Any]:
    """The pod manifest for namespaces; `host` is a directory for its host volumes."""
    isolators = [
        {"name": "os/linux/capabilities-retain-set", "value": {"set": ["CAP_CHOWN", "CAP_KILL"]}},
        {"name": "os/linux/seccomp-remove-set",
         "value": {"set": ["mkdir", "mkdirat"], "errno": "ENOTSUP"}},
        {"name": "os/linux/no-new-privileges", "value": True},
    ]  # fmt: skip
    scratch = [_volume("small", "/scratch")]
    apps = [
        _main(main),
        _app("user", main, user="tiny", group="tiny", supplementaryGIDs=[7, 8]),
        _app("readonly", main, user="4242", group="4343", readOnlyRootFS=True, points=scratch),
        _app("owner", main, user="/home/tiny", group="/home/tiny"),
        _app("limited", main, isolators=isolators),
        _app("side", side),
    ]
    sysctls = {"name": "os/unix/sysctl", "value": {"net.ipv4.tcp_keepalive_time": "321"}}
    return {**_pod(apps, host), "isolators": [sysctls]}


def fly_manifest(main: str, host: Path) -> dict[str, Any]:
    """The pod manifest for fly: one app."""
    app = _main(main)
    app["app"]["exec"][0] = "/ace/validator"
    del app["app"]["eventHandlers"]
    return _pod([app], host)


def _pod(apps: list[dict[str, Any]], host: Path) -> dict[str, Any]:
    for name in ("db", "config", "covering"):
        (host / name).mkdir(exist_ok=True)
        (host / name / "file").write_text("from-the-host")
    (host / "file").write_text("single")
    volumes: list[dict[str, Any]] = [
        {"name": name, "kind": "host", "source": str(host / name)}
        for name in ("db", "config", "covering", "file")
    ]
    volumes += [
        {"name": "shared", "kind": "empty", "mode": "1777"},
        {"name": "small", "kind": "empty", "mode": "1777"},
        {"name": "fresh", "kind": "empty"},
        {"name": "scratch", "kind": "empty", "mode": "2770", "gid": 8},
    ]
    kind = {"acKind": "PodManifest", "acVersion": aci.AC_VERSION}
    return {**kind, "apps": apps, "volumes": volumes}


def results(text: str) -> dict[str, str]:
    """Clause → "ok" or why it failed, from what a pod has printed."""
    found = {}
    for line in text.splitlines():
        words = line.split(" ", 3)
        if len(words) == 4 and words[0] == "clause":
            found[words[2]] = words[3]
    return found
