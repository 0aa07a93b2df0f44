"""Says what a server costs before and while it serves one film: start, idle memory, and all but the forward pass of a
film.

    cargo build --release --bins --examples
    python3 -m benches.footprint.footprint

Idle memory is compared with that of `load_only` (crates/model/examples), which loads and warms up the same weights and
does nothing else; both are read when they have had nothing to do for a while. The film is a full-size phantom,
4020×4892 pixels, sent as PNG and answered as PNG; its memory is the highest resident memory during the request above
that of the idle server. Every figure is the median of the rounds. Needs Linux, whose /proc it reads.
"""

from __future__ import annotations

import argparse
import re
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from scripts.common.phantoms import Kind, draw
from scripts.common.repository import PROGRAMS, ROOT
from scripts.common.server import Server

RESET_PEAK = "5"
"""What /proc/PID/clear_refs takes to make the peak of resident memory the present one."""
FILM = Kind(4020, 4892)
UNUSED_FOR_S = 10
STILL_FOR_S = 3
SETTLED = 0.01
"""Memory that falls by less than this share while it is still is settled."""


def status_kib(process: int, field: str) -> int:
    """Returns a field of /proc/PID/status, in KiB."""
    text = Path(f"/proc/{process}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    assert found, "the kernel writes the field for every process"
    return int(found[1])


def settled_kib(process: int) -> int:
    """Returns the resident memory once the allocator has given back what is not used, which it does within some ten
    seconds.
    """
    time.sleep(UNUSED_FOR_S)
    last, present = None, status_kib(process, "VmRSS")
    while last is None or last - present > SETTLED * last:
        time.sleep(STILL_FOR_S)
        last, present = present, status_kib(process, "VmRSS")
    return present


def load_only() -> int:
    """Returns the resident memory of the program that only loads the weights, in KiB."""
    command = [PROGRAMS / "examples" / "load_only"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout, "they are pipes"
        process.stdout.readline()  # it is warm
        kib = settled_kib(process.pid)
        process.stdin.close()
    return kib


def start(arguments: Sequence[str]) -> tuple[Server, float]:
    """Returns a server, and how many seconds it took to listen; it does so once the golden film has come out right."""
    began = time.monotonic()
    server = Server([PROGRAMS / "lungfield-serve", "--drain-delay", "0s", *arguments], metrics_listen="off")
    server.start()
    server.wait_ready()
    return server, time.monotonic() - began


def ask(address: str, film: bytes) -> dict[str, float]:
    """Returns the milliseconds of a request's steps, as the server gives them."""
    headers = {"Content-Type": "image/png", "Accept": "image/png"}
    request = urllib.request.Request(f"http://{address}/v1/segment", data=film, headers=headers)
    with urllib.request.urlopen(request) as answer:
        answer.read()
        steps = re.findall(r"(\w+);dur=([\d.]+)", answer.headers["Server-Timing"])
    return {step: float(duration) for step, duration in steps}


def measure(arguments: Sequence[str], film: bytes) -> dict[str, float]:
    server, seconds = start(arguments)
    process = server.process.pid
    try:
        idle = settled_kib(process)
        ask(server.address, film)
        kept = settled_kib(process)
        Path(f"/proc/{process}/clear_refs").write_text(RESET_PEAK)
        steps = ask(server.address, film)
        peak = status_kib(process, "VmHWM")
        server.stop()
    finally:
        server.close()
    return {
        "start to listening, s": seconds,
        "idle, MB": idle / 1024,
        "peak during a film above idle, MB": (peak - idle) / 1024,
        "kept after a film, MB": (kept - idle) / 1024,
        "decode and prepare, ms": steps["decode"],
        "restore and write, ms": steps["encode"],
        "forward pass, ms": steps["infer"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="some 40 s each")
    parser.add_argument("arguments", nargs="*", help="more arguments for the server, after --")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (phantom,) = draw(PROGRAMS / "lungfield-phantom", Path(folder), FILM)
        film = phantom.film.read_bytes()
    rounds = [measure(options.arguments, film) for _ in range(options.rounds)]
    plain = statistics.median(load_only() for _ in range(options.rounds)) / 1024
    for name in rounds[0]:
        values = [figures[name] for figures in rounds]
        print(f"{name}: {statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")
    idle = statistics.median(figures["idle, MB"] for figures in rounds)
    print(f"a program that only loads the weights, MB: {plain:.2f}; the idle server is {idle - plain:.2f} MB above it")


if __name__ == "__main__":
    main()
