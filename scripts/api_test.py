#!/usr/bin/env python3
"""Tries a real lungfield-serve against its own openapi.yaml: schemathesis draws the requests, phantoms are the films.

    python scripts/api_test.py --server target/release/lungfield-serve --phantom target/release/lungfield-phantom

Needs the packages of scripts/requirements-api-test.txt. What is sent is in api_requests.py, what must come back in api_judge.py. The run is
seeded and ends within three minutes. It fails on any finding, on an operation, media type or format that no 200 was seen of, on a
problem that nobody had, and on a server that does not end with code 0 on SIGTERM.
"""

import argparse
import collections
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import yaml

SCRIPTS = Path(__file__).resolve().parent
CLIENT = SCRIPTS.parent / "examples" / "python" / "segment.py"
SEED = 2016
FILMS = 100
REQUESTS_WITHOUT_A_FILM = 20
TIME_LIMIT_S = 160
LONGEST_LINE = 300
FILM = ["--width", "112", "--height", "96"]

# What schemathesis could try and does not, or could find and is not told of, each with its reason.
SWITCHED_OFF = [
    (
        "the header Accept",
        "OpenAPI has no parameter for it, so nothing is drawn; some are sent as examples, and our own tests negotiate every form of it",
    ),
    (
        "positive_data_acceptance, for bad files",
        "to a schema every file is good; answers_keep_the_contract demands of each the status and code that it deserves",
    ),
    (
        "a 504, where Lungfield-Timeout-Ms was drawn",
        "to a schema a patience of 1 ms is as good as any; answers_keep_the_contract allows that code with that header only",
    ),
]

SEGMENT = "POST /v1/segment"
# Tested by its own client instead: scripts/oip_test.py.
OTHER_PROTOCOL = "/v2"
# Not a media type of its own, and yet to be answered 200 at least once.
REFERENCE = (SEGMENT, "multipart/form-data + reference")
# About films of these types no DICOM object is written.
IMAGES = {"image/png", "image/jpeg", "image/tiff"}
# Problems that nobody need have had: those of servers with keys or in distress, of paths that are none, and of broken connections.
RARE = {
    "unauthorized",
    "not_found",
    "method_not_allowed",
    "incomplete_body",
    "body_timeout",
    "body_too_large",
    "internal",
    "overloaded",
    "byte_budget_spent",
    "reference_too_fine",
    "draining",
    "engine_stopped",
    "out_of_memory",
    "deadline_exceeded",
    "invalid_inference",
    "unknown_model",
}

CONFIGURATION = f"""
seed = {SEED}
workers = 1
continue-on-failure = true
request-timeout = 30.0

[generation]
max-examples = {REQUESTS_WITHOUT_A_FILM}
database = "none"

[[operations]]
include-path = "/v1/segment"
generation.max-examples = {FILMS}

[[operations]]
include-path-regex = "^{OTHER_PROTOCOL}"
enabled = false

[checks.positive_data_acceptance]
expected-statuses = ["2xx"]

[checks.negative_data_rejection]
expected-statuses = ["400", "415", "422"]
"""


class Failure(Exception):
    """What is wrong, in a sentence."""


class Server:
    """A lungfield-serve on a free port. Its log is kept, to be shown where the test fails."""

    def __init__(self, binary):
        command = [str(binary), "--listen", "127.0.0.1:0", "--metrics-listen", "off", "--log-format", "json"]
        # libtorch's threads spin while they wait for each other; on a busy machine that takes ten times as long as sleeping.
        environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "errors": "replace"}
        self.process = subprocess.Popen(command, cwd=SCRIPTS.parent, env=environment, **options)
        self.log = collections.deque(maxlen=40)
        self.address = None
        self.announced = threading.Event()
        threading.Thread(target=self.read_log, daemon=True).start()

    def read_log(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip())
            found = re.search(r"127\.0\.0\.1:\d+", line) if "listening" in line and not self.address else None
            if found:
                self.address = found[0]
                self.announced.set()
        self.announced.set()

    def url(self, limit_s):
        self.announced.wait(limit_s)
        if not self.address:
            self.process.kill()
            raise Failure("the server did not say where it listens; its last words are below")
        return f"http://{self.address}"

    def stop(self, limit_s=45):
        """Ends the server as an operator does, and returns what is wrong with how it ended, if anything."""
        if not self.address:
            self.process.wait()
            return None
        if self.process.poll() is not None:
            return f"the server ended by itself, with code {self.process.returncode}"
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return f"the server had not ended {limit_s} s after SIGTERM"
        return None if code == 0 else f"the server ended with code {code} on SIGTERM"


def draw_corpus(phantom, folder):
    for seed, depth, name in [("1", "8", "eight"), ("2", "16", "sixteen")]:
        command = [str(phantom), "--out", str(folder / name), "--seed", seed, "--depth", depth, *FILM]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def compare_description(url, path):
    with urllib.request.urlopen(f"{url}/openapi.yaml", timeout=10) as answer:
        if answer.read() != path.read_bytes():
            raise Failure(f"the server's openapi.yaml is not {path}")


def run_schemathesis(url, description, folder, limit_s):
    """From the file, since schemathesis does not try the operation that it got its description from."""
    configuration = folder / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration), "run"]
    command += ["--checks", "all", "--mode", "all", "--phases", "examples,coverage,fuzzing,stateful"]
    command += ["--url", url, str(description)]
    hooks = {"SCHEMATHESIS_HOOKS": "api_hooks", "PYTHONPATH": with_scripts(), "PYTHONDONTWRITEBYTECODE": "1"}
    hooks["LUNGFIELD_API_CORPUS"] = str(folder)
    options = {"env": {**os.environ, **hooks}, "cwd": folder, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command, text=True, errors="replace", **options)
    # Interrupted, it still says what it has found.
    timers = [threading.Timer(limit_s, process.send_signal, [signal.SIGINT]), threading.Timer(limit_s + 10, process.kill)]
    for timer in timers:
        timer.start()
    for line in process.stdout:
        show(line.rstrip("\n"))
    code = process.wait()
    timely = timers[0].is_alive()
    for timer in timers:
        timer.cancel()
    if code:
        ending = f"ended with code {code}" if timely else f"was not done after {limit_s:.0f} s"
        raise Failure(f"schemathesis {ending}")


def try_client(url, folder):
    """The example in Python, with a phantom and its mask, and with what is no film."""
    film, mask = (folder / "eight" / f"phantom-1{kind}.png" for kind in ("", "-mask"))
    for arguments, code, words in [
        ([film, "--reference", mask], 0, r"phantom-1\.png: \d+\.\d% of the film is lung.* Dice 0\.\d{4}\n"),
        ([__file__], 1, r"api_test\.py: unrecognised_image: "),
    ]:
        command = [sys.executable, CLIENT, *map(str, arguments), "--server", url]
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if ended.returncode != code or not re.search(words, ended.stdout):
            raise Failure(f"examples/python ended with code {ended.returncode} and said: {ended.stdout}")


def show(line):
    """Prints a line, but not much of one in which schemathesis repeats a whole film."""
    print(line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + " …", flush=True)


def with_scripts():
    return os.pathsep.join([str(SCRIPTS), *filter(None, [os.environ.get("PYTHONPATH")])])


def wanted(description):
    """Every (operation, media type sent) and every (operation, media type answered) that a 200 must have been seen of."""
    sent, answered = {REFERENCE}, set()
    for path, methods in description["paths"].items():
        if path.startswith(OTHER_PROTOCOL):
            continue
        for method, operation in methods.items():
            label = f"{method.upper()} {path}"
            sent |= {(label, kind) for kind in operation.get("requestBody", {}).get("content", ["nothing"])}
            answered |= {(label, kind) for kind in operation["responses"]["200"]["content"]}
    return sent, answered


def wanted_formats(description):
    """Every (media type sent, format, problem or none) that must have been seen of /v1/segment."""
    operation = description["paths"]["/v1/segment"]["post"]
    (formats,) = (parameter["schema"]["enum"] for parameter in operation["parameters"] if parameter.get("name") == "format")
    refused = {(kind, format) for kind in IMAGES for format in formats if format.startswith("dicom-")}
    sent = [(kind, format) for kind in operation["requestBody"]["content"] for format in formats]
    return {(*pair, "source_not_dicom" if pair in refused else "") for pair in sent}


def report(answers):
    total = collections.Counter()
    for label, sent, _, status, code, answered, times in answers:
        total[label, sent, status, code, answered] += times
    print(f"\n{'operation':<36}{'sent':<34}{'status':<8}{'code':<26}{'answered':<26}{'times':>6}")
    for (label, sent, status, code, answered), times in sorted(total.items()):
        print(f"{label:<36}{sent:<34}{status:<8}{code:<26}{answered:<26}{times:>6}")
    print("\nswitched off:")
    for what, reason in SWITCHED_OFF:
        print(f"  {what}: {reason}")


def missing(description, answers):
    sent, answered = wanted(description)
    good = [answer for answer in answers if answer[3] == 200]
    without = sent - {(label, kind) for label, kind, *_ in good}
    without |= answered - {(answer[0], answer[5]) for answer in good}
    formats = wanted_formats(description) - {(kind, format, code) for _, kind, format, _, code, *_ in answers}
    codes = set(description["components"]["schemas"]["ProblemCode"]["enum"]) - RARE - {answer[4] for answer in answers}
    return [
        *(f"no 200 was seen of {label} with {kind}" for label, kind in sorted(without)),
        *(f"no {code or '200'} was seen of {kind} with format={format}" for kind, format, code in sorted(formats)),
        *(f"nobody was told {code}" for code in sorted(codes)),
    ]


def try_server(arguments, folder, deadline):
    """Everything that is wrong, in the order in which it was found."""
    failures = []
    draw_corpus(arguments.phantom, folder)
    server = Server(arguments.server)
    try:
        url = server.url(deadline - time.monotonic())
        compare_description(url, arguments.openapi)
        try_client(url, folder)
        run_schemathesis(url, arguments.openapi, folder, deadline - time.monotonic())
    except (Failure, OSError) as failure:
        failures.append(str(failure))
    finally:
        ending = server.stop()
    failures += [ending] if ending else []
    counted = folder / "answers.json"
    seen = json.loads(counted.read_text()) if counted.exists() else {"answers": [], "wrong": []}
    answers = seen["answers"]
    report(answers)
    failures += seen["wrong"]
    if answers or not failures:  # where nothing was tried, what is missing goes without saying
        failures += missing(yaml.safe_load(arguments.openapi.read_text()), answers)
    if failures:
        print("\nthe end of the server's log:", *server.log, sep="\n  ")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", type=lambda path: Path(path).resolve(strict=True), required=True)
    parser.add_argument("--phantom", type=lambda path: Path(path).resolve(strict=True), required=True)
    parser.add_argument("--openapi", type=lambda path: Path(path).resolve(strict=True))
    parser.set_defaults(openapi=SCRIPTS.parent / "openapi.yaml")
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lungfield-api-test-") as folder:
        failures = try_server(arguments, Path(folder), started + TIME_LIMIT_S)
    for failure in failures:
        show(f"FAILED: {failure}")
    print(f"the API test took {time.monotonic() - started:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
