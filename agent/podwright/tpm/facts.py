# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How measuring goes on this host, for `tpm status` and `check-host`."""

from __future__ import annotations

from podwright.errors import PodwrightError
from podwright.host.checks.value import LIMITED, MISSING, OK, Check
from podwright.tpm import eventlog, look, settings
from podwright.tpm.child import Child
from podwright.tpm.settings import OFF, REQUIRE
from podwright.values_json import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.host.paths import Layout
    from podwright.tpm.settings import Settings

FORMAT = 1


def seen(layout: Layout, said: Settings) -> dict[str, Any]:
    """What a look at the log and the PCR finds (`look.Verified`). Raises HostError."""
    where = eventlog.place(layout)

    def work() -> Any:
        with look.lock(where):
            return to_json(look.look(where, said))

    looked = look.Looked(**Child(work, said.timeout, where).result())
    found: dict[str, Any] = to_json(look.verify(where, said, looked))
    missed = [waiting(one) for one in eventlog.missed(where)]
    return {**found, "problems": [*found["problems"], *missed]}


def waiting(one: tuple[str, str, str]) -> str:
    """What was missed, as long as the log does not say it."""
    _, uuid, app = one
    what = f"app {app} was added to pod {uuid}" if app else f"pod {uuid} was started"
    return f"{what}, and that could not be measured"


def state(layout: Layout, said: Settings) -> dict[str, Any]:
    """What `tpm status` tells; a TPM that does not answer is one of the things that are told."""
    where = eventlog.place(layout)
    last = {} if said.mode == OFF else eventlog.last_error(where)
    facts: dict[str, Any] = {
        "format": FORMAT,
        "mode": said.mode,
        "pcr": said.pcr,
        "bank": said.bank,
        "tcti": said.tcti,
        "present": False,
        "boot_id": "",
        "records": look.count(where),
        "value": "",
        "replayed": "",
        "verified": None,
        "open": len(eventlog.opened(where)),
        "problems": [],
        "error": last.get("error", ""),
        "error_time": last.get("time", ""),
    }
    try:
        found = seen(layout, said)
    except PodwrightError as err:
        if said.mode != OFF:
            facts["error"], facts["error_time"] = err.sentence(), ""
        return facts
    for name in ("boot_id", "value", "replayed", "problems"):
        facts[name] = found[name]
    facts["present"] = True
    if facts["records"] or found["problems"]:
        facts["verified"] = not found["problems"]
    return facts


def check(layout: Layout, plain: Check) -> Check:
    """A row of `check-host`, with what is set and how it goes; `plain` where nothing is set."""
    try:
        said = settings.read(layout)
    except PodwrightError as err:
        return Check(plain.name, MISSING, f"no pod starts: {err.message}", err.hint)
    if said.mode == OFF:
        return plain
    how = f"mode {said.mode}, PCR {said.pcr}"
    try:
        found = seen(layout, said)
    except PodwrightError as err:
        return Check(plain.name, MISSING, f"{how}: {err.message}", err.hint)
    if found["problems"]:
        waits = [waiting(one) for one in eventlog.missed(eventlog.place(layout))]
        refused = said.mode == REQUIRE and set(found["problems"]) - set(waits)
        status, so = (MISSING, ", so no pod starts") if refused else (LIMITED, "")
        hint = "see podwright tpm verify"
        return Check(plain.name, status, f"{how}: {found['problems'][0]}{so}", hint)
    error = eventlog.last_error(eventlog.place(layout)).get("error", "")
    failed = f"; last error: {error}" if error else ""
    return Check(plain.name, OK, f"{how}, {events(found['records'])} measured{failed}")


def events(count: int) -> str:
    """So many events."""
    return f"{count} event{'' if count == 1 else 's'}"
