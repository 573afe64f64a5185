# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs that people start pods with; apart from the others, which a start need not load."""

from __future__ import annotations

from podwright.cli.options import Option, Verb
from podwright.cli.verbs_pod import APP_OPTIONS, POD_OPTIONS, START_OPTIONS

VERBS = (
    Verb(
        "run",
        "run",
        "Run image(s) in a pod",
        "IMAGE [APP-OPTIONS] [-- ARGS...] [--- IMAGE ...]",
        POD_OPTIONS
        + START_OPTIONS
        + APP_OPTIONS
        + (Option("uuid-file-save", "write the pod's UUID to a file", "FILE"),),
        "Fetches what is missing, verifies it, and runs the pod in the foreground. Options that concern\n"
        "one app follow its image. Returns the status of the first app that fails, else 0.",
        (
            "podwright run example.com/redis:7 --port=6379-tcp:6379",
            "podwright run example.com/web --memory=256Mi -- --verbose --- example.com/cache",
        ),
    ),
    Verb(
        "prepare",
        "prepare",
        "Fetch, verify and render image(s) into a pod, to run it later",
        "IMAGE [APP-OPTIONS] [-- ARGS...] [--- IMAGE ...]",
        POD_OPTIONS + APP_OPTIONS + (Option("quiet", "print only the UUID"),),
        "Prints the pod's UUID.",
        ("podwright run-prepared $(podwright prepare --quiet example.com/redis:7)",),
    ),
    Verb("run-prepared", "run_prepared", "Run a prepared pod", "UUID", START_OPTIONS),
)
