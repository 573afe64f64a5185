# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making images: from a directory or an OCI layout to a signed archive, a registry, a web root."""
