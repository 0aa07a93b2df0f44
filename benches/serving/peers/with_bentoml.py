"""BentoML with one service that does all the work for one film, so many films at a time as it has threads.

    python -m bentoml serve with_bentoml:Segmentation --working-dir peers --port 8000

SERVING_WORKERS is the service's processes, SERVING_POOL the threads of each.
"""

import os
from typing import Annotated

import bentoml
from bentoml.validators import ContentType
from segmentation import Manifest, Segmenter, prepare, restore

WORKERS, POOL = (int(os.environ[f"SERVING_{name}"]) for name in ("WORKERS", "POOL"))
Film = Annotated[bytes, ContentType("image/*")]
Mask = Annotated[bytes, ContentType("image/png")]
PATIENCE_SECONDS = 120


@bentoml.service(workers=WORKERS, threads=POOL, traffic={"timeout": PATIENCE_SECONDS})
class Segmentation:
    def __init__(self) -> None:
        self.manifest = Manifest.read()
        self.segmenter = Segmenter(self.manifest)

    @bentoml.api(route="/segment")
    def segment(self, film: Film, /) -> Mask:
        plane, geometry = prepare(film, self.manifest)
        probabilities = self.segmenter.maps(plane[None])[0]
        return restore(probabilities, geometry, self.manifest)
