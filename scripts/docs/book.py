"""A preprocessor of mdBook: adds the pages outside docs/ that book.toml lists, and adapts links.

mdBook calls it; `scripts/docs/build.py` starts mdBook. A link to a page of the book leads there. A link to another file
of the repository becomes plain text. A picture outside docs/ gets a path below `files/`, to which the build copies it.
On the page of the crates, the name of each crate becomes a link to its API reference.
"""

from __future__ import annotations

import json
import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "docs"
FILES = "files"
API = "api"
CRATES = "docs/crates.md"

_LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
_CRATE_ROW = re.compile(r"^\| `(lungfield[a-z-]*)` \|", re.MULTILINE)
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)


class Book:
    """The pages of the book, by their paths in the repository."""

    def __init__(self, root: Path, pages: dict[str, str]) -> None:
        """`pages` has the path in the book for each path in the repository."""
        self.root = root
        self.pages = pages
        self.pictures: set[str] = set()

    def adapt(self, path: str, text: str) -> str:
        """Returns the text of the page at `path` with links that work in the book."""
        here = posixpath.dirname(self.pages[path])

        def replace(link: re.Match[str]) -> str:
            target, hash_sign, fragment = link["target"].partition("#")
            if not target or re.match(r"[a-z]+:", target):
                return link[0]
            wanted = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
            place = self._place(wanted, bool(link["picture"]))
            if place is None:
                return link["text"]
            relative = posixpath.relpath(place, here or ".")
            return f"{link['picture']}[{link['text']}]({relative}{hash_sign}{fragment})"

        adapted = _LINK.sub(replace, text)
        return _CRATE_ROW.sub(self._link_crate, adapted) if path == CRATES else adapted

    def _place(self, path: str, is_picture: bool) -> str | None:
        """Returns the path in the book of a file of the repository, if the book has it."""
        if path in self.pages:
            return self.pages[path]
        if path.startswith(f"{SOURCE}/") and not path.endswith(".md"):
            return path.removeprefix(f"{SOURCE}/")
        if is_picture:
            self.pictures.add(path)
            return f"{FILES}/{path}"
        return None

    def _link_crate(self, row: re.Match[str]) -> str:
        name = row[1]
        manifest = self.root / "crates" / name.removeprefix("lungfield-") / "Cargo.toml"
        if name != "lungfield" and not manifest.exists():
            return row[0]
        return f"| [`{name}`]({API}/{name.replace('-', '_')}/index.html) |"


def book_path(path: str) -> str:
    """Returns the path in the book of a page outside docs/: `a/b/README.md` is `a/b.md`."""
    return path.lower() if "/" not in path else path.removesuffix("/README.md") + ".md"


def chapters(items: list[Any]) -> Iterator[dict[str, Any]]:
    """Returns all chapters, those within others included."""
    for item in items:
        if isinstance(item, dict) and "Chapter" in item:
            yield item["Chapter"]
            yield from chapters(item["Chapter"]["sub_items"])


def parts(root: Path, listed: list[dict[str, Any]], first_number: int) -> list[dict[str, Any]]:
    """Returns the items of the parts that book.toml lists, for the end of the book."""
    items: list[dict[str, Any]] = []
    number = first_number
    for part in listed:
        items.append({"PartTitle": part["title"]})
        for path in part["chapters"]:
            text = (root / path).read_text(encoding="utf-8")
            title = _TITLE.search(text)
            chapter = {
                "name": title[1] if title else path,
                "content": text,
                "number": [number],
                "sub_items": [],
                "path": book_path(path),
                "source_path": path,
                "parent_names": [],
            }
            items.append({"Chapter": chapter})
            number += 1
    return items


def process(root: Path, context: dict[str, Any], book: dict[str, Any]) -> set[str]:
    """Changes the book as the module says, and returns the pictures that have to be copied."""
    items = book["items"]
    listed = context["config"]["preprocessor"]["repository"]["part"]
    own = {f"{SOURCE}/{each['path']}": each for each in chapters(items) if each["path"]}
    added = parts(root, listed, 1 + sum(bool(each["number"]) for each in own.values()))
    every = {**own, **{each["source_path"]: each for each in chapters(added)}}
    items.extend(added)
    adapter = Book(root, {path: each["path"] for path, each in every.items()})
    for path, chapter in every.items():
        chapter["content"] = adapter.adapt(path, chapter["content"])
    return adapter.pictures


def main() -> int:
    if sys.argv[1:2] == ["supports"]:
        return 0
    context, book = json.load(sys.stdin)
    pictures = process(ROOT, context, book)
    (ROOT / "target" / "book-pictures.json").write_text(json.dumps(sorted(pictures)))
    json.dump(book, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
