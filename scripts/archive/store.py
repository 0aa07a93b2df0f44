"""The object store of the archive tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request

import boto3
from botocore.config import Config

from scripts.common.failure import Failure
from scripts.common.repository import ROOT


class Store:
    """An S3 server, with a bucket of films and one for what comes of them."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "scripts.archive.s3_server"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
        assert self.process.stdout, "it is a pipe"
        port = self.process.stdout.readline().strip()
        if not port:
            raise Failure("the S3 server did not start")
        self.url = f"http://127.0.0.1:{port}"
        configuration = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1})
        access = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-central-1"}
        self.client = boto3.client("s3", endpoint_url=self.url, config=configuration, **access)
        for bucket in ("films", "out"):
            self.client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})

    def environment(self) -> dict[str, str]:
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

    def put(self, key: str, body: bytes) -> None:
        self.client.put_object(Bucket="films", Key=key, Body=body)

    def keys(self, prefix: str) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket="out", Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        return self.client.get_object(Bucket="out", Key=key)["Body"].read()

    def stored(self, prefix: str) -> dict[str, int]:
        """Returns how often each object below a prefix of the output was stored."""
        with urllib.request.urlopen(f"{self.url}/stored") as answer:
            counts = json.load(answer)
        return {
            path.removeprefix("/out/"): count for path, count in counts.items() if path.startswith(f"/out/{prefix}")
        }

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
