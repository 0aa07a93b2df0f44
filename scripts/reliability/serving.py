"""Decides how a script meets a server: a real one on free ports, asked over plain HTTP, seen through its metrics."""

import collections
import http.client
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "target" / "release"
SIDE = "512"
PATIENCE_S = 120
TICKS = os.sysconf("SC_CLK_TCK")
SERIES = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")

Answer = collections.namedtuple("Answer", "status seconds body retry_after")


class Server:
    """lungfield-serve for as long as the context lasts; it must end well on SIGTERM."""

    def __init__(self, binary, flags=()):
        command = [binary, "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--log-filter", "info,lungfield::http=warn"]
        self.process = subprocess.Popen([*command, *flags], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        self.operators = self._hear("metrics at http://")
        self.address = self._hear("listening on http://")
        # Nobody else reads what it says, and it may not wait for that.
        threading.Thread(target=collections.deque, args=[self.process.stderr, 20], daemon=True).start()

    def _hear(self, words):
        for line in self.process.stderr:
            if words in line:
                return line.split(words)[1].split()[0].removesuffix("/metrics")
        raise SystemExit("the server did not start")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_S)
        if code and not error[0]:
            raise SystemExit(f"the server ended with code {code}")

    def metrics(self):
        """Every series by its name and its labels, as {(name, labels): value}."""
        with urllib.request.urlopen(f"http://{self.operators}/metrics") as answer:
            found = map(SERIES.match, answer.read().decode().splitlines())
        return {(series[1], series[2] or ""): float(series[3]) for series in found if series}

    def resident_mb(self, field="VmRSS"):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1024

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


class Caller:
    """Somebody with a connection of their own, which is opened anew where the server has closed it."""

    def __init__(self, address):
        self.address = address
        self.connection = None

    def ask(self, film):
        """The mask of a film as PNG, or what the server says instead."""
        began = time.monotonic()
        self.connection = self.connection or http.client.HTTPConnection(self.address, timeout=PATIENCE_S)
        self.connection.request("POST", "/v1/segment?format=png", film, {"Content-Type": "image/png"})
        answer = self.connection.getresponse()
        body, retry_after = answer.read(), answer.getheader("Retry-After")
        if answer.will_close:
            self.leave()
        return Answer(answer.status, time.monotonic() - began, body, retry_after)

    def ask_and_leave(self, film, patience_s):
        """Sends a film and hangs up before there can be an answer."""
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE_S)
        connection.request("POST", "/v1/segment?format=png", film, {"Content-Type": "image/png"})
        time.sleep(patience_s)
        connection.close()

    def leave(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def draw_films(phantom, count):
    """So many phantoms as PNG, each with a mask of its own."""
    with tempfile.TemporaryDirectory() as folder:
        size = ["--width", SIDE, "--height", SIDE]
        subprocess.run([phantom, "--out", folder, "--count", str(count), *size], check=True, stdout=subprocess.DEVNULL)
        return [path.read_bytes() for path in sorted(Path(folder).glob("phantom-*.png")) if "mask" not in path.name]


def own_cpu_seconds():
    times = os.times()
    return times.user + times.system


def quantile(values, share):
    """The smallest value that a share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
