"""Runs a built container image: a phantom in, its mask out, by the server and by lungfield-segment; then SIGTERM.

    python3 -m scripts.image.check --image TAG --phantom target/release/lungfield-phantom [--cuda]

Needs Python 3.9 or later and nothing else. It fails where the image does not find the phantom's lungs, runs as
anybody but 65532, has a shell, writes a file, is not healthy while it serves or is after that, ends with another code
than 0, or has a label that is not true. What the container tool does not show is skipped, and said. With --cuda the
image is the one for CUDA, which runs on the CPU here.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from scripts.common.command_line import parser
from scripts.common.failure import Failure
from scripts.common.http import form_data
from scripts.common.phantoms import Kind, draw
from scripts.common.repository import MODEL, version
from scripts.common.waiting import free_ports
from scripts.image import containers
from scripts.image.containers import PROGRAMS, SERVER, FileState, Inside, Server

SIZE = (700, 900)
LOWEST_DICE = 0.8
USER = "65532"
MANIFEST = MODEL / "manifest.json"


def require(holds: object, sentence: str) -> None:
    if not holds:
        raise Failure(sentence)


def tell(sentence: str) -> None:
    print(f"  {sentence}", flush=True)


def draw_apart(phantom: Path, folder: Path) -> tuple[Path, Path]:
    """Draws a phantom and its mask into the folders films/ and masks/."""
    (drawn,) = draw(phantom, folder, Kind(*SIZE))
    film, mask = folder / "films" / drawn.film.name, folder / "masks" / drawn.mask.name
    for source, target in ((drawn.film, film), (drawn.mask, mask)):
        target.parent.mkdir()
        source.rename(target)
    return film, mask


def post(url: str, parts: Mapping[str, Path], accept: str) -> bytes:
    """Sends files as a form and returns the body of the answer, which must be a 200."""
    kind, body = form_data({name: path.read_bytes() for name, path in parts.items()})
    headers = {"Content-Type": kind, "Accept": accept}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        raise Failure(f"the server answered {error.code}: {error.read(500)!r}") from None


def require_mask(png: bytes) -> None:
    right = png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", png[16:24]) == SIZE
    require(right, "the mask is no PNG of the film's size")


def check_answers(address: str, film: Path, mask: Path) -> bytes:
    scores = json.loads(post(f"{address}/v1/segment", {"image": film, "ground_truth": mask}, "application/json"))
    require(scores["dice"] >= LOWEST_DICE, f"the phantom's lungs were not found: Dice {scores['dice']}")
    png = post(f"{address}/v1/segment", {"image": film}, "image/png")
    require_mask(png)
    weights = scores["model"]["weights_sha256"]
    require(weights == json.loads(MANIFEST.read_text())["weights_sha256"], "it serves another model than ours")
    tell(f"a film went in over HTTP, and its mask came out: Dice {scores['dice']:.4f}")
    return png


def check_labels(image: str) -> None:
    told = containers.configuration(image)
    if told is None:
        tell("skipped: this tool does not tell an image's labels, user and health check")
        return
    labels = told["Labels"]
    for label, truth in {
        "org.opencontainers.image.version": version(),
        "org.lungfield.weights.sha256": json.loads(MANIFEST.read_text())["weights_sha256"],
        "org.opencontainers.image.licenses": "(MIT OR Apache-2.0) AND CC-BY-NC-SA-4.0",
    }.items():
        require(labels.get(label) == truth, f"the label {label} is {labels.get(label)!r}, and not {truth!r}")
    require(told["User"] == f"{USER}:{USER}", f"the image runs as {told['User']!r}")
    health = (told.get("Healthcheck") or {}).get("Test")
    require(health == ["CMD", f"{PROGRAMS}/{SERVER}", "--health-check"], f"the health check is {health}")
    tell(f"labels, user and health check are as they should be; the version is {version()}")


def check_no_shell(image: str) -> None:
    for words in (
        ["/bin/sh", "-c", ":"],
        ["/bin/bash", "-c", ":"],
        ["/bin/busybox", "true"],
        ["/usr/bin/dpkg", "--version"],
    ):
        code, _ = containers.run(image, *words)
        require(code != 0, f"there is a {words[0]} in the image")
    tell("there is no shell")


def check_process(server: Server) -> None:
    """Checks who runs the server, and which programs lie in its image."""
    pid, root = server.seen(), server.root()
    if not root:
        tell("skipped: this tool keeps processes and files to itself")
        return
    told = containers.status(pid)
    ids = set(told["Uid"].split() + told["Gid"].split())
    require(ids == {USER}, f"the server runs as {told['Uid']}, {told['Gid']}")
    require(int(told["CapEff"], 16) == 0, f"the server has capabilities: {told['CapEff']}")
    files = containers.files_below(root)
    programs = {
        f"/{path}" for path, (mode, *_) in files.items() if stat.S_ISREG(mode) and mode & 0o111 and ".so" not in path
    }
    expected = {f"{PROGRAMS}/{name}" for name in (SERVER, "lungfield-segment")}
    require(programs == expected, f"these programs lie in the image: {sorted(programs)}")
    tell(f"it runs as {USER} without capabilities, and its image has {len(files)} files and folders")


def healthy(image: str, address: str) -> bool:
    code, said = containers.run(image, f"{PROGRAMS}/{SERVER}", "--health-check", "--metrics-listen", address)
    require(code in (0, 1), f"the health check ended with code {code}: {said}")
    return code == 0


def check_nothing_written(root: Path, before: dict[str, FileState]) -> None:
    after = containers.files_below(root)
    changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    require(not changed, f"the server wrote {changed}")
    tell("it wrote no file")


def segment_mounted(image: str, folder: Path) -> tuple[int, str, Path]:
    """Runs lungfield-segment in a container of its own."""
    (folder / "out").mkdir()
    (folder / "out").chmod(0o777)
    words = ["/work/films", "--out", "/work/out", "--reference", "/work/masks"]
    code, said = containers.run(image, f"{PROGRAMS}/lungfield-segment", *words, volume=f"{folder}:/work")
    return code, said, folder / "out"


def segment_inside(server: Server, folder: Path) -> tuple[int, str, Path]:
    """Returns the same in the server's container, for tools that can't mount a folder."""
    inside = Inside(server.seen())
    work = Path(inside.root) / "work"
    shutil.copytree(folder, work)
    (work / "out").mkdir()
    os.chown(work / "out", int(USER), int(USER))
    words = ["/work/films", "--out", "/work/out", "--reference", "/work/masks"]
    return (*inside.run(f"{PROGRAMS}/lungfield-segment", *words), work / "out")


def check_segment(image: str, server: Server, folder: Path) -> None:
    if containers.engine() in ("docker", "podman", "buildah"):
        code, said, out = segment_mounted(image, folder)
    elif server.root():
        code, said, out = segment_inside(server, folder)
    else:
        tell("skipped: this tool can't mount a folder for lungfield-segment")
        return
    require(code == 0, f"lungfield-segment ended with code {code}: {said}")
    masks, tables = list(out.glob("masks/**/*.png")), list(out.glob("results*.*"))
    require(len(masks) == 1 and len(tables) == 2, f"lungfield-segment left {masks} and {tables}")
    require_mask(masks[0].read_bytes())
    dice = re.search(r"mean Dice ([0-9.]+)", said)
    found = float(dice[1]) if dice else 0
    require(found >= LOWEST_DICE, f"lungfield-segment did not find the lungs: {said}")
    tell(f"lungfield-segment made a mask and two tables of a folder: Dice {found}")


def check_cuda(image: str) -> None:
    """Checks that the CUDA half opens, with every library that it is linked to; there is no thousandth GPU."""
    code, said = containers.run(image, f"{PROGRAMS}/{SERVER}", "--listen", "127.0.0.1:0", "--device", "cuda:999")
    opened = re.search(r"libtorch finds no CUDA device|there is no CUDA device 999", said)
    if code == 0 or not opened:
        raise Failure(f"the CUDA half of libtorch did not open: {said}")
    tell(f"the CUDA half of libtorch opens: {opened[0]}")


def check_server(image: str, folder: Path, arguments: argparse.Namespace) -> bytes:
    film, mask = draw_apart(arguments.phantom, folder)
    (port,) = free_ports(1)
    operators = f"127.0.0.1:{port}"
    device = ["--device", "cpu"] if arguments.cuda else []
    require(not healthy(image, operators), "it is healthy before it runs")
    server = Server(image, *device, metrics_listen=operators)
    try:
        server.start()
        server.wait_ready()
        check_process(server)
        root = server.root()
        before = containers.files_below(root) if root else {}
        png = check_answers(f"http://{server.address}", film, mask)
        require(healthy(image, operators), "it is not healthy while it serves")
        if root:
            check_nothing_written(root, before)
        check_segment(image, server, folder)
        server.stop()
        require(not healthy(image, operators), "it is healthy after its end")
        tell("it was healthy while it served, and ended with code 0 on SIGTERM")
    except (Failure, OSError):
        server.show()
        raise
    finally:
        server.close()
    return png


def check_image(arguments: argparse.Namespace) -> None:
    image = arguments.image
    check_labels(image)
    check_no_shell(image)
    if arguments.cuda:
        check_cuda(image)
    folder = Path(tempfile.mkdtemp(prefix="lungfield-image-check-"))
    folder.chmod(0o755)  # the container's user is another one
    try:
        png = check_server(image, folder, arguments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # what the container's user wrote may be its alone
    if arguments.keep:
        arguments.keep.write_bytes(png)


def main() -> None:
    options = parser(__doc__, "phantom")
    options.add_argument("--image", required=True, help="the image's tag")
    options.add_argument("--cuda", action="store_true", help="the image is the one for CUDA")
    options.add_argument("--keep", type=Path, help="write the mask to this file")
    arguments = options.parse_args()
    started = time.monotonic()
    print(f"{arguments.image}:", flush=True)
    try:
        check_image(arguments)
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        sys.exit(f"FAILED: {failure}")
    print(f"the image test took {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
