"""Collects what pages may name: make targets, programs with their settings, files, tests, and codes of warnings."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PROGRAMS = (
    "lungfield-serve",
    "lungfield-segment",
    "lungfield-train",
    "lungfield-evaluate",
    "lungfield-phantom",
)
# Flags of other programs that pages mention in a sentence.
FOREIGN_FLAGS = {"--release", "--oha"}
# Variables that are not settings of a program.
OTHER_VARIABLES = {"LUNGFIELD_DATA"}

_TARGET = re.compile(r"^([a-z][a-z0-9+-]*):(?!=)", re.MULTILINE)
_FLAG = re.compile(r"^ +(?:-\w, )?(--[a-z][a-z0-9-]*)", re.MULTILINE)
_VARIABLE = re.compile(r"\[env:\s+(\w+)=?\]")
_DEFAULT = re.compile(r"\[default:\s+([^\]]*)\]")
_PYTHON_FLAG = re.compile(r"[\"'](--[a-z][a-z0-9-]*)[\"']")
_FUNCTION = re.compile(r"\bfn ([a-z0-9_]+)")
_WARNINGS = re.compile(r"^    WarningCode:.*?^      enum:\s*\[(.*?)\]", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Setting:
    """A flag of a program, its environment variable and its default."""

    flag: str
    variable: str | None
    default: str | None


@dataclass(frozen=True)
class Repository:
    """The repository at `root`, with its programs built in the folder `programs`."""

    root: Path
    programs: Path

    @cached_property
    def targets(self) -> set[str]:
        """The targets of the Makefile."""
        return set(_TARGET.findall((self.root / "Makefile").read_text(encoding="utf-8")))

    @cached_property
    def settings(self) -> dict[str, list[Setting]]:
        """The settings of each program, from its `--help`."""
        return {name: parse_help(help_text(self.programs / name)) for name in PROGRAMS}

    @cached_property
    def flags(self) -> set[str]:
        """The flags of all programs, of the Python scripts, and those of other programs that may be mentioned."""
        own = {setting.flag for each in self.settings.values() for setting in each}
        scripts = self._text("*.py", ("scripts", "deploy", "benches", "examples"))
        return own | set(_PYTHON_FLAG.findall(scripts)) | FOREIGN_FLAGS

    @cached_property
    def variables(self) -> set[str]:
        """The variables of all programs, of the hook, and of tests."""
        own = {setting.variable for each in self.settings.values() for setting in each}
        return {name for name in own if name} | OTHER_VARIABLES

    @cached_property
    def folders(self) -> set[str]:
        """The folders at the root that a path of the repository can begin with."""
        unwanted = {"target", "__pycache__"}
        there = {path.name for path in self.root.iterdir() if path.is_dir()}
        return {name for name in there if not name.startswith(".")} - unwanted

    @cached_property
    def functions(self) -> set[str]:
        """The names of all Rust functions, tests included."""
        return set(_FUNCTION.findall(self._text("*.rs", ("src", "tests", "crates", "fuzz"))))

    @cached_property
    def warnings(self) -> set[str]:
        """The codes of warnings that openapi.yaml lists."""
        found = _WARNINGS.search((self.root / "openapi.yaml").read_text(encoding="utf-8"))
        return set(re.findall(r"\w+", found[1])) if found else set()

    def _text(self, pattern: str, folders: tuple[str, ...]) -> str:
        paths = (path for folder in folders for path in walk(self.root / folder) if path.match(pattern))
        return "\n".join(path.read_text(encoding="utf-8") for path in sorted(paths))


def walk(folder: Path) -> Iterator[Path]:
    """Returns all files below a folder, without those in hidden folders such as `.venv`."""
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(here, name) for name in files)


def help_text(program: Path) -> str:
    """Returns what a program prints with `--help`, without settings from the environment."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LUNGFIELD_")}
    run = subprocess.run([program, "--help"], check=True, capture_output=True, text=True, env=clean)
    return run.stdout


def parse_help(text: str) -> list[Setting]:
    """Returns the settings in a help text of clap."""
    hits = list(_FLAG.finditer(text))
    ends = [hit.start() for hit in hits[1:]] + [len(text)]
    found = []
    for hit, end in zip(hits, ends):
        entry = " ".join(text[hit.end() : end].split())
        variable, default = _VARIABLE.search(entry), _DEFAULT.search(entry)
        found.append(Setting(hit[1], variable[1] if variable else None, default[1] if default else None))
    return found
