"""Trains the SegNet of src/network the way that most people would write it in PyTorch, and says how fast it went.

    python -m benches.training.plain_pytorch --data ../shared/data --width 16 --side 256 --batch-size 6 --iterations 40

It is there to be timed by compare.py: it validates nothing and keeps no weights. The last line that it writes is the
number of films a second over the steps after the warm-up, the waiting for films included.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import DataLoader, Dataset, RandomSampler

from benches.segnet import SegNet

PERCENTILES = [1, 99]
OUTSIDE = -1.0
"""What lies outside of a film on the model grid."""


class Films(Dataset):
    """The training films of a data set, each read from disk whenever it is asked for, or kept from the first reading
    on.
    """

    def __init__(self, folder: Path, side: int, keep: bool) -> None:
        with (folder / "cases.csv").open(newline="") as rows:
            cases = [case for case in csv.DictReader(rows) if case["split"] == "train"]
        self.paths = [(folder / case["image"], folder / case["reference"]) for case in cases]
        self.side = side
        # Read before the workers are forked, so that they share it.
        self.kept = [self.read(index) for index in range(len(self.paths))] if keep else None

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return vary(*(self.kept[index] if self.kept else self.read(index)))

    def read(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        image, reference = self.paths[index]
        film = letterbox(image, self.side)
        dark, bright = np.percentile(film, PERCENTILES)
        plane = np.clip((film - dark) * (2 / max(bright - dark, 1e-6)) - 1, -1, 1)
        return pad(plane, self.side, OUTSIDE), pad(letterbox(reference, self.side) / 255, self.side, 0.0)


def letterbox(path: Path, side: int) -> Any:
    """Returns an image in greys, its longer side scaled to `side`."""
    with Image.open(path) as image:
        scale = side / max(image.size)
        size = [max(1, round(length * scale)) for length in image.size]
        return np.asarray(image.convert("L").resize(size, Image.Resampling.BILINEAR), dtype=np.float32)


def pad(plane: Any, side: int, outside: float) -> torch.Tensor:
    """Returns a plane in the middle of a square one, as a tensor `[1, side, side]`."""
    rows, columns = plane.shape
    top, left = (side - rows) // 2, (side - columns) // 2
    square = torch.full((1, side, side), outside)
    square[0, top : top + rows, left : left + columns] = torch.from_numpy(plane)
    return square


def around(width: float) -> float:
    """Returns a number between -`width` and `width`."""
    return (torch.rand(()).item() * 2 - 1) * width


def vary(plane: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns those variations of src/train/augment that compare.py asks lungfield-train for."""
    angle, scale, aspect = math.radians(around(10)), around(0.22), around(0.1) / 2
    wide, high = math.exp(-scale - aspect), math.exp(-scale + aspect)
    if torch.rand(()) < 0.5:
        wide = -wide
    rows = [
        [math.cos(angle) * wide, -math.sin(angle) * wide, around(0.16)],
        [math.sin(angle) * high, math.cos(angle) * high, around(0.16)],
    ]
    # What grid_sample finds outside is 0, so the film is moved with black at 0.
    both = torch.cat([plane - OUTSIDE, target])[None]
    grid = F.affine_grid(torch.tensor([rows]), both.shape, align_corners=False)
    plane, target = F.grid_sample(both, grid, align_corners=False)[0].split(1)
    plane = shade(plane / 2)
    if torch.rand(()) < 0.2:
        cover_edge(plane, target)
    return plane, target


def shade(greys: torch.Tensor) -> torch.Tensor:
    """Greys from 0 to 1 in, varied greys from -1 to 1 out."""
    curved = greys.clamp(0, 1) ** math.exp(around(0.5)) * 2 - 1
    noise = torch.randn_like(curved) * (torch.rand(()) * 0.05 * 2)
    return (curved * math.exp(around(0.3)) + around(0.12) * 2 + noise).clamp(-1, 1)


def cover_edge(plane: torch.Tensor, target: torch.Tensor) -> None:
    """Covers up to an eighth of one side with black or white, where no lung is seen any more."""
    side = plane.shape[-1]
    depth = int(torch.randint(1, side // 8 + 1, ()))
    place = slice(0, depth) if torch.rand(()) < 0.5 else slice(side - depth, side)
    edge = (slice(None), place) if torch.rand(()) < 0.5 else (slice(None), slice(None), place)
    plane[edge] = 1.0 if torch.rand(()) < 0.5 else -1.0
    target[edge] = 0.0


def loss_of(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Returns cross-entropy plus one minus soft Dice, as lungfield-train computes it."""
    probabilities = torch.sigmoid(logits)
    shared = 2 * (probabilities * targets).sum((1, 2, 3)) + 1
    whole = probabilities.sum((1, 2, 3)) + targets.sum((1, 2, 3)) + 1
    return F.binary_cross_entropy_with_logits(logits, targets) + 1 - (shared / whole).mean()


def loader(options: argparse.Namespace, device: torch.device) -> Any:
    films = Films(options.data, options.side, options.tuned)
    sampler = RandomSampler(films, replacement=True, num_samples=options.iterations * options.batch_size)
    return DataLoader(
        films,
        batch_size=options.batch_size,
        sampler=sampler,
        num_workers=options.workers,
        pin_memory=device.type == "cuda",
    )


def train(options: argparse.Namespace, device: torch.device) -> float:
    """Returns films a second over the steps after the warm-up."""
    layout = torch.channels_last if options.tuned else torch.contiguous_format
    network = SegNet(options.width).to(device, memory_format=layout).train()
    optimiser = torch.optim.SGD(
        network.parameters(), lr=options.learning_rate, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    began = time.perf_counter()
    for iteration, (planes, targets) in enumerate(loader(options, device), start=1):
        planes = planes.to(device, non_blocking=True, memory_format=layout)
        targets = targets.to(device, non_blocking=True)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=options.bf16):
            logits = network(planes)
        loss = loss_of(logits.float(), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss_value = loss.item()  # on CUDA this waits for the step, as lungfield-train does
        if iteration == options.warmup:
            began = time.perf_counter()
        print(f"iteration {iteration}: loss {loss_value:.4f}", flush=True)
    return (options.iterations - options.warmup) * options.batch_size / (time.perf_counter() - began)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with cases.csv")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=6)
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--warmup", type=int, default=10, help="steps that are not timed")
    parser.add_argument("--learning-rate", type=float, default=0.05)
    parser.add_argument("--bf16", action="store_true", help="autocast to bfloat16")
    parser.add_argument(
        "--tuned", action="store_true", help="keep the resized films in memory; weights lie channels-last"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of the network")
    parser.add_argument("--workers", type=int, default=2, help="processes that read and vary films")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not 0 < options.warmup < options.iterations:
        parser.error("--warmup is not between 0 and --iterations")
    return options


def main() -> None:
    options = parse()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    rate = train(options, torch.device(options.device))
    print(f"images_per_second {rate:.3f}")


if __name__ == "__main__":
    main()
