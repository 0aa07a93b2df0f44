"""Changes to a shipped configuration that a test runs with."""

from __future__ import annotations

import re
from re import Match
from typing import Callable, Union

from scripts.common.failure import Failure

Replacement = Union[str, Callable[[Match[str]], str]]


def substituted(text: str, pattern: str, replacement: Replacement, times: int = 1) -> str:
    """Returns the text with every match replaced. Raises `Failure` unless there are as many matches as said.

    So a test notices when the shipped file no longer has what it changes. `^` and `$` match at lines.
    """
    changed, found = re.subn(pattern, replacement, text, flags=re.MULTILINE)
    if found != times:
        raise Failure(f"the shipped configuration has {found} places like {pattern!r}, and not {times}")
    return changed
