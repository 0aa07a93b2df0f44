"""Tests of the preprocessor of the book.

python3 -m scripts.docs.book_test
"""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

from scripts.docs.book import process
from scripts.docs.build import broken_links

START = """[nginx](../deploy/nginx/README.md#events), [file](../deploy/nginx/lungfield.conf), [next](next.md),
[own data](soak.csv), [web](https://example.org/a.md), [here](#start), ![in docs](page.png) ![outside](../web/icon.svg)
"""
NGINX = "# Behind nginx\n\n[back](../../docs/start.md) [changes](../../CHANGELOG.md)\n"


class Case(unittest.TestCase):
    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = Path(holder.name)
        self.write("deploy/nginx/README.md", NGINX)
        self.write("CHANGELOG.md", "# Changelog\n")
        self.write("crates/codec/Cargo.toml", "")

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def chapters(self, **texts: str) -> tuple[dict[str, Any], set[str]]:
        """Processes a book of these pages, and returns its chapters by path, and the pictures."""
        items: list[Any] = [
            {"Chapter": {"path": f"{name}.md", "content": text, "number": [1], "sub_items": []}}
            for name, text in texts.items()
        ]
        part = {"title": "More", "chapters": ["deploy/nginx/README.md", "CHANGELOG.md"]}
        context = {"config": {"preprocessor": {"repository": {"part": [part]}}}}
        pictures = process(self.root, context, {"items": items})
        return {item["Chapter"]["path"]: item["Chapter"] for item in items if "Chapter" in item}, pictures

    def test_links_lead_to_pages_of_the_book(self) -> None:
        chapters, pictures = self.chapters(start=START)
        text = chapters["start.md"]["content"]
        self.assertIn("[nginx](deploy/nginx.md#events), file, next,", text)
        self.assertIn("[own data](soak.csv), [web](https://example.org/a.md), [here](#start)", text)
        self.assertIn("![in docs](page.png) ![outside](files/web/icon.svg)", text)
        self.assertEqual(pictures, {"web/icon.svg"})

    def test_pages_beside_the_code_are_added_with_title_and_number(self) -> None:
        chapters, _ = self.chapters(start=START)
        added = chapters["deploy/nginx.md"]
        self.assertEqual((added["name"], added["number"]), ("Behind nginx", [2]))
        self.assertIn("[back](../start.md) [changes](../changelog.md)", added["content"])

    def test_crates_that_exist_become_links_to_their_reference(self) -> None:
        rows = "| `lungfield-codec` | a |\n| `lungfield-gone` | b |\n| `lungfield` | c |\n"
        text = self.chapters(crates=rows)[0]["crates.md"]["content"]
        self.assertIn("| [`lungfield-codec`](api/lungfield_codec/index.html) | a |", text)
        self.assertIn("| `lungfield-gone` | b |", text)
        self.assertIn("| [`lungfield`](api/lungfield/index.html) | c |", text)

    def test_a_link_of_the_book_that_leads_nowhere_is_found(self) -> None:
        self.write("a/page.html", '<a href="../b.html#x">b</a> <a href="gone.html">c</a> <a href="#x">d</a>')
        self.write("b.html", '<img src="https://example.org/x.png">')
        self.assertEqual(broken_links(self.root), ["a/page.html: gone.html"])


if __name__ == "__main__":
    unittest.main()
