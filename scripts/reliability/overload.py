#!/usr/bin/env python3
"""Sends a server ten times the films that it can segment, and looks at what each caller gets.

    cargo build --release --bins
    python3 scripts/reliability/overload.py

First so many callers as the server has cores measure what it can serve. Then requests are sent at ten times that rate, each
with one of several phantoms, whose masks were asked for before. It fails where

- an accepted film is answered with anything but its own mask, or a refused one with anything but 503 `overloaded` and Retry-After;
- the p99 of the accepted, by the callers' clock, is more than twice the time that a full queue takes to be served;
- refusing takes more than 5 ms in the median or 50 ms at p99, by the server's clock;
- requests and answers, by the callers' and by the server's count, differ;
- memory passes the bound in docs/configuration.md.

The callers run on the same machine, and what they take of its CPU is told. Needs Linux; Python's standard library is enough.
"""

import argparse
import json
import os
import threading
import time

from serving import PROGRAMS, Caller, Server, draw_films, own_cpu_seconds, quantile

FILMS = 8
OVERLOAD = 10
REFUSED = ("POST", "/v1/segment", "503")
MIB = 1 << 20


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=PROGRAMS / "lungfield-serve")
    parser.add_argument("--phantom", default=PROGRAMS / "lungfield-phantom")
    parser.add_argument("--seconds", type=float, default=30, help="of overload")
    parser.add_argument("--callers", type=int, default=256, help="the most requests under way at a time")
    parser.add_argument("--queue-capacity", type=int, default=16)
    return parser.parse_args()


def ask_together(address, films, callers, turns):
    """What `callers` threads hear, each asking as long as `turns` gives it a film's number."""
    answers, lock = [], threading.Lock()

    def ask():
        caller = Caller(address)
        heard = [(film, caller.ask(films[film])) for film in iter(turns, None)]
        caller.leave()
        with lock:
            answers.extend(heard)

    threads = [threading.Thread(target=ask) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def until(seconds, films):
    """The films' numbers in turn, for so long."""
    lock, over, asked = threading.Lock(), time.monotonic() + seconds, 0

    def turn():
        nonlocal asked
        with lock:
            asked += 1
            return asked % films if time.monotonic() < over else None

    return turn


def at_rate(rate, seconds, films):
    """The same, but no sooner than its time has come."""
    lock, began, asked = threading.Lock(), time.monotonic(), 0

    def turn():
        nonlocal asked
        with lock:
            due, asked = began + asked / rate, asked + 1
            number = asked % films
        if due > began + seconds:
            return None
        time.sleep(max(0, due - time.monotonic()))
        return number

    return turn


def refusals(metrics):
    """How many requests were refused, and how many of them within each bound, by the server's clock."""
    labels = ",".join(f'{name}="{value}"' for name, value in zip(("method", "route", "status"), REFUSED))
    name = "lungfield_http_request_duration_seconds"
    bounds = {}
    for (series, found), value in metrics.items():
        if series == f"{name}_bucket" and labels in found:
            bounds[float(found.split('le="')[1].split('"')[0].replace("+Inf", "inf"))] = value
    return metrics.get((f"{name}_count", labels), 0), bounds


def verdicts(answers, masks):
    """Accepted and refused answers, and what is wrong with the others."""
    accepted, refused, wrong = [], [], []
    for film, answer in answers:
        if answer.status == 200:
            accepted.append(answer.seconds)
            wrong += [] if answer.body == masks[film] else [f"film {film} got the mask of another"]
        elif answer.status == 503 and answer.retry_after and json.loads(answer.body)["code"] == "overloaded":
            refused.append(answer.seconds)
        else:
            wrong.append(f"{answer.status}: {answer.body[:200]!r}")
    return accepted, refused, wrong


def main():
    options = arguments()
    films = draw_films(options.phantom, FILMS)
    budget, pixels, cores = 256, 1, os.cpu_count()
    flags = ["--queue-capacity", str(options.queue_capacity), "--byte-budget", f"{budget}MiB", "--max-pixels", f"{pixels}M"]
    with Server(options.server, flags) as server:
        masks = [Caller(server.address).ask(film).body for film in films]
        assert len(set(masks)) == FILMS, "masks that are the same could not be mixed up"
        alone = ask_together(server.address, films, 2 * cores, until(10, FILMS))
        rate = len(alone) / 10
        idle = server.resident_mb()
        before, began = server.metrics(), time.monotonic()
        cpu, server_cpu = own_cpu_seconds(), server.cpu_seconds()
        turns = at_rate(OVERLOAD * rate, options.seconds, FILMS)
        answers = ask_together(server.address, films, options.callers, turns)
        took = time.monotonic() - began
        cpu, server_cpu = own_cpu_seconds() - cpu, server.cpu_seconds() - server_cpu
        after, peak = server.metrics(), server.resident_mb("VmHWM")
    accepted, refused, wrong = verdicts(answers, masks)
    (count, bounds), (earlier, earlier_bounds) = refusals(after), refusals(before)
    share = {bound: (value - earlier_bounds.get(bound, 0)) / max(1, count - earlier) for bound, value in bounds.items()}
    queue_s = options.queue_capacity / rate
    bound = idle + budget * MIB / 1e6 + cores * 16 * pixels + options.queue_capacity * 4 * 384 * 384 / 1e6
    print(f"it serves {rate:.1f} films/s; {len(answers) / took:.0f}/s were sent for {took:.0f} s: {len(answers) / took / rate:.1f} times as many")
    print(f"accepted {len(accepted)} ({len(accepted) / took / rate:.2f} of what it serves alone), refused {len(refused)}, wrong {len(wrong)}")
    print(f"accepted: p50 {quantile(accepted, 0.5):.2f} s, p99 {quantile(accepted, 0.99):.2f} s; a full queue takes {queue_s:.2f} s")
    print("refused, by the server's clock: " + ", ".join(f"{100 * part:.2f} % within {1e3 * limit:g} ms" for limit, part in sorted(share.items()) if limit <= 0.1))
    print(f"memory: idle {idle:.0f} MB, at most {peak:.0f} MB, bound {bound:.0f} MB")
    print(f"CPU: the callers took {cpu / took:.2f} cores, the server {server_cpu / took:.2f} of {cores}")
    failures = wrong[:5]
    failures += ["the server counts other refusals than its callers"] if count - earlier != len(refused) else []
    failures += ["the accepted waited too long"] if quantile(accepted, 0.99) > 2 * queue_s else []
    failures += ["refusing takes too long"] if not refused or share[0.005] < 0.5 or share[0.05] < 0.99 else []
    failures += ["memory has passed its bound"] if peak > bound else []
    raise SystemExit("\n".join(failures) or None)


if __name__ == "__main__":
    main()
