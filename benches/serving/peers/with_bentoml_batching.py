"""BentoML with two services: one decodes and encodes, the other runs the network in batches that adapt to the load.

    python -m bentoml serve with_bentoml_batching:Segmentation --working-dir peers --port 8000

SERVING_WORKERS is the processes of the first service, SERVING_NETWORKS those of the second, SERVING_BATCH its largest
batch.
"""

import asyncio
import os
from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import ContentType
from segmentation import Manifest, Segmenter, prepare, restore

WORKERS, NETWORKS, BATCH = (int(os.environ[f"SERVING_{name}"]) for name in ("WORKERS", "NETWORKS", "BATCH"))
Film = Annotated[bytes, ContentType("image/*")]
Mask = Annotated[bytes, ContentType("image/png")]
PATIENCE_SECONDS = 120
"""Films wait for as long as they must: BentoML answers 503 where it expects an answer to be later than this."""


@bentoml.service(workers=NETWORKS, traffic={"timeout": PATIENCE_SECONDS})
class Network:
    def __init__(self) -> None:
        self.segmenter = Segmenter(Manifest.read())

    @bentoml.api(batchable=True, max_batch_size=BATCH, max_latency_ms=PATIENCE_SECONDS * 1000)
    def maps(self, planes: np.ndarray) -> np.ndarray:
        return self.segmenter.maps(planes)


@bentoml.service(workers=WORKERS, traffic={"timeout": PATIENCE_SECONDS})
class Segmentation:
    network = bentoml.depends(Network)

    def __init__(self) -> None:
        self.manifest = Manifest.read()

    @bentoml.api(route="/segment")
    async def segment(self, film: Film, /) -> Mask:
        plane, geometry = await asyncio.to_thread(prepare, film, self.manifest)
        maps = await self.network.to_async.maps(plane[None])
        return await asyncio.to_thread(restore, maps[0], geometry, self.manifest)
