# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make quickstart` and `make quickstart-down`: podwright on this machine, with a real image and real signatures.

What a user of podwright has somewhere else is made here, once, in `.cache/quickstart`: an image, a key that signs it,
and an HTTPS server on loopback that serves it. Everything else is what a user does too: the playbook.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support import aci, redis_image
from tests.support.certs import server_files
from tests.support.gpglab import GpgLab, Key
from tests.support.paths import CACHE, CHECKOUT
from tests.support.webserver import publish
from tools import image_server, leftovers
from tools.collection import installed

STATE = CACHE / "quickstart"
HOST = "localhost"
IMAGE = f"{HOST}/redis"


class QuickstartError(Exception):
    """Something that the user has to know, in one sentence."""


def up() -> None:
    """Serve a signed redis image and run it with the playbook."""
    _say(f"building {IMAGE} from Debian's redis-server")
    version = redis_image.redis_version()
    image = redis_image.build(IMAGE, version)
    with GpgLab(STATE / "gpg") as lab:
        key = _signing_key(lab)
        _say(f"signing it with the throw-away key {key.fingerprint}")
        _publish(image, version, key)
        key_file = STATE / "key.asc"
        key_file.write_text(key.armoured)
    tls = server_files(STATE / "tls", [HOST])
    _say(f"serving it as https://{HOST} on 127.0.0.1:443")
    try:
        image_server.start(STATE, HOST)
    except image_server.PortTakenError as error:
        raise QuickstartError(str(error)) from error
    _say("running the playbook podwright.fleet.quickstart")
    _playbook(
        "quickstart",
        {
            "quickstart_key_file": str(key_file),
            "quickstart_key_fingerprint": key.fingerprint,
            "quickstart_ca_file": str(tls.ca),
            "quickstart_image": f"{IMAGE}:{version}",
            "quickstart_image_prefix": IMAGE,
        },
    )
    _say(
        "done; now try 'redis-cli ping', 'podwright list', 'podwright status redis', 'podwright help'"
    )
    _say("with Ansible, from this directory (its Python and the collection are in .cache):")
    _say(
        "  export PATH=$PWD/.cache/venv/bin:$PATH ANSIBLE_COLLECTIONS_PATH=$PWD/.cache/collections"
    )
    _say("  ansible localhost -m podwright.fleet.pod_info")
    _say("undo it with 'make quickstart-down'")


def down() -> None:
    """Remove the pod, podwright and the server, and prove that nothing is left."""
    _say("running the playbook podwright.fleet.uninstall")
    _playbook("uninstall", {"target": "localhost"})
    _say("stopping the image server")
    image_server.stop(STATE)
    if STATE.exists():
        shutil.rmtree(STATE)
    findings = leftovers.find()
    if findings:
        raise QuickstartError("something is left:\n  " + "\n  ".join(findings))
    _say(f"nothing is left: no {', no '.join(leftovers.KINDS)}")


def _signing_key(lab: GpgLab) -> Key:
    """Return the key of earlier runs, so that running again changes nothing, or a new one."""
    keys = lab.secret_keys()
    return keys[0] if keys else lab.generate("podwright quickstart <quickstart@localhost>")


def _publish(image: Path, version: str, key: Key) -> None:
    """Put image and signature where the server finds them, unless exactly this image is there already."""
    www = STATE / "www"
    served = www / "images" / f"{IMAGE}-{version}-linux-{aci.host_arch()}.aci"
    if not served.exists() or served.read_bytes() != image.read_bytes():
        signature = key.sign(image, STATE / "redis.aci.asc")
        publish(www, IMAGE, image, version, aci.host_arch(), signature)


def _playbook(name: str, variables: Mapping[str, str]) -> None:
    options = [option for item in variables.items() for option in ("-e", "=".join(item))]
    # This machine needs no inventory, and a first-time user no warning about that, nor what it skips.
    quiet = dict.fromkeys(
        (
            "ANSIBLE_LOCALHOST_WARNING",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING",
            "ANSIBLE_DISPLAY_SKIPPED_HOSTS",
        ),
        "false",
    )
    status = subprocess.run(
        ["ansible-playbook", f"podwright.fleet.{name}", *options],
        cwd=CHECKOUT,
        env={**os.environ, **quiet, "ANSIBLE_COLLECTIONS_PATH": str(installed())},
        stdin=subprocess.DEVNULL,
        check=False,
    ).returncode
    if status != 0:
        raise QuickstartError(f"the playbook podwright.fleet.{name} failed with status {status}")


def _say(text: str) -> None:
    print(f"quickstart: {text}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Start or undo the quickstart."""
    parser = argparse.ArgumentParser(prog="python -m tools.quickstart", description=main.__doc__)
    parser.add_argument("verb", choices=["up", "down"])
    verb = parser.parse_args(arguments).verb
    try:
        up() if verb == "up" else down()
    except QuickstartError as error:
        print(f"quickstart: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
