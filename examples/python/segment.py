#!/usr/bin/env python3
"""Segments films with a Lungfield server and prints the share of each that is lung.

    python3 segment.py film.png [film.dcm ...]

Needs requests and numpy.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import requests


def mask_of(rle: dict[str, Any]) -> np.ndarray:
    """Returns COCO's run lengths as an array of rows and columns.

    The runs go down one column after the other, and every second one is lung.
    """
    height, width = rle["size"]
    is_lung = np.arange(len(rle["counts"])) % 2 == 1
    return np.repeat(is_lung, rle["counts"]).reshape(width, height).T


def segment(session: requests.Session, server: str, film: Any, reference: Any = None) -> dict[str, Any]:
    """Sends an open file, and one of a reference mask to compare with, and returns the answer."""
    parts = {"image": film, "ground_truth": reference} if reference else {"image": film}
    answer = session.post(f"{server}/v1/segment", params={"rle": "counts"}, files=parts, timeout=60)
    found: dict[str, Any] = answer.json()
    if not answer.ok:  # `code` is for programs, `detail` for people
        raise SystemExit(f"{film.name}: {found['code']}: {found['detail']}")
    return found


def describe(found: dict[str, Any]) -> str:
    """Returns an answer as a line for people."""
    words = [f"{mask_of(found['mask']).mean():.1%} of the film is lung"]
    words += [warning["code"] for warning in found["warnings"]]
    score = [f"Dice {found['dice']:.4f}"] if "dice" in found else []
    return " ".join([", ".join(words), *score])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="+", type=argparse.FileType("rb"))
    parser.add_argument(
        "--reference", type=argparse.FileType("rb"), help="a mask to compare that of the only film with"
    )
    parser.add_argument("--server", default="http://127.0.0.1:8080")
    options = parser.parse_args()
    if options.reference and len(options.films) > 1:
        parser.error("--reference goes with one film")
    with requests.Session() as session:
        for film in options.films:
            found = segment(session, options.server, film, options.reference)
            print(f"{film.name}: {describe(found)}")


if __name__ == "__main__":
    main()
