"""Segments an archive in a real S3 server, moto's, with workers that are killed, and with two workers at once.

    python -m scripts.archive.check --segment target/release/lungfield-segment

Needs the packages of scripts/archive/requirements.txt. A line is printed for each claim, with what was found. The
test fails where a claim does not hold.
"""

from __future__ import annotations

import argparse
import csv
import io
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet

from scripts.archive.store import Store
from scripts.common.claims import Claims
from scripts.common.command_line import parser
from scripts.common.phantoms import Kind, draw
from scripts.common.repository import ROOT
from scripts.common.waiting import wait_until

FILMS = 90
IN_FLIGHT = 4
# Rows that a run may hold back.
ROWS = 32
LIMIT_S = 240
ODD = "2024/ward 7/ä#1 %41+(é).png"

claims = Claims()


def segment(
    arguments: argparse.Namespace, store: Store, out: str, *more: str, inputs: Sequence[str] = ("s3://films/2024",)
) -> subprocess.Popen[str]:
    command = [
        arguments.segment,
        *inputs,
        "--out",
        out,
        "--device",
        "cpu",
        "--precision",
        "f32",
        "--in-flight",
        str(IN_FLIGHT),
        *more,
    ]
    return subprocess.Popen(
        command, cwd=ROOT, env=store.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, error = process.communicate(timeout=LIMIT_S)
    return process.returncode, out.strip(), error


def fill(arguments: argparse.Namespace, store: Store) -> None:
    """Phantoms as films, with their masks beside, one film that is none, and what consoles leave."""
    with tempfile.TemporaryDirectory(prefix="lungfield-archive-check-") as folder:
        drawn = draw(arguments.phantom, Path(folder), Kind(300, 360), count=FILMS)
        for number, phantom in enumerate(drawn, 1):
            name = ODD if number == 1 else f"2024/{number % 3}/{number}.png"
            store.put(name, phantom.film.read_bytes())
            store.put(f"references/{name.removeprefix('2024/')}", phantom.mask.read_bytes())
    store.put("2024/0/broken.png", b"no film")
    store.put("2024/0/", b"")
    store.put("2023/other.png", b"another year's")


def rows(store: Store, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(store.read(name).decode())))


def ended(worker: subprocess.Popen[str]) -> bool:
    return worker.poll() is not None


def kill_in_the_middle(arguments: argparse.Namespace, store: Store, out: str, kept: int) -> bool:
    """Kills a worker once it has kept rows and others are under way. Returns False if it ended before."""
    worker = segment(arguments, store, out, "--reference", "s3://films/references")

    def has_kept_rows() -> bool:
        return ended(worker) or len(store.keys("killed/state/0-of-1/rows")) > kept

    def has_begun_more() -> bool:
        return ended(worker) or len(store.keys("killed/masks")) > stored + 2

    wait_until("rows are kept", has_kept_rows, LIMIT_S)
    stored = len(store.keys("killed/masks"))
    wait_until("others are under way", has_begun_more, LIMIT_S)
    killed = not ended(worker)
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    return killed


def check_killed(arguments: argparse.Namespace, store: Store) -> list[dict[str, str]]:
    """Workers are killed until none is left to kill; one row and one mask a film all the same."""
    out = "s3://out/killed"
    kills = sum(kill_in_the_middle(arguments, store, out, kept) for kept in range(2))
    claims.check(
        "workers were killed in the middle",
        kills == 2 and len(store.keys("killed/masks")) < FILMS,
        len(store.keys("killed/masks")),
    )
    code, told, error = finish(segment(arguments, store, out, "--reference", "s3://films/references"))
    claims.check(
        "the third finishes, and its code tells of the bad film",
        code == 3,
        f"{code}, {told}{error if code != 3 else ''}",
    )
    table = rows(store, "killed/results.csv")
    files = [row["file"] for row in table]
    claims.check("every film has one row", len(files) == len(set(files)) == FILMS + 1, len(files))
    masks = store.keys("killed/masks")
    claims.check(
        "every good film has one mask",
        sorted(masks) == sorted(f"killed/{row['mask']}" for row in table if row["mask"]) and len(masks) == FILMS,
    )
    again = sum(count - 1 for count in store.stored("killed/masks").values())
    claims.check(
        "films that were in flight are all that was computed again",
        0 < again <= kills * (IN_FLIGHT + ROWS),
        f"{again} after {kills} kills",
    )
    bad = [row for row in table if row["error"]]
    claims.check(
        "the bad film is listed",
        [row["error"] for row in bad] == ["unrecognised_image"] and bad[0]["file"] == "s3://films/2024/0/broken.png",
    )
    least = min(float(row["dice"]) for row in table if row["dice"])
    claims.check(
        "every film was measured against its reference mask",
        sum(bool(row["dice"]) for row in table) == FILMS and least > 0.9,
        f"least Dice {least:.4f}",
    )
    odd = [row for row in table if row["file"] == f"s3://films/{ODD}"]
    claims.check(
        "an odd name keeps its letters",
        len(odd) == 1 and odd[0]["mask"] == f"masks/{ODD.removeprefix('2024/')}.png",
        odd and odd[0]["mask"],
    )
    parquet = pyarrow.parquet.read_table(io.BytesIO(store.read("killed/results.parquet")))
    text = [{name: "" if value is None else str(value) for name, value in row.items()} for row in parquet.to_pylist()]
    same = all(
        one["file"] == other["file"] and one["area_px"] == other["area_px"] and one["sha256"] == other["sha256"]
        for one, other in zip(table, text)
    )
    claims.check(
        "pyarrow reads the same rows and columns",
        same and len(text) == len(table) and parquet.column_names == list(table[0]),
    )
    return table


def check_whole(arguments: argparse.Namespace, store: Store, table: list[dict[str, str]]) -> None:
    code, _, _ = finish(segment(arguments, store, "s3://out/whole"))
    masks = {key.removeprefix("whole/"): store.read(key) for key in store.keys("whole/masks")}
    same = all(store.read(f"killed/{name}") == mask for name, mask in masks.items())
    claims.check("an undisturbed run gives the same masks", code == 3 and len(masks) == FILMS and same)
    with tempfile.TemporaryDirectory(prefix="lungfield-archive-check-") as folder:
        code, text, _ = finish(segment(arguments, store, folder, inputs=["s3://films/2024/1/*.png"]))
        found = sorted(path.name for path in Path(folder, "masks").iterdir())
        wanted = sorted(
            row["file"].rsplit("/", 1)[1] + ".png" for row in table if row["file"].startswith("s3://films/2024/1/")
        )
        claims.check("a pattern in a bucket fills a folder", code == 0 and found == wanted, text)


def check_shards(arguments: argparse.Namespace, store: Store) -> None:
    workers = [segment(arguments, store, "s3://out/parts", "--shard", f"{part}/2") for part in range(2)]
    codes = [finish(worker)[0] for worker in workers]
    files = [row["file"] for part in range(2) for row in rows(store, f"parts/results-{part}-of-2.csv")]
    claims.check(
        "two workers side by side share the films",
        sorted(codes) == [0, 3] and len(files) == len(set(files)) == FILMS + 1,
        codes,
    )


def check_rivals(arguments: argparse.Namespace, store: Store) -> None:
    """Checks two workers that have the same part by mistake."""
    workers = [segment(arguments, store, "s3://out/rivals") for _ in range(2)]
    outcomes = [finish(worker) for worker in workers]
    codes = sorted(code for code, _, _ in outcomes)
    told = any("another worker" in error for _, _, error in outcomes)
    files = [row["file"] for row in rows(store, "rivals/results.csv")]
    claims.check("of two workers with one part one stops and says why", codes == [1, 3] and told, codes)
    claims.check("and no row is doubled", len(files) == len(set(files)) == FILMS + 1)


def check_refusals(arguments: argparse.Namespace, store: Store) -> None:
    code, _, error = finish(segment(arguments, store, "s3://out/none", inputs=["s3://no-such-bucket/x"]))
    claims.check(
        "a bucket that is none is told", code == 1 and "no-such-bucket" in error, error.strip().splitlines()[-1][:120]
    )
    code, _, error = finish(segment(arguments, store, "s3://out/none", inputs=["s3://films/1999"]))
    claims.check("a prefix without films is told", code == 1 and "no film" in error, error.strip().splitlines()[-1])
    code, _, error = finish(segment(arguments, store, "s3://films/2024/out"))
    claims.check("an output inside of the input is refused", code == 1 and "taken for films" in error)


def check_log(arguments: argparse.Namespace, store: Store) -> None:
    code, text, error = finish(
        segment(arguments, store, "s3://out/log", "--log-filter", "trace", inputs=["s3://films/2024/0"])
    )
    named = [name for name in ("broken", "2024/0/3.png", "ward 7") if name in error + text]
    claims.check("no film is named in a log, even at trace", code == 3 and not named and "model loaded" in error, named)


def main() -> int:
    arguments = parser(__doc__, "segment", "phantom").parse_args()
    store = Store()
    try:
        fill(arguments, store)
        check_whole(arguments, store, check_killed(arguments, store))
        check_shards(arguments, store)
        check_rivals(arguments, store)
        check_refusals(arguments, store)
        check_log(arguments, store)
    finally:
        store.close()
    return claims.exit_code()


if __name__ == "__main__":
    sys.exit(main())
