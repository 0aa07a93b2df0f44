"""Films for the DICOM tests: phantoms as PNG, and as the DICOM objects that a detector would make of them."""

from __future__ import annotations

import io
import uuid
import warnings
from pathlib import Path
from typing import Any, Callable, NamedTuple

import imagecodecs
import numpy as np
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

from scripts.common.phantoms import Kind
from scripts.common.phantoms import draw as draw_phantom

DX = "1.2.840.10008.5.1.4.1.1.1.1"
DX_FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"
CR = "1.2.840.10008.5.1.4.1.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SEVERAL_FRAMES = "1.2.840.10008.5.1.4.1.1.7.2"
ENCAPSULATED_UNCOMPRESSED = uid.UID("1.2.840.10008.1.2.1.98")
MODALITIES = {CR: "CR", CT: "CT", SECONDARY_CAPTURE: "OT", SEVERAL_FRAMES: "OT"}

Pixels = Any
"""An array of NumPy."""


class Film(NamedTuple):
    """A phantom: its pixels, its file and the exact mask of its lungs."""

    name: str
    bits: int
    pixels: Pixels
    png: bytes
    mask: Pixels


def draw(phantom: Path, folder: Path, seed: int, kind: Kind) -> Film:
    """Draws the phantom of a seed."""
    (drawn,) = draw_phantom(phantom, folder, kind, seed)
    png = drawn.film.read_bytes()
    mask = np.array(Image.open(drawn.mask)) > 0
    pixels = grey(png).astype(np.uint8 if kind.bits == 8 else np.uint16)
    return Film(f"phantom {seed}, {kind.bits} bits", kind.bits, pixels, png, mask)


def grey(png: bytes) -> Pixels:
    return np.array(Image.open(io.BytesIO(png)))


def as_png(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def code(value: str, scheme: str, meaning: str) -> Any:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def new_uid() -> Any:
    return uid.UID(f"2.25.{uuid.uuid4().int}")


def wrap(pixels: Pixels, bits: int, photometric: str = "MONOCHROME2", sop_class: str = DX, **more: Any) -> Any:
    """Returns a digital radiograph of these pixels, with all that the standard wants of one; None takes an attribute
    away.
    """
    film = Dataset()
    describe_study(film, sop_class)
    describe_acquisition(film)
    describe_pixels(film, pixels, bits, photometric)
    for keyword, value in more.items():
        if value is None:
            del film[keyword]
        else:
            setattr(film, keyword, value)
    return film


def describe_study(film: Any, sop_class: str) -> None:
    film.SpecificCharacterSet = "ISO_IR 100"
    film.ImageType = ["ORIGINAL", "PRIMARY", ""]
    film.SOPClassUID, film.SOPInstanceUID = sop_class, new_uid()
    film.StudyInstanceUID, film.SeriesInstanceUID = new_uid(), new_uid()
    for kind in ("Study", "Series", "Acquisition", "Content"):
        setattr(film, f"{kind}Date", "20160912")
        setattr(film, f"{kind}Time", "120000")
    film.Modality = MODALITIES.get(sop_class, "DX")
    film.PresentationIntentType = "FOR PROCESSING" if sop_class == DX_FOR_PROCESSING else "FOR PRESENTATION"
    film.PatientName, film.PatientID, film.PatientBirthDate, film.PatientSex = (
        "Phantom^Chest",
        "PHANTOM",
        "19700101",
        "O",
    )
    film.AccessionNumber, film.StudyID, film.StudyDescription, film.ReferringPhysicianName = (
        "A1",
        "1",
        "Chest PA",
        "Nobody^At All",
    )
    film.Manufacturer, film.ManufacturerModelName, film.SoftwareVersions = "Lungfield", "lungfield-phantom", "1"
    film.DeviceSerialNumber = "1"
    film.SeriesNumber = film.InstanceNumber = 1


def describe_acquisition(film: Any) -> None:
    film.BodyPartExamined, film.ViewPosition, film.ImageLaterality = "CHEST", "PA", "U"
    film.PatientOrientation = ["L", "F"]
    film.AnatomicRegionSequence = Sequence([code("51185008", "SCT", "Chest")])
    view = code("272479007", "SCT", "postero-anterior")
    view.ViewModifierCodeSequence = Sequence()
    film.ViewCodeSequence = Sequence([view])
    film.ImagerPixelSpacing = ["0.8", "0.8"]
    film.DetectorType, film.PositionerType = "DIRECT", ""
    film.AcquisitionContextSequence = Sequence()


def describe_pixels(film: Any, pixels: Pixels, bits: int, photometric: str) -> None:
    film.Rows, film.Columns = pixels.shape[-2:] if "MONOCHROME" in photometric else pixels.shape[:2]
    film.SamplesPerPixel = 1 if "MONOCHROME" in photometric else 3
    film.PhotometricInterpretation = photometric
    film.BitsAllocated, film.BitsStored, film.HighBit = pixels.dtype.itemsize * 8, bits, bits - 1
    film.PixelRepresentation = 0
    film.PixelIntensityRelationship = "LOG"
    film.PixelIntensityRelationshipSign = 1 if photometric == "MONOCHROME1" else -1
    film.RescaleIntercept, film.RescaleSlope, film.RescaleType = "0", "1", "US"
    film.PresentationLUTShape = "INVERSE" if photometric == "MONOCHROME1" else "IDENTITY"
    film.WindowCenter, film.WindowWidth = str(1 << (bits - 1)), str(1 << bits)
    film.LossyImageCompression, film.BurnedInAnnotation = "00", "NO"
    film.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    film["PixelData"].VR = "OB" if film.BitsAllocated == 8 else "OW"


def with_meta(film: Any, syntax: str = uid.ExplicitVRLittleEndian) -> Any:
    """Returns the same data set, as a file would hold it."""
    film.file_meta = FileMetaDataset()
    film.file_meta.MediaStorageSOPClassUID, film.file_meta.MediaStorageSOPInstanceUID = (
        film.SOPClassUID,
        film.SOPInstanceUID,
    )
    film.file_meta.TransferSyntaxUID = uid.UID(syntax)
    film.file_meta.ImplementationClassUID = "2.25.302610891063722917338043221716361014097"
    return film


def as_file(film: Any, syntax: str = uid.ExplicitVRLittleEndian) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some films are wrong on purpose
        with_meta(film, syntax).save_as(file, enforce_file_format=True)
    return file.getvalue()


def dicom(film: Film, syntax: Any = uid.ExplicitVRLittleEndian, **options: Any) -> bytes:
    """Returns a phantom as a DICOM file in that transfer syntax, a native one or one of CODECS."""
    dataset = wrap(film.pixels, film.bits, **options)
    syntax = uid.UID(syntax)
    if syntax == uid.ExplicitVRBigEndian:
        dataset.PixelData = film.pixels.byteswap().tobytes()
    elif syntax == uid.RLELossless:
        dataset = with_meta(dataset)
        dataset.compress(syntax, encoding_plugin="pydicom", generate_instance_uid=False)
    elif syntax.is_compressed and syntax != uid.DeflatedExplicitVRLittleEndian:
        encapsulate_stream(dataset, CODECS[syntax](film.pixels, film.bits))
    return as_file(dataset, syntax)


def encapsulate_stream(dataset: Any, stream: bytes) -> None:
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


def jpeg(predictor: int | None = None, extended: bool = False) -> Callable[[Pixels, int], bytes]:
    def encode(pixels: Pixels, bits: int) -> bytes:
        if predictor:
            return imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=predictor, bitspersample=bits)
        stream = imagecodecs.jpeg8_encode(pixels, level=95, bitspersample=bits)
        # Of 8 bits, an extended stream is a baseline one by another name.
        return stream.replace(b"\xff\xc0", b"\xff\xc1", 1) if extended else stream

    return encode


def jpeg_2000(**options: Any) -> Callable[[Pixels, int], bytes]:
    return lambda pixels, bits: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", bitspersample=bits, **options)


def high_throughput(**options: Any) -> Callable[[Pixels, int], bytes]:
    return lambda pixels, bits: imagecodecs.htj2k_encode(pixels, **options)


def jpeg_ls(pixels: Pixels, bits: int) -> bytes:
    return imagecodecs.jpegls_encode(pixels)


CODECS = {
    ENCAPSULATED_UNCOMPRESSED: lambda pixels, bits: pixels.tobytes(),
    uid.JPEGBaseline8Bit: jpeg(),
    uid.JPEGExtended12Bit: jpeg(extended=True),
    uid.JPEGLossless: jpeg(predictor=6),
    uid.JPEGLosslessSV1: jpeg(predictor=1),
    uid.JPEG2000Lossless: jpeg_2000(reversible=True),
    uid.JPEG2000: jpeg_2000(reversible=False, level=90),
    uid.HTJ2KLossless: high_throughput(reversible=True),
    uid.HTJ2KLosslessRPCL: high_throughput(reversible=True, tlm=True),
    uid.HTJ2K: high_throughput(reversible=False, level=0.002),
    uid.JPEGLSLossless: jpeg_ls,
}


def dice(one: Pixels, other: Pixels) -> float:
    both = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / both if both else 1.0
