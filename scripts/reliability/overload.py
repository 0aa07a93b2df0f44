"""Sends a server ten times the films that it can segment, and checks what each caller gets.

    cargo build --release
    python3 -m scripts.reliability.overload

First twice as many callers as the machine has cores measure what the server can serve. Then requests are sent at ten
times that rate, each with one of several phantoms, whose masks were asked for before. The test fails where

- an accepted film is answered with anything but its own mask, or a refused one with anything but 503 `overloaded` and
  Retry-After;
- the p99 of the accepted, by the callers' clock, is more than twice the time that a full queue takes to be served;
- refusing takes more than 5 ms in the median or 50 ms at p99, by the server's clock;
- requests and answers, by the callers' and by the server's count, differ;
- memory passes its documented bound.

The callers run on the same machine, and the share of its CPU that they take is printed. Needs Linux and Python's
standard library.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

from scripts.common.command_line import parser
from scripts.common.server import Server
from scripts.reliability.load import (
    Answer,
    Caller,
    ask_together,
    at_rate,
    draw_films,
    own_cpu_seconds,
    quantile,
    until,
)
from scripts.reliability.measure import Metrics, cpu_seconds, memory_mib, read_metrics

FILMS = 8
OVERLOAD = 10
ALONE_S = 10
REFUSED = ("POST", "/v1/segment", "503")
MIB = 1 << 20
BYTE_BUDGET_MIB = 256
MAX_PIXELS_M = 1
SIDE = 384
QUIET_LOG = ["--log-filter", "info,lungfield::http=warn"]


class Refusals(NamedTuple):
    """How many requests were refused, and how many of them within each bound in seconds, by the server's clock."""

    total: float
    within: dict[float, float]


class Verdicts(NamedTuple):
    """How long accepted and refused requests took in seconds, and what is wrong with the other answers."""

    accepted: list[float]
    refused: list[float]
    wrong: list[str]


class Outcome(NamedTuple):
    """What was measured. Memory is in MiB, CPU in cores."""

    rate_alone: float
    seconds: float
    answers: list[tuple[int, Answer]]
    refusals: Refusals
    idle_mib: float
    peak_mib: float
    callers_cores: float
    server_cores: float


def parse() -> argparse.Namespace:
    options = parser(__doc__, "server", "phantom")
    options.add_argument("--seconds", type=float, default=30, help="of overload")
    options.add_argument("--callers", type=int, default=256, help="the most requests at a time")
    options.add_argument("--queue-capacity", type=int, default=16)
    return options.parse_args()


def refusals(metrics: Metrics) -> Refusals:
    """Reads the refusals out of the server's metrics."""
    pairs = zip(("method", "route", "status"), REFUSED)
    labels = ",".join(f'{name}="{value}"' for name, value in pairs)
    name = "lungfield_http_request_duration_seconds"
    within = {}
    for (series, found), value in metrics.items():
        if series == f"{name}_bucket" and labels in found:
            bound = found.split('le="')[1].split('"')[0].replace("+Inf", "inf")
            within[float(bound)] = value
    return Refusals(metrics.get((f"{name}_count", labels), 0), within)


def difference(before: Refusals, after: Refusals) -> Refusals:
    """Returns the refusals between two readings."""
    within = {bound: value - before.within.get(bound, 0) for bound, value in after.within.items()}
    return Refusals(after.total - before.total, within)


def verdicts(answers: Sequence[tuple[int, Answer]], masks: Sequence[bytes]) -> Verdicts:
    """Sorts the answers, each to a film of that number, which has the mask of that number."""
    accepted, refused, wrong = [], [], []
    for film, answer in answers:
        if answer.status == 200:
            accepted.append(answer.seconds)
            wrong += [] if answer.body == masks[film] else [f"film {film} got the mask of another"]
        elif answer.status == 503 and answer.retry_after and is_overloaded(answer):
            refused.append(answer.seconds)
        else:
            wrong.append(f"{answer.status}: {answer.body[:200]!r}")
    return Verdicts(accepted, refused, wrong)


def is_overloaded(answer: Answer) -> bool:
    return bool(json.loads(answer.body)["code"] == "overloaded")


def overload(server: Server, films: Sequence[bytes], options: argparse.Namespace) -> Outcome:
    """Measures what the server serves alone, and then sends ten times as much."""
    cores = os.cpu_count() or 1
    alone = ask_together(server.address, films, 2 * cores, until(ALONE_S, FILMS))
    rate = len(alone) / ALONE_S
    idle_mib = memory_mib(server)
    before, began = refusals(read_metrics(server)), time.monotonic()
    cpu, server_cpu = own_cpu_seconds(), cpu_seconds(server)
    turns = at_rate(OVERLOAD * rate, options.seconds, FILMS)
    answers = ask_together(server.address, films, options.callers, turns)
    seconds = time.monotonic() - began
    return Outcome(
        rate_alone=rate,
        seconds=seconds,
        answers=answers,
        refusals=difference(before, refusals(read_metrics(server))),
        idle_mib=idle_mib,
        peak_mib=memory_mib(server, "VmHWM"),
        callers_cores=(own_cpu_seconds() - cpu) / seconds,
        server_cores=(cpu_seconds(server) - server_cpu) / seconds,
    )


def memory_bound_mb(idle_mib: float, queue_capacity: int) -> float:
    """Returns the documented bound: byte budget, decoders and queue above an idle server."""
    decoders = (os.cpu_count() or 1) * 16 * MAX_PIXELS_M
    queue = queue_capacity * 4 * SIDE * SIDE / 1e6
    return idle_mib + BYTE_BUDGET_MIB * MIB / 1e6 + decoders + queue


def report(found: Outcome, sorted_answers: Verdicts, queue_capacity: int) -> list[str]:
    """Prints what was measured, and returns what is wrong."""
    accepted, refused, wrong = sorted_answers
    sent_rate = len(found.answers) / found.seconds
    share = {bound: n / max(1, found.refusals.total) for bound, n in found.refusals.within.items()}
    queue_s = queue_capacity / found.rate_alone
    bound = memory_bound_mb(found.idle_mib, queue_capacity)
    p50, p99 = quantile(accepted, 0.5), quantile(accepted, 0.99)
    kept = len(accepted) / found.seconds / found.rate_alone
    quick = [f"{n:.2%} within {1e3 * at:g} ms" for at, n in sorted(share.items()) if at <= 0.1]
    print(f"it serves {found.rate_alone:.1f} films/s; {sent_rate:.0f}/s were sent for {found.seconds:.0f} s")
    print(f"that is {sent_rate / found.rate_alone:.1f} times as many")
    print(f"accepted {len(accepted)} ({kept:.2f} of what it serves alone), refused {len(refused)}")
    print(f"wrong {len(wrong)}")
    print(f"accepted: p50 {p50:.2f} s, p99 {p99:.2f} s; a full queue takes {queue_s:.2f} s")
    print("refused, by the server's clock:", ", ".join(quick))
    print(f"memory: idle {found.idle_mib:.0f} MB, at most {found.peak_mib:.0f} MB, bound {bound:.0f} MB")
    print(f"CPU: the callers took {found.callers_cores:.2f} cores, the server {found.server_cores:.2f}")
    failures = {
        "the server counts other refusals than its callers": found.refusals.total != len(refused),
        "the accepted waited too long": p99 > 2 * queue_s,
        "refusing takes too long": not refused or share[0.005] < 0.5 or share[0.05] < 0.99,
        "memory has passed its bound": found.peak_mib > bound,
    }
    return wrong[:5] + [text for text, holds in failures.items() if holds]


def main() -> None:
    options = parse()
    films = draw_films(options.phantom, FILMS)
    flags = ["--queue-capacity", str(options.queue_capacity), *QUIET_LOG]
    flags += ["--byte-budget", f"{BYTE_BUDGET_MIB}MiB", "--max-pixels", f"{MAX_PIXELS_M}M"]
    with Server([options.server, *flags]) as server:
        masks = [Caller(server.address).ask(film).body for film in films]
        assert len(set(masks)) == FILMS, "masks that are the same could not be mixed up"
        found = overload(server, films, options)
    failures = report(found, verdicts(found.answers, masks), options.queue_capacity)
    sys.exit("\n".join(failures) or None)


if __name__ == "__main__":
    main()
