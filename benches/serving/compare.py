"""Loads lungfield-serve and its peers, all serving our weights, and writes down what each of them managed.

    sh scripts/venv.sh benches/serving/.venv benches/serving/requirements.txt
    benches/serving/.venv/bin/python -m benches.serving.compare --out benches/serving/results

The servers run one after another, in rounds, so that what else the machine does meets all of them alike. The first
round measures everything, the later ones only the cells on which ratios rest: the film of 2048 pixels at 1 and at 16
clients. Rows are appended to results.csv as they come, so that a run that was broken off is not lost and a server can
be added by --only; give each comparison a folder of its own. summary.py makes tables and the picture of it.

A server is `lungfield` or a peer of servers.py, and may name a variant: `lungfield:f32`, `fastapi:bf16`. It needs oha
(`cargo install oha --version 1.16.0 --locked`) and Linux.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benches.serving import films, load, processes, servers

SERVERS = [
    "lungfield",
    "fastapi",
    "litserve",
    "bentoml",
    "mosec",
    "torchserve",
    "bentoml:channels_last",
    "bentoml:bf16",
]
SERVERS += ["fastapi:channels_last"]
MAIN_FILM = "2048.png"
START_FILM = "512.png"
OTHER_FILMS = ["full.png", "2048.jpeg", START_FILM]
KEY_CLIENTS = [1, 16]
BUSY_CLIENTS = 16
OPEN_LOOP_SHARES = [0.5, 0.8]
LEAST_DICE = 0.98
COLUMNS = ["round", "server", "film", "loop", "clients", "rate", "masks_per_s", "p50_ms", "p90_ms", "p99_ms", "mean_ms"]
COLUMNS += ["max_ms", "masks", "errors", "seconds", "cpu_s_per_mask", "start_s", "idle_mb", "peak_mb", "dice"]


@dataclass(frozen=True)
class Cell:
    """One film and how many ask for its mask at a time, or at which share of the throughput that a server has."""

    film: str
    clients: int
    share: float | None = None


def cells_of(round_number: int, options: argparse.Namespace) -> list[Cell]:
    """Returns the first round measures everything, the later ones what ratios rest on."""
    if round_number > 1:
        return [Cell(MAIN_FILM, clients) for clients in KEY_CLIENTS if clients in options.clients]
    cells = [Cell(MAIN_FILM, clients) for clients in options.clients]
    cells += [Cell(film, BUSY_CLIENTS) for film in options.films if film != MAIN_FILM]
    if BUSY_CLIENTS in options.clients:
        cells += [Cell(MAIN_FILM, 0, share) for share in OPEN_LOOP_SHARES]
    return cells


def measure(round_number: int, name: str, options: argparse.Namespace, shared: Shared) -> Iterator[dict[str, Any]]:
    """Yields the rows of one server in one round, as they come."""
    with servers.start(name, options, shared.folder) as server:
        seconds = server.first_answer(shared.films[START_FILM])
        dice = shared.agreement(server)
        idle_mb = processes.memory_mb(server.pid)
        load.warm_up(options.oha, server, shared.films[MAIN_FILM], BUSY_CLIENTS, options.warm_up)
        known: dict[str, Any] = {
            "round": round_number,
            "server": name,
            "start_s": round(seconds, 2),
            "dice": round(dice, 4),
        }
        known["idle_mb"] = round(idle_mb, 1)
        throughput = None
        for cell in cells_of(round_number, options):
            row = known | _run(cell, server, options, shared.films[cell.film], throughput)
            if cell == Cell(MAIN_FILM, BUSY_CLIENTS):
                throughput = row["masks_per_s"]
            yield row
        shared.agreement(server)


def seconds_for(clients: int, options: argparse.Namespace) -> float:
    """Returns how long a cell lasts: twice as long for a crowd, whose first requests alone may take as long as a cell
    lasts.
    """
    return options.seconds * (2 if clients > BUSY_CLIENTS else 1)


def _run(
    cell: Cell, server: servers.Server, options: argparse.Namespace, film: films.Film, throughput: float | None
) -> dict[str, Any]:
    if cell.share is None:
        found = load.closed_loop(options.oha, server, film, cell.clients, seconds_for(cell.clients, options))
        return {"film": cell.film, "loop": "closed", "clients": cell.clients} | found
    assert throughput, "the closed loop was measured before"
    rate = max(cell.share * throughput, 1 / options.seconds)
    found = load.open_loop(options.oha, server, film, rate, options.seconds)
    return {"film": cell.film, "loop": f"open {cell.share}", "rate": round(rate, 3)} | found


class Shared:
    """What all servers share: the scratch folder, the films, and the mask that each server must find."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        names = dict.fromkeys([MAIN_FILM, START_FILM, *options.films])
        self.films = films.make(options.data, folder, names)
        with servers.start(servers.OURS, options, folder) as server:
            server.first_answer(self.films[START_FILM])
            self.expected = _mask(server.ask(self.films[MAIN_FILM]))

    def agreement(self, server: servers.Server) -> float:
        """Returns the Dice of a server's mask and ours. Where they differ, it does not serve the same, and the run
        ends.
        """
        try:
            found = _mask(server.ask(self.films[MAIN_FILM]))
        except OSError as problem:
            raise servers.NotServing(f"{server.name} answers no more: {problem}\n{server.last_words()}") from problem
        dice = 0.0
        if found.shape == self.expected.shape:
            dice = 2 * np.sum(found & self.expected) / (np.sum(found) + np.sum(self.expected))
        if dice < LEAST_DICE:
            sys.exit(f"{server.name} does not serve the same: its mask and ours have Dice {dice:.4f}")
        return float(dice)


def _mask(png: bytes) -> Any:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("L")) > 127


class Table:
    """A CSV file to which rows are appended one by one, each on disk before the next is measured."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.columns = columns
        if not path.exists():
            self._append(lambda writer: writer.writeheader())

    def add(self, row: dict[str, Any]) -> None:
        self._append(lambda writer: writer.writerow(row))

    def _append(self, write: Callable[[Any], object]) -> None:
        with self.path.open("a", newline="") as file:
            write(csv.DictWriter(file, self.columns, restval=""))
            file.flush()
            os.fsync(file.fileno())


def told(row: dict[str, Any]) -> str:
    """Returns a row as a line for the terminal."""
    load_said = f"{row['clients']} clients" if row["loop"] == "closed" else f"{row['loop']} ({row['rate']}/s)"
    marked = f"  {row['errors']} ERRORS" if row["errors"] else ""
    return (
        f"round {row['round']}: {row['server']:<21} {row['film']:>9} {load_said:>18}: "
        f"{row['masks_per_s']:6.2f} masks/s, p50 {row['p50_ms']:7.1f} ms, p99 {row['p99_ms']:7.1f} ms, "
        f"{row['peak_mb']:6.0f} MB{marked}"
    )


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options that growth.py takes too."""
    parser.add_argument("--out", type=Path, default=servers.HERE / "results", help="where the results go")
    data = servers.ROOT.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=data, help="a data set with fullsize/")
    program = servers.ROOT / "target" / "release" / "lungfield-serve"
    parser.add_argument("--lungfield", type=Path, default=program, help="the lungfield-serve to load")
    parser.add_argument("--model", type=Path, default=servers.ROOT / "models" / "lungfield-segnet")
    parser.add_argument("--oha", default=load.oha_program(), help="the load generator")
    parser.add_argument("--warm-up", type=float, default=3, help="seconds of load before a server is measured")


def made_absolute(options: argparse.Namespace) -> argparse.Namespace:
    """Servers run in folders of their own, so what is named relative to this one has to be resolved."""
    if not shutil.which(options.oha):
        sys.exit(
            f"there is no {options.oha}: cargo install oha --version {load.OHA_VERSION} --locked, or name one by --oha"
        )
    for name in ("out", "data", "lungfield", "model"):
        setattr(options, name, getattr(options, name).resolve())
    return options


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_common_arguments(parser)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=12, help="how long each cell is loaded")
    parser.add_argument("--only", nargs="+", default=SERVERS, metavar="SERVER", help="the servers (%(default)s)")
    parser.add_argument("--clients", nargs="+", type=int, default=[1, 4, 16, 64], help="for the film of 2048 pixels")
    parser.add_argument("--films", nargs="*", default=OTHER_FILMS, help="the other films, at 16 clients")
    options = made_absolute(parser.parse_args())
    unknown = [name for name in options.only if name.partition(":")[0] not in {servers.OURS, *servers.PEERS}]
    if unknown:
        parser.error(f"there is no server {unknown[0]}")
    return options


def main() -> None:
    options = parse()
    servers.end_on_sigterm()
    table = Table(options.out / "results.csv", COLUMNS)
    with tempfile.TemporaryDirectory(prefix="serving-") as folder:
        shared = Shared(Path(folder), options)
        failed = set()
        for round_number in range(1, options.rounds + 1):
            for name in options.only:
                if name in failed:
                    continue
                try:
                    for row in measure(round_number, name, options, shared):
                        table.add(row)
                        print(told(row), flush=True)
                except servers.NotServing as problem:
                    failed.add(name)
                    print(f"left out: {problem}", flush=True)


if __name__ == "__main__":
    main()
