# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Families about the host: store, keys, named pods, what was refused and cleaned away."""

from __future__ import annotations

import os
import time

from podwright.host import counters
from podwright.metrics.pods import seconds
from podwright.metrics.text import Family
from podwright.stage0 import store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podwright.host.paths import Layout
    from podwright.metrics.text import Point

DAY = 86400.0
USUAL = (
    "refused fetch fetch-failed",
    "refused policy policy",
    "refused verify no-signature",
    "refused verify not-verified",
    "gc-problems",
)
"""What is shown as 0 before it happens for the first time, since else nobody would see a rise."""
MEASURED = ("tpm-measured", "tpm-failed", "tpm-mismatches")
"""The same, where something is said about measuring."""


def images(layout: Layout) -> Iterator[Family]:
    """The image store. Raises PodwrightError for one that cannot be read."""
    store.check(layout)
    records = [store.read_record(layout, one) for one in store.image_ids(layout)]
    known = [one for one in records if one is not None]
    yield _one("images", "Images in the store", len(known))
    size = sum(one.size for one in known)
    yield _one("image_store_bytes", "Size of the images in the store", size, unit="bytes")
    try:
        trees = len(os.listdir(layout.trees)) if os.path.lexists(layout.trees) else 0
        yield _one("trees", "Rendered root file systems and layers", trees)
    except PermissionError:
        pass  # they are root's
    points = []
    for one in known:
        times = [seconds(signature.expires) for signature in one.verdict.signatures]
        sound = [moment for moment in times if moment is not None]
        if sound:
            points.append(((("image", one.name), ("id", one.id)), min(sound)))
    yield Family(
        "podwright_image_signature_expiry_time_seconds",
        "gauge",
        "When the first of an image's signatures, or its key, expires: after that no pod starts with it",
        tuple(points),
        "seconds",
    )


def keys(layout: Layout) -> Iterator[Family]:
    """When keys of the trust store and of the policy expire. Raises PodwrightError."""
    expiry: dict[tuple[tuple[str, str], ...], float] = {}
    for fingerprint, source, prefix, expires in [*_trusted(layout), *_of_policy(layout)]:
        moment = seconds(expires)
        if moment is not None:
            labels = (("fingerprint", fingerprint), ("source", source), ("prefix", prefix))
            expiry[labels] = moment
    now = time.time()
    yield Family(
        "podwright_key_expiry_time_seconds",
        "gauge",
        "When a key that images are verified with expires; keys that never do are left out",
        tuple(expiry.items()),
        "seconds",
    )
    yield Family(
        "podwright_key_expiry_days",
        "gauge",
        "Days until a key that images are verified with expires",
        tuple((labels, round((moment - now) / DAY, 2)) for labels, moment in expiry.items()),
        "days",
    )


def _trusted(layout: Layout) -> Iterator[tuple[str, str, str, str]]:
    from podwright.stage0 import trustlist

    for row in trustlist.rows(layout):
        if row.info is not None and not row.masked_by:
            yield row.key.fingerprint, "trust-store", row.key.prefix, row.info.expires


def _of_policy(layout: Layout) -> Iterator[tuple[str, str, str, str]]:
    from podwright.model.policy import SIGNED_BY
    from podwright.stage0 import trust
    from podwright.stage0.judge import policy, policykeys

    found = policy.load(layout)
    if found is None:
        return
    scopes = [
        found.default,
        *(one for known in found.transports.values() for one in known.values()),
    ]
    for requirement in (one for requirements in scopes for one in requirements):
        if requirement.kind != SIGNED_BY or requirement.trust_store:
            continue
        for _, data in policykeys.sources(requirement):
            info = trust.inspect_key(data)
            yield info.fingerprint, "policy", "", info.expires


def named(layout: Layout, running: set[str]) -> Iterator[Family]:
    """Named pods. `running` are the names of pods that run."""
    from podwright.reconcile import revisions

    names = revisions.names(layout)
    points: tuple[Point, ...] = tuple(((("pod", name),), int(name in running)) for name in names)
    yield Family(
        "podwright_named_pod_running",
        "gauge",
        "Whether a pod that is to run on this host does",
        points,
    )


def pulls(layout: Layout) -> Iterator[Family]:
    """How pulls of fleets' states went; nothing on hosts that pull none."""
    from podwright.pull import keep

    found = [((("fleet", one["fleet"]),), one) for one in keep.results(layout)]
    if not found:
        return
    for name, key, words in (
        ("pull_last_run", "at", "When the state of a fleet was pulled last"),
        ("pull_last_success", "last_success", "When that last went well"),
        (
            "pull_bundle_expiry",
            "expires",
            "When the accepted bundle expires: after that pulls fail",
        ),
    ):
        times = [(labels, seconds(one.get(key))) for labels, one in found]
        points = tuple((labels, moment) for labels, moment in times if moment is not None)
        yield Family(f"podwright_{name}_time_seconds", "gauge", words, points, "seconds")
    for name, key, kind, words in (
        ("pull_serial", "serial", "gauge", "Serial number of the bundle that was accepted last"),
        ("pull_failures", "failures_total", "counter", "Pulls that failed or were refused"),
        (
            "pull_failures_in_a_row",
            "failures",
            "gauge",
            "How many of the last pulls failed, without one that went well",
        ),
    ):
        numbers = [(labels, one.get(key)) for labels, one in found]
        points = tuple((labels, number) for labels, number in numbers if type(number) is int)
        yield Family(f"podwright_{name}", kind, words, points)
    points = tuple(
        (labels, followed["serial"])
        for labels, one in found
        for followed in [one.get("followed")]
        if isinstance(followed, dict) and type(followed.get("serial")) is int
    )
    words = "Serial number of the bundle that was applied last"
    yield Family("podwright_pull_followed_serial", "gauge", words, points)


COUNTED = (
    ("gc-removed", "Pods that gc has removed"),
    ("gc-marked", "Pods that gc has marked as garbage"),
    ("gc-problems", "Pods that gc could not mark or remove, each time"),
    ("tpm-measured", "Times that something was measured by the TPM"),
    ("tpm-failed", "Times that something was to be measured and could not be"),
    ("tpm-mismatches", "Times that the TPM did not have what the event log adds up to"),
)
"""What is counted in one number, and what that is."""


def counted(layout: Layout) -> Iterator[Family]:
    """What calls of the agent have left behind since the boot."""
    numbers = counters.read(layout)
    if os.path.lexists(counters.path(layout)):
        numbers = {**dict.fromkeys(USUAL, 0), **numbers}
        if any(os.path.lexists(f"{base}/tpm.d") for base in layout.config_dirs()):
            numbers = {**dict.fromkeys(MEASURED, 0), **numbers}
    refused: list[Point] = []
    for name, number in sorted(numbers.items()):
        words = name.split(" ")
        if words[0] == "refused" and len(words) == 3:
            refused.append(((("stage", words[1]), ("reason", words[2])), number))
    words_ = "Calls that were refused or failed since monitoring began, by step and reason"
    yield Family("podwright_refusals", "counter", words_, tuple(refused))
    for name, text in COUNTED:
        if name in numbers:
            yield _one(name.replace("-", "_"), text, numbers[name], "counter")
    if "gc-last" in numbers:
        last = numbers["gc-last"]
        yield _one("gc_last_run_time_seconds", "When gc ran last", last, unit="seconds")


def _one(name: str, words: str, number: float, kind: str = "gauge", unit: str = "") -> Family:
    return Family(f"podwright_{name}", kind, words, (((), number),), unit)
