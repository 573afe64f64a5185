# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host can enforce: one small check per thing, each bounded, none leaves a trace.

`root` goes before the paths that a check reads, so that tests can give it recorded ones; what has to
be tried is tried in a process of its own (`value.attempt`) on the host as it is.
"""
