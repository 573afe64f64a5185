# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stage1 the command line asks for (A10)."""

from __future__ import annotations

from podwright.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.cli.options import Arguments
    from podwright.host.paths import Layout
    from podwright.model.stage1 import GivenStage1
    from podwright.stage0.stage1choice import Choice

WAYS = ("stage1-name", "stage1-path", "stage1-from-dir", "stage1-url", "stage1-hash")
DEFAULT = "namespaces"


def chosen(args: Arguments, layout: Optional[Layout] = None) -> tuple[str, Optional[GivenStage1]]:
    """The flavour, and the image that was said with it, of the command line, else of the
    configuration, else the default.
    """
    given = [way for way in WAYS if args.given(way)]
    if len(given) > 1:
        raise UsageError(f"--{given[0]} and --{given[1]} exclude each other", "say one of them")
    if given == ["stage1-name"] and args.text("stage1-name") in (DEFAULT, "fly", "kvm", "xen"):
        return args.text("stage1-name"), None
    if not given and (layout is None or not _is_configured(layout)):
        return DEFAULT, None
    from podwright.stage0 import stage1choice

    if not given:
        assert layout is not None
        choice = stage1choice.by_configuration(layout)
        return (DEFAULT, None) if choice is None else (choice.flavour, choice.image)
    choice = _said(args, given[0], layout)
    return choice.flavour, choice.image


def _is_configured(layout: Layout) -> bool:
    """Whether there is anything to read, which costs time."""
    import os

    return any(os.path.isdir(f"{directory}/stage1.d") for directory in layout.config_dirs())


def _said(args: Arguments, way: str, layout: Optional[Layout]) -> Choice:
    from podwright.host.paths import Layout
    from podwright.model import stage1
    from podwright.stage0 import stage1choice

    text, flag = args.text(way), f"--{way}"
    if way == "stage1-name":
        return stage1choice.named(text)
    if way == "stage1-path":
        return stage1choice.at_path(text, flag)
    if way == "stage1-from-dir":
        return stage1choice.from_directory(layout or Layout(), text, flag)
    if way == "stage1-url":
        return stage1choice.at_location(text, flag)
    return stage1choice.Choice(stage1.IMAGE, stage1.given("hash", text, flag))
