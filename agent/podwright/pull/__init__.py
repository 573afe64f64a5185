# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pull mode: a host fetches the signed desired state of its fleet, and applies it."""
