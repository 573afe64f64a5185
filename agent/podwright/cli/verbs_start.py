# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs that people start pods with; apart from the others, which a start need not load."""

from __future__ import annotations

from podwright.cli.flags import FORMAT, UUID_FILE, UUID_FILE_SAVE
from podwright.cli.options import Option, Verb
from podwright.cli.verbs_pod import APP_OPTIONS, MACHINE_OPTION, POD_OPTIONS, START_OPTIONS

VERBS = (
    Verb(
        "run",
        "run",
        "Run image(s) in a pod",
        "IMAGE [APP-OPTIONS] [-- ARGS...] [--- IMAGE ...]",
        POD_OPTIONS + START_OPTIONS + APP_OPTIONS + (UUID_FILE_SAVE,),
        "Fetches what is missing, verifies it, and runs the pod in the foreground. Options that concern\n"
        "one app follow its image. Returns the status of the first app that fails, else 0.",
        (
            "podwright run example.com/redis:7 --port=6379-tcp:6379",
            "podwright run example.com/web --memory=256Mi -- --verbose --- example.com/cache",
            "podwright run --net=web --volume data,kind=host,source=/srv/db example.com/db --user=70",
            "podwright run --interactive example.com/tools --exec=/bin/sh",
            "podwright run ./app.aci --signature=./app.aci.asc",
        ),
    ),
    Verb(
        "prepare",
        "prepare",
        "Fetch, verify and render image(s) into a pod, to run it later",
        "IMAGE [APP-OPTIONS] [-- ARGS...] [--- IMAGE ...]",
        POD_OPTIONS
        + APP_OPTIONS
        + (Option("quiet", "print only the UUID"), UUID_FILE_SAVE, FORMAT),
        "Prints the pod's UUID, or with --format what `status` says of it.",
        (
            "podwright run-prepared $(podwright prepare --quiet example.com/redis:7)",
            "podwright prepare --uuid-file-save=/run/redis.uuid example.com/redis:7",
        ),
    ),
    Verb(
        "run-prepared",
        "run_prepared",
        "Run a prepared pod",
        "POD",
        (*START_OPTIONS, MACHINE_OPTION, UUID_FILE),
        "Runs it in the foreground, as `run` does. Names of the network, host names and the like are said\n"
        "here and not to `prepare`.",
        (
            "podwright run-prepared 6d1b2e8c",
            "podwright run-prepared --uuid-file=/run/redis.uuid --net=web",
        ),
    ),
)
