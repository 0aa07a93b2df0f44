"""Runs the shell and Python blocks of README.md and of all pages, and checks what the pages name.

    .venv/bin/python -m scripts.docs.check --programs target/release --python .venv-oip/bin/python

A block runs in a scratch folder with `bash -euo pipefail`, after the blocks before it on its page. It fails if a
command fails or if curl gets an error status. Blocks with the mark `not run` are not run; `scripts/docs/pages.py`
describes the marks. On every page, targets of make, flags, variables, files and links must exist. The tables of
settings and warnings must match the program and openapi.yaml.

It needs Python 3.10 or later with Pillow.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import itertools
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from scripts.docs import films, names
from scripts.docs.facts import Repository, walk
from scripts.docs.pages import LANGUAGES, Block, Page, Problem, mark_problems, read
from scripts.docs.sandbox import Kit, Sandbox
from scripts.docs.servers import Servers

ROOT = Path(__file__).resolve().parents[2]
# Folders with pages beside what they describe.
FOLDERS = ("benches", "crates", "deploy", "examples", "models", "tests")
# Its old entries name what no longer exists.
WITHOUT_NAMES = ("CHANGELOG.md",)


def find_pages(root: Path) -> dict[str, Page]:
    """Reads every page of the repository, by its path."""
    paths = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    paths += [path for folder in FOLDERS for path in walk(root / folder) if path.name == "README.md"]
    relative = (path.relative_to(root).as_posix() for path in sorted(paths))
    return {path: read(root, path) for path in relative}


def check_names(pages: dict[str, Page], repository: Repository) -> list[Problem]:
    """Checks everything that can be checked without running a block."""
    found = [problem for page in pages.values() for problem in mark_problems(page)]
    for page in pages.values():
        if page.path not in WITHOUT_NAMES:
            found += names.check(page, repository)
    return [
        *found,
        *names.link_problems(pages, repository),
        *names.readme_problems((repository.root / "README.md").read_text(encoding="utf-8")),
        *names.summary_problems(pages, repository),
        *names.settings_problems(pages[names.CONFIGURATION], repository),
        *names.warnings_problems(pages[names.WARNINGS], repository),
    ]


def run_pages(pages: Iterable[Page], kit: Kit) -> list[Problem]:
    """Runs the blocks of each page in order, up to the first of a page that fails.

    Pages without a server of their own share one with default settings.
    """
    found = []
    with contextlib.closing(Servers()) as shared:
        for page in pages:
            with contextlib.ExitStack() as stack:
                own = any("server" in block.marks for block in runnable(page))
                servers = stack.enter_context(contextlib.closing(Servers())) if own else shared
                found += run_page(page, kit, servers)
    return found


def run_page(page: Page, kit: Kit, servers: Servers) -> list[Problem]:
    """Runs the blocks of a page in order, up to the first that fails."""
    to_run = runnable(page)
    if not to_run:
        return []
    with tempfile.TemporaryDirectory(prefix="lungfield-docs-") as folder:
        sandbox = Sandbox(kit, Path(folder), servers)
        problems = filter(None, map(sandbox.run, to_run))
        return list(itertools.islice(problems, 1))


def runnable(page: Page) -> list[Block]:
    """Returns the blocks of a page that are run."""
    return [each for each in page.blocks if each.language in LANGUAGES and each.reason is None]


def summary(pages: dict[str, Page]) -> str:
    """Returns how many blocks are run, and how many are not, by reason."""
    blocks = [each for page in pages.values() for each in page.blocks if each.language in LANGUAGES]
    reasons = collections.Counter(each.reason for each in blocks if each.reason is not None)
    listed = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
    count = sum(reasons.values())
    return f"{len(blocks)} blocks: {len(blocks) - count} run, {count} not run ({listed})"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--programs", type=Path, default=ROOT / "target" / "release")
    parser.add_argument("--python", type=Path, action="append", default=[], help="repeatable")
    parser.add_argument("--page", action="append", help="run the blocks of this page only")
    parser.add_argument("--names-only", action="store_true", help="run no block")
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    began = time.monotonic()
    pages = find_pages(ROOT)
    problems = check_names(pages, Repository(ROOT, arguments.programs.resolve()))
    if not arguments.names_only:
        # Not resolved: the path of an interpreter tells it where its packages are.
        pythons = tuple(path.absolute() for path in [Path(sys.executable), *arguments.python])
        with tempfile.TemporaryDirectory(prefix="lungfield-films-") as folder:
            programs = arguments.programs.resolve()
            films.draw(programs / "lungfield-phantom", Path(folder))
            kit = Kit(ROOT, programs, Path(folder), pythons)
            problems += run_pages([pages[path] for path in arguments.page or pages], kit)
    for problem in problems:
        print(problem)
    print(f"{summary(pages)}; {len(problems)} problems; {time.monotonic() - began:.1f} s")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
