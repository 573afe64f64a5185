# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright journal-service`: keeps a journal for each pod that is a machine (see `journalservice`)."""

from __future__ import annotations

import os

from podwright.cli.context import note
from podwright.host import journalservice, machinejournal, systemd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.cli.context import Context
    from podwright.cli.options import Arguments

AGAIN = 75
"""Exit status where a pod has come while we were about to end."""


def run(context: Context, args: Arguments) -> int:
    """Returns 0 when the last pod has ended, or when it was asked to stop."""
    context.need_root("journal-service")
    directory = f"{context.layout.run}/{machinejournal.RECORDS}"
    systemd.notify("READY=1")
    if not os.path.isdir(directory):
        return 0
    service = journalservice.Service(directory, note)
    service.run()
    systemd.notify("STOPPING=1")
    return AGAIN if not service.asked and journalservice.waiting(directory) else 0
