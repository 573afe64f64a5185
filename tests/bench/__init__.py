# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measurements against the budgets of docs/architecture.md, side by side with Podman in one run."""
