# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What may have run on a host, and what of a log is not that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Optional

from ansible_collections.podwright.fleet.plugins.plugin_utils.attest_answer import shown

RANKS = {"fly": 0, "image": 0, "namespaces": 1, "kvm": 2, "xen": 2}
"""How strongly a flavour isolates. What a stage1 image of others does is not known: the least.
A machine that is emulated in software is what its emulator is: processes in namespaces."""

LEAST = {"fly": 0, "namespaces": 1, "vm": 2}

CHECKS = ("capabilities", "http", "image", "ondisk", "paths", "pubkey", "seccomp", "tls")
"""What `--insecure-options` can lift, as logs have it: groups are written as their members."""

_NAME = re.compile(r"[a-z0-9*]+(?:[-._~/]+[a-z0-9*]+)*")
"""Names as agents write them (AC identifiers), in which `*` may stand."""

_NETWORK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

_ID = re.compile(r"sha512-[0-9a-f]{64,128}")
_SHORT = re.compile(r"sha512-[0-9a-f]*")
_KEY = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

Names = Optional[tuple[str, ...]]


class AllowError(ValueError):
    """An entry of the allowlist that cannot be meant; the text says what to write."""


class Allowed(NamedTuple):
    """What may have run. None: anything may.

    images, stage1   IDs, and names with `*` for anything
    networks         as in --net, without what follows a colon there
    private_users    pods must have user ids of their own
    signers          keys, of which each image is signed by one
    policies, agents digests; `none` for a host without policy
    """

    images: Names = None
    signers: Names = None
    policies: Names = None
    stage1: Names = None
    agents: Names = None
    flavours: Names = None
    networks: Names = None
    private_users: bool = False
    insecure: tuple[str, ...] = ()
    minimum_stage1: str = "fly"

    @property
    def compared(self) -> list[str]:
        """The options that rule something out: what is not here is not looked at."""
        anything = Allowed(insecure=self.insecure)
        return [name for name, said in self._asdict().items() if said != getattr(anything, name)]


class Fault(NamedTuple):
    """What is not allowed: `subject` is the same for the same thing in several records."""

    reason: str
    message: str
    subject: str


def refuse_emptied(arguments: dict[str, Any]) -> None:
    """Raise AllowError for what YAML makes of an allowlist that was meant otherwise.

    `allow`, or a part of it, with nothing after that is what is left of a list when its entries were
    taken out; who does that does not mean that anything may run. And an entry that is a number, or
    `true`, matches nothing.
    """
    if "allow" not in arguments:
        return
    given = arguments["allow"]
    if given is not None and not isinstance(given, (dict, str)):
        raise AllowError(
            "allow is no mapping; write options such as images below it, or leave it out if anything"
            " is allowed"
        )
    empty = ["allow"] if given is None else []
    if isinstance(given, dict):
        empty = [f"allow.{name}" for name, item in given.items() if item is None]
        for name, item in given.items():
            _check_texts(str(name), item)
    for name in empty:
        what = "{}" if name == "allow" else "[]"
        raise AllowError(
            f"{name} is there and says nothing; leave it out if anything is allowed"
            + (", or write [] if nothing is" if what == "[]" else "")
        )


def allowed(given: dict[str, Any] | None, own_agent: Callable[[], str]) -> Allowed:
    """The options as a value; `own_agent` is asked for the digest that `collection` stands for.

    Raises AllowError.
    """
    found = {name: item for name, item in (given or {}).items() if item is not None}
    lists = {name: tuple(item) for name, item in found.items() if isinstance(item, list)}
    for name in ("images", "stage1"):
        for entry in lists.get(name, ()):
            _check_name(name, entry)
    for entry in lists.get("insecure", ()):
        _check_lifted(entry)
    for entry in lists.get("networks", ()):
        _check_network(entry)
    if "signers" in lists:
        lists["signers"] = tuple(map(_signer, lists["signers"]))
    agents = lists.get("agents")
    if agents is not None:
        lists["agents"] = tuple(own_agent() if one == "collection" else one for one in agents)
    for name, word in (("policies", "none"), ("agents", "collection")):
        for entry in lists.get(name, ()):
            if entry != word and not _DIGEST.fullmatch(entry):
                raise AllowError(
                    f"allow.{name}: {entry!r} is no digest; write sha256: and 64 hexadecimal"
                    f" digits, or {word}"
                )
    for flavour in lists.get("flavours", ()):
        if flavour not in RANKS:
            raise AllowError(
                f"allow.flavours: there is no flavour {flavour!r}; there are {', '.join(RANKS)}"
            )
    return Allowed(
        **lists,
        private_users=found.get("private_users", False),
        minimum_stage1=found.get("minimum_stage1", "fly"),
    )


def _check_texts(option: str, given: object) -> None:
    for entry in given if isinstance(given, list) else ():
        if not isinstance(entry, str):
            raise AllowError(
                f"allow.{option}: {entry!r} is no text, and so matches nothing; put quotes around it"
            )


def _check_lifted(entry: str) -> None:
    if entry not in CHECKS:
        groups = entry == "all" or entry.startswith("all-")
        why = "stands for several checks, and logs name each" if groups else "is no check"
        raise AllowError(
            f"allow.insecure: {entry!r} {why}; there are {', '.join(CHECKS)}, and [] for none"
        )


def _check_network(entry: str) -> None:
    if not _NETWORK.fullmatch(entry):
        raise AllowError(
            f"allow.networks: {entry!r} is no network; write a name as in --net, without what follows"
            " the colon there, such as none, host or default"
        )


def _signer(entry: str) -> str:
    found = entry.replace(" ", "").upper()
    if not _KEY.fullmatch(found):
        raise AllowError(
            f"allow.signers: {entry!r} is no key; write all 40 hexadecimal digits of its fingerprint,"
            " or the 64 of a sigstore key's digest"
        )
    return found


def _check_name(option: str, entry: str) -> None:
    if not entry:
        raise AllowError(f"allow.{option}: an entry is empty; write a name, an ID, or *")
    if entry != entry.strip():
        raise AllowError(f"allow.{option}: {entry!r} has spaces around it, and so no image")
    if _SHORT.fullmatch(entry.lower()) and not _ID.fullmatch(entry):
        raise AllowError(
            f"allow.{option}: {entry!r} is no whole image ID; write all of it, in small letters"
        )
    if ":" in entry or "@" in entry:
        raise AllowError(
            f"allow.{option}: {entry!r} has a version, and names in logs have none; write the name"
            " without it, or the image's ID"
        )
    if not _ID.fullmatch(entry) and not _NAME.fullmatch(entry):
        raise AllowError(
            f"allow.{option}: {entry!r} is neither a name nor an ID of an image; names are of small"
            " letters, digits and -._~/, and * stands for anything"
        )


def matches(entry: str, name: str, image: str) -> bool:
    """Whether an entry is about the image of this name and ID."""
    if _ID.fullmatch(entry):
        return entry == image
    pattern = ".*".join(map(re.escape, entry.split("*")))
    return re.fullmatch(rf"{pattern}([:@][^/]*)?", name, re.DOTALL) is not None


def of_start(content: dict[str, Any], rules: Allowed) -> Iterator[Fault]:
    """What of a pod's start is not allowed."""
    for app in content["apps"]:
        yield from of_app(app, rules)
    yield from of_agent(content["agent"], rules)
    flavour = content["flavour"]
    how = "" if flavour != "kvm" or content.get("accelerator") == "kvm" else ", perhaps emulated"
    rank = min(RANKS.get(flavour, 0), RANKS["namespaces"] if how else RANKS["kvm"])
    if rank < LEAST[rules.minimum_stage1] or not _in(flavour, rules.flavours):
        if how and content.get("accelerator") == "tcg":
            how = ", emulated in software"
        yield Fault("flavour-not-allowed", f"a pod ran as {shown(flavour)}{how}", f"{flavour}{how}")
    stage1 = content["stage1"]
    if stage1 is not None:
        what = f"stage1 image {shown(stage1['name'])} ({stage1['image']})"
        yield from _image("stage1-not-allowed", what, stage1["name"], stage1, rules.stage1)
    yield from _isolation(content, rules)
    yield from of_circumstances(content, rules)


def _isolation(content: dict[str, Any], rules: Allowed) -> Iterator[Fault]:
    """Whose networks and user ids a pod has. Agents that did not say it are no proof of anything."""
    if rules.networks is not None:
        said = content.get("net")
        for net in said.split(",") if isinstance(said, str) else ("",):
            name = net.partition(":")[0]
            if name not in rules.networks:
                what = f"the network {shown(name, 200)}" if name else "nobody knows which networks"
                yield Fault("network-not-allowed", f"a pod had {what}", name)
    if rules.private_users and content.get("private_users") is not True:
        yield Fault("user-ids-not-allowed", "a pod ran with the host's user ids", "")


def of_addition(content: dict[str, Any], rules: Allowed) -> Iterator[Fault]:
    """What of an app that was added to a pod is not allowed."""
    yield from of_app(content["app"], rules)
    yield from of_circumstances(content, rules)


def of_circumstances(content: dict[str, Any], rules: Allowed) -> Iterator[Fault]:
    """What is not allowed of how a pod was started, or an app added."""
    yield from _policy(content["policy"], rules)
    yield from _lifted(content["insecure"], rules)


def _policy(policy: str, rules: Allowed) -> Iterator[Fault]:
    if not _in(policy, rules.policies):
        said = "without a policy" if policy == "none" else f"under the policy {policy}"
        yield Fault("policy-not-allowed", f"a pod was started {said}", policy)


def _lifted(words: list[str], rules: Allowed) -> Iterator[Fault]:
    for word in words:
        if word not in rules.insecure:
            yield Fault("insecure", f"a pod was started with the check {word} lifted", word)


def of_app(app: dict[str, Any], rules: Allowed) -> Iterator[Fault]:
    """What of an app is not allowed."""
    what = f"image {shown(app['image_name'])} ({app['image']})"
    yield from _image("image-not-allowed", what, app["image_name"], app, rules.images)
    if rules.signers is not None and not any(key.upper() in rules.signers for key in app["keys"]):
        by = ", ".join(map(shown, app["keys"])) or "nobody"
        yield Fault("signer-not-allowed", f"{what} is signed by {by}", f"{app['image']} {by}")


def of_agent(agent: dict[str, Any], rules: Allowed) -> Iterator[Fault]:
    """Whether an agent is allowed."""
    if not _in(agent["code"], rules.agents):
        what = f"agent {shown(agent['version'])} ({agent['code']})"
        yield Fault("agent-not-allowed", f"{what} measured or started pods", agent["code"])


def _image(
    reason: str, what: str, name: str, found: dict[str, Any], rules: Names
) -> Iterator[Fault]:
    if rules is None or any(matches(entry, name, found["image"]) for entry in rules):
        return
    yield Fault(reason, f"{what} was used", f"{name} {found['image']}")


def _in(found: str, rules: Iterable[str] | None) -> bool:
    return rules is None or found in rules
