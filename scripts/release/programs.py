"""Checks of the programs that are released: right version, no library or symbol that Debian 12 lacks, no folder of
this machine.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from scripts.common.repository import ROOT
from scripts.libtorch import elf
from scripts.release import facts

# What Debian 12 has: glibc 2.36, and libstdc++ and libgcc of GCC 12.
NEWEST = {"GLIBC": (2, 36), "GLIBCXX": (3, 4, 30), "CXXABI": (1, 3, 13), "GCC": (12, 0, 0)}
SYMBOL_VERSION = re.compile(r"([A-Z]+)_(\d+(?:\.\d+)*)")
RUNPATH = ["$ORIGIN/../libtorch/lib"]


class Unfit(Exception):
    """What keeps a program or a library from being released, in a sentence."""


def too_new(versions: Iterable[str]) -> list[str]:
    """Returns those of `versions`, as in GLIBC_2.36, that Debian 12 has not."""
    found = []
    for version in versions:
        match = SYMBOL_VERSION.fullmatch(version)
        if match and match[1] in NEWEST and tuple(map(int, match[2].split("."))) > NEWEST[match[1]]:
            found.append(version)
    return sorted(found)


def check_symbols(path: Path) -> None:
    wanted = [version for versions in elf.read(path).versions.values() for version in versions]
    newer = too_new(wanted)
    if newer:
        raise Unfit(f"{path} wants {', '.join(newer)}, which Debian 12 has not: it was built on a newer system")


def libraries(programs: Iterable[Path], folder: Path) -> list[Path]:
    """Returns the libraries of `folder` that the programs need, and those that these need, in order. What is not
    there is the system's.
    """
    waiting, found = list(programs), {}
    while waiting:
        for name in elf.read(waiting.pop()).needed:
            path = folder / name
            if path.exists() and name not in found:
                found[name] = path
                waiting.append(path)
    return [found[name] for name in sorted(found)]


def local_folders(programs: Path) -> list[str]:
    """Returns folders of this machine that mean nothing elsewhere, and tell of who built it."""
    cargo_home = os.environ.get("CARGO_HOME") or str(Path.home() / ".cargo")
    return [str(ROOT) + "/", cargo_home + "/", str(Path(programs).resolve()) + "/"]


def check_folders(path: Path, folders: Iterable[str]) -> None:
    data = path.read_bytes()
    named = [folder for folder in folders if folder.encode() in data]
    if named:
        raise Unfit(f"{path} names {', '.join(named)}: was it built by scripts/release/build.sh?")


def check_version(path: Path, libtorch: Path) -> None:
    environment = {**os.environ, "LD_LIBRARY_PATH": str(libtorch / "lib")}
    said = subprocess.run(
        [str(path), "--version"], env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    if said.split()[1:] != [facts.VERSION]:
        raise Unfit(f"{path} says that it is {said.strip()}, not {facts.VERSION}")


def strip(source: Path, target: Path) -> None:
    """Removes line tables. Names of functions stay, for backtraces."""
    subprocess.run(["strip", "--strip-debug", "-o", str(target), str(source)], check=True)


def stripped(folder: Path, out: Path, libtorch: Path) -> list[Path]:
    """Returns the programs of `folder`, checked and without line tables, as files in `out`."""
    found = []
    for name in facts.PROGRAMS:
        source, target = folder / name, out / name
        if not source.exists():
            raise Unfit(f"there is no {source}")
        strip(source, target)
        if elf.read(target).runpath != RUNPATH:
            raise Unfit(
                f"{source} looks for libraries in {elf.read(target).runpath}: was it built by scripts/release/build.sh?"
            )
        check_symbols(target)
        check_folders(target, local_folders(folder))
        check_version(target, libtorch)
        found.append(target)
    return found
