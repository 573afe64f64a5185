# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that the host keeps, as a part of the desired state."""

from __future__ import annotations

from podwright.errors import HostError, UsageError
from podwright.host import secretstore
from podwright.host.secretstore import AUTO, CREDENTIAL, FILE, OFF, Kept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.spec import DesiredState, KeptSecretSpec

AS_WANTED, ANOTHER = "as wanted", "another one"
"""All that a difference says of a content."""


def apply_secret(
    layout: Layout, spec: KeptSecretSpec, check: bool, coming: dict[str, Kept]
) -> dict[str, Any]:
    """Keep a secret, or say whether that would change anything.

    coming  gets what is, or would be, kept
    Returns the part of the answer. Raises PodwrightError.
    """
    before = _known(layout, spec.name)
    if spec.content is None:
        return _absent(layout, spec, before, check)
    changed, kind = _differs(layout, spec, before)
    after = before
    if changed and check:
        digest = secretstore.digest_of(layout, spec.name, spec.content, make=False)
        after = Kept(spec.name, kind, digest, "", len(spec.content.data), "")
    elif changed:
        after = secretstore.keep(layout, spec.name, spec.content, spec.encrypt)
    if after is None:
        raise HostError(f"secret {spec.name} was not kept", object=spec.name)
    coming[spec.name] = after
    same = before is not None and before.digest == after.digest
    return _part(spec, changed, "write", _side(before, same), _side(after, True))


def _known(layout: Layout, name: str) -> Optional[Kept]:
    """How it is kept; a damaged record counts as none, since it is about to be written anew."""
    try:
        return secretstore.read(layout, name)
    except HostError:
        return None


def _differs(layout: Layout, spec: KeptSecretSpec, before: Optional[Kept]) -> tuple[bool, str]:
    """Whether it has to be written, and how it would be kept."""
    possible = secretstore.can_encrypt()
    wanted = CREDENTIAL if spec.encrypt != OFF and possible else FILE
    if spec.encrypt == secretstore.REQUIRE and not possible:
        raise HostError(
            f"secret {spec.name}: this host cannot encrypt secrets: there is no systemd with systemd-creds",
            "keep it in a file of root's: encrypt auto or off",
            object=spec.name,
            reason="no-encryption",
        )
    if before is None or not secretstore.is_intact(layout, before):
        return True, wanted
    if spec.encrypt == AUTO and before.kind == FILE and before.why:
        wanted = FILE  # it was tried
    assert spec.content is not None
    digest = secretstore.digest_of(layout, spec.name, spec.content, make=False)
    return digest != before.digest or before.kind != wanted, wanted


def _absent(
    layout: Layout, spec: KeptSecretSpec, before: Optional[Kept], check: bool
) -> dict[str, Any]:
    there = spec.name in secretstore.names(layout)
    if there and not check:
        refuse_used(layout, spec.name, set())
        secretstore.forget(layout, spec.name)
    return _part(spec, there, "remove", _side(before, False), {})


def leaving(desired: DesiredState, name: str) -> set[str]:
    """The pods that do not have a secret any more when they are as desired."""
    return {
        pod.name
        for pod in desired.pods
        if pod.state == "absent"
        or (pod.says_what and name not in [one.stored for one in pod.secrets])
    }


def refuse_used(layout: Layout, name: str, leaving: set[str]) -> None:
    """Raise UsageError while a pod that does not leave has the secret."""
    pods = [pod for pod in secretstore.users(layout).get(name, []) if pod not in leaving]
    if pods:
        raise UsageError(
            f"secret {name} is used by pod {', '.join(pods)}",
            "change or remove the pods first, in the same play or desired state if you like",
            object=name,
            reason="in-use",
        )


def _side(kept: Optional[Kept], same: bool) -> dict[str, Any]:
    if kept is None:
        return {}
    return {"encrypted": kept.kind == CREDENTIAL, "content": AS_WANTED if same else ANOTHER}


def _part(
    spec: KeptSecretSpec, changed: bool, action: str, before: dict[str, Any], after: dict[str, Any]
) -> dict[str, Any]:
    return {
        "label": spec.name,
        "name": spec.name,
        "changed": changed,
        "action": action if changed else "none",
        "state": "present" if spec.content is not None else "absent",
        "encrypted": bool(after.get("encrypted")),
        "diff": {"before": before, "after": after},
    }
