# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options of the module pod_logs. Made by `make fragments`; see tools/doc_fragments.py."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, as ansible-doc shows them."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - Name or UUID of the pod. All named pods that have a log, if neither this nor O(pods) is
        given.
    type: str
  app:
    description: &id001
      - Only lines of this app.
    type: str
  stream:
    description: &id002
      - Only what was written to standard output, or to standard error. Both if omitted.
    type: str
    choices:
      - stdout
      - stderr
  since:
    description: &id003
      - Only from then on. A duration before now, such as V(10m) or V(2h), or a time, such as
        V(2026-01-31T12:00:00Z).
    type: str
  lines:
    description: &id004
      - Only so many lines, the last ones, at most 100000. The agent's default is V(100).
    type: int
  max_size:
    description: &id005
      - Only so many bytes of messages, the last ones, at most 16 MiB. The agent's default is
        V(262144).
    type: int
  previous:
    description: &id006
      - Whether it is the log of the instance before this one.
    type: bool
  pods:
    description:
      - Several pods. What one does not say is as the options of the same name of the module say.
      - Mutually exclusive with O(name).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name or UUID of the pod.
        type: str
        required: true
      app:
        description: *id001
        type: str
      stream:
        description: *id002
        type: str
        choices:
          - stdout
          - stderr
      since:
        description: *id003
        type: str
      lines:
        description: *id004
        type: int
      max_size:
        description: *id005
        type: int
      previous:
        description: *id006
        type: bool
"""
