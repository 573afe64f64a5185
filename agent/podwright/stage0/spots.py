# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an ACI is: by discovery of its name, at a URL, in a file."""

from __future__ import annotations

from podwright.stage0 import images
from podwright.stage0.web import discover, urls
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.model.imageref import ImageRef
    from podwright.stage0.web.transport import Client


@value
class Spot:
    """Where one image is: URLs or paths, and what it must turn out to be.

    optional  labels that it may lack, but not have otherwise
    """

    place: str
    image: str
    signature: str
    name: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    latest: bool = False
    optional: tuple[str, ...] = ()


def find(client: Client, ref: ImageRef) -> Spot:
    """Where an image is that is named by URL or found by discovery."""
    if ref.kind == "url":
        urls.parse(ref.location, client.insecure)
        return Spot(ref.location, ref.location, f"{ref.location}.asc")
    endpoint = discover.find_image(client, ref.name, ref.labels)
    labels = tuple(discover.wanted_labels(ref.labels).items())
    return Spot(
        endpoint.image, endpoint.image, endpoint.signature, ref.name, labels, not ref.version
    )


def of_file(ref: ImageRef, cwd: Optional[str]) -> Spot:
    """Where an image is that lies in a file."""
    path = images.file_path(ref, cwd)
    return Spot(images.place(ref, cwd), path, f"{path}.asc")
