# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of every module. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  agent_path:
    description:
      - Absolute path of the agent on the managed host.
    type: path
    default: /usr/bin/podwright
  data_dir:
    description:
      - Absolute path of the directory with images and pods, if it is not the agent's default
        C(/var/lib/podwright).
    type: path
  local_config:
    description:
      - Absolute path of the administrator's configuration, with the trusted keys, if it is not
        the agent's default C(/etc/podwright).
    type: path
"""
