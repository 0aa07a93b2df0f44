"""Writes the DICOM objects of the API test, with no more of each than the server has to know of it."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from typing import Any

DX, CR = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1"
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
REPORT = "1.2.840.10008.5.1.4.1.1.88.33"
EXPLICIT_LITTLE, VIDEO = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.100"

ATTRIBUTES = {
    "MetaLength": (0x0002_0000, "UL"),
    "MetaVersion": (0x0002_0001, "OB"),
    "MetaClassUID": (0x0002_0002, "UI"),
    "MetaInstanceUID": (0x0002_0003, "UI"),
    "TransferSyntaxUID": (0x0002_0010, "UI"),
    "SOPClassUID": (0x0008_0016, "UI"),
    "SOPInstanceUID": (0x0008_0018, "UI"),
    "Modality": (0x0008_0060, "CS"),
    "PresentationIntentType": (0x0008_0068, "CS"),
    "CodeValue": (0x0008_0100, "SH"),
    "PatientName": (0x0010_0010, "PN"),
    "PatientID": (0x0010_0020, "LO"),
    "ImagerPixelSpacing": (0x0018_1164, "DS"),
    "ViewPosition": (0x0018_5101, "CS"),
    "StudyInstanceUID": (0x0020_000D, "UI"),
    "SeriesInstanceUID": (0x0020_000E, "UI"),
    "SamplesPerPixel": (0x0028_0002, "US"),
    "PhotometricInterpretation": (0x0028_0004, "CS"),
    "NumberOfFrames": (0x0028_0008, "IS"),
    "Rows": (0x0028_0010, "US"),
    "Columns": (0x0028_0011, "US"),
    "PixelSpacing": (0x0028_0030, "DS"),
    "BitsAllocated": (0x0028_0100, "US"),
    "BitsStored": (0x0028_0101, "US"),
    "HighBit": (0x0028_0102, "US"),
    "PixelRepresentation": (0x0028_0103, "US"),
    "WindowCenter": (0x0028_1050, "DS"),
    "WindowWidth": (0x0028_1051, "DS"),
    "SegmentationType": (0x0062_0001, "CS"),
    "SegmentSequence": (0x0062_0002, "SQ"),
    "SegmentNumber": (0x0062_0004, "US"),
    "SegmentLabel": (0x0062_0005, "LO"),
    "SegmentIdentificationSequence": (0x0062_000A, "SQ"),
    "ReferencedSegmentNumber": (0x0062_000B, "US"),
    "SegmentedPropertyTypeCodeSequence": (0x0062_000F, "SQ"),
    "PerFrameFunctionalGroupsSequence": (0x5200_9230, "SQ"),
    "PixelData": (0x7FE0_0010, "OW"),
}
"""Tags and value representations."""

LONG = {"OB", "OW", "SQ"}
"""Representations whose length takes four bytes, after two that are reserved."""

NUMBERS = itertools.count(1)


def attribute(name: str, value: str | int | bytes | list[dict[str, Any]]) -> bytes:
    """Returns an element in Explicit VR Little Endian; its value is text, a number, bytes or, of a sequence, a list of
    items.
    """
    tag, kind = ATTRIBUTES[name]
    if isinstance(value, int):
        value = struct.pack("<I" if kind == "UL" else "<H", value)
    elif isinstance(value, list):
        value = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item for item in map(data_set, value))
    elif isinstance(value, str):
        value = value.encode()
    if len(value) % 2:
        value += b"\0" if kind in LONG | {"UI"} else b" "
    length = struct.pack("<HI" if kind in LONG else "<H", *[0] * (kind in LONG), len(value))
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF) + kind.encode() + length + value


def data_set(values: dict[str, Any]) -> bytes:
    """Returns the elements in the order of their tags. Those without a value are left out."""
    there = [(ATTRIBUTES[name], name, value) for name, value in values.items() if value is not None]
    return b"".join(attribute(name, value) for _, name, value in sorted(there, key=lambda each: each[0]))


def dicom_file(
    values: dict[str, Any], transfer_syntax: str = EXPLICIT_LITTLE, preamble: bytes = bytes(128) + b"DICM"
) -> bytes:
    names = {"MetaClassUID": values["SOPClassUID"], "MetaInstanceUID": values["SOPInstanceUID"] or "2.25.1"}
    meta = data_set({"MetaVersion": b"\0\1", "TransferSyntaxUID": transfer_syntax, **names})
    return preamble + attribute("MetaLength", len(meta)) + meta + data_set(values)


def radiograph(image: Any, **changes: Any) -> dict[str, Any]:
    """Returns the attributes of a digital radiograph with these pixels, in a study of its own."""
    number = next(NUMBERS)
    bits = {"L": 8, "I;16": 16}[image.mode]
    return {
        "SOPClassUID": DX,
        "SOPInstanceUID": f"2.25.{number}1",
        "StudyInstanceUID": f"2.25.{number}2",
        "SeriesInstanceUID": f"2.25.{number}3",
        "Modality": "DX",
        "PatientName": "Phantom^Chest",
        "PatientID": f"PHANTOM-{number}",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Columns": image.size[0],
        "Rows": image.size[1],
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": 0,
        "PixelData": image.tobytes(),
        **changes,
    }


def segmentation(masks: Sequence[Any], codes: Sequence[str]) -> bytes:
    """Returns a file with a segment and a frame for each mask."""
    numbers = range(1, len(masks) + 1)
    kinds = [[{"CodeValue": code}] for code in codes]
    segments = [
        {"SegmentNumber": number, "SegmentLabel": "A segment", "SegmentedPropertyTypeCodeSequence": kind}
        for number, kind in zip(numbers, kinds)
    ]
    frames = [{"SegmentIdentificationSequence": [{"ReferencedSegmentNumber": number}]} for number in numbers]
    bits = b"".join(mask.tobytes() for mask in masks)
    packed = bytes(
        sum((pixel > 0) << place for place, pixel in enumerate(bits[at : at + 8])) for at in range(0, len(bits), 8)
    )
    values = radiograph(masks[0], SOPClassUID=SEGMENTATION, Modality="SEG", BitsAllocated=1, BitsStored=1, HighBit=0)
    more = {"SegmentationType": "BINARY", "NumberOfFrames": str(len(masks)), "PixelData": packed}
    return dicom_file({**values, **more, "SegmentSequence": segments, "PerFrameFunctionalGroupsSequence": frames})
