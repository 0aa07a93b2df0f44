"""Keeps a server at 80 % of what it can serve for half an hour, with callers who leave, and looks whether anything
creeps.

    cargo build --release
    python3 -m scripts.reliability.soak --minutes 30 --out soak.csv
    benches/serving/.venv/bin/python -m scripts.reliability.soak_picture soak.csv docs/soak.svg

One caller in ten hangs up before its answer. Every five seconds memory, answers and latencies are written down. The
test prints the slopes of memory and of the median latency with their standard errors, without the first tenth, in
which the server warms up. It fails on a 5xx, on a wrong mask, or where memory grows by more than 1 % an hour for
certain (two standard errors). The slopes are those of the means of whole minutes: samples a few seconds apart are
alike, and would make an error look small.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
import sys
import threading
import time
from collections.abc import Sequence

from scripts.common.command_line import parser
from scripts.common.server import Server
from scripts.reliability.load import (
    Caller,
    Turns,
    ask_together,
    at_rate,
    draw_films,
    quantile,
    until,
)
from scripts.reliability.measure import memory_mib, read_metrics
from scripts.reliability.overload import QUIET_LOG

FILMS = 8
SHARE = 0.8
LEAVING = 0.1
EVERY_S = 5
MINUTE = 60 // EVERY_S
NAN = float("nan")
FIELDS = ["seconds", "resident_mb", "answered", "left", "p50_ms", "p99_ms"]


Row = dict[str, float]
Rows = list[Row]


class Watch:
    """A thread that writes down memory, answers and latencies while the load goes on."""

    def __init__(self, server: Server, path: str) -> None:
        self.server, self.lock, self.over = server, threading.Lock(), threading.Event()
        self.heard: list[float] = []
        self.left = 0
        self.wrong: list[str] = []
        self.rows: Rows = []
        self.file = open(path, "w", newline="")
        self.table = csv.DictWriter(self.file, FIELDS, lineterminator="\n")
        self.table.writeheader()
        self.began = time.monotonic()
        self.thread = threading.Thread(target=self._write)
        self.thread.start()

    def _write(self) -> None:
        while not self.over.wait(EVERY_S):
            with self.lock:
                heard, left = self.heard, self.left
                self.heard, self.left = [], 0
            row = [time.monotonic() - self.began, memory_mib(self.server), len(heard), left]
            row += [1e3 * quantile(heard, share) if heard else NAN for share in (0.5, 0.99)]
            self.rows.append(dict(zip(FIELDS, (round(value, 2) for value in row))))
            self.table.writerow(self.rows[-1])
            self.file.flush()

    def end(self) -> None:
        """Stops the thread and closes the table."""
        self.over.set()
        self.thread.join()
        self.file.close()


class Load:
    """The films, their masks, and the callers that ask for them."""

    def __init__(self, server: Server, films: Sequence[bytes]) -> None:
        self.server, self.films = server, films
        self.masks = [Caller(server.address).ask(film).body for film in films]

    def rate(self) -> float:
        """Measures how many films a second the server serves."""
        return len(ask_together(self.server.address, self.films, 4, until(15, FILMS))) / 15

    def run(self, watch: Watch, callers: int, turns: Turns) -> None:
        """Runs the callers until the turns end."""
        threads = [threading.Thread(target=self._call, args=(watch, turns)) for _ in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _call(self, watch: Watch, turns: Turns) -> None:
        caller, chance = Caller(self.server.address), random.Random(threading.get_ident())
        while (film := turns()) is not None:
            if chance.random() < LEAVING:
                caller.ask_and_leave(self.films[film], chance.random() * 0.2)
                with watch.lock:
                    watch.left += 1
                continue
            answer = caller.ask(self.films[film])
            with watch.lock:
                watch.heard.append(answer.seconds)
                if answer.status != 200 or answer.body != self.masks[film]:
                    watch.wrong.append(f"{answer.status}: {answer.body[:120]!r}")


def average(rows: Rows, field: str) -> float:
    """Returns the mean of a field. Five seconds without an answer have no latency, and do not count."""
    values = [row[field] for row in rows if not math.isnan(row[field])]
    return sum(values) / len(values)


def slope(rows: Rows, field: str) -> tuple[float, float]:
    """Returns the slope of a field per hour, by least squares over the means of its minutes, and its standard error."""
    minutes = [rows[at : at + MINUTE] for at in range(0, len(rows) - MINUTE + 1, MINUTE)]
    points = [(average(minute, "seconds") / 3600, average(minute, field)) for minute in minutes]
    n = len(points)
    mean_x, mean_y = (sum(values) / n for values in zip(*points))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    rise = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    rest = sum((y - mean_y - rise * (x - mean_x)) ** 2 for x, y in points)
    return rise, (rest / (n - 2) / spread) ** 0.5


def parse() -> argparse.Namespace:
    options = parser(__doc__, "server", "phantom")
    options.add_argument("--minutes", type=float, default=30, help="five or more")
    options.add_argument("--out", default="soak.csv", help="the table that is written")
    options.add_argument("--callers", type=int, default=32)
    return options.parse_args()


def report(watch: Watch) -> list[str]:
    """Prints the slopes, and returns what is wrong."""
    rows = watch.rows[len(watch.rows) // 10 :]
    for field, unit in (("resident_mb", "MB"), ("p50_ms", "ms")):
        rise, error = slope(rows, field)
        mean = average(rows, field)
        print(f"{field}: mean {mean:.1f} {unit}, slope {rise:+.2f} ± {error:.2f} {unit} an hour")
    rise, error = slope(rows, "resident_mb")
    grows = rise - 2 * error > 0.01 * average(rows, "resident_mb")
    return watch.wrong[:5] + (["memory grows"] if grows else [])


def main() -> None:
    options = parse()
    films = draw_films(options.phantom, FILMS)
    with Server([options.server, *QUIET_LOG]) as server:
        load = Load(server, films)
        rate = load.rate()
        watch = Watch(server, options.out)
        load.run(watch, options.callers, at_rate(SHARE * rate, 60 * options.minutes, FILMS))
        watch.end()
        metrics = read_metrics(server)
    answered, left = (sum(row[field] for row in watch.rows) for field in ("answered", "left"))
    departed = metrics.get(("lungfield_http_departed_total", ""), 0)
    failed = sum(value for (name, _), value in metrics.items() if name == "lungfield_problems_total")
    print(f"it serves {rate:.1f} films/s; {SHARE:.0%} of that for {options.minutes:g} min:")
    print(f"{answered:.0f} answered, {left:.0f} hung up ({departed:.0f} by the server's count)")
    print(f"problems {failed:.0f}, wrong answers {len(watch.wrong)}")
    sys.exit("\n".join(report(watch)) or None)


if __name__ == "__main__":
    main()
