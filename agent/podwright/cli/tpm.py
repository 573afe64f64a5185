# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`podwright tpm ...`: what was measured, and what the TPM says about it."""

from __future__ import annotations

from podwright.cli import table
from podwright.cli.context import Context, answer, note, print_document, say
from podwright.errors import PodwrightError
from podwright.text import safe
from podwright.tpm import eventlog, look
from podwright.tpm import facts as tpmfacts
from podwright.tpm import settings as tpmsettings
from podwright.tpm.settings import OFF

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.cli.options import Arguments
    from podwright.tpm.settings import Settings

DIFFERS = 1


def _settings(context: Context, verb: str) -> Settings:
    context.need_root(f"tpm {verb}")
    said = tpmsettings.read(context.layout)
    for text in tpmsettings.warnings(said):
        note(f"warning: {text}")
    return said


def status(context: Context, args: Arguments) -> int:
    """0, whatever is found."""
    facts = tpmfacts.state(context.layout, _settings(context, "status"))
    if not answer(args, facts):
        for line in _status_lines(facts):
            say(line)
    return 0


def _status_lines(facts: dict[str, Any]) -> list[str]:
    words = {None: "nothing was measured since the boot", True: "yes", False: "NO"}
    if facts["mode"] == OFF and not facts["records"]:
        there = facts["tcti"] if facts["present"] else "none"
        return [f"{'mode':15}{OFF}, nothing is measured", f"{'TPM':15}{there}"]
    pods = "1 pod" if facts["open"] == 1 else f"{facts['open']} pods"
    rows: list[tuple[str, ...]] = [
        ("mode", facts["mode"]),
        ("PCR", f"{facts['pcr']} in bank {facts['bank']}"),
        ("TPM", facts["tcti"] if facts["present"] else f"{facts['tcti']} does not answer"),
        ("measured", f"{tpmfacts.events(facts['records'])} since the boot"),
        ("log adds up", words[facts["verified"]] if facts["present"] else "cannot be told"),
        ("not ended yet", pods),
    ]
    rows += [("problem", safe(text, 300)) for text in facts["problems"]]
    if facts["error"]:
        when = f"{facts['error_time']}: " if facts["error_time"] else ""
        rows.append(("last error", safe(f"{when}{facts['error']}", 300)))
    return [f"{name:15}{text}" for name, text in rows]


def log(context: Context, args: Arguments) -> int:
    """0; an empty list where nothing was measured."""
    _settings(context, "log")
    records = look.log(eventlog.place(context.layout))
    if not answer(args, records):
        contents = [one["content"] for one in records]
        names = {one["uuid"]: one["name"] for one in contents if one.get("name")}
        rows = [_row(one, names) for one in records]
        titles = ("NUMBER", "TIME", "EVENT", "POD", "WHAT")
        say(table.render(titles, rows, not args.true("no-legend")))
    return 0


def _row(one: dict[str, Any], names: dict[str, str]) -> tuple[str, ...]:
    content = one["content"]
    uuid = content.get("uuid", "")
    pod = names.get(uuid, uuid[:8])
    return (
        str(one["recnum"]),
        str(content.get("time", "")),
        safe(content["event"], 20),
        safe(pod, 60),
        safe(_what(content), 200),
    )


def _what(content: dict[str, Any]) -> str:
    """The few words that people look for."""
    if content["event"] == "pod-start":
        apps = ", ".join(app["image_name"] for app in content["apps"])
        return f"{content['flavour']}: {apps}"
    if content["event"] == "pod-end":
        ended = content["reason"]
        return ended if content["status"] is None else f"{ended} ({content['status']})"
    if content["event"] == "app-add":
        return f"{content['app']['name']}: {content['app']['image_name']}"
    if content["event"] == "missed":
        return f"not measured: {content['app'] or 'its start'}"
    if content["event"] == "app-rm":
        return str(content["app"])
    return str(content.get("value", ""))[:16]


def verify(context: Context, args: Arguments) -> int:
    """0 when the log adds up to the PCR, else 1."""
    said = _settings(context, "verify")
    look.refuse_off(said)
    seen = tpmfacts.seen(context.layout, said)
    right = not seen["problems"]
    if not answer(args, {"format": tpmfacts.FORMAT, "verified": right, **seen}):
        count = tpmfacts.events(seen["records"])
        if seen["replayed"]:
            say(f"PCR {seen['pcr']} {'is' if right else 'is NOT'} what {count} add up to")
        else:
            say(
                f"PCR {seen['pcr']} cannot be compared with the event log, which adds up to nothing"
            )
        for text in seen["problems"]:
            say(f"problem: {safe(text, 300)}")
    return 0 if right else DIFFERS


def quote(context: Context, args: Arguments) -> int:
    """0; what is wrong with the log is for whoever verifies it."""
    said = _settings(context, "quote")
    from podwright.tpm import quote as asked

    nonce = asked.nonce_of(args.text("nonce"))
    with _Told(args):
        _print(args, asked.quote(context.layout, said, nonce))
    return 0


def key(context: Context, args: Arguments) -> int:
    """0."""
    said = _settings(context, "key")
    from podwright.tpm import quote as asked

    with _Told(args):
        found = asked.key(context.layout, said)
    if not answer(args, found):
        say(f"attestation key  {found['ak']['name']}")
        say(f"endorsement key  {found['ek']['name']}")
        there = "there is one" if found["ek"]["certificate"] else "the TPM has none"
        say(f"its certificate  {there}")
        say(found["ak"]["pem"].rstrip())
    return 0


def activate(context: Context, args: Arguments) -> int:
    """0."""
    said = _settings(context, "activate")
    from podwright.tpm import quote as asked

    credential = asked.given(args.text("credential"), "credential")
    secret = asked.given(args.text("secret"), "secret")
    with _Told(args):
        _print(args, asked.activate(context.layout, said, credential, secret))
    return 0


class _Told:
    """In a `with` block: programs that ask for JSON get an error as JSON, too."""

    def __init__(self, args: Arguments) -> None:
        self._args = args

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, err: object, trace: object) -> None:
        if isinstance(err, PodwrightError) and self._args.given("format"):
            names = ("message", "hint", "reason", "stage", "object")
            error = {name: getattr(err, name) for name in names}
            answer(self._args, {"format": tpmfacts.FORMAT, "error": error})


def _print(args: Arguments, document: dict[str, Any]) -> None:
    if not args.given("format"):
        args.flags["format"] = ["json"]
    print_document(args, document)
