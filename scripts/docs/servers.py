"""Servers that run in the background while the blocks of pages run, on free ports."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

# Ports that the pages name. Each stands for a free port.
PORTS = ("8080", "8081", "8443", "9090")
API_PORT, METRICS_PORT = "8080", "9090"
START_S = 60.0
END_S = 30.0
LOOK_EVERY_S = 0.02
OUTPUT_LINES = 20

_PORT = re.compile(rf"(?<![\d.])({'|'.join(PORTS)})(?!\d)")


class Failed(Exception):
    """The reason why a block failed, with the end of its output."""


class Servers:
    """The servers of one page or of several, by the ports that the pages name."""

    def __init__(self) -> None:
        self.ports = dict(zip(PORTS, map(str, free_ports(len(PORTS)))))
        self._running: dict[str, tuple[subprocess.Popen[bytes], IO[bytes]]] = {}

    def __contains__(self, port: str) -> bool:
        return port in self._running

    def local(self, text: str) -> str:
        """Returns the text with the free ports instead of those that it names."""
        return _PORT.sub(lambda port: self.ports[port[1]], text)

    def start(self, port: str, command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
        """Starts a server in a folder, and waits until it accepts connections. Raises `Failed` if it does not."""
        log = tempfile.TemporaryFile()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._running[port] = (process, log)
        deadline = time.monotonic() + START_S
        while not accepts(int(self.ports[port])):
            if process.poll() is not None or time.monotonic() > deadline:
                state = "ended" if process.poll() is not None else "does not listen"
                log.seek(0)
                raise Failed(f"the server {state}\n{tail(log.read().decode(errors='replace'))}")
            time.sleep(LOOK_EVERY_S)

    def stop(self, port: str) -> None:
        """Ends the server of a port, if there is one."""
        if port not in self._running:
            return
        process, log = self._running.pop(port)
        end_group(process.pid, signal.SIGTERM)
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            end_group(process.pid)
            process.wait()
        log.close()

    def close(self) -> None:
        """Ends all servers."""
        for port in list(self._running):
            self.stop(port)


def free_ports(count: int) -> list[int]:
    """Returns ports of 127.0.0.1 that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def accepts(port: int) -> bool:
    """Returns whether a connection to the port is accepted."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def end_group(group: int, order: signal.Signals = signal.SIGKILL) -> None:
    """Sends a signal to all processes that a command started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, order)


def tail(output: str) -> str:
    """Returns the last lines of an output, indented."""
    return "\n".join(f"    {line}" for line in output.splitlines()[-OUTPUT_LINES:])
