# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image may ask for by itself: less than our defaults, never more.

Whoever signs an image says what is in it, not what it may do to the host. Isolators that widen
the default confinement (capabilities, system calls, processes, new privileges, labels, kernel
settings) count only when the operator says them: in the pod's own isolators, or with
--insecure-options. This differs on purpose from behaviour.md B3, where the image's word is enough.
"""

from __future__ import annotations

from podwright.errors import PodwrightError
from podwright.host.cgrouplimits import DEFAULT_PIDS
from podwright.model import isolators
from podwright.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podwright.model.isolators import Isolators
    from podwright.model.podspec import PodSpec
    from podwright.stage0.images import StoredImage


ROOT = ("0", "root")
USUAL_SHARES = 1024
USUAL_WEIGHT = 100
"""What the kernel gives a cgroup of which nothing is said."""


class WidenedError(PodwrightError):
    """An image asks for more than it gets by default, and the operator did not grant it."""

    reason = "not-granted"
    stage = "policy"


def check_grants(spec: PodSpec, stored: list[StoredImage]) -> None:
    """Refuse images whose own isolators widen what the operator has granted.

    In fly, whose root is the host's and has everything already, that is what they give another user,
    a label, and amounts.
    """
    for index, (asked, image) in enumerate(zip(spec.apps, stored)):
        app = image.manifest.app
        if spec.manifest is not None and spec.manifest["apps"][index].get("app") is not None:
            continue  # the operator has written the whole app; the image's word is not used
        if app is not None and app.isolators_json:
            given = isolators.parse(
                list(asked.isolators), f"app {asked.name or image.name}: isolators"
            )
            fly = spec.stage1 == "fly"
            if not fly:
                _check(image.name, app.isolators, given, spec.insecure)
                _check_settings(image.name, app.isolators, given, spec)
            if not fly or (asked.user or app.user) not in ROOT:
                _check_privileges(image.name, app.isolators, given)
            _check_labels(image.name, app.isolators, given)
            _check_identity(image.name, app.isolators, given, asked.user)
            _check_amounts(image.name, app.isolators, given, default_pids=not fly)


def _check(image: str, own: Isolators, given: Isolators, insecure: frozenset[str]) -> None:
    if given.caps_retain is None and given.caps_remove is None and "capabilities" not in insecure:
        _refuse(image, "capabilities", _capabilities(own), "os/linux/capabilities-retain-set")
    if given.seccomp_retain is None and given.seccomp_remove is None and "seccomp" not in insecure:
        _refuse(image, "system calls", _system_calls(image, own), "os/linux/seccomp-retain-set")


def _check_privileges(image: str, own: Isolators, given: Isolators) -> None:
    if given.no_new_privileges is None and own.no_new_privileges is False:
        _refuse(image, "privileges", ["new ones by setuid"], "os/linux/no-new-privileges")


def _check_labels(image: str, own: Isolators, given: Isolators) -> None:
    if given.selinux is None and own.selinux is not None:
        _refuse(image, "an SELinux context", [own.selinux.type], "os/linux/selinux-context")
    if not given.apparmor and own.apparmor:
        _refuse(image, "an AppArmor profile", [own.apparmor], "os/linux/apparmor-profile")


def _check_identity(image: str, own: Isolators, given: Isolators, user: str) -> None:
    """A retained set is also for users other than root: not for one that the image did not choose."""
    if user not in ("", *ROOT) and given.caps_retain is None and given.caps_remove is None:
        beyond = [f"{name} for user {user}" for name in own.caps_retain or ()]
        _refuse(image, "capabilities", beyond, "os/linux/capabilities-retain-set")


def _check_amounts(image: str, own: Isolators, given: Isolators, *, default_pids: bool) -> None:
    """More than an app gets when nothing is said."""
    for isolator, field, beyond in (
        ("resource/pids", "pids", default_pids and (own.pids or 0) > DEFAULT_PIDS),
        ("os/linux/cpu-shares", "cpu_shares", (own.cpu_shares or 0) > USUAL_SHARES),
        ("os/linux/io-weight", "io_weight", (own.io_weight or 0) > USUAL_WEIGHT),
        ("os/linux/oom-score-adj", "oom_score_adj", (own.oom_score_adj or 0) < 0),
    ):
        if beyond and getattr(given, field) is None:
            _refuse(image, isolator, [str(getattr(own, field))], isolator)
    if own.rlimits and not given.rlimits:
        _refuse(image, "process limits", _rlimits(own), "os/linux/rlimits")


def _rlimits(own: Isolators) -> list[str]:
    """Those beyond what this process has, the soft ones of which count for the app by default."""
    from podwright.kernel.rlimits import get

    out = []
    for name, soft, hard in own.rlimits:
        here = get(name)
        beyond = [
            wanted
            for wanted, most in zip((hard, soft), (here[1], here[0]))
            if most != -1 and (wanted == -1 or wanted > most)
        ]
        if beyond:
            out.append(f"{name.lower()}={'unlimited' if beyond[0] == -1 else beyond[0]}")
    return out


def _check_settings(image: str, own: Isolators, given: Isolators, spec: PodSpec) -> None:
    if not own.sysctls or given.sysctls:
        return
    pod = isolators.parse(list(spec.pod_isolators), "pod isolators", pod=True)
    said = {key for key, _ in pod.sysctls}
    beyond = [key for key, _ in own.sysctls if key not in said]
    _refuse(image, "kernel settings", beyond, "os/unix/sysctl")


def _capabilities(own: Isolators) -> list[str]:
    """Those beyond the default set."""
    if own.caps_retain is None:
        return []
    from podwright.stage1.namespaces.capabilities import DEFAULT

    return [name for name in own.caps_retain if name not in DEFAULT]


def _system_calls(image: str, own: Isolators) -> list[str]:
    """Those beyond the default list; a set to remove from everything is beyond it as a whole."""
    if own.seccomp_retain is None and own.seccomp_remove is None:
        return []
    from podwright.stage1.namespaces import capabilities, seccomp

    default = seccomp.profile(image, isolators.Isolators(), capabilities.DEFAULT)
    wanted = seccomp.profile(image, own, capabilities.DEFAULT)
    if default is None or wanted is None or not wanted.allow:
        return ["all but some"]
    beyond = sorted(set(wanted.names) - set(default.names))
    widened = sorted(set(default.narrow) & set(wanted.names) - set(wanted.narrow))
    return beyond + [f"{name} with any arguments" for name in widened]


def _refuse(image: str, what: str, beyond: list[str], isolator: str) -> None:
    if beyond:
        shown = ", ".join(safe(name, 40) for name in beyond[:5])
        more = f" and {len(beyond) - 5} more" if len(beyond) > 5 else ""
        raise WidenedError(
            f"image {image} asks for {what} beyond the default: {shown}{more}",
            f"grant it yourself with the isolator {isolator} if that is what you want",
            object=image,
        )
