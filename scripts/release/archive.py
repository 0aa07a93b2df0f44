"""Makes a release's archive: programs, libtorch, model, licences, list of parts, sums.

    python3 -m scripts.release.archive --programs target/archive/release --libtorch .libtorch --out target/dist

It writes lungfield-VERSION-x86_64-linux.tar.gz into the folder, its sum beside it, and the list of parts alone. The
same programs give the same bytes: names in order, the commit's time on every file, no user, no name of the machine.
Needs cargo, strip (binutils), Python 3.9 or later and nothing else.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple, Union, cast

from scripts.common.repository import MODEL, ROOT
from scripts.libtorch import fetch
from scripts.release import facts, licences, programs, sbom

# gzip, since a bare Debian has no xz and no zstd; level 9 saves 1 % and takes thrice as long.
LEVEL = 6
SUMS = "SHA256SUMS"
PARTS = "sbom.cdx.json"
README = ROOT / "scripts/release/README.archive.md"
# From the repository, under the name that they have in the archive.
FILES = {
    "LICENSE-APACHE": "LICENSE-APACHE",
    "LICENSE-MIT": "LICENSE-MIT",
    "CHANGELOG.md": "CHANGELOG.md",
    "openapi.yaml": "openapi.yaml",
    "lungfield.service": "deploy/systemd/lungfield.service",
}

# Bytes, or the path of a file.
Content = Union[bytes, Path]


class Entry(NamedTuple):
    """A file of the archive."""

    mode: int
    content: Content


def tree(folder: Path, into: str) -> dict[str, Entry]:
    """Returns every file below a folder, under `into`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {f"{into}/{path.relative_to(folder)}": Entry(0o644, path) for path in files}


def libtorch_entries(files: Sequence[Path], folder: Path) -> dict[str, Entry]:
    if not (folder / "licenses").is_dir():
        raise programs.Unfit(f"{folder} has no licences: remove it and run make libtorch")
    found = programs.libraries(files, folder / "lib")
    listed = sorted(name for requirement in fetch.WHEELS for name in sbom.shipped(requirement))
    if [path.name for path in found] != listed:
        raise programs.Unfit(f"the programs need {[path.name for path in found]}, and the list of parts has {listed}")
    for path in found:
        programs.check_symbols(path)
    entries = {f"libtorch/lib/{path.name}": Entry(0o644, path) for path in found}
    return {**entries, **tree(folder / "licenses", "libtorch/licenses")}


def contents(files: Sequence[Path], folder: Path) -> dict[str, Entry]:
    """Returns the archive's files, by name: programs at `files`, the libraries that they need out of `folder`, and
    what is said of them.
    """
    entries = {f"bin/{path.name}": Entry(0o755, path) for path in files}
    entries.update(libtorch_entries(files, folder))
    entries.update(tree(MODEL, f"models/{MODEL.name}"))
    entries.update({name: Entry(0o644, ROOT / source) for name, source in FILES.items()})
    entries["README.md"] = Entry(0o644, README.read_text().replace("@NAME@", facts.NAME).encode())
    entries["THIRD-PARTY-LICENSES.txt"] = Entry(0o644, licences.text().encode())
    entries[PARTS] = Entry(0o644, sbom.text(folder).encode())
    return {**entries, SUMS: Entry(0o644, sums(entries).encode())}


def opened(content: Content) -> IO[bytes]:
    return io.BytesIO(content) if isinstance(content, bytes) else open(content, "rb")


def digest(file: IO[bytes]) -> str:
    found = hashlib.sha256()
    while chunk := file.read(1 << 20):
        found.update(chunk)
    return found.hexdigest()


def sums(entries: Mapping[str, Entry]) -> str:
    """Returns a line for each file, as sha256sum reads it."""
    lines = []
    for name in sorted(entries):
        with opened(entries[name].content) as file:
            lines.append(f"{digest(file)}  {name}\n")
    return "".join(lines)


def write_tar(entries: Mapping[str, Entry], top: str, epoch: int, sink: IO[bytes]) -> None:
    """Writes a tar of the entries below the folder `top`, of which nothing but they and the time decide."""
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(entries):
            mode, content = entries[name]
            with opened(content) as file:
                info = tarfile.TarInfo(f"{top}/{name}")
                info.size, info.mode, info.mtime = file.seek(0, os.SEEK_END), mode, epoch
                file.seek(0)
                archive.addfile(info, file)


def write(entries: Mapping[str, Entry], path: Path) -> str:
    """Returns the archive at `path`, whole or not at all; its sum."""
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as raw, gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as sink:
            write_tar(entries, facts.NAME, facts.epoch(), cast(IO[bytes], sink))
        with partial.open("rb") as file:
            found = digest(file)
        partial.replace(path)
        return found
    finally:
        partial.unlink(missing_ok=True)


def make(built: Path, folder: Path, out: Path) -> tuple[Path, str]:
    """Returns the archive of what was built, with the libtorch of `folder`."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{facts.NAME}.tar.gz"
    with tempfile.TemporaryDirectory(dir=out) as work:
        entries = contents(programs.stripped(built, Path(work), folder), folder)
        found = write(entries, path)
    with opened(entries[PARTS].content) as file:
        (out / PARTS).write_bytes(file.read())
    path.with_name(path.name + ".sha256").write_text(f"{found}  {path.name}\n")
    return path, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--programs", type=Path, required=True, help="the folder that scripts/release/build.sh filled")
    parser.add_argument("--libtorch", type=Path, required=True, help="the folder that scripts/libtorch/fetch.py made")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    try:
        path, found = make(arguments.programs, arguments.libtorch, arguments.out)
    except (programs.Unfit, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"archive.py: {error}")
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, SHA-256 {found}")


if __name__ == "__main__":
    main()
