"""The files that the API test sends, and what becomes of each: what answers it as a film and as a reference mask.

They are made from phantoms, so no patient's film is among them. All good films have one size and are grey: each is a
good reference mask of every other, and so parts of a form can be drawn independently.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable, Optional

from PIL import Image

from scripts.api.objects import CAPTURE, CR, VIDEO, data_set, dicom_file, radiograph, segmentation

FOLDER = Path(os.environ["LUNGFIELD_API_CORPUS"])
"""The folder in which check.py has had the phantoms drawn."""

Refusal = tuple[int, str]
"""Status and code of a problem."""

Answered = tuple[int, Optional[str]]
"""Status and code of an answer; a 200 has no code."""

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
NOT_DICOM = (422, "source_not_dicom")
NO_LUNG = (422, "nothing_to_segment")
OTHER_TYPE = (415, "unsupported_media_type")
MALFORMED = (400, "malformed_multipart")
MISSING_IMAGE = (400, "missing_image")
DUPLICATE_PART = (400, "duplicate_part")
UNKNOWN_PART = (400, "unknown_part")
TOO_MANY_INSTANCES = (413, "too_many_instances")

MAX_INSTANCES = 8
DICOM = "application/dicom"


@dataclasses.dataclass(frozen=True)
class Stated:
    """What a DICOM object says of itself that comes back in answers about it; None where it does not say it."""

    instance: str | None
    study: str | None
    patient: str | None
    spacing: dict[str, Any]
    warned: frozenset[str]


@dataclasses.dataclass(frozen=True)
class Entry:
    """Bytes, their size in pixels where they have one, and the (status, code) that refuses them, None for a 200.

    What is no film is no reference mask either, unless it is said why it is refused as one, if at all. Entries that
    show the same have the same pixels, as films and as reference masks. What a DICOM object says of itself is in
    `stated`.
    """

    data: bytes
    size: tuple[int, int] | None = None
    as_film: Refusal | None = None
    as_reference: Refusal | None = BAD_REFERENCE
    shows: str | None = None
    stated: Stated | None = None

    def __str__(self) -> str:
        patient = self.stated and self.stated.patient
        return f"{len(self.data)} bytes {f'of {patient}' if patient else f'that begin with {self.data[:12]!r}'}"

    @property
    def as_source(self) -> Refusal | None:
        """Why no DICOM object is written about it as a film, or None."""
        if self.stated is None:
            return NOT_DICOM
        return None if self.stated.study else UNDECODABLE


def good(data: bytes, size: tuple[int, int], **more: Any) -> Entry:
    return Entry(data, size, as_reference=None, **more)


def saved(image: Any, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def phantom(name: str) -> Any:
    return Image.open(FOLDER / f"{name}.png")


def good_images() -> dict[str, list[Entry]]:
    """Returns good films by the media type that they are sent as; the first of each is the plainest."""
    film, mask, deep = phantom("eight/phantom-1"), phantom("eight/phantom-1-mask"), phantom("sixteen/phantom-2")
    drawn = [
        good((FOLDER / f"{name}.png").read_bytes(), film.size, shows=name)
        for name in ("eight/phantom-1", "sixteen/phantom-2", "eight/phantom-1-mask")
    ]
    blank = Image.new("L", film.size, 90)
    encoded = {
        "image/png": [saved(image, "PNG") for image in (mask.convert("1"), blank)],
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
    encoded["image/png"] += [saved(film.convert(mode), "PNG") for mode in ("RGB", "RGBA", "LA", "P")]
    images = {kind: [good(data, film.size) for data in files] for kind, files in encoded.items()}
    return {**images, "image/png": drawn + images["image/png"], DICOM: good_objects()}


def films_only() -> list[Entry]:
    """Returns good films that are no reference mask of the others."""
    film = phantom("eight/phantom-1")
    black = film.point(lambda _: 0)
    turned = film.transpose(Image.Transpose.ROTATE_90)
    return [
        Entry(saved(Image.merge("RGB", [film, black, black]), "PNG"), film.size, as_reference=COLOURED_REFERENCE),
        good(saved(turned, "PNG"), turned.size),
        dicom_film(radiograph(turned)),
    ]


def bad_images() -> list[Entry]:
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
            bytes(128) + b"DIC",
        ],
        UNDECODABLE: [b"\x89PNG\r\n\x1a\n", *(file[: len(file) // 2] for file in (png, jpeg, tiff))],
        SEVERAL_FRAMES: [saved(film, kind, **frames) for kind in ("PNG", "TIFF")],
        TOO_SMALL: [saved(Image.new("L", (1, 1)), "PNG"), saved(Image.new("L", (31, 200)), "JPEG")],
        TOO_MANY_PIXELS: [png_header(60_000, 60_000)],
        EMPTY: [b""],
    }
    return [Entry(data, as_film=answer) for answer, files in refused.items() for data in files] + bad_objects()


def png_header(width: int, height: int) -> bytes:
    """Returns a PNG that declares its size and ends there."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


# DICOM objects.


def dicom_film(
    values: dict[str, Any], shows: str | None = None, write: Callable[[dict[str, Any]], bytes] = dicom_file
) -> Entry:
    """Returns a good film, with what the answers about it have to say."""
    texts = {"pixel_spacing": values.get("PixelSpacing"), "imager_pixel_spacing": values.get("ImagerPixelSpacing")}
    spacings = [(source, [float(each) for each in text.split("\\")]) for source, text in texts.items() if text]
    spacing = {"pixel_spacing_mm": spacings[0][1], "pixel_spacing_source": spacings[0][0]} if spacings else {}
    warnings = {
        "lateral_view": values.get("ViewPosition") == "LL",
        "for_processing": values.get("PresentationIntentType") == "FOR PROCESSING",
        "unexpected_modality": values.get("Modality") not in ("CR", "DX", "RG", "OT", None),
    }
    warned = frozenset(code for code, applies in warnings.items() if applies)
    stated = Stated(values["SOPInstanceUID"], values["StudyInstanceUID"], values["PatientID"], spacing, warned)
    return good(write(values), (values["Columns"], values["Rows"]), shows=shows, stated=stated)


def inverted(image: Any) -> Any:
    return Image.frombytes(image.mode, image.size, bytes(255 - byte for byte in image.tobytes()))


def good_objects() -> list[Entry]:
    film, deep, mask = phantom("eight/phantom-1"), phantom("sixteen/phantom-2"), phantom("eight/phantom-1-mask")
    eight, sixteen, lungs = "eight/phantom-1", "sixteen/phantom-2", "eight/phantom-1-mask"
    doubtful = {"Modality": "CT", "ViewPosition": "LL", "PresentationIntentType": "FOR PROCESSING"}
    white_is_least = {"PhotometricInterpretation": "MONOCHROME1"}
    # What is lung lies a step above what is not, and the window begins between the two.
    steps = Image.frombytes(
        "I;16", mask.size, b"".join(b"\xe9\x03" if pixel else b"\xe8\x03" for pixel in mask.tobytes())
    )
    narrow = {"WindowCenter": "1001", "WindowWidth": "1"}
    nameless = dict.fromkeys(["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
    return [
        dicom_film(radiograph(film, PixelSpacing="0.3\\0.4"), eight),
        dicom_film(radiograph(inverted(film), SOPClassUID=CR, Modality="CR", **white_is_least), eight),
        dicom_film(radiograph(deep, ImagerPixelSpacing="0.25\\0.25"), sixteen),
        dicom_film(
            radiograph(inverted(deep), PixelSpacing="0.2\\0.2", ImagerPixelSpacing="0.25\\0.25", **white_is_least),
            sixteen,
        ),
        dicom_film(radiograph(mask, SOPClassUID=CAPTURE, Modality="OT"), lungs),
        dicom_film(radiograph(steps, **narrow), lungs),
        dicom_film(radiograph(Image.new("L", film.size, 90))),
        dicom_film(radiograph(film, **doubtful), eight),
        dicom_film(radiograph(film), eight, lambda values: dicom_file(values, preamble=b"")),
        dicom_film(radiograph(film), eight, data_set),
        dicom_film(radiograph(film, **nameless), eight),
    ]


def bad_objects() -> list[Entry]:
    film = phantom("eight/phantom-1")
    pixels = film.tobytes()
    whole = dicom_file(radiograph(film))
    refused = {
        UNDECODABLE: [
            bytes(128) + b"DICM",
            whole[:140],
            whole[: len(whole) // 2],
            dicom_file(radiograph(film, PixelData=pixels[:-2])),
            dicom_file(radiograph(film, PixelData=None)),
            dicom_file(radiograph(film, SamplesPerPixel=3, PhotometricInterpretation="RGB", PixelData=3 * pixels)),
            dicom_file(radiograph(film, BitsAllocated=32, BitsStored=32, HighBit=31, PixelData=4 * pixels)),
            dicom_file(radiograph(film), VIDEO),
            data_set(radiograph(film))[:60],
        ],
        SEVERAL_FRAMES: [dicom_file(radiograph(film, NumberOfFrames="2", PixelData=2 * pixels))],
        TOO_SMALL: [dicom_file(radiograph(Image.new("L", (31, 200))))],
        TOO_MANY_PIXELS: [dicom_file(radiograph(film, Rows=60_000, Columns=60_000))],
    }
    entries = [Entry(data, as_film=answer, stated=NOTHING) for answer, files in refused.items() for data in files]
    return entries + segmentations()


NOTHING = Stated(None, None, None, {}, frozenset())
"""Of objects that are refused."""


def segmentations() -> list[Entry]:
    """Returns segmentation objects, which are reference masks where they have lungs in them, and never films."""
    mask = phantom("eight/phantom-1-mask")
    middle = mask.size[0] // 2
    halves = [mask.copy(), mask.copy()]
    halves[0].paste(0, (middle, 0, *mask.size))
    halves[1].paste(0, (0, 0, middle, mask.size[1]))
    lung, heart = "39607008", "80891009"
    turned = mask.transpose(Image.Transpose.ROTATE_90)
    with_heart = segmentation([*halves, Image.new("L", mask.size, 255)], [lung, lung, heart])
    return [
        Entry(with_heart, mask.size, SEVERAL_FRAMES, None, "eight/phantom-1-mask", NOTHING),
        Entry(segmentation([turned], [lung]), turned.size, UNDECODABLE, None, None, NOTHING),
        Entry(segmentation([mask], [heart]), mask.size, UNDECODABLE, BAD_REFERENCE, None, NOTHING),
    ]


# Run lengths.


def run_lengths() -> list[Entry]:
    """Returns run lengths as JSON, which is a reference mask and no film: good ones first."""
    mask = phantom("eight/phantom-1-mask")
    width, height = mask.size
    pixels = width * height
    good_counts = [runs(mask), [pixels], [0, pixels]]
    bad_counts = [[], [pixels - 1], [pixels + 5, -5], [2**32, pixels], [0.5, pixels - 0.5], 20, "5260M", "\x7f", "0"]
    texts = [runs_as_json(mask.size, counts) for counts in bad_counts]
    texts += [
        b"{",
        b"{}",
        b'{"size":[4],"counts":[4]}',
        b'{"size":[0,0],"counts":[0]}',
        b'{"size":[4,-5],"counts":[20]}',
    ]
    entries = [Entry(runs_as_json(mask.size, counts), mask.size, UNRECOGNISED, None) for counts in good_counts]
    entries[0] = dataclasses.replace(entries[0], shows="eight/phantom-1-mask")
    entries.append(Entry(b'{"size":[4,5],"counts":"5260M0"}', (5, 4), UNRECOGNISED, None))
    return entries + [Entry(text, None, UNRECOGNISED, BAD_RUNS) for text in texts]


def runs(mask: Any) -> list[int]:
    """Returns COCO's run lengths of a mask: column by column, the first run of pixels that are not lung."""
    lengths, lung = [0], False
    for pixel in mask.convert("L").transpose(Image.Transpose.TRANSPOSE).tobytes():
        if (pixel > 0) != lung:
            lengths.append(0)
            lung = not lung
        lengths[-1] += 1
    return lengths


def runs_as_json(size: tuple[int, int], counts: object) -> bytes:
    return json.dumps({"size": [size[1], size[0]], "counts": counts}).encode()


GOOD = good_images()
"""Good films and reference masks, by media type."""

OTHERS = [*films_only(), *bad_images()]
"""Images that are refused as a film, as a reference mask or as both."""

RUN_LENGTHS = run_lengths()
"""Reference masks as JSON, good and bad; the plainest first."""

ALL = [*itertools.chain(*GOOD.values()), *OTHERS, *RUN_LENGTHS]
BY_BYTES = {entry.data: entry for entry in ALL}


def entry_of(data: bytes) -> Entry:
    """Returns what these bytes are. Those that are not in the corpus were drawn at random, and are no image."""
    json_like = data.lstrip().startswith(b"{")
    return BY_BYTES.get(data) or Entry(data, None, UNRECOGNISED, BAD_RUNS if json_like else BAD_REFERENCE)


def answers_to(film: Entry, reference: Entry | None, format: str) -> set[Answered]:
    """Returns the (status, code) that a film and its reference mask, or None, may be answered with: several where
    several things are bad.
    """
    if format == "film":
        return {film.as_film or (200, None)}
    found = [film.as_film, reference.as_reference if reference else None]
    if not film.as_film and format.startswith("dicom-"):
        found.append(film.as_source)
    refusals: set[Answered] = {refusal for refusal in found if refusal}
    if not film.as_film and reference and not reference.as_reference and reference.size != film.size:
        refusals.add(OTHER_SIZE)
    if refusals:
        return refusals
    # Which films have no lung, only the model knows.
    return {(200, None), NO_LUNG} if format == "dicom-seg" else {(200, None)}


def answers_to_instances(parts: Sequence[tuple[str | None, bytes]], format: str) -> set[Answered]:
    """Returns the same for a related body, of whose parts (media type, bytes) the first bad one decides."""
    for count, (kind, _) in enumerate(parts):
        if kind not in (DICOM, None):
            return {OTHER_TYPE}
        if count == MAX_INSTANCES:
            return {TOO_MANY_INSTANCES}
    if not all(data for _, data in parts) or not parts:
        return {EMPTY}
    answers = set()
    for _, data in parts:
        answers |= answers_to(entry_of(data), None, format)
        if (200, None) not in answers:
            return answers
        answers.remove((200, None))
    return answers | {(200, None)}


def answer_to_names(names: Sequence[str]) -> Refusal | None:
    """Returns the (status, code) that refuses a form with parts of these names, in their order, or None."""
    for place, name in enumerate(names):
        if name not in ("image", "ground_truth"):
            return UNKNOWN_PART
        if name in names[:place]:
            return DUPLICATE_PART
    return None if "image" in names else MISSING_IMAGE
