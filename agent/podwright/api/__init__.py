# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API service (behaviour.md B14): programs look at pods and images over gRPC, and change nothing."""
