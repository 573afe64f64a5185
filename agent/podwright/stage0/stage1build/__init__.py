# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making stage1 images: the kernel and the first file system of a pod's virtual machine."""
