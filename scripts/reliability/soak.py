#!/usr/bin/env python3
"""Keeps a server at 80 % of what it can serve for half an hour, with callers who leave, and looks whether anything creeps.

    cargo build --release --bins
    python3 scripts/reliability/soak.py --minutes 30 --out soak.csv
    benches/serving/.venv/bin/python scripts/reliability/soak_picture.py soak.csv docs/soak.svg

One caller in ten hangs up before its answer. Once in five seconds memory, answers and latencies are written down. It tells the
slope of memory and of the median latency with their standard errors, the first tenth (in which the server warms up) left
out, and fails on a 5xx, on a wrong mask, or where memory grows by more than 1 % an hour for certain (two standard errors).
The slopes are those of the means of whole minutes: samples a few seconds apart are alike, and would make an error look small.
"""

import argparse
import csv
import random
import threading
import time

from overload import ask_together, at_rate, until
from serving import PROGRAMS, Caller, Server, draw_films, quantile

FILMS = 8
SHARE = 0.8
LEAVING = 0.1
EVERY_S = 5
MINUTE = 60 // EVERY_S
FIELDS = ["seconds", "resident_mb", "answered", "left", "p50_ms", "p99_ms"]


class Watch:
    """What is written down while the load goes on."""

    def __init__(self, server, path):
        self.server, self.lock, self.over = server, threading.Lock(), threading.Event()
        self.heard, self.left, self.wrong, self.rows = [], 0, [], []
        self.file = open(path, "w", newline="")
        self.table = csv.DictWriter(self.file, FIELDS, lineterminator="\n")
        self.table.writeheader()
        self.began = time.monotonic()
        self.thread = threading.Thread(target=self._write)
        self.thread.start()

    def _write(self):
        while not self.over.wait(EVERY_S):
            with self.lock:
                heard, left = self.heard, self.left
                self.heard, self.left = [], 0
            row = [time.monotonic() - self.began, self.server.resident_mb(), len(heard), left]
            row += [1e3 * quantile(heard, share) if heard else float("nan") for share in (0.5, 0.99)]
            self.rows.append(dict(zip(FIELDS, (round(value, 2) for value in row))))
            self.table.writerow(self.rows[-1])
            self.file.flush()

    def end(self):
        self.over.set()
        self.thread.join()
        self.file.close()


def load(server, films, masks, watch, turns):
    """One caller: most of its films are waited for."""
    caller, chance = Caller(server.address), random.Random(threading.get_ident())
    for film in iter(turns, None):
        if chance.random() < LEAVING:
            caller.ask_and_leave(films[film], chance.random() * 0.2)
            with watch.lock:
                watch.left += 1
            continue
        answer = caller.ask(films[film])
        with watch.lock:
            watch.heard.append(answer.seconds)
            if answer.status != 200 or answer.body != masks[film]:
                watch.wrong.append(f"{answer.status}: {answer.body[:120]!r}")


def average(rows, field):
    """The mean of what was measured: five seconds without an answer have no latency."""
    values = [row[field] for row in rows if row[field] == row[field]]
    return sum(values) / len(values)


def slope(rows, field):
    """The slope of a field by least squares over the means of its minutes, per hour, and its standard error."""
    minutes = [rows[start : start + MINUTE] for start in range(0, len(rows) - MINUTE + 1, MINUTE)]
    points = [(average(minute, "seconds") / 3600, average(minute, field)) for minute in minutes]
    n = len(points)
    mean_x, mean_y = (sum(values) / n for values in zip(*points))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    rise = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    rest = sum((y - mean_y - rise * (x - mean_x)) ** 2 for x, y in points)
    return rise, (rest / (n - 2) / spread) ** 0.5


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=PROGRAMS / "lungfield-serve")
    parser.add_argument("--phantom", default=PROGRAMS / "lungfield-phantom")
    parser.add_argument("--minutes", type=float, default=30, help="five or more")
    parser.add_argument("--out", default="soak.csv", help="the table that is written")
    parser.add_argument("--callers", type=int, default=32)
    options = parser.parse_args()
    films = draw_films(options.phantom, FILMS)
    with Server(options.server) as server:
        masks = [Caller(server.address).ask(film).body for film in films]
        rate = len(ask_together(server.address, films, 4, until(15, FILMS))) / 15
        watch = Watch(server, options.out)
        turns = at_rate(SHARE * rate, 60 * options.minutes, FILMS)
        callers = [threading.Thread(target=load, args=(server, films, masks, watch, turns)) for _ in range(options.callers)]
        for thread in callers:
            thread.start()
        for thread in callers:
            thread.join()
        watch.end()
        metrics = server.metrics()
    rows = watch.rows[len(watch.rows) // 10 :]
    answered, left = (sum(row[field] for row in watch.rows) for field in ("answered", "left"))
    departed = metrics.get(("lungfield_http_departed_total", ""), 0)
    print(f"it serves {rate:.1f} films/s; {SHARE:.0%} of that for {options.minutes:g} min: {answered} answered, {left} hung up ({departed:.0f} seen to leave)")
    failed = sum(value for (name, labels), value in metrics.items() if name == "lungfield_problems_total")
    print(f"problems {failed:.0f}, wrong answers {len(watch.wrong)}")
    for field, unit in (("resident_mb", "MB"), ("p50_ms", "ms")):
        rise, error = slope(rows, field)
        print(f"{field}: mean {average(rows, field):.1f} {unit}, slope {rise:+.2f} ± {error:.2f} {unit} an hour")
    rise, error = slope(rows, "resident_mb")
    failures = watch.wrong[:5] + (["memory grows"] if rise - 2 * error > 0.01 * average(rows, "resident_mb") else [])
    raise SystemExit("\n".join(failures) or None)


if __name__ == "__main__":
    main()
