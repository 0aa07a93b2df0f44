#!/usr/bin/env python3
"""Sends a real lungfield-serve DICOM films, and has highdicom and pydicom read what it answers.

    python scripts/dicom_test.py --server target/release/lungfield-serve --phantom target/release/lungfield-phantom

Needs the packages of scripts/requirements-dicom-test.txt. The films are phantoms; pydicom makes objects of them, imagecodecs
compresses them. A line is printed for each claim, with what is wrong with it. It fails where one does not hold.
"""

import argparse
import io
import itertools
import sys
import tempfile
import time
from pathlib import Path

import highdicom
import numpy as np
import pydicom
from highdicom.sr.coding import CodedConcept
from pydicom import uid
from pydicom.pixels import apply_voi_lut
from pydicom.sequence import Sequence

from dicom_films import CR, CT, DICOM, DX_FOR_PROCESSING, ENCAPSULATED_UNCOMPRESSED, RELATED, SECONDARY_CAPTURE
from dicom_films import Claims, Failure, Film, Service, as_file, as_png, dice, dicom, draw, encapsulate_stream, grey, jpeg, new_uid, wrap

ROOT = Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "tests" / "fixtures" / "dicom"
LEAST_DICE = 0.999
# By how much a probability in 255ths may be off.
HALF_STEP = 0.5 / 255 + 1e-6
# Not whole bytes, so that the second frame of a segmentation begins within one.
ODD_SIZE, SIZE = (447, 511), (448, 512)

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"
FORMATS = {"dicom-seg": SEGMENTATION, "dicom-sc": SECONDARY_CAPTURE, "dicom-sr": COMPREHENSIVE_SR}
SIDES = {"24028007": "right", "7771000": "left"}
# Today's PS3.16 has the first in CID 7150, earlier ones had the second.
ANATOMICAL_STRUCTURE = {"91723000", "123037004"}

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

PATIENT_AND_STUDY = [
    "PatientName PatientID PatientBirthDate PatientSex StudyInstanceUID StudyDate StudyTime StudyID AccessionNumber".split(),
    ["ReferringPhysicianName"],
]
NAMES = {
    "ISO_IR 100": ("ISO_IR 100", "Müller^Jürgen"),
    "ISO_IR 192": ("ISO_IR 192", "Łukasiewicz^Őrs^安"),
    "ISO 2022 IR 87": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
}


class World:
    """The server, and the films that are sent to it."""

    def __init__(self, service, phantom, folder):
        self.service = service
        self.films = {bits: draw(phantom, folder, seed, bits, SIZE) for seed, bits in enumerate((8, 12, 16), 1)}
        self.odd = draw(phantom, folder, 4, 12, ODD_SIZE)
        self.film = self.films[12]

    def object(self, film, **query):
        """What the server writes of a phantom, and the film that it was sent."""
        source = dicom(film)
        return self.service.ask(source, **query).object(), pydicom.dcmread(io.BytesIO(source))

    def mask(self, film):
        return self.service.ask(film.png, "image/png", format="png").mask()


def of(film, pixels):
    return Film(film.name, film.bits, pixels.astype(film.pixels.dtype), as_png(pixels), film.mask)


def one_lung(film):
    """The film with its right half, so the patient's left, as opaque as a film's brightest parts."""
    pixels = film.pixels.copy()
    pixels[:, pixels.shape[1] // 2 :] = np.quantile(pixels, 0.9)
    return of(film, pixels)


def blank(film):
    return of(film, np.full_like(film.pixels, 900))


# Films.


def films_have_the_masks_of_their_pngs(world):
    """a DICOM film has the mask of the same PNG, whichever way up its greys are, and without a window to the pixel"""
    masks = {bits: world.mask(film) for bits, film in world.films.items()}
    scores = []
    for (bits, film), turned, window in itertools.product(world.films.items(), (False, True), (False, True)):
        pixels = (1 << bits) - 1 - film.pixels if turned else film.pixels
        options = {"photometric": "MONOCHROME1" if turned else "MONOCHROME2"}
        options |= {} if window else {"WindowCenter": None, "WindowWidth": None}
        answer = world.service.ask(dicom(of(film, pixels), **options), format="png")
        scores.append(dice(answer.mask(), masks[bits]))
        # Greys of 12 bits are spread to 16, which rounds otherwise where the film is made smaller; so does a window.
        least = LEAST_DICE if window or bits == 12 else 1
        if not scores[-1] >= least:
            yield f"{film.name}, {options}: Dice {scores[-1]:.5f}"
    return f"{len(scores)} films, least Dice {min(scores):.5f}"


def transfer_syntaxes_are_read(world):
    """every transfer syntax that is read gives the mask of the PNG"""
    masks = {bits: world.mask(film) for bits, film in world.films.items()}
    scores = []
    for syntax, depths in READ.items():
        for bits in depths:
            try:
                mask = world.service.ask(dicom(world.films[bits], syntax), format="png").mask()
            except Failure as failure:
                yield f"{syntax.name}, {bits} bits: {failure}"
                continue
            scores.append(dice(mask, masks[bits]))
            if not scores[-1] > LEAST_DICE:
                yield f"{syntax.name}, {bits} bits: Dice {scores[-1]:.5f}"
    return f"{len(scores)} films, least Dice {min(scores):.5f}"


def lossy_jpeg_of_12_bits_is_read_or_refused(world):
    """lossy JPEG of 12 bits has the mask of the PNG, or is refused as undecodable_image"""
    dataset = wrap(world.film.pixels, 12)
    encapsulate_stream(dataset, jpeg()(world.film.pixels, 12))
    answer = world.service.ask(as_file(dataset, uid.JPEGExtended12Bit), format="png")
    if answer.status == 200:
        score = dice(answer.mask(), world.mask(world.film))
        if not score > LEAST_DICE:
            yield f"Dice {score:.5f}"
        return "read"
    if answer.code != "undecodable_image":
        yield f"{answer.status}, {answer.code}"
    return "refused"


def films_come_in_every_body(world):
    """a DICOM film is the same in a form, as application/octet-stream, without a preamble, and without meta information"""
    source = dicom(world.film)
    expected = world.service.ask(source, format="png").mask()
    bare = io.BytesIO()
    pydicom.dcmread(io.BytesIO(source)).save_as(bare, implicit_vr=False, little_endian=True, enforce_file_format=False)
    bare = bare.getvalue()
    data_set = bare[bare.index(b"\x08\x00\x05\x00CS") :]
    answers = {
        "a form": world.service.ask_form({"image": source}, format="png"),
        "octets": world.service.ask(source, "application/octet-stream", format="png"),
        "no preamble": world.service.ask(source[132:], format="png"),
        "no meta information": world.service.ask(data_set, format="png"),
        "a PNG by the name of a DICOM file": world.service.ask(world.film.png, DICOM, format="png"),
    }
    for name, answer in answers.items():
        if answer.status != 200:
            yield f"{name}: {answer.status} {answer.body[:300]!r}"
        elif dice(answer.mask(), expected) < LEAST_DICE:
            yield f"{name}: another mask"


def greys_are_those_of_pydicom(world):
    """windows and look-up tables make the greys that pydicom makes of them"""
    worst = 0
    for name in LOOKS:
        fixture = pydicom.dcmread(FIXTURES / f"{name}.dcm")
        look = {keyword: fixture[keyword].value for keyword in LOOK if keyword in fixture}
        phantom = world.films[fixture.BitsStored]
        film = wrap(phantom.pixels, phantom.bits, **({"WindowCenter": None, "WindowWidth": None} | look))
        stored = phantom.pixels.astype(np.int32)
        rescaled = stored * int(film.RescaleSlope) + int(film.RescaleIntercept)
        seen = grey(world.service.ask(as_file(film), format="overlay").good().body).astype(float)
        untinted = (seen[..., 0] == seen[..., 1]) & (seen[..., 1] == seen[..., 2])
        expected = as_overlay_shows(apply_voi_lut(rescaled, in_words(film)).astype(float))
        off = np.abs(seen[..., 0] - expected)[untinted].max()
        worst = max(worst, off)
        if off > MOST_OFF or untinted.mean() < 0.4:
            yield f"{name}: off by {off:.2f} of 255, {untinted.mean():.0%} of the film compared"
    return f"off by {worst:.2f} of 255 at most"


LOOKS = """window_linear window_linear_exact window_sigmoid window_full window_two
    voi_lut_8 voi_lut_8_in_words voi_lut_12 voi_lut_16 rescale_negative""".split()
LOOK = "WindowCenter WindowWidth VOILUTFunction VOILUTSequence RescaleSlope RescaleIntercept".split()
MOST_OFF = 1.5


def in_words(film):
    """The film with a word for each entry of its table, as pydicom wants it: it does not unpack those of 8 bits (PS3.3, C.11.1.1)."""
    for table in film.get("VOILUTSequence", []):
        if len(table.LUTData) == table.LUTDescriptor[0]:
            table.LUTData = np.frombuffer(table.LUTData, np.uint8).astype(np.uint16).tobytes()
    return film


def as_overlay_shows(greys):
    """An overlay spreads the greys between the first and the last hundredth, from black to white."""
    black, white = np.percentile(greys, [1, 99], method="inverted_cdf")
    return (np.clip(greys, black, white) - black) / (white - black) * 255


# What is said in JSON.


def spacings_and_areas(world):
    """the JSON has the spacing, where it comes from, and areas that are made of it; without a spacing it has neither"""
    none = {"ImagerPixelSpacing": None}
    cases = [
        (none | {"PixelSpacing": ["0.9", "0.7"]}, [0.9, 0.7], "pixel_spacing"),
        ({"ImagerPixelSpacing": ["0.8", "0.6"]}, [0.8, 0.6], "imager_pixel_spacing"),
        ({"PixelSpacing": ["0.9", "0.7"]}, [0.9, 0.7], "pixel_spacing"),
        (none, None, None),
        (none | {"PixelSpacing": ["0", "0"]}, None, None),
    ]
    for options, spacing, source in cases:
        answer = world.service.ask(dicom(world.film, **options)).json()
        image = answer["image"]
        if (image.get("pixel_spacing_mm"), image.get("pixel_spacing_source")) != (spacing, source):
            yield f"{options}: {image}"
        for lung in answer["lungs"]:
            expected = spacing and lung["area_px"] * spacing[0] * spacing[1]
            if (expected is None) != ("area_mm2" not in lung) or (expected and abs(lung["area_mm2"] / expected - 1) > 1e-3):
                yield f"{options}: {lung}, not {expected}"


def warnings_are_given(world):
    """lateral, unprocessed and unexpected films are warned of, and no other"""
    empty = {"ViewPosition": ""}
    lateral_view = pydicom.dcmread(FIXTURES / "lateral_by_code.dcm").ViewCodeSequence
    cases = [
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
        source = dicom(world.film, **options)
        said = {warning["code"] for warning in world.service.ask(source).json()["warnings"]}
        header = world.service.ask(source, format="png").good().headers["Lungfield-Warnings"] or ""
        if said != expected or set(header.replace(",", " ").split()) != expected:
            yield f"{options}: {said}, in the header {header!r}, not {expected}"


# Segmentations.


def frames_of(segmentation):
    """Each segment's mask, by pydicom alone."""
    frames = segmentation.pixel_array.reshape(-1, segmentation.Rows, segmentation.Columns)
    groups = segmentation.PerFrameFunctionalGroupsSequence
    return {group.SegmentIdentificationSequence[0].ReferencedSegmentNumber: frame for group, frame in zip(groups, frames, strict=True)}


def as_highdicom_reads(segmentation, source, **options):
    """Each segment's mask, by highdicom, which finds its frames by the instance that they were made of."""
    read = highdicom.seg.Segmentation.from_dataset(segmentation)
    planes = read.get_pixels_by_source_instance([source.SOPInstanceUID], assert_missing_frames_are_empty=True, **options)
    return dict(zip(read.segment_numbers, np.moveaxis(planes[0], -1, 0), strict=True))


def segments_are_the_mask(world):
    """the segments, read by highdicom and by pydicom, are disjoint and together the PNG mask, pixel for pixel"""
    for film in [*world.films.values(), world.odd, one_lung(world.film)]:
        segmentation, source = world.object(film, format="dicom-seg")
        mask = world.service.ask(dicom(film), format="png").mask()
        for reader, segments in [("pydicom", frames_of(segmentation)), ("highdicom", as_highdicom_reads(segmentation, source))]:
            together = sum(segment.astype(int) for segment in segments.values())
            if together.max() > 1:
                yield f"{film.name}, {reader}: segments overlap"
            if not np.array_equal(together > 0, mask):
                yield f"{film.name}, {reader}: {np.count_nonzero((together > 0) != mask)} pixels differ"


def segments_are_the_lungs(world):
    """segments are numbered from 1, right before left, and have the JSON's areas, the labels and the codes; an absent lung has none"""
    categories = set()
    for film in (world.odd, one_lung(world.film)):
        segmentation, _ = world.object(film, format="dicom-seg")
        lungs = world.service.ask(dicom(film)).json()["lungs"]
        if film is not world.odd and len(lungs) != 1:
            yield f"the film with one lung has {len(lungs)}, which tries nothing"
        frames = frames_of(segmentation)
        if [item.SegmentNumber for item in segmentation.SegmentSequence] != list(range(1, len(lungs) + 1)) or len(frames) != len(lungs):
            yield f"{len(lungs)} lungs, segments {[item.SegmentNumber for item in segmentation.SegmentSequence]}"
        for lung, item in zip(lungs, segmentation.SegmentSequence):
            area = np.count_nonzero(frames[item.SegmentNumber])
            kind = item.SegmentedPropertyTypeCodeSequence[0]
            modifier = kind.SegmentedPropertyTypeModifierCodeSequence[0]
            categories.add(item.SegmentedPropertyCategoryCodeSequence[0].CodeValue)
            said = (item.SegmentLabel, area, kind.CodeValue, kind.CodingSchemeDesignator, SIDES[modifier.CodeValue])
            wanted = (f"{lung['side'].capitalize()} lung", lung["area_px"], "39607008", "SCT", lung["side"])
            if said != wanted:
                yield f"{said}, not {wanted}"
            if item.SegmentAlgorithmType != "AUTOMATIC" or not item.SegmentAlgorithmName:
                yield f"the algorithm is {item.SegmentAlgorithmType} {item.get('SegmentAlgorithmName')}"
    if not categories <= ANATOMICAL_STRUCTURE:
        yield f"the category is {categories}"
    return f"category {', '.join(categories)}"


def fractions_are_probabilities(world):
    """a FRACTIONAL segmentation is read by highdicom, and cut at a threshold it is the mask of that threshold"""
    for film in (world.odd, world.film):
        segmentation, source = world.object(film, format="dicom-seg", segmentation="fractional")
        kind = (segmentation.SegmentationType, segmentation.SegmentationFractionalType, segmentation.MaximumFractionalValue)
        if kind != ("FRACTIONAL", "PROBABILITY", 255) or (segmentation.BitsAllocated, segmentation.BitsStored) != (8, 8):
            yield f"{kind}, {segmentation.BitsStored} of {segmentation.BitsAllocated} bits"
        planes = as_highdicom_reads(segmentation, source)
        probability = np.max(list(planes.values()), axis=0)
        for threshold in ("0.25", "0.5", "0.75"):
            mask = world.service.ask(dicom(film), format="png", threshold=threshold).mask()
            least, most = probability[mask].min(), probability[~mask].max()
            if not most - HALF_STEP <= float(threshold) <= least + HALF_STEP:
                yield f"{film.name}, cut at {threshold}: the mask has {least:.3f}, what is beside it {most:.3f}"
        if len(np.unique(probability)) < 16:
            yield f"{film.name}: there are {len(np.unique(probability))} values only"
        if list(planes) != [1, 2]:
            yield f"{film.name}: segments {list(planes)}"


# All objects.


def objects_belong_to_the_film(world):
    """each object has the film's patient and study, refers to the film, and has a series and an instance of its own"""
    for format, sop_class in FORMATS.items():
        source = dicom(world.odd)
        answer = world.service.ask(source, format=format)
        written, film = answer.object(), pydicom.dcmread(io.BytesIO(source))
        if answer.headers.get_content_type() != DICOM:
            yield f"{format} is sent as {answer.headers['Content-Type']}"
        for keyword in itertools.chain(*PATIENT_AND_STUDY):
            if written.get(keyword) != film.get(keyword):
                yield f"{format}: {keyword} is {written.get(keyword)!r}, not {film.get(keyword)!r}"
        uids = [written.SOPInstanceUID, written.SeriesInstanceUID]
        if set(uids) & {film.SOPInstanceUID, film.SeriesInstanceUID} or not all(one.startswith("2.25.") and one.is_valid for one in uids):
            yield f"{format}: the UIDs are {uids}"
        meta = written.file_meta
        if (meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID) != (sop_class, written.SOPInstanceUID):
            yield f"{format}: the meta information is of {meta.MediaStorageSOPClassUID.name}"
        if written.SOPClassUID != sop_class or meta.TransferSyntaxUID != uid.ExplicitVRLittleEndian:
            yield f"{format}: {written.SOPClassUID.name}, {meta.TransferSyntaxUID.name}"
        if film.SOPInstanceUID not in referenced(written):
            yield f"{format} does not refer to the film"
        foreign = referenced(written) - {film.SOPInstanceUID}
        if foreign:
            yield f"{format} refers to {foreign}"


def referenced(dataset):
    return {element.value for element in dataset.iterall() if element.keyword == "ReferencedSOPInstanceUID"}


def segmentation_names_the_films_series(world):
    """the segmentation's Referenced Series Sequence holds the film's series and instance, its frames refer to the film"""
    segmentation, film = world.object(world.film, format="dicom-seg")
    [series] = segmentation.ReferencedSeriesSequence
    [instance] = series.ReferencedInstanceSequence
    said = (series.SeriesInstanceUID, instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID)
    if said != (film.SeriesInstanceUID, film.SOPClassUID, film.SOPInstanceUID):
        yield f"{said}"
    for group in segmentation.PerFrameFunctionalGroupsSequence:
        images = group.DerivationImageSequence[0].SourceImageSequence
        if [image.ReferencedSOPInstanceUID for image in images] != [film.SOPInstanceUID]:
            yield "a frame does not refer to the film alone"


def derived_uids_are_stable(world):
    """uids=derived gives the same UIDs each time, others for another film, threshold or format; else they are random"""
    film, other = dicom(world.film), dicom(world.odd)

    def uids(source, **query):
        written = world.service.ask(source, **({"format": "dicom-seg"} | query)).object()
        return written.SOPInstanceUID, written.SeriesInstanceUID

    if uids(film, uids="derived") != uids(film, uids="derived"):
        yield "they differ from one time to the next"
    variants = [{}, {"threshold": "0.6"}, {"segmentation": "fractional"}, {"format": "dicom-sc"}, {"format": "dicom-sr"}]
    drawn = [uids(film, uids="derived", **query)[0] for query in variants] + [uids(other, uids="derived")[0]]
    drawn += [uids(film)[0], uids(film)[0], uids(film, uids="random")[0]]
    if len(set(drawn)) != len(drawn):
        yield f"{len(drawn)} instances, {len(set(drawn))} UIDs"


def names_survive(world):
    """patients' names beyond ASCII survive, in Latin-1, in UTF-8 and in ISO 2022 with ideograms"""
    for charset, (characters, name) in NAMES.items():
        source = dicom(world.film, SpecificCharacterSet=characters, PatientName=name)
        for format in FORMATS:
            written = world.service.ask(source, format=format).object()
            if written.PatientName != name:
                yield f"{charset}, {format}: {written.PatientName} in {written.get('SpecificCharacterSet')}"


def objects_are_asked_for_by_accept(world):
    """Accept: application/dicom, alone or as the type of multipart/related, asks for a segmentation"""
    for accept in (DICOM, RELATED, "image/png;q=0.5, application/dicom"):
        answer = world.service.ask(dicom(world.film), accept=accept).good()
        content = answer.parts()[0].body if answer.headers.get_content_type() == "multipart/related" else answer.body
        written = pydicom.dcmread(io.BytesIO(content))
        if written.SOPClassUID != SEGMENTATION:
            yield f"{accept}: {written.SOPClassUID.name}"


# Secondary captures and reports.


def captures_are_the_overlay(world):
    """a secondary capture is the overlay, pixel for pixel"""
    for film in (world.odd, world.films[8]):
        capture, source = world.object(film, format="dicom-sc")
        overlay = grey(world.service.ask(as_file(source), format="overlay").good().body)
        if capture.PhotometricInterpretation != "RGB" or not np.array_equal(capture.pixel_array, overlay):
            yield f"{film.name}: {capture.PhotometricInterpretation}, {capture.pixel_array.shape} for {overlay.shape}, or other pixels"


def groups_of(written):
    """Each measurement group of a report as highdicom reads it: {side: (area, unit)}."""
    report = highdicom.sr.ComprehensiveSR.from_dataset(written)
    groups = {}
    for group in report.content.get_image_measurement_groups():
        [site] = group.finding_sites
        [area] = group.get_measurements()
        groups[SIDES[site.laterality.value]] = (float(area.value), area.unit.value, site.topographical_modifier, area.name.meaning)
    return groups


def reports_have_the_areas(world):
    """a report, read by highdicom, has a group for each lung with the JSON's area, in mm2 or else in {pixels}"""
    for options in ({}, {"ImagerPixelSpacing": None}, {"PixelSpacing": ["0.9", "0.7"]}):
        for film in (world.odd, one_lung(world.film)):
            source = dicom(film, **options)
            lungs = world.service.ask(source).json()["lungs"]
            groups = groups_of(world.service.ask(source, format="dicom-sr").object())
            wanted = {lung["side"]: (lung.get("area_mm2", lung["area_px"]), "mm2" if "area_mm2" in lung else "{pixels}") for lung in lungs}
            if {side: group[1] for side, group in groups.items()} != {side: unit for side, (_, unit) in wanted.items()}:
                yield f"{options}: {groups}, not {wanted}"
            elif any(abs(groups[side][0] - area) > 0.01 for side, (area, _) in wanted.items()):
                yield f"{options}: {groups}, not {wanted}"


# Reference masks.


def reference(source, masks, kind="BINARY"):
    """A segmentation as highdicom writes it of the film, each mask with its side."""
    descriptions = []
    for number, side in enumerate(masks, 1):
        description = highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=f"{side} lung",
            segmented_property_category=CodedConcept("91723000", "SCT", "Anatomical Structure"),
            segmented_property_type=CodedConcept("39607008", "SCT", "Lung"),
            algorithm_type="MANUAL",
        )
        modifier = CodedConcept("24028007", "SCT", "Right") if side == "Right" else CodedConcept("7771000", "SCT", "Left")
        description.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = Sequence([modifier])
        descriptions.append(description)
    written = highdicom.seg.Segmentation(
        source_images=[source],
        pixel_array=np.stack(list(masks.values()), -1)[None].astype(np.float32 if kind == "FRACTIONAL" else np.uint8),
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=new_uid(),
        series_number=9,
        sop_instance_uid=new_uid(),
        instance_number=1,
        manufacturer="Lungfield",
        manufacturer_model_name="dicom_test.py",
        software_versions="1",
        device_serial_number="1",
        **({"max_fractional_value": 255} if kind == "FRACTIONAL" else {}),
    )
    file = io.BytesIO()
    written.save_as(file)
    return file.getvalue()


def halves(mask):
    """The phantom's exact mask, as one of its right and one of its left lung."""
    left = np.arange(mask.shape[1]) >= mask.shape[1] // 2
    return {"Right": mask & ~left, "Left": mask & left}


def references_are_segmentations_too(world):
    """Dice with a segmentation as the reference is Dice with the same mask as PNG; with the server's own it is 1"""
    for film in (world.odd, world.film):
        source = dicom(film)
        dataset = pydicom.dcmread(io.BytesIO(source))
        by_png = world.service.ask_form({"image": source, "ground_truth": as_png(film.mask.astype(np.uint8) * 255)}).json()
        by_object = world.service.ask_form({"image": source, "ground_truth": reference(dataset, halves(film.mask))}).json()
        if (by_png["dice"], by_png["jaccard"]) != (by_object["dice"], by_object["jaccard"]) or by_png["dice"] < 0.8:
            yield f"{film.name}: {by_object['dice']} with the segmentation, {by_png['dice']} with the PNG"
        right = halves(film.mask)["Right"]
        by_png = world.service.ask_form({"image": source, "ground_truth": as_png(right.astype(np.uint8) * 255)}).json()
        by_object = world.service.ask_form({"image": source, "ground_truth": reference(dataset, {"Right": right})}).json()
        if by_png["dice"] != by_object["dice"]:
            yield f"{film.name}, one lung: {by_object['dice']} with the segmentation, {by_png['dice']} with the PNG"
        own = world.service.ask(source, format="dicom-seg").good().body
        again = world.service.ask_form({"image": source, "ground_truth": own}).json()
        if again["dice"] != 1:
            yield f"{film.name}: {again['dice']} with the server's own"
        on_png = world.service.ask_form({"image": film.png, "ground_truth": own}).json()
        if on_png["dice"] < LEAST_DICE:
            yield f"{film.name}: {on_png['dice']} of the PNG with the server's own"


# Bodies of several instances.


def several_are_answered_in_kind(world):
    """one and three instances, quoted boundary, chunked or not: a part for each, in their order, as if each had been sent alone"""
    sent = [dicom(film) for film in (world.film, world.odd, world.films[16])]
    for count, chunked in [(1, False), (3, False), (3, True)]:
        sources = sent[:count]
        for format, sop_class in FORMATS.items():
            parts = world.service.ask_related(sources, chunked=chunked, format=format).parts()
            written = [pydicom.dcmread(io.BytesIO(part.body)) for part in parts]
            wanted = [(DICOM, sop_class, pydicom.dcmread(io.BytesIO(source)).SOPInstanceUID) for source in sources]
            found = [(part.kind, one.SOPClassUID, *referenced(one)) for part, one in zip(parts, written)]
            if found != wanted:
                yield f"{count} instances, {format}, chunked {chunked}: {found}"
        for format in ("png", "overlay"):
            parts = world.service.ask_related(sources, chunked=chunked, format=format).parts()
            alone = [world.service.ask(source, format=format).good().body for source in sources]
            if [part.kind for part in parts] != ["image/png"] * count or [part.body for part in parts] != alone:
                yield f"{count} instances, {format}, chunked {chunked}: {[(part.kind, len(part.body)) for part in parts]}"
        answers = world.service.ask_related(sources, chunked=chunked, format="json").json()["instances"]
        alone = [world.service.ask(source).json() for source in sources]
        if [answer["mask"] for answer in answers] != [answer["mask"] for answer in alone]:
            yield f"{count} instances, json, chunked {chunked}: other masks than alone"


def bodies_of_several_are_said_to_be(world):
    """a body of several is answered as multipart/related, or as JSON by default; its boundary may be unquoted, a preamble is passed over"""
    source = dicom(world.film)
    answer = world.service.ask_related([source], format="dicom-seg").good()
    if answer.headers.get_content_type() != "multipart/related" or answer.headers.get_param("type") != DICOM:
        yield f"{answer.headers['Content-Type']}"
    answer = world.service.ask_related([source], format="png").good()
    if answer.headers.get_content_type() != "multipart/related" or answer.headers.get_param("type") != "image/png":
        yield f"{answer.headers['Content-Type']}"
    body = b"--plain\r\nContent-Type: application/dicom\r\n\r\n" + source + b"\r\n--plain--\r\n"
    if len(world.service.ask(body, f"{RELATED}; boundary=plain").json()["instances"]) != 1:
        yield "the boundary without quotes was not understood"
    with_preamble = b"What is before the first boundary is to be ignored.\r\n" + body
    if len(world.service.ask(with_preamble, f"{RELATED}; boundary=plain").json()["instances"]) != 1:
        yield "a preamble was not understood"


def one_bad_instance_refuses_all(world):
    """one instance that can't be read makes the whole answer its problem, whose detail names its number"""
    good, bad = dicom(world.film), dicom(world.film)[:-20_000]
    for format in ("json", "png", "dicom-seg"):
        answer = world.service.ask_related([good, good, bad], format=format)
        if answer.code != "undecodable_image" or "3" not in answer.problem["detail"]:
            yield f"{format}: {answer.status} {answer.body[:300]!r}"


def eight_instances_are_the_most(world):
    """eight instances are answered; nine are too_many_instances, none is an error too"""
    small = dicom(of(world.film, world.film.pixels[::8, ::8]))
    if len(world.service.ask_related([small] * 8).json()["instances"]) != 8:
        yield "eight are not answered"
    nine, none = world.service.ask_related([small] * 9), world.service.ask_related([])
    if (nine.status, nine.code) != (413, "too_many_instances") or not 400 <= none.status < 500:
        yield f"nine: {nine.status} {nine.code}, none: {none.status} {none.code}"
    return f"none: {none.status} {none.code}"


# Refusals.


def refusals_have_their_codes(world):
    """each refusal has its status and its code"""
    film, source = world.film, dicom(world.film)
    huge = wrap(film.pixels, 12, Rows=65535, Columns=65535)
    without = wrap(film.pixels, 12, PixelData=None)
    small = dicom(of(film, film.pixels[:31, :31]))
    report = world.service.ask(source, format="dicom-sr").good().body
    fixtures = {path.stem: path.read_bytes() for path in FIXTURES.glob("*.dcm")}
    cases = [(f"a PNG, {format}", film.png, {"format": format}, 422, "source_not_dicom") for format in FORMATS]
    cases += [
        ("a blank film, dicom-seg", dicom(blank(film)), {"format": "dicom-seg"}, 422, "nothing_to_segment"),
        ("cut short", source[:-2], {}, 422, "undecodable_image"),
        ("cut in the header", source[:700], {}, 422, "undecodable_image"),
        ("no pixel data", as_file(without), {}, 422, "undecodable_image"),
        ("a report", report, {}, 422, "undecodable_image"),
        ("RGB", fixtures["rgb"], {}, 422, "undecodable_image"),
        ("PALETTE COLOR", fixtures["palette"], {}, 422, "undecodable_image"),
        ("JPEG-LS", fixtures["jpeg_ls_8"], {}, 422, "undecodable_image"),
        ("near-lossless JPEG-LS", fixtures["jpeg_ls_near"], {}, 422, "undecodable_image"),
        ("JPEG XL", fixtures["jpeg_xl"], {}, 422, "undecodable_image"),
        ("two frames", fixtures["two_frames"], {}, 422, "several_frames"),
        ("65535 x 65535", as_file(huge), {}, 413, "too_many_pixels"),
        ("31 x 31", small, {}, 422, "image_too_small"),
        ("a text", b"This is no film.", {}, 415, "unrecognised_image"),
        ("nothing", b"", {}, 400, "empty_body"),
        ("segmentation=sharp", source, {"format": "dicom-seg", "segmentation": "sharp"}, 400, "invalid_query"),
        ("uids=mine", source, {"format": "dicom-seg", "uids": "mine"}, 400, "invalid_query"),
        ("format=dicom", source, {"format": "dicom"}, 400, "invalid_query"),
    ]
    for name, body, query, status, code in cases:
        answer = world.service.ask(body, **query)
        if (answer.status, answer.code) != (status, code):
            yield f"{name}: {answer.status} {answer.code}, not {status} {code}: {answer.body[:300]!r}"
    return f"{len(cases)} refusals"


def references_are_refused(world):
    """a segmentation of another size, one without lungs and a report are no reference masks"""
    source = dicom(world.film)
    dataset = pydicom.dcmread(io.BytesIO(source))
    heart = pydicom.dcmread(io.BytesIO(reference(dataset, {"Right": world.film.mask})))
    heart.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeValue = "80891009"
    cases = [
        ("another size", world.service.ask(dicom(world.odd), format="dicom-seg").good().body, "reference_size_mismatch"),
        ("a heart", as_file(heart), "undecodable_reference"),
        ("a report", world.service.ask(source, format="dicom-sr").good().body, "undecodable_reference"),
        ("cut short", reference(dataset, {"Right": world.film.mask})[:-10], "undecodable_reference"),
    ]
    for name, body, code in cases:
        answer = world.service.ask_form({"image": source, "ground_truth": body})
        if (answer.status, answer.code) != (422, code):
            yield f"{name}: {answer.status} {answer.code}, not 422 {code}"


def blank_films_are_answered_otherwise(world):
    """a film without lungs is refused as a segmentation only: there is a report, a capture and JSON of it"""
    source = dicom(blank(world.film))
    for format in ("json", "png", "overlay", "dicom-sc", "dicom-sr"):
        answer = world.service.ask(source, format=format)
        if answer.status != 200:
            yield f"{format}: {answer.status} {answer.body[:300]!r}"
    groups = groups_of(world.service.ask(source, format="dicom-sr").object())
    if groups:
        yield f"the report has {groups}"


CLAIMS = [
    films_have_the_masks_of_their_pngs,
    transfer_syntaxes_are_read,
    lossy_jpeg_of_12_bits_is_read_or_refused,
    films_come_in_every_body,
    greys_are_those_of_pydicom,
    spacings_and_areas,
    warnings_are_given,
    segments_are_the_mask,
    segments_are_the_lungs,
    fractions_are_probabilities,
    objects_belong_to_the_film,
    segmentation_names_the_films_series,
    derived_uids_are_stable,
    names_survive,
    objects_are_asked_for_by_accept,
    captures_are_the_overlay,
    reports_have_the_areas,
    references_are_segmentations_too,
    several_are_answered_in_kind,
    bodies_of_several_are_said_to_be,
    one_bad_instance_refuses_all,
    eight_instances_are_the_most,
    refusals_have_their_codes,
    references_are_refused,
    blank_films_are_answered_otherwise,
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", type=lambda path: Path(path).resolve(strict=True), default=ROOT / "target/release/lungfield-serve")
    parser.add_argument("--phantom", type=lambda path: Path(path).resolve(strict=True), default=ROOT / "target/release/lungfield-phantom")
    arguments = parser.parse_args()
    started = time.monotonic()
    claims = Claims()
    with tempfile.TemporaryDirectory(prefix="lungfield-dicom-test-") as folder, Service(arguments.server) as service:
        claims.try_all(CLAIMS, World(service, arguments.phantom, Path(folder)))
    print(f"{len(CLAIMS)} claims, {claims.failed} failed; the DICOM test took {time.monotonic() - started:.0f} s")
    return 1 if claims.failed else 0


if __name__ == "__main__":
    sys.exit(main())
