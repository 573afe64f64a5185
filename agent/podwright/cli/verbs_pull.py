# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of pull mode: hosts pull, somebody makes what they pull."""

from __future__ import annotations

from podwright.cli.flags import FORMAT
from podwright.cli.options import Option, Verb

VERBS = (
    Verb(
        "pull",
        "pull",
        "Follow the signed desired state of the fleet that this host belongs to",
        "[URL]",
        (
            Option("fleet", "the fleet; keys for it are trusted with --prefix=pull:FLEET", "FLEET"),
            Option("host", "name that the bundle's selectors see (default: the host's)", "NAME"),
            Option("group", "a group of this host, for selectors", "GROUP", repeat=True),
            Option("label", "a label of this host, for selectors", "NAME=TEXT", repeat=True),
            Option("check", "say what would change, change nothing"),
            Option("diff", "include before and after in the answer"),
            Option(
                "splay", "first pause, for up to so long, each machine its own time", "DURATION"
            ),
            Option(
                "repair", "apply a bundle that has been applied, too: what drifted is put right"
            ),
            Option("again", "do not wait before a bundle that failed is tried again"),
            Option(
                "allow",
                "what the bundle may do besides pods, images, networks: keys, policy, insecure",
                "LIST",
                repeat=True,
            ),
            Option("adopt", "take over pods and networks of the same names that were here before"),
            Option("report-url", "post the result there (https)", "URL"),
            Option("status", "say how pulls of this host went, pull nothing"),
            Option(
                "progress",
                "auto, json (one event per line on standard error), or none",
                "FORM",
                choices=("", "auto", "json", "none"),
            ),
            Option("timeout", "in which the bundle must have come", "DURATION", "120s"),
            Option("lock-timeout", "seconds to wait for another pull or apply", "SECONDS", "60"),
            Option(
                "format",
                "answer: json, or text for people",
                "FORMAT",
                choices=("", "json", "json-pretty", "text"),
            ),
        ),
        "URL is https://HOST/PATH, with the signature at the same URL and .asc, or oci://REGISTRY/REPO:TAG.\n"
        "The bundle must be signed by a key that is trusted for the fleet, be of this time, and have no lower\n"
        "serial number than the last one; then it is applied as `podwright apply` does. Pods that earlier\n"
        "bundles have put here and this one does not name are removed, other pods never. What is not said here\n"
        "is read from files of pull.d in the configuration. podwright-pull.timer calls it on hosts with systemd.",
        (
            "podwright trust --prefix=pull:acme/shop fleet-key.asc",
            "podwright pull --check --diff https://example.com/shop.json --fleet=acme/shop",
            "podwright pull --status",
        ),
    ),
    Verb(
        "bundle",
        "bundle",
        "Make, show and publish what hosts of a fleet pull",
        "COMMAND ...",
        examples=("podwright help bundle make",),
    ),
)

SIGNING = (
    Option("sign-by", "sign with this key: fingerprint, user ID or secret key file", "KEY"),
    Option("gpg-home", "home of the gpg that has the key", "DIR"),
    Option("passphrase-file", "file with the key's passphrase", "FILE"),
)

BUNDLE_VERBS = (
    Verb(
        "make",
        "bundle",
        "Make a bundle of desired states, and sign it",
        "STATE.json BUNDLE",
        (
            Option("fleet", "whose bundle it is", "FLEET"),
            Option(
                "serial", "higher than all before, or `next`: one more than that of BUNDLE", "N"
            ),
            Option(
                "expires", "a time (2026-01-31T00:00:00Z), or a duration from now (720h)", "TIME"
            ),
            Option("not-before", "not valid before this time", "TIME"),
            Option("minimum-agent", "hosts with an older podwright refuse it", "VERSION"),
            *SIGNING,
            Option("check", "say whether it would change, write nothing"),
            Option("diff", "the answer of `-` always has it"),
            FORMAT,
        ),
        "STATE.json is a desired state as `podwright apply` reads it, for all hosts; or has `hosts`, a list of\n"
        "{match: {names, groups, labels}, state}, and may have `rollout`, a list of {percent, after}. Writes BUNDLE\n"
        "and BUNDLE.asc. The same input gives the same bytes, and then nothing is written. `bundle make -` reads\n"
        "from standard input what the module podwright.fleet.bundle asks for.",
        (
            "podwright bundle make --fleet=acme/shop --serial=42 --expires=720h --sign-by=$KEY shop.json out/shop",
        ),
    ),
    Verb(
        "push",
        "bundle",
        "Publish a bundle and its signature in a registry",
        "BUNDLE oci://REGISTRY/REPO:TAG",
        (Option("check", "say whether it would change, send nothing"), FORMAT),
        "Sends BUNDLE and BUNDLE.asc as one artifact, and then makes the tag mean it.",
        ("podwright bundle push out/shop oci://registry.example.com/fleet/shop:stable",),
    ),
    Verb(
        "show",
        "bundle",
        "Say what a bundle has for a host",
        "BUNDLE",
        (
            Option("host", "name that selectors see (default: this host's)", "NAME"),
            Option("group", "a group of the host", "GROUP", repeat=True),
            Option("label", "a label of the host", "NAME=TEXT", repeat=True),
            Option("about", "what the bundle says of itself, too; the desired state is in `state`"),
            FORMAT,
        ),
        "Prints the desired state as `podwright apply` reads it. Does not verify the signature.",
        ("podwright bundle show --host=web-1 --group=web out/shop",),
    ),
)
