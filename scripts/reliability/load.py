"""Load on a server: callers with connections of their own, and how fast they ask."""

from __future__ import annotations

import http.client
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Callable, NamedTuple, Optional

from scripts.common.phantoms import Kind, draw

SIDE = 512
CALLER_TIMEOUT_S = 120

Turns = Callable[[], Optional[int]]
"""Gives the number of the next film to ask for, or None at the end. Several threads may call it."""


class Answer(NamedTuple):
    """What a server answered, and how long that took."""

    status: int
    seconds: float
    body: bytes
    retry_after: str | None


class Caller:
    """A client with a connection of its own, which is opened again where the server has closed it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.connection: http.client.HTTPConnection | None = None

    def ask(self, film: bytes) -> Answer:
        """Returns the mask of a film as PNG, or what the server answers instead."""
        began = time.monotonic()
        if not self.connection:
            self.connection = http.client.HTTPConnection(self.address, timeout=CALLER_TIMEOUT_S)
        _send(self.connection, film)
        answer = self.connection.getresponse()
        body, retry_after = answer.read(), answer.getheader("Retry-After")
        if answer.will_close:
            self.close()
        return Answer(answer.status, time.monotonic() - began, body, retry_after)

    def ask_and_leave(self, film: bytes, after_s: float) -> None:
        """Sends a film on a second connection, and closes that before there can be an answer."""
        connection = http.client.HTTPConnection(self.address, timeout=CALLER_TIMEOUT_S)
        _send(connection, film)
        time.sleep(after_s)
        connection.close()

    def close(self) -> None:
        """Closes the connection."""
        if self.connection:
            self.connection.close()
        self.connection = None


def _send(connection: http.client.HTTPConnection, film: bytes) -> None:
    connection.request("POST", "/v1/segment?format=png", film, {"Content-Type": "image/png"})


def draw_films(phantom: Path, count: int) -> list[bytes]:
    """Draws phantoms as PNG, each with a mask of its own."""
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw(phantom, Path(folder), Kind(SIDE, SIDE), count=count)
        return [film.read_bytes() for film, _ in drawn]


def ask_together(address: str, films: Sequence[bytes], callers: int, turns: Turns) -> list[tuple[int, Answer]]:
    """Runs as many callers at once, each until `turns` ends, and returns (number of the film, answer) pairs."""
    answers: list[tuple[int, Answer]] = []
    lock = threading.Lock()

    def ask() -> None:
        caller = Caller(address)
        heard = []
        while (film := turns()) is not None:
            heard.append((film, caller.ask(films[film])))
        caller.close()
        with lock:
            answers.extend(heard)

    threads = [threading.Thread(target=ask) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def until(seconds: float, films: int) -> Turns:
    """Gives the films' numbers in turn for so many seconds."""
    lock, over, asked = threading.Lock(), time.monotonic() + seconds, 0

    def turn() -> int | None:
        nonlocal asked
        with lock:
            asked += 1
            return asked % films if time.monotonic() < over else None

    return turn


def at_rate(rate: float, seconds: float, films: int) -> Turns:
    """Gives the films' numbers in turn for so many seconds, `rate` of them a second."""
    lock, began, asked = threading.Lock(), time.monotonic(), 0

    def turn() -> int | None:
        nonlocal asked
        with lock:
            due, asked = began + asked / rate, asked + 1
            number = asked % films
        if due > began + seconds:
            return None
        time.sleep(max(0, due - time.monotonic()))
        return number

    return turn


def own_cpu_seconds() -> float:
    """Returns the CPU time that this process has taken."""
    times = os.times()
    return times.user + times.system


def quantile(values: Sequence[float], share: float) -> float:
    """Returns the smallest value that a share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
