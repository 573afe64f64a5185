# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside a pod's virtual machine, from the kernel's first process on."""
