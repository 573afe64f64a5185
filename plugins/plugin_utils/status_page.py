# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The fleet's report as one HTML page that needs nothing else. Pure, but for reading its parts.

What hosts have said is in one place of the page, a block of JSON in which no character can end the
block; a script makes text of it. The policy in the page's head lets only this script and this style work, by their
digests, and nothing be loaded or sent.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
from typing import Any

from ansible_collections.podwright.fleet.plugins.plugin_utils.status_values import visible

COLLECTION = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
PARTS = os.path.join(COLLECTION, "playbooks", "templates", "status")

POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; base-uri 'none'; form-action 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
UNSAFE = {ord(char): f"\\u{ord(char):04x}" for char in "<>&'\u2028\u2029"}


def page(report: dict[str, Any]) -> str:
    """The page about a report of status_report."""
    style, script = part("style.css"), part("page.js")
    policy = POLICY.format(script=_digest(script), style=_digest(style))
    fields = {
        "POLICY": policy,
        "TITLE": html.escape(visible(report["title"])),
        "WHEN": html.escape(f"as of {report['generated_at']}"),
        "SUMMARY": html.escape(sentence(report["summary"])),
        "FOOT": html.escape(f"podwright fleet report, format {report['version']}"),
        "STYLE": style,
        "SCRIPT": script,
        "DATA": island(report),
    }
    out = []
    for index, piece in enumerate(part("page.html").split("@")):
        out.append(fields[piece] if index % 2 else piece)
    return "".join(out)


def part(name: str) -> str:
    """A file that the page is made of."""
    with open(os.path.join(PARTS, name), encoding="utf-8") as file:
        return file.read()


def _digest(text: str) -> str:
    raw = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(raw).decode('ascii')}'"


def island(report: dict[str, Any]) -> str:
    """The report as JSON that can stand in a page: ASCII only, and without what HTML knows."""
    text = json.dumps(_packed(report), ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return text.translate(UNSAFE)


def sentence(summary: dict[str, int]) -> str:
    """The report in one sentence."""
    return (
        f"{summary['hosts']} hosts, of which {summary['reached']} answered;"
        f" {summary['pods']} pods, {summary['serving']} serving, {summary['not_serving']} not serving,"
        f" {summary['drifted']} drifted, {summary['unsigned']} not signed."
    )


def _packed(report: dict[str, Any]) -> dict[str, Any]:
    """The report in a third of its size: what is empty is left out, images stand once."""
    places = {_image(one["name"], one): at for at, one in enumerate(report["images"])}
    listed = report["images"]
    pods = [
        {**pod, "apps": [_app(one, places, listed) for one in pod["apps"]]}
        for pod in report["pods"]
    ]
    images = [{**one, "image": one["name"]} for one in listed]
    whole = {**report, "pods": pods, "images": images}
    kept = ("attention", "hosts", "images", "pods", "summary")
    return {name: _bare(whole[name]) for name in kept}


def _image(name: str, one: dict[str, Any]) -> tuple[str, str, str]:
    return name, one["version"], one["digest"]


def _app(
    one: dict[str, Any], places: dict[tuple[str, str, str], int], images: list[dict[str, Any]]
) -> dict[str, Any]:
    """An app with the number of its image; a verdict of its own only where hosts have judged differently."""
    place = places[_image(one["image"], one)]
    twice = {"digest", "image", "image_id", "version"}
    if one["verdict"] == images[place]["verdict"]:
        twice.add("verdict")
    return {**{key: content for key, content in one.items() if key not in twice}, "of": place}


def _bare(value: Any) -> Any:
    """Without what is empty."""
    if isinstance(value, dict):
        found = {key: _bare(content) for key, content in value.items()}
        return {key: content for key, content in found.items() if not _is_empty(content)}
    return [_bare(item) for item in value] if isinstance(value, list) else value


def _is_empty(value: Any) -> bool:
    return value is None or value is False or (isinstance(value, (str, list, dict)) and not value)
