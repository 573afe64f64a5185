# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of verbs: names, help and options. Reading it loads none of their code."""

from __future__ import annotations

from podwright.cli.options import Option, Verb
from podwright.cli.verbs_pod import APP_OPTIONS, POD_OPTIONS, PULL, START_OPTIONS
from podwright.errors import UsageError
from podwright.text import safe
from podwright.values import replace

JSON_CHOICES = ("", "json", "json-pretty")
FORMAT = Option(
    "format", "machine-readable output: json or json-pretty", "FORMAT", choices=JSON_CHOICES
)
UUID_FILE = Option("uuid-file", "read the pod's UUID from a file", "FILE")

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
        "Reads pods, images and trusted keys as one JSON document and answers with one JSON object:\n"
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
        "A named pod that systemd supervises is stopped through its unit.",
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
    Verb("version", "version", "Print the version", "", (FORMAT,)),
    Verb("completion", "completion", "Print a completion script for bash", "bash"),
    Verb("help", "help", "Help about any command", "[COMMAND]"),
    Verb(
        "resume",
        "resume",
        "Go on as the parent of a pod that runs",
        "[NAME] SIGNAL",
        (
            Option("state", "descriptor of what is known about the pod", "FD"),
            Option("detached", "restart it ourselves, since there is no systemd"),
            Option("attempt", "how often it was restarted", "N", "0"),
            Option("began", "when this life began", "SECONDS", "0"),
        ),
        hidden=True,
    ),
    Verb(
        "supervise",
        "supervise",
        "Run a named pod under a supervisor",
        "NAME",
        (
            Option("detached", "restart it ourselves, since there is no systemd"),
            Option("attempt", "how often it was restarted", "N", "0"),
        ),
        hidden=True,
    ),
)


def find(word: str, verbs: tuple[Verb, ...] = VERBS, of: str = "") -> Verb:
    """The verb called `word`, or the only one that begins so; `of` stands before it in errors."""
    matches = [verb for verb in verbs if verb.name == word] or [
        verb for verb in verbs if verb.name.startswith(word) and not verb.hidden
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(verb.name for verb in matches)
        raise UsageError(f"command '{of}{safe(word, 40)}' is ambiguous", f"it may be {names}")
    raise UsageError(
        f"unknown command '{of}{safe(word, 40)}'", f"podwright help {of}lists the commands"
    )


def find_exact(word: str) -> Verb:
    """The verb called `word`; it exists."""
    return next(verb for verb in VERBS if verb.name == word)


def subs_of(verb: Verb) -> tuple[Verb, ...]:
    """The sub-commands of a verb, () when it has none; `image fetch` is `fetch` (E)."""
    if verb.name == "image":
        from podwright.cli.verbs_build import BUILD_VERBS
        from podwright.cli.verbs_image import IMAGE_VERBS

        return (*IMAGE_VERBS, *BUILD_VERBS, find_exact("fetch"))
    if verb.name == "policy":
        from podwright.cli.verbs_policy import POLICY_VERBS

        return POLICY_VERBS
    if verb.name == "selinux":
        from podwright.cli.verbs_selinux import SELINUX_VERBS

        return SELINUX_VERBS
    if verb.name == "trust":
        from podwright.cli.verbs_trust import TRUST_VERBS

        return TRUST_VERBS
    return ()


def find_sub(verb: Verb, word: str) -> Verb:
    """The sub-command of `verb` called `word`, under the name that people write."""
    sub = find(word, subs_of(verb), f"{verb.name} ")
    return sub if sub.name == "fetch" else replace(sub, name=f"{verb.name} {sub.name}")
