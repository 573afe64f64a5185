# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All verbs but those that start pods."""

from __future__ import annotations

from podwright.cli.flags import FORMAT, PULL, UUID_FILE
from podwright.cli.options import Option, Verb

VERBS = (
    Verb(
        "apply",
        "apply",
        "Bring this host to a desired state (JSON); changes only what differs",
        "FILE|-",
        (
            Option("check", "say what would change, change nothing"),
            Option("diff", "include before and after in the answer"),
            Option(
                "progress",
                "auto, json (one event per line on standard error), or none",
                "FORM",
                choices=("", "auto", "json", "none"),
            ),
            Option("lock-timeout", "seconds to wait for another apply", "SECONDS", "60"),
            Option(
                "format",
                "answer: json, or text for people",
                "FORMAT",
                choices=("", "json", "json-pretty", "text"),
            ),
        ),
        "Reads pods, images, networks and trusted keys as one JSON document and answers with one JSON object:\n"
        "changed, and per pod the actions taken. A second run changes nothing.",
        ("podwright apply --check --diff pods.json",),
    ),
    Verb(
        "fetch",
        "fetch",
        "Fetch image(s) into the store, verifying signatures",
        "IMAGE...",
        (
            Option("full", "print full image IDs"),
            Option("signature", "detached signature of the image before it", "FILE", per_app=True),
            Option(
                "progress",
                "auto, json (one event per line on standard error), or none",
                "FORM",
                choices=("", "auto", "json", "none"),
            ),
            Option(
                "pull-policy",
                "update: network first; new: store first; never",
                "POLICY",
                "update",
                choices=PULL,
            ),
        ),
        "Prints one image ID per line.",
        (
            "podwright fetch example.com/redis:7",
            "podwright fetch ./app.aci --signature=./app.aci.asc",
        ),
    ),
    Verb(
        "trust",
        "trust",
        "Trust a key for an image name prefix",
        "--prefix=PREFIX|--root [KEY...]",
        (
            Option("prefix", "trust for image names at and below PREFIX", "PREFIX"),
            Option("root", "trust for every image name"),
            Option("fingerprint", "full fingerprint (40 digits) the key must have", "HEX"),
            Option("skip-fingerprint-review", "do not ask; what the location gives is trusted"),
            Option("insecure-allow-http", "allow http:// key locations"),
        ),
        "Shows the key's fingerprint, identities and subkeys and asks; only the word yes accepts. KEY is a\n"
        "file or URL; without KEY the locations are discovered from the prefix. Scripts give the full\n"
        "--fingerprint instead of answering. Weak, expired and revoked keys are refused. A location that\n"
        "gave another key before says so, and is not accepted unseen.",
        (
            "podwright trust --prefix=example.com/redis key.asc",
            "podwright trust --prefix=example.com/redis key.asc --fingerprint=$FINGERPRINT",
            "podwright trust --prefix=example.com            # asks https://example.com for its keys",
            "podwright trust --root https://example.com/pubkeys/key.asc",
        ),
    ),
    Verb(
        "list",
        "list",
        "List pods",
        "",
        (
            Option("full", "full UUIDs, image IDs and times"),
            Option("no-legend", "no column titles"),
            FORMAT,
        ),
    ),
    Verb(
        "status",
        "status",
        "Show the status of a pod",
        "POD",
        (
            Option(
                "wait",
                "wait until it has ended, at most DURATION: --wait, --wait=30s",
                "[DURATION]",
            ),
            Option("wait-ready", "wait until it is ready, at most DURATION", "[DURATION]"),
            FORMAT,
            UUID_FILE,
        ),
    ),
    Verb(
        "enter",
        "enter",
        "Run a command in an app of a running pod",
        "POD [COMMAND [ARG...]]",
        (
            Option("app", "name of the app; needed when the pod has several", "APP"),
            Option("privileged", "as root of the pod, with all its capabilities and no filter"),
            Option("no-tty", "pass standard input and output on as they are, even a terminal"),
            UUID_FILE,
        ),
        "Without COMMAND: /bin/bash of the image, or else /bin/sh. The process is confined exactly as the\n"
        "app is, and its limits hold. It gets the app's environment and TERM. A terminal is replaced by\n"
        "one of the app's own. Returns the command's status; 203 when it cannot be executed.",
        ("podwright enter web", "podwright enter --app=db shop psql -c 'select 1'"),
        words=2,
    ),
    Verb(
        "stop",
        "stop",
        "Stop running pods",
        "POD...",
        (Option("force", "kill at once"), UUID_FILE),
        "Asks and does not wait for the end: podwright status --wait does. A named pod that systemd\n"
        "supervises is stopped through its unit, which waits.",
    ),
    Verb("rm", "rm", "Remove pods that do not run", "POD...", (UUID_FILE,)),
    Verb(
        "gc",
        "gc",
        "Remove ended, aborted and expired pods",
        "",
        (
            Option("grace-period", "keep ended pods for this long", "DURATION", "30m"),
            Option("expire-prepared", "expire prepared pods after this long", "DURATION", "24h"),
            Option("mark-only", "only mark, remove nothing"),
        ),
    ),
    Verb(
        "cat-manifest",
        "cat_manifest",
        "Print the manifest of a pod",
        "POD",
        (Option("pretty-print", "indent", default="true"), UUID_FILE),
    ),
    Verb(
        "image",
        "image",
        "Work with images: list, verify, build, push, ...",
        "COMMAND ...",
    ),
    Verb(
        "network",
        "network",
        "Show the networks that pods can be on",
        "COMMAND ...",
    ),
    Verb(
        "policy",
        "policy",
        "Explain the admission policy",
        "COMMAND ...",
    ),
    Verb(
        "selinux",
        "selinux",
        "Check the SELinux labels of running pods",
        "COMMAND ...",
    ),
    Verb(
        "config",
        "config",
        "Print the merged configuration as JSON",
        "",
        (Option("pretty-print", "indent", default="true"),),
    ),
    Verb(
        "check-host",
        "check_host",
        "Tell what this host can enforce, and what to install or enable for the rest",
        "",
        (
            Option("require", "end with 1 when one of these is missing: kvm,selinux", "LIST"),
            Option("no-legend", "no column titles"),
            FORMAT,
        ),
        "Everything is tried, and nothing is left behind. Returns 0 unless --require names something\n"
        "that is missing.",
        ("podwright check-host", "podwright check-host --require=user-namespaces,cgroups"),
    ),
    Verb(
        "metadata-service",
        "metadata_service",
        "Answer pods that ask who they are, until it is stopped",
        "",
        (
            Option(
                "listen-address",
                "only on this address, IPv4 or IPv6 (default: all)",
                "ADDRESS",
                repeat=True,
            ),
            Option("listen-port", "TCP port for pods", "PORT", "18112"),
        ),
        "Pods that were started with --mds-register find it at $AC_METADATA_URL. Each is answered on the\n"
        "connections from its own addresses only, with its own token, as long as it runs. Registers\n"
        "pods on /run/podwright/metadata-svc.sock. Takes over sockets that systemd has opened, and\n"
        "tells it when it is ready.",
        (
            "podwright metadata-service",
            "podwright run --mds-register example.com/web",
        ),
    ),
    Verb("version", "version", "Print the version", "", (FORMAT,)),
    Verb("completion", "completion", "Print a completion script for bash", "bash"),
    Verb("help", "help", "Help about any command", "[COMMAND]"),
)
