"""What a release says of itself: its version, its name and its time, which is that of the commit."""

from __future__ import annotations

import os
import subprocess

from scripts.common.repository import ROOT, version

VERSION = version()
NAME = f"lungfield-{VERSION}-x86_64-linux"
PROGRAMS = ["lungfield-serve", "lungfield-segment", "lungfield-train", "lungfield-evaluate", "lungfield-phantom"]


def epoch() -> int:
    """Returns seconds since 1970: SOURCE_DATE_EPOCH where that is set, else the time of the commit."""
    stated = os.environ.get("SOURCE_DATE_EPOCH")
    if stated:
        return int(stated)
    command = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)
