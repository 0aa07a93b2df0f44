"""Decides what a release says of itself: its version, its name and its time, which is that of the commit."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import version_check  # noqa: E402

VERSION = version_check.crate_version(ROOT)
NAME = f"lungfield-{VERSION}-x86_64-linux"
PROGRAMS = ["lungfield-serve", "lungfield-segment", "lungfield-train", "lungfield-evaluate", "lungfield-phantom"]
MODEL = ROOT / "models" / "lungfield-segnet"


def epoch():
    """Seconds since 1970: SOURCE_DATE_EPOCH where that is set, else the time of the commit."""
    said = os.environ.get("SOURCE_DATE_EPOCH")
    if said:
        return int(said)
    command = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)
