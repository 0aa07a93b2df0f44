"""Waiting for a condition, and ports that nobody uses."""

from __future__ import annotations

import random
import socket
import time
from typing import Callable, TypeVar

from scripts.common.failure import Failure

LOOK_EVERY_S = 0.05

Found = TypeVar("Found")


def wait_until(what: str, ask: Callable[[], Found | None], limit_s: float) -> Found:
    """Calls `ask` until it returns something true, and returns that. Raises `Failure` after `limit_s` seconds."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        found = ask()
        if found:
            return found
        time.sleep(LOOK_EVERY_S)
    raise Failure(f"{what}: not within {limit_s:g} s")


def free_ports(count: int) -> list[int]:
    """Returns ports for servers that are started again on the same port.

    The ports lie below those that the system assigns to outgoing connections.
    """
    ports: list[int] = []
    for port in random.sample(range(20000, 32000), 12000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise Failure("there are no free ports")
