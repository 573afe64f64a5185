# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The redis images of the fleet scenario, good and bad, signed and put on the fleet's image server.

`python -m tests.support.redis_catalogue --www DIR --keys DIR` prints what a playbook needs as JSON: the name, the
version of each image, the key to trust and its fingerprint.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support import aci, kvm_image, redis_image
from tests.support.fleet import IMAGE_HOST
from tests.support.gpglab import GpgLab, Key
from tests.support.webserver import publish

NAME = f"{IMAGE_HOST}/redis"
FLEET = "acme/cache"


def fill(www: Path, keys: Path, *, stage1: str = "") -> dict[str, object]:
    """Serve every image below `www`, with `stage1` (kvm, xen) also that one's image; what a scenario has to know."""
    base = redis_image.redis_version()
    versions = {
        "first": base,
        "second": f"{base}-2",
        "never_ready": f"{base}-3",
        "unsigned": f"{base}-4",
        "tampered": f"{base}-5",
        "untrusted": f"{base}-6",
    }
    with GpgLab() as lab:
        key = lab.generate("Images <images@podwright.test>")
        stranger = lab.generate("Stranger <stranger@podwright.test>")
        for version in (versions["first"], versions["second"]):
            _serve(www, version, key)
        _serve(www, versions["never_ready"], key, port=redis_image.PORT + 1)
        _serve(www, versions["unsigned"], None)
        _serve(www, versions["untrusted"], stranger)
        _tamper(_serve(www, versions["tampered"], key))
        if stage1:
            served = www / f"stage1-{stage1}.aci"
            shutil.copyfile(kvm_image.image(stage1), served)
            key.sign(served)
        owner = lab.generate("Fleet <fleet@podwright.test>")
        pod: dict[str, object] = {
            "name": "pulled",
            "image": f"{NAME}:{base}",
            "net": "none",
            "ready": {"seconds": 0.5},
        }
        _bundle(www, 1, [pod], owner)
        _bundle(www, 2, [], owner)
        keys.mkdir(parents=True, exist_ok=True)
        return {
            "name": NAME,
            "versions": versions,
            "key_file": _public(keys / "images.asc", key),
            "fingerprint": key.fingerprint,
            "bundles": {
                "fleet": FLEET,
                "urls": [f"https://{IMAGE_HOST}/fleet-{serial}.json" for serial in (1, 2)],
                "key_file": _public(keys / "fleet.asc", owner),
                "fingerprint": owner.fingerprint,
            },
        }


def _public(path: Path, key: Key) -> str:
    path.write_text(key.armoured)
    return str(path)


def _bundle(www: Path, serial: int, pods: list[dict[str, object]], key: Key) -> None:
    """Publish the signed state of a fleet for hosts that pull, as `/fleet-SERIAL.json`."""
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 30 * 86400))
    hosts = [{"match": {"groups": ["redis"]}, "state": {"pods": pods}}]
    head = {"kind": "podwright-fleet", "version": 1, "fleet": FLEET, "serial": serial}
    path = www / f"fleet-{serial}.json"
    path.write_text(json.dumps({**head, "expires": expires, "hosts": hosts}))
    key.sign(path)


def _serve(www: Path, version: str, key: Key | None, port: int = redis_image.PORT) -> Path:
    """Publish one version, signed with `key`; redis listens on `port`, whatever the image declares."""
    image = redis_image.build(NAME, version, port=port)
    served = publish(www, NAME, image, version, aci.host_arch())
    if key is not None:
        key.sign(served)
    return served


def _tamper(image: Path) -> None:
    """Change one byte in the middle: still an archive that begins well, but not the one that was signed."""
    data = bytearray(image.read_bytes())
    data[len(data) // 2] ^= 0x01
    image.write_bytes(data)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill a folder with signed images and print what they are."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.redis_catalogue", description=main.__doc__
    )
    parser.add_argument("--www", type=Path, required=True, help="the image server's root")
    parser.add_argument("--keys", type=Path, required=True, help="where the public key goes")
    parser.add_argument(
        "--stage1",
        choices=("", "kvm", "xen"),
        default="",
        help="also serve a stage1 image of virtual machines, as /stage1-kvm.aci or /stage1-xen.aci",
    )
    options = parser.parse_args(arguments)
    print(json.dumps(fill(options.www, options.keys, stage1=options.stage1)))


if __name__ == "__main__":
    main()
