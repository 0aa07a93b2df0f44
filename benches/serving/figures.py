"""Decides how our pictures look: no background, one ink and a few colours that are readable on white and on black."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as pyplot  # after the choice of what draws

INK = "#7a828c"
OURS = "#e0443e"
PEERS = ["#3f86d9", "#2f9e77", "#c9822b", "#9a6dd7", "#1f9fb0", "#b5588f", "#7f8f3a", "#6f7fbf", "#a0705a"]
STYLE = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "grid.alpha": 0.3,
    "grid.color": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "lungfield",
    "xtick.color": INK,
    "ytick.color": INK,
}


def canvas(*shape: int, size: Any) -> Any:
    """Returns a figure and its panels, in our style."""
    pyplot.rcParams.update(STYLE)
    return pyplot.subplots(*shape, figsize=size, layout="constrained")


def save(figure: Any, path: Path) -> None:
    """Writes the picture as SVG, the same bytes for the same numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, transparent=True, metadata={"Date": None})
    pyplot.close(figure)
