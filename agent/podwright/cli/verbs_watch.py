# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs for watching a host: top, metrics, api-service."""

from __future__ import annotations

from podwright.cli.flags import FORMAT, UUID_FILE
from podwright.cli.options import Option, Verb

VERBS: tuple[Verb, ...] = (
    Verb(
        "top",
        "top",
        "Show what running pods use: CPU, memory, disks, network",
        "[POD...]",
        (
            Option("once", "print one table and end, also on a terminal"),
            Option("sort", "cpu, memory or name", "KEY", "cpu", choices=("cpu", "memory", "name")),
            Option("interval", "time between two looks", "DURATION", "2s"),
            FORMAT,
            UUID_FILE,
        ),
        "A live table on a terminal: c, m and n sort by CPU, memory and name, q ends. Anywhere else, one\n"
        "table or JSON, after one interval. CPU is in percent of one core; READ, WRITTEN, IN and OUT are\n"
        "bytes per second. What this host does not count is shown as -.",
        ("podwright top", "podwright top --format=json web"),
    ),
    Verb(
        "metrics",
        "metrics",
        "Print numbers about pods, images and keys for monitoring",
        "",
        (
            Option("textfile", "write to this file, for node_exporter", "FILE"),
            Option("serve", "answer GET /metrics over HTTP"),
            Option("listen", "where to answer", "ADDRESS:PORT", "127.0.0.1:18113"),
            Option("idle", "end when nobody has asked for so long", "DURATION"),
            Option(
                "format",
                "openmetrics (1.0), or prometheus (text format 0.0.4)",
                "FORMAT",
                choices=("", "openmetrics", "prometheus"),
            ),
        ),
        "What this host does not count is left out. With --serve, takes over sockets that systemd has\n"
        "opened, and then ends after a minute without a request; so it needs no --listen, and nobody\n"
        "but those who are let in by the socket unit asks. Refusals are counted from the first time\n"
        "that root calls this.",
        (
            "podwright metrics",
            "podwright metrics --textfile=/var/lib/prometheus/node-exporter/podwright.prom",
        ),
    ),
    Verb(
        "api-service",
        "api_service",
        "Answer programs that ask about pods and images, over gRPC",
        "",
        (
            Option("listen", "where: ADDRESS:PORT or unix:/PATH", "PLACE", "localhost:15441"),
            Option("idle", "end when nobody was connected for so long", "DURATION"),
        ),
        "Programs that were made for rkt's API service (v1alpha) work with it. It only looks, and asks\n"
        "nobody who they are: on a port, everybody on this host sees what the manifests of pods say;\n"
        "a unix socket is root's and the group podwright's. Takes over a socket that systemd has opened,\n"
        "and then ends after a minute without a connection.",
        (
            "podwright api-service",
            "podwright api-service --listen=unix:/run/podwright/api.sock",
        ),
    ),
)
