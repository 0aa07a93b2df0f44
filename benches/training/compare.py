"""Times lungfield-train against plain_pytorch.py: the same network, films, batch, precision, optimiser and number of
steps.

    python -m benches.training.compare --data ../shared/data --train target/release/lungfield-train

The programs run one after another, in rounds, so that what else the machine does meets all of them alike. PyTorch
runs twice a round: as most people would write it, and with its films kept in memory and its weights channels-last. A
rate is films a second over the steps after the warm-up, waiting for films included and validation not; the ratio is
the median of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TRAIN = HERE.parents[1] / "target" / "release" / "lungfield-train"
LEARNING_RATE = "0.05"
LAST_LINES = 20
VARIATIONS = {
    "shift": 0.08,
    "scale": 0.22,
    "aspect": 0.1,
    "rotation-degrees": 10,
    "flip-probability": 0.5,
    "gamma": 0.5,
    "contrast": 0.3,
    "brightness": 0.12,
    "noise": 0.05,
    "edge-probability": 0.2,
}
"""What plain_pytorch.py does to films; lungfield-train is asked for the same and no more."""


def run(command: Sequence[object]) -> str:
    """Returns what a program writes to standard output. Its last words are shown where it fails."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        last_words = "\n".join((done.stdout + done.stderr).splitlines()[-LAST_LINES:])
        sys.exit(f"{command[0]} ended with code {done.returncode}:\n{last_words}")
    return done.stdout


def shared_flags(options: argparse.Namespace) -> list[object]:
    names = ["data", "width", "side", "batch_size", "iterations", "threads"]
    flags = [(f"--{name.replace('_', '-')}", getattr(options, name)) for name in names]
    return [word for flag in flags for word in flag] + ["--learning-rate", LEARNING_RATE]


def lungfield(options: argparse.Namespace) -> float:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "model"
        command = [options.train, *shared_flags(options), "--out", out, "--precision", options.precision]
        command += ["--no-augmentation", "--coarse-share", 0]
        command += [word for name, value in VARIATIONS.items() for word in (f"--{name}", value)]
        command += ["--optimiser", "sgd", "--momentum", "0.9", "--weight-decay", "1e-4", "--device", options.device]
        # Validated once, at the end, where it is not timed.
        command += ["--validate-every", options.iterations]
        run(command)
        lines = (out / "run" / "metrics.jsonl").read_text().splitlines()
    steps = [entry for entry in map(json.loads, lines) if entry["event"] == "step"]
    return rate(steps, options.warmup)


def rate(steps: Sequence[dict[str, Any]], warmup: int) -> float:
    """Returns films a second over the entries that begin after the warm-up; an entry reaches back to the one before
    it.
    """
    iterations = seconds = 0.0
    before = 0
    for step in steps:
        if before >= warmup:
            iterations += step["iteration"] - before
            seconds += (step["iteration"] - before) / step["images_per_second"]
        before = step["iteration"]
    if not iterations:
        sys.exit(f"no step entry begins after the warm-up of {warmup} iterations: ask for more --iterations")
    return iterations / seconds


def pytorch(options: argparse.Namespace, *more: str) -> float:
    command = [sys.executable, "-m", "benches.training.plain_pytorch", *shared_flags(options), *more]
    command += ["--warmup", options.warmup, "--workers", options.workers]
    command += ["--bf16"] if options.precision == "bf16" else []
    command += [] if options.device == "auto" else ["--device", options.device]
    name, _, value = run(command).splitlines()[-1].partition(" ")
    assert name == "images_per_second", "the last line of plain_pytorch.py is its rate"
    return float(value)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with cases.csv")
    parser.add_argument("--train", type=Path, default=TRAIN, help="the lungfield-train to time")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=6)
    parser.add_argument("--iterations", type=int, default=200)
    parser.add_argument("--warmup", type=int, default=50, help="steps that are not timed")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of the network")
    parser.add_argument("--workers", type=int, default=2, help="PyTorch's processes that read and vary films")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    return parser.parse_args()


def main() -> None:
    options = parse()
    programs = {
        "lungfield-train": lungfield,
        "plain PyTorch": pytorch,
        "tuned PyTorch": lambda options: pytorch(options, "--tuned"),
    }
    rates: dict[str, list[float]] = {name: [] for name in programs}
    for round_number in range(1, options.rounds + 1):
        for name, program in programs.items():
            rates[name].append(program(options))
            print(f"round {round_number}: {name} {rates[name][-1]:.2f} images/s", flush=True)
    ours = rates["lungfield-train"]
    print(f"lungfield-train: {statistics.median(ours):.2f} images/s")
    for name in list(programs)[1:]:
        ratios = [mine / theirs for mine, theirs in zip(ours, rates[name])]
        print(
            f"{name}: {statistics.median(rates[name]):.2f} images/s; "
            f"lungfield-train is {statistics.median(ratios):.2f} times as fast ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
