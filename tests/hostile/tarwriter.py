# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write one member in any dialect of tar, and a whole archive as an ACI or as an OCI layer (harness H10).

The same hostile member takes another way through the reader in each dialect: ustar splits its name between `prefix` and
`name`, GNU puts it into long-name headers and numbers into base-256, PAX says everything in records above a header that
looks harmless. Header blocks come from `tests.unit.stage0.rawtar`, which writes whatever it is told.
"""

from __future__ import annotations

import dataclasses

from tests.unit.stage0.rawtar import (
    END,
    MANIFEST,
    base256,
    file,
    gnu_long,
    header,
    octal,
    padded,
    pax,
    record,
)

DIALECTS = ("ustar", "gnu", "pax")
FORMS = ("aci", "layer")
GNU_MAGIC = b"ustar  \0"
TIME = 1_700_000_000

__all__ = [
    "DIALECTS", "END", "FORMS", "GNU_MAGIC", "MANIFEST", "TIME", "Writer", "base256", "gnu_long", "header", "octal",
    "padded", "pax", "record",
]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Writer:
    """Members in one dialect. `top` is what the root's paths begin with: `rootfs/` in an ACI, nothing in a layer."""

    dialect: str
    form: str

    @property
    def top(self) -> bytes:
        """The directory that paths in the archive are relative to."""
        return b"rootfs/" if self.form == "aci" else b""

    def member(
        self,
        name: bytes,
        kind: bytes = b"0",
        data: bytes = b"",
        *,
        link: bytes = b"",
        mode: int = 0o644,
        uid: int = 0,
        gid: int = 0,
        mtime: int = TIME,
        **fields: int | bytes,
    ) -> bytes:
        """A member with exactly this name and link; `fields` override those of the header."""
        numbers = {"mode": mode, "uid": uid, "gid": gid, "mtime": mtime, "size": len(data)}
        write = {"ustar": self._ustar, "gnu": self._gnu, "pax": self._pax}[self.dialect]
        return write(name, kind, link, {**numbers, **fields}) + padded(data)

    def file(self, path: bytes, data: bytes = b"x", **fields: int | bytes) -> bytes:
        """A regular file below the root."""
        return self.member(self.top + path, b"0", data, **fields)  # type: ignore[arg-type]

    def dir(self, path: bytes, mode: int = 0o755, **fields: int | bytes) -> bytes:
        """A directory below the root."""
        return self.member(self.top + path + b"/", b"5", mode=mode, **fields)  # type: ignore[arg-type]

    def symlink(self, path: bytes, target: bytes) -> bytes:
        """A symbolic link below the root, to exactly `target`."""
        return self.member(self.top + path, b"2", link=target, mode=0o777)

    def hardlink(self, path: bytes, target: bytes) -> bytes:
        """A hard link below the root, to exactly `target`."""
        return self.member(self.top + path, b"1", link=target)

    def attributes(self, *pairs: tuple[bytes, bytes]) -> bytes:
        """The extension header for extended attributes, which exists in PAX only."""
        return pax(*((b"SCHILY.xattr." + name, value) for name, value in pairs))

    def archive(self, *members: bytes, end: bytes = END) -> bytes:
        """A whole archive in this form."""
        head = file(b"manifest", MANIFEST) + header(b"rootfs/", b"5", mode=0o755, mtime=TIME)
        return (head if self.form == "aci" else b"") + b"".join(members) + end

    def _ustar(
        self, name: bytes, kind: bytes, link: bytes, fields: dict[str, int | bytes]
    ) -> bytes:
        cut = name.find(b"/", max(0, len(name) - 101), 156)
        prefix = b""
        if 0 < cut < len(name) - 1:
            prefix, name = name[:cut], name[cut + 1 :]
        return header(name[:100], kind, link=link[:100], prefix=prefix, **fields)  # type: ignore[arg-type]

    def _gnu(self, name: bytes, kind: bytes, link: bytes, fields: dict[str, int | bytes]) -> bytes:
        widths = {"mode": 8, "uid": 8, "gid": 8, "size": 12, "mtime": 12}
        numbers = {
            key: base256(value, widths[key]) if isinstance(value, int) and key in widths else value
            for key, value in fields.items()
        }
        longs = gnu_long(link, b"K") if link else b""
        # A long name that is cut here and there: readers have to take the long one.
        fixed: dict[str, int | bytes] = {"link": link[:100], "magic": GNU_MAGIC, **numbers}
        return longs + gnu_long(name) + header(name[:100], kind, **fixed)  # type: ignore[arg-type]

    def _pax(self, name: bytes, kind: bytes, link: bytes, fields: dict[str, int | bytes]) -> bytes:
        records = [(b"path", name)]
        if link:
            records.append((b"linkpath", link))
        for key in ("uid", "gid", "mtime"):
            value = fields[key]
            if isinstance(value, int) and value >= 0:
                records.append((key.encode(), b"%d" % value))
                fields = {**fields, key: 0}
        decoy = b"decoy/" if kind == b"5" else b"decoy"
        return pax(*records) + header(decoy, kind, link=link[:1], **fields)  # type: ignore[arg-type]
