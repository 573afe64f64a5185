# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How bytes come from servers: HTTPS in a confined child, discovery, log-ins."""
