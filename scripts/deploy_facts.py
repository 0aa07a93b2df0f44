"""Decides what deploy_check.py holds manifests to: what the rest of the repository says of settings, memory, metrics, paths and versions."""

import collections
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "src" / "config"
# What each program can be told stands in these files, where there is no built program to ask.
SOURCES = {
    "lungfield-serve": ["serve.rs", "access.rs", "model.rs", "mod.rs"],
    "lungfield-segment": ["segment.rs", "model.rs", "mod.rs"],
}
# Above what was seen of an idle server of one to two threads: 360 MB in benches/serving/README.md, 231 MB since it allocates by jemalloc.
IDLE_BYTES = 400e6
# What the system holds for a connection whose caller is slow to read, as docs/configuration.md has it.
CONNECTION_BYTES = 512 << 10
BOUND = re.compile(r"decode permits × (\d+) bytes × `--max-pixels` \+ queue capacity × (\d+) × side² bytes")
SIZES = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}
SECONDS = {"ms": 1e-3, "s": 1, "m": 60, "h": 3600}

# `settings` has for each program its variables and their defaults, None where there is none.
Facts = collections.namedtuple("Facts", "version settings bytes_a_pixel plane_bytes metrics paths job user programs")


def size(text):
    """The number that 20M, 64MiB, 2Gi, 1500 or 500m of a core stand for, as our programs and Kubernetes read them."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]i?|)b?", str(text).strip().lower())
    if not found:
        raise ValueError(f"{text!r} is no size")
    return float(found[1]) * SIZES[found[2]]


def cores(text):
    """Cores of Kubernetes: 2, "1.5" or 1500m."""
    text = str(text)
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def seconds(text):
    """What 2s, 1m 30s or 500ms are in seconds."""
    parts = re.findall(r"(\d+)\s*(ms|s|m|h)", str(text))
    if not parts or re.sub(r"(\d+)\s*(ms|s|m|h)|\s", "", str(text)):
        raise ValueError(f"{text!r} is no duration")
    return sum(int(number) * SECONDS[unit] for number, unit in parts)


def told_by_program(program):
    """Variables and defaults by --help of a built program."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LUNGFIELD_")}
    text = subprocess.run([program, "--help"], check=True, capture_output=True, text=True, env=clean).stdout
    found = re.findall(r"\[env: (LUNGFIELD_\w+)=?\](?:\s+\[default: ([^\]]*)\])?", text)
    return {name: default or None for name, default in found}


def told_by_sources(files):
    """The same out of the sources."""
    text = "\n".join((CONFIG / name).read_text(encoding="utf-8") for name in files)
    found = re.findall(r'env = "(LUNGFIELD_\w+)"(?:, default_value = "([^"]*)")?', text)
    return {name: default or None for name, default in found}


def settings(programs):
    return {
        name: told_by_program(programs[name]) if name in programs else told_by_sources(files) for name, files in SOURCES.items()
    }


def bound():
    """The factors in docs/configuration.md: bytes for each pixel of a decoder, and for each pixel of a plane that waits."""
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    found = BOUND.search(" ".join(text.split()))
    if not found:
        raise SystemExit("docs/configuration.md no longer says how memory is bounded as deploy_facts.py reads it: change both, and the manifests")
    return int(found[1]), int(found[2])


def metrics():
    """Every word that src/metrics gives a metric, with the prefix; units are left out."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src" / "metrics").glob("*.rs"))
    return {f"lungfield_{name}" for name in re.findall(r'"([a-z][a-z_]*)"', text)}


def alerted_job():
    """The label by which the alerts know our servers."""
    jobs = set(re.findall(r'job="([^"]+)"', (ROOT / "deploy/prometheus/alerts.yaml").read_text(encoding="utf-8")))
    if len(jobs) != 1:
        raise SystemExit(f"the alerts name several jobs: {sorted(jobs)}")
    return jobs.pop()


def read(programs):
    """All of it. `programs` are paths of built programs by their names, as many as there are."""
    bytes_a_pixel, bytes_a_plane_pixel = bound()
    side = json.loads((ROOT / "models/lungfield-segnet/manifest.json").read_text())["preprocessing"]["side"]
    return Facts(
        version=re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)[1],
        settings=settings(programs),
        bytes_a_pixel=bytes_a_pixel,
        plane_bytes=bytes_a_plane_pixel * side * side,
        metrics=metrics(),
        paths=set(re.findall(r'\.route\("([^"]+)"', (ROOT / "src/http/metrics.rs").read_text(encoding="utf-8"))),
        job=alerted_job(),
        user=int(re.search(r"^USER (\d+):\d+$", (ROOT / "docker/Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)[1]),
        programs=programs,
    )


def read_yaml(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def refusal(program, name, variables):
    """What a program says of settings that it does not take, or None. It starts nothing: the server is asked for a health that it can't
    know, and the films are not there."""
    with tempfile.TemporaryDirectory() as folder:
        asks = {
            "lungfield-serve": (["--health-check"], {"LUNGFIELD_METRICS_LISTEN": "off"}),
            "lungfield-segment": ([f"{folder}/none.png", "--out", folder], {}),
        }
        flags, overruled = asks[name]
        run = subprocess.run([program, *flags], capture_output=True, text=True, env={**variables, **overruled})
    return " ".join(run.stderr.split()) if run.returncode == 2 else None
