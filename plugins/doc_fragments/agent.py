# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation that the modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """What every module needs on its host, and what is said of its attributes."""

    DOCUMENTATION = r"""
options: {}
requirements:
  - Python >= 3.9 on the managed host.
  - The podwright agent on the managed host, which the role P(podwright.fleet.agent#role) installs.
notes:
  - Put O(agent_path), O(data_dir) and O(local_config) once into C(module_defaults) under
    C(group/podwright.fleet.podwright).
  - What hosts answer is returned as data and never as facts.
"""

    ATTRIBUTES = r"""
options: {}
attributes:
  action_group:
    description: Can be configured for all modules at once with C(module_defaults).
    support: full
    membership:
      - podwright.fleet.podwright
  platform:
    description: Target systems that can be operated against.
    support: full
    platforms: linux
"""

    CHANGES = r"""
options: {}
attributes:
  check_mode:
    description: Can run without changing anything and tell what it would change.
    support: full
    details:
      - The agent makes one plan; check mode answers it and a normal run executes it.
  diff_mode:
    description: Tells what is different, before and after.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
"""

    READS = r"""
options: {}
attributes:
  check_mode:
    description: Can run without changing anything and tell what it would change.
    support: full
    details:
      - It only reads.
  diff_mode:
    description: Tells what is different, before and after.
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
"""
