# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as users get it: built by `ansible-galaxy collection build` and installed from the tarball.

    python -m tools.collection build             # podwright-fleet-VERSION.tar.gz; the same files give the same bytes
    python -m tools.collection path              # what to set ANSIBLE_COLLECTIONS_PATH to
    python -m tools.collection run -- COMMAND    # with that set

What is built lies in `.cache/installed` under a name made of the content of all its files, so that a changed checkout
is built anew, in four seconds, and nobody runs what is stale. With PODWRIGHT_COLLECTION=live in the environment it is
the checkout itself.
"""

from __future__ import annotations

import argparse
import fnmatch
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.support.filelock import build_once
from tests.support.paths import CACHE, CHECKOUT

INSTALLED = CACHE / "installed"
LIVE = CACHE / "collections"
"""Where Ansible finds the checkout itself; `tools/setup` makes the link."""

PLACE = "ansible_collections/podwright/fleet"
SWITCH = "PODWRIGHT_COLLECTION"
KEPT = 24 * 3600
"""Seconds for which a build that nobody asked for again is kept: a run of tests may still use it."""

File = tuple[bytes, bool]
"""What is in a file, and whether it is a program."""


def installed() -> Path:
    """Return the collections directory that Ansible is to use."""
    if os.environ.get(SWITCH) == "live":
        return LIVE
    return directory() / "collections"


def directory(checkout: Path = CHECKOUT) -> Path:
    """Return the folder with the tarball and with `collections`, where that is installed."""
    content = sources(checkout)
    found = build_once(INSTALLED / digest(content), lambda partial: _make(partial, content))
    os.utime(found)
    _forget(time.time() - KEPT)
    return found


def sources(checkout: Path) -> dict[str, File]:
    """Return what the collection is built from: tracked or new files that galaxy.yml does not leave out."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=checkout, check=True, capture_output=True).stdout
    ignored = yaml.safe_load((checkout / "galaxy.yml").read_text())["build_ignore"]
    found = {}
    for name in sorted(set(names.decode().split("\0")) - {""}):
        path = checkout / name
        if not _left_out(name, ignored) and path.is_file():
            found[name] = (path.read_bytes(), os.access(path, os.X_OK))
    return found


def _left_out(name: str, patterns: Sequence[str]) -> bool:
    """Whether ansible-galaxy leaves a file or one of the directories above it out."""
    parts = name.split("/")
    paths = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
    return any(fnmatch.fnmatch(path, pattern) for path in paths for pattern in patterns)


def digest(content: Mapping[str, File]) -> str:
    """Return a name for exactly these files."""
    total = hashlib.sha256()
    for name, (data, program) in content.items():
        total.update(f"{name}\0{program}\0{hashlib.sha256(data).hexdigest()}\0".encode())
    return total.hexdigest()[:16]


def _make(target: Path, content: Mapping[str, File]) -> None:
    source = target / "source"
    for name, (data, program) in content.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if program else 0o644)
    _galaxy(target, "build", str(source), "--output-path", str(target))
    (archive,) = target.glob("*.tar.gz")
    archive.write_bytes(reproducible(archive.read_bytes()))
    _galaxy(target, "install", "--offline", str(archive), "-p", str(target / "collections"))
    shutil.rmtree(source)
    shutil.rmtree(target / "home")


def _galaxy(target: Path, *arguments: str) -> None:
    program = CACHE / "venv/bin/ansible-galaxy"
    # With a path of its own, else it finds what is installed already.
    own = {"ANSIBLE_HOME": str(target / "home"), "ANSIBLE_COLLECTIONS_PATH": str(target / "none")}
    env = {**os.environ, **own, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [str(program), "collection", *arguments],
        env=env,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"ansible-galaxy collection {arguments[0]} failed: {done.stdout}")


def reproducible(archive: bytes) -> bytes:
    """Return a tarball of ansible-galaxy's in an order and with times that do not depend on the machine or the day."""
    members: dict[str, tuple[tarfile.TarInfo, bytes]] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as old:
        for member in old:
            stream = old.extractfile(member)
            members[member.name] = (member, stream.read() if stream else b"")
    files = _json(members, "FILES.json")
    files["files"].sort(key=lambda entry: entry["name"])
    listing = json.dumps(files, indent=1).encode()
    manifest = _json(members, "MANIFEST.json")
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(listing).hexdigest()
    for name, data in (
        ("FILES.json", listing),
        ("MANIFEST.json", json.dumps(manifest, indent=1).encode()),
    ):
        members[name] = (members[name][0], data)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as new:
        # ansible-galaxy reads these two first.
        for name in sorted(
            members, key=lambda name: (name not in ("MANIFEST.json", "FILES.json"), name)
        ):
            member, data = members[name]
            member.mtime, member.size, member.pax_headers = 0, len(data), {}
            new.addfile(member, io.BytesIO(data))
    return gzip.compress(out.getvalue(), mtime=0)


def _json(members: Mapping[str, tuple[tarfile.TarInfo, bytes]], name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(members[name][1])
    return found


def _forget(before: float) -> None:
    for folder in INSTALLED.iterdir():
        if not folder.name.startswith(".") and folder.stat().st_mtime < before:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Build the collection, or run something with it."""
    parser = argparse.ArgumentParser(prog="python -m tools.collection", description=main.__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("build", help="build the tarball and print its path")
    verbs.add_parser("path", help="print the collections directory")
    run = verbs.add_parser("run", help="run a command with it")
    run.add_argument(
        "--in", dest="folder", default=str(Path.cwd()), help="the directory to run it in"
    )
    run.add_argument("command", nargs="+")
    options = parser.parse_args()
    if options.verb == "build":
        print(*directory().glob("*.tar.gz"))
    elif options.verb == "path":
        print(installed())
    else:
        os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(installed())
        os.chdir(options.folder)
        os.environ["PWD"] = (
            options.folder
        )  # Molecule takes its project's name from the path, links and all
        os.execvp(options.command[0], options.command)
    return 0


if __name__ == "__main__":
    sys.exit(main())
