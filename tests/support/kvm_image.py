# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stage1 images of virtual machines, made once of Debian's kernels and kept in `.cache`.

`image()` is the archive, not signed: copy it to where the test's key signs it. `image("xen")` has the full
kernel, which files over Xen take, and serves both kinds.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.filelock import build_once
from tests.support.paths import CACHE, CHECKOUT

NAME = "podwright.io/stage1-kvm"
XEN_NAME = "podwright.io/stage1-xen"
PACKAGES = {"kvm": "linux-image-cloud-amd64", "xen": "linux-image-amd64"}
AGENT_TREE = CHECKOUT / "agent"
KVM = AGENT_TREE / "podwright/stage1/kvm"
PYTHON = "/usr/bin/python3"


def kernel(kind: str = "kvm") -> Path:
    """Return a directory with the file `vmlinuz` and the directory `modules`, made on first use."""
    package = PACKAGES[kind]

    def make(partial: Path) -> None:
        print(f"fetching Debian's {package} (once, 25 to 70 MB)", flush=True)
        with tempfile.TemporaryDirectory(prefix="kernel-", dir=partial.parent) as scratch:
            script = (
                "from podwright.stage0.stage1build.kernelsource import from_package as get\n"
                "found = get(sys.argv[1], sys.argv[2])\n"
                "print(found.image, found.modules.path, sep='\\n')"
            )
            done = _agent_python(script, package, scratch)
            if done.returncode:
                subprocess.run(["apt-get", "-q", "update"], check=True)
                done = _agent_python(script, package, scratch)
            assert done.returncode == 0, done.stderr
            image, modules = done.stdout.split()
            partial.mkdir()
            shutil.move(image, partial / "vmlinuz")
            shutil.move(modules, partial / "modules")

    return build_once(CACHE / "kvm" / package, make)


def image(kind: str = "kvm") -> Path:
    """Return the image, made on first use and when what makes it has changed."""
    sources = [*sorted((AGENT_TREE / "podwright/stage0/stage1build").glob("*.py"))]
    sources += [KVM / "cpio.py", KVM / "bundle.py", KVM / "frames.py"]
    made_of = b"".join(path.read_bytes() for path in sources) + sys.version.encode()
    made_of += Path(PYTHON).resolve().read_bytes()
    key = hashlib.sha256(made_of).hexdigest()[:16]

    def make(partial: Path) -> None:
        found = kernel(kind)
        script = (
            "from podwright.stage0.stage1build.build import Order, build\n"
            "build(Order(*sys.argv[1:4], kind=sys.argv[4]))"
        )
        files = (str(partial), str(found / "vmlinuz"), str(found / "modules"))
        done = _agent_python(script, *files, kind)
        assert done.returncode == 0, done.stderr

    return build_once(CACHE / "kvm" / f"stage1-{kind}-{key}.aci", make)


def _agent_python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script with the agent's modules, as hosts run it."""
    begin = f"import sys; sys.path.insert(0, {str(AGENT_TREE)!r})\n"
    return subprocess.run(
        [PYTHON, "-ISB", "-c", begin + script, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
