"""Draws what soak.py wrote: memory, latency and answers over the minutes.

benches/serving/.venv/bin/python -m scripts.reliability.soak_picture soak.csv docs/soak.svg
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from benches.serving.figures import INK, OURS, PEERS, canvas, save


def main() -> None:
    table, picture = sys.argv[1:]
    with open(table) as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    minutes = [row["seconds"] / 60 for row in rows]
    figure, panels = canvas(3, size=(7, 6))
    lines = [
        ("resident memory, MB", [("resident_mb", OURS, "")]),
        ("latency, ms", [("p50_ms", OURS, "median"), ("p99_ms", PEERS[0], "p99")]),
        ("in five seconds", [("answered", OURS, "answered"), ("left", INK, "hung up")]),
    ]
    for panel, (title, series) in zip(panels, lines):
        for field, colour, label in series:
            panel.plot(minutes, [row[field] for row in rows], color=colour, linewidth=1, label=label or None)
        panel.set_ylim(bottom=0)
        panel.set_title(title, loc="left")
        panel.grid(True)
        if len(series) > 1:
            panel.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    panels[-1].set_xlabel("minutes")
    save(figure, Path(picture))


if __name__ == "__main__":
    main()
