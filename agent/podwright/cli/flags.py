# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several verbs share."""

from __future__ import annotations

from podwright.cli.options import Option

JSON_CHOICES = ("", "json", "json-pretty")
FORMAT = Option(
    "format", "machine-readable output: json or json-pretty", "FORMAT", choices=JSON_CHOICES
)
UUID_FILE = Option("uuid-file", "read the pod's UUID from a file", "FILE")
UUID_FILE_SAVE = Option("uuid-file-save", "write the pod's UUID to a file", "FILE")
PULL = ("new", "update", "never")
