"""Runs a release's archive on a bare Debian 12, as an ordinary user: unpacked by what is there, a phantom in, its
mask out.

    python3 -m scripts.release.chroot_test --dist target/dist --debian target/debian-12

The Debian is what debootstrap makes (minbase, nothing added), once, in the folder given. Only root may do that. Needs
debootstrap, unshare (util-linux), Python 3.9 or later and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from scripts.common.failure import Failure
from scripts.common.repository import ROOT
from scripts.common.server import Server
from scripts.common.waiting import free_ports
from scripts.image.check import post
from scripts.release import facts

MIRROR = "http://deb.debian.org/debian"
SYSTEM_LIBRARIES = "usr/lib/x86_64-linux-gnu"
USER = "65532"
# A space, since it must run wherever it is unpacked.
PLACE = "srv/some where"
# Where PyTorch's own libraries look first, seen from a folder lib: beside the archive's folder that may be anybody's.
DECOY = "nvidia/cu13/lib/libcudart.so.13"
# In /tmp there.
WORK = ["films", "references", "out"]
LOWEST_DICE = 0.98
# The loader, Rust and libtorch read /proc, which a Debian that was started has.
INSIDE = """
mount -t proc proc "$1/proc" && root=$1 folder=$2 user=$3 && shift 3 || exit
exec chroot --userspec="$user:$user" "$root" \\
    /usr/bin/env -i PATH=/usr/bin:/bin sh -c 'cd "$0" && exec "$@"' "$folder" "$@"
"""


class Debian:
    """A bare Debian 12 in a folder, and what is run in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = root / PLACE
        self.folder = f"/{PLACE}/{facts.NAME}"

    def make(self) -> None:
        """Makes it by debootstrap, whole or not at all, unless it is there."""
        if self.root.exists():
            return
        partial = self.root.with_name(self.root.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        mirror = os.environ.get("DEBIAN_MIRROR", MIRROR)
        subprocess.run(
            ["debootstrap", "--variant=minbase", "bookworm", str(partial), mirror],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        partial.rename(self.root)

    def command(self, *command: str, folder: str | None = None, user: str = USER) -> list[str]:
        return ["unshare", "--mount", "sh", "-c", INSIDE, "sh", str(self.root), folder or self.folder, user, *command]

    def run(self, *command: str, folder: str | None = None, user: str = USER, stdin: IO[bytes] | None = None) -> str:
        """Returns what a command says that succeeds."""
        done = subprocess.run(
            self.command(*command, folder=folder, user=user),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said = done.stdout.decode(errors="replace")
        if done.returncode:
            raise Failure(f"{' '.join(command)} ended with code {done.returncode}: {said[-2000:]}")
        return said

    def unpack(self, archive: Path) -> None:
        self.clean()
        self.place.mkdir(parents=True)
        decoy = self.place / DECOY
        decoy.parent.mkdir(parents=True)
        decoy.write_text("whoever opens this is not safe\n")
        with archive.open("rb") as file:
            self.run("tar", "--extract", "--gzip", folder=f"/{PLACE}", user="0", stdin=file)
        self.run("mkdir", *WORK, folder="/tmp")

    def clean(self) -> None:
        for folder in [self.place, *(self.root / "tmp" / name for name in WORK)]:
            shutil.rmtree(folder, ignore_errors=True)


def healthy(debian: Debian, operators: str) -> bool:
    """Returns whether the program's own health check finds a server."""
    command = debian.command("bin/lungfield-serve", "--metrics-listen", operators, "--health-check")
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def check_versions(debian: Debian) -> None:
    for program in facts.PROGRAMS:
        said = debian.run(f"bin/{program}", "--version").split()
        if said[1:] != [facts.VERSION]:
            raise Failure(f"{program} says that it is {' '.join(said)}")


def check_libraries(debian: Debian) -> None:
    """Checks what the loader would find for each program, and for libraries that may be opened later."""
    folder = debian.place / facts.NAME
    check = [sys.executable, "-m", "scripts.libtorch.library_check", "--system", str(debian.root / SYSTEM_LIBRARIES)]
    subprocess.run([*check, str(folder / "bin"), str(folder / "libtorch" / "lib")], check=True, cwd=ROOT)


def check_server(debian: Debian) -> float:
    """Returns the Dice of a phantom that was sent."""
    debian.run("bin/lungfield-phantom", "--out", "/tmp/films")
    debian.run("mv", "films/phantom-1-mask.png", "references", folder="/tmp")
    work = debian.root / "tmp"
    parts = {"image": work / "films/phantom-1.png", "ground_truth": work / "references/phantom-1-mask.png"}
    operators = f"127.0.0.1:{free_ports(1)[0]}"
    command = debian.command("bin/lungfield-serve", "--drain-delay", "0s")
    with Server(command, metrics_listen=operators) as server:
        if not healthy(debian, operators):
            raise Failure("--health-check does not find the server that listens")
        dice = json.loads(post(f"http://{server.address}/v1/segment", parts, "application/json"))["dice"]
    if healthy(debian, operators):
        raise Failure("--health-check finds a server that has ended")
    if not dice >= LOWEST_DICE:
        raise Failure(f"the phantom's lungs were not found: Dice {dice}")
    return dice


def check_segment(debian: Debian) -> None:
    """Checks that the program for archives finds the same, without a server."""
    said = debian.run("bin/lungfield-segment", "/tmp/films", "--out", "/tmp/out", "--reference", "/tmp/references")
    dice = re.search(r"mean Dice ([0-9.]+)", said)
    left = {path.suffix for path in (debian.root / "tmp" / "out").rglob("*.*")}
    if not left >= {".csv", ".parquet", ".png"} or not dice or float(dice[1]) < LOWEST_DICE:
        raise Failure(f"lungfield-segment left {sorted(left)} and said: {said}")


def try_archive(archive: Path, debian: Debian) -> float:
    debian.make()
    debian.unpack(archive)
    try:
        debian.run("sha256sum", "--check", "--quiet", "SHA256SUMS")
        check_versions(debian)
        check_libraries(debian)
        dice = check_server(debian)
        check_segment(debian)
    finally:
        debian.clean()
    return dice


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dist", type=Path, required=True, help="the folder that scripts/release/archive.py filled")
    parser.add_argument(
        "--debian", type=lambda path: Path(path).resolve(), required=True, help="the folder of the bare Debian"
    )
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("chroot_test.py: only root can change the root folder")
    started, archive = time.monotonic(), arguments.dist / f"{facts.NAME}.tar.gz"
    try:
        dice = try_archive(archive, Debian(arguments.debian))
    except (Failure, OSError, subprocess.CalledProcessError) as failure:
        sys.exit(f"FAILED: {failure}")
    print(f"{archive.name} on a bare Debian 12, as user {USER}: Dice {dice:.4f}, code 0 on SIGTERM")
    print(f"the test of the archive took {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
