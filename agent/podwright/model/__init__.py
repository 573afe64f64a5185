# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values and their validation: images, pods, isolators, desired state. No effects."""
