# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which isolation is meant: by our names, by those of rkt's stage1 images, or by configuration (A10)."""

from __future__ import annotations

from podwright.errors import UsageError
from podwright.model.podspec import FLAVOURS
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.cli.options import Arguments
    from podwright.host.paths import Layout

THEIRS = {"coreos": "namespaces", "src": "namespaces", "host": "namespaces", "fly": "fly", "kvm": "kvm"}
"""The flavours that rkt shipped, by the last part of their names, and ours that do their work."""
PREFIXES = ("podwright.io/stage1-", "coreos.com/rkt/stage1-")
SHIPPED = ("/usr/lib/rkt/", "/usr/libexec/rkt/", "/usr/share/rkt/", "/usr/local/lib/rkt/")
WAYS = ("stage1-name", "stage1-path", "stage1-from-dir", "stage1-url", "stage1-hash")
HINT = f"choose one of {', '.join(FLAVOURS)} with --stage1-name"


def chosen(args: Arguments, layout: Optional[Layout] = None) -> str:
    """The flavour that the command line asks for, or else the configuration, or the default."""
    given = [way for way in WAYS if args.given(way)]
    if len(given) > 1:
        raise UsageError(f"--{given[0]} and --{given[1]} exclude each other", "say one of them")
    if not given:
        return _configured(layout) if layout else FLAVOURS[0]
    if given[0] == "stage1-name":
        return named(args.text("stage1-name"))
    if given[0] in ("stage1-url", "stage1-hash"):
        raise UsageError(f"--{given[0]}: this version runs no stage1 images", HINT)
    return shipped(args.text(given[0]), f"--{given[0]}")


def named(name: str) -> str:
    """The flavour of a stage1 name, of any version. Raises UsageError for those we do not have."""
    plain = name.partition(":")[0]
    for prefix in PREFIXES:
        if plain.startswith(prefix):
            plain = plain[len(prefix) :]
    plain = plain if plain in FLAVOURS else THEIRS.get(plain, plain)
    if plain not in FLAVOURS:
        raise UsageError(
            f"stage1 {safe(name, 60)!r} is not available", f"this version has {', '.join(FLAVOURS)}"
        )
    return plain


def shipped(path: str, what: str) -> str:
    """The flavour of a stage1 image as rkt shipped it, by its file's name alone.

    An image that lies elsewhere is somebody's own: what it would do, ours does not.
    """
    directory, _, file = path.rpartition("/")
    plain = file.partition(".aci")[0]
    known = plain.startswith("stage1-") and plain[len("stage1-") :] in THEIRS
    if not known or (directory and not f"{directory}/".startswith(SHIPPED)):
        raise UsageError(f"{what}: this version does not run {safe(path, 100)!r}", HINT)
    return THEIRS[plain[len("stage1-") :]]


def _configured(layout: Layout) -> str:
    """What stage1.d says."""
    from podwright.cli import configuration

    return configuration.stage1(layout) or FLAVOURS[0]
