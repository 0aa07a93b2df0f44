"""Checks whether programs and libraries find every library that they need, as the system's loader would look for them.

    python3 -m scripts.libtorch.library_check [--path FOLDER] [--system FOLDER] FOLDER...

Every program and library in the folders is looked at: what it is linked to (DT_NEEDED), and what it may open while it
runs, which is every library that its bytes name. Each of those must lie in a folder of its own run path that begins
with $ORIGIN, in that of --path (as LD_LIBRARY_PATH), or in that of --system. Without --system Debian's C and C++
libraries count as there.

Needs Python 3.9 or later and nothing else.
"""

from __future__ import annotations

import argparse
import mmap
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.libtorch import elf

SYSTEM = {
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
    "libstdc++.so.6",
    "libutil.so.1",
    "libz.so.1",
}
# A container gets it from its host, since it belongs to the host's kernel.
DRIVER = {"libcuda.so.1", "libnvidia-ml.so.1"}
# Opened by a name that is put together while it runs.
OPENED = {"libtorch_cuda.so": {"libcaffe2_nvrtc.so", "libnvrtc.so.13"}}
# Our programs open it where LD_LIBRARY_PATH leads to it, and do without where there is no such path.
ON_A_PATH = {"libtorch_cuda.so"}
# Named in the libraries, and never opened by what we ask of them, by the reason.
UNUSED = {
    "profilers": "cask_profile_interface ittnotify nvperf_host",
    "what CUPTI traces": "EGL EGL_nvidia GL GLX_nvidia OpenCL Vulkan_EGL X11 cudart nvidia-opencl "
    "nvidia-vksc-core nvoptix",
    "several GPUs or machines": "fabric gdrapi ibverbs mlx5 nccl-net ssl",
    "files that the GPU reads itself": "cufile_ck cufile_rdma mount numa udev urcu-bp urcu-cds",
    "parts of MKL, which libtorch_cpu.so holds itself": "memkind mkl_avx2 mkl_avx512 mkl_def mkl_mc3 mkl_vml_avx2 "
    "mkl_vml_avx512 mkl_vml_cmpt mkl_vml_def mkl_vml_mc3",
    "Android": "neuralnetworks",
    "host names beyond ASCII": "idn2",
    "what libc.so.6 holds itself": "nss_files",
}
STEMS = {f"lib{stem}.so" for stems in UNUSED.values() for stem in stems.split()} | {"libcuda.so", "libnvidia-ml.so"}
NAMED = re.compile(rb"lib[A-Za-z0-9_+-]+\.so(?:\.\d+)*\0")


def stem(name: str) -> str:
    """Returns `libcudnn_ops.so.9` without its version, and a program's name as it is."""
    return re.sub(r"\.so\..*", ".so", name)


class Places:
    """Where libraries are looked for besides a file's own run path."""

    def __init__(self, path: Path | None, system: Path | None) -> None:
        self.folders = [folder for folder in (path, system) if folder]
        self.known = (DRIVER if system else DRIVER | SYSTEM) | (set() if path else ON_A_PATH)

    def has(self, name: str, run_path: Sequence[Path]) -> bool:
        return name in self.known or any((folder / name).exists() for folder in [*run_path, *self.folders])

    def has_any_version(self, name: str, run_path: Sequence[Path]) -> bool:
        """Returns a program may add the version to a name that it has without one."""
        found = (path for folder in [*run_path, *self.folders] for path in folder.glob(name + ".*"))
        return (
            self.has(name, run_path)
            or next(found, None) is not None
            or any(stem(known) == name for known in self.known)
        )


def run_path(file: Path, dynamic: elf.Dynamic) -> list[Path]:
    """Returns the folders of its run path that move with the file. An absolute one is a folder of whoever built it."""
    folders = dynamic.runpath or dynamic.rpath
    moving = [folder.replace("${ORIGIN}", "$ORIGIN") for folder in folders]
    return [Path(folder.replace("$ORIGIN", str(file.parent))) for folder in moving if folder.startswith("$ORIGIN")]


def named(file: Path) -> set[str]:
    """Libraries whose names stand in the file's bytes, each between zero bytes as a text that dlopen may be given."""
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return {match[0][:-1].decode() for match in NAMED.finditer(data) if data[match.start() - 1] == 0}


def missing(file: Path, places: Places) -> Iterator[str]:
    dynamic = elf.read(file)
    folders = run_path(file, dynamic)
    for name in dynamic.needed:
        if not places.has(name, folders):
            yield f"{file} is linked to {name}"
    opened = named(file) | OPENED.get(file.name, set())
    for name in sorted(opened - set(dynamic.needed)):
        if stem(name) not in STEMS | {stem(file.name)} and not places.has_any_version(name, folders):
            yield f"{file} may open {name}"


def check(folders: Sequence[Path], places: Places) -> None:
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file() and elf.is_elf(path))
    wrong = [line for file in files for line in missing(file, places)]
    for line in wrong:
        print(f"library_check: {line}, which is in no folder where it would be found", file=sys.stderr)
    if not files:
        sys.exit("library_check: there is no program and no library")
    if wrong:
        sys.exit(1)
    print(f"library_check: {len(files)} programs and libraries find all that they want")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--path", type=Path, help="the folder that LD_LIBRARY_PATH will name")
    parser.add_argument("--system", type=Path, help="the folder with the system's libraries")
    arguments = parser.parse_args()
    check(arguments.folders, Places(arguments.path, arguments.system))


if __name__ == "__main__":
    main()
