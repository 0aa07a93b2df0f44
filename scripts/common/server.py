"""The server under test: lungfield-serve as a process."""

from __future__ import annotations

import collections
import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from scripts.common.child import Child
from scripts.common.failure import Failure
from scripts.common.repository import ROOT

ANY_PORT = "127.0.0.1:0"
START_LIMIT_S = 180
END_LIMIT_S = 120
LOG_LINES = 40

# libtorch's threads spin while they wait for each other. On a busy machine that takes ten times as long as sleeping.
SLEEPING_THREADS = {"OMP_WAIT_POLICY": "PASSIVE"}

_LISTENING = re.compile(r"listening on https?://([^\s\"]+)")
_METRICS = re.compile(r"metrics at http://([^\s\"]+)/metrics")


class Server(Child):
    """A lungfield-serve process, from its start to its end.

    It listens on free ports of 127.0.0.1 unless it is told an address. After its end it can be started again with the
    same flags. As a context it is started and ready, and must end with code 0 on SIGTERM.
    """

    stdin = subprocess.DEVNULL

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        listen: str = ANY_PORT,
        metrics_listen: str = ANY_PORT,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Prepares a server that is not started yet.

        `command` is the program with its other flags; `metrics_listen` may be "off".
        """
        super().__init__()
        addresses = ["--listen", listen, "--metrics-listen", metrics_listen]
        self.command = [*map(str, command), *addresses]
        self.environment = {**(environment or {}), **os.environ}
        self.log: collections.deque[str] = collections.deque(maxlen=LOG_LINES)
        self._heard: dict[re.Pattern[str], str] = {}
        self._log_ended = False
        self._changed = threading.Condition()

    @property
    def address(self) -> str:
        """Host and port at which the server takes films, once it is ready."""
        return self._heard[_LISTENING]

    @property
    def metrics_address(self) -> str:
        """Host and port at which the server gives its metrics, once it is ready."""
        return self._heard[_METRICS]

    def start(self) -> None:
        """Starts the process, and returns before it is ready."""
        with self._changed:
            self._heard.clear()
            self._log_ended = False
        process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=self.environment,
            stdin=self.stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._process = process
        threading.Thread(target=self._read_log, args=[process], daemon=True).start()

    def wait_ready(self, limit_s: float = START_LIMIT_S) -> None:
        """Waits until the server listens, which it does once it can serve. Raises `Failure` with the end of its log."""
        with self._changed:
            self._changed.wait_for(lambda: _LISTENING in self._heard or self._log_ended, limit_s)
            if _LISTENING in self._heard:
                return
        self.close()
        raise Failure(f"the server did not start within {limit_s:.0f} s; the end of its log:\n{self.log_text()}")

    def log_text(self) -> str:
        """Returns the last lines of the log."""
        with self._changed:
            return "\n".join(self.log)

    def pid(self) -> int:
        """Returns the id of the process that SIGTERM is sent to."""
        return self.process.pid

    def stop(self, limit_s: float = END_LIMIT_S) -> None:
        """Ends the server as an operator does. Raises `Failure` unless it ends with code 0 on SIGTERM."""
        code = self.process.poll()
        if code is not None:
            raise Failure(f"the server ended by itself, with code {code}:\n{self.log_text()}")
        os.kill(self.pid(), signal.SIGTERM)
        try:
            code = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"the server had not ended {limit_s:.0f} s after SIGTERM") from None
        if code:
            raise Failure(f"the server ended with code {code} on SIGTERM:\n{self.log_text()}")

    def __enter__(self) -> Server:
        self.start()
        self.wait_ready()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error:
            self.close()
        else:
            self.stop()

    def _read_log(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout, "it is a pipe"
        for line in process.stdout:
            with self._changed:
                self.log.append(line.rstrip())
                for pattern in (_LISTENING, _METRICS):
                    found = pattern.search(line)
                    if found:
                        self._heard[pattern] = found[1]
                self._changed.notify_all()
        with self._changed:
            # A server that was started again since has a log of its own.
            self._log_ended = self._log_ended or process is self._process
            self._changed.notify_all()
