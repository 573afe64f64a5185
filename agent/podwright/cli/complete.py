# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright complete -- WORD...`: what may stand for the last word, one answer a line.

A tab and a few words about it follow each. The line `:files` means names of files. Words that a
shell could read as more than a word are not offered: others chose some of them, such as versions.
"""

from __future__ import annotations

from podwright.cli import candidates, options
from podwright.cli.context import Context, build, say
from podwright.errors import UsageError
from podwright.model.names import DIGITS, LETTERS, made_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.options import Arguments

PLAIN = LETTERS + DIGITS + "_.:/@,=+~%-"
PLACES = ("dir", "system-config", "local-config", "user-config")


def run(context: Context, args: Arguments) -> int:
    """Answer for the command line that is being typed, with the directories that it names."""
    typed = options.Arguments()
    for index, word in enumerate(args.rest[:-1]):
        if word[2:].partition("=")[0] in PLACES:
            try:
                options.take(args.rest[:-1], index, options.table(options.GLOBAL), typed)
            except UsageError:
                continue  # it is not there yet
    layout = build(typed).layout if typed.flags else context.layout
    for word, told in candidates.offered(layout, args.rest):
        if made_of(word, PLAIN):
            say(f"{word}\t{told}" if told else word)
    return 0
