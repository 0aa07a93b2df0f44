"""What a release says of others' licences: THIRD-PARTY-LICENSES.txt, each text once, with the crates that came with
it.
"""

from __future__ import annotations

import collections
import textwrap
from collections.abc import Iterable, Sequence

from scripts.release import crates
from scripts.release.crates import Crate
from scripts.release.sbom import GOMP

WIDTH = 100
HEAD = """\
Lungfield's programs are linked from the crates below and Rust's standard library (MIT OR Apache-2.0), and what follows
are the texts that came with the crates. libtorch is not among them: the licences of its wheels lie in
libtorch/licenses, that of PyTorch with those of all that it is built from. libtorch/lib/libgomp.so.1 comes in PyTorch's
wheel and is GCC 8's ({gomp}); its sources are at https://gcc.gnu.org. The model's licence lies beside its weights.
sbom.cdx.json lists everything with versions and hashes.
"""
NO_TEXT = """\
These packages hold no text of their licence. Those under Apache-2.0 we have under that, whose text is LICENSE-APACHE;
CC0-1.0 asks for no text: https://creativecommons.org/publicdomain/zero/1.0/legalcode
"""
# Licences that a crate without a text may be under, since this release has the text or none is asked for.
TEXT_ELSEWHERE = ("Apache-2.0", "CC0-1.0")


def name(crate: Crate) -> str:
    return f"{crate.name} {crate.version}"


def listing(names: Iterable[str]) -> str:
    return textwrap.fill(", ".join(names), WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def without_text(found: Sequence[Crate]) -> list[str]:
    bare = [crate for crate in found if not crates.licence_texts(crate)]
    for crate in bare:
        if not any(choice in TEXT_ELSEWHERE for choice in crate.licence.split(" OR ")):
            raise SystemExit(
                f"licences.py: {name(crate)} is under {crate.licence}, and its package holds no text of that"
            )
    return [f"{name(crate)}: {crate.licence}" for crate in bare]


def sections(found: Sequence[Crate]) -> list[str]:
    """Returns each text once, with the names of the crates that came with it, in the order of the first of them."""
    owners: dict[str, list[str]] = collections.defaultdict(list)
    for crate in found:
        for _, text in crates.licence_texts(crate):
            if name(crate) not in owners[text]:
                owners[text].append(name(crate))
    return [f"{'=' * WIDTH}\n{listing(names)}\n{'=' * WIDTH}\n\n{text}" for text, names in owners.items()]


def text() -> str:
    found = [crate for crate in crates.crates().values() if not crate.ours]
    head = textwrap.fill(HEAD.format(gomp=GOMP), WIDTH, break_on_hyphens=False)
    licences = "\n".join(f"  {name(crate)}: {crate.licence}" for crate in found)
    bare = (
        textwrap.fill(NO_TEXT, WIDTH, break_on_hyphens=False)
        + "\n\n"
        + "\n".join(f"  {line}" for line in without_text(found))
    )
    return "\n\n".join([head, licences, bare, *sections(found)])
