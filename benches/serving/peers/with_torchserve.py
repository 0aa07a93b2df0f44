"""Packs torchserve_handler.py into a model archive in the working directory and serves it with TorchServe.

    python with_torchserve.py 8000

SERVING_WORKERS, SERVING_BATCH and SERVING_BATCH_WAIT are the model's workers, its largest batch and the milliseconds
that TorchServe waits for one. The working directory also gets TorchServe's logs, so let it be one to throw away.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODEL = "segment"
PATIENCE_SECONDS = 120


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def pack(store: Path) -> None:
    command = [sys.executable, "-m", "model_archiver.model_packaging", "--model-name", MODEL, "--version", "1.0"]
    command += [
        "--handler",
        str(HERE / "torchserve_handler.py"),
        "--extra-files",
        f"{HERE / 'segmentation.py'},{HERE.parents[1] / 'segnet.py'}",
    ]
    subprocess.run([*command, "--export-path", str(store), "--force"], check=True)


def properties(port: str, store: Path) -> str:
    model = {
        "defaultVersion": True,
        "marName": f"{MODEL}.mar",
        "minWorkers": int(os.environ["SERVING_WORKERS"]),
        "maxWorkers": int(os.environ["SERVING_WORKERS"]),
        "batchSize": int(os.environ["SERVING_BATCH"]),
        "maxBatchDelay": int(os.environ["SERVING_BATCH_WAIT"]),
        "responseTimeout": PATIENCE_SECONDS,
    }
    lines = {
        "inference_address": f"http://127.0.0.1:{port}",
        "management_address": f"http://127.0.0.1:{free_port()}",
        "metrics_address": f"http://127.0.0.1:{free_port()}",
        "grpc_inference_port": free_port(),
        "grpc_management_port": free_port(),
        "model_store": store,
        "load_models": f"{MODEL}.mar",
        "models": json.dumps({MODEL: {"1.0": model}}),
        "disable_token_authorization": "true",
    }
    return "".join(f"{name}={value}\n" for name, value in lines.items())


def main() -> None:
    store = Path("store").resolve()
    store.mkdir(exist_ok=True)
    pack(store)
    configuration = Path("config.properties").resolve()
    configuration.write_text(properties(sys.argv[1], store))
    command = [sys.executable, "-m", "ts.model_server", "--start", "--foreground", "--no-config-snapshots"]
    os.execv(sys.executable, [*command, "--ts-config", str(configuration), "--model-store", str(store)])


if __name__ == "__main__":
    main()
