# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for completion that this host knows: pods, apps, images, networks, values of options."""

from __future__ import annotations

import os

from podwright.errors import PodwrightError
from podwright.model.names import is_pod_name
from podwright.stage0 import pods
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwright.cli.options import Option
    from podwright.host.paths import Layout

    Words = list[tuple[str, str]]

STATES = {
    "enter": ("running",),
    "stop": ("running",),
    "attach": ("running",),
    "app exec": ("running",),
    "network check": ("running",),
    "selinux verify": ("running",),
    "run-prepared": ("prepared", "exited"),
    "rm": ("prepared", "exited", "aborted prepare", "exited garbage", "garbage"),
    "export": ("exited", "exited garbage"),
}
"""The states of the pods that a verb takes; all, where it is not said."""
NAMED = ("start", "restart", "history", "rollback")
"""Verbs of pods that have a name, also while they have no directory."""
FEW = {
    "dns": ("host", "none"),
    "hosts-entry": ("host",),
    "insecure-options": (
        *("image", "tls", "http", "pubkey", "capabilities", "paths", "seccomp"),
        *("all-fetch", "all-run", "all"),
    ),
}
"""What options take whose words are in no table."""


def of_option(layout: Layout, option: Option, group: str) -> Words:
    """What may stand behind `--name=`."""
    if option.name == "net":
        from podwright.model import netchoice

        return networks(layout) + [(word, "") for word in netchoice.WORDS]
    if option.name == "stage1-name":
        from podwright.model.podspec import FLAVOURS

        return [(word, "") for word in FLAVOURS if word != "image"]
    if option.name == "require":
        from podwright.host.checks.every import NAMES

        return [(word, "") for word in NAMES]
    if group == "image" and option.name in ("fields", "sort"):
        from podwright.cli.verbs_image import FIELDS

        return [(word, "") for word in FIELDS]
    words = option.choices or FEW.get(option.name, ())
    if not option.metavar:
        words = ("true", "false")
    return [(word, "") for word in words if word]


def of_kind(layout: Layout, kind: str, verb: str, before: tuple[str, ...]) -> Words:
    """What may stand where a usage says POD, IMAGE or NAME; not twice."""
    if kind == "IMAGE":
        found = images(layout)
    elif kind == "NAME" and verb.startswith("network "):
        found = networks(layout)
    elif kind == "NAME" or (kind == "POD" and verb in NAMED):
        found = named(layout)
    elif kind in ("POD", "UUID"):
        found = of_pods(layout, STATES.get(verb, ()))
        if verb == "status":  # knows those that are stopped and collected, too
            from podwright.cli import absent

            names = [word for word, _ in named(layout) if absent.is_absent(layout, word)]
            known = {word for word, _ in found}
            found = [(name, absent.STATE) for name in names if name not in known] + found
    else:
        return []
    return [(word, told) for word, told in found if word not in before]


def of_pods(layout: Layout, states: Iterable[str]) -> Words:
    """Names and UUIDs of pods in one of these states, or in any; names come first."""
    by_name, by_uuid = [], []
    for pod in pods.each(layout, pods.DIRECTORIES[1:]):
        if states and pod.state not in states:
            continue
        name = str(pod.read_object("runtime-config").get("name", ""))
        current = pods.instance(layout, name) if is_pod_name(name) else ""
        if name and current in ("", pod.uuid):  # an earlier one is no longer called so
            by_name.append((safe(name, 100), pod.state))
        by_uuid.append((pod.uuid, f"{pod.state} {safe(name, 100)}".strip()))
    return sorted(set(by_name)) + sorted(by_uuid)


def named(layout: Layout) -> Words:
    """Pods that have a name, as they are known here."""
    try:
        return [(safe(name, 100), "") for name in sorted(os.listdir(layout.named))]
    except OSError:
        return []


def apps(layout: Layout, words: list[str]) -> Words:
    """Apps of the pods that are named by one of `words`, or else of all that run."""
    from podwright.stage0.start import read_manifest

    chosen = []
    for word in words:
        try:
            chosen.append(pods.find(layout, word))
        except (PodwrightError, OSError):
            continue  # a verb, or another word
    if not chosen:
        chosen = [pod for pod in pods.each(layout, (pods.RUN,)) if pod.state == "running"]
    found = {}
    for pod in chosen:
        try:
            found.update({app.name: app.image_name for app in read_manifest(pod.path).apps})
        except (PodwrightError, OSError):
            continue  # it has just ended, or is damaged
    return sorted(found.items())


def images(layout: Layout) -> Words:
    """Images of the store by name and version."""
    from podwright.stage0 import imagereport, store
    from podwright.stage0 import images as stored

    if not store.check(layout):
        return []
    found = stored.list_images(layout, lambda _: None)
    names = sorted({imagereport.full_name(image) for image in found})
    return [(safe(name, 300), "") for name in names]


def networks(layout: Layout) -> Words:
    """Networks that are configured and built in."""
    from podwright.net import shown

    found = shown.view(layout).networks
    return [(one["name"], ",".join(one["plugins"])) for one in found if not one["error"]]
