# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flavour xen: a pod as a domain of Xen, kept as a machine of `stage1.kvm` is."""
