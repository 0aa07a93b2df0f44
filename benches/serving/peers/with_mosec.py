"""mosec with a stage each for decoding, the network and encoding. The one in the middle may batch.

    python with_mosec.py --address 127.0.0.1 --port 8000

SERVING_WORKERS is the processes of each of the outer stages, SERVING_NETWORKS those of the network; SERVING_BATCH is
its largest batch, SERVING_BATCH_WAIT the milliseconds that it waits for one.
"""

import os
from typing import Any

import numpy as np
from mosec import Server, Worker
from segmentation import Manifest, Segmenter, prepare, restore


class Preprocess(Worker):
    def __init__(self) -> None:
        super().__init__()
        self.manifest = Manifest.read()

    def deserialize(self, data: Any) -> Any:
        return data

    def forward(self, data: Any) -> Any:
        return prepare(data, self.manifest)


class Network(Worker):
    def __init__(self) -> None:
        super().__init__()
        self.segmenter = Segmenter(Manifest.read())

    def forward(self, data: Any) -> Any:
        if self.max_batch_size == 1:  # then mosec passes a film and not a list of them
            return self._batch([data])[0]
        return self._batch(data)

    def _batch(self, films: Any) -> list[Any]:
        planes, geometries = zip(*films)
        return list(zip(self.segmenter.maps(np.stack(planes)), geometries))


class Postprocess(Worker):
    resp_mime_type = "image/png"

    def __init__(self) -> None:
        super().__init__()
        self.manifest = Manifest.read()

    def forward(self, data: Any) -> Any:
        return restore(*data, self.manifest)

    def serialize(self, data: Any) -> Any:
        return data


if __name__ == "__main__":
    settings = {name: int(os.environ[f"SERVING_{name}"]) for name in ("WORKERS", "NETWORKS", "BATCH", "BATCH_WAIT")}
    server = Server()
    server.append_worker(Preprocess, num=settings["WORKERS"])
    server.append_worker(
        Network, num=settings["NETWORKS"], max_batch_size=settings["BATCH"], max_wait_time=settings["BATCH_WAIT"]
    )
    server.append_worker(Postprocess, num=settings["WORKERS"])
    server.run()
