# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-commands of `image` that work with the store."""

from __future__ import annotations

from podwright.cli.flags import FORMAT
from podwright.cli.options import Option, Verb

FIELDS = ("id", "name", "size", "importtime", "lastused", "verdict", "transport")
OVERWRITE = Option("overwrite", "replace what has that name")
DIRECTORY_OPTIONS = (
    Option("rootfs-only", "make DIR the root itself, without manifest"),
    OVERWRITE,
    Option("same", "leave a directory alone that is this already"),
    Option("check", "say whether it would be written, with --same; write nothing"),
)

IMAGE_VERBS = (
    Verb(
        "list",
        "image",
        "List images",
        "",
        (
            Option(
                "fields",
                f"columns: {','.join(FIELDS)}",
                "LIST",
                "id,name,size,importtime,lastused,verdict",
            ),
            Option("sort", "columns to sort by", "LIST", "importtime"),
            Option("order", "asc or desc", "ORDER", "asc", choices=("asc", "desc")),
            Option("full", "full IDs, times and sizes"),
            Option("no-legend", "no column titles"),
            FORMAT,
        ),
        "The verdict is why an image may run: who signed it, or what was not checked. It is looked\n"
        "at again whenever the image is used.",
        (
            "podwright image list --fields=name,size,verdict --sort=name",
            "podwright image list --sort=lastused --order=desc --format=json",
        ),
    ),
    Verb(
        "rm",
        "image_store",
        "Remove images from the store",
        "IMAGE...",
        (FORMAT,),
        "An image that a pod needs, or that another image is built on, stays. One that is not there\n"
        "is a warning.",
        ("podwright image rm example.com/redis:6", "podwright image rm sha512-3fa9c1"),
    ),
    Verb(
        "gc",
        "image_store",
        "Remove images that nothing has used for a while",
        "",
        (
            Option("grace-period", "keep what was used within this time", "DURATION", "24h"),
            Option("check", "say what would be removed, change nothing"),
            Option(
                "without",
                "with --check: as if these pods were gone",
                "UUID",
                repeat=True,
                hidden=True,
            ),
            FORMAT,
        ),
        "Kept is what a pod or the current state of a named pod needs, and what another image is\n"
        "built on. What interrupted fetches left behind goes too.",
        ("podwright image gc --grace-period=720h",),
    ),
    Verb(
        "verify",
        "image_store",
        "Read stored images in full and find every change",
        "IMAGE...|--all",
        (Option("all", "every image in the store"), FORMAT),
        "Every byte of the archive, the signature and the rendered files is compared with what was\n"
        "stored, and names, modes, owners, times, links and attributes too. Any difference makes the\n"
        "status 254. A pod does not start from an image that was changed: remove it and fetch it\n"
        "again, or make its files again from the stored archive: podwright image render --force IMAGE",
        ("podwright image verify --all", "podwright image verify example.com/redis:7"),
    ),
    Verb(
        "render",
        "image_files",
        "Write an image's root, with all it is built on, into a directory",
        "IMAGE [DIR]",
        (
            *DIRECTORY_OPTIONS,
            Option("force", "without DIR: make the image's files in the store again"),
            FORMAT,
        ),
        "DIR must not exist yet. It gets the manifest and the directory rootfs. With --force and\n"
        "without DIR the files that pods start from are made again from the stored archive, whose\n"
        "digest is the image's ID.",
        (
            "podwright image render example.com/redis:7 ./redis",
            "podwright image render --force example.com/redis:7",
        ),
    ),
    Verb(
        "extract",
        "image_files",
        "Write what an image itself holds, without what it is built on, into a directory",
        "IMAGE DIR",
        (*DIRECTORY_OPTIONS, FORMAT),
        "DIR must not exist yet. It gets the manifest and the directory rootfs.",
        ("podwright image extract --rootfs-only example.com/redis:7 ./redis",),
    ),
    Verb(
        "export",
        "image_files",
        "Write an image as an ACI file",
        "IMAGE FILE.aci",
        (
            OVERWRITE,
            Option("same", "leave a file alone that is this image already"),
            Option("check", "say whether it would be written, with --same; write nothing"),
            FORMAT,
        ),
        "An ACI comes out as it was served, byte for byte, so its signature stays good. Of another\n"
        "kind of image one is made, the same each time.",
        ("podwright image export example.com/redis:7 redis.aci",),
    ),
    Verb(
        "cat-manifest",
        "image",
        "Print an image's manifest",
        "IMAGE",
        (Option("pretty-print", "indent", default="true"), FORMAT),
        "The manifest as the image has it. --format=json is --pretty-print=false.",
        ("podwright image cat-manifest example.com/redis:7",),
    ),
)
