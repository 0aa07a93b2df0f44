"""Paths of this repository, and its version."""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "release"
MODEL = ROOT / "models" / "lungfield-segnet"

_SECTION = re.compile(r"^\[(?:workspace\.)?package\]\n(.*?)(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
_VERSION = re.compile(r'^version = "(.+)"$', re.MULTILINE)


def version(root: Path = ROOT) -> str:
    """Returns the version that Cargo.toml states for the package or for the whole workspace."""
    for section in _SECTION.findall((root / "Cargo.toml").read_text(encoding="utf-8")):
        found = _VERSION.search(section)
        if found:
            return found[1]
    raise SystemExit(f"{root / 'Cargo.toml'} states no version")
