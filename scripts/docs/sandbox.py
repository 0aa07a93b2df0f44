"""Runs the code blocks of a page in a folder of its own, with a server on a free port."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from scripts.docs.pages import Block, Problem

# Ports that the pages name. Each stands for a free port while the blocks of a page run.
PORTS = ("8080", "8081", "8443", "9090")
API_PORT, METRICS_PORT = "8080", "9090"
LIMIT_S = 60.0
START_S = 60.0
END_S = 30.0
LOOK_EVERY_S = 0.02
OUTPUT_LINES = 20
# curl fails on an error status, and prints no progress.
CURLRC = "fail-with-body\nsilent\nshow-error\n"

_PORT = re.compile(rf"(?<![\d.])({'|'.join(PORTS)})(?!\d)")
_SERVE = re.compile(r"^((?:[A-Z_]+=\S+ )*)(?=lungfield-serve |lungfield-serve$|python3 )", re.MULTILINE)
# Variables in lower case and functions are kept from one block of a page to the next, as in a terminal.
_LOAD = '[ ! -e "$DOCS_STATE" ] || . "$DOCS_STATE"\n'
_SAVE = r"""
{ compgen -v | grep -E '^[a-z][a-z0-9_]*$' | while read -r name; do declare -p "$name"; done
  declare -f; } > "$DOCS_STATE" || true
"""


class Failed(Exception):
    """The reason why a block failed, with the end of its output."""


@dataclass(frozen=True)
class Kit:
    """What all pages share: repository, built programs, films, and interpreters with packages."""

    root: Path
    programs: Path
    films: Path
    pythons: tuple[Path, ...]
    limit_s: float = LIMIT_S


class Sandbox:
    """A folder with films and links to the repository, in which the blocks of one page run in order."""

    def __init__(self, kit: Kit, folder: Path) -> None:
        self.kit = kit
        self.folder = folder
        self.ports = dict(zip(PORTS, map(str, free_ports(len(PORTS)))))
        self.servers: dict[str, subprocess.Popen[bytes]] = {}
        self._fill()

    def run(self, block: Block) -> Problem | None:
        """Runs a block, or starts it if it is a server."""
        try:
            if "server" in block.marks:
                self._serve(block)
            elif block.language == "python":
                self._ensure_server(block)
                modules = imported_modules(block.text)
                self._finish(["-"], block, interpreter=self._python(modules))
            else:
                self._ensure_server(block)
                self._finish(["-euo", "pipefail", "-c", _LOAD + self._local(block.text) + _SAVE], block)
        except Failed as failure:
            return block.problem(str(failure))
        return None

    def close(self) -> None:
        """Ends the servers."""
        for port in list(self.servers):
            self._stop(port)

    def _fill(self) -> None:
        for path in self.kit.root.iterdir():
            if not path.name.startswith(".") and path.name != "target":
                (self.folder / path.name).symlink_to(path)
        (self.folder / "target").mkdir()
        (self.folder / "target" / "release").symlink_to(self.kit.programs)
        for path in self.kit.films.iterdir():
            shutil.copy(path, self.folder)
        (self.folder / ".curlrc").write_text(CURLRC, encoding="utf-8")

    def _environment(self, block: Block) -> dict[str, str]:
        paths = [str(self.kit.programs), os.environ["PATH"]]
        if "with" in block.marks:
            paths.insert(0, str(self._shim(block.marks["with"].split())))
        return {
            **os.environ,
            "PATH": os.pathsep.join(paths),
            "CURL_HOME": str(self.folder),
            "DOCS_STATE": str(self.folder / ".state"),
            "LUNGFIELD_LISTEN": f"127.0.0.1:{self.ports[API_PORT]}",
            "LUNGFIELD_METRICS_LISTEN": f"127.0.0.1:{self.ports[METRICS_PORT]}",
            "LUNGFIELD_DRAIN_DELAY": "0s",
            "OMP_WAIT_POLICY": "PASSIVE",
            "PYTHONPATH": "",
        }

    def _local(self, text: str) -> str:
        """Returns the text with the free ports of this page."""
        return _PORT.sub(lambda port: self.ports[port[1]], text)

    def _finish(self, arguments: list[str], block: Block, interpreter: Path | None = None) -> None:
        """Runs a block to its end, and compares the end with the marks."""
        process = subprocess.Popen(
            [interpreter or "bash", *arguments],
            cwd=self.folder,
            env=self._environment(block),
            stdin=subprocess.PIPE if interpreter else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            script = self._local(block.text).encode() if interpreter else None
            output = process.communicate(script, timeout=self.kit.limit_s)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            end_group(process.pid)
            process.communicate()
            raise Failed(f"it takes longer than {self.kit.limit_s:g} s") from None
        end_group(process.pid)
        expected = block.marks.get("fails")
        if expected is None and process.returncode:
            raise Failed(f"it ends with code {process.returncode}\n{tail(output)}")
        if expected is not None and (not process.returncode or expected not in output):
            raise Failed(f"it should fail and print `{expected}`\n{tail(output)}")

    def _ensure_server(self, block: Block) -> None:
        """Starts the server with its defaults if a block needs it and none runs."""
        wanted = (f":{API_PORT}", f":{METRICS_PORT}", "--health-check")
        if API_PORT not in self.servers and any(text in block.text for text in wanted):
            self._serve(Block(block.page, block.line, "sh", "lungfield-serve", {"server": ""}))

    def _serve(self, block: Block) -> None:
        """Starts the server of a block in the background, and waits until it accepts connections."""
        port = block.marks["server"] or API_PORT
        # Servers of ours share the port of the metrics, so that one runs at a time.
        for running in list(self.servers) if "lungfield-serve" in block.text else [port]:
            self._stop(running)
        text = _SERVE.sub(r"\1exec ", self._local(block.text), count=1)
        log = self.folder / f".server-{port}"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", _LOAD + text],
                cwd=self.folder,
                env=self._environment(block),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.servers[port] = process
        deadline = time.monotonic() + START_S
        while not accepts(int(self.ports[port])):
            if process.poll() is not None or time.monotonic() > deadline:
                state = "ended" if process.poll() is not None else "does not listen"
                raise Failed(f"the server {state}\n{tail(log.read_text(errors='replace'))}")
            time.sleep(LOOK_EVERY_S)

    def _stop(self, port: str) -> None:
        process = self.servers.pop(port, None)
        if process:
            end_group(process.pid, signal.SIGTERM)
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                end_group(process.pid)
                process.wait()

    def _python(self, modules: list[str]) -> Path:
        """Returns an interpreter that has all of these modules."""
        for python in self.kit.pythons:
            script = f"import {', '.join(modules or ['sys'])}"
            if not subprocess.run([python, "-c", script], capture_output=True).returncode:
                return python
        raise Failed(f"no interpreter has the modules {', '.join(modules)}; name one by --python")

    def _shim(self, modules: list[str]) -> Path:
        """Returns a folder with a `python3` that has these modules."""
        folder = self.folder / f".python-{'-'.join(modules)}"
        if not folder.exists():
            python = self._python(modules)
            folder.mkdir()
            command = folder / "python3"
            command.write_text(f'#!/bin/sh\nexec "{python}" "$@"\n', encoding="utf-8")
            command.chmod(0o755)
        return folder


def imported_modules(script: str) -> list[str]:
    """Returns the modules that a script imports and that do not come with Python."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(script)):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return sorted(name for name in names if name.partition(".")[0] not in sys.stdlib_module_names)


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
    """Sends a signal to all processes that a block started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, order)


def tail(output: str) -> str:
    """Returns the last lines of an output, indented."""
    return "\n".join(f"    {line}" for line in output.splitlines()[-OUTPUT_LINES:])
