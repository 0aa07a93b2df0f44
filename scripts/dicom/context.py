"""What the claims of the DICOM tests share: the server, its films, and names for codes and classes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from scripts.common.phantoms import Kind
from scripts.common.repository import ROOT
from scripts.dicom.client import Service
from scripts.dicom.films import SECONDARY_CAPTURE, Film, Pixels, as_png, dicom, draw

FIXTURES = ROOT / "crates" / "codec" / "tests" / "fixtures" / "dicom"
LEAST_DICE = 0.999
# Not whole bytes, so that the second frame of a segmentation begins within one.
ODD_SIZE, SIZE = (447, 511), (448, 512)

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"
FORMATS = {"dicom-seg": SEGMENTATION, "dicom-sc": SECONDARY_CAPTURE, "dicom-sr": COMPREHENSIVE_SR}
SIDES = {"24028007": "right", "7771000": "left"}

NAMES = {
    "ISO_IR 100": ("ISO_IR 100", "Müller^Jürgen"),
    "ISO_IR 192": ("ISO_IR 192", "Łukasiewicz^Őrs^安"),
    "ISO 2022 IR 87": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
}


class Context:
    """The server, and the films that are sent to it."""

    def __init__(self, service: Service, phantom: Path, folder: Path) -> None:
        self.service = service
        self.films = {bits: draw(phantom, folder, seed, Kind(*SIZE, bits)) for seed, bits in enumerate((8, 12, 16), 1)}
        self.odd = draw(phantom, folder, 4, Kind(*ODD_SIZE, 12))
        self.film = self.films[12]

    def object(self, film: Film, **query: Any) -> tuple[Any, Any]:
        """Returns what the server writes of a phantom, and the film that it was sent."""
        source = dicom(film)
        return self.service.ask(source, **query).object(), pydicom.dcmread(io.BytesIO(source))

    def mask(self, film: Film) -> Pixels:
        return self.service.ask(film.png, "image/png", format="png").mask()


def with_pixels(film: Film, pixels: Pixels) -> Film:
    return Film(film.name, film.bits, pixels.astype(film.pixels.dtype), as_png(pixels), film.mask)


def one_lung(film: Film) -> Film:
    """Returns the film with its right half, so the patient's left, as opaque as a film's brightest parts."""
    pixels = film.pixels.copy()
    pixels[:, pixels.shape[1] // 2 :] = np.quantile(pixels, 0.9)
    return with_pixels(film, pixels)


def blank(film: Film) -> Film:
    return with_pixels(film, np.full_like(film.pixels, 900))
