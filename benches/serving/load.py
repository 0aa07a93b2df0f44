"""Decides how load is made and what of it is written down: oha asks a server for one film over and over."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from benches.serving import films, processes, servers

OHA_VERSION = "1.16.0"
OPEN_LOOP_CONNECTIONS = 64
"""Enough that a request is sent when its time has come, also where many before it have not been answered."""
QUANTILES = {"p50": 50, "p90": 90, "p99": 99}


def oha_program() -> str:
    """Returns oha on the path, or where `cargo install` puts it."""
    return shutil.which("oha") or str(Path.home() / ".cargo" / "bin" / "oha")


def closed_loop(oha: str, server: servers.Server, film: films.Film, clients: int, seconds: float) -> dict[str, Any]:
    """Returns so many clients, each sending its next request as soon as it has the last answer.

    All of them begin at once, with an idle server. What their first requests took is left out, where there are others.
    """
    return _measured(oha, server, film, ["-c", clients, "-z", _duration(seconds)], skipped=clients)


def open_loop(oha: str, server: servers.Server, film: films.Film, rate: float, seconds: float) -> dict[str, Any]:
    """Requests at a fixed rate, whatever becomes of them; their latencies count from when they were due."""
    flags = ["-q", f"{rate:.3f}", "--latency-correction", "-c", OPEN_LOOP_CONNECTIONS, "-z", _duration(seconds)]
    return _measured(oha, server, film, flags, skipped=0)


def warm_up(oha: str, server: servers.Server, film: films.Film, clients: int, seconds: float) -> None:
    _oha(oha, server, film, ["-c", clients, "-z", _duration(seconds)])


def _duration(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _measured(
    oha: str, server: servers.Server, film: films.Film, flags: Sequence[object], skipped: int
) -> dict[str, Any]:
    cpu_before = processes.cpu_seconds(server.pid)
    with processes.PeakMemory(server.pid) as peak:
        account, requests = _oha(oha, server, film, flags)
    cpu = processes.cpu_seconds(server.pid) - cpu_before
    answered = sum(account["statusCodeDistribution"].values())
    masks = account["statusCodeDistribution"].get("200", 0)
    seconds = account["summary"]["total"]
    return {
        "masks": masks,
        "errors": answered - masks + sum(account["errorDistribution"].values()),
        "seconds": round(seconds, 3),
        "masks_per_s": round(masks / seconds, 4),
        **_latencies(requests[skipped:] or requests),
        "peak_mb": round(peak.mb, 1),
        "cpu_s_per_mask": round(cpu / masks, 4) if masks else "",
    }


def _latencies(requests: Sequence[tuple[float, float, int]]) -> dict[str, float]:
    """Returns what the requests took that were answered by a mask, in milliseconds."""
    took_ms = np.array([(end - due) * 1000 for due, end, status in requests if status == 200] or [np.nan])
    found = {name: np.percentile(took_ms, percent) for name, percent in QUANTILES.items()}
    found |= {"mean": took_ms.mean(), "max": took_ms.max()}
    return {f"{name}_ms": round(float(value), 2) for name, value in found.items()}


def _oha(
    oha: str, server: servers.Server, film: films.Film, flags: Sequence[object]
) -> tuple[dict[str, Any], list[tuple[float, float, int]]]:
    """Runs oha. Returns its account of the run, and of each request when it was due, when it ended and its status.

    Requests in flight when the time is over are waited for, and count.
    """
    with tempfile.TemporaryDirectory() as folder:
        output, requests = Path(folder, "account.json"), Path(folder, "requests.db")
        command = [oha, "--no-tui", "--output-format", "json", "--output", output, "--db-url", requests]
        command += ["--wait-ongoing-requests-after-deadline", "-m", "POST", "-D", film.path, "-T", film.content_type]
        command += ["-A", "image/png", *flags, server.url]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"oha ended with code {done.returncode}: {done.stderr}")
        with closing(sqlite3.connect(requests)) as database:
            due = "coalesce(start_latency_correction, start)"
            rows = database.execute(f"select {due}, end, status from oha order by 1").fetchall()
        return json.loads(output.read_text()), rows
