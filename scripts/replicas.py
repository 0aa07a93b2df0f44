"""What replicas_test.py runs and watches: servers, nginx with the configuration that we ship, and nginx's temporary folders."""

import collections
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "deploy/nginx/lungfield.conf"
# Debian keeps nginx where an ordinary user does not look.
NGINX = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
READY_LIMIT_S = 180
END_LIMIT_S = 60
# Three witnesses: the time stamp of a folder in which a file was made, even one that is gone again; a deleted file that a
# worker holds open; and nginx's own warning.
LOOK_EVERY_S = 0.02
WARNING = "is buffered to a temporary file"


class Failure(Exception):
    """What is wrong, in a sentence."""


def free_ports(count):
    """Ports for servers that come back to them: below those that the system gives to connections."""
    ports = []
    for port in random.sample(range(20000, 32000), 12000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise Failure("there are no free ports")


def wait_for(url, limit_s, process):
    """Waits until `url` answers 200, or `process` has ended."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=limit_s) as answer:
                answer.read()
                return
        except (urllib.error.HTTPError, OSError):
            time.sleep(0.05)
    raise Failure(f"{url} did not answer 200 within {limit_s} s; {process.args[0]} said what is above")


class Replica:
    """A server that keeps its port over its lives."""

    def __init__(self, name, binary, port, flags):
        self.name, self.port = name, port
        self.command = [str(binary), "--listen", f"127.0.0.1:{port}", "--metrics-listen", "off", "--log-format", "json", *flags]
        # One thread each, in 32 bits: replicas on one machine must not fight for cores, and their masks are compared.
        self.command += ["--threads", "1", "--model-threads", "1", "--precision", "f32"]
        self.log = collections.deque(maxlen=20)
        self.process = None

    def start(self):
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "errors": "replace"}
        environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
        self.process = subprocess.Popen(self.command, cwd=ROOT, env=environment, **options)
        threading.Thread(target=self.log.extend, args=[self.process.stderr], daemon=True).start()

    def wait_ready(self):
        try:
            wait_for(f"http://127.0.0.1:{self.port}/health/ready", READY_LIMIT_S, self.process)
        except Failure:
            print(*self.log, sep="")
            raise

    def kill(self):
        self.process.kill()
        self.process.wait()

    def leave(self):
        """Ends it as an operator does."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(END_LIMIT_S)
        if code != 0:
            raise Failure(f"replica {self.name} ended with code {code} on SIGTERM")

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()


def substituted(text, pattern, replacement, times=1):
    """The text with every place changed, of which there must be as many as said: the test follows the shipped file."""
    changed, found = re.subn(pattern, replacement, text, flags=re.MULTILINE)
    if found != times:
        raise Failure(f"{SHIPPED} has {found} places like {pattern!r}, and not {times}")
    return changed


class Nginx:
    """nginx with the shipped configuration but for ports and paths, and the changes that a self-check makes on purpose."""

    def __init__(self, folder, replicas, changes=()):
        folder.mkdir()
        self.folder, self.replicas = folder, replicas
        (self.port,) = free_ports(1)
        text = SHIPPED.read_text()
        text = substituted(text, r"/run/nginx\.pid", f"{folder}/pid")
        text = substituted(text, r"(error_log) /var/log/nginx/(\S+) crit", rf"\1 {folder}/error.log warn")
        text = substituted(text, r"/var/log/nginx/lungfield-access\.log", f"{folder}/access.log")
        text = substituted(text, r"/run/lungfield-nginx-", f"{folder}/", 2)
        # Folders for what we don't use, which an ordinary user could not make where the package has them.
        spare = "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in ("fastcgi", "uwsgi", "scgi"))
        text = substituted(text, r"^http \{\n", rf"\g<0>{spare}")
        text = substituted(text, r"^( +listen) 80 ", rf"\1 127.0.0.1:{self.port} ")
        ports = iter([replica.port for replica in replicas])
        text = substituted(text, r"(server 127\.0\.0\.1):808\d", lambda found: f"{found[1]}:{next(ports)}", len(replicas))
        for pattern, replacement in changes:
            text = substituted(text, pattern, replacement, len(re.findall(pattern, text)) or 1)
        self.configuration = folder / "nginx.conf"
        self.configuration.write_text(text)
        self.process = None

    def start(self):
        command = [NGINX, "-c", str(self.configuration), "-p", str(self.folder), "-g", "daemon off;"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for(f"http://127.0.0.1:{self.port}/health/ready", READY_LIMIT_S, self.process)
        return self

    def workers(self):
        """The processes that nginx has started."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = stat.read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue  # ended while we looked
            if int(parent) == self.process.pid:
                found.append(stat.parent)
        return found

    def stop(self):
        """Lets nginx finish and returns its access log."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(END_LIMIT_S)
        return [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]

    def lost_tries(self):
        """Why tries came to nothing, by nginx's own words: {(port, reason): count}."""
        reasons = {"111: Connection refused": "refused", "prematurely closed": "broke off", "104: ": "broke off"}
        error = re.compile(r'\[error\] .*?\*\d+ (.*?), client: .* upstream: "http://127\.0\.0\.1:(\d+)/')
        counts = collections.Counter()
        for found in error.finditer((self.folder / "error.log").read_text()):
            words, port = found.groups()
            counts[int(port), next((reasons[part] for part in reasons if part in words), words)] += 1
        return counts

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


class Look:
    """Watches that nginx makes no file in its temporary folders."""

    def __init__(self, nginx):
        self.nginx, self.folders = nginx, [nginx.folder / "body", nginx.folder / "proxy"]
        self.before = self.stamps()
        self.workers = nginx.workers()
        if not self.workers:
            raise Failure("nginx has no workers to look at")
        self.seen, self.looks = set(), 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def stamps(self):
        return [folder.stat().st_mtime_ns for folder in self.folders]

    def watch(self):
        while not self.over.wait(LOOK_EVERY_S):
            self.looks += 1
            for worker in self.workers:
                self.seen.update(self.open_files(worker))

    def open_files(self, worker):
        for entry in os.scandir(worker / "fd"):
            try:
                target = os.readlink(entry.path)
            except OSError:
                continue  # closed while we looked
            if target.startswith(tuple(map(str, self.folders))) or (target.startswith("/") and "(deleted)" in target):
                # Anonymous shared memory, as between nginx's processes, is no file of nginx's.
                if not target.startswith("/dev/zero"):
                    yield target

    def end(self):
        """What each witness saw, as sentences; none where nothing was written."""
        self.over.set()
        self.thread.join()
        findings = []
        if self.stamps() != self.before:
            findings.append("a file was made in a temporary folder")
        if self.seen:
            findings.append(f"workers held {len(self.seen)} temporary files open")
        warnings = (self.nginx.folder / "error.log").read_text().count(WARNING)
        if warnings:
            findings.append(f"nginx warned {warnings} times of a temporary file")
        return findings
