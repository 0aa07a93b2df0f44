"""Draws the films that the examples of the pages use."""

from __future__ import annotations

import subprocess
from pathlib import Path

from PIL import Image

from scripts.api.objects import dicom_file, radiograph

DICOM_BITS = 12
SPACING_MM = "0.8\\0.8"


def draw(phantom: Path, folder: Path) -> None:
    """Writes `phantom-1.png`, `phantom-1-mask.png` and `film.dcm`, the same phantom as a DICOM radiograph."""
    deep = folder / "deep"
    _run(phantom, deep, "--depth", str(DICOM_BITS))
    with Image.open(deep / "phantom-1.png") as image:
        values = radiograph(image, BitsStored=DICOM_BITS, HighBit=DICOM_BITS - 1, ImagerPixelSpacing=SPACING_MM)
    for path in deep.iterdir():
        path.unlink()
    deep.rmdir()
    (folder / "film.dcm").write_bytes(dicom_file(values))
    _run(phantom, folder)


def _run(phantom: Path, folder: Path, *flags: str) -> None:
    subprocess.run([phantom, "--out", folder, *flags], check=True, stdout=subprocess.DEVNULL)
