#!/usr/bin/env python3
"""Segments films with a Lungfield server, and says how large the lungs are: python3 segment.py film.png [film.dcm …]. Needs requests and numpy."""

import argparse

import numpy as np
import requests


def mask_of(rle):
    """COCO's runs as an array of rows × columns: they go down one column after the other, and every second one is lung."""
    height, width = rle["size"]
    is_lung = np.arange(len(rle["counts"])) % 2 == 1
    return np.repeat(is_lung, rle["counts"]).reshape(width, height).T


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("films", nargs="+", type=argparse.FileType("rb"))
parser.add_argument("--reference", type=argparse.FileType("rb"), help="a mask to compare that of the only film with")
parser.add_argument("--server", default="http://127.0.0.1:8080")
options = parser.parse_args()
if options.reference and len(options.films) > 1:
    parser.error("--reference goes with one film")
with requests.Session() as session:
    for film in options.films:
        parts = {"image": film, "ground_truth": options.reference} if options.reference else {"image": film}
        answer = session.post(f"{options.server}/v1/segment", params={"rle": "counts"}, files=parts, timeout=60)
        found = answer.json()
        if not answer.ok:  # `code` is for programs, `detail` for people
            raise SystemExit(f"{film.name}: {found['code']}: {found['detail']}")
        said = [f"{mask_of(found['mask']).mean():.1%} of the film is lung", *(warning["code"] for warning in found["warnings"])]
        print(f"{film.name}:", ", ".join(said), *([f"Dice {found['dice']:.4f}"] if "dice" in found else []))
