"""Tests a running lungfield-serve against openapi.yaml: schemathesis draws the requests, phantoms are the films.

    python -m scripts.api.check --server target/release/lungfield-serve --phantom target/release/lungfield-phantom

Needs the packages of scripts/api/requirements.txt. cases.py says what is sent, judge.py what must come back. The run is
seeded and ends within three minutes. It fails on any finding, on an operation, media type or format without a 200, on a
problem code that no request produced, and on a server that does not end with code 0 on SIGTERM.
"""

from __future__ import annotations

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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from scripts.common.command_line import parser
from scripts.common.failure import Failure
from scripts.common.phantoms import Kind, draw
from scripts.common.repository import ROOT
from scripts.common.server import SLEEPING_THREADS, Server

CLIENT = ROOT / "examples" / "python" / "segment.py"
SEED = 2016
FILMS = 100
REQUESTS_WITHOUT_A_FILM = 20
TIME_LIMIT_S = 160
LONGEST_LINE = 300
WIDTH, HEIGHT = 112, 96

# What schemathesis could try and does not, or could find and is not told of, each with its reason.
SWITCHED_OFF = [
    (
        "the header Accept",
        "OpenAPI has no parameter for it; some are sent as examples, and the integration tests negotiate every form",
    ),
    (
        "positive_data_acceptance, for bad files",
        "to a schema every file is good; answers_keep_the_contract knows the status and code that each must get",
    ),
    (
        "a 504, where Lungfield-Timeout-Ms was drawn",
        "to a schema a timeout of 1 ms is as good as any; answers_keep_the_contract allows it with that header only",
    ),
]

SEGMENT = "POST /v1/segment"
# Tested by its own client instead: scripts/oip/check.py.
OTHER_PROTOCOL = "/v2"
# Not a media type of its own, and yet to be answered 200 at least once.
REFERENCE = (SEGMENT, "multipart/form-data + reference")
# About films of these types no DICOM object is written.
IMAGES = {"image/png", "image/jpeg", "image/tiff"}
# Problems that nobody need have had: those of servers with keys or in distress, of paths that are none, and of broken
# connections.
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


def draw_corpus(phantom: Path, folder: Path) -> None:
    """Draws the phantoms that corpus.py makes its files of."""
    draw(phantom, folder / "eight", Kind(WIDTH, HEIGHT, 8), seed=1)
    draw(phantom, folder / "sixteen", Kind(WIDTH, HEIGHT, 16), seed=2)


def compare_description(url: str, path: Path) -> None:
    with urllib.request.urlopen(f"{url}/openapi.yaml", timeout=10) as answer:
        if answer.read() != path.read_bytes():
            raise Failure(f"the server's openapi.yaml is not {path}")


def run_schemathesis(url: str, description: Path, folder: Path, limit_s: float) -> None:
    """Runs schemathesis on the description in the file, since it does not try the operation that it got its
    description from.
    """
    configuration = folder / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration), "run"]
    command += ["--checks", "all", "--mode", "all", "--phases", "examples,coverage,fuzzing,stateful"]
    command += ["--url", url, str(description)]
    hooks = {"SCHEMATHESIS_HOOKS": "scripts.api.hooks", "PYTHONPATH": python_path()}
    hooks["LUNGFIELD_API_CORPUS"] = str(folder)
    process = subprocess.Popen(
        command,
        env={**os.environ, **hooks},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout, "it is a pipe"
    # Interrupted, it still prints what it has found.
    interrupt = threading.Timer(limit_s, process.send_signal, [signal.SIGINT])
    timers = [interrupt, threading.Timer(limit_s + 10, process.kill)]
    for timer in timers:
        timer.start()
    for line in process.stdout:
        show(line.rstrip("\n"))
    code = process.wait()
    timely = interrupt.is_alive()
    for timer in timers:
        timer.cancel()
    if code:
        ending = f"ended with code {code}" if timely else f"was not done after {limit_s:.0f} s"
        raise Failure(f"schemathesis {ending}")


def try_client(url: str, folder: Path) -> None:
    """Runs the example in Python with a phantom and its mask, and with what is no film."""
    film, mask = (folder / "eight" / f"phantom-1{kind}.png" for kind in ("", "-mask"))
    cases: list[tuple[list[Any], int, str]] = [
        ([film, "--reference", mask], 0, r"phantom-1\.png: \d+\.\d% of the film is lung.* Dice 0\.\d{4}\n"),
        ([__file__], 1, r"check\.py: unrecognised_image: "),
    ]
    for arguments, code, words in cases:
        command = [sys.executable, str(CLIENT), *map(str, arguments), "--server", url]
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if ended.returncode != code or not re.search(words, ended.stdout):
            raise Failure(f"examples/python ended with code {ended.returncode} and said: {ended.stdout}")


def show(line: str) -> None:
    """Prints a line, but not much of one in which schemathesis repeats a whole film."""
    print(line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + " …", flush=True)


def python_path() -> str:
    """Returns the search path of a Python that runs elsewhere, with this repository in front."""
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])


def wanted(description: dict[str, Any]) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Returns every (operation, media type sent) and every (operation, media type answered) that a 200 must have been
    seen of.
    """
    sent, answered = {REFERENCE}, set()
    for path, methods in description["paths"].items():
        if path.startswith(OTHER_PROTOCOL):
            continue
        for method, operation in methods.items():
            label = f"{method.upper()} {path}"
            sent |= {(label, kind) for kind in operation.get("requestBody", {}).get("content", ["nothing"])}
            answered |= {(label, kind) for kind in operation["responses"]["200"]["content"]}
    return sent, answered


def wanted_formats(description: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Returns every (media type sent, format, problem or none) that must have been seen of /v1/segment."""
    operation = description["paths"]["/v1/segment"]["post"]
    (formats,) = (
        parameter["schema"]["enum"] for parameter in operation["parameters"] if parameter.get("name") == "format"
    )
    refused = {(kind, format) for kind in IMAGES for format in formats if format.startswith("dicom-")}
    sent = [(kind, format) for kind in operation["requestBody"]["content"] for format in formats]
    return {(*pair, "source_not_dicom" if pair in refused else "") for pair in sent}


def report(answers: Sequence[Sequence[Any]]) -> None:
    total: collections.Counter[tuple[Any, ...]] = collections.Counter()
    for label, sent, _, status, code, answered, times in answers:
        total[label, sent, status, code, answered] += times
    print(f"\n{'operation':<36}{'sent':<34}{'status':<8}{'code':<26}{'answered':<26}{'times':>6}")
    for (label, sent, status, code, answered), times in sorted(total.items()):
        print(f"{label:<36}{sent:<34}{status:<8}{code:<26}{answered:<26}{times:>6}")
    print("\nswitched off:")
    for what, reason in SWITCHED_OFF:
        print(f"  {what}: {reason}")


def missing(description: dict[str, Any], answers: Sequence[Sequence[Any]]) -> list[str]:
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


def problem_codes(description: dict[str, Any], operation: dict[str, Any], status: int) -> set[str]:
    """Returns the codes that an operation may answer with a status: the names of the examples of its response."""
    response = operation["responses"].get(str(status), {})
    if "$ref" in response:
        response = description["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return {name for content in response.get("content", {}).values() for name in content.get("examples", {})}


def undeclared(description: dict[str, Any], answers: Sequence[Sequence[Any]]) -> list[str]:
    """Returns the problems that the description does not list for their operation and status."""
    found = set()
    for label, _, _, status, code, *_ in answers:
        method, _, path = label.partition(" ")
        operation = description["paths"].get(path, {}).get(method.lower())
        if operation and code and code not in problem_codes(description, operation, status):
            found.add(f"{label} answered {status} with {code}, which is not described")
    return sorted(found)


def check_server(arguments: argparse.Namespace, folder: Path, deadline: float) -> list[str]:
    """Returns everything that is wrong, in the order in which it was found."""
    failures = []
    draw_corpus(arguments.phantom, folder)
    command = [arguments.server, "--log-format", "json"]
    server = Server(command, metrics_listen="off", environment=SLEEPING_THREADS)
    try:
        server.start()
        server.wait_ready(deadline - time.monotonic())
        url = f"http://{server.address}"
        compare_description(url, arguments.openapi)
        try_client(url, folder)
        run_schemathesis(url, arguments.openapi, folder, deadline - time.monotonic())
        server.stop()
    except (Failure, OSError) as failure:
        failures.append(str(failure))
    finally:
        server.close()
    failures += check_answers(folder, yaml.safe_load(arguments.openapi.read_text()), failures)
    if failures:
        print("\nthe end of the server's log:", server.log_text(), sep="\n")
    return failures


def check_answers(folder: Path, description: dict[str, Any], failures: Sequence[str]) -> list[str]:
    """Returns what is wrong with the answers that schemathesis got, after other failures."""
    counted = folder / "answers.json"
    seen = json.loads(counted.read_text()) if counted.exists() else {"answers": [], "wrong": []}
    answers = seen["answers"]
    report(answers)
    if failures and not answers:
        return []  # where nothing was sent, everything is missing
    return seen["wrong"] + undeclared(description, answers) + missing(description, answers)


def main() -> int:
    options = parser(__doc__, "server", "phantom")
    options.add_argument("--openapi", type=lambda path: Path(path).resolve(strict=True))
    options.set_defaults(openapi=ROOT / "openapi.yaml")
    arguments = options.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lungfield-api-check-") as folder:
        failures = check_server(arguments, Path(folder), started + TIME_LIMIT_S)
    for failure in failures:
        show(f"FAILED: {failure}")
    print(f"the API test took {time.monotonic() - started:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
