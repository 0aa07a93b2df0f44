"""Assembles a libtorch in the folder given, from the PyPI wheels that PyTorch itself is published as.

    python3 -m scripts.libtorch.fetch [--cuda] FOLDER

Without --cuda it is one for the CPU: the CUDA half of the wheels (gigabytes) is left out. The wheels' licences lie in
licenses/. The folder appears whole or not at all.
Needs Python 3.9 or later with pip, and nothing else.
"""

from __future__ import annotations

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
# What is needed for CUDA besides. scripts/libtorch/library_check.py says whether that is all that they want of each
# other.
CUDA_WHEELS = {
    f"torch=={TORCH_VERSION}": [
        "torch/lib/libtorch_cuda.so",
        "torch/lib/libtorch_cuda_linalg.so",
        "torch/lib/libtorch_nvshmem.so",
        "torch/lib/libc10_cuda.so",
        "torch/lib/libcaffe2_nvrtc.so",
    ],
    "nvidia-cublas==13.1.0.3": ["libcublas.so.13", "libcublasLt.so.13"],
    "nvidia-cuda-nvrtc==13.0.88": ["libnvrtc.so.13", "libnvrtc-builtins.so.13.0"],
    "nvidia-cudnn-cu13==9.19.0.56": [
        "libcudnn.so.9",
        "libcudnn_adv.so.9",
        "libcudnn_cnn.so.9",
        "libcudnn_engines_precompiled.so.9",
        "libcudnn_engines_runtime_compiled.so.9",
        "libcudnn_graph.so.9",
        "libcudnn_heuristic.so.9",
        "libcudnn_ops.so.9",
    ],
    "nvidia-cufft==12.0.0.61": ["libcufft.so.12"],
    "nvidia-cufile==1.15.1.6": ["libcufile.so.0"],
    "nvidia-curand==10.4.0.35": ["libcurand.so.10"],
    "nvidia-cusolver==12.0.4.66": ["libcusolver.so.12"],
    "nvidia-cusparse==12.6.3.3": ["libcusparse.so.12"],
    "nvidia-cusparselt-cu13==0.8.0": ["libcusparseLt.so.0"],
    "nvidia-nccl-cu13==2.28.9": ["libnccl.so.2"],
    "nvidia-nvjitlink==13.0.88": ["libnvJitLink.so.13"],
    "nvidia-nvshmem-cu13==3.4.5": ["libnvshmem_host.so.3"],
}
# What pip must find in the wheels, so that nobody on the way can put another library into the server.
SHA256 = {
    f"torch=={TORCH_VERSION}": "0f68f4ac6d95d12e896c3b7a912b5871619542ec54d3649cf48cc1edd4dd2756",
    "nvidia-cuda-runtime==13.0.96": "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
    "nvidia-cuda-cupti==13.0.85": "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
    "nvidia-cublas==13.1.0.3": "ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171",
    "nvidia-cuda-nvrtc==13.0.88": "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
    "nvidia-cudnn-cu13==9.19.0.56": "d20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf",
    "nvidia-cufft==12.0.0.61": "6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3",
    "nvidia-cufile==1.15.1.6": "08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44",
    "nvidia-curand==10.4.0.35": "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc",
    "nvidia-cusolver==12.0.4.66": "0a759da5dea5c0ea10fd307de75cdeb59e7ea4fcb8add0924859b944babf1112",
    "nvidia-cusparse==12.6.3.3": "2b3c89c88d01ee0e477cb7f82ef60a11a4bcd57b6b87c33f789350b59759360b",
    "nvidia-cusparselt-cu13==0.8.0": "25e30a8a7323935d4ad0340b95a0b69926eee755767e8e0b1cf8dd85b197d3fd",
    "nvidia-nccl-cu13==2.28.9": "e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42",
    "nvidia-nvjitlink==13.0.88": "13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b",
    "nvidia-nvshmem-cu13==3.4.5": "290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80",
}
# torch is tagged for glibc 2.28, the NVIDIA wheels for older ones, and `pip download` takes a tag only by name.
GLIBC_TAGS = ["2_28", "2_27", "2_25", "2_18", "2_17", "2014", "2_12"]
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


def place(member: str, wanted: list[str]) -> str:
    """Returns where a wheel's member belongs in the libtorch folder, or "" for one that is left out."""
    package, licence, name = member.partition(".dist-info/licenses/")
    if licence and name:
        return f"licenses/{package}/{name}"
    if member == "nvidia/cusparselt/LICENSE.txt":  # the one wheel that has it elsewhere
        return "licenses/nvidia_cusparselt/LICENSE.txt"
    for name in wanted:
        if name.endswith("/") and member.startswith(name):
            return member[len("torch/") :]
        if member == name or ("/" not in name and member.endswith("/" + name)):
            return "lib/" + member.rsplit("/", 1)[-1]
    return ""


def unpack(wheel: Path, wanted: list[str], target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            relative = place(member, wanted)
            if not relative or member.endswith("/"):
                continue
            path = target / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, path.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)


def choose(cuda: bool) -> dict[str, list[str]]:
    """Returns what is wanted of each wheel."""
    chosen = {requirement: list(wanted) for requirement, wanted in WHEELS.items()}
    for requirement, wanted in CUDA_WHEELS.items() if cuda else ():
        chosen.setdefault(requirement, []).extend(wanted)
    return chosen


def assemble(target: Path, cuda: bool) -> None:
    partial = Path(tempfile.mkdtemp(prefix=target.name + ".", dir=target.parent))
    try:
        partial.chmod(0o755)
        for requirement, wanted in choose(cuda).items():
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
    arguments = sys.argv[1:]
    with_cuda = arguments[:1] == ["--cuda"]
    folders = arguments[with_cuda:]
    if len(folders) != 1 or folders[0].startswith("-"):
        sys.exit("usage: python3 -m scripts.libtorch.fetch [--cuda] FOLDER")
    try:
        assemble(Path(folders[0]).absolute(), with_cuda)
    except (subprocess.CalledProcessError, OSError, zipfile.BadZipFile) as error:
        sys.exit(f"libtorch was not assembled: {error}")
