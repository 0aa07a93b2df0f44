"""Fetches axe-core, which finds what keeps people from using a page, from npm's registry: python3 -m
scripts.browser.axe .tools/axe.min.js

The package is pinned by its hash. The file appears whole or not at all; one that is there already is kept.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path

PACKAGE = "https://registry.npmjs.org/axe-core/-/axe-core-4.14.1.tgz"
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
FILE = "package/axe.min.js"
MARK = b"axe v4.14.1"
TIMEOUT_S = 60


def fetch() -> bytes:
    with urllib.request.urlopen(PACKAGE, timeout=TIMEOUT_S) as answer:
        package = answer.read()
    if base64.b64encode(hashlib.sha512(package).digest()).decode() != SHA512:
        raise SystemExit(f"axe.py: {PACKAGE} is not the package that it was")
    with tarfile.open(fileobj=io.BytesIO(package)) as files:
        script = files.extractfile(FILE)
        assert script, f"{FILE} is a file"
        return script.read()


def main() -> None:
    target = Path(sys.argv[1])
    if target.exists() and MARK in target.read_bytes()[:200]:
        return
    script = fetch()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as partial:
        partial.write(script)
    os.replace(partial.name, target)


if __name__ == "__main__":
    main()
