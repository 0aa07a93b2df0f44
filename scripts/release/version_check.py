#!/usr/bin/env python3
"""Decides whether the version is the same wherever it is written: that of Cargo.toml, in every place of PLACES.

    python3 scripts/release/version_check.py            # the newest heading of CHANGELOG.md may be Unreleased
    python3 scripts/release/version_check.py --release  # it must be this version, with a date

It lists every place that says otherwise, or says nothing. Needs Python 3.8 or later and nothing else.
"""

import argparse
import collections
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# A version; tags of images for CUDA say so behind it.
VERSION = r"\"?(\d+\.\d+[\w.+]*)\"?"
TAG = r"\"?(\d+\.\d+[\w.+]*)(?:-cuda)?\"?"

# files: a pattern of paths, which must meet at least one. pattern: by lines, with the version as its group; each hit must be the
# version. needed: it must be met at least once in all the files together.
Place = collections.namedtuple("Place", "files pattern needed")
PLACES = [
    Place("Cargo.lock", r'^name = "lungfield"\nversion = "(.*)"$', True),
    Place("fuzz/Cargo.lock", r'^name = "lungfield"\nversion = "(.*)"$', True),
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
]
CHANGELOG = "CHANGELOG.md"
HEADING = re.compile(r"^## \[(.+?)\](?: - (.*))?$", re.MULTILINE)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def crate_version(root):
    found = re.search(r'^\[package\]$.*?^version = "(.*?)"$', (root / "Cargo.toml").read_text(), re.MULTILINE | re.DOTALL)
    if not found:
        raise SystemExit("version_check.py: Cargo.toml states no version")
    return found[1]


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def disagreements(root, place, version):
    """What is wrong in one place, each as a line with file and number."""
    paths = sorted(path for path in root.glob(place.files) if path.is_file())
    if not paths:
        return [f"{place.files}: there is no such file"]
    found, hits = [], 0
    for path in paths:
        text = path.read_text()
        for hit in re.finditer(place.pattern, text, re.MULTILINE):
            hits += 1
            if hit[1] != version:
                found.append(f"{path.relative_to(root)}:{line_of(text, hit.start(1))}: it says {hit[1]}")
    if place.needed and not hits:
        found.append(f"{place.files}: nothing there says the version, as in {place.pattern}")
    return found


def changelog_problems(root, version, release):
    text = (root / CHANGELOG).read_text()
    newest = HEADING.search(text)
    if not newest:
        return [f"{CHANGELOG}: it has no heading of a version"]
    where = f"{CHANGELOG}:{line_of(text, newest.start())}"
    if newest[1] == "Unreleased" and not release:
        return []
    if newest[1] != version:
        return [f"{where}: the newest heading is [{newest[1]}]"]
    return [] if DATE.fullmatch(newest[2] or "") else [f"{where}: the heading has no date, as in [{version}] - 2026-01-31"]


def problems(root, release=False):
    version = crate_version(root)
    found = [problem for place in PLACES for problem in disagreements(root, place, version)]
    return found + changelog_problems(root, version, release)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--release", action="store_true", help="CHANGELOG.md must have a dated heading of the version")
    found = problems(ROOT, parser.parse_args().release)
    version = crate_version(ROOT)
    if found:
        sys.exit("\n".join([f"the version is not {version}, that of Cargo.toml, everywhere:", *found]))
    print(f"the version is {version} everywhere")


if __name__ == "__main__":
    main()
