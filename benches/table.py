"""Prints what `cargo bench` measured as one table: how long each step takes, and how far that is from its floor.

    cargo bench -p lungfield-model --bench steps && python3 -m benches.table

The floor of a forward pass is its floating-point work at the rate at which libtorch multiplies large matrices in the
same precision on as many threads. The floor of all else is copying the bytes that must be read and written: one pass
over memory, which no decoder of a compressed format comes near. A step's ratio is floor over time: 1 is all that the
machine can do.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CRITERION = Path(__file__).resolve().parents[1] / "target" / "criterion"
NANOSECONDS = 1e9


def measured(folder: Path) -> Iterator[dict[str, Any]]:
    """Yields every benchmark of the last run: group, name, parameter, seconds (median) and work."""
    for path in sorted(folder.glob("*/*/*/new/benchmark.json")):
        described = json.loads(path.read_text())
        estimates = json.loads(path.with_name("estimates.json").read_text())
        (work,) = described["throughput"].values()
        yield {
            "group": described["group_id"],
            "step": described["function_id"],
            "parameter": described["value_str"],
            "seconds": estimates["median"]["point_estimate"] / NANOSECONDS,
            "work": work,
        }


def rates(benchmarks: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
    """Returns the floors: by name and threads, work a second."""
    floors = [bench for bench in benchmarks if bench["group"] == "floor"]
    return {(bench["step"], bench["parameter"]): bench["work"] / bench["seconds"] for bench in floors}


def floor_of(bench: dict[str, Any]) -> tuple[str, str]:
    """Returns the name of a step's floor."""
    if bench["group"] == "forward":
        return f"matrix {bench['step'].split()[0]}", bench["parameter"]
    return "copy", "1"


def line(bench: dict[str, Any], floors: dict[tuple[str, str], float]) -> str:
    floor_seconds = bench["work"] / floors[floor_of(bench)]
    parameter = f"{bench['parameter']} threads" if bench["group"] == "forward" else bench["parameter"]
    ratio = floor_seconds / bench["seconds"]
    return f"| {bench['step']} | {parameter} | {bench['seconds'] * 1e3:.2f} | {floor_seconds * 1e3:.3f} | {ratio:.2f} |"


def cpu() -> str:
    """Returns the CPU's name and how many cores of it there are here."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return f"{len(names)} cores of {names[0]}" if names else platform.processor()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--criterion", type=Path, default=CRITERION, help="where cargo bench left its figures")
    benchmarks = list(measured(parser.parse_args().criterion))
    if not benchmarks:
        sys.exit("there are no figures: run cargo bench -p lungfield-model --bench steps")
    floors = rates(benchmarks)
    print(f"On {cpu()}:")
    for (step, threads), rate in floors.items():
        unit = "GB/s" if step == "copy" else "GFLOP/s"
        print(f"- floor: {step}, {threads} threads: {rate / 1e9:.0f} {unit}")
    print("\n| step | of | ms | floor, ms | ratio |\n|---|---|---|---|---|")
    for bench in benchmarks:
        if bench["group"] != "floor":
            print(line(bench, floors))


if __name__ == "__main__":
    main()
