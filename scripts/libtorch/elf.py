"""Reads which libraries a program or a library of Linux on x86-64 needs, from its ELF file.

`python3 -m scripts.libtorch.elf FILE...` prints them. Needs Python 3.9 or later and nothing else.
"""

from __future__ import annotations

import collections
import mmap
import struct
import sys
from pathlib import Path
from typing import NamedTuple, Union

# The names of the specification (System V ABI, chapter 5; LSB for versions of symbols).
PT_LOAD, PT_DYNAMIC = 1, 2
DT_NEEDED, DT_STRTAB, DT_SONAME, DT_RPATH, DT_RUNPATH = 1, 5, 14, 15, 29
DT_VERNEED, DT_VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
HEAD_64_LITTLE = b"\x7fELF\x02\x01"

# The bytes of a file, in memory or mapped.
Data = Union[bytes, mmap.mmap]


class Dynamic(NamedTuple):
    """What an ELF file needs of others.

    `needed` are names of libraries, in order. `runpath` are folders, with $ORIGIN as written; `rpath` is its
    forerunner, which goes before LD_LIBRARY_PATH. `versions` are the versions of symbols that are needed of each
    library.
    """

    soname: str | None
    needed: list[str]
    rpath: list[str]
    runpath: list[str]
    versions: dict[str, list[str]]


class NotElf(Exception):
    """The file is no ELF file for 64 bits, little end first, or one without a dynamic section."""


class _File:
    """An ELF file's bytes by the addresses at which they are loaded."""

    def __init__(self, data: Data) -> None:
        self.data = data
        try:
            # e_phoff lies at 32, e_phentsize and e_phnum at 54; a segment is type, flags, offset, vaddr, paddr,
            # filesz, …
            (start,), (size, count) = struct.unpack_from("<Q", data, 32), struct.unpack_from("<HH", data, 54)
            self.segments = [struct.unpack_from("<IIQQQQ", data, start + size * at) for at in range(count)]
        except struct.error as error:
            raise NotElf(str(error)) from None

    def offset(self, address: int) -> int:
        for kind, _, offset, start, _, size in self.segments:
            if kind == PT_LOAD and start <= address < start + size:
                return offset + address - start
        raise NotElf(f"nothing is loaded at {address:#x}")

    def dynamic(self) -> dict[int, list[int]]:
        """Returns the dynamic section as {tag: [values]}."""
        found = collections.defaultdict(list)
        for kind, _, offset, _, _, size in self.segments:
            for at in range(offset, offset + size if kind == PT_DYNAMIC else offset, 16):
                tag, value = struct.unpack_from("<qQ", self.data, at)
                if tag == 0:
                    break
                found[tag].append(value)
        if not found:
            raise NotElf("it has no dynamic section")
        return found

    def text(self, start: int) -> str:
        return self.data[start : self.data.find(b"\0", start)].decode()

    def wanted_versions(self, dynamic: dict[int, list[int]], strings: int) -> dict[str, list[str]]:
        versions = {}
        at = self.offset(dynamic[DT_VERNEED][0]) if DT_VERNEED in dynamic else 0
        for _ in range(dynamic.get(DT_VERNEEDNUM, [0])[0]):
            _, count, library, first, following = struct.unpack_from("<HHIII", self.data, at)
            names, entry = [], at + first
            for _ in range(count):
                _, _, _, name, onward = struct.unpack_from("<IHHII", self.data, entry)
                names.append(self.text(strings + name))
                entry += onward
            versions[self.text(strings + library)] = names
            at += following
        return versions


def is_elf(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(len(HEAD_64_LITTLE)) == HEAD_64_LITTLE


def read(path: Path) -> Dynamic:
    """Reads what a file needs of others. Raises `NotElf` where it is no such file."""
    if not is_elf(path):
        raise NotElf(f"{path} is no ELF file for x86-64")
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        elf = _File(data)
        dynamic = elf.dynamic()
        strings = elf.offset(dynamic[DT_STRTAB][0])

        def texts(tag: int) -> list[str]:
            return [elf.text(strings + value) for value in dynamic.get(tag, [])]

        paths = {tag: [folder for text in texts(tag) for folder in text.split(":")] for tag in (DT_RPATH, DT_RUNPATH)}
        soname = next(iter(texts(DT_SONAME)), None)
        versions = elf.wanted_versions(dynamic, strings)
        return Dynamic(soname, texts(DT_NEEDED), paths[DT_RPATH], paths[DT_RUNPATH], versions)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name, *(f"  {field}: {value}" for field, value in read(Path(name))._asdict().items()), sep="\n")
