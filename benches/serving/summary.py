"""Makes Markdown tables and a picture of what compare.py has written down.

    benches/serving/.venv/bin/python -m benches.serving.summary benches/serving/results

Tables go to standard output, the picture to throughput-latency.svg in the folder.

A figure is the median of the rounds. A ratio is the median of the rounds' own ratios, their smallest and largest behind
it, and always says how many times better the first one does: more masks a second, or less time, or less memory.
"""

from __future__ import annotations

import argparse
import csv
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.ticker import FuncFormatter, NullLocator

from benches.serving import figures
from benches.serving.compare import BUSY_CLIENTS, MAIN_FILM, OPEN_LOOP_SHARES, OTHER_FILMS
from benches.serving.servers import OURS

LATENCY_TICKS_MS = [100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000]
NAME_GAP = 0.05
"""What two servers' names are apart at least, as a share of the picture's width."""
NAMES_HEIGHT = 1.02


class Results:
    """All rows, found by server and cell."""

    def __init__(self, path: Path) -> None:
        with path.open(newline="") as file:
            self.rows = list(csv.DictReader(file))
        self.servers = list(dict.fromkeys(row["server"] for row in self.rows))

    def rounds(
        self, server: str, column: str, film: str = MAIN_FILM, clients: int = BUSY_CLIENTS, loop: str = "closed"
    ) -> dict[int, float]:
        """Returns a column of one cell by its round, where there was anything to measure.

        A round that was measured again counts as it was the last time.
        """
        wanted = {"server": server, "film": film, "loop": loop, "clients": str(clients) if loop == "closed" else ""}
        rows = [row for row in self.rows if all(row[key] == value for key, value in wanted.items())]
        return {int(row["round"]): float(row[column]) for row in rows if row[column] and float(row[column]) > 0}

    def median(self, server: str, column: str, **cell: Any) -> float | None:
        values = self.rounds(server, column, **cell).values()
        return statistics.median(values) if values else None

    def errors(self, server: str, **cell: Any) -> int:
        return int(sum(self.rounds(server, "errors", **cell).values()))


def is_ours(server: str) -> bool:
    return server.partition(":")[0] == OURS


def as_documented(server: str) -> bool:
    """Returns a peer in f32 without a variant."""
    return not is_ours(server) and ":" not in server


def shown(value: float | None, form: str, errors: int = 0) -> str:
    if value is None:
        return "–"
    return format(value, form) + (f" ({errors} errors)" if errors else "")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main_table(results: Results) -> str:
    def throughput(server: str) -> float:
        return results.median(server, "masks_per_s") or 0

    head = ["server", "masks/s, 16 clients", "p99 ms, 16 clients", "p50 ms, 1 client", "CPU s a mask"]
    head += ["MB idle", "MB at most, 16 clients", "s to the first mask"]
    rows = []
    for server in sorted(results.servers, key=throughput, reverse=True):
        row = [server, shown(results.median(server, "masks_per_s"), ".2f", results.errors(server))]
        row += [shown(results.median(server, "p99_ms"), ".0f")]
        row += [shown(results.median(server, "p50_ms", clients=1), ".0f", results.errors(server, clients=1))]
        row += [shown(results.median(server, "cpu_s_per_mask"), ".3f"), shown(results.median(server, "idle_mb"), ".0f")]
        row += [shown(results.median(server, "peak_mb"), ".0f"), shown(results.median(server, "start_s"), ".1f")]
        rows.append(row)
    return table(head, rows)


def ratio(results: Results, ours: str, peer: str, column: str, **cell: Any) -> str:
    """Returns how many times better ours is, round by round."""
    first, second = results.rounds(ours, column, **cell), results.rounds(peer, column, **cell)
    more_is_better = column == "masks_per_s"
    found = [first[n] / second[n] if more_is_better else second[n] / first[n] for n in first.keys() & second.keys()]
    if not found:
        return "–"
    spread = f" ({min(found):.2f} to {max(found):.2f})" if len(found) > 1 else ""
    return f"{statistics.median(found):.2f}{spread}"


def ratio_table(results: Results, ours: str) -> str:
    head = [f"{ours} against", "masks/s, 16 clients", "p99, 16 clients", "p50, 1 client", "memory at most, 16 clients"]
    rows = []
    for peer in filter(lambda server: not is_ours(server), results.servers):
        row = [peer, ratio(results, ours, peer, "masks_per_s"), ratio(results, ours, peer, "p99_ms")]
        row += [ratio(results, ours, peer, "p50_ms", clients=1), ratio(results, ours, peer, "peak_mb")]
        rows.append(row)
    return table(head, rows)


def best_lines(results: Results, ours: str) -> str:
    """Ours against the peer with the most masks a second, of those as documented and of all."""
    lines = []
    peers = [server for server in results.servers if not is_ours(server) and results.median(server, "masks_per_s")]
    for said, some in (("in f32 as documented", list(filter(as_documented, peers))), ("of all", peers)):
        if some:
            best = max(some, key=lambda server: results.median(server, "masks_per_s") or 0)
            times = ratio(results, ours, best, "masks_per_s")
            lines.append(f"- {ours}: {times} times the masks a second of {best}, the best peer {said}, at 16 clients\n")
    return "".join(lines)


def other_table(results: Results) -> str:
    """Returns the table of what only the first round measures."""
    cells: list[tuple[str, dict[str, Any]]] = [(f"{film}, 16 clients", {"film": film}) for film in OTHER_FILMS]
    cells += [(f"{MAIN_FILM}, {clients} clients", {"clients": clients}) for clients in (4, 64)]
    head = ["server", *[f"masks/s: {name}" for name, _ in cells]]
    loops = [f"open {share}" for share in OPEN_LOOP_SHARES]
    head += [f"p50 / p99 ms: {share:.0%} of its throughput" for share in OPEN_LOOP_SHARES]
    rows = []
    for server in results.servers:
        row = [server]
        for _, cell in cells:
            row.append(shown(results.median(server, "masks_per_s", **cell), ".2f", results.errors(server, **cell)))
        for loop in loops:
            halves = [shown(results.median(server, column, loop=loop), ".0f") for column in ("p50_ms", "p99_ms")]
            row.append(" / ".join(halves))
        rows.append(row)
    return table(head, rows)


def draw(results: Results, path: Path) -> None:
    """Draws throughput and median latency as clients are added, one line a server."""
    figure, axes = figures.canvas(size=(9, 5))
    colours = iter(figures.PEERS * 2)
    ends = []
    for server in results.servers:
        points = curve(results, server)
        if points:
            colour = figures.OURS if is_ours(server) else next(colours)
            dashes = "--" if ":" in server else "-"
            width = 2.2 if is_ours(server) else 1.4
            places = [point[1:] for point in points]
            axes.plot(*zip(*places), dashes, color=colour, linewidth=width, marker="o", markersize=4)
            ends.append((places[-1], server, colour))
    axes.set_yscale("log")
    axes.set_xlim(left=0)
    axes.set_ylim(top=axes.get_ylim()[1] * 1.2)
    _name_ends(axes, ends)
    fastest = max(ends)[1]
    _name_clients(axes, curve(results, fastest))
    axes.set_xlabel("masks a second")
    axes.set_ylabel("median latency")
    low, high = axes.get_ylim()
    axes.set_yticks([tick for tick in LATENCY_TICKS_MS if low <= tick <= high])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda ms, _: f"{ms / 1000:g} s"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(axis="y")
    figures.save(figure, path)


def curve(results: Results, server: str) -> list[tuple[int, float, float]]:
    """Returns clients, masks a second and milliseconds, for as many clients as were tried."""
    wanted = {"server": server, "loop": "closed", "film": MAIN_FILM}
    rows = [row for row in results.rows if all(row[key] == value for key, value in wanted.items())]
    tried = sorted({int(row["clients"]) for row in rows})
    columns = ("masks_per_s", "p50_ms")
    points = []
    for clients in tried:
        throughput, latency = (results.median(server, column, clients=clients) for column in columns)
        if throughput and latency:
            points.append((clients, throughput, latency))
    return points


def _name_clients(axes: Any, points: Any) -> None:
    """Writes how many clients a marker stands for, beside one server's line."""
    for clients, *place in points:
        said = "1 client" if clients == 1 else f"{clients} clients"
        axes.annotate(said, place, xytext=(8, -3), textcoords="offset points", fontsize=9)


def _name_ends(axes: Any, ends: list[Any]) -> None:
    """Writes the servers' names in a row above, in the order of their lines' ends, so that no leader crosses
    another.
    """
    ends = sorted(ends, key=lambda end: end[0][0])
    right = axes.get_xlim()[1]
    place = -NAME_GAP
    for point, server, colour in ends:
        place = max(place + NAME_GAP, point[0] / right)
        axes.annotate(
            server,
            point,
            xytext=(place, NAMES_HEIGHT),
            textcoords="axes fraction",
            color=colour,
            rotation=30,
            rotation_mode="anchor",
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.7, "relpos": (0, 0), "shrinkB": 4},
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="the folder with results.csv")
    folder = parser.parse_args().results
    results = Results(folder / "results.csv")
    print(main_table(results))
    for ours in filter(is_ours, results.servers):
        print(ratio_table(results, ours))
        print(best_lines(results, ours))
    print(other_table(results))
    draw(results, folder / "throughput-latency.svg")


if __name__ == "__main__":
    main()
