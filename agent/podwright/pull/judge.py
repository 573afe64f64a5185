# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a bundle may be followed: its signature, then what it says of itself, then what this host remembers.

The signature is over the bytes as they came, so nothing that a stranger made is parsed. It must be by a key that is
trusted for the fleet (`pull:FLEET`), by the same rules as for images (`stage0/judge/verify.py`).
"""

from __future__ import annotations

import os

from podwright import __version__
from podwright.errors import UsageError, VerifyError
from podwright.host import clock
from podwright.model import fleetstate
from podwright.stage0 import trust, trustring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from podwright.host.paths import Layout
    from podwright.model.fleetstate import FleetState
    from podwright.pull.keep import Serial
    from podwright.pull.settings import Settings

_HINTS = {
    "no-signature": "publish the signature that podwright bundle make has written",
    "bad-signature": "if the bundle was being replaced, the next pull finds both; otherwise somebody has changed it",
    "gpg-failed": "see that the gpg of this host works",
}


def signed(layout: Layout, fleet: str, data: bytes, signature: bytes) -> None:
    """Raise VerifyError unless a key that is trusted for the fleet has signed these bytes."""
    from podwright.stage0.judge import verify
    from podwright.stage0.judge.gpg import anonymous_file

    keys = trust.trusted_keys(trustring.fleet_ring(layout, fleet))
    if not keys:
        raise VerifyError(
            f"no key is trusted for fleet {fleet}",
            f"trust one with: podwright trust --prefix=pull:{fleet} KEYFILE",
            object=fleet,
            reason="no-key",
        )
    file = anonymous_file(data)
    try:
        verify.verify(fleet, file, verify.read_signatures(signature, "of the bundle"), keys)
    except VerifyError as err:
        raise _about_bundle(err, fleet) from None
    finally:
        os.close(file)


def _about_bundle(err: VerifyError, fleet: str) -> VerifyError:
    """The same refusal, in words that are about a bundle and not about an image."""
    message = err.message.replace(f"image {fleet}", f"bundle of fleet {fleet}").replace(
        f"not trusted for {fleet}", f"not trusted for pull:{fleet}"
    )
    hint = _HINTS.get(err.reason, "have it signed again by a key that is trusted for the fleet")
    if err.reason == "not-trusted":
        hint = f"if it should be: podwright trust --prefix=pull:{fleet} KEYFILE"
    return VerifyError(message, hint, object=fleet, reason=err.reason)


def acceptable(
    state: FleetState, digest: str, settings: Settings, known: Optional[Serial], now: float
) -> None:
    """Raise VerifyError for a bundle that is another fleet's, not of this time, or older than what was accepted."""
    fleet, serial = settings.fleet, state.serial
    if state.fleet != fleet:
        raise _refused(
            f"the bundle is for fleet {state.fleet}, and this host belongs to {fleet}",
            "check the URL",
            fleet,
            "other-fleet",
        )
    if known is not None and serial < known.serial:
        raise _refused(
            f"bundle {serial} of fleet {fleet} is older than {known.serial}, which this host has accepted",
            "to go back, publish the old state under a higher serial",
            fleet,
            "rollback",
        )
    if known is not None and serial == known.serial and digest != known.digest:
        raise _refused(
            f"bundle {serial} of fleet {fleet} is not the one that this host has accepted under this serial",
            "give every change a serial of its own; if nobody changed it, a signing key is in wrong hands",
            fleet,
            "equivocation",
        )
    least(serial, fleet, settings)
    _timely(state, fleet, now)
    fresh(state.expires, fleet, serial, max(now, known.at) if known is not None else now)
    _readable(state)


def least(serial: int, fleet: str, settings: Settings) -> None:
    """Raise VerifyError for a bundle that the host's settings say is too old, also if it is followed already."""
    if serial < settings.minimum_serial:
        raise _refused(
            f"bundle {serial} of fleet {fleet} is older than {settings.minimum_serial}, the least that is allowed here",
            "publish a newer one, or lower minimum_serial",
            fleet,
            "rollback",
        )


def _timely(state: FleetState, fleet: str, now: float) -> None:
    if now < state.not_before:
        raise _refused(
            f"bundle {state.serial} of fleet {fleet} is not valid before {clock.rfc3339(state.not_before)}",
            f"this host's clock says {clock.rfc3339(now)}: correct it, or wait",
            fleet,
            "not-yet-valid",
        )


def fresh(expires: float, fleet: str, serial: int, now: float) -> None:
    """Raise VerifyError for a bundle that has expired."""
    if now >= expires:
        raise _refused(
            f"bundle {serial} of fleet {fleet} expired at {clock.rfc3339(expires)}",
            "publish a new one; what runs goes on running (or is this host's clock wrong?"
            f" It says {clock.rfc3339(now)})",
            fleet,
            "expired",
        )


def _readable(state: FleetState) -> None:
    """Raise UsageError when the bundle wants a newer agent."""
    if not state.minimum_agent:
        return
    own = __version__.partition("-")[0].partition("+")[0]
    if fleetstate.release(own, "version") < fleetstate.release(state.minimum_agent, "version"):
        raise UsageError(
            f"bundle {state.serial} of fleet {state.fleet} needs podwright {state.minimum_agent},"
            f" and this is {__version__}",
            "upgrade the agent",
            object=state.fleet,
            reason="old-agent",
        )


def _refused(message: str, hint: str, fleet: str, reason: str) -> VerifyError:
    return VerifyError(message, hint, object=fleet, reason=reason)
