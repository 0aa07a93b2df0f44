"""Decides which films the servers are asked about: one real film in several sizes and formats.

They are made in a folder that the caller throws away: no film of a patient goes into the repository.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

JPEG_QUALITY = 90


@dataclass(frozen=True)
class Film:
    """A film on disk. Its name says its longer side and its format, as in `2048.png`."""

    name: str
    path: Path

    @property
    def content_type(self) -> str:
        return f"image/{self.path.suffix[1:]}"


def make(data: Path, folder: Path, names: Iterable[str]) -> dict[str, Film]:
    """Returns the films of these names, made of the first full-size film of a data set. `full.png` is that film as it
    is.
    """
    source = min((data / "fullsize" / "images").glob("*.png"), default=None)
    if source is None:
        raise SystemExit(f"{data}/fullsize/images holds no PNG: name the data set by --data")
    with Image.open(source) as image:
        grey = image.convert("L")
    return {name: Film(name, source if name == "full.png" else _resized(grey, folder / name)) for name in names}


def _resized(grey: Any, path: Path) -> Path:
    scale = int(path.stem) / max(grey.size)
    size = [round(length * scale) for length in grey.size]
    grey.resize(size, Image.Resampling.LANCZOS).save(path, quality=JPEG_QUALITY)
    return path
