"""Claims on the films that the server reads: transfer syntaxes, windows and tables, and what JSON says of their
headers.
"""

from __future__ import annotations

import io
import itertools
from typing import Any

import numpy as np
import pydicom
from pydicom import uid
from pydicom.pixels import apply_voi_lut

from scripts.common.claims import Findings, RemarkedFindings
from scripts.common.failure import Failure
from scripts.dicom.client import DICOM
from scripts.dicom.context import FIXTURES, LEAST_DICE, Context, with_pixels
from scripts.dicom.films import (
    CR,
    CT,
    DX_FOR_PROCESSING,
    ENCAPSULATED_UNCOMPRESSED,
    Pixels,
    as_file,
    dice,
    dicom,
    encapsulate_stream,
    grey,
    jpeg,
    wrap,
)

# What is read, and in which depths.
READ = {
    uid.ImplicitVRLittleEndian: (8, 12, 16),
    uid.ExplicitVRLittleEndian: (8, 12, 16),
    uid.ExplicitVRBigEndian: (12, 16),
    uid.DeflatedExplicitVRLittleEndian: (8, 12, 16),
    uid.RLELossless: (8, 12, 16),
    uid.JPEGBaseline8Bit: (8,),
    uid.JPEGExtended12Bit: (8,),
    uid.JPEGLossless: (8, 12, 16),
    uid.JPEGLosslessSV1: (8, 12, 16),
    uid.JPEG2000Lossless: (8, 12, 16),
    uid.JPEG2000: (8, 12, 16),
    uid.HTJ2KLossless: (8, 16),
    uid.HTJ2KLosslessRPCL: (8, 16),
    uid.HTJ2K: (8, 16),
    ENCAPSULATED_UNCOMPRESSED: (8, 12, 16),
}


def films_have_the_masks_of_their_pngs(context: Context) -> RemarkedFindings:
    """a DICOM film has the mask of the same PNG, whichever way up its greys are, and without a window to the pixel"""
    masks = {bits: context.mask(film) for bits, film in context.films.items()}
    scores = []
    for (bits, film), turned, window in itertools.product(context.films.items(), (False, True), (False, True)):
        pixels = (1 << bits) - 1 - film.pixels if turned else film.pixels
        options: dict[str, Any] = {"photometric": "MONOCHROME1" if turned else "MONOCHROME2"}
        options |= {} if window else {"WindowCenter": None, "WindowWidth": None}
        answer = context.service.ask(dicom(with_pixels(film, pixels), **options), format="png")
        scores.append(dice(answer.mask(), masks[bits]))
        # Greys of 12 bits are spread to 16, which rounds otherwise where the film is made smaller; so does a window.
        least = LEAST_DICE if window or bits == 12 else 1
        if not scores[-1] >= least:
            yield f"{film.name}, {options}: Dice {scores[-1]:.5f}"
    return f"{len(scores)} films, least Dice {min(scores):.5f}"


def transfer_syntaxes_are_read(context: Context) -> RemarkedFindings:
    """every transfer syntax that is read gives the mask of the PNG"""
    masks = {bits: context.mask(film) for bits, film in context.films.items()}
    scores = []
    for syntax, depths in READ.items():
        for bits in depths:
            try:
                mask = context.service.ask(dicom(context.films[bits], syntax), format="png").mask()
            except Failure as failure:
                yield f"{syntax.name}, {bits} bits: {failure}"
                continue
            scores.append(dice(mask, masks[bits]))
            if not scores[-1] > LEAST_DICE:
                yield f"{syntax.name}, {bits} bits: Dice {scores[-1]:.5f}"
    return f"{len(scores)} films, least Dice {min(scores):.5f}"


def lossy_jpeg_of_12_bits_is_read_or_refused(context: Context) -> RemarkedFindings:
    """lossy JPEG of 12 bits has the mask of the PNG, or is refused as undecodable_image"""
    dataset = wrap(context.film.pixels, 12)
    encapsulate_stream(dataset, jpeg()(context.film.pixels, 12))
    answer = context.service.ask(as_file(dataset, uid.JPEGExtended12Bit), format="png")
    if answer.status == 200:
        score = dice(answer.mask(), context.mask(context.film))
        if not score > LEAST_DICE:
            yield f"Dice {score:.5f}"
        return "read"
    if answer.code != "undecodable_image":
        yield f"{answer.status}, {answer.code}"
    return "refused"


def films_come_in_every_body(context: Context) -> Findings:
    """a DICOM film is the same in a form, as application/octet-stream, without a preamble, and without meta
    information
    """
    source = dicom(context.film)
    expected = context.service.ask(source, format="png").mask()
    file = io.BytesIO()
    pydicom.dcmread(io.BytesIO(source)).save_as(file, implicit_vr=False, little_endian=True, enforce_file_format=False)
    bare = file.getvalue()
    data_set = bare[bare.index(b"\x08\x00\x05\x00CS") :]
    answers = {
        "a form": context.service.ask_form({"image": source}, format="png"),
        "octets": context.service.ask(source, "application/octet-stream", format="png"),
        "no preamble": context.service.ask(source[132:], format="png"),
        "no meta information": context.service.ask(data_set, format="png"),
        "a PNG by the name of a DICOM file": context.service.ask(context.film.png, DICOM, format="png"),
    }
    for name, answer in answers.items():
        if answer.status != 200:
            yield f"{name}: {answer.status} {answer.body[:300]!r}"
        elif dice(answer.mask(), expected) < LEAST_DICE:
            yield f"{name}: another mask"


def greys_are_those_of_pydicom(context: Context) -> RemarkedFindings:
    """windows and look-up tables make the greys that pydicom makes of them"""
    worst = 0
    for name in LOOKS:
        fixture = pydicom.dcmread(FIXTURES / f"{name}.dcm")
        look = {keyword: fixture[keyword].value for keyword in LOOK if keyword in fixture}
        phantom = context.films[fixture.BitsStored]
        film = wrap(phantom.pixels, phantom.bits, **({"WindowCenter": None, "WindowWidth": None} | look))
        stored = phantom.pixels.astype(np.int32)
        rescaled = stored * int(film.RescaleSlope) + int(film.RescaleIntercept)
        seen = grey(context.service.ask(as_file(film), format="overlay").good().body).astype(float)
        untinted = (seen[..., 0] == seen[..., 1]) & (seen[..., 1] == seen[..., 2])
        expected = as_overlay_shows(apply_voi_lut(rescaled, in_words(film)).astype(float))
        off = np.abs(seen[..., 0] - expected)[untinted].max()
        worst = max(worst, off)
        if off > MOST_OFF or untinted.mean() < 0.4:
            yield f"{name}: off by {off:.2f} of 255, {untinted.mean():.0%} of the film compared"
    return f"off by {worst:.2f} of 255 at most"


LOOKS = [
    "window_linear",
    "window_linear_exact",
    "window_sigmoid",
    "window_full",
    "window_two",
    "voi_lut_8",
    "voi_lut_8_in_words",
    "voi_lut_12",
    "voi_lut_16",
    "rescale_negative",
]
LOOK = ["WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence", "RescaleSlope", "RescaleIntercept"]
MOST_OFF = 1.5


def in_words(film: Any) -> Any:
    """Returns the film with a word for each entry of its table, as pydicom wants it: it does not unpack those of 8 bits
    (PS3.3, C.11.1.1).
    """
    for table in film.get("VOILUTSequence", []):
        if len(table.LUTData) == table.LUTDescriptor[0]:
            table.LUTData = np.frombuffer(table.LUTData, np.uint8).astype(np.uint16).tobytes()
    return film


def as_overlay_shows(greys: Any) -> Pixels:
    """Returns an overlay spreads the greys between the first and the last hundredth, from black to white."""
    black, white = np.percentile(greys, [1, 99], method="inverted_cdf")
    return (np.clip(greys, black, white) - black) / (white - black) * 255


# What is said in JSON.


def spacings_and_areas(context: Context) -> Findings:
    """the JSON has the spacing, where it comes from, and areas that are made of it; without a spacing it has neither"""
    none: dict[str, Any] = {"ImagerPixelSpacing": None}
    cases: list[tuple[dict[str, Any], list[float] | None, str | None]] = [
        (none | {"PixelSpacing": ["0.9", "0.7"]}, [0.9, 0.7], "pixel_spacing"),
        ({"ImagerPixelSpacing": ["0.8", "0.6"]}, [0.8, 0.6], "imager_pixel_spacing"),
        ({"PixelSpacing": ["0.9", "0.7"]}, [0.9, 0.7], "pixel_spacing"),
        (none, None, None),
        (none | {"PixelSpacing": ["0", "0"]}, None, None),
    ]
    for options, spacing, source in cases:
        answer = context.service.ask(dicom(context.film, **options)).json()
        image = answer["image"]
        if (image.get("pixel_spacing_mm"), image.get("pixel_spacing_source")) != (spacing, source):
            yield f"{options}: {image}"
        for lung in answer["lungs"]:
            expected = spacing and lung["area_px"] * spacing[0] * spacing[1]
            if (expected is None) != ("area_mm2" not in lung) or (
                expected and abs(lung["area_mm2"] / expected - 1) > 1e-3
            ):
                yield f"{options}: {lung}, not {expected}"


def warnings_are_given(context: Context) -> Findings:
    """lateral, unprocessed and unexpected films are warned of, and no other"""
    empty: dict[str, Any] = {"ViewPosition": ""}
    lateral_view = pydicom.dcmread(FIXTURES / "lateral_by_code.dcm").ViewCodeSequence
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({}, set()),
        ({"ViewPosition": "AP", "ViewCodeSequence": None}, set()),
        ({"ViewPosition": "LL"}, {"lateral_view"}),
        ({"ViewPosition": "RL", "ViewCodeSequence": None}, {"lateral_view"}),
        (empty | {"ViewCodeSequence": lateral_view}, {"lateral_view"}),
        ({"sop_class": DX_FOR_PROCESSING}, {"for_processing"}),
        ({"sop_class": CT}, {"unexpected_modality"}),
        ({"sop_class": CR}, set()),
    ]
    for options, expected in cases:
        source = dicom(context.film, **options)
        said = {warning["code"] for warning in context.service.ask(source).json()["warnings"]}
        header = context.service.ask(source, format="png").good().headers["Lungfield-Warnings"] or ""
        if said != expected or set(header.replace(",", " ").split()) != expected:
            yield f"{options}: {said}, in the header {header!r}, not {expected}"


CLAIMS = [
    films_have_the_masks_of_their_pngs,
    transfer_syntaxes_are_read,
    lossy_jpeg_of_12_bits_is_read_or_refused,
    films_come_in_every_body,
    greys_are_those_of_pydicom,
    spacings_and_areas,
    warnings_are_given,
]
