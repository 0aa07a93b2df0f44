"""How throughput and memory of lungfield-serve grow with cores, batches, films, clients and the network's width.

    benches/serving/.venv/bin/python -m benches.serving.growth --out benches/serving/results \
        --model-of 8=models/w8 --model-of 32=models/w32

One thing varies at a time; the rest is as compare.py has it: a film of 2048 pixels, 16 clients, the server's own
settings. Every point has a server of its own, so that no memory is counted which an earlier point took. Rows are
appended to growth.csv as they come, and growth.svg is drawn of all that it holds. With the shipped model alone, the
panel of widths has one point.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benches.serving import compare, figures, films, load, processes, servers

FILMS = ["512.png", "1024.png", compare.MAIN_FILM, "full.png"]
CLIENTS = [1, 2, 4, 8, 16, 32, 64]
BATCHES = [1, 2, 4, 8]
TITLES = {
    "cores": "cores",
    "batch": "--max-batch-size",
    "film": "film, longer side",
    "clients": "clients",
    "width": "width of the network",
}
COLUMNS = ["round", "factor", "value", "masks_per_s", "p50_ms", "p99_ms", "masks", "errors", "seconds"]
COLUMNS += ["cpu_s_per_mask", "start_s", "idle_mb", "peak_mb"]


@dataclass(frozen=True)
class Point:
    """One value of one factor, and what of the usual has to be otherwise for it."""

    factor: str
    value: str
    flags: tuple[str, ...] = ()
    prefix: tuple[str, ...] = ()
    film: str = compare.MAIN_FILM
    clients: int = compare.BUSY_CLIENTS
    model: Path | None = None


def points(options: argparse.Namespace) -> Iterator[Point]:
    cores = sorted(os.sched_getaffinity(0))
    for count in (2**power for power in range(len(cores).bit_length()) if 2**power <= len(cores)):
        some = ",".join(map(str, cores[:count]))
        yield Point("cores", str(count), ("--threads", str(count)), ("taskset", "--cpu-list", some))
    for size in BATCHES:
        yield Point("batch", str(size), ("--max-batch-size", str(size)))
    for film in FILMS:
        yield Point("film", film.partition(".")[0], film=film)
    for clients in CLIENTS:
        yield Point("clients", str(clients), clients=clients)
    for width, model in sorted(options.model_of.items()):
        yield Point("width", str(width), model=model)


def measure(point: Point, options: argparse.Namespace, by_name: dict[str, films.Film], folder: str) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(dir=folder) as home,
        servers.start_ours(options, Path(home), point.flags, point.prefix, point.model) as server,
    ):
        start_s = server.first_answer(by_name[compare.START_FILM])
        idle_mb = processes.memory_mb(server.pid)
        film = by_name[point.film]
        load.warm_up(options.oha, server, film, point.clients, options.warm_up)
        seconds = compare.seconds_for(point.clients, options)
        found = load.closed_loop(options.oha, server, film, point.clients, seconds)
    known = {"factor": point.factor, "value": point.value}
    return known | {"start_s": round(start_s, 2), "idle_mb": round(idle_mb, 1)} | found


def told(row: dict[str, Any]) -> str:
    marked = f"  {row['errors']} ERRORS" if row["errors"] else ""
    where = f"round {row['round']}: {row['factor']} {row['value']}"
    return f"{where}: {row['masks_per_s']:.2f} masks/s, {row['peak_mb']:.0f} MB{marked}"


def draw(table: Path, path: Path) -> None:
    """Draws two rows of small panels, throughput above and memory below, one column a factor."""
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    factors = [factor for factor in TITLES if any(row["factor"] == factor for row in rows)]
    figure, axes = figures.canvas(2, len(factors), size=(2.4 * len(factors), 4.4))
    axes = axes.reshape(2, len(factors))
    for column, factor in enumerate(factors):
        values = list(dict.fromkeys(row["value"] for row in rows if row["factor"] == factor))
        for row, (name, colour) in enumerate((("masks_per_s", figures.OURS), ("peak_mb", figures.PEERS[0]))):
            panel = axes[row, column]
            heights = [_median(rows, factor, value, name) for value in values]
            panel.plot(range(len(values)), heights, color=colour, marker="o", markersize=4)
            panel.set_xticks(range(len(values)), values)
            panel.set_xlim(-0.4, len(values) - 0.6)
            panel.set_ylim(0, 1.15 * max(heights))
            panel.grid(axis="y")
        axes[1, column].set_xlabel(TITLES[factor])
    axes[0, 0].set_ylabel("masks a second")
    axes[1, 0].set_ylabel("MB at most")
    figures.save(figure, path)


def _median(rows: Sequence[dict[str, str]], factor: str, value: str, column: str) -> float:
    return statistics.median(float(row[column]) for row in rows if (row["factor"], row["value"]) == (factor, value))


def width_and_folder(said: str) -> tuple[int, Path]:
    width, _, folder = said.partition("=")
    if not width.isdigit() or not Path(folder, "manifest.json").is_file():
        raise argparse.ArgumentTypeError(f"{said} is not WIDTH=FOLDER with a manifest.json in the folder")
    return int(width), Path(folder).resolve()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    compare.add_common_arguments(parser)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10, help="how long each point is loaded")
    parser.add_argument("--only", nargs="+", choices=TITLES, default=list(TITLES), help="the factors (all)")
    parser.add_argument("--model-of", type=width_and_folder, action="append", default=[], metavar="WIDTH=FOLDER")
    options = compare.made_absolute(parser.parse_args())
    shipped = json.loads((options.model / "manifest.json").read_text())["network"]["width"]
    options.model_of = {shipped: options.model} | dict(options.model_of)
    return options


def main() -> None:
    options = parse()
    servers.end_on_sigterm()
    path = options.out / "growth.csv"
    table = compare.Table(path, COLUMNS)
    with tempfile.TemporaryDirectory(prefix="growth-") as folder:
        by_name = films.make(options.data, Path(folder), FILMS)
        for round_number in range(1, options.rounds + 1):
            for point in points(options):
                if point.factor in options.only:
                    row = {"round": round_number} | measure(point, options, by_name, folder)
                    table.add({column: row[column] for column in COLUMNS})
                    print(told(row), flush=True)
    draw(path, options.out / "growth.svg")


if __name__ == "__main__":
    main()
