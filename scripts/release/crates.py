"""The crates that are inside the programs: those that cargo links for x86-64 Linux.

Procedural macros and crates that only builds or tests need are not among them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common.repository import ROOT

TARGET = "x86_64-unknown-linux-gnu"
LOCKED = re.compile(
    r'^\[\[package\]\]\nname = "(.+)"\nversion = "(.+)"\n(?:source = ".*"\n)?(?:checksum = "(.+)"\n)?', re.MULTILINE
)
LICENCE_FILE = re.compile(r"(licen[cs]e|copying|notice|unlicense|copyright)", re.IGNORECASE)

Key = tuple[str, str]
"""Name and version of a crate."""


class Crate(NamedTuple):
    """A crate that is linked.

    `licence` is an SPDX expression. `sha256` is that of the package as it is published, "" for our own. `folder` is
    where its sources lie. `needs` are the crates that it links. `ours` says that it is a member of this workspace.
    """

    name: str
    version: str
    licence: str
    sha256: str
    folder: Path
    repository: str
    description: str
    needs: list[Key]
    ours: bool = False

    @property
    def key(self) -> Key:
        return self.name, self.version


def cargo(*arguments: str) -> str:
    command = [os.environ.get("CARGO", "cargo"), *arguments, "--locked"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def linked() -> set[Key]:
    """Returns keys of the crates that end up in the programs. `cargo metadata` can't tell: its features are those of
    tests, too.
    """
    tree = cargo(
        "tree",
        "--workspace",
        "--target",
        TARGET,
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
    )
    return {(line.split()[0], line.split()[1].lstrip("v")) for line in tree.splitlines() if line}


def checksums(lock: str) -> dict[Key, str]:
    """Returns what Cargo.lock pins, by the key of the crate."""
    return {(name, version): checksum for name, version, checksum in LOCKED.findall(lock)}


def spdx(package: dict[str, Any]) -> str:
    """Returns the licence as an expression: old manifests put a stroke between alternatives, some only name a file."""
    licence = package["license"] or f"LicenseRef-{package['name']}"
    return re.sub(r"\s*/\s*", " OR ", licence)


def needs_of(node: dict[str, Any], keys: dict[str, Key]) -> set[Key]:
    """Returns what a node of cargo's graph is linked to."""
    normal = [edge["pkg"] for edge in node["deps"] if any(kind["kind"] is None for kind in edge["dep_kinds"])]
    return {keys[package] for package in normal}


def crates() -> dict[Key, Crate]:
    """Returns the crates that are linked, by their keys, in order."""
    described = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", TARGET))
    keys = {package["id"]: (package["name"], package["version"]) for package in described["packages"]}
    wanted, pinned = linked(), checksums((ROOT / "Cargo.lock").read_text())
    needs = {node["id"]: sorted(needs_of(node, keys) & wanted) for node in described["resolve"]["nodes"]}
    found = {}
    for package in sorted(described["packages"], key=lambda package: keys[package["id"]]):
        key = keys[package["id"]]
        if key in wanted:
            found[key] = Crate(
                *key,
                licence=spdx(package),
                sha256=pinned[key],
                folder=Path(package["manifest_path"]).parent,
                repository=package["repository"] or "",
                description=" ".join((package["description"] or "").split()),
                needs=needs[package["id"]],
                ours=package["source"] is None,
            )
    if set(found) != wanted:
        raise SystemExit(f"crates.py: cargo tree and cargo metadata disagree about {sorted(wanted ^ set(found))}")
    return found


def licence_texts(crate: Crate) -> list[tuple[str, str]]:
    """Returns the texts that the package came with, as [(file's name, text)]."""
    files = [path for path in sorted(crate.folder.iterdir()) if path.is_file() and LICENCE_FILE.search(path.name)]
    files = [path for path in files if path.suffix not in (".rs", ".toml", ".html")]
    return [(path.name, path.read_text(errors="replace").replace("\r\n", "\n").strip() + "\n") for path in files]
