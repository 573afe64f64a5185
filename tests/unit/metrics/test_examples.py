# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dashboard and the alerts speak of metrics that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from podwright.host.usage import Traffic, Usage
from podwright.metrics import host, pods
from podwright.metrics.text import SUFFIXES
from podwright.stage0.sample import Sample

EXAMPLES = Path(__file__).parents[3] / "docs/examples"
NAME = re.compile(r"podwright_[a-z_]+")
SCHEMA = {
    "type": "object",
    "required": ["title", "uid", "schemaVersion", "panels", "templating", "time"],
    "properties": {
        "schemaVersion": {"type": "integer", "minimum": 36},
        "panels": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["id", "type", "title", "gridPos", "datasource", "targets"],
                "properties": {
                    "type": {"enum": ["stat", "timeseries", "table"]},
                    "gridPos": {
                        "type": "object",
                        "required": ["h", "w", "x", "y"],
                        "properties": {
                            "w": {"type": "integer", "minimum": 1, "maximum": 24},
                            "x": {"type": "integer", "minimum": 0, "maximum": 23},
                        },
                    },
                    "targets": {
                        "type": "array",
                        "minItems": 1,
                        "items": {"type": "object", "required": ["refId", "expr", "datasource"]},
                    },
                },
            },
        },
    },
}


def known() -> set[str]:
    """The sample names of all metrics."""
    app = {"name": "web", "state": "running", "restarts": 1, "exit_code": 0, "exit_reason": "x"}
    app |= {"started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:00Z"}
    pod = {"name": "u", "pod_name": "p", "state": "running", "ready": True, "apps": [app]}
    pod |= {"started_at": "2026-01-01T00:00:00Z"}
    full = Usage(1.0, 1, 1, 1, 1, 1, 1)
    sample = Sample(pod, full, {"web": full}, (Traffic("eth0", 1, 1),), 0.0)
    found = {one.name + SUFFIXES.get(one.kind, "") for one in pods.families([sample])}
    source = Path(host.__file__).read_text()
    said = set(re.findall(r'"podwright_([a-z_]+)"', source))
    said |= set(re.findall(r'_one\(\s*"([a-z_]+)"', source))
    named = {f"podwright_{name}" for name in said} | {"podwright_unreadable"}
    totals = {"podwright_refusals_total", "podwright_agent_info"}
    gc = {f"podwright_gc_{name}_total" for name in ("removed", "marked", "problems")}
    tpm = {f"podwright_{name.replace('-', '_')}_total" for name in host.MEASURED}
    return found | named | totals | gc | tpm


def dashboard() -> dict[str, object]:
    loaded = json.loads((EXAMPLES / "podwright-dashboard.json").read_text())
    assert isinstance(loaded, dict)
    return loaded


def expressions() -> list[str]:
    panels = dashboard()["panels"]
    assert isinstance(panels, list)
    queries = re.findall(r"label_values\([^)]*\)", json.dumps(dashboard()))
    rules = yaml.safe_load((EXAMPLES / "podwright.rules.yml").read_text())
    return [
        *(target["expr"] for panel in panels for target in panel["targets"]),
        *queries,
        *(rule["expr"] for group in rules["groups"] for rule in group["rules"]),
    ]


def test_every_expression_is_about_metrics_that_there_are() -> None:
    there, used = known(), {name for text in expressions() for name in NAME.findall(text)}
    assert len(used) > 10
    assert used <= there, used - there


def test_the_dashboard_is_one() -> None:
    jsonschema.validate(dashboard(), SCHEMA)
    panels = dashboard()["panels"]
    assert isinstance(panels, list)
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    assert all(one["x"] + one["w"] <= 24 for one in places)


@pytest.mark.parametrize("panel", [one["title"] for one in dashboard()["panels"]])  # type: ignore[attr-defined]
def test_panels_do_not_lie_over_each_other(panel: str) -> None:
    panels = dashboard()["panels"]
    assert isinstance(panels, list)
    (own,) = [one for one in panels if one["title"] == panel]
    mine = own["gridPos"]
    for other in panels:
        place = other["gridPos"]
        if other is not own and place["y"] == mine["y"]:
            assert place["x"] + place["w"] <= mine["x"] or mine["x"] + mine["w"] <= place["x"]
