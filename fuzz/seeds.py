"""Gives every fuzz target files to begin with: good ones of each kind, and some that were made to do harm.

    python fuzz/seeds.py [--phantom target/release/lungfield-phantom]

Writes fuzz/corpus/TARGET/, which git ignores. The pictures are those of crates/codec/tests/fixtures/images, phantoms
where the program that draws them is given, and a few real films where LUNGFIELD_DATA names a folder of them: those
never leave the corpus.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
FIXTURES = FUZZ.parent / "crates" / "codec" / "tests" / "fixtures"
REAL_FILMS = 8
FORM = "multipart/form-data; boundary=x"
RELATED = 'multipart/related; type="application/dicom"; boundary=x'


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes, between: bytes = b"") -> bytes:
    """Returns an 8-bit grey PNG of any declared size around any bytes that its pixels are unpacked from."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + between + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def hostile_pngs() -> Iterator[bytes]:
    rows = zlib.compress(bytes(65 * 48), 9)
    bomb = zlib.compress(bytes(1 << 20), 9)
    yield png(60_000, 60_000, rows)
    yield png(64, 48, bomb)
    yield png(64, 48, rows, chunk(b"zTXt", b"Comment\0\0" + bomb))
    yield png(64, 48, rows, chunk(b"iCCP", b"profile\0\0" + bomb))
    yield png(64, 48, rows, chunk(b"iTXt", b"Comment\0\1\0\0\0" + bomb))


def tiff(tags: dict[int, int], data: bytes = b"") -> bytes:
    """Returns a little-endian TIFF of these tags, of one number each, with the data behind its directory."""
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + data


def hostile_tiffs() -> Iterator[bytes]:
    grey = {256: 64, 257: 48, 258: 8, 259: 1, 262: 1, 277: 1, 278: 48, 273: 8, 279: 64 * 48}
    start = 8 + 2 + 12 * len(grey) + 4
    packed = zlib.compress(bytes(64 * 48), 9)
    bomb = zlib.compress(bytes(1 << 20), 9)
    yield tiff(grey | {273: start}, bytes(64 * 48))
    yield tiff(grey | {259: 8, 273: start, 279: len(packed)}, packed)
    yield tiff(grey | {259: 8, 273: start, 279: len(bomb)}, bomb)
    yield tiff(grey | {256: 60_000, 257: 60_000})
    yield tiff(grey | {257: 1 << 31, 278: 1})
    tiles = {tag: value for tag, value in grey.items() if tag not in (273, 278, 279)}
    yield tiff(tiles | {322: 16, 323: 16, 324: 8, 325: 1 << 30})
    yield tiff(tiles | {322: 1 << 30, 323: 1 << 30, 324: 8, 325: 64})


def dicom(element: bytes, value: bytes = b"", transfer_syntax: bytes = b"1.2.840.10008.1.2.1\0") -> bytes:
    """Returns a DICOM file that begins with some element, which may be anything."""
    meta = b"\x02\0\x10\0UI" + struct.pack("<H", len(transfer_syntax)) + transfer_syntax
    return bytes(128) + b"DICM" + meta + element + value


def objects() -> Iterator[bytes]:
    """Yields DICOM objects in every transfer syntax and of every kind, and some that were made to do harm."""
    yield from (path.read_bytes() for path in sorted((FIXTURES / "dicom").glob("*.dcm")))
    nested = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    yield dicom(nested * 40)
    yield dicom(nested.replace(b"SQ", b"UN") * 40)
    yield dicom(b"\xe0\x7f\x10\0OW\0\0\xfe\xff\xff\x7f")
    inflating = zlib.compressobj(9, zlib.DEFLATED, -15)
    yield dicom(inflating.compress(bytes(1 << 22)) + inflating.flush(), transfer_syntax=b"1.2.840.10008.1.2.1.99")


def images() -> Iterator[bytes]:
    pictures = [path for path in sorted((FIXTURES / "images").iterdir()) if path.suffix in (".png", ".jpg", ".tif")]
    yield from (path.read_bytes() for path in pictures)
    yield from hostile_pngs()
    yield from hostile_tiffs()
    jpeg = (FIXTURES / "images" / "grey.jpg").read_bytes()
    at = jpeg.index(b"\xff\xc0") + 5
    yield jpeg[:at] + struct.pack(">HH", 65_500, 65_500) + jpeg[at + 4 :]


def phantoms(program: str | None, width: int, height: int) -> list[bytes]:
    """Returns films and masks in turn, as their files."""
    if not program:
        return []
    with tempfile.TemporaryDirectory() as folder:
        size = ["--width", str(width), "--height", str(height)]
        for depth in ("8", "12", "16"):
            subprocess.run(
                [program, "--out", f"{folder}/{depth}", "--depth", depth, *size], check=True, stdout=subprocess.PIPE
            )
        return [path.read_bytes() for path in sorted(Path(folder).rglob("*.png"))]


def real(kind: str) -> list[bytes]:
    """Returns a few real films or masks, the smallest files first."""
    folder = os.environ.get("LUNGFIELD_DATA")
    if not folder:
        return []
    files = sorted(Path(folder).glob(f"*/{kind}/*.png"), key=lambda path: path.stat().st_size)
    return [path.read_bytes() for path in files[:REAL_FILMS]]


def runs() -> Iterator[bytes]:
    """Yields run lengths as JSON: what pycocotools wrote, and what no mask is."""
    for fixture in json.loads((FIXTURES / "rle" / "pycocotools.json").read_text())["masks"]:
        for counts in (fixture["counts"], fixture.get("plain")):
            if counts is not None and len(counts) < 4096:
                yield json.dumps({"size": fixture["size"], "counts": counts}).encode()
                if isinstance(counts, str) and max(fixture["size"]) < 256:
                    yield bytes(fixture["size"]) + counts.encode()
    yield b'{"size":[48,64],"counts":[3072]}'
    yield b'{"size":[48,64],"counts":[4294967295,4294967295]}'
    yield b'{"size":[4294967295,4294967295],"counts":"oooooooooooooooooooo0"}'
    yield b'{"other":' + b"[" * 200 + b"]" * 200 + b',"size":[4,5],"counts":"5260M0"}'


def part(name: bytes, data: bytes, more: bytes = b"") -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="' + name + b'"\r\n' + more + b"\r\n" + data + b"\r\n"


def forms() -> Iterator[bytes]:
    film = (FIXTURES / "images" / "interlaced_grey8.png").read_bytes()
    image, mask = part(b"image", film), part(b"ground_truth", b'{"size":[48,64],"counts":[3072]}')
    end = b"--x--\r\n"
    yield from (image + end, image + mask + end, mask + image + part(b"ground_truth", film) + end, end, b"")
    yield b"preamble\r\n" + image + end + b"epilogue"
    yield image[:-40]
    yield part(b"image", film, b"Content-Type: image/png\r\nX: " + b"a" * 5000 + b"\r\n") + end
    yield b"".join(part(b"", b"") for _ in range(100)) + end
    yield (
        b'--x\r\nContent-Disposition: form-data; name*=UTF-8\'\'image; filename="a\\"b"\r\n\r\n' + film + b"\r\n" + end
    )


def requests() -> Iterator[bytes]:
    film = (FIXTURES / "images" / "interlaced_grey8.png").read_bytes()
    heads = [
        "POST /v1/segment\ncontent-type: image/png",
        "POST /v1/segment?format=overlay&threshold=0.25\naccept: image/png;q=0.5, */*;q=0.1",
        "POST /v1/segment?format=png\naccept: text/html, application/json;q=0",
        "POST /v1/segment?rle=counts&threshold=1e-3&format=json",
        "POST /v1/segment?format=%6ason&threshold=NaN&unknown=%ff\naccept: image/*;q=1.000",
        "POST /v1/segment\nlungfield-timeout-ms: 20000\ncontent-length: 999999999999\nexpect: 100-continue",
        "POST /v1/segment\nx-request-id: an-id\ncontent-type: application/octet-stream; charset=utf-8",
        "POST /v1/segment?format=dicom-seg&segmentation=fractional&uids=derived\ncontent-type: application/dicom",
        "GET /v1/model",
        "HEAD /health/ready",
        "DELETE /v1/segment",
        "GET /openapi.yaml?x=%00",
        "OPTIONS *",
        "OPTIONS /v1/segment\norigin: https://viewer.example\naccess-control-request-method: POST",
        "POST /v1/segment\norigin: null\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ]
    yield from (f"{head}\n\n".encode() + film for head in heads)
    for form in forms():
        yield f"POST /v1/segment\ncontent-type: {FORM}\n\n".encode() + form
    plain = (FIXTURES / "dicom" / "explicit_le_8.dcm").read_bytes()
    for query in ("", "?format=dicom-seg&uids=derived", "?format=dicom-sc", "?format=dicom-sr", "?format=png"):
        yield f"POST /v1/segment{query}\ncontent-type: application/dicom\n\n".encode() + plain
        instances = 2 * (b"--x\r\nContent-Type: application/dicom\r\n\r\n" + plain + b"\r\n") + b"--x--\r\n"
        yield f"POST /v1/segment{query}\ncontent-type: {RELATED}\n\n".encode() + instances
    yield from inferences(film)


def inferences(film: bytes) -> Iterator[bytes]:
    """Requests of the Open Inference Protocol: pixels and files, in JSON and behind it."""
    head = "POST /v2/models/a-fake/infer"
    pixels = bytes(range(256)) * 4
    numbers = {"name": "image", "shape": [32, 32], "datatype": "UINT8"}
    file = {"name": "image", "shape": [1], "datatype": "BYTES"}
    truth = {"name": "ground_truth", "shape": [32, 32], "datatype": "UINT8", "data": [value & 1 for value in pixels]}
    encoded = base64.b64encode(film).decode()
    nested = [list(pixels[row : row + 32]) for row in range(0, 1024, 32)]
    for request in (
        {"inputs": [numbers | {"data": nested}, truth], "parameters": {"threshold": 0.25, "binary_data_output": True}},
        {"id": "7", "inputs": [file | {"data": [encoded]}], "outputs": [{"name": "mask"}]},
        {"inputs": [truth, numbers | {"data": list(pixels)}], "outputs": [{"name": "dice"}]},
    ):
        yield f"{head}\n\n".encode() + json.dumps(request).encode()
    element = struct.pack("<I", len(film)) + film
    for tensor, binary in ((numbers, pixels), (file, element)):
        described = tensor | {"parameters": {"binary_data_size": len(binary)}}
        output = {"name": "mask", "parameters": {"binary_data": True}}
        text = json.dumps({"inputs": [described], "outputs": [output]}).encode()
        yield f"{head}\ninference-header-content-length: {len(text)}\n\n".encode() + text + binary
    yield b"GET /v2/models/a-fake/versions/0/ready\n\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phantom", help="the program lungfield-phantom, for phantoms among the films")
    program = parser.parse_args().phantom
    drawn = phantoms(program, 64, 48)
    corpus = {
        "film": [*images(), *drawn, *phantoms(program, 200, 240), *real("images")],
        "dicom": objects(),
        "reference": [*images(), *drawn, *runs(), *objects(), *real("masks")],
        "rle": runs(),
        "upload": [bytes([piece]) + form for form in forms() for piece in (0, 7, 255)],
        "request": requests(),
    }
    for target, seeds in corpus.items():
        folder = FUZZ / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        seeds = list(seeds)
        for seed in seeds:
            (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
        print(f"{target}: {len(seeds)} seeds")


if __name__ == "__main__":
    main()
