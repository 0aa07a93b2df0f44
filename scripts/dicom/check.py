"""Sends a running lungfield-serve DICOM films, and has highdicom and pydicom read what it answers.

    python -m scripts.dicom.check --server target/release/lungfield-serve --phantom target/release/lungfield-phantom

Needs the packages of scripts/dicom/requirements.txt. The films are phantoms; pydicom makes objects of them,
imagecodecs compresses them. A line is printed for each claim, with what is wrong with it. The test fails where a
claim does not hold.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from scripts.common.claims import Claims
from scripts.common.command_line import parser
from scripts.dicom import bodies, objects, reading, references
from scripts.dicom.client import Service
from scripts.dicom.context import Context

CLAIMS = [*reading.CLAIMS, *objects.CLAIMS, *references.CLAIMS, *bodies.CLAIMS]


def main() -> int:
    arguments = parser(__doc__, "server", "phantom").parse_args()
    started = time.monotonic()
    claims = Claims()
    with tempfile.TemporaryDirectory(prefix="lungfield-dicom-check-") as folder, Service(arguments.server) as service:
        claims.check_all(CLAIMS, Context(service, arguments.phantom, Path(folder)))
    print(f"the DICOM test took {time.monotonic() - started:.0f} s")
    return claims.exit_code()


if __name__ == "__main__":
    sys.exit(main())
