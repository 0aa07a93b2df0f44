"""Holds the forward pass against PyTorch: the same network, side, batch and threads, on one device, in one run.

    cargo build --release -p lungfield-model --example forward
    venv/bin/python -m benches.forward.compare --precision f32 --precision bf16
    venv/bin/python -m benches.forward.compare --device cuda --precision f16 --width 64 --side 256 --batch-sizes 1,4,8

PyTorch runs eagerly in f32, as most people have it, and in each precision as `channels_last`, `script` (traced,
frozen and optimised, on the CPU) and `compile` (torch.compile, which wants a C++ compiler). All of them and `forward`
take turns in rounds; a figure is the median of the rounds, in milliseconds a film, and the ratio says how many times
as fast `forward` is as PyTorch eager in f32. `engine` is the same through queue, batches and answers, and its share
is what it adds to the pass.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from benches.segnet import SegNet

ROOT = Path(__file__).resolve().parents[2]

KINDS = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
PASSES = 7
"""Timed passes of a round; its figure is their median."""


def forward(options: argparse.Namespace, precision: str) -> dict[int, tuple[float, float]]:
    """Returns what the program `forward` says, by batch size."""
    command = [options.forward, "--device", options.device, "--precision", precision, "--threads", options.threads]
    command += [
        "--width",
        options.width,
        "--side",
        options.side,
        "--batch-sizes",
        ",".join(map(str, options.batch_sizes)),
    ]
    command += ["--rounds", PASSES]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["batch_size"]: (line["pass_ms"], line["engine_ms"]) for line in lines}


def variants(options: argparse.Namespace) -> Iterator[tuple[str, Any, torch.dtype, torch.memory_format]]:
    """Yields the ways of PyTorch, by name: the network and the kind and layout of its planes."""
    device = options.device
    plain = SegNet(options.width).eval().to(device)
    yield "eager f32", plain, torch.float32, torch.contiguous_format
    for precision in options.precision:
        kind = KINDS[precision]
        network = SegNet(options.width).eval().to(device, kind, memory_format=torch.channels_last)
        yield f"channels_last {precision}", network, kind, torch.channels_last
        example = torch.zeros(1, 1, options.side, options.side, dtype=kind, device=device)
        if device == "cpu":
            traced = torch.jit.freeze(torch.jit.trace(network, example.to(memory_format=torch.channels_last)))
            yield f"script {precision}", torch.jit.optimize_for_inference(traced), kind, torch.channels_last
        if not options.no_compile:
            yield f"compile {precision}", torch.compile(network), kind, torch.channels_last


def milliseconds(network: Any, planes: torch.Tensor) -> float:
    """Returns the median time of a pass, for one film, until its map is on the CPU."""
    times = []
    for _ in range(PASSES + 2):
        began = time.perf_counter()
        torch.sigmoid(network(planes).float()).cpu()
        times.append(time.perf_counter() - began)
    return statistics.median(times[2:]) * 1e3 / len(planes)


def pytorch(
    ways: Sequence[tuple[str, Any, torch.dtype, torch.memory_format]], options: argparse.Namespace
) -> dict[tuple[str, int], float]:
    """Returns every way of PyTorch, by name and batch size."""
    figures = {}
    for name, network, kind, layout in ways:
        for batch_size in options.batch_sizes:
            planes = torch.randn(batch_size, 1, options.side, options.side).to(
                options.device, kind, memory_format=layout
            )
            figures[name, batch_size] = milliseconds(network, planes)
    return figures


def ours(options: argparse.Namespace) -> dict[tuple[str, int], float]:
    figures = {}
    for precision in options.precision:
        for batch_size, (alone, engine) in forward(options, precision).items():
            figures[f"forward {precision}", batch_size] = alone
            figures[f"engine {precision}", batch_size] = engine
    return figures


def table(rounds: Sequence[dict[tuple[str, int], float]], batch_sizes: Sequence[int]) -> None:
    """Medians of the rounds, and the median of the ratios to PyTorch eager of the same round."""
    names = dict.fromkeys(name for name, _ in rounds[0])
    print("| | " + " | ".join(f"batch {size}, ms a film | ratio" for size in batch_sizes) + " |")
    print("|---" * (1 + 2 * len(batch_sizes)) + "|")
    for name in names:
        cells = []
        for size in batch_sizes:
            ratio = statistics.median(figures["eager f32", size] / figures[name, size] for figures in rounds)
            cells.append(f"{statistics.median(figures[name, size] for figures in rounds):.1f} | {ratio:.2f}")
        print(f"| {name} | " + " | ".join(cells) + " |")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forward", type=Path, default=ROOT / "target" / "release" / "examples" / "forward")
    parser.add_argument("--device", default="cpu", help="cpu or cuda; LD_LIBRARY_PATH as for lungfield-serve")
    parser.add_argument("--precision", action="append", choices=list(KINDS), help="several times for several")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--side", type=int, default=384)
    parser.add_argument("--batch-sizes", type=lambda text: [int(size) for size in text.split(",")], default=[1, 4])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-compile", action="store_true", help="leave out torch.compile, which takes minutes")
    options = parser.parse_args()
    options.precision = options.precision or ["f32"]
    return options


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    with torch.inference_mode():
        rounds, ways = [], list(variants(options))
        for number in range(options.rounds):
            rounds.append(pytorch(ways, options) | ours(options))
            print(f"round {number + 1} of {options.rounds} is done", file=sys.stderr, flush=True)
    table(rounds, options.batch_sizes)


if __name__ == "__main__":
    main()
