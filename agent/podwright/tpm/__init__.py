# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring pods with the host's TPM (docs/tpm.md); loaded only where that is configured."""
