"""What TorchServe's workers call: a batch of requests in, as many masks out.

with_torchserve.py packs it into an archive.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from segmentation import Manifest, Segmenter, prepare, restore
from ts.torch_handler.base_handler import BaseHandler


class Handler(BaseHandler):
    def initialize(self, context: Any) -> None:
        self.manifest = Manifest.read()
        self.segmenter = Segmenter(self.manifest)
        self.initialized = True

    def handle(self, data: Any, context: Any) -> list[bytes]:
        planes, geometries = zip(*[prepare(bytes(request["body"]), self.manifest) for request in data])
        maps = self.segmenter.maps(np.stack(planes))
        for place in range(len(data)):
            context.set_response_content_type(place, "image/png")
        return [restore(*found, self.manifest) for found in zip(maps, geometries)]
