# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which threats are tested: a marker for tests, and a table with one line for every row of the threat catalogue.

`@pytest.mark.threat("T26", "T28")` says which rows a test automates; a module may set `pytestmark`. The rows of a
test travel as its properties, so they survive pytest-xdist and are in the JUnit files, from which `make test` makes one
table of all its parts. `make threats` (`pytest --threats=docs/threats.md`) runs all of them, prints the table, writes
the page, and fails when a row has no test. A row passes when at least one of its tests passed, none failed and none was
skipped.
"""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

PROPERTY = "threat"

ROWS = {
    "T01": "tar paths that leave the root",
    "T02": "writing through symbolic links",
    "T03": "hard links to the host",
    "T04": "what escapes from Python's extraction filters",
    "T05": "links to links; owners by way of a link",
    "T06": "modes, owners, times, attributes through links",
    "T07": "what lies at the top of an archive",
    "T08": "one path as several types",
    "T09": "whiteouts",
    "T10": "overlayfs's own marks",
    "T11": "device nodes, sockets, pipes",
    "T12": "setuid, setgid, file capabilities",
    "T13": "owners out of range",
    "T14": "sizes that are none",
    "T15": "archives that readers understand differently",
    "T16": "extension headers that claim to be huge",
    "T17": "archives that silently lose files",
    "T18": "decompression bombs",
    "T19": "damaged compression; no helper programs",
    "T20": "too many, too deep, too long",
    "T21": "hostile names",
    "T22": "hostile times",
    "T23": "extended attributes",
    "T24": "legal oddities come out as GNU tar makes them",
    "T25": "fuzz",
    "T26": "manifest types confused",
    "T27": "hostile JSON",
    "T28": "digest texts",
    "T29": "digests checked on everything",
    "T30": "resumed downloads",
    "T31": "credentials to other hosts",
    "T32": "authentication realms",
    "T33": "TLS, redirects, proxies",
    "T34": "layer lists",
    "T35": "working directories",
    "T36": "users and groups",
    "T37": "environment and labels",
    "T38": "volumes and hooks",
    "T39": "dependency graphs",
    "T40": "swapped between check and use",
    "T41": "changes in the store",
    "T42": "access to the store",
    "T43": "export and extract over planted links",
    "T44": "states of keys and signatures",
    "T45": "several signatures",
    "T46": "types of signatures",
    "T47": "forged gpg status",
    "T48": "weak digests and keys",
    "T49": "scopes of keys",
    "T50": "gpg's arguments",
    "T51": "a gpg that fails",
    "T52": "gpg's home and configuration",
    "T53": "broken policy or trust store",
    "T54": "which rule matches",
    "T55": "what lifting a check lifts",
    "T56": "rollback, replay, later revocation",
    "T57": "which discovery tags count",
    "T58": "where discovery templates lead",
    "T59": "what a discovery page costs",
    "T60": "asking for trust",
    "T61": "enter is confined like run",
    "T62": "descriptors that leak in",
    "T63": "the host's own programs",
    "T64": "what is mounted where an image has links",
    "T65": "mounts that race",
    "T66": "where volumes come from",
    "T67": "kernel settings and limits that are not a pod's",
    "T68": "system calls",
    "T69": "capabilities",
    "T70": "ranges of user namespaces",
    "T71": "devices",
    "T72": "control groups",
    "T73": "what a pod can use up",
    "T74": "what a pod reaches over the network",
    "T75": "pods ask who they are, and only that",
    "T76": "programs of an image run by enter",
    "T77": "keyrings, IPC, host names",
    "T78": "terminals and logs",
    "T79": "command lines of machines",
    "T80": "files that a machine's guest makes",
    "T81": "names and texts in units",
    "T82": "killed while fetching",
    "T83": "killed while preparing and running",
    "T84": "full disk",
    "T85": "killed while stopping and removing",
    "T86": "removal stays inside: links, mounts, hostile trees",
    "T87": "failing disks, closed descriptors, odd surroundings",
    "T88": "locks",
    "T89": "process numbers used again",
    "T90": "power loss",
    "T91": "reboot",
    "T92": "kill loops, crowds, clocks, garbled state",
    "T93": "secrets in play",
    "T94": "temporary files of plays and modules",
    "T95": "data as code",
    "T96": "what a fleet is told is true",
}


@dataclasses.dataclass(frozen=True)
class Ran:
    """How one test of a row ended: `passed`, `failed` or `skipped`, and why it was skipped."""

    test: str
    outcome: str
    reason: str = ""


Results = dict[str, list[Ran]]
"""Row → its tests, in the order they ended."""


def add_option(parser: pytest.Parser) -> None:
    """Add `--threats`."""
    text = "run the tests marked with threat rows, print the table of all rows, write it to PAGE"
    parser.addoption("--threats", nargs="?", const="-", metavar="PAGE", help=text)


def configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "threat(*rows): the rows of the threat catalogue it tests")


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Attach each test's rows to it as properties; with `--threats`, drop the tests that have none."""
    for item in items:
        for row in rows_of(item):
            item.user_properties.append((PROPERTY, row))
    if config.getoption("threats"):
        others = [item for item in items if not rows_of(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if rows_of(item)]


def rows_of(item: pytest.Item) -> list[str]:
    """Return the rows that a test is marked with; a row that does not exist is an error."""
    rows = {str(row) for mark in item.iter_markers("threat") for row in mark.args}
    if unknown := rows - set(ROWS):
        raise pytest.UsageError(f"{item.nodeid}: no such threat row: {', '.join(sorted(unknown))}")
    return sorted(rows)


def from_reports(reports: Iterable[pytest.TestReport]) -> Results:
    """Return the results of one run from its reports."""
    results: Results = {}
    for report in reports:
        if report.when != "call" and report.passed:
            continue
        reason = ""
        if report.skipped and isinstance(report.longrepr, tuple):
            reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        for name, row in report.user_properties:
            if name == PROPERTY:
                ran = Ran(report.nodeid, report.outcome, reason)
                results.setdefault(str(row), []).append(ran)
    return results


def from_junit(files: Iterable[Path]) -> Results:
    """Return the results of several runs from the JUnit files that they wrote."""
    results: Results = {}
    for file in files:
        for case in ET.parse(file).getroot().iter("testcase"):
            rows = {
                entry.get("value", "")
                for entry in case.iter("property")
                if entry.get("name") == PROPERTY
            }
            skipped = case.find("skipped")
            bad = case.find("failure") is not None or case.find("error") is not None
            outcome = "failed" if bad else "passed" if skipped is None else "skipped"
            reason = skipped.get("message", "") if skipped is not None else ""
            test = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
            for row in rows:
                results.setdefault(row, []).append(Ran(test, outcome, reason))
    return results


def verdict(ran: Sequence[Ran]) -> str:
    """Return `PASS (n tests)`, `FAIL (…)`, `SKIP (reason)` or `NONE`."""
    if not ran:
        return "NONE (no test)"
    failed = sorted({one.test for one in ran if one.outcome == "failed"})
    if failed:
        return f"FAIL ({', '.join(failed[:3])}{', …' if len(failed) > 3 else ''})"
    reasons = sorted({one.reason for one in ran if one.outcome == "skipped"})
    if reasons:
        return f"SKIP ({'; '.join(reasons)})"
    return f"PASS ({len(ran)} tests)" if len(ran) > 1 else "PASS (1 test)"


def table(results: Results) -> list[str]:
    """Return one line per row."""
    return [f"{row}  {area:<50}  {verdict(results.get(row, ()))}" for row, area in ROWS.items()]


def not_passed(results: Results) -> list[str]:
    """Return the rows that are not PASS."""
    return [row for row in ROWS if not verdict(results.get(row, ())).startswith("PASS")]


def page(results: Results) -> str:
    """Return docs/threats.md."""
    lines = [
        "<!--",
        "SPDX-FileCopyrightText: 2026 The podwright authors",
        "SPDX-License" + "-Identifier: GPL-3.0-or-later",
        "-->",
        "",
        "# Threats and their tests",
        "",
        "Written by `make threats`, which runs these tests. A skipped test is not a passed one.",
        "",
        "| row | threat | result | tests |",
        "|---|---|---|---|",
    ]
    for row, area in ROWS.items():
        ran = results.get(row, [])
        files = sorted({one.test.partition("::")[0].removeprefix("tests/") for one in ran})
        result = verdict(ran).partition(" ")[0]
        lines.append(f"| {row} | {area} | {result} ({len(ran)}) | {', '.join(files)} |")
    return "\n".join(lines) + "\n"


def summarise(reporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table at the end of a run with `--threats`, and write the page."""
    if not config.getoption("threats") or hasattr(config, "workerinput"):
        return
    results = _of(reporter)
    reporter.section("threats")
    for line in table(results):
        reporter.write_line(line)
    if config.getoption("threats") != "-":
        Path(config.getoption("threats")).write_text(page(results))


def complete(reporter: pytest.TerminalReporter) -> bool:
    """Whether every row passed in this run."""
    return not not_passed(_of(reporter))


def _of(reporter: pytest.TerminalReporter) -> Results:
    kinds = ("passed", "failed", "error", "skipped")
    return from_reports(
        report
        for kind in kinds
        for report in reporter.stats.get(kind, ())
        if isinstance(report, pytest.TestReport)
    )
