"""Runs the code blocks of a page in a folder of its own."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.docs.pages import Block, Problem
from scripts.docs.servers import API_PORT, METRICS_PORT, Failed, Servers, end_group, tail

LIMIT_S = 60.0
# curl fails on an error status, and prints no progress.
CURLRC = "fail-with-body\nsilent\nshow-error\n"

# The command of a block that is a server takes the place of the shell, so that it gets the signal to end.
_SERVER_COMMAND = re.compile(r"^((?:[A-Z_]+=\S+ )*)(?=lungfield-serve\b|python3 )", re.MULTILINE)
# Variables in lower case and functions are kept from one block of a page to the next, as in a terminal.
_LOAD = '[ ! -e "$DOCS_STATE" ] || . "$DOCS_STATE"\n'
_SAVE = r"""
{ compgen -v | grep -E '^[a-z][a-z0-9_]*$' | while read -r name; do declare -p "$name"; done
  declare -f; } > "$DOCS_STATE" || true
"""


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

    def __init__(self, kit: Kit, folder: Path, servers: Servers) -> None:
        self.kit = kit
        self.folder = folder
        self.servers = servers
        self._fill()

    def run(self, block: Block) -> Problem | None:
        """Runs a block, or starts it if it is a server."""
        try:
            if "server" in block.marks:
                self._serve(block)
                return None
            self._ensure_server(block)
            if block.language == "python":
                python = self._python(imported_modules(block.text))
                self._finish(block, [str(python), "-"], block.text)
            else:
                self._finish(block, bash(_LOAD + self.servers.local(block.text) + _SAVE))
        except Failed as failure:
            return block.problem(str(failure))
        return None

    def _fill(self) -> None:
        for path in self.kit.root.iterdir():
            if not path.name.startswith(".") and path.name != "target":
                (self.folder / path.name).symlink_to(path)
        (self.folder / "target").mkdir()
        (self.folder / "target" / "release").symlink_to(self.kit.programs)
        for path in self.kit.films.iterdir():
            shutil.copy(path, self.folder)
        (self.folder / ".curlrc").write_text(CURLRC, encoding="utf-8")

    def _environment(self, modules: str = "") -> dict[str, str]:
        """Returns the environment of a block whose `python3` has these modules."""
        paths = [str(self.kit.programs), os.environ["PATH"]]
        if modules:
            paths.insert(0, str(self._shim(modules.split())))
        return {
            **os.environ,
            "PATH": os.pathsep.join(paths),
            "CURL_HOME": str(self.folder),
            "DOCS_STATE": str(self.folder / ".state"),
            "LUNGFIELD_LISTEN": f"127.0.0.1:{self.servers.ports[API_PORT]}",
            "LUNGFIELD_METRICS_LISTEN": f"127.0.0.1:{self.servers.ports[METRICS_PORT]}",
            "LUNGFIELD_DRAIN_DELAY": "0s",
            "OMP_WAIT_POLICY": "PASSIVE",
            "PYTHONPATH": "",
        }

    def _finish(self, block: Block, command: list[str], script: str | None = None) -> None:
        """Runs a block to its end, and compares the end with the marks. `script` goes to its standard input."""
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._environment(block.marks.get("with", "")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            sent = self.servers.local(script or "").encode()
            output = process.communicate(sent, timeout=self.kit.limit_s)[0].decode(errors="replace")
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
            program = str(self.kit.programs / "lungfield-serve")
            self.servers.start(API_PORT, [program], self.kit.root, self._environment())

    def _serve(self, block: Block) -> None:
        """Starts the server of a block in the background."""
        port = block.marks["server"] or API_PORT
        if "lungfield-serve" in block.text:
            self.servers.close()  # they share the port of the metrics, so that one runs at a time
        text = _SERVER_COMMAND.sub(r"\1exec ", self.servers.local(block.text), count=1)
        environment = self._environment(block.marks.get("with", ""))
        self.servers.start(port, bash(_LOAD + text), self.folder, environment)

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


def bash(text: str) -> list[str]:
    """Returns the command that runs shell text, and fails if one of its commands fails."""
    return ["bash", "-euo", "pipefail", "-c", text]


def imported_modules(script: str) -> list[str]:
    """Returns the modules that a script imports and that do not come with Python."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(script)):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return sorted(name for name in names if name.partition(".")[0] not in sys.stdlib_module_names)
