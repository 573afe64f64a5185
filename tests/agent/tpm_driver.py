# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure one event as the agent does, in one process, so that a fault hits what it is meant for.

Arguments: the configuration directory, a number that the event has, and how many MiB it is long.
"""

import sys

sys.path.insert(0, __file__.rpartition("/tests/")[0] + "/agent")

from podwright.host.paths import Layout
from podwright.tpm import eventlog, settings
from podwright.tpm.measure import Session

layout = Layout(local_config=sys.argv[1])
said = settings.read(layout)
with Session(eventlog.place(layout), said) as session:
    name = sys.argv[2] + "x" * (int(sys.argv[3]) << 20)
    session.add({"event": "app-rm", "uuid": "", "app": name, "manifest": "", "time": ""})
