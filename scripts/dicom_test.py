#!/usr/bin/env python3
"""Sends a real lungfield-serve DICOM films, and has highdicom and pydicom read what it answers.

    python scripts/dicom_test.py --server target/release/lungfield-serve --phantom target/release/lungfield-phantom

Needs the packages of scripts/requirements-dicom-test.txt. The films are phantoms; pydicom makes objects of them, imagecodecs
compresses them. A line is printed for each claim, with what is wrong with it. It fails where one does not hold.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import dicom_bodies
import dicom_objects
import dicom_reading
import dicom_references
from dicom_films import Claims, Service
from dicom_world import ROOT, World

CLAIMS = [*dicom_reading.CLAIMS, *dicom_objects.CLAIMS, *dicom_references.CLAIMS, *dicom_bodies.CLAIMS]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", type=lambda path: Path(path).resolve(strict=True), default=ROOT / "target/release/lungfield-serve")
    parser.add_argument("--phantom", type=lambda path: Path(path).resolve(strict=True), default=ROOT / "target/release/lungfield-phantom")
    arguments = parser.parse_args()
    started = time.monotonic()
    claims = Claims()
    with tempfile.TemporaryDirectory(prefix="lungfield-dicom-test-") as folder, Service(arguments.server) as service:
        claims.try_all(CLAIMS, World(service, arguments.phantom, Path(folder)))
    print(f"{len(CLAIMS)} claims, {claims.failed} failed; the DICOM test took {time.monotonic() - started:.0f} s")
    return 1 if claims.failed else 0


if __name__ == "__main__":
    sys.exit(main())
