"""Claims: what a test says of the program under test, printed as it is checked."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

Findings = Iterator[str]
"""What a claim yields is wrong with it."""

RemarkedFindings = Generator[str, None, str]
"""The same, where a remark for the reader is returned."""

LONGEST_LIST = 12


class Claims:
    """Prints a line for each claim that is checked, and counts claims and failures."""

    def __init__(self) -> None:
        self.count = 0
        self.failed = 0

    def check(self, text: str, holds: object, found: object = "") -> None:
        """Checks a claim that is already known to hold or not. What was found is printed in both cases."""
        self._report(text, [] if holds else ["it does not hold"], str(found))

    def check_all(self, claims: Iterable[Callable[..., Findings]], *arguments: Any) -> int:
        """Checks claims that are functions, and returns how many claims have failed so far.

        The docstring of a function is what it claims. It is called with `arguments`.
        """
        for claim in claims:
            wrong: list[str] = []
            remark = None
            try:
                remark = _collect(claim(*arguments), wrong)
            except Exception as error:  # other people's software raises all kinds
                wrong.append(f"{type(error).__name__}: {error}")
            self._report(" ".join((claim.__doc__ or claim.__name__).split()), wrong, remark)
        return self.failed

    def exit_code(self) -> int:
        """Prints the sum, and returns the exit code of a test: 0 where every claim held."""
        print(f"{self.count} claims, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.count else 0

    def _report(self, text: str, wrong: list[str], remark: str | None = None) -> None:
        self.count += 1
        self.failed += bool(wrong)
        print(f"{'FAILED' if wrong else 'holds '} {text}{f' ({remark})' if remark else ''}", flush=True)
        for line in wrong[:LONGEST_LIST]:
            print(f"         {line}", flush=True)


def _collect(findings: Findings, wrong: list[str]) -> str | None:
    """Appends what a generator yields to `wrong`, and returns what it returns."""
    while True:
        try:
            wrong.append(next(findings))
        except StopIteration as end:
            return end.value
