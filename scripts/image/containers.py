"""Containers of an image under test: programs run in them, the server, and what of it can be seen from this machine.

Docker and Podman keep a container's processes to themselves, and pass SIGTERM on. Other tools run them among the
descendants of this script, where root can see them: who runs, in which file system, and what was written there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.common import server
from scripts.common.repository import ROOT

CONTAINER = ROOT / "scripts" / "image" / "container.sh"
PROGRAMS = "/opt/lungfield/bin"
SERVER = "lungfield-serve"
START_LIMIT_S = 120
# Where the kernel and the tool keep what is theirs.
NOT_OF_THE_IMAGE = {"proc", "sys", "dev", "run"}

FileState = tuple[int, int, int]
"""Mode, size and time of change of a file."""


def command(*words: object) -> list[str]:
    return ["sh", str(CONTAINER), *map(str, words)]


def run(
    image: str, program: str, *arguments: str, volume: str | None = None, limit_s: float = START_LIMIT_S
) -> tuple[int, str]:
    """Runs a program in a container of its own: its exit code and what it said."""
    environment = dict(os.environ, **({"CONTAINER_VOLUME": volume} if volume else {}))
    done = subprocess.run(
        command("run", image, program, *arguments),
        env=environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=limit_s,
    )
    return done.returncode, done.stdout


def engine() -> str:
    return subprocess.run(command("engine"), check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def configuration(image: str) -> Any:
    """Returns the image's configuration, as docker names things, or None where the tool does not tell it."""
    done = subprocess.run(command("inspect", image), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if done.returncode != 0:
        return None
    told = json.loads(done.stdout)
    told = told[0] if isinstance(told, list) else told
    if "Docker" in told:
        return told["Docker"]["config"]
    return dict(told["Config"], Healthcheck=told["Config"].get("Healthcheck") or told.get("Healthcheck"))


def status(pid: int | str | None) -> dict[str, str]:
    """Returns fields of /proc/PID/status; empty for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return dict(re.split(r":\s*", line, maxsplit=1) for line in lines if ":" in line)


def descendant(pid: int, name: str) -> int | None:
    """Returns the process of that name that `pid` has started, or those that it has started; None where there is
    none.
    """
    parents = {each.name: status(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()}
    found = [str(pid)]
    for parent in found:
        for child, told in parents.items():
            if told.get("PPid") == parent:
                if told["Name"] == name:
                    return int(child)
                found.append(child)
    return None


def files_below(root: Path) -> dict[str, FileState]:
    """Returns every file of a container's image, with what changes where somebody writes."""
    found = {}
    for folder, folders, names in os.walk(root):
        if folder == str(root):
            folders[:] = set(folders) - NOT_OF_THE_IMAGE
        for name in [*names, *folders]:
            path = os.path.join(folder, name)
            told = os.lstat(path)
            found[os.path.relpath(path, root)] = (told.st_mode, told.st_size, told.st_mtime_ns)
    return found


class Server(server.Server):
    """The server in its container."""

    # Tools for containers pass standard input on, and may end with it.
    stdin = subprocess.PIPE

    def __init__(self, image: str, *flags: str, metrics_listen: str) -> None:
        words = command("run", image, f"{PROGRAMS}/{SERVER}", "--log-format", "json", *flags)
        super().__init__(words, metrics_listen=metrics_listen)

    def seen(self) -> int | None:
        """Returns the id of the server's process, where this script can see it."""
        return descendant(self.process.pid, SERVER)

    def root(self) -> Path | None:
        """Returns the root of the container's file system, where this user may read it."""
        pid = self.seen()
        root = Path(f"/proc/{pid}/root/")
        return root if pid and os.access(root / "opt/lungfield", os.R_OK) else None

    def pid(self) -> int:
        """Returns the server's process, or else the tool's, which passes SIGTERM on."""
        return self.seen() or self.process.pid

    def kill(self) -> None:
        """Ends the server inside, since a tool that is killed would leave its container behind."""
        self.stop()

    def show(self) -> None:
        """Prints the end of its log."""
        print(self.log_text(), file=sys.stderr)


class Inside:
    """Runs programs in the file system of a running server, as its user: for tools that can't mount a folder."""

    def __init__(self, pid: int | None) -> None:
        self.root = f"/proc/{pid}/root"
        self.ids = [int(status(pid)[field].split()[0]) for field in ("Gid", "Uid")]
        pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        self.environment = dict(pair.split("=", 1) for pair in pairs if pair)

    def enter(self) -> None:
        os.chroot(self.root)
        os.chdir("/")
        os.setgroups([])
        os.setgid(self.ids[0])
        os.setuid(self.ids[1])

    def run(self, *words: str, limit_s: float = START_LIMIT_S) -> tuple[int, str]:
        done = subprocess.run(
            words,
            preexec_fn=self.enter,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=limit_s,
        )
        return done.returncode, done.stdout
