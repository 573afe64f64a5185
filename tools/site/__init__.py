# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pages of the documentation that are made from what documents itself: modules, plugins, roles, playbooks, commands."""
