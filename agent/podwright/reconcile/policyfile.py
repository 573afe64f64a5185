# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The admission policy as a part of the desired state: written whole, or not at all.

What is written was checked as the policy that it becomes, with the key files that it names, so
that no call leaves a file behind that refuses every image.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import HostError, UsageError, VerifyError
from podwright.host import owned
from podwright.kernel import fs
from podwright.model import policy as model
from podwright.stage0.judge import pgp, policy, policykeys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.host.paths import Layout
    from podwright.model.spec import PolicySpec


def apply_policy(layout: Layout, spec: PolicySpec, check: bool) -> dict[str, Any]:
    """Write or remove `<local_config>/policy.json`, or say whether that would change anything.

    Returns the part of the answer; its diff holds the documents. Raises PodwrightError.
    """
    path = f"{layout.local_config}/policy.json"
    before = _current(path)
    if spec.document is None:
        changed, action = os.path.lexists(path), "remove"
    else:
        _check_keys(spec.document, missing_ok=check)
        changed, action = before != spec.document, "write"
    if changed and not check:
        try:
            if spec.document is None:
                _remove(path)
            else:
                _write(layout, path, spec.document)
        except OSError as err:
            raise HostError(
                f"policy file {path} cannot be changed: {err.strerror}",
                "see the configuration directory",
                object=path,
            ) from None
    return {
        "label": path,
        "path": path,
        "changed": changed,
        "action": action if changed else "none",
        "diff": {"before": before, "after": spec.document},
    }


def _current(path: str) -> Any:
    """The document that is there, None without a file, or in words why it cannot be believed."""
    try:
        data = policy.read_owned(path, policy.MAX_POLICY)
        return None if data is None else jsonio.loads(data, path)
    except (VerifyError, UsageError) as err:
        return f"broken: {err.message}"


def _check_keys(document: dict[str, Any], missing_ok: bool) -> None:
    """Refuse a policy whose key files would refuse every image of their scope.

    missing_ok  in check mode, a file may be one that an earlier task would have written
    """
    parsed = model.parse_policy(document)
    every = [parsed.default]
    every += [each for scopes in parsed.transports.values() for each in scopes.values()]
    for requirement in (each for requirements in every for each in requirements):
        if missing_ok and not all(os.path.lexists(path) for path in requirement.paths):
            continue
        for path, data in policykeys.sources(requirement):
            if requirement.kind == model.SIGNED_BY:
                try:
                    pgp.key_ring(data)
                except pgp.Malformed as err:
                    raise policykeys.unreadable(path, err.message) from None
            elif requirement.kind == model.SIGSTORE:
                from podwright.stage0.judge import sigstore

                sigstore.read_key(path, data)


def _write(layout: Layout, path: str, document: dict[str, Any]) -> None:
    fs.ensure_dir(layout.local_config, 0o755)
    why = owned.way_problem(path)
    if why:
        raise policy.broken(path, why, "correct the directory; nothing was written")
    fs.remove_unfinished(os.path.dirname(path), lambda name: name == os.path.basename(path))
    fs.write_atomic(path, jsonio.pretty(document).encode() + b"\n", 0o644)


def _remove(path: str) -> None:
    fs.unlink(path)
    fs.fsync_dir(os.path.dirname(path))
