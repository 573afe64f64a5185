# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documents quote of the agent, and the pages of the site that are made."""

from __future__ import annotations

import re

import pytest

from tests.support.paths import CHECKOUT

TROUBLE = CHECKOUT / "docs/how-to/troubleshooting.md"
QUOTED = re.findall(r"^### `([^`]+)`$", TROUBLE.read_text("utf-8"), re.MULTILINE)
SOURCES = "\n".join(
    # What is written as several literals in a row is one text.
    re.sub(r'"\s*\n\s*f?"', "", path.read_text("utf-8"))
    for folder in ("agent/podwright", "plugins")
    for path in sorted((CHECKOUT / folder).rglob("*.py"))
)


def test_there_are_quotations() -> None:
    assert len(QUOTED) > 8


@pytest.mark.parametrize("sentence", QUOTED)
def test_a_sentence_of_the_troubleshooting_page_is_one_of_ours(sentence: str) -> None:
    assert sentence in SOURCES
