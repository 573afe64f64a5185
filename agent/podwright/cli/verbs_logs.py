# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs for reading what apps write and taking part in it: logs, attach."""

from __future__ import annotations

from podwright.cli.flags import UUID_FILE
from podwright.cli.options import Option, Verb

LOGS = Verb(
    "logs",
    "logs",
    "Show what the apps of a pod have written",
    "POD",
    (
        Option(
            "follow", "(-f) go on as more is written, until the pod has ended for good", short="f"
        ),
        Option("app", "only of this app", "APP"),
        Option("since", "only from then on: 10m, 2h ago, or a date and time (RFC 3339)", "TIME"),
        Option("lines", "(-n) only the last ones", "NUMBER", short="n"),
        Option("stream", "only of stdout, or of stderr", "STREAM", choices=("stdout", "stderr")),
        Option("previous", "of the instance of a named pod before this one"),
        Option("timestamps", "put the time before each line"),
        Option(
            "format",
            "short; cat: nothing before a line; json: an object per line",
            "FORMAT",
            "short",
            choices=("short", "cat", "json"),
        ),
        UUID_FILE,
    ),
    "Reads the journal of the host, or the pod's files where there is none. A pod that was started in\n"
    "a shell writes to that shell, and has no log. With a name, --follow goes on with the next\n"
    "instances of the pod.",
    ("podwright logs -f web", "podwright logs --app=db --since=10m --stream=stderr web"),
)
ATTACH = Verb(
    "attach",
    "attach",
    "Take part in an app's input and output",
    "POD",
    (
        Option("app", "which app; needed where the pod has several", "APP"),
        Option(
            "mode",
            "list, auto, tty, or some of tty-in,tty-out,stdin,stdout,stderr",
            "MODE",
            "auto",
        ),
        Option("detach-keys", "what to type to go away from a terminal", "KEYS", "ctrl-p,ctrl-q"),
        UUID_FILE,
    ),
    "For apps that were started with --stdin, --stdout or --stderr set to stream or tty. Ends with the\n"
    "app, with its status; or when the keys to detach are typed.",
    ("podwright attach --mode=list web", "podwright attach --app=shell --mode=tty web"),
)
READ_LOGS = Verb(
    "read-logs",
    "read_logs",
    "Tell what the apps of several pods have written, as JSON on standard input says",
    "-",
    description="What the module podwright.fleet.pod_logs calls.",
    hidden=True,
)

VERBS: tuple[Verb, ...] = (LOGS, ATTACH, READ_LOGS)
