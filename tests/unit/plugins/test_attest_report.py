# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet's report as Markdown: what hosts are called, and what they say, is text and no markup."""

from __future__ import annotations

from typing import Any

import jinja2
from ansible.plugins.filter.core import FilterModule

from tests.support.paths import CHECKOUT

PLACE = CHECKOUT / "playbooks" / "templates" / "attest.md.j2"


def report(**attested: Any) -> str:
    """The report about one host."""
    environment = jinja2.Environment(trim_blocks=True, autoescape=False)
    environment.filters.update(FilterModule().filters())
    hosts = {"web1": {"podwright_attested": attested}}
    text = environment.from_string(PLACE.read_text()).render(
        hostvars=hosts, ansible_play_hosts_all=["web1"]
    )
    return text


def test_special_characters_were_gone_from_the_report() -> None:
    message = "image example.com/my_image[1] | <x> `*` \\ \x07\u202e"
    verdicts = [{"reason": "insecure", "message": message}]
    row = report(trusted=False, running=1, verdicts=verdicts).splitlines()[-1]
    what = r"image example.com/my\_image\[1\] \| \<x\> \`\*\` \\ "
    assert row == f"| web1 | **not trusted** | 1 | insecure | {what}  |"
    assert row.isprintable()


def test_nothing_told_that_no_allowlist_was_in_force() -> None:
    lines = report(trusted=True, running=1, verdicts=[], compared=[]).splitlines()
    assert lines[-1] == "**No allowlist, anything may have run**: web1"
    lines = report(trusted=True, running=1, verdicts=[], compared=["images"]).splitlines()
    assert lines[-2:] == ["", "Compared with images: web1"]
