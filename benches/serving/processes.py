"""Decides what a server is taken to cost: the memory and the CPU time of its process and of all that it has started."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS = 1.0
"""Seldom, since the kernel walks through all pages of a process to answer, and that takes the server's time."""


def tree(root: int) -> list[int]:
    """Returns the processes below `root` and itself, as far as they are alive."""
    children: dict[int, list[int]] = {}
    for pid, fields in _all_processes():
        children.setdefault(int(fields[1]), []).append(pid)
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def cpu_seconds(root: int) -> float:
    """Returns the user and system time of a tree so far, that of its ended children included."""
    members = set(tree(root))
    return sum(sum(map(int, fields[11:15])) for pid, fields in _all_processes() if pid in members) / TICKS


def start_time(pid: int) -> str | None:
    """Returns when a process began, which tells it from a later one of the same number; None where there is none."""
    try:
        return _stat(pid)[19]
    except (FileNotFoundError, ProcessLookupError):
        return None


def memory_mb(root: int) -> float:
    """Returns the proportional set size of a tree: a page that n processes share counts as one nth for each of them."""
    return sum(_pss_kb(pid) for pid in tree(root)) / 1024


class PeakMemory:
    """The largest memory_mb() seen while this context lasts, sampled once in SAMPLE_SECONDS."""

    def __init__(self, root: int) -> None:
        self.root = root
        self.mb = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self.mb = max(self.mb, memory_mb(self.root))


def _all_processes() -> Iterator[tuple[int, list[str]]]:
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            yield int(entry), _stat(int(entry))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile


def _stat(pid: int) -> list[str]:
    """Returns the fields of a process's stat file, from the state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _pss_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended meanwhile
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
