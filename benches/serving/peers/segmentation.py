"""Our network and what lies around it, the way that most people would write it with PyTorch, Pillow and NumPy.

Every peer serves by these functions, so that they differ in how they serve and in nothing else. What a peer is told, it
is told by its environment: SERVING_MODEL names the model's folder, SERVING_VARIANT one of VARIANTS, SERVING_THREADS the
threads of one forward pass.
"""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file

# Where TorchServe has packed it, the network lies beside this file.
sys.path.append(str(Path(__file__).resolve().parents[2]))
from segnet import SegNet

OUTSIDE = -1.0
"""What lies outside of a film on the model grid."""
VARIANTS = ["eager", "script", "channels_last", "bf16"]
"""f32 as it comes; traced and optimised; f32, channels-last and frozen; the same in bf16."""


@dataclass(frozen=True)
class Manifest:
    """What manifest.json says about the films that a model sees and about its answers."""

    folder: Path
    width: int
    side: int
    percentiles: tuple[float, float]
    threshold: float
    flip_averaging: bool

    @classmethod
    def read(cls) -> Manifest:
        folder = Path(os.environ["SERVING_MODEL"])
        manifest = json.loads((folder / "manifest.json").read_text())
        films = manifest["preprocessing"]
        percentiles = (films["lower_percentile"], films["upper_percentile"])
        width, side = manifest["network"]["width"], films["side"]
        return cls(folder, width, side, percentiles, manifest["threshold"], manifest["flip_averaging"])


class Segmenter:
    """The network as one of VARIANTS, ready to run."""

    def __init__(self, manifest: Manifest) -> None:
        variant = os.environ.get("SERVING_VARIANT", "eager")
        if variant not in VARIANTS:
            raise ValueError(f"SERVING_VARIANT is {variant}, not one of {VARIANTS}")
        torch.set_num_threads(int(os.environ.get("SERVING_THREADS") or os.cpu_count() or 1))
        self.flip_averaging = manifest.flip_averaging
        self.dtype = torch.bfloat16 if variant == "bf16" else torch.float32
        self.layout = torch.channels_last if variant in ("channels_last", "bf16") else torch.contiguous_format
        self.network = self._build(manifest, variant)

    @torch.inference_mode()
    def maps(self, planes: Any) -> Any:
        """Returns the probabilities `[n, side, side]` of as many planes."""
        x = torch.from_numpy(planes)[:, None]
        if self.flip_averaging:
            x = torch.cat([x, x.flip(-1)])
        maps = torch.sigmoid(self.network(x.to(self.dtype, memory_format=self.layout)).float())
        if self.flip_averaging:
            straight, mirrored = maps.chunk(2)
            maps = (straight + mirrored.flip(-1)) / 2
        return maps[:, 0].numpy()

    def _build(self, manifest: Manifest, variant: str) -> Any:
        network = SegNet(manifest.width).eval()
        missing = network.load_state_dict(load_file(manifest.folder / "model.safetensors"), strict=False).missing_keys
        if any(not name.endswith("num_batches_tracked") for name in missing):
            raise ValueError(f"the weights lack {missing}")
        network = network.to(self.dtype, memory_format=self.layout)
        if variant == "eager":
            return network
        example = torch.zeros(2, 1, manifest.side, manifest.side, dtype=self.dtype)
        with torch.no_grad():
            traced = torch.jit.trace(network, example.to(memory_format=self.layout))
            frozen = torch.jit.freeze(traced)
            return torch.jit.optimize_for_inference(frozen) if variant == "script" else frozen


def prepare(film: bytes, manifest: Manifest) -> tuple[Any, Any]:
    """Returns a film's bytes as a plane for the network, and what restore() has to know of it."""
    with Image.open(io.BytesIO(film)) as image:
        size = image.size
        scale = manifest.side / max(size)
        placed = [max(1, round(length * scale)) for length in size]
        greys = np.asarray(image.convert("L").resize(placed, Image.Resampling.BILINEAR), dtype=np.float32)
    dark, bright = np.percentile(greys, manifest.percentiles)
    left, top = (manifest.side - placed[0]) // 2, (manifest.side - placed[1]) // 2
    plane = np.full((manifest.side, manifest.side), OUTSIDE, dtype=np.float32)
    area = np.s_[top : top + placed[1], left : left + placed[0]]
    plane[area] = np.clip((greys - dark) * (2 / max(bright - dark, 1e-6)) - 1, -1, 1)
    return plane, (size, area)


def restore(probabilities: Any, geometry: Any, manifest: Manifest) -> bytes:
    """Returns the film's mask as a PNG, from the network's probabilities."""
    (width, height), area = geometry
    placed = torch.from_numpy(np.ascontiguousarray(probabilities[area]))[None, None]
    full = F.interpolate(placed, size=(height, width), mode="bilinear", align_corners=False)[0, 0]
    mask = (full >= manifest.threshold).to(torch.uint8).mul_(255)
    answer = io.BytesIO()
    Image.fromarray(mask.numpy()).save(answer, format="PNG")
    return answer.getvalue()
