"""What the repository and the programs say, to which manifests are compared: settings, memory, metrics, paths,
versions.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple, Optional

import yaml

from scripts.common.repository import MODEL, ROOT, version

# Above what was seen of an idle server of one to two threads: 360 MB in benches/serving/README.md, 231 MB since it
# allocates by jemalloc.
IDLE_BYTES = 400e6
# What the system holds for a connection whose caller is slow to read, as docs/configuration.md has it.
CONNECTION_BYTES = 512 << 10
BOUND = re.compile(r"decode permits × (\d+) bytes × `--max-pixels` \+ queue capacity × (\d+) × side² bytes")
SIZES = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}
SECONDS = {"ms": 1e-3, "s": 1, "m": 60, "h": 3600}

Defaults = dict[str, Optional[str]]
"""The variables of a program and their defaults, None where there is none."""


class Facts(NamedTuple):
    """Everything that manifests are compared with."""

    version: str
    settings: dict[str, Defaults]
    bytes_a_pixel: int
    plane_bytes: int
    metrics: set[str]
    paths: set[str]
    job: str
    user: int
    programs: dict[str, Path]


def size(text: object) -> float:
    """Returns the number that 20M, 64MiB, 2Gi, 1500 or 500m of a core stand for, as our programs and Kubernetes read
    them.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]i?|)b?", str(text).strip().lower())
    if not found:
        raise ValueError(f"{text!r} is no size")
    return float(found[1]) * SIZES[found[2]]


def cores(text: object) -> float:
    """Cores of Kubernetes: 2, "1.5" or 1500m."""
    text = str(text)
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def seconds(text: object) -> float:
    """Returns the seconds that 2s, 1m 30s or 500ms stand for."""
    parts = re.findall(r"(\d+)\s*(ms|s|m|h)", str(text))
    if not parts or re.sub(r"(\d+)\s*(ms|s|m|h)|\s", "", str(text)):
        raise ValueError(f"{text!r} is no duration")
    return sum(int(number) * SECONDS[unit] for number, unit in parts)


def settings_of(program: Path) -> Defaults:
    """Reads variables and defaults from the --help of a built program."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LUNGFIELD_")}
    text = subprocess.run([program, "--help"], check=True, capture_output=True, text=True, env=clean).stdout
    found = re.findall(r"\[env: (LUNGFIELD_\w+)=?\](?:\s+\[default: ([^\]]*)\])?", text)
    return {name: default or None for name, default in found}


def bound() -> tuple[int, int]:
    """Returns the documented factors of the memory bound: bytes for each pixel of a decoder, and for each pixel of a
    plane that waits.
    """
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    found = [bound for page in pages for bound in BOUND.findall(" ".join(page.read_text(encoding="utf-8").split()))]
    if len(set(found)) != 1:
        raise SystemExit(
            "README.md or docs/ must say how memory is bounded, as facts.py reads it: change both, and the manifests"
        )
    bytes_a_pixel, bytes_a_plane_pixel = found[0]
    return int(bytes_a_pixel), int(bytes_a_plane_pixel)


def sources_of_metrics() -> str:
    """Returns the sources of the service that name its metrics."""
    paths = [path for path in (ROOT / "src").rglob("*.rs") if "metrics" in path.relative_to(ROOT).as_posix()]
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(paths))


def metrics() -> set[str]:
    """Returns every word that may be a metric's name, with the prefix; units are left out."""
    return {f"lungfield_{name}" for name in re.findall(r'"([a-z][a-z_]*)"', sources_of_metrics())}


def operator_paths() -> set[str]:
    """Returns the paths that the metrics listener serves."""
    return set(re.findall(r'\.route\("([^"]+)"', (ROOT / "src/http/operators.rs").read_text(encoding="utf-8")))


def alerted_job() -> str:
    """Returns the label by which the alerts know our servers."""
    jobs = set(re.findall(r'job="([^"]+)"', (ROOT / "deploy/prometheus/alerts.yaml").read_text(encoding="utf-8")))
    if len(jobs) != 1:
        raise SystemExit(f"the alerts name several jobs: {sorted(jobs)}")
    return jobs.pop()


def image_user() -> int:
    """Returns the user of the images, by number."""
    found = re.search(r"^USER (\d+):\d+$", (ROOT / "docker/Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise SystemExit("docker/Dockerfile names no user by number")
    return int(found[1])


def read_facts(server: Path, segment: Path) -> Facts:
    """Reads everything, given the paths of the built programs."""
    programs = {"lungfield-serve": server, "lungfield-segment": segment}
    bytes_a_pixel, bytes_a_plane_pixel = bound()
    side = json.loads((MODEL / "manifest.json").read_text())["preprocessing"]["side"]
    return Facts(
        version=version(),
        settings={name: settings_of(program) for name, program in programs.items()},
        bytes_a_pixel=bytes_a_pixel,
        plane_bytes=bytes_a_plane_pixel * side * side,
        metrics=metrics(),
        paths=operator_paths(),
        job=alerted_job(),
        user=image_user(),
        programs=programs,
    )


def read_yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def refusal(program: Path, name: str, variables: dict[str, str]) -> str | None:
    """Returns what a program says of settings that it does not take, or None. It starts nothing: the server is asked
    for a health that it can't know, and the films are not there.
    """
    with tempfile.TemporaryDirectory() as folder:
        asks = {
            "lungfield-serve": (["--health-check"], {"LUNGFIELD_METRICS_LISTEN": "off"}),
            "lungfield-segment": ([f"{folder}/none.png", "--out", folder], {}),
        }
        flags, overruled = asks[name]
        run = subprocess.run([program, *flags], capture_output=True, text=True, env={**variables, **overruled})
    return " ".join(run.stderr.split()) if run.returncode == 2 else None
