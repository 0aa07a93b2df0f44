"""Films for the replicas test: phantoms of several sizes, and large ones with noise, which no compression makes
smaller.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from scripts.common.phantoms import Kind, draw

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# (width, height, bits), one phantom each.
PLAIN = [(256, 256, 8), (512, 640, 8), (1024, 1024, 8), (1024, 1280, 16), (2048, 2048, 8), (1760, 2140, 12)]
# (width, height, by how much it is enlarged): 9.4 MB and 5.2 MB.
NOISY = [(1024, 1024, 3), (1140, 1140, 2)]


def draw_films(phantom: Path, folder: Path) -> list[tuple[str, bytes]]:
    """Returns a list of (name, bytes): every film another phantom, so that each has a mask of its own."""
    films = []
    for seed, (width, height, depth) in enumerate(PLAIN, 1):
        films.append((f"{width}x{height}, {depth} bits", draw_one(phantom, folder, seed, Kind(width, height, depth))))
    for seed, (width, height, times) in enumerate(NOISY, len(films) + 1):
        pixels = read_grey(draw_one(phantom, folder, seed, Kind(width, height)))
        films.append((f"{width * times}x{height * times}, noisy", noisy(pixels, times, random.Random(seed))))
    return films


def draw_one(phantom: Path, folder: Path, seed: int, kind: Kind) -> bytes:
    (drawn,) = draw(phantom, folder, kind, seed)
    return drawn.film.read_bytes()


def read_grey(png: bytes) -> list[bytes]:
    """Returns the rows of an 8-bit grey PNG."""
    data, at, header = b"", len(SIGNATURE), b""
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + length]
        header = body if kind == b"IHDR" else header
        data += body if kind == b"IDAT" else b""
        at += length + 12
    width, height, depth, colour = struct.unpack(">IIBB", header[:10])
    assert (depth, colour) == (8, 0), "a phantom of 8 bits is a grey PNG of 8 bits"
    raw = zlib.decompress(data)
    rows, above = [], bytes(width)
    for start in range(0, height * (width + 1), width + 1):
        above = unfiltered(raw[start], raw[start + 1 : start + 1 + width], above)
        rows.append(above)
    return rows


def unfiltered(kind: int, row: bytes, above: bytes) -> bytes:
    """Returns a row of a PNG without its filter, which says what was taken off each pixel: none, left, above, mean,
    Paeth's choice.
    """
    if kind == 0:
        return bytes(row)
    out = bytearray(row)
    left = corner = 0
    for i, up in enumerate(above):
        guess = (0, left, up, (left + up) // 2, paeth(left, up, corner) if kind == 4 else 0)[kind]
        left, corner = (out[i] + guess) & 255, up
        out[i] = left
    return bytes(out)


def paeth(left: int, up: int, corner: int) -> int:
    distances = [(abs(up - corner), left), (abs(left - corner), up), (abs(left + up - 2 * corner), corner)]
    return min(distances, key=lambda pair: pair[0])[1]


def noisy(rows: Sequence[bytes], times: int, generator: random.Random) -> bytes:
    """Returns the film enlarged, its greys pressed into three quarters of their range and noise put on top, stored
    uncompressed.
    """
    pressed = bytes(grey * 3 // 4 for grey in range(256))
    width = len(rows[0]) * times
    raw = bytearray()
    for row in rows:
        wide = bytearray(width)
        for offset in range(times):
            wide[offset::times] = row.translate(pressed)
        greys = int.from_bytes(wide, "big")
        for _ in range(times):
            noise = generator.getrandbits(8 * width) & int.from_bytes(b"\x3f" * width, "big")
            raw += b"\0" + (greys + noise).to_bytes(width, "big")  # no byte carries: 191 + 63 < 256
    header = struct.pack(">IIBBBBB", width, len(rows) * times, 8, 0, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(raw), 0)) + chunk(b"IEND", b"")


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
