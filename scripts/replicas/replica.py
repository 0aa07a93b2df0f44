"""A server that keeps its port when it is started again."""

from __future__ import annotations

from pathlib import Path

from scripts.common.server import SLEEPING_THREADS, Server

# One thread each, in 32 bits: replicas on one machine must not fight for cores, and their masks are compared.
FLAGS = ["--threads", "1", "--model-threads", "1", "--precision", "f32", "--log-format", "json"]


class Replica(Server):
    """One of several servers behind nginx."""

    def __init__(self, name: str, program: Path, port: int, flags: list[str]) -> None:
        self.name, self.port = name, port
        super().__init__(
            [program, *FLAGS, *flags],
            listen=f"127.0.0.1:{port}",
            metrics_listen="off",
            environment=SLEEPING_THREADS,
        )
