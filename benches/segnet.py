"""The SegNet of src/network in PyTorch, its tensors named as in our weights files, the way that most people would
write it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

ENCODER_BLOCKS = [2, 2, 3, 3, 3]
DECODER_BLOCKS = [3, 3, 3, 2, 1]
ENCODER_CHANNELS = [1, 2, 4, 8, 8]
DECODER_CHANNELS = [8, 4, 2, 1, 1]


class Layer(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.norm(self.conv(x)), inplace=True)


class Head(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


class SegNet(nn.Module):
    """Planes `[n, 1, side, side]` in, logits of the same shape out; a side is a multiple of 32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = 1
        self.encoder = nn.ModuleList()
        for count, factor in zip(ENCODER_BLOCKS, ENCODER_CHANNELS):
            outputs = factor * width
            self.encoder.append(nn.Sequential(*[Layer(channels if i == 0 else outputs, outputs) for i in range(count)]))
            channels = outputs
        self.decoder = nn.ModuleList()
        for count, factor in zip(DECODER_BLOCKS, DECODER_CHANNELS):
            outputs = factor * width
            layers = [Layer(channels, outputs if i + 1 == count else channels) for i in range(count)]
            self.decoder.append(nn.Sequential(*layers))
            channels = outputs
        self.head = Head(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        poolings = []
        for block in self.encoder:
            x = block(x)
            size = x.shape[2:]
            x, indices = F.max_pool2d(x, 2, return_indices=True)
            poolings.append((indices, size))
        for block in self.decoder:
            indices, size = poolings.pop()
            x = block(F.max_unpool2d(x, indices, 2, output_size=size))
        return self.head(x)
