# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images: registries, layouts and archives; from their layers to a stored image."""
