"""The files that the API test sends, and what becomes of each: what answers it as a film and as a reference mask.

They are made from phantoms, so no patient's film is among them. All good films have one size and are grey: each is a good
reference mask of every other, and so parts of a form can be drawn independently.
"""

import io
import json
import os
import struct
import zlib
from pathlib import Path

from PIL import Image

FOLDER = Path(os.environ["LUNGFIELD_API_CORPUS"])
"""Where scripts/api_test.py has had the phantoms drawn."""

EMPTY = (400, "empty_body")
UNRECOGNISED = (415, "unrecognised_image")
UNDECODABLE = (422, "undecodable_image")
SEVERAL_FRAMES = (422, "several_frames")
TOO_SMALL = (422, "image_too_small")
TOO_MANY_PIXELS = (413, "too_many_pixels")
BAD_REFERENCE = (422, "undecodable_reference")
COLOURED_REFERENCE = (422, "reference_true_colour")
OTHER_SIZE = (422, "reference_size_mismatch")
BAD_RUNS = (422, "invalid_rle")


class Entry:
    """Bytes, their size in pixels where they have one, and the (status, code) that refuses them, None for a 200.

    What is no film is no reference mask either, unless it is said why it is refused as one, if at all.
    """

    def __init__(self, data, size=None, as_film=None, as_reference=BAD_REFERENCE):
        self.data = data
        self.size = size
        self.as_film = as_film
        self.as_reference = as_reference

    def __str__(self):
        return f"{len(self.data)} bytes that begin with {self.data[:12]}"


def good(data, size):
    return Entry(data, size, as_reference=None)


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def phantom(name):
    return Image.open(FOLDER / f"{name}.png")


def good_images():
    """Good films by the media type that they are sent as; the first of each is the plainest."""
    film, mask, deep = phantom("eight/phantom-1"), phantom("eight/phantom-1-mask"), phantom("sixteen/phantom-2")
    drawn = [(FOLDER / name).read_bytes() for name in ("eight/phantom-1.png", "sixteen/phantom-2.png")]
    blank = Image.new("L", film.size, 90)
    images = {
        "image/png": [*drawn, *(saved(image, "PNG") for image in (mask, mask.convert("1"), blank))],
        "image/jpeg": [
            saved(film, "JPEG", quality=95),
            saved(film.convert("RGB"), "JPEG", quality=95, progressive=True),
            saved(mask, "JPEG", quality=95),
        ],
        "image/tiff": [
            saved(film, "TIFF"),
            saved(deep, "TIFF", compression="tiff_lzw"),
            saved(mask, "TIFF", compression="tiff_adobe_deflate"),
        ],
    }
    images["image/png"] += [saved(film.convert(mode), "PNG") for mode in ("RGB", "RGBA", "LA", "P")]
    return {kind: [good(data, film.size) for data in files] for kind, files in images.items()}


def films_only():
    """Good films that are no reference mask of the others."""
    film = phantom("eight/phantom-1")
    black = film.point(lambda _: 0)
    turned = film.transpose(Image.Transpose.ROTATE_90)
    return [
        Entry(saved(Image.merge("RGB", [film, black, black]), "PNG"), film.size, as_reference=COLOURED_REFERENCE),
        good(saved(turned, "PNG"), turned.size),
    ]


def bad_images():
    film = phantom("eight/phantom-1")
    png, jpeg, tiff = (saved(film, kind) for kind in ("PNG", "JPEG", "TIFF"))
    frames = {"save_all": True, "append_images": [film.transpose(Image.Transpose.ROTATE_180)]}
    refused = {
        UNRECOGNISED: [
            b"a plain text",
            b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
            b"PK\x03\x04" + bytes(60),
            saved(film, "GIF"),
            saved(film, "GIF", **frames),
            bytes(128) + b"DICM",
        ],
        UNDECODABLE: [b"\x89PNG\r\n\x1a\n", *(file[: len(file) // 2] for file in (png, jpeg, tiff))],
        SEVERAL_FRAMES: [saved(film, kind, **frames) for kind in ("PNG", "TIFF")],
        TOO_SMALL: [saved(Image.new("L", (1, 1)), "PNG"), saved(Image.new("L", (31, 200)), "JPEG")],
        TOO_MANY_PIXELS: [png_header(60_000, 60_000)],
        EMPTY: [b""],
    }
    return [Entry(data, as_film=answer) for answer, files in refused.items() for data in files]


def png_header(width, height):
    """A PNG that declares its size and ends there."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def run_lengths():
    """Run lengths as JSON, which is a reference mask and no film: good ones first."""
    mask = phantom("eight/phantom-1-mask")
    width, height = mask.size
    pixels = width * height
    good_counts = [runs(mask), [pixels], [0, pixels]]
    bad_counts = [[], [pixels - 1], [pixels + 5, -5], [2**32, pixels], [0.5, pixels - 0.5], 20, "5260M", "\x7f", "0"]
    texts = [runs_as_json(mask.size, counts) for counts in bad_counts]
    texts += [b"{", b"{}", b'{"size":[4],"counts":[4]}', b'{"size":[0,0],"counts":[0]}', b'{"size":[4,-5],"counts":[20]}']
    entries = [Entry(runs_as_json(mask.size, counts), mask.size, UNRECOGNISED, None) for counts in good_counts]
    entries.append(Entry(b'{"size":[4,5],"counts":"5260M0"}', (5, 4), UNRECOGNISED, None))
    return entries + [Entry(text, None, UNRECOGNISED, BAD_RUNS) for text in texts]


def runs(mask):
    """COCO's run lengths of a mask: column by column, the first run of pixels that are not lung."""
    lengths, lung = [0], False
    for pixel in mask.convert("L").transpose(Image.Transpose.TRANSPOSE).tobytes():
        if (pixel > 0) != lung:
            lengths.append(0)
            lung = not lung
        lengths[-1] += 1
    return lengths


def runs_as_json(size, counts):
    return json.dumps({"size": [size[1], size[0]], "counts": counts}).encode()


GOOD = good_images()
"""Good films and reference masks, by media type."""

OTHERS = [*films_only(), *bad_images()]
"""Images that are refused as a film, as a reference mask or as both."""

RUN_LENGTHS = run_lengths()
"""Reference masks as JSON, good and bad; the plainest first."""

ALL = [*sum(GOOD.values(), []), *OTHERS, *RUN_LENGTHS]
BY_BYTES = {entry.data: entry for entry in ALL}


def entry_of(data):
    """What these bytes are. Those that are not in the corpus were drawn at random, and are no image."""
    json_like = data.lstrip().startswith(b"{")
    return BY_BYTES.get(data) or Entry(data, None, UNRECOGNISED, BAD_RUNS if json_like else BAD_REFERENCE)


def answers_to(film, reference):
    """The (status, code) that a film and its reference mask, or None, may be answered with: two where both are bad."""
    refusals = {film.as_film, reference and reference.as_reference} - {None}
    if not refusals and reference and reference.size != film.size:
        return {OTHER_SIZE}
    return refusals or {(200, None)}
