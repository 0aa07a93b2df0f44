"""Checks what pages name, without running anything: targets, flags, variables, files, tests, links and tables."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatch

from scripts.docs.facts import PROGRAMS, Repository
from scripts.docs.pages import Page, Problem, Span

README_LINES = 150
CONFIGURATION = "docs/configuration.md"
WARNINGS = "docs/warnings.md"
SUMMARY = "docs/SUMMARY.md"
# Pages that name tests by the beginning of their functions.
TEST_NAMES = ("docs/reliability.md",)
# Paths that exist only after a command has made them.
MADE = ("benches/serving/results",)
# Flags of the configuration page that are no rows of its tables.
WITHOUT_ROW = {"--help", "--version", "--health-check"}

_COMMENT = re.compile(r"(^|\s)#.*$", re.MULTILINE)
_SEPARATOR = re.compile(r"[\n;&|()`]|\$\(")
_FLAG = re.compile(r"^--[a-z][a-z0-9-]*")
_VARIABLE = re.compile(r"\bLUNGFIELD_[A-Z_]*[A-Z]\b")
_TEST = re.compile(r"^(?:\w+::)*([a-z0-9]+(?:_[a-z0-9]+){4,}|[a-z0-9]+(?:_[a-z0-9]+)*…)…?$")
_ROW = re.compile(r"^\| (.*) \|$", re.MULTILINE)


def check(page: Page, repository: Repository) -> list[Problem]:
    """Returns everything that a page names and that does not exist."""
    texts = [Span(block.line, block.text) for block in page.blocks if block.language == "sh"]
    code = page.inline_code()
    found = [
        *_commands(texts + code, repository),
        *_bare_flags(code, repository),
        *_variables(texts + code, repository),
        *_paths(texts + code, repository),
        *(_tests(code, repository) if page.path in TEST_NAMES else []),
    ]
    return [Problem(page.path, line, text) for line, text in found]


def commands(text: str) -> list[list[str]]:
    """Splits shell text into commands, and each command into words. Comments are left out."""
    text = _COMMENT.sub("", text.replace("\\\n", " "))
    words = (_words(part) for part in _SEPARATOR.split(text))
    return [each for each in words if each]


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quoted text that contains a separator
        return text.replace('"', " ").replace("'", " ").split()


def link_problems(pages: dict[str, Page], repository: Repository) -> list[Problem]:
    """Returns links to files and to headings that do not exist."""
    found = []
    for page in pages.values():
        for link in page.links():
            if re.match(r"[a-z]+:", link.text):
                continue
            target, _, fragment = link.text.partition("#")
            path = posixpath.normpath(posixpath.join(posixpath.dirname(page.path), target))
            path = page.path if not target else path
            if not (repository.root / path).exists():
                found.append(Problem(page.path, link.line, f"the link to `{path}` leads nowhere"))
            elif fragment and path in pages and fragment not in pages[path].anchors():
                found.append(Problem(page.path, link.line, f"`{path}` has no heading `#{fragment}`"))
    return found


def readme_problems(text: str) -> list[Problem]:
    """Returns a problem if the README is too long."""
    lines = len(text.splitlines())
    if lines <= README_LINES:
        return []
    return [Problem("README.md", lines, f"it has {lines} lines; {README_LINES} are allowed")]


def summary_problems(pages: dict[str, Page], repository: Repository) -> list[Problem]:
    """Returns pages below docs/ that the index does not list."""
    listed = {f"docs/{link.text}" for link in pages[SUMMARY].links()} | {SUMMARY}
    there = {path.relative_to(repository.root).as_posix() for path in (repository.root / "docs").rglob("*.md")}
    return [Problem(SUMMARY, 1, f"`{path}` is not listed") for path in sorted(there - listed)]


def settings_problems(page: Page, repository: Repository) -> list[Problem]:
    """Compares the tables of the configuration page with `lungfield-serve --help`."""
    stated = {row[0].strip("`"): row for row in _rows(page) if row[0].startswith("`--")}
    found = []
    real = [each for each in repository.settings["lungfield-serve"] if each.flag not in WITHOUT_ROW]
    for setting in real:
        row = stated.pop(setting.flag, None)
        if row is None:
            found.append(f"`{setting.flag}` is missing in the tables")
            continue
        if row[1] != f"`{setting.variable}`":
            found.append(f"the variable of `{setting.flag}` is `{setting.variable}`, not {row[1]}")
        if (row[2].strip("`") if row[2].startswith("`") else None) != setting.default:
            found.append(f"the default of `{setting.flag}` is `{setting.default}`, not {row[2]}")
    found += [f"lungfield-serve has no flag `{flag}`" for flag in stated]
    return [Problem(page.path, 1, text) for text in found]


def warnings_problems(page: Page, repository: Repository) -> list[Problem]:
    """Compares the table of warnings with the codes in openapi.yaml."""
    stated = {row[0].strip("`") for row in _rows(page) if re.fullmatch(r"`\w+`", row[0])}
    missing, unknown = repository.warnings - stated, stated - repository.warnings
    found = [f"`{code}` is missing in the table" for code in sorted(missing)]
    found += [f"openapi.yaml has no code `{code}`" for code in sorted(unknown)]
    return [Problem(page.path, 1, text) for text in found]


def _rows(page: Page) -> list[list[str]]:
    return [[cell.strip() for cell in row.split(" | ")] for row in _ROW.findall(page.prose)]


def _commands(texts: list[Span], repository: Repository) -> Iterator[tuple[int, str]]:
    """Checks targets of `make` and flags of the programs of this repository."""
    for text in texts:
        for words in commands(text.text):
            for index, word in enumerate(words):
                name = posixpath.basename(word)
                if name in PROGRAMS:
                    known = {setting.flag for setting in repository.settings[name]}
                    for flag in _flags(words[index + 1 :]):
                        if flag not in known:
                            yield text.line, f"`{name}` has no flag `{flag}`"
                    break
            for target in _targets(words):
                if target not in repository.targets:
                    yield text.line, f"the Makefile has no target `{target}`"


def _targets(words: list[str]) -> Iterator[str]:
    """Returns the targets of a `make` command."""
    while words and "=" in words[0]:
        words = words[1:]
    if not words or words[0] != "make":
        return
    options = iter(words[1:])
    for word in options:
        if word == "-C":
            next(options, None)
        elif re.fullmatch(r"[a-z][a-z0-9+-]*", word):
            yield word


def _flags(words: list[str]) -> list[str]:
    hits = (_FLAG.match(word) for word in words)
    return [hit[0] for hit in hits if hit]


def _bare_flags(code: list[Span], repository: Repository) -> Iterator[tuple[int, str]]:
    """Checks inline code that begins with a flag."""
    for span in code:
        for flag in _flags(span.text.split()) if span.text.startswith("--") else []:
            if flag not in repository.flags:
                yield span.line, f"no program has a flag `{flag}`"


def _variables(texts: list[Span], repository: Repository) -> Iterator[tuple[int, str]]:
    for text in texts:
        for name in _VARIABLE.findall(text.text):
            if name not in repository.variables and not name.startswith("LUNGFIELD_HOOK_"):
                yield text.line, f"no program has a variable `{name}`"


def _paths(texts: list[Span], repository: Repository) -> Iterator[tuple[int, str]]:
    """Checks words that begin with a folder of the repository."""
    for text in texts:
        for words in commands(text.text):
            for word in words:
                path = word.rpartition("=")[2].removeprefix("./").rstrip(",:")
                folder, slash, _ = path.partition("/")
                is_path = folder in repository.folders and slash and "…" not in path
                if is_path and not _exists(path, repository):
                    yield text.line, f"there is no `{path}`"


def _exists(path: str, repository: Repository) -> bool:
    """Returns whether a path exists, or is made by a command, as hidden folders are."""
    if path in MADE or "/." in path:
        return True
    if "*" in path:
        return any(repository.root.glob(path))
    return (repository.root / path).exists()


def _tests(code: list[Span], repository: Repository) -> Iterator[tuple[int, str]]:
    """Checks names of tests; `…` at the end stands for the rest of a name."""
    for span in code:
        hit = _TEST.match(span.text)
        pattern = f"{hit[1].rstrip('…')}*" if hit and "…" in span.text else hit[1] if hit else ""
        if hit and not any(fnmatch(name, pattern) for name in repository.functions):
            yield span.line, f"no test is called `{span.text}`"
