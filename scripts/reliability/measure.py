"""Measurements of a running server: its metrics, its memory and its CPU time. Needs Linux."""

from __future__ import annotations

import os
import re
import urllib.request
from pathlib import Path

from scripts.common.server import Server

TICKS = os.sysconf("SC_CLK_TCK")
SERIES = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")

Metrics = dict[tuple[str, str], float]
"""The value of each series, by its name and its labels as they are written."""


def read_metrics(server: Server) -> Metrics:
    """Reads every series that the server gives."""
    with urllib.request.urlopen(f"http://{server.metrics_address}/metrics") as answer:
        found = map(SERIES.match, answer.read().decode().splitlines())
    return {(series[1], series[2] or ""): float(series[3]) for series in found if series}


def memory_mib(server: Server, field: str = "VmRSS") -> float:
    """Returns a field of /proc/PID/status that is a size, in MiB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)
    assert found, "the kernel writes the field for every process"
    return int(found[1]) / 1024


def cpu_seconds(server: Server) -> float:
    """Returns the user and system time of the server so far."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
