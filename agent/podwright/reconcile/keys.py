# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of a desired state: trusted, not trusted, or masked where a package ships them."""

from __future__ import annotations

from podwright.stage0 import keyfit, trust, trustring
from podwright.stage0.web import urls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.host.paths import Layout
    from podwright.model.spec import KeySpec
    from podwright.stage0.trust import KeyChange

MAX_KEY = 1024 * 1024


def apply_key(layout: Layout, key: KeySpec, check: bool) -> tuple[dict[str, Any], list[str]]:
    """Make one key be as it should, or say what that would change: its part of the answer, and
    warnings.

    `action` is `trust`, `remove`, `mask` (a package ships the key in the same place) or `none`.
    """
    warnings: list[str] = []
    if key.state == "absent":
        change = trust.plan_removal(layout, key.fingerprint, key.prefix or None)
        if change.changed and not check:
            trust.remove_key(layout, key.fingerprint, key.prefix or None)
        action = "mask" if change.after else "remove"
    else:
        change, warnings = _trust(layout, key, check)
        action = "trust"
    part = {
        "label": f"{key.prefix or 'every image'} {change.fingerprint}",
        "prefix": change.prefix,
        "fingerprint": change.fingerprint,
        "changed": change.changed,
        "action": action if change.changed else "none",
        "state": _view(change.after)["state"],
        "diff": {"before": _view(change.before), "after": _view(change.after)},
    }
    return part, warnings


def _view(side: Optional[dict[str, str]]) -> dict[str, str]:
    """A key in one place, for the answer: its state, and which file that is."""
    if side is None:
        return {"state": "absent"}
    return {name: side[name] for name in ("state", "sha256") if side[name]}


def _trust(layout: Layout, key: KeySpec, check: bool) -> tuple[KeyChange, list[str]]:
    armoured = key.key.encode("utf-8", "surrogateescape")
    if key.url:
        url = urls.parse(key.url)
        known = _known(layout, key)
        if known is not None:
            return known, []
        armoured = _download(layout, str(url))
    change = keyfit.admit_key(
        layout,
        armoured,
        prefix=key.prefix or None,
        fingerprint=key.fingerprint,
        location=key.url,
        dry_run=check,
    )
    return change, keyfit.warnings(trust.inspect_key(armoured)) if change.changed else []


def _known(layout: Layout, key: KeySpec) -> Optional[KeyChange]:
    """The key as the administrator's store has it; None where it has to be fetched: it is not
    there, or cannot be used any more, so that there may be a renewed one.
    """
    prefix = key.prefix or None
    own = trust.plan_removal(layout, key.fingerprint, prefix).fingerprint
    base = f"{layout.local_config}/trustedkeys"
    for _, _, data in trustring.key_files(base, trust.directory(prefix), own):
        if data and trust.inspect_key(data).state == "valid":
            return trust.add_key(
                layout, data, prefix=prefix, fingerprint=key.fingerprint, dry_run=True
            )
    return None


def _download(layout: Layout, url: str) -> bytes:
    from podwright.stage0.web.netchild import RemoteClient

    with RemoteClient(layout) as client:
        return client.get(url, MAX_KEY)
