# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error tree: what happened, to which object, and what to do about it.

Everything that the agent refuses or fails at is a `PodwrightError`; it is caught once, in
`main`, which prints one line and exits 254. Nothing below `main` exits or prints.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


class PodwrightError(Exception):
    """A failure with one clear sentence.

    message  what happened, naming the object; no trailing period, one line
    hint     what to do next, or ""
    object   the thing it happened to (image name, path, pod name), or ""
    Class attributes: `reason` is a stable machine-readable word, `stage` the step of the
    staged run (input, fetch, verify, policy, render, prepare, launch, network, host), `status`
    what the agent exits with.
    """

    reason = "failed"
    stage = "host"
    status = 254

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        object: str = "",
        reason: Optional[str] = None,
        stage: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.object = object
        if reason is not None:
            self.reason = reason
        if stage is not None:
            self.stage = stage

    def sentence(self) -> str:
        """The one line a person reads: the message and, after a colon-free dash, the hint."""
        return f"{self.message}; {self.hint}" if self.hint else self.message


class UsageError(PodwrightError):
    """The command line, a spec or a file says something we do not understand."""

    reason = "bad-input"
    stage = "input"


class NotFoundError(PodwrightError):
    """A pod, image or key that was named does not exist."""

    reason = "not-found"
    stage = "input"


class FetchError(PodwrightError):
    """Discovery or download failed."""

    reason = "fetch-failed"
    stage = "fetch"


class VerifyError(PodwrightError):
    """A signature is missing, bad, or by a key that is not trusted for this name."""

    reason = "not-verified"
    stage = "verify"


class ImageError(PodwrightError):
    """An archive or manifest that breaks the format's rules."""

    reason = "bad-image"
    stage = "render"


class StoreError(PodwrightError):
    """The store on disk is broken, foreign, or newer than this agent."""

    reason = "bad-store"
    stage = "host"


class LockedError(PodwrightError):
    """Somebody else holds a lock and did not let go in time."""

    reason = "locked"
    stage = "host"


class LaunchError(PodwrightError):
    """The isolation could not be built or an app could not be started."""

    reason = "launch-failed"
    stage = "launch"


class NetworkError(PodwrightError):
    """Addresses, links, ports or firewall rules could not be set up."""

    reason = "network-failed"
    stage = "network"


class HostError(PodwrightError):
    """A system call or a tool of the host failed."""

    reason = "host-failed"
    stage = "host"


class NotReadyError(PodwrightError):
    """A pod started but did not become ready in time."""

    reason = "not-ready"
    stage = "launch"
