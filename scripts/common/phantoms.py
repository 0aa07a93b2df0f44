"""Phantoms drawn by lungfield-phantom: synthetic chest films with exact masks."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple


class Phantom(NamedTuple):
    """The files of a phantom, both PNG: the film, and its mask of 0 and 255."""

    film: Path
    mask: Path


class Kind(NamedTuple):
    """How phantoms are drawn: width and height in pixels, and bits of a pixel (8, 12 or 16)."""

    width: int
    height: int
    bits: int = 8


def draw(program: Path, folder: Path, kind: Kind, seed: int = 1, count: int = 1) -> list[Phantom]:
    """Draws `count` phantoms into a folder, of the seeds from `seed` on, and returns their files."""
    flags = {
        "out": folder,
        "seed": seed,
        "count": count,
        "depth": kind.bits,
        "width": kind.width,
        "height": kind.height,
    }
    words = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
    subprocess.run([str(program), *words], check=True, stdout=subprocess.DEVNULL)
    names = [f"phantom-{number}" for number in range(seed, seed + count)]
    return [Phantom(folder / f"{name}.png", folder / f"{name}-mask.png") for name in names]
