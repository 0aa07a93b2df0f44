"""Checks that the version is the same wherever it is written: that of Cargo.toml, in every place of PLACES. Likewise
the hash of the weights, which the Dockerfile repeats.

    python3 -m scripts.release.version_check            # the newest heading of CHANGELOG.md may be Unreleased
    python3 -m scripts.release.version_check --release  # it must be this version, with a date

It lists every place that says otherwise, or says nothing. Needs Python 3.9 or later and nothing else.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

from scripts.common.repository import ROOT, version

# A version; tags of images for CUDA say so behind it.
VERSION = r"\"?(\d+\.\d+[\w.+]*)\"?"
TAG = r"\"?(\d+\.\d+[\w.+]*)(?:-cuda)?\"?"


class Place(NamedTuple):
    """Where the version is written.

    `files` is a pattern of paths, which must match at least one. `pattern` is searched with lines of its own and has
    the version as its group; each match must be the version. If `needed`, it must match at least once in all files
    together.
    """

    files: str
    pattern: str
    needed: bool


# Our packages: the root and the members of its workspace; fuzz is a workspace of its own.
PACKAGE = r"lungfield(?!-fuzz)(?:-[a-z]+)?"
PLACES = [
    Place("Cargo.toml", rf'^{PACKAGE} = {{.*\bversion = "=?(.*?)"', False),
    Place("Cargo.lock", rf'^name = "{PACKAGE}"\nversion = "(.*)"$', True),
    Place("fuzz/Cargo.lock", rf'^name = "{PACKAGE}"\nversion = "(.*)"$', True),
    Place("openapi.yaml", rf"^  version: {VERSION}$", True),
    Place("docker/Dockerfile", rf"^ARG VERSION={VERSION}$", True),
    Place("docker/compose.yaml", rf"image: [\"']?(?:\$\{{\w+:-)?lungfield:{TAG}", True),
    Place("models/lungfield-segnet/manifest.json", r'^  "version": "(.*)",?$', True),
    Place("models/lungfield-segnet/README.md", r"^# lungfield-segnet (.*)$", True),
    Place("models/lungfield-segnet/README.md", r"--model-version (\S+)", False),
    Place("deploy/kubernetes/**/*.yaml", rf"newTag: {TAG}(?:$| |\}}|,)", True),
    Place("deploy/kubernetes/**/*.yaml", rf"app\.kubernetes\.io/version: {TAG}$", True),
    Place("deploy/kubernetes/**/*.yaml", rf"image: \S*lungfield:{TAG}$", False),
    Place("deploy/kserve/**/*.yaml", rf"image: \S*lungfield:{TAG}$", True),
    Place("deploy/kserve/**/*.yaml", rf"app\.kubernetes\.io/version: {TAG}$", False),
    Place("README.md", r'"name": "lungfield-segnet", "version": "(.*?)"', False),
    Place("docs/*.md", r'"name": "lungfield-segnet", "version": "(.*?)"', True),
    Place("docs/*.md", rf"lungfield[:-]v?{TAG}", True),
    Place("docs/*.md", r'"name": "lungfield-segnet", "version": "(.*?)"', False),
    Place("docs/*.md", rf"lungfield[:-]v?{TAG}", False),
]
CHANGELOG = "CHANGELOG.md"
DOCKERFILE = "docker/Dockerfile"
MANIFEST = "models/lungfield-segnet/manifest.json"
HEADING = re.compile(r"^## \[(.+?)\](?: - (.*))?$", re.MULTILINE)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def disagreements(root: Path, place: Place, stated: str) -> list[str]:
    """Returns what is wrong in one place, each as a line with file and number."""
    paths = sorted(path for path in root.glob(place.files) if path.is_file())
    if not paths:
        return [f"{place.files}: there is no such file"]
    found, hits = [], 0
    for path in paths:
        text = path.read_text()
        for hit in re.finditer(place.pattern, text, re.MULTILINE):
            hits += 1
            if hit[1] != stated:
                found.append(f"{path.relative_to(root)}:{line_of(text, hit.start(1))}: it says {hit[1]}")
    if place.needed and not hits:
        found.append(f"{place.files}: nothing there says the version, as in {place.pattern}")
    return found


def changelog_problems(root: Path, stated: str, release: bool) -> list[str]:
    text = (root / CHANGELOG).read_text()
    newest = HEADING.search(text)
    if not newest:
        return [f"{CHANGELOG}: it has no heading of a version"]
    where = f"{CHANGELOG}:{line_of(text, newest.start())}"
    if newest[1] == "Unreleased" and not release:
        return []
    if newest[1] != stated:
        return [f"{where}: the newest heading is [{newest[1]}]"]
    return (
        [] if DATE.fullmatch(newest[2] or "") else [f"{where}: the heading has no date, as in [{stated}] - 2026-01-31"]
    )


def weights_problems(root: Path) -> list[str]:
    """Compares the hash in the Dockerfile with that of the model's manifest."""
    stated = json.loads((root / MANIFEST).read_text())["weights_sha256"]
    if f"ARG WEIGHTS_SHA256={stated}" in (root / DOCKERFILE).read_text().splitlines():
        return []
    return [f"{DOCKERFILE}: WEIGHTS_SHA256 is not {stated}, that of {MANIFEST}"]


def problems(root: Path, release: bool = False) -> list[str]:
    stated = version(root)
    found = [problem for place in PLACES for problem in disagreements(root, place, stated)]
    return found + changelog_problems(root, stated, release) + weights_problems(root)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", action="store_true", help="CHANGELOG.md must have a dated heading of the version")
    found = problems(ROOT, parser.parse_args().release)
    if found:
        sys.exit(
            "\n".join([f"the version, {version()}, or the hash of the weights is not the same everywhere:", *found])
        )
    print(f"the version is {version()} everywhere")


if __name__ == "__main__":
    main()
