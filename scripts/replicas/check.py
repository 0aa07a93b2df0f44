"""Tests three servers behind nginx with deploy/nginx/lungfield.conf: one is killed, one is restarted, and no request
may fail.

    python3 -m scripts.replicas.check --server target/release/lungfield-serve --phantom target/release/lungfield-phantom

Needs nginx (Debian: apt install nginx-light) and Python 3.9 or later, no other package, no rights. Films of up to 9.4
MB are sent by 8 clients, which never try again by themselves. Every answer must be 200 and the very mask that a lone
server gave of that film. The test also fails where nginx writes a file, and where overload takes a replica out of the
rotation; both checks are shown first, or afterwards, to find what they look for.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import http.client
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from email.message import Message
from pathlib import Path

from scripts.common.command_line import parser
from scripts.common.failure import Failure
from scripts.common.waiting import free_ports
from scripts.replicas.films import draw_films
from scripts.replicas.nginx import NGINX, Entry, Look, Nginx
from scripts.replicas.replica import Replica

CLIENTS = 8
ANSWER_LIMIT_S = 120
SEED = 2016
RESTART_AFTER_S = 3
SECOND_FAULT_AFTER_S = 5
# One film in this many is sent in chunks, its length not announced.
CHUNKED = 10
# The first so many films are small.
SMALL = 4
CROWD = 24
CROWD_FILMS = 4
AFTERWARDS = 60
LEAST_SHARE = 0.2
TINY_BUFFER = [(r"client_body_buffer_size \w+", "client_body_buffer_size 16k")]
COUNTED_FAILURES = [(r"max_fails=0;", "max_fails=1 fail_timeout=60s;")]


Answer = tuple[int, Message, bytes]
"""Status, headers and body."""


class Client:
    """A connection that is kept, like that of a library with a pool."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_LIMIT_S)

    def send(self, film: bytes, name: str, chunked: bool = False) -> Answer:
        """Posts a film: (status, headers, body). An exception is a failure, and there is no second try."""
        headers = {"Content-Type": "image/png", "Accept": "image/png", "X-Request-Id": name}
        body = (film[at : at + 65536] for at in range(0, len(film), 65536)) if chunked else film
        try:
            self.connection.request("POST", "/v1/segment", body, headers, encode_chunked=chunked)
            answer = self.connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except BaseException:
            self.connection.close()
            raise


class Load:
    """Requests of several clients for as many films as asked, checked as they are answered."""

    def __init__(self, port: int, films: Sequence[tuple[str, bytes]], masks: Sequence[bytes], count: int) -> None:
        self.port, self.films, self.masks, self.count = port, films, masks, count
        self.generator = random.Random(SEED)
        self.lock = threading.Condition()
        self.sent = self.answered = self.in_flight = 0
        self.bytes_sent = 0
        self.durations: list[float] = []
        self.failures: list[str] = []

    def draw(self) -> tuple[int, int] | None:
        """Returns the next film's number and place, or None once all are sent."""
        with self.lock:
            if self.sent >= self.count:
                return None
            self.sent += 1
            self.in_flight += 1
            return self.sent, self.generator.randrange(len(self.films))

    def client(self) -> None:
        client = Client(self.port)
        for number, which in iter(self.draw, None):
            name, film = self.films[which]
            started = time.monotonic()
            try:
                answer = client.send(film, f"film-{number}", number % CHUNKED == 0)
                wrong = fault(answer, self.masks[which], f"film-{number}")
            except Exception as error:  # of whatever kind: the caller has no answer
                wrong = f"{type(error).__name__}: {error}"
            self.note(wrong and f"film {number} ({name}): {wrong}", time.monotonic() - started, len(film))

    def note(self, failure: str | None, duration: float, size: int) -> None:
        with self.lock:
            self.answered += 1
            self.in_flight -= 1
            self.bytes_sent += size
            self.durations.append(duration)
            if failure:
                self.failures.append(failure)
            if self.answered % 250 == 0:
                print(f"  {self.answered} answered, {len(self.failures)} failed", flush=True)
            self.lock.notify_all()

    def wait_answered(self, count: int) -> None:
        with self.lock:
            self.lock.wait_for(lambda: self.answered >= count)

    def run(self, beside: Callable[[Load], None]) -> None:
        """Sends everything while `beside` runs, and raises what that raises."""
        clients = [threading.Thread(target=self.client) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            beside(self)
        except BaseException:
            self.count = 0  # nothing more is sent
            raise
        finally:
            for client in clients:
                client.join()


def fault(answer: Answer, mask: bytes, name: str) -> str | None:
    """Returns what is wrong with an answer, or None."""
    status, headers, body = answer
    if status != 200:
        return f"status {status}: {body[:200]!r}"
    if body != mask:
        return "another mask than a lone server gave"
    return None if headers["X-Request-Id"] == name else f"the answer's id is {headers['X-Request-Id']!r}, not {name!r}"


class Faults:
    """Kills one server, and five seconds later asks another to leave; both come back. The times are the scenario's."""

    def __init__(self, replicas: Sequence[Replica]) -> None:
        self.killed, self.restarted = replicas[0], replicas[1]
        self.said: list[str] = []
        self.answered_before_end = 0

    def say(self, load: Load, what: str) -> None:
        line = f"{load.answered:>5} answered, {load.in_flight} in flight: {what}"
        self.said.append(line)
        print(f"  {line}", flush=True)

    def __call__(self, load: Load) -> None:
        load.wait_answered(load.count // 3)
        started = time.monotonic()
        self.say(load, f"SIGKILL to {self.killed.name}")
        self.killed.kill()
        time.sleep(RESTART_AFTER_S)
        self.say(load, f"{self.killed.name} is started again")
        self.killed.start()
        time.sleep(max(0, started + SECOND_FAULT_AFTER_S - time.monotonic()))
        self.say(load, f"SIGTERM to {self.restarted.name}")
        self.restarted.stop()
        self.say(load, f"{self.restarted.name} has ended with code 0 and is started again")
        self.restarted.start()
        for replica in (self.killed, self.restarted):
            replica.wait_ready()
        self.say(load, "all three are ready")
        self.answered_before_end = load.answered


def tries(entries: Sequence[Entry], replicas: Sequence[Replica]) -> tuple[dict[str, collections.Counter[str]], int]:
    """Returns what each replica answered nginx, over all its tries: {name: {status: count}}, and how many requests took
    several.
    """
    names = {f"127.0.0.1:{replica.port}": replica.name for replica in replicas}
    counts: dict[str, collections.Counter[str]] = {replica.name: collections.Counter() for replica in replicas}
    several = 0
    for entry in entries:
        addresses, statuses = entry["replica"].split(", "), entry["replica_status"].split(", ")
        several += len(addresses) > 1
        for address, status in zip(addresses, statuses):
            if address in names:
                counts[names[address]][status] += 1
    return counts, several


def show_tries(
    counts: dict[str, collections.Counter[str]], replicas: Sequence[Replica], lost: collections.Counter[tuple[int, str]]
) -> None:
    print(f"  {'replica':<9}{'200':>7}{'refused':>9}{'broke off':>11}{'503':>7}")
    for replica in replicas:
        refused, broke_off = (lost[replica.port, reason] for reason in ("refused", "broke off"))
        by_status = counts[replica.name]
        print(f"  {replica.name:<9}{by_status['200']:>7}{refused:>9}{broke_off:>11}{by_status['503']:>7}")
    for (_, reason), count in lost.items():
        if reason not in ("refused", "broke off"):
            print(f"  {count} times: {reason}")


def films_only(entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry["route"] == "/v1/segment"]


def prove_the_look(folder: Path, replicas: Sequence[Replica], films: Sequence[tuple[str, bytes]]) -> None:
    """Checks that every witness notices an nginx with too small a buffer."""
    nginx = Nginx(folder / "small-buffer", replicas, TINY_BUFFER)
    with contextlib.closing(nginx.start()):
        look = Look(nginx)
        status, _, _ = Client(nginx.port).send(films[-1][1], "caught")
        findings = look.end()
    if status != 200 or len(findings) != 3:
        raise Failure(f"the look does not find what it looks for: status {status}, {findings}")
    print(f"with a buffer of 16 kB, one film: {'; '.join(findings)}")


def faults_phase(
    folder: Path, replicas: Sequence[Replica], films: Sequence[tuple[str, bytes]], count: int
) -> Iterator[str]:
    masks = [Client(replicas[0].port).send(film, "lone")[2] for _, film in films]
    if len(set(masks)) != len(films) or not all(mask.startswith(b"\x89PNG") for mask in masks):
        raise Failure("the films don't have a mask each, so an answer to another film would not be noticed")
    prove_the_look(folder, replicas, films)
    nginx = Nginx(folder / "shipped", replicas)
    with contextlib.closing(nginx.start()):
        look, load, faults = Look(nginx), Load(nginx.port, films, masks, count), Faults(replicas)
        started = time.monotonic()
        load.run(faults)
        duration = time.monotonic() - started
        findings = look.end()
        entries = films_only(nginx.stop())
    counts, several = tries(entries, replicas)
    quantiles = statistics.quantiles(load.durations, n=100)
    print(f"\n{load.answered} requests, {load.bytes_sent / 1e6:.0f} MB, from {CLIENTS} clients in {duration:.0f} s")
    print(f"  failed: {len(load.failures)}; tried on more than one replica: {several}")
    print(f"  median {quantiles[49]:.2f} s, 99th percentile {quantiles[98]:.2f} s, longest {max(load.durations):.2f} s")
    print(f"  nginx's temporary folders, in {look.looks} looks: {'; '.join(findings) or 'nothing was written'}")
    show_tries(counts, replicas, nginx.lost_tries())
    yield from load.failures[:20]
    yield from findings
    if faults.answered_before_end >= count:
        yield "the faults were not over before the last answer: use more --requests"
    if len(entries) != count:
        yield f"nginx's log has {len(entries)} films, not {count}"


class Crowd:
    """More callers than the replicas hold films of, who heed Retry-After."""

    def __init__(self, port: int, films: Sequence[tuple[str, bytes]]) -> None:
        self.port, self.films = port, films
        self.lock = threading.Lock()
        self.statuses: collections.Counter[int | None] = collections.Counter()
        self.wrong: list[str] = []

    def caller(self, number: int) -> None:
        client = Client(self.port)
        for turn in range(CROWD_FILMS):
            film = self.films[(number + turn) % len(self.films)][1]
            try:
                while self.refused(client.send(film, f"crowd-{number}-{turn}")):
                    pass
            except Exception as error:  # of whatever kind: the caller has no answer
                self.note(None, f"{type(error).__name__}: {error}")

    def refused(self, answer: Answer) -> bool:
        """Returns whether the film has to be sent again, which it may be now."""
        status, headers, body = answer
        refused = status == 503 and json.loads(body)["code"] == "overloaded"
        self.note(status, None if refused or status == 200 else f"status {status}: {body[:200]!r}")
        if refused:
            time.sleep(float(headers["Retry-After"]))
        return refused

    def note(self, status: int | None, wrong: str | None) -> None:
        with self.lock:
            self.statuses[status] += 1
            self.wrong += [wrong] if wrong else []

    def run(self) -> None:
        callers = [threading.Thread(target=self.caller, args=[number]) for number in range(CROWD)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()


def overload_phase(
    folder: Path,
    replicas: Sequence[Replica],
    films: Sequence[tuple[str, bytes]],
    changes: Sequence[tuple[str, str]] = (),
) -> list[str]:
    """Returns what is wrong in an overload, and of lone films after it."""
    nginx = Nginx(folder, replicas, changes)
    with contextlib.closing(nginx.start()):
        crowd, client = Crowd(nginx.port, films), Client(nginx.port)
        crowd.run()
        after = collections.Counter(client.send(films[0][1], f"after-{number}")[0] for number in range(AFTERWARDS))
        entries = films_only(nginx.stop())
    wrong, statuses = crowd.wrong, crowd.statuses
    during, _ = tries([entry for entry in entries if entry["request_id"].startswith("crowd-")], replicas)
    print(f"  answers: {statuses[200]} times 200, {statuses[503]} times 503, {statuses[502]} times 502")
    show_tries(during, replicas, nginx.lost_tries())
    later, _ = tries([entry for entry in entries if entry["request_id"].startswith("after-")], replicas)
    shares = {name: by_status["200"] / AFTERWARDS for name, by_status in later.items()}
    if not all(by_status["503"] for by_status in during.values()) or not statuses[503]:
        wrong.append(f"the overload was none: callers saw {dict(statuses)}")
    wrong += [f"{times} films after the overload: status {status}" for status, times in after.items() if status != 200]
    wrong += [f"{name} got {share:.0%} after the overload" for name, share in shares.items() if share < LEAST_SHARE]
    print("  afterwards:", ", ".join(f"{name} {share:.0%}" for name, share in shares.items()), f"of {AFTERWARDS} films")
    return wrong


def overloads(folder: Path, binary: Path, films: Sequence[tuple[str, bytes]]) -> list[str]:
    with contextlib.ExitStack() as stack:
        replicas = launch(stack, binary, ["--queue-capacity", "1"])
        print(f"\noverload: {CROWD} callers of {CROWD_FILMS} films each, who heed Retry-After")
        wrong = overload_phase(folder / "overload", replicas, films)
        print("the same with max_fails=1")
        caught = overload_phase(folder / "counted", replicas, films, COUNTED_FAILURES)
        if not any("after the overload" in line for line in caught):
            wrong.append("failures were counted, and yet no replica was taken out: the check of the shares can't fail")
    return wrong


def launch(stack: contextlib.ExitStack, binary: Path, flags: list[str]) -> list[Replica]:
    """Starts three servers that are ended with the stack, and waits until they are ready."""
    ports = free_ports(3)
    replicas = [Replica(name, binary, port, flags) for name, port in zip("ABC", ports)]
    for replica in replicas:
        stack.callback(replica.close)
        replica.start()
    for replica in replicas:
        replica.wait_ready()
    return replicas


def check(arguments: argparse.Namespace, folder: Path) -> None:
    films = draw_films(arguments.phantom, folder)
    sizes = [len(film) / 1e6 for _, film in films]
    print(f"{len(films)} films of {min(sizes):.2f} to {max(sizes):.2f} MB")
    with contextlib.ExitStack() as stack:
        replicas = launch(stack, arguments.server, [])
        wrong = list(faults_phase(folder, replicas, films, arguments.requests))
    wrong += overloads(folder, arguments.server, films[:SMALL])
    if wrong:
        raise Failure("\n  ".join(["what is wrong:", *wrong]))


def main() -> None:
    options = parser(__doc__, "server", "phantom")
    options.add_argument("--requests", type=int, default=2000)
    arguments = options.parse_args()
    if not NGINX:
        sys.exit("FAILED: there is no nginx (Debian: apt install nginx-light)")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lungfield-replicas-test-") as folder:
        Path(folder).chmod(0o711)  # nginx's workers are another user where root runs this
        try:
            check(arguments, Path(folder))
        except (Failure, OSError, subprocess.SubprocessError) as failure:
            sys.exit(f"FAILED: {failure}")
    print(f"the replicas test took {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
