# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pages whose commands are run are read right, and a difference is found."""

from __future__ import annotations

import pytest

from tests.support.console import ShownCommand, ShownFile, differs, like, steps

PAGE = """\
Text.

```ini title="hosts.ini"
[web]
web1
```

```console
$ first --option
one ... 2
...
last
$ second
no such thing
[exit status 2]
```

```yaml
- only: shown
```
"""


def test_a_page_is_read() -> None:
    assert list(steps(PAGE)) == [
        ShownFile("hosts.ini", "[web]\nweb1\n"),
        ShownCommand("first --option", ("one ... 2", "...", "last")),
        ShownCommand("second", ("no such thing",), 2),
    ]


@pytest.mark.parametrize("printed", [["one and 2", "last"], ["one  2", "x", "y", "last", ""][:4]])
def test_what_was_shown_was_printed(printed: list[str]) -> None:
    assert differs(("one ... 2", "...", "last"), printed) is None


@pytest.mark.parametrize(
    "printed",
    [
        [],
        ["one and 2"],
        ["x", "one and 2", "last"],
        ["one and 3", "last"],
        ["one and 2", "last", "more"],
    ],
)
def test_what_was_shown_was_not_printed(printed: list[str]) -> None:
    assert differs(("one ... 2", "...", "last"), printed)


def test_columns_may_be_wider() -> None:
    assert like(
        "web1 ... changed=1 ... failed=0",
        "web1      : ok=3    changed=1    unreachable=0    failed=0",
    )
    assert not like("web1 ... changed=1 ...", "web1 : ok=3 changed=0")
