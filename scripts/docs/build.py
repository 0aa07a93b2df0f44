"""Builds the book of the pages with mdBook, and the API reference of all crates beside it, in target/book.

    python3 -m scripts.docs.build

It fails if a link within the book leads nowhere. CARGO names another cargo. It needs Python 3.9 or later.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.docs.book import API, FILES, ROOT

BOOK = ROOT / "target" / "book"
PICTURES = ROOT / "target" / "book-pictures.json"
# What is made for each page by mdBook itself and repeats other pages.
WITHOUT_LINKS = {"print.html", "toc.html", "404.html"}

_LINK = re.compile(r"(?:href|src)=\"([^\"#?]+)[^\"]*\"")


def copy_pictures() -> None:
    """Copies the pictures outside docs/ that pages show."""
    for path in json.loads(PICTURES.read_text(encoding="utf-8")):
        target = BOOK / FILES / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, target)
    PICTURES.unlink()


def build_reference() -> None:
    """Builds the API reference, and copies it into the book."""
    command = [os.environ.get("CARGO", "cargo"), "doc", "--release", "--locked", "--no-deps", "--workspace"]
    subprocess.run(command, cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    shutil.copytree(target / "doc", BOOK / API, dirs_exist_ok=True)


def broken_links(book: Path) -> list[str]:
    """Returns the links of all pages of the book that lead nowhere."""
    found = []
    for page in sorted(book.rglob("*.html")):
        path = page.relative_to(book).as_posix()
        if path.startswith(f"{API}/") or path in WITHOUT_LINKS:
            continue
        for link in _LINK.findall(page.read_text(encoding="utf-8")):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
            if not re.match(r"[a-z]+:", link) and not (book / target).exists():
                found.append(f"{path}: {link}")
    return found


def main() -> int:
    BOOK.parent.mkdir(exist_ok=True)
    subprocess.run(["mdbook", "build"], cwd=ROOT, check=True)
    copy_pictures()
    build_reference()
    broken = broken_links(BOOK)
    for link in broken:
        print(f"leads nowhere: {link}", file=sys.stderr)
    print(f"the book is {BOOK / 'index.html'}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
