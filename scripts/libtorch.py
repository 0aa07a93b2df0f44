#!/usr/bin/env python3
"""Assembles a CPU libtorch in the folder given, from the PyPI wheels that PyTorch itself is published as.

The CUDA half of the wheel (gigabytes) is left out. The folder appears whole or not at all.
Needs Python 3.8 or later with pip, and nothing else.
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

TORCH_VERSION = "2.11.0"
WHEELS = {
    f"torch=={TORCH_VERSION}": [
        "torch/lib/libtorch_cpu.so",
        "torch/lib/libtorch.so",
        "torch/lib/libc10.so",
        "torch/lib/libgomp.so.1",
        "torch/include/",
    ],
    # libtorch_cpu.so of a CUDA wheel names these two libraries, so a machine without CUDA needs them as well.
    "nvidia-cuda-runtime==13.0.96": ["libcudart.so.13"],
    "nvidia-cuda-cupti==13.0.85": ["libcupti.so.13"],
}
# What pip must find in the wheels, so that nobody on the way can put another library into the server.
SHA256 = {
    f"torch=={TORCH_VERSION}": "0f68f4ac6d95d12e896c3b7a912b5871619542ec54d3649cf48cc1edd4dd2756",
    "nvidia-cuda-runtime==13.0.96": "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
    "nvidia-cuda-cupti==13.0.85": "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
}
# torch is tagged for glibc 2.28, the NVIDIA wheels for older ones, and `pip download` takes a tag only by name.
GLIBC_TAGS = ["2_28", "2_27", "2_26", "2_25", "2_24", "2_17", "2014"]
PLATFORM = ["--python-version", "3.12", "--implementation", "cp"]
for tag in GLIBC_TAGS:
    PLATFORM += ["--platform", f"manylinux{'' if tag == '2014' else '_'}{tag}_x86_64"]


def download(requirement: str, folder: Path) -> Path:
    """Fetches one wheel, the same whatever Python runs this script, and returns its path."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    # A hash can stand in a file of requirements only.
    pinned = folder / "requirements.txt"
    pinned.write_text(f"{requirement} --hash=sha256:{SHA256[requirement]}\n")
    command += ["--no-cache-dir", "--only-binary=:all:", *PLATFORM, "--dest", str(folder), "--requirement", str(pinned)]
    subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))


def place(member: str, wanted: list) -> str:
    """Where a wheel's member belongs in the libtorch folder, or "" for one that is left out."""
    for name in wanted:
        if name.endswith("/") and member.startswith(name):
            return member.removeprefix("torch/")
        if member == name or ("/" not in name and member.endswith("/" + name)):
            return "lib/" + member.rsplit("/", 1)[-1]
    return ""


def unpack(wheel: Path, wanted: list, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            relative = place(member, wanted)
            if not relative or member.endswith("/"):
                continue
            path = target / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, path.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)


def assemble(target: Path) -> None:
    partial = Path(tempfile.mkdtemp(prefix=target.name + ".", dir=target.parent))
    try:
        partial.chmod(0o755)
        for requirement, wanted in WHEELS.items():
            print(f"fetching {requirement}", flush=True)
            with tempfile.TemporaryDirectory(dir=partial) as folder:
                unpack(download(requirement, Path(folder)), wanted, partial)
        (partial / "build-version").write_text(TORCH_VERSION + "\n")
        if target.exists():
            shutil.rmtree(target)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: libtorch.py FOLDER")
    try:
        assemble(Path(sys.argv[1]).absolute())
    except (subprocess.CalledProcessError, OSError, zipfile.BadZipFile) as error:
        sys.exit(f"libtorch was not assembled: {error}")
