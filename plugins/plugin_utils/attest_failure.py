# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How attestation fails: with the keys that all modules of the collection fail with."""

from __future__ import annotations

from typing import Any


class Failure(Exception):
    """Why there is no result: what a module's `fail_json` would be called with."""

    def __init__(
        self, message: str, reason: str, stage: str, object: str = "", hint: str = ""
    ) -> None:
        super().__init__(message)
        self.reason, self.stage, self.object, self.hint = reason, stage, object, hint

    def result(self) -> dict[str, Any]:
        """The failed result."""
        message = f"{self}; {self.hint}" if self.hint else str(self)
        return {
            "failed": True,
            "msg": message,
            "reason": self.reason,
            "stage": self.stage,
            "object": self.object,
            "hint": self.hint,
        }
