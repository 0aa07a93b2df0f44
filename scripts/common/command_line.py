"""Command-line options that several scripts share: the programs under test."""

from __future__ import annotations

import argparse
from pathlib import Path

from scripts.common.repository import PROGRAMS


def program(path: str) -> Path:
    """Returns the absolute path of a program; argparse reports one that does not exist."""
    if not Path(path).is_file():
        raise argparse.ArgumentTypeError(f"there is no {path}: run `make programs`")
    return Path(path).resolve()


def parser(description: str | None, *names: str) -> argparse.ArgumentParser:
    """Returns a parser with an option for each named program, as in `--server PATH`.

    The names are `server`, `segment` and `phantom`. By default a program is the one that `make programs` built.
    """
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in names:
        built = PROGRAMS / f"lungfield-{'serve' if name == 'server' else name}"
        made.add_argument(f"--{name}", metavar="PATH", type=program, default=str(built))
    return made
