# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual machines in software emulation take minutes: only `make vm-tests` collects these tests."""

from __future__ import annotations

import os

collect_ignore_glob = [] if "PODWRIGHT_VM_TESTS" in os.environ else ["test_*.py"]
