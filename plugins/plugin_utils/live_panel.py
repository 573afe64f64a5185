# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The live view as lines of a terminal of some width and height. Pure."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from ansible_collections.podwright.fleet.plugins.plugin_utils import live_fetch, live_model
from ansible_collections.podwright.fleet.plugins.plugin_utils.live_model import Fleet, Row
from ansible_collections.podwright.fleet.plugins.plugin_utils.status_values import visible

STYLES = {"good": "32", "warn": "33", "bad": "31", "busy": "36", "soft": "2", "head": "1", "": ""}
LOOKS = {
    live_model.RUNNING: ("busy", "\u25cf", "*"),
    live_model.OK: ("good", "\u2713", "."),
    live_model.CHANGED: ("warn", "\u2713", "+"),
    live_model.FAILED: ("bad", "\u2717", "x"),
    live_model.UNREACHABLE: ("bad", "\u2717", "!"),
    live_model.BACK: ("warn", "\u21b6", "<"),
    "": ("soft", "\u00b7", " "),
}
WORDS = (
    (live_model.UNREACHABLE, "unreachable"), (live_model.FAILED, "failed"), (live_model.BACK, "rolled back"),
    (live_model.RUNNING, "running"), (live_model.CHANGED, "changed"), (live_model.OK, "ok"), ("", "waiting"),
)  # fmt: skip


class Part(NamedTuple):
    """Some text of a line in one style."""

    text: str
    style: str = ""


Line = list[Part]


class View(NamedTuple):
    """What a terminal can show."""

    width: int
    height: int
    color: bool = True
    unicode: bool = True


def panel(fleet: Fleet, view: View, now: float) -> list[str]:
    """The lines, none of them wider than the terminal, and together less than it is high."""
    room = max(1, min(view.height - 2, 3 + view.height // 2))
    rule = "\u2500" if view.unicode else "-"
    lines = [[Part(rule * (view.width - 1), "soft")], _title(fleet, view, now), _bar(fleet, view)]
    if fleet.phase:
        lines.append(_phases(fleet, view))
    rows = [row for row in fleet.worst() if row.bad or row.task == live_model.RUNNING]
    left = max(0, room - len(lines) - 1)
    shown = rows[:left]
    if shown:
        names = min(max(width(visible(row.name)) for row in shown), max(8, view.width // 3))
        lines += [_row(row, fleet, view, names, now) for row in shown]
    if len(rows) > len(shown):
        lines.append([Part(f"  and {len(rows) - len(shown)} more of these", "soft")])
    return [_painted(line, view) for line in lines[:room]]


def _title(fleet: Fleet, view: View, now: float) -> Line:
    out = [Part(fleet.title or "Play", "head")]
    if fleet.check:
        out.append(Part("  check mode, nothing is changed", "warn"))
    spent = f"  {clock(now - fleet.began)}"
    room = view.width - 1 - len(spent) - sum(width(plain(part.text, view)) for part in out)
    if fleet.task and room > 4:
        out.append(Part(fit(plain(f"  {fleet.task}", view), room)))
    return [*out, Part(spent, "soft")]


def _bar(fleet: Fleet, view: View) -> Line:
    counts = fleet.counts()
    if fleet.phase:
        counts = {**dict.fromkeys(counts, 0), **fleet.of_phase(fleet.phase)}
    every = sum(counts.values())
    done = every - counts[live_model.RUNNING] - counts[""]
    size = max(10, min(40, view.width // 4))
    filled = size * done // every if every else 0
    full, empty = ("\u2501", "\u2500") if view.unicode else ("#", "-")
    bad = counts[live_model.FAILED] + counts[live_model.UNREACHABLE]
    out = [Part(full * filled, "bad" if bad else "good"), Part(empty * (size - filled), "soft")]
    out.append(Part(f" {done} of {every} hosts"))
    for how, word in WORDS:
        if counts[how]:
            out.append(Part(f"  {counts[how]} {word}", LOOKS[how][0]))
    fetching, got, size = fleet.fetched()
    if fetching > 1:
        words = live_fetch.words(live_fetch.Fetch("", got, size))
        out.append(Part(f"  {fetching} fetch {words}" if got < size else f"  {words}", "soft"))
    return out


def _phases(fleet: Fleet, view: View) -> Line:
    out: Line = []
    for phase in live_model.PHASES:
        found = fleet.of_phase(phase)
        if phase == "rollback" and not found:
            continue
        name = phase
        if (
            phase == "batch"
            and isinstance(fleet.rollout.get("batch"), int)
            and fleet.rollout["batch"]
        ):
            of = fleet.rollout.get("batches")
            name = f"batch {fleet.rollout['batch']}{f'/{of}' if of else ''}"
        out.append(Part(name, "head" if phase == fleet.phase else "soft" if not found else ""))
        for how, _word in WORDS:
            if found.get(how):
                out.append(Part(f" {_glyph(how, view)}{found[how]}", LOOKS[how][0]))
        out.append(Part("   "))
    return out


def _row(row: Row, fleet: Fleet, view: View, names: int, now: float) -> Line:
    how = row.bad or row.task
    name = fit(visible(row.name), names)
    out = [Part(f"{_glyph(how, view)} ", LOOKS[how][0]), Part(name + " " * (names - width(name)))]
    if fleet.phase:
        out.append(Part("  "))
        for phase in live_model.PHASES:
            if phase != "rollback" or fleet.of_phase(phase):
                state = row.with_phase(phase)
                out.append(Part(f"{_glyph(state, view)} ", LOOKS[state][0]))
    if row.task == live_model.RUNNING:
        spent = [Part(f"  {clock(now - row.since)}", "soft")]
        if row.fetch is not None:
            return [*out, *(spent if view.width >= 60 else []), *_fetch(row.fetch, view)]
        out += spent
        doing = row.doing if row.doing != fleet.task else ""
        return [*out, Part(f"  {doing}")] if doing else out
    return [*out, Part(f"  {row.note}", "bad" if row.bad else "")]


def _fetch(one: live_fetch.Fetch, view: View) -> Line:
    """How far a download is: a bar where there is room for one, numbers, and the image's short name."""
    out: Line = [Part("  ")]
    if one.total and view.width >= 90:
        full, empty = ("\u2501", "\u2500") if view.unicode else ("#", "-")
        filled = 10 * one.done // one.total
        out += [Part(full * filled, "busy"), Part(empty * (10 - filled), "soft"), Part(" ")]
    return [
        *out,
        Part(live_fetch.words(one).ljust(15)),
        Part(f"  {live_fetch.short(one.image)}", "soft"),
    ]


def _glyph(how: str, view: View) -> str:
    return LOOKS[how][1 if view.unicode else 2]


def clock(seconds: float) -> str:
    """`4 s`, `1:23`, `1:02:03`."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    if hours:
        return f"{hours}:{rest // 60:02}:{rest % 60:02}"
    return f"{rest // 60}:{rest % 60:02}" if rest >= 60 else f"{rest} s"


def _painted(line: Line, view: View) -> str:
    """A line that fits, in colours; what is not for terminals of this kind is written in others' characters."""
    left, out = max(1, view.width - 1), []
    for part in line:
        shown = fit(plain(part.text, view), left)
        left -= width(shown)
        code = STYLES[part.style]
        out.append(f"\x1b[{code}m{shown}\x1b[0m" if view.color and code and shown else shown)
        if left <= 0:
            break
    return "".join(out)


def plain(raw: str, view: View) -> str:
    """A text without anything that a terminal would obey."""
    shown = visible(raw)
    return shown if view.unicode else shown.encode("ascii", "backslashreplace").decode("ascii")


def fit(raw: str, room: int) -> str:
    """As much of a text as has room, with a mark where it is cut."""
    if width(raw) <= room:
        return raw
    out, used = "", 0
    for char in raw:
        used += _columns(char)
        if used > room - 1:
            break
        out += char
    return f"{out}~" if room > 0 else ""


def width(raw: str) -> int:
    """Columns that a text takes."""
    return sum(map(_columns, raw))


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
