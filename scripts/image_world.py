"""What image_test.py runs: containers, the server inside of one, and what of it can be seen from this machine.

Docker and Podman keep a container's processes to themselves, and pass SIGTERM on. Other tools run them among the descendants
of this script, where root can see them: who runs, in which file system, and what was written there.
"""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from replicas import Failure

SCRIPTS = Path(__file__).resolve().parent
PROGRAMS = "/opt/lungfield/bin"
SERVER = "lungfield-serve"
START_LIMIT_S = 120
END_LIMIT_S = 60
# Where the kernel and the tool keep what is theirs.
NOT_OF_THE_IMAGE = {"proc", "sys", "dev", "run"}


def command(*words):
    return ["sh", str(SCRIPTS / "container.sh"), *map(str, words)]


def run(image, program, *arguments, volume=None, limit_s=START_LIMIT_S):
    """Runs a program in a container of its own: its exit code and what it said."""
    environment = dict(os.environ, **({"CONTAINER_VOLUME": volume} if volume else {}))
    done = subprocess.run(
        command("run", image, program, *arguments),
        env=environment,
        cwd=SCRIPTS.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=limit_s,
    )
    return done.returncode, done.stdout


def engine():
    return subprocess.run(command("engine"), check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def configuration(image):
    """The image's configuration, as docker names things, or None where the tool does not tell it."""
    done = subprocess.run(command("inspect", image), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if done.returncode != 0:
        return None
    told = json.loads(done.stdout)
    told = told[0] if isinstance(told, list) else told
    if "Docker" in told:
        return told["Docker"]["config"]
    return dict(told["Config"], Healthcheck=told["Config"].get("Healthcheck") or told.get("Healthcheck"))


def status(pid):
    """Fields of /proc/PID/status; empty for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return dict(re.split(r":\s*", line, maxsplit=1) for line in lines if ":" in line)


def descendant(pid, name):
    """The process of that name that `pid` has started, or those that it has started; None where there is none."""
    parents = {each.name: status(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()}
    found = [str(pid)]
    for parent in found:
        for child, told in parents.items():
            if told.get("PPid") == parent:
                if told["Name"] == name:
                    return int(child)
                found.append(child)
    return None


def files_below(root):
    """Every file of a container's image, with what changes where somebody writes."""
    found = {}
    for folder, folders, names in os.walk(root):
        if folder == str(root):
            folders[:] = set(folders) - NOT_OF_THE_IMAGE
        for name in [*names, *folders]:
            path = os.path.join(folder, name)
            told = os.lstat(path)
            found[os.path.relpath(path, root)] = (told.st_mode, told.st_size, told.st_mtime_ns)
    return found


class Server:
    """The server in its container, and the lines that come out of it."""

    def __init__(self, image, *arguments):
        words = command("run", image, f"{PROGRAMS}/{SERVER}", "--listen", "127.0.0.1:0", "--log-format", "json", *arguments)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.process = subprocess.Popen(words, text=True, errors="replace", cwd=SCRIPTS.parent, **pipes)
        self.lines = queue.Queue()
        self.heard = []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip())
        self.lines.put(None)

    def address(self):
        """Where it takes films, once it does."""
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            try:
                line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise Failure(f"the server did not listen within {START_LIMIT_S} s; what it said is above") from None
            if line is None:
                raise Failure("the server did not listen, and ended; what it said is above")
            self.heard.append(line)
            found = re.search(r"listening on (http://127\.0\.0\.1:\d+)", line)
            if found:
                return found[1]

    def seen(self):
        """The server's process, where it is this script's to see: its id, else None."""
        return descendant(self.process.pid, SERVER)

    def root(self):
        """The root of the container's file system, where this user may look at it, else None."""
        pid = self.seen()
        root = Path(f"/proc/{pid}/root/")
        return root if pid and os.access(root / "opt/lungfield", os.R_OK) else None

    def stop(self):
        """Sends SIGTERM to the server, or to the tool, which passes it on; its exit code."""
        os.kill(self.seen() or self.process.pid, signal.SIGTERM)
        try:
            return self.process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise Failure(f"the server did not end within {END_LIMIT_S} s of SIGTERM") from None

    def close(self):
        """Ends what has not ended, and shows what it said where that was for a failure's sake."""
        if self.process.poll() is None:
            self.stop()
        self.process.stdin.close()

    def show(self):
        while not self.lines.empty():
            self.heard.append(self.lines.get() or "")
        print(*self.heard, sep="\n", file=sys.stderr)


class Inside:
    """Runs programs in the file system of a running server, as its user: for tools that can't mount a folder."""

    def __init__(self, pid):
        self.root = f"/proc/{pid}/root"
        self.ids = [int(status(pid)[field].split()[0]) for field in ("Gid", "Uid")]
        pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        self.environment = dict(pair.split("=", 1) for pair in pairs if pair)

    def enter(self):
        os.chroot(self.root)
        os.chdir("/")
        os.setgroups([])
        os.setgid(self.ids[0])
        os.setuid(self.ids[1])

    def run(self, *words, limit_s=START_LIMIT_S):
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(
            words, preexec_fn=self.enter, env=self.environment, text=True, errors="replace", timeout=limit_s, **pipes
        )
        return done.returncode, done.stdout
