#!/usr/bin/env python3
"""Writes dashboard.json, the Grafana dashboard of lungfield-serve, from the table of panels below.

    python3 deploy/grafana/make_dashboard.py            # writes it
    python3 deploy/grafana/make_dashboard.py --check    # fails where the file is not what it would write

Grafana's own export is a thousand lines in which a changed query is hard to find; here a panel is a line.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DASHBOARD = Path(__file__).with_name("dashboard.json")
SEGMENT = 'route="/v1/segment"'
WIDTH, HEIGHT, COLUMNS = 8, 8, 3


def quantile(share: float, metric: str, labels: str = "") -> str:
    inside = f"{{{labels}}}" if labels else ""
    return f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket{inside}[$__rate_interval])))"


def mean(metric: str) -> str:
    return f"sum(rate({metric}_sum[$__rate_interval])) / sum(rate({metric}_count[$__rate_interval]))"


REQUESTS = "lungfield_http_request_duration_seconds"
PANELS = [
    ("Ready", "short", [("{{instance}}", "lungfield_ready")]),
    (
        "Requests by status",
        "reqps",
        [("{{status}}", f"sum by (status) (rate({REQUESTS}_count{{{SEGMENT}}}[$__rate_interval]))")],
    ),
    (
        "Turned away and failed, by code",
        "reqps",
        [("{{code}}", "sum by (code) (rate(lungfield_problems_total[$__rate_interval]))")],
    ),
    (
        "Time of a film",
        "s",
        [(f"p{share}", quantile(share / 100, REQUESTS, f'{SEGMENT},status="200"')) for share in (50, 95, 99)],
    ),
    (
        "Time of the steps, mean",
        "s",
        [(step, mean(f"lungfield_{step}_seconds")) for step in ("decode", "queue_wait", "infer", "encode")],
    ),
    (
        "In flight and waiting",
        "short",
        [
            ("in flight", "sum(lungfield_http_requests_in_flight)"),
            ("queue", "sum(lungfield_queue_depth)"),
            ("queue capacity", "sum(lungfield_queue_capacity)"),
            ("connections", "sum(lungfield_connections)"),
        ],
    ),
    ("Batch size, mean", "short", [("films", mean("lungfield_batch_size"))]),
    ("What cut batches", "short", [("{{cause}}", "sum by (cause) (rate(lungfield_batches_total[$__rate_interval]))")]),
    (
        "Departed and past deadline",
        "reqps",
        [
            ("callers departed", "sum(rate(lungfield_http_departed_total[$__rate_interval]))"),
            ("jobs departed", "sum(rate(lungfield_jobs_departed_total[$__rate_interval]))"),
            ("jobs expired", "sum(rate(lungfield_jobs_expired_total[$__rate_interval]))"),
        ],
    ),
    (
        "Memory",
        "bytes",
        [
            ("resident, {{instance}}", 'process_resident_memory_bytes{job="lungfield"}'),
            ("bodies, {{instance}}", "lungfield_byte_budget_used_bytes"),
            ("answers, {{instance}}", "lungfield_answer_budget_used_bytes"),
        ],
    ),
    (
        "Dice with reference masks",
        "percentunit",
        [("median", quantile(0.5, "lungfield_dice")), ("lowest tenth", quantile(0.1, "lungfield_dice"))],
    ),
    ("Share of the film that is lung", "percentunit", [("mean", mean("lungfield_lung_area_ratio"))]),
    ("Warnings by code", "reqps", [("{{code}}", "sum by (code) (rate(lungfield_warnings_total[$__rate_interval]))")]),
    ("Audit lines missing", "short", [("{{instance}}", "increase(lungfield_audit_failures_total[$__rate_interval])")]),
    ("Model", "short", [("{{name}} {{version}} on {{device}}, {{precision}}", "lungfield_model_info")]),
]


def panel(number: int, title: str, unit: str, queries: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": {"x": number % COLUMNS * WIDTH, "y": number // COLUMNS * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "expr": expression, "legendFormat": legend}
            for place, (legend, expression) in enumerate(queries)
        ],
    }


def dashboard() -> dict[str, Any]:
    return {
        "title": "Lungfield",
        "uid": "lungfield",
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]},
        "panels": [panel(number, *row) for number, row in enumerate(PANELS)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing")
    options = parser.parse_args()
    text = json.dumps(dashboard(), indent=2) + "\n"
    if not options.check:
        DASHBOARD.write_text(text)
    elif DASHBOARD.read_text() != text:
        sys.exit(f"{DASHBOARD} is not what make_dashboard.py writes: run it")


if __name__ == "__main__":
    main()
