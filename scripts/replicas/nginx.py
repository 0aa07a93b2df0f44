"""What the replicas test runs and watches: nginx with the shipped configuration, and nginx's temporary folders."""

from __future__ import annotations

import collections
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scripts.common.child import Child
from scripts.common.failure import Failure
from scripts.common.repository import ROOT
from scripts.common.substitution import substituted
from scripts.common.waiting import free_ports, wait_until
from scripts.replicas.replica import Replica

SHIPPED = ROOT / "deploy/nginx/lungfield.conf"
# Debian keeps nginx where an ordinary user does not look.
NGINX = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
READY_LIMIT_S = 180
END_LIMIT_S = 60
# Three witnesses: the time stamp of a folder in which a file was made, even one that is gone again; a deleted file
# that a worker holds open; and nginx's own warning.
LOOK_EVERY_S = 0.02
Entry = dict[str, Any]
"""A line of nginx's access log."""

WARNING = "is buffered to a temporary file"


class Nginx(Child):
    """nginx with the shipped configuration but for ports and paths, and the changes that a self-check makes on
    purpose.
    """

    def __init__(self, folder: Path, replicas: Sequence[Replica], changes: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__()
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
        text = substituted(
            text, r"(server 127\.0\.0\.1):808\d", lambda found: f"{found[1]}:{next(ports)}", len(replicas)
        )
        for pattern, replacement in changes:
            text = substituted(text, pattern, replacement, len(re.findall(pattern, text)) or 1)
        self.configuration = folder / "nginx.conf"
        self.configuration.write_text(text)

    def start(self) -> Nginx:
        assert NGINX, "the test has looked for it"
        command = [NGINX, "-c", str(self.configuration), "-p", str(self.folder), "-g", "daemon off;"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until("nginx answers that a server is ready", self.is_ready, READY_LIMIT_S)
        return self

    def is_ready(self) -> bool:
        if not self.running:
            raise Failure("nginx ended; what it said is above")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=READY_LIMIT_S) as answer:
                answer.read()
                return True
        except OSError:
            return False

    def workers(self) -> list[Path]:
        """Returns the processes that nginx has started."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = stat.read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue  # ended while we looked
            if int(parent) == self.process.pid:
                found.append(stat.parent)
        return found

    def stop(self) -> list[Entry]:
        """Lets nginx finish and returns its access log."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(END_LIMIT_S)
        return [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]

    def lost_tries(self) -> collections.Counter[tuple[int, str]]:
        """Returns why tries came to nothing, by nginx's own words: {(port, reason): count}."""
        reasons = {"111: Connection refused": "refused", "prematurely closed": "broke off", "104: ": "broke off"}
        error = re.compile(r'\[error\] .*?\*\d+ (.*?), client: .* upstream: "http://127\.0\.0\.1:(\d+)/')
        counts: collections.Counter[tuple[int, str]] = collections.Counter()
        for found in error.finditer((self.folder / "error.log").read_text()):
            words, port = found.groups()
            counts[int(port), next((reasons[part] for part in reasons if part in words), words)] += 1
        return counts

    def kill(self) -> None:
        """Ends nginx with its workers, which would outlive a SIGKILL."""
        self.process.terminate()
        self.process.wait()


class Look:
    """Watches that nginx makes no file in its temporary folders."""

    def __init__(self, nginx: Nginx) -> None:
        self.nginx, self.folders = nginx, [nginx.folder / "body", nginx.folder / "proxy"]
        self.before = self.stamps()
        self.workers = nginx.workers()
        if not self.workers:
            raise Failure("nginx has no workers to look at")
        self.seen: set[str] = set()
        self.looks = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def stamps(self) -> list[int]:
        return [folder.stat().st_mtime_ns for folder in self.folders]

    def watch(self) -> None:
        while not self.over.wait(LOOK_EVERY_S):
            self.looks += 1
            for worker in self.workers:
                self.seen.update(self.open_files(worker))

    def open_files(self, worker: Path) -> Iterator[str]:
        for entry in os.scandir(worker / "fd"):
            try:
                target = os.readlink(entry.path)
            except OSError:
                continue  # closed while we looked
            # Anonymous shared memory, as between nginx's processes, is no file of nginx's.
            deleted = target.startswith("/") and "(deleted)" in target and not target.startswith("/dev/zero")
            if deleted or target.startswith(tuple(map(str, self.folders))):
                yield target

    def end(self) -> list[str]:
        """Returns what each witness saw, as sentences; none where nothing was written."""
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
