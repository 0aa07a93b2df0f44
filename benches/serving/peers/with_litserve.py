"""LitServe: a worker decodes a film or a batch of them, runs the network and encodes the masks.

    python with_litserve.py 8000

SERVING_WORKERS, SERVING_BATCH and SERVING_BATCH_WAIT are its workers, its largest batch and the seconds that it waits
for one.
"""

import os
import sys
from typing import Annotated, Any

import litserve
import numpy as np
from fastapi import Body, Response
from segmentation import Manifest, Segmenter, prepare, restore


class Segmentation(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.manifest = Manifest.read()
        self.segmenter = Segmenter(self.manifest)

    def decode_request(self, request: Annotated[bytes, Body()]) -> Any:
        return prepare(request, self.manifest)

    def batch(self, inputs: Any) -> Any:
        planes, geometries = zip(*inputs)
        return np.stack(planes), geometries

    def predict(self, batch: Any) -> Any:
        if self.max_batch_size == 1:  # then LitServe passes a film as decode_request() made it, without batch()
            plane, geometry = batch
            return self.segmenter.maps(plane[None])[0], geometry
        planes, geometries = batch
        return self.segmenter.maps(planes), geometries

    def unbatch(self, output: Any) -> Any:
        return list(zip(*output))

    def encode_response(self, output: Any) -> Response:
        probabilities, geometry = output
        return Response(restore(probabilities, geometry, self.manifest), media_type="image/png")


if __name__ == "__main__":
    settings = os.environ
    api = Segmentation(
        max_batch_size=int(settings["SERVING_BATCH"]), batch_timeout=float(settings["SERVING_BATCH_WAIT"])
    )
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=int(settings["SERVING_WORKERS"]))
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False)
