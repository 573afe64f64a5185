# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals as people name them. Pure, and only loaded when somebody names one."""

from __future__ import annotations

_FIRST_REAL_TIME = 34
"""SIGRTMIN as programs know it; the C library keeps the two below to itself (signal(7))."""
_LAST = 64
_NAMES = (
    *("HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2"),
    *("PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG"),
    *("XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS"),
)
"""From 1 on, on the machines that we run on (x86, ARM, RISC-V, POWER, s390)."""


def number(name: str) -> int:
    """The number of a signal given as SIGQUIT, QUIT, 3, SIGRTMIN+3 or SIGRTMAX-1; 0 if unknown."""
    name = name.upper()
    name = name[3:] if name.startswith("SIG") else name
    if name in _NAMES:
        return _NAMES.index(name) + 1
    base, sign, digits = name[:5], name[5:6], name[6:]
    if base in ("RTMIN", "RTMAX"):
        step = {"": 0, "+": 1, "-": -1}.get(sign if base == "RTMIN" or sign != "+" else "?")
        offset = 0 if not sign and not digits else _small(digits)
        found = (_FIRST_REAL_TIME if base == "RTMIN" else _LAST) + (step or 0) * max(offset, 0)
        known = step is not None and offset >= 0
        return found if known and _FIRST_REAL_TIME <= found <= _LAST else 0
    found = _small(name)
    return found if 1 <= found <= len(_NAMES) or _FIRST_REAL_TIME <= found <= _LAST else 0


def _small(digits: str) -> int:
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 3 else -1


def full_name(text: str) -> str:
    """The usual name of a signal; "" if unknown."""
    found = number(text)
    if found > len(_NAMES):
        return f"SIGRTMIN+{found - _FIRST_REAL_TIME}"
    return f"SIG{_NAMES[found - 1]}" if found else ""
