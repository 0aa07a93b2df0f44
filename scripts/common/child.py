"""Programs that a test starts, watches and ends."""

from __future__ import annotations

import subprocess
from typing import Any


class Child:
    """A program as a child process. It may be started several times, one after another."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[Any] | None = None

    @property
    def process(self) -> subprocess.Popen[Any]:
        """The process that was started last."""
        assert self._process, "it has been started"
        return self._process

    @property
    def running(self) -> bool:
        """Whether there is a process that has not ended."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """Ends the process as a crash does."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Ends the process if there is one that has not ended."""
        if self.running:
            self.kill()
