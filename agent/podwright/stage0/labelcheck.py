# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does what runs of a pod carry the pod's SELinux label? Looked up in the kernel, not in our records.

Every process of the pod's pid namespace, the mounts that we make for an app, and the files
there, compared with the contexts that the pod was given at its start.
"""

from __future__ import annotations

import os

from podwright.errors import HostError, NotFoundError, NotReadyError
from podwright.host import selinux
from podwright.kernel.relabel import label_of
from podwright.model.label import parse_context, shared_by
from podwright.stage1.namespaces import record
from podwright.values import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.model.pod import PodManifest
    from podwright.stage0.pods import Pod

OURS = ("/", "/dev", "/dev/pts", "/dev/shm")
"""What we mount for every app with the pod's context; in the flavour fly only the first is ours."""


class MislabelledError(NotReadyError):
    """A pod runs without the label that it must have."""

    reason = "mislabelled"


@value
class Finding:
    """One thing that was looked at. kind is process, mount or file."""

    kind: str
    what: str
    expected: str
    seen: str

    @property
    def right(self) -> bool:
        """Whether it carries what it should."""
        return self.seen in self.expected.split(" ")


@value
class Verdict:
    """mode is permissive or enforcing; findings are never empty for a pod that runs."""

    mode: str
    process: str
    file: str
    findings: tuple[Finding, ...]

    @property
    def verified(self) -> bool:
        """Whether all that was found carries the label."""
        return all(finding.right for finding in self.findings)


def verify(pod: Pod, manifest: PodManifest, root: str = "") -> Verdict:
    """Look at a running pod. Raises NotFoundError or HostError when there is nothing to compare."""
    given = pod.read_json("selinux")
    if not isinstance(given, dict):
        raise NotFoundError(
            f"pod {pod.uuid} was started without an SELinux label",
            "podwright status shows why; selinux: require refuses that",
            object=pod.uuid,
        )
    init = record.read(pod.path)
    fd = record.open_init(init) if init is not None else None
    if init is None or fd is None:
        raise NotFoundError(f"pod {pod.uuid} does not run", "start it first", object=pod.uuid)
    try:
        found = tuple(_findings(init.process["pid"], given, manifest))
        if not _runs(fd):
            raise HostError(f"pod {pod.uuid} ended meanwhile", "start it again", object=pod.uuid)
    finally:
        os.close(fd)
    mode = selinux.state_of(parse_context(given["process"], f"pod {pod.uuid}"), root)
    return Verdict(mode, given["process"], given["file"], found)


def confirm(layout: Layout, name: str) -> None:
    """Refuse a named pod that was started and does not carry its label. Raises MislabelledError."""
    from podwright.stage0 import pods
    from podwright.stage0.start import read_manifest

    pod = pods.find(layout, pods.instance(layout, name))
    verdict = verify(pod, read_manifest(pod.path))
    wrong = [finding for finding in verdict.findings if not finding.right]
    if wrong or not verdict.findings:
        first = f"{wrong[0].kind} {wrong[0].what} has {wrong[0].seen}" if wrong else "nothing runs"
        raise MislabelledError(
            f"pod {name} does not carry its SELinux label: {first}",
            f"podwright selinux verify {name} shows everything",
            object=name,
        )


def _runs(pidfd: int) -> bool:
    import select

    return not select.select([pidfd], [], [], 0)[0]


def _findings(init: int, given: dict[str, object], manifest: PodManifest) -> Iterator[Finding]:
    processes, file = _expected(given)
    private = str(given["file"])
    shared = str(given.get("shared") or shared_by(private))
    targets = _relabelled(manifest, {"private": private, "shared": shared})
    seen_spaces = set()
    with_host = _link(f"/proc/{init}/ns/pid") == _link("/proc/self/ns/pid")  # of the flavour fly
    for pid in _processes(init):
        context = _read(f"/proc/{pid}/attr/current")
        if context is None:
            continue  # it has ended meanwhile
        yield Finding("process", f"{pid} {_name(pid)}", processes, context.rstrip("\0\n"))
        space = _link(f"/proc/{pid}/ns/mnt")
        if space and space not in seen_spaces:
            seen_spaces.add(space)
            yield from _mounts(pid, file, with_host=with_host)
            yield from _files(pid, targets if with_host else {"/dev/null": file, **targets}, file)


def _expected(given: dict[str, object]) -> tuple[str, str]:
    """The contexts that processes of a pod may have, and its roots and devices."""
    machine, apps = given.get("machine"), given.get("apps")
    if isinstance(machine, dict):
        processes = f"{machine.get('qemu')} {machine.get('files')}"
        return processes, f"{machine.get('root')} {given['file']}"  # the latter: what is served
    texts = {str(text) for text in apps.values()} if isinstance(apps, dict) else set()
    return " ".join(sorted(texts or {str(given["process"])})), str(given["file"])


def _relabelled(manifest: PodManifest, contexts: dict[str, str]) -> dict[str, str]:
    """Where apps mount volumes that were relabelled, and the contexts that may be there.

    A path where another app mounts a volume with its own label says nothing, and is left out.
    """
    kinds = {volume.name: volume.relabel for volume in manifest.volumes}
    found: dict[str, set[str]] = {}
    for app in manifest.apps:
        for mount in app.mounts:
            found.setdefault(mount.path, set()).add(kinds.get(mount.volume, "none"))
    return {
        path: " ".join(contexts[kind] for kind in sorted(those))
        for path, those in found.items()
        if "none" not in those
    }


def _processes(init: int) -> Iterator[int]:
    """Processes of the pod but for its PID 1 and those that PID 1 is about to start.

    Those are still of our own program, with our own label, which they change when they execute.
    """
    space = _link(f"/proc/{init}/ns/pid")
    ours = _identity(f"/proc/{init}/exe")
    with_host = space == _link("/proc/self/ns/pid")  # of the flavour fly
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != init and _link(f"/proc/{name}/ns/pid") == space:
            if with_host and not _descends(name, init):
                continue
            starting = _identity(f"/proc/{name}/exe") == ours and _parent(name) == init
            if space and not starting:
                yield int(name)


def _mounts(pid: int, file: str, *, with_host: bool) -> Iterator[Finding]:
    text = _read(f"/proc/{pid}/mountinfo") or ""
    last = {line.split(" ")[4]: line for line in text.splitlines()}  # the topmost one counts
    for point in OURS[:1] if with_host else OURS:
        if point in last:
            fstype, _, options = last[point].partition(" - ")[2].split(" ", 2)
            if fstype in ("overlay", "tmpfs", "devpts"):
                yield Finding("mount", f"{point} of {pid}", file, context_of(options))


def context_of(options: str) -> str:
    """The context= among the options of a mount, where a value with commas stands in quotes."""
    head, found, rest = options.rpartition("context=")
    if not found or (head and head[-1] not in " ,"):
        return "none"
    if rest.startswith('"'):
        return rest[1:].partition('"')[0]
    return rest.partition(",")[0]


def _files(pid: int, targets: dict[str, str], file: str) -> Iterator[Finding]:
    for path, expected in {"/": file, **targets}.items():
        try:
            seen = label_of(f"/proc/{pid}/root{path.rstrip('/') or '/.'}") or "none"
        except OSError:
            continue  # an app's root need not have it; volumes of other apps are not here
        yield Finding("file", f"{path} of {pid}", expected, seen)


def _read(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8", errors="backslashreplace") as file:
            return file.read()
    except OSError:
        return None


def _name(pid: int) -> str:
    return (_read(f"/proc/{pid}/comm") or "").strip()


def _parent(pid: str) -> int:
    text = _read(f"/proc/{pid}/stat") or ""
    fields = text.rpartition(")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


def _descends(pid: str, init: int) -> bool:
    """Whether a process was started by the pod's init, or by one that was."""
    parent = _parent(pid)
    while parent > 1 and parent != init:
        parent = _parent(str(parent))
    return parent == init


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _identity(path: str) -> Optional[tuple[int, int]]:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
