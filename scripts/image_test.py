#!/usr/bin/env python3
"""Runs a built container image: a phantom in, its mask out, then SIGTERM.

    python3 scripts/image_test.py --image TAG --phantom target/release/lungfield-phantom

Needs Python 3.8 or later and nothing else. It fails where the server does not start, does not find the phantom's lungs,
runs as root, or does not end with code 0.
"""

import argparse
import json
import queue
import re
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent
SIZE = (700, 900)
LOWEST_DICE = 0.8
START_LIMIT_S = 120
END_LIMIT_S = 60

# SIGTERM must come from inside, since not every tool hands it on: a line on standard input asks for it.
INSIDE = """
echo "user $(id -u)"
exec 3<&0
/opt/lungfield/bin/lungfield-serve --listen 127.0.0.1:0 --metrics-listen off --log-format json 2>&1 & server=$!
{ read -r line; kill -TERM "$server"; } <&3 >/dev/null 2>&1 &
wait "$server"
echo "code $?"
"""


class Failure(Exception):
    """What is wrong, in a sentence."""


class Container:
    """The server in its container, and the lines that come out of it."""

    def __init__(self, image):
        command = ["sh", str(SCRIPTS / "container.sh"), "run", image, "sh", "-c", INSIDE]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.process = subprocess.Popen(command, text=True, errors="replace", cwd=SCRIPTS.parent, **pipes)
        self.lines = queue.Queue()
        self.heard = []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip())
        self.lines.put(None)

    def wait_for(self, pattern, limit_s, what):
        deadline = time.monotonic() + limit_s
        while True:
            try:
                line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise Failure(f"{what} within {limit_s} s; what it said is above") from None
            if line is None:
                raise Failure(f"{what}, and ended; what it said is above")
            self.heard.append(line)
            found = re.search(pattern, line)
            if found:
                return found[1]

    def stop(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.wait_for(r"^code (\d+)$", END_LIMIT_S, "the server did not end on SIGTERM")

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()


def draw(phantom, folder):
    width, height = map(str, SIZE)
    subprocess.run(
        [str(phantom), "--out", str(folder), "--width", width, "--height", height], check=True, stdout=subprocess.DEVNULL
    )
    return (folder / "phantom-1.png").read_bytes(), (folder / "phantom-1-mask.png").read_bytes()


def post(url, parts, accept):
    boundary = uuid.uuid4().hex
    body = b""
    for name, data in parts.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="x.png"\r\n\r\n'
        body += head.encode() + data + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Accept": accept}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        raise Failure(f"the server answered {error.code}: {error.read(500)!r}") from None


def check_answers(url, film, mask):
    scores = json.loads(post(url, {"image": film, "ground_truth": mask}, "application/json"))
    if not scores["dice"] >= LOWEST_DICE:
        raise Failure(f"the phantom's lungs were not found: Dice {scores['dice']}")
    png = post(url, {"image": film}, "image/png")
    if png[:8] != b"\x89PNG\r\n\x1a\n" or struct.unpack(">II", png[16:24]) != SIZE:
        raise Failure("the mask is no PNG of the film's size")
    return scores["dice"], png


def try_image(image, phantom, keep):
    with tempfile.TemporaryDirectory(prefix="lungfield-image-test-") as folder:
        film, mask = draw(phantom, Path(folder))
    container = Container(image)
    try:
        user = container.wait_for(r"^user (\d+)$", START_LIMIT_S, "the image did not run")
        address = container.wait_for(r"(http://127\.0\.0\.1:\d+)", START_LIMIT_S, "the server did not listen")
        dice, png = check_answers(f"{address}/v1/segment", film, mask)
        code = container.stop()
    except (Failure, OSError):
        print(*container.heard, sep="\n", file=sys.stderr)
        raise
    finally:
        container.close()
    if keep:
        keep.write_bytes(png)
    if user == "0":
        raise Failure("the image runs as root")
    if code != "0":
        raise Failure(f"the server ended with code {code} on SIGTERM")
    return f"as user {user} it found the phantom's lungs with Dice {dice:.4f} and ended with code 0 on SIGTERM"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--image", required=True, help="the image's tag")
    parser.add_argument("--phantom", type=lambda path: Path(path).resolve(strict=True), required=True)
    parser.add_argument("--keep", type=Path, help="write the mask to this file")
    arguments = parser.parse_args()
    started = time.monotonic()
    try:
        print(f"{arguments.image}: {try_image(arguments.image, arguments.phantom, arguments.keep)}")
    except (Failure, OSError, subprocess.CalledProcessError) as failure:
        sys.exit(f"FAILED: {failure}")
    print(f"the image test took {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
