"""Reads Markdown pages: code blocks with their marks, inline code, headings and links.

A mark is an HTML comment before a code block:

    <!-- not run: REASON -->   the block is not run; REASON is one of REASONS
    <!-- server -->            the block starts a server, which runs until the end of the page; `server: PORT` names
                               another port than 8080
    <!-- fails: TEXT -->       the block must fail, and print TEXT
    <!-- with: MODULES -->     `python3` in the block must have these modules
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REASONS = (
    "docker",
    "kubernetes",
    "cuda",
    "root",
    "object store",
    "runs the tests",
    "takes over a minute",
)
LANGUAGES = ("sh", "python")
MARKS = ("not run", "server", "fails", "with")

_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,})(?P<language>[\w-]*) *$")
_MARK = re.compile(r"^ *<!-- (?P<name>[a-z ]+?)(?:: (?P<value>.*?))? -->$")
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)


@dataclass(frozen=True)
class Problem:
    """Something wrong on a page. Lines are counted from 1."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Span:
    """A piece of a page: inline code, or the target of a link."""

    line: int
    text: str


@dataclass(frozen=True)
class Block:
    """A code block, its first line after the fence, and the marks before it."""

    page: str
    line: int
    language: str
    text: str
    marks: dict[str, str]

    @property
    def reason(self) -> str | None:
        """The reason for which the block is not run."""
        return self.marks.get("not run")

    def problem(self, text: str) -> Problem:
        """Returns a problem at the beginning of this block."""
        return Problem(self.page, self.line, text)


@dataclass(frozen=True)
class Page:
    """A page by its path from the root of the repository. `prose` is its text with empty lines for code blocks."""

    path: str
    prose: str
    blocks: tuple[Block, ...]

    def inline_code(self) -> list[Span]:
        """Returns every piece of inline code."""
        return _spans(_CODE, self.prose)

    def links(self) -> list[Span]:
        """Returns the target of every link and picture."""
        return _spans(_LINK, _CODE.sub(lambda code: "x" * len(code[0]), self.prose))

    def anchors(self) -> set[str]:
        """Returns the anchors of all headings, as GitHub and mdBook make them."""
        return {anchor(heading) for heading in _HEADING.findall(self.prose)}


def anchor(heading: str) -> str:
    """Returns the anchor of a heading."""
    words = re.sub(r"[^\w\- ]", "", heading.lower())
    return words.replace(" ", "-")


def read(root: Path, path: str) -> Page:
    """Reads the page at `path` below `root`."""
    return parse(path, (root / path).read_text(encoding="utf-8"))


def parse(path: str, text: str) -> Page:
    """Splits the text of a page into prose and code blocks."""
    prose: list[str] = []
    blocks: list[Block] = []
    marks: dict[str, str] = {}
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, line in lines:
        fence = _FENCE.match(line)
        if fence:
            body = _body(lines, fence)
            blocks.append(Block(path, number + 1, fence["language"], "\n".join(body), marks))
            prose += [""] * (len(body) + 2)
            marks = {}
            continue
        mark = _MARK.match(line)
        if mark:
            marks = {**marks, mark["name"]: mark["value"] or ""}
        elif line.strip():
            marks = {}
        prose.append("" if mark else line)
    return Page(path, "\n".join(prose), tuple(blocks))


def mark_problems(page: Page) -> list[Problem]:
    """Returns marks that are unknown, and reasons that are not allowed."""
    found = []
    for block in page.blocks:
        for name in block.marks:
            if name not in MARKS:
                found.append(block.problem(f"unknown mark `{name}`; marks are {', '.join(MARKS)}"))
        if block.reason is not None and block.reason not in REASONS:
            reasons = ", ".join(REASONS)
            found.append(block.problem(f"unknown reason `{block.reason}`; reasons are {reasons}"))
        if block.marks and block.language not in LANGUAGES:
            found.append(block.problem(f"a mark before a block of the language `{block.language}`"))
    return found


def _body(lines: Iterator[tuple[int, str]], fence: re.Match[str]) -> list[str]:
    """Takes the lines up to the closing fence, without the indentation of the fence."""
    body = []
    for _, line in lines:
        if line.strip() == fence["ticks"]:
            break
        body.append(line.removeprefix(fence["indent"]))
    return body


def _spans(pattern: re.Pattern[str], text: str) -> list[Span]:
    return [Span(text.count("\n", 0, hit.start()) + 1, " ".join(hit[1].split())) for hit in pattern.finditer(text)]
