"""Decides which crates are inside the programs: those that cargo links for x86-64 Linux, without procedural macros and what only builds or tests."""

import collections
import json
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = "x86_64-unknown-linux-gnu"
LOCKED = re.compile(r'^\[\[package\]\]\nname = "(.+)"\nversion = "(.+)"\n(?:source = ".*"\n)?(?:checksum = "(.+)"\n)?', re.MULTILINE)
LICENCE_FILE = re.compile(r"(licen[cs]e|copying|notice|unlicense|copyright)", re.IGNORECASE)

# licence: an SPDX expression. sha256: of the package as it is published, "" for our own. folder: where its sources lie.
# needs: keys of the crates that it links. Its key is (name, version).
Crate = collections.namedtuple("Crate", "name version licence sha256 folder repository description needs")


def cargo(*arguments):
    command = [os.environ.get("CARGO", "cargo"), *arguments, "--locked"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def linked():
    """Keys of the crates that end up in the programs. `cargo metadata` can't tell: its features are those of tests, too."""
    tree = cargo("tree", "--target", TARGET, "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}")
    return {(line.split()[0], line.split()[1].lstrip("v")) for line in tree.splitlines() if line}


def checksums(lock):
    """What Cargo.lock pins, by the key of the crate."""
    return {(name, version): checksum for name, version, checksum in LOCKED.findall(lock)}


def spdx(package):
    """The licence as an expression: old manifests put a stroke between alternatives, some only name a file."""
    licence = package["license"] or f"LicenseRef-{package['name']}"
    return re.sub(r"\s*/\s*", " OR ", licence)


def crates():
    """The crates that are linked, by their keys, in order."""
    described = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", TARGET))
    keys = {package["id"]: (package["name"], package["version"]) for package in described["packages"]}
    wanted, pinned = linked(), checksums((ROOT / "Cargo.lock").read_text())
    needs = {}
    for node in described["resolve"]["nodes"]:
        normal = [edge["pkg"] for edge in node["deps"] if any(kind["kind"] is None for kind in edge["dep_kinds"])]
        needs[node["id"]] = sorted({keys[package] for package in normal} & wanted)
    found = {}
    for package in sorted(described["packages"], key=lambda package: keys[package["id"]]):
        key = keys[package["id"]]
        if key in wanted:
            found[key] = Crate(
                *key, spdx(package), pinned[key], Path(package["manifest_path"]).parent, package["repository"] or "",
                " ".join((package["description"] or "").split()), needs[package["id"]],
            )
    if set(found) != wanted:
        raise SystemExit(f"crates.py: cargo tree and cargo metadata disagree about {sorted(wanted ^ set(found))}")
    return found


def licence_texts(crate):
    """The texts that the package came with, as [(file's name, text)]."""
    files = [path for path in sorted(crate.folder.iterdir()) if path.is_file() and LICENCE_FILE.search(path.name)]
    files = [path for path in files if path.suffix not in (".rs", ".toml", ".html")]
    return [(path.name, path.read_text(errors="replace").replace("\r\n", "\n").strip() + "\n") for path in files]
