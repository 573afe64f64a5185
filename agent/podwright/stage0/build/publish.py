# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a directory that any web server can serve: images, signatures, keys, discovery pages.

    images/NAME-VERSION-OS-ARCH.aci, .aci.asc    NAME begins with the host, as discovery has it
    images/index.json, index.html                what there is, for programs and for people
    pubkeys/FINGERPRINT.asc                      the keys that signed it
    PATH/index.html                              meta tags, at the path of each image name

Only what hosts would accept is published: archive and signature are checked as they are there.
"""

from __future__ import annotations

import os

from podwright import jsonio
from podwright.errors import UsageError, VerifyError
from podwright.kernel import fs
from podwright.kernel.step import step
from podwright.model.fields import Fields
from podwright.model.names import DIGITS, LETTERS, ac_identifier, is_hex, made_of, within_prefix
from podwright.stage0 import keyfit, trust, trustring
from podwright.stage0.build import archive, pages
from podwright.stage0.judge import pgp, verify
from podwright.stage0.web import sources
from podwright.text import safe
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from podwright.stage0.build.archive import Checked
    from podwright.stage0.build.sign import Signer

_VALUE = LETTERS + DIGITS + "._~+@-"
_FIELDS = ("file", "name", "version", "os", "arch", "id", "key")
MAX_PAGE = 4 * 1024 * 1024


@value
class Order:
    """What to publish.

    root     the web root of the host that the images' names begin with
    images   archives, each with its signature beside it unless `signer` makes one
    keys     public keys, armoured; those of the signatures must be among them
    prefix   one page for all images below it; "" for a page at each image's own name
    latest   each image is also what its name without a version means
    replace  an image that is there in another build may be replaced
    """

    root: str
    images: tuple[str, ...]
    keys: tuple[bytes, ...] = ()
    signer: Optional[Signer] = None
    prefix: str = ""
    latest: bool = False
    replace: bool = False


@value
class Published:
    """`files` are paths below the root that are new or have another content."""

    host: str
    images: tuple[str, ...]
    files: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether anything was not there before."""
        return bool(self.files)


def publish(order: Order, *, dry_run: bool = False) -> Published:
    """Publish; a second time changes nothing. Raises UsageError, ImageError, VerifyError."""
    if not order.images:
        raise UsageError("nothing to publish: name an image", "podwright image publish DIR app.aci")
    job = _Job(order, dry_run)
    try:
        for image in order.images:
            job.add(image)
        job.finish()
        return Published(job.host, tuple(job.published), tuple(job.changed))
    finally:
        job.clean()


class _Job:
    def __init__(self, order: Order, dry_run: bool) -> None:
        self._order = order
        self._root = os.path.abspath(order.root)
        self._dry_run = dry_run
        self._temporary = ""
        self._keys = [_key(data) for data in order.keys]
        if order.signer is not None:
            self._keys.append(_key(order.signer.public))
        self._list = _read_list(f"{self._root}/images/index.json")
        self._files: dict[str, bytes] = {}
        self._todo: list[tuple[str, str, Checked, bytes]] = []
        self.host = ""
        self.published: list[str] = []
        self.changed: list[str] = []

    def add(self, image: str) -> None:
        """Look at one archive and its signature, and note what is to be written."""
        checked = archive.check(image)
        labels = self._labels(checked, image)
        name = checked.manifest.name
        first = f"{name}-{labels['version']}-{labels['os']}-{labels['arch']}.aci"
        key, signature = self._signature(image, name, f"{self._root}/images/{first}")
        versions = [labels["version"], *(["latest"] if self._order.latest else [])]
        for version in dict.fromkeys(versions):
            file = f"{name}-{version}-{labels['os']}-{labels['arch']}.aci"
            self._refuse_other(image, file, version)
            self._todo.append((image, file, checked, signature))
            self._list[file] = {
                **labels,
                "version": version,
                "file": file,
                "name": name,
                "id": checked.image_id,
                "key": key.fingerprint,
                "size": os.stat(image).st_size,
            }
            self.published.append(file)
        self._files[f"pubkeys/{key.fingerprint}.asc"] = self._armoured(key)

    def finish(self) -> None:
        """Write keys and images, then the pages that lead to them."""
        made = self._pages()
        for path in sorted(self._files):
            self._write(path, self._files[path])
        for image, file, checked, signature in self._todo:
            self._copy(image, file, checked)
            self._write(f"images/{file}.asc", signature)
            self._appear(file)
        for path, data in made:
            self._write(path, data)

    def _pages(self) -> list[tuple[str, bytes]]:
        images = [self._list[file] for file in sorted(self._list)]
        names = (
            {self._order.prefix}
            if self._order.prefix
            else {self._list[file]["name"] for file in self.published}
        )
        made = []
        for name in sorted(names):
            prints = [item["key"] for item in images if within_prefix(item["name"], name)]
            below = name.partition("/")[2]
            path = f"{below}/index.html" if below else "index.html"
            tags = pages.tags_for(name, self.host, prints)
            made.append((path, pages.merged(self._old(path), name, tags, path)))
        text = jsonio.pretty({"images": images}) + "\n"
        made.append(("images/index.json", text.encode()))
        made.append(("images/index.html", pages.listing(self.host, images)))
        return made

    def clean(self) -> None:
        """Leave no half copy behind."""
        if self._temporary:
            fs.unlink(self._temporary)

    def _labels(self, checked: Checked, image: str) -> dict[str, str]:
        """The labels that the file is named by."""
        name = checked.manifest.name
        host = name.partition("/")[0]
        self.host = self.host or host
        if self._order.prefix:
            ac_identifier(self._order.prefix, "--prefix")
        why = ""
        if "." not in host:
            why = f"its name {name} does not begin with a host name"
        elif host != self.host:
            why = f"it is for the web root of {host}, not of {self.host}"
        elif self._order.prefix and not within_prefix(name, self._order.prefix):
            why = f"its name {name} is not below {self._order.prefix}"
        labels = {"version": checked.manifest.label("version") or "latest"}
        for label in ("os", "arch"):
            labels[label] = checked.manifest.label(label)
        for label, text in labels.items():
            if not made_of(text, _VALUE) or len(text) > 128 or text in (".", ".."):
                why = f"its label {label} is {safe(text, 60)!r}, which no file can be named by"
        if why:
            raise UsageError(
                f"image {safe(image, 300)} cannot be published: {why}",
                "build it with another name or label",
                object=safe(image, 300),
            )
        return labels

    def _signature(self, image: str, name: str, target: str) -> tuple[trust.TrustedKey, bytes]:
        """(the key, the signature file), good and by a key that will be published.

        target  where the image may have been published before, with a signature that will do
        """
        path = f"{image}.asc"
        if os.path.isfile(path):
            with open(sources.open_regular(path, "signature"), "rb") as file:
                data = file.read(pgp.MAX_SIGNATURE_BYTES + 1)
            if not self._keys:
                raise UsageError(
                    f"image {safe(image, 300)}: the key of its signature is not given",
                    "give the public key with --key=FILE",
                    object=safe(image, 300),
                )
        elif self._order.signer is not None:
            data = _published_before(image, target, self._order.signer)
        else:
            raise VerifyError(
                f"image {safe(image, 300)} is not signed",
                "sign it: podwright image sign, or --sign=KEY",
                object=safe(image, 300),
                reason="no-signature",
            )
        fd = sources.open_regular(image, "image")
        try:
            good = verify.verify(name, fd, verify.read_signatures(data, path), self._keys)
        finally:
            os.close(fd)
        return next(key for key in self._keys if key.fingerprint == good[0].key), data

    def _armoured(self, key: trust.TrustedKey) -> bytes:
        """The key file."""
        given = [*self._order.keys, *([self._order.signer.public] if self._order.signer else [])]
        return next(data for data in given if trustring.sha256(data) == key.sha256)

    def _refuse_other(self, image: str, file: str, version: str) -> None:
        """Refuse to replace a version by another build of it."""
        target = f"{self._root}/images/{file}"
        if os.path.isfile(target) and _equal(image, target):
            return
        if os.path.lexists(target) and not self._order.replace and version != "latest":
            raise UsageError(
                f"{safe(target, 300)} is there already, in another build",
                "a version that was published should stay as it is: raise it, or give --replace",
                object=safe(target, 300),
                reason="exists",
            )

    def _copy(self, image: str, file: str, checked: Checked) -> None:
        """Make a private copy beside the place of the archive, unless that has the same bytes."""
        target = f"{self._root}/images/{file}"
        if os.path.isfile(target) and _equal(image, target):
            return
        self.changed.append(f"images/{file}")
        if not self._dry_run:
            fs.ensure_dir(os.path.dirname(target), 0o755)
            self._temporary = f"{target}.{os.getpid()}.new"
            _copy_file(image, self._temporary)
            if archive.check(self._temporary).plain != checked.plain:
                raise UsageError(f"{safe(image, 300)} changed while it was published")

    def _appear(self, file: str) -> None:
        """Put the copy into its place, where its signature is already."""
        if self._temporary:
            fs.rename(self._temporary, f"{self._root}/images/{file}")
            self._temporary = ""

    def _old(self, path: str) -> Optional[bytes]:
        return _content(f"{self._root}/{path}")

    def _write(self, path: str, data: bytes) -> None:
        if self._old(path) == data:
            return
        if path not in self.changed:
            self.changed.append(path)
        if not self._dry_run:
            target = f"{self._root}/{path}"
            fs.ensure_dir(os.path.dirname(target), 0o755)
            fs.write_atomic(target, data, 0o644)


def _published_before(image: str, target: str, signer: Signer) -> bytes:
    """The signature by this key that was published with the image, or a new one."""
    old = _content(f"{target}.asc")
    if old is not None and os.path.isfile(target) and _equal(image, target):
        fd = sources.open_regular(target, "image")
        try:
            if signer.accepts(old, fd):
                return old
        finally:
            os.close(fd)
    return signer.detached(image)


def _key(data: bytes) -> trust.TrustedKey:
    keyfit.require(trust.inspect_key(data))
    block = pgp.key_block(data)
    fingerprint = block.primary.fingerprint.lower()
    return trust.TrustedKey(fingerprint, "", "", trustring.sha256(data), block)


def _read_list(path: str) -> dict[str, dict[str, Any]]:
    """What was published before, by file."""
    data = _content(path)
    if data is None:
        return {}
    out = {}
    for item in Fields(jsonio.loads(data, safe(path, 300)), safe(path, 300)).objects("images"):
        found: dict[str, Any] = {name: item.text(name, ...) for name in _FIELDS}
        ac_identifier(found["name"], item.at("name"))
        if not is_hex(found["key"], 40):
            raise UsageError(f"{item.at('key')}: is not the fingerprint of a key")
        found["size"] = item.integer("size", 0, 0, 2**53)
        out[found["file"]] = found
    return out


def _content(path: str) -> Optional[bytes]:
    """A page or key that is there."""
    try:
        with open(path, "rb") as file:
            return file.read(MAX_PAGE)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _equal(one: str, other: str) -> bool:
    import filecmp

    return filecmp.cmp(one, other, shallow=False)


def _copy_file(source: str, target: str) -> None:
    """A durable copy, mode 0644."""
    fs.unlink(target)
    step("open")
    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        for chunk in archive.chunks(source):
            fs.write_all(fd, chunk)
        step("fsync")
        os.fsync(fd)
    finally:
        os.close(fd)
