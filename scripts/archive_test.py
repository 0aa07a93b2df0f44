#!/usr/bin/env python3
"""Segments an archive in a real S3 server, moto's, with workers that are killed, and a server that goes away.

    .venv-archive/bin/python scripts/archive_test.py --segment target/release/lungfield-segment --phantom target/release/lungfield-phantom

Every check is a claim that is printed with what was found; one that does not hold ends the test with a code other than 0.
"""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import boto3
import pyarrow.parquet
from botocore.config import Config

from claims import claim, end, programs

ROOT = Path(__file__).resolve().parent.parent
FILMS = 90
IN_FLIGHT = 4
# Rows that a run may hold back (src/bulk/mod.rs).
ROWS = 32
PATIENCE_S = 240
ODD = "2024/ward 7/ä#1 %41+(é).png"

# Counts what is stored, which no answer of S3 tells.
SERVER = """
import collections, json, sys
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
stored = collections.Counter()
inner = DomainDispatcherApplication(create_backend_app)
def counting(environment, start):
    if environment["REQUEST_METHOD"] == "PUT":
        stored[environment["PATH_INFO"]] += 1
    if environment["PATH_INFO"] == "/stored":
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(stored).encode()]
    return inner(environment, start)
server = make_server("127.0.0.1", int(sys.argv[1]), counting, threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
"""


class Store:
    """An S3 server, with a bucket of films and one for what comes of them."""

    def __init__(self):
        command = [sys.executable, "-c", SERVER, "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        port = self.process.stdout.readline().strip()
        if not port:
            sys.exit("the S3 server did not start")
        self.url = f"http://127.0.0.1:{port}"
        configuration = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1})
        access = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-central-1"}
        self.client = boto3.client("s3", endpoint_url=self.url, config=configuration, **access)
        for bucket in ("films", "out"):
            self.client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})

    def environment(self):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LUNGFIELD_", "AWS_"))}
        return {
            **inherited,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "eu-central-1",
            "OMP_WAIT_POLICY": "PASSIVE",
        }

    def put(self, key, body):
        self.client.put_object(Bucket="films", Key=key, Body=body)

    def keys(self, prefix):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket="out", Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def read(self, key):
        return self.client.get_object(Bucket="out", Key=key)["Body"].read()

    def stored(self, prefix):
        """How often each object below a prefix of the output was stored."""
        with urllib.request.urlopen(f"{self.url}/stored") as answer:
            counts = json.load(answer)
        return {path.removeprefix("/out/"): count for path, count in counts.items() if path.startswith(f"/out/{prefix}")}

    def close(self):
        self.process.kill()
        self.process.wait()


def segment(arguments, store, out, *more, inputs=("s3://films/2024",)):
    command = [arguments.segment, *inputs, "--out", out, "--device", "cpu", "--precision", "f32", "--in-flight", str(IN_FLIGHT), *more]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=store.environment(), **pipes)


def finish(process):
    out, error = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out.strip(), error


def wait_until(what, condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"never: {what}")
        time.sleep(0.02)


def fill(arguments, store):
    """Phantoms as films, with their masks beside, one film that is none, and what consoles leave."""
    with tempfile.TemporaryDirectory(prefix="lungfield-archive-test-") as folder:
        size = ["--width", "300", "--height", "360", "--count", str(FILMS)]
        subprocess.run([arguments.phantom, "--out", folder, *size], check=True, stdout=subprocess.DEVNULL)
        for number in range(1, FILMS + 1):
            name = ODD if number == 1 else f"2024/{number % 3}/{number}.png"
            store.put(name, Path(folder, f"phantom-{number}.png").read_bytes())
            store.put(f"references/{name.removeprefix('2024/')}", Path(folder, f"phantom-{number}-mask.png").read_bytes())
    store.put("2024/0/broken.png", b"no film")
    store.put("2024/0/", b"")
    store.put("2023/other.png", b"another year's")


def rows(store, name):
    return list(csv.DictReader(io.StringIO(store.read(name).decode())))


def check_killed(arguments, store):
    """Workers are killed until none is left to kill; one row and one mask a film all the same."""
    out, kills = "s3://out/killed", 0
    for kept in range(2):
        worker = segment(arguments, store, out, "--reference", "s3://films/references")
        wait_until("rows are kept", lambda: len(store.keys("killed/state/0-of-1/rows")) > kept or worker.poll() is not None)
        masks = len(store.keys("killed/masks"))
        wait_until("others are under way", lambda: len(store.keys("killed/masks")) > masks + 2 or worker.poll() is not None)
        kills += worker.poll() is None
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
    claim("workers were killed in the middle", kills == 2 and len(store.keys("killed/masks")) < FILMS, len(store.keys("killed/masks")))
    code, out_text, error = finish(segment(arguments, store, out, "--reference", "s3://films/references"))
    claim("the third finishes, and its code tells of the bad film", code == 3, f"{code}, {out_text}{error if code != 3 else ''}")
    table = rows(store, "killed/results.csv")
    files = [row["file"] for row in table]
    claim("every film has one row", len(files) == len(set(files)) == FILMS + 1, len(files))
    masks = store.keys("killed/masks")
    claim("every good film has one mask", sorted(masks) == sorted(f"killed/{row['mask']}" for row in table if row["mask"]) and len(masks) == FILMS)
    again = sum(count - 1 for count in store.stored("killed/masks").values())
    claim("films that were in flight are all that was computed again", 0 < again <= kills * (IN_FLIGHT + ROWS), f"{again} after {kills} kills")
    bad = [row for row in table if row["error"]]
    claim("the bad film is listed", [row["error"] for row in bad] == ["unrecognised_image"] and bad[0]["file"] == "s3://films/2024/0/broken.png")
    least = min(float(row["dice"]) for row in table if row["dice"])
    claim("every film was measured against its reference mask", sum(bool(row["dice"]) for row in table) == FILMS and least > 0.9, f"least Dice {least:.4f}")
    odd = [row for row in table if row["file"] == f"s3://films/{ODD}"]
    claim("an odd name keeps its letters", len(odd) == 1 and odd[0]["mask"] == f"masks/{ODD.removeprefix('2024/')}.png", odd and odd[0]["mask"])
    parquet = pyarrow.parquet.read_table(io.BytesIO(store.read("killed/results.parquet")))
    text = [{name: "" if value is None else str(value) for name, value in row.items()} for row in parquet.to_pylist()]
    same = all(one["file"] == other["file"] and one["area_px"] == other["area_px"] and one["sha256"] == other["sha256"] for one, other in zip(table, text))
    claim("pyarrow reads the same rows and columns", same and len(text) == len(table) and parquet.column_names == list(table[0]))
    return table


def check_whole(arguments, store, table):
    code, _, _ = finish(segment(arguments, store, "s3://out/whole"))
    masks = {key.removeprefix("whole/"): store.read(key) for key in store.keys("whole/masks")}
    same = all(store.read(f"killed/{name}") == mask for name, mask in masks.items())
    claim("an undisturbed run gives the same masks", code == 3 and len(masks) == FILMS and same)
    with tempfile.TemporaryDirectory(prefix="lungfield-archive-test-") as folder:
        code, text, _ = finish(segment(arguments, store, folder, inputs=["s3://films/2024/1/*.png"]))
        found = sorted(path.name for path in Path(folder, "masks").iterdir())
        wanted = sorted(row["file"].rsplit("/", 1)[1] + ".png" for row in table if row["file"].startswith("s3://films/2024/1/"))
        claim("a pattern in a bucket fills a folder", code == 0 and found == wanted, text)


def check_shards(arguments, store):
    workers = [segment(arguments, store, "s3://out/parts", "--shard", f"{part}/2") for part in range(2)]
    codes = [finish(worker)[0] for worker in workers]
    files = [row["file"] for part in range(2) for row in rows(store, f"parts/results-{part}-of-2.csv")]
    claim("two workers side by side share the films", sorted(codes) == [0, 3] and len(files) == len(set(files)) == FILMS + 1, codes)


def check_rivals(arguments, store):
    """Two workers have the same part by mistake."""
    workers = [segment(arguments, store, "s3://out/rivals") for _ in range(2)]
    outcomes = [finish(worker) for worker in workers]
    codes = sorted(code for code, _, _ in outcomes)
    told = any("another worker" in error for _, _, error in outcomes)
    files = [row["file"] for row in rows(store, "rivals/results.csv")]
    claim("of two workers with one part one stops and says why", codes == [1, 3] and told, codes)
    claim("and no row is doubled", len(files) == len(set(files)) == FILMS + 1)


def check_refusals(arguments, store):
    code, _, error = finish(segment(arguments, store, "s3://out/none", inputs=["s3://no-such-bucket/x"]))
    claim("a bucket that is none is told", code == 1 and "no-such-bucket" in error, error.strip().splitlines()[-1][:120])
    code, _, error = finish(segment(arguments, store, "s3://out/none", inputs=["s3://films/1999"]))
    claim("a prefix without films is told", code == 1 and "no film" in error, error.strip().splitlines()[-1])
    code, _, error = finish(segment(arguments, store, "s3://films/2024/out"))
    claim("an output inside of the input is refused", code == 1 and "taken for films" in error)


def check_log(arguments, store):
    code, text, error = finish(segment(arguments, store, "s3://out/log", "--log-filter", "trace", inputs=["s3://films/2024/0"]))
    named = [name for name in ("broken", "2024/0/3.png", "ward 7") if name in error + text]
    claim("no film is named in a log, even at trace", code == 3 and not named and "model loaded" in error, named)


def main():
    arguments = programs(__doc__, "segment", "phantom")
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
    end()


if __name__ == "__main__":
    main()
