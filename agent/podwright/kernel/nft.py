# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""nftables through libnftables in this process: no nft program, one transaction per call.

Source: libnftables(3). A context belongs to the network namespace in which it was made.
"""

from __future__ import annotations

import ctypes

from podwright.errors import NetworkError
from podwright.kernel.step import step
from podwright.text import safe

LIBRARY = "libnftables.so.1"
JSON = 1 << 4
"""NFT_CTX_OUTPUT_JSON."""
NUMERIC_PROTO = 1 << 7
"""NFT_CTX_OUTPUT_NUMERIC_PROTO: names of protocols come from /etc/protocols, which hosts may lack."""
KERNEL = "the kernel needs nf_tables with nat and fib"
"""What to do when commands fail that need nothing but the kernel."""
_LACKING = ("No such file or directory", "not supported")


class Nft:
    """A libnftables context; close it, or leave it to the end of the process.

    Raises NetworkError naming the package when the library is missing.
    """

    def __init__(self) -> None:
        try:
            self._lib = ctypes.CDLL(LIBRARY)
        except OSError:
            raise NetworkError(
                f"firewall: {LIBRARY} is not installed",
                "install the package libnftables1 (nftables on Fedora and its kin)",
                object=LIBRARY,
                reason="missing-library",
            ) from None
        self._lib.nft_ctx_new.restype = ctypes.c_void_p
        self._lib.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        self._lib.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
        context = self._lib.nft_ctx_new(ctypes.c_uint32(0))
        if not context:
            raise NetworkError("firewall: libnftables has no memory left")
        self._context = ctypes.c_void_p(context)
        self._lib.nft_ctx_buffer_output(self._context)
        self._lib.nft_ctx_buffer_error(self._context)

    def run(self, commands: str, lacking: str = "") -> None:
        """Execute commands as one transaction: all of it happens, or NetworkError and nothing.

        lacking  the hint where something that they speak of is not there
        """
        step("nft")
        self._run(commands, lacking)

    def query(self, command: str) -> str:
        """The output of a command that changes nothing (list ...). Raises NetworkError."""
        self._run(command)
        return str((self._lib.nft_ctx_get_output_buffer(self._context) or b"").decode())

    def listing(self, table: str) -> bytes:
        """A table as JSON (libnftables-json(5)). Raises NetworkError, also when it is not there."""
        self._lib.nft_ctx_output_set_flags(self._context, ctypes.c_uint(JSON | NUMERIC_PROTO))
        try:
            self._run(f"list table {table}")
            return self._lib.nft_ctx_get_output_buffer(self._context) or b""
        finally:
            self._lib.nft_ctx_output_set_flags(self._context, ctypes.c_uint(0))

    def _run(self, commands: str, lacking: str = "") -> None:
        if self._lib.nft_run_cmd_from_buffer(self._context, commands.encode()) != 0:
            said = self._lib.nft_ctx_get_error_buffer(self._context) or b"no reason given"
            line = safe(said.splitlines()[0], 200)
            raise NetworkError(
                f"firewall: nftables refused a change: {line}",
                lacking if any(one in line for one in _LACKING) else "",
                reason="firewall-failed",
            )

    def close(self) -> None:
        """Free the context and its socket."""
        self._lib.nft_ctx_free(self._context)
