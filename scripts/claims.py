"""Decides how a test with somebody else's client says what it found: a line for each claim, and an exit code."""

import argparse
import sys
from pathlib import Path

made = []


def claim(words, holds, found=""):
    made.append(bool(holds))
    print(f"{'ok  ' if holds else 'FAIL'} {words}{f': {found}' if found != '' else ''}", flush=True)


def programs(description, *names):
    """The programs that the command line names, by these options."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    for name in names:
        parser.add_argument(f"--{name}", required=True, type=lambda path: str(Path(path).resolve(strict=True)))
    return parser.parse_args()


def end():
    """Ends the test: well where every claim held."""
    print(f"{len(made)} claims, {made.count(False)} failed")
    sys.exit(0 if made and all(made) else 1)
