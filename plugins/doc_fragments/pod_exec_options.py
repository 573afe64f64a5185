# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module pod_exec. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - Name or UUID of the pod. It must run.
    type: str
    required: true
  argv:
    description:
      - The program, by its path or its name in the app's C(PATH), and its arguments.
    type: list
    elements: raw
    required: true
  app:
    description:
      - The app; needed when the pod has several.
    type: str
  user:
    description:
      - Another user of the app's image than the app's, as C(USER) or C(USER:GROUP), by names
        or numbers. It takes the place of sudo, which cannot work where nothing gains privileges.
    type: raw
  working_dir:
    description:
      - Absolute path in the app of the directory to run it in.
    type: str
  environment:
    description:
      - Further variables of its environment. They are no place for secrets.
    type: dict
  stdin:
    description:
      - What the command reads from standard input; nothing if omitted. It is never logged.
    type: str
  stdin_add_newline:
    description:
      - Whether a line end follows O(stdin).
    type: bool
    default: true
  strip_empty_ends:
    description:
      - Whether line ends at the end of what the command says are left out.
    type: bool
    default: true
  timeout:
    description:
      - Seconds after which the command is ended and the task fails with the reason V(timeout).
        For ever if omitted.
    type: float
"""
