# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-commands of `image` that work with the store."""

from __future__ import annotations

from podwright.cli.options import Option, Verb
from podwright.cli.verbs import FORMAT

IMAGE_VERBS = (
    Verb(
        "list",
        "image",
        "List images",
        "",
        (
            Option(
                "fields",
                "columns: id,name,size,importtime,lastused,verdict",
                "LIST",
                "id,name,size,importtime,lastused",
            ),
            Option("sort", "column to sort by", "FIELD", "importtime"),
            Option("order", "asc or desc", "ORDER", "asc", choices=("asc", "desc")),
            Option("full", "full IDs and times"),
            Option("no-legend", "no column titles"),
            FORMAT,
        ),
    ),
    Verb("rm", "image", "Remove images from the store", "IMAGE..."),
    Verb(
        "cat-manifest",
        "image",
        "Print an image's manifest",
        "IMAGE",
        (Option("pretty-print", "indent", default="true"),),
    ),
)
