# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-commands of `network`."""

from __future__ import annotations

from podwright.cli.flags import FORMAT, UUID_FILE
from podwright.cli.options import Option, Verb

NETWORK_VERBS = (
    Verb(
        "list",
        "network",
        "List the networks that pods can be on",
        "",
        (Option("no-legend", "no column titles"), FORMAT),
        "Shows what is configured and what is built in, in the order in which a pod's links are made,\n"
        "and how many running pods are on each. Configurations that cannot be used are told of.",
        ("podwright network list", "podwright network list --format=json | jq -r '.[].name'"),
    ),
    Verb(
        "inspect",
        "network",
        "Show networks: configuration, its source, pods with their addresses",
        "NAME...",
        (FORMAT,),
        "Returns 254 when there is no such network, or when its configuration cannot be used.",
        ("podwright network inspect default", "podwright network inspect web --format=json-pretty"),
    ),
    Verb(
        "check",
        "network",
        "Look whether running pods still have what their networks were made of",
        "[POD...]",
        (Option("no-legend", "no column titles"), FORMAT, UUID_FILE),
        "Compares links, addresses, routes, forwarding and firewall with what the host's ledger says, and\n"
        "asks CNI plugins that made a network (CHECK). Changes nothing. Returns 254 when something is\n"
        "missing; starting the pod again makes it anew.",
        ("podwright network check", "podwright network check web --format=json-pretty"),
    ),
)
