"""Decides which servers there are, how each is set up, and how one is started, asked and stopped."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benches.serving import films, processes

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PEERS_FOLDER = HERE / "peers"
OURS = "lungfield"
START_SECONDS = 120
STOP_SECONDS = 20
LAST_LINES = 20
POLL_SECONDS = 0.05


class NotServing(Exception):
    """A server does not start or does not answer. Its text ends with the last words of its log."""


@dataclass(frozen=True)
class Peer:
    """How a peer is started, where it takes films, and its settings, which its program reads from the environment."""

    path: str
    command: Sequence[object]
    settings: dict[str, Any] = field(default_factory=dict)


CORES = os.cpu_count()
UVICORN = ["-m", "uvicorn", "with_fastapi:app", "--app-dir", PEERS_FOLDER, "--host", "127.0.0.1", "--port", "PORT"]
LITSERVE = [PEERS_FOLDER / "with_litserve.py", "PORT"]
BENTOML = ["-m", "bentoml", "serve", "--working-dir", PEERS_FOLDER, "--host", "127.0.0.1", "--port", "PORT"]
MOSEC = [PEERS_FOLDER / "with_mosec.py", "--address", "127.0.0.1", "--port", "PORT", "--timeout", "120000"]
TORCHSERVE = [PEERS_FOLDER / "with_torchserve.py", "PORT"]


def _peer(path: str, command: Sequence[object], **settings: Any) -> Peer:
    return Peer(path, command, {f"SERVING_{name.upper()}": value for name, value in settings.items()})


PEERS = {
    "fastapi": _peer("/segment", UVICORN, threads=CORES),
    "litserve": _peer("/predict", LITSERVE, workers=CORES, threads=1, batch=1, batch_wait=0),
    "bentoml": _peer("/segment", [*BENTOML, "with_bentoml:Segmentation"], workers=1, pool=CORES, threads=CORES),
    "mosec": _peer("/inference", MOSEC, workers=CORES, networks=CORES, threads=1, batch=1, batch_wait=0),
    "torchserve": _peer("/predictions/segment", TORCHSERVE, workers=CORES, threads=1, batch=1, batch_wait=0),
    "litserve-batching": _peer("/predict", LITSERVE, workers=1, threads=CORES, batch=4, batch_wait=0.01),
    "bentoml-batching": _peer(
        "/segment", [*BENTOML, "with_bentoml_batching:Segmentation"], workers=1, networks=1, threads=CORES, batch=4
    ),
    "mosec-batching": _peer("/inference", MOSEC, workers=1, networks=1, threads=CORES, batch=4, batch_wait=10),
    "torchserve-batching": _peer("/predictions/segment", TORCHSERVE, workers=1, threads=CORES, batch=4, batch_wait=10),
}
"""The peers. The plain names are each as fast as we found it to be on two cores; README.md says what else was tried."""


class Server:
    """A server that runs, from its start to the end of its whole process tree."""

    def __init__(self, name: str, command: Sequence[object], variables: Mapping[str, object], folder: Path) -> None:
        self.name = name
        self.log = folder / "log"
        self.url: str | None = None
        self.began = time.perf_counter()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                env=os.environ | {key: str(value) for key, value in variables.items()},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        members = {pid: processes.start_time(pid) for pid in processes.tree(self.process.pid)}
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"{self.name} did not end within {STOP_SECONDS} s of SIGTERM and is killed", flush=True)
        for pid, began in members.items():
            if processes.start_time(pid) == began:  # else it has ended by itself, as it should
                _kill(pid)
        self.process.wait()

    @property
    def pid(self) -> int:
        return self.process.pid

    def first_answer(self, film: films.Film) -> float:
        """Waits for the first mask; the seconds from the start to it."""
        while time.perf_counter() - self.began < START_SECONDS:
            if self.process.poll() is not None:
                raise NotServing(f"{self.name} ended with code {self.process.returncode}:\n{self.last_words()}")
            self.url = self.url or self._url_in_log()
            try:
                if self.url:
                    self.ask(film)
                    return time.perf_counter() - self.began
            except urllib.error.HTTPError as answer:
                if answer.code == 500:
                    raise NotServing(f"{self.name} answered 500:\n{self.last_words()}") from answer
            except OSError:
                pass  # it does not listen yet
            time.sleep(POLL_SECONDS)
        raise NotServing(f"{self.name} did not answer within {START_SECONDS} s:\n{self.last_words()}")

    def ask(self, film: films.Film) -> bytes:
        """Returns the mask of a film, as a PNG."""
        headers = {"Content-Type": film.content_type, "Accept": "image/png"}
        assert self.url, "it has said where it listens, or was told"
        request = urllib.request.Request(self.url, film.path.read_bytes(), headers)
        with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:
            return answer.read()

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LAST_LINES:])

    def _url_in_log(self) -> str | None:
        found = re.search(r"listening on (http://\S+)", self.log.read_text(errors="replace"))
        return found and f"{found[1]}/v1/segment"


def end_on_sigterm() -> None:
    """Lets SIGTERM end this program as Ctrl-C does, so that it stops its server first."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped by SIGTERM"))


def start(name: str, options: argparse.Namespace, folder: Path) -> Server:
    """Starts the server of this name: `lungfield`, a peer, or either with a variant, as in `mosec:bf16`."""
    base, _, variant = name.partition(":")
    home = Path(tempfile.mkdtemp(prefix=f"{base}-", dir=folder))
    if base == OURS:
        return start_ours(options, home, ["--precision", variant] if variant else [])
    peer, port = PEERS[base], _free_port()
    variables = {"SERVING_MODEL": options.model, "SERVING_VARIANT": variant or "eager"} | peer.settings
    # What they would write to the home folder or ask the world goes to the scratch folder, or nowhere.
    variables |= {"TMPDIR": home, "BENTOML_HOME": home, "BENTOML_DO_NOT_TRACK": "True"}
    command = [str(port) if word == "PORT" else word for word in [sys.executable, *peer.command]]
    server = Server(name, command, variables, home)
    server.url = f"http://127.0.0.1:{port}{peer.path}"
    return server


def start_ours(
    options: argparse.Namespace,
    folder: Path,
    flags: Sequence[object] = (),
    prefix: Sequence[object] = (),
    model: Path | None = None,
) -> Server:
    """Starts lungfield-serve as it comes, but for these flags. A prefix is a command that runs it, as taskset does."""
    libraries = [ROOT / ".libtorch" / "lib", *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    command = [
        *prefix,
        options.lungfield,
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "off",
        "--model",
        model or options.model,
        *flags,
    ]
    return Server(OURS, command, {"LD_LIBRARY_PATH": ":".join(map(str, libraries))}, folder)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it may have ended meanwhile
        os.kill(pid, signal.SIGKILL)
