"""Claims on the objects that the server writes: segmentations, captures and reports, as highdicom and pydicom read
them.
"""

from __future__ import annotations

import io
import itertools
from typing import Any

import highdicom
import numpy as np
import pydicom
from pydicom import uid

from scripts.common.claims import Findings, RemarkedFindings
from scripts.dicom.client import DICOM, RELATED
from scripts.dicom.context import FORMATS, NAMES, SEGMENTATION, SIDES, Context, one_lung
from scripts.dicom.films import Pixels, as_file, dicom, grey

# By how much a probability in 255ths may be off.
HALF_STEP = 0.5 / 255 + 1e-6
# Today's PS3.16 has the first in CID 7150, earlier ones had the second.
ANATOMICAL_STRUCTURE = {"91723000", "123037004"}

PATIENT_AND_STUDY = [
    [
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "PatientSex",
        "StudyInstanceUID",
        "StudyDate",
        "StudyTime",
        "StudyID",
        "AccessionNumber",
    ],
    ["ReferringPhysicianName"],
]


# Segmentations.


def frames_of(segmentation: Any) -> dict[int, Pixels]:
    """Returns each segment's mask, by pydicom alone."""
    frames = segmentation.pixel_array.reshape(-1, segmentation.Rows, segmentation.Columns)
    groups = segmentation.PerFrameFunctionalGroupsSequence
    return {
        group.SegmentIdentificationSequence[0].ReferencedSegmentNumber: frame
        for group, frame in zip(groups, frames, strict=True)
    }


def as_highdicom_reads(segmentation: Any, source: Any, **options: Any) -> dict[int, Pixels]:
    """Returns each segment's mask, by highdicom, which finds its frames by the instance that they were made of."""
    read = highdicom.seg.Segmentation.from_dataset(segmentation)
    planes = read.get_pixels_by_source_instance(
        [source.SOPInstanceUID], assert_missing_frames_are_empty=True, **options
    )
    return dict(zip(read.segment_numbers, np.moveaxis(planes[0], -1, 0), strict=True))


def segments_are_the_mask(context: Context) -> Findings:
    """the segments, read by highdicom and by pydicom, are disjoint and together the PNG mask, pixel for pixel"""
    for film in [*context.films.values(), context.odd, one_lung(context.film)]:
        segmentation, source = context.object(film, format="dicom-seg")
        mask = context.service.ask(dicom(film), format="png").mask()
        for reader, segments in [
            ("pydicom", frames_of(segmentation)),
            ("highdicom", as_highdicom_reads(segmentation, source)),
        ]:
            together = sum(segment.astype(int) for segment in segments.values())
            if together.max() > 1:
                yield f"{film.name}, {reader}: segments overlap"
            if not np.array_equal(together > 0, mask):
                yield f"{film.name}, {reader}: {np.count_nonzero((together > 0) != mask)} pixels differ"


def segments_are_the_lungs(context: Context) -> RemarkedFindings:
    """segments are numbered from 1, right before left, and have the JSON's areas, the labels and the codes; an absent
    lung has none
    """
    categories = set()
    for film in (context.odd, one_lung(context.film)):
        segmentation, _ = context.object(film, format="dicom-seg")
        lungs = context.service.ask(dicom(film)).json()["lungs"]
        if film is not context.odd and len(lungs) != 1:
            yield f"the film with one lung has {len(lungs)}, which tries nothing"
        frames = frames_of(segmentation)
        if [item.SegmentNumber for item in segmentation.SegmentSequence] != list(range(1, len(lungs) + 1)) or len(
            frames
        ) != len(lungs):
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


def fractions_are_probabilities(context: Context) -> Findings:
    """a FRACTIONAL segmentation is read by highdicom, and cut at a threshold it is the mask of that threshold"""
    for film in (context.odd, context.film):
        segmentation, source = context.object(film, format="dicom-seg", segmentation="fractional")
        kind = (
            segmentation.SegmentationType,
            segmentation.SegmentationFractionalType,
            segmentation.MaximumFractionalValue,
        )
        if kind != ("FRACTIONAL", "PROBABILITY", 255) or (segmentation.BitsAllocated, segmentation.BitsStored) != (
            8,
            8,
        ):
            yield f"{kind}, {segmentation.BitsStored} of {segmentation.BitsAllocated} bits"
        planes = as_highdicom_reads(segmentation, source)
        probability = np.max(list(planes.values()), axis=0)
        for threshold in ("0.25", "0.5", "0.75"):
            mask = context.service.ask(dicom(film), format="png", threshold=threshold).mask()
            least, most = probability[mask].min(), probability[~mask].max()
            if not most - HALF_STEP <= float(threshold) <= least + HALF_STEP:
                yield f"{film.name}, cut at {threshold}: the mask has {least:.3f}, what is beside it {most:.3f}"
        if len(np.unique(probability)) < 16:
            yield f"{film.name}: there are {len(np.unique(probability))} values only"
        if list(planes) != [1, 2]:
            yield f"{film.name}: segments {list(planes)}"


# All objects.


def objects_belong_to_the_film(context: Context) -> Findings:
    """each object has the film's patient and study, refers to the film, and has a series and an instance of its own"""
    for format, sop_class in FORMATS.items():
        source = dicom(context.odd)
        answer = context.service.ask(source, format=format)
        written, film = answer.object(), pydicom.dcmread(io.BytesIO(source))
        if answer.headers.get_content_type() != DICOM:
            yield f"{format} is sent as {answer.headers['Content-Type']}"
        for keyword in itertools.chain(*PATIENT_AND_STUDY):
            if written.get(keyword) != film.get(keyword):
                yield f"{format}: {keyword} is {written.get(keyword)!r}, not {film.get(keyword)!r}"
        uids = [written.SOPInstanceUID, written.SeriesInstanceUID]
        if set(uids) & {film.SOPInstanceUID, film.SeriesInstanceUID} or not all(
            one.startswith("2.25.") and one.is_valid for one in uids
        ):
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


def referenced(dataset: Any) -> set[str]:
    return {element.value for element in dataset.iterall() if element.keyword == "ReferencedSOPInstanceUID"}


def segmentation_names_the_films_series(context: Context) -> Findings:
    """the segmentation's Referenced Series Sequence holds the film's series and instance, its frames refer to the
    film
    """
    segmentation, film = context.object(context.film, format="dicom-seg")
    [series] = segmentation.ReferencedSeriesSequence
    [instance] = series.ReferencedInstanceSequence
    said = (series.SeriesInstanceUID, instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID)
    if said != (film.SeriesInstanceUID, film.SOPClassUID, film.SOPInstanceUID):
        yield f"{said}"
    for group in segmentation.PerFrameFunctionalGroupsSequence:
        images = group.DerivationImageSequence[0].SourceImageSequence
        if [image.ReferencedSOPInstanceUID for image in images] != [film.SOPInstanceUID]:
            yield "a frame does not refer to the film alone"


def derived_uids_are_stable(context: Context) -> Findings:
    """uids=derived gives the same UIDs each time, others for another film, threshold or format; else they are random"""
    film, other = dicom(context.film), dicom(context.odd)

    def uids(source: bytes, **query: Any) -> tuple[str, str]:
        written = context.service.ask(source, **({"format": "dicom-seg"} | query)).object()
        return written.SOPInstanceUID, written.SeriesInstanceUID

    if uids(film, uids="derived") != uids(film, uids="derived"):
        yield "they differ from one time to the next"
    variants = [
        {},
        {"threshold": "0.6"},
        {"segmentation": "fractional"},
        {"format": "dicom-sc"},
        {"format": "dicom-sr"},
    ]
    drawn = [uids(film, uids="derived", **query)[0] for query in variants] + [uids(other, uids="derived")[0]]
    drawn += [uids(film)[0], uids(film)[0], uids(film, uids="random")[0]]
    if len(set(drawn)) != len(drawn):
        yield f"{len(drawn)} instances, {len(set(drawn))} UIDs"


def names_survive(context: Context) -> Findings:
    """patients' names beyond ASCII survive, in Latin-1, in UTF-8 and in ISO 2022 with ideograms"""
    for charset, (characters, name) in NAMES.items():
        source = dicom(context.film, SpecificCharacterSet=characters, PatientName=name)
        for format in FORMATS:
            written = context.service.ask(source, format=format).object()
            if written.PatientName != name:
                yield f"{charset}, {format}: {written.PatientName} in {written.get('SpecificCharacterSet')}"


def objects_are_asked_for_by_accept(context: Context) -> Findings:
    """Accept: application/dicom, alone or as the type of multipart/related, asks for a segmentation"""
    for accept in (DICOM, RELATED, "image/png;q=0.5, application/dicom"):
        answer = context.service.ask(dicom(context.film), accept=accept).good()
        content = answer.parts()[0].body if answer.headers.get_content_type() == "multipart/related" else answer.body
        written = pydicom.dcmread(io.BytesIO(content))
        if written.SOPClassUID != SEGMENTATION:
            yield f"{accept}: {written.SOPClassUID.name}"


# Secondary captures and reports.


def captures_are_the_overlay(context: Context) -> Findings:
    """a secondary capture is the overlay, pixel for pixel"""
    for film in (context.odd, context.films[8]):
        capture, source = context.object(film, format="dicom-sc")
        overlay = grey(context.service.ask(as_file(source), format="overlay").good().body)
        if capture.PhotometricInterpretation != "RGB" or not np.array_equal(capture.pixel_array, overlay):
            found = f"{capture.PhotometricInterpretation}, {capture.pixel_array.shape}"
            yield f"{film.name}: {found} for {overlay.shape}, or other pixels"


def groups_of(written: Any) -> dict[str, Any]:
    """Returns each measurement group of a report as highdicom reads it: {side: (area, unit)}."""
    report = highdicom.sr.ComprehensiveSR.from_dataset(written)
    groups = {}
    for group in report.content.get_image_measurement_groups():
        [site] = group.finding_sites
        [area] = group.get_measurements()
        groups[SIDES[site.laterality.value]] = (
            float(area.value),
            area.unit.value,
            site.topographical_modifier,
            area.name.meaning,
        )
    return groups


def reports_have_the_areas(context: Context) -> Findings:
    """a report, read by highdicom, has a group for each lung with the JSON's area, in mm2 or else in {pixels}"""
    for options in ({}, {"ImagerPixelSpacing": None}, {"PixelSpacing": ["0.9", "0.7"]}):
        for film in (context.odd, one_lung(context.film)):
            source = dicom(film, **options)
            lungs = context.service.ask(source).json()["lungs"]
            groups = groups_of(context.service.ask(source, format="dicom-sr").object())
            wanted = {
                lung["side"]: (lung.get("area_mm2", lung["area_px"]), "mm2" if "area_mm2" in lung else "{pixels}")
                for lung in lungs
            }
            if {side: group[1] for side, group in groups.items()} != {
                side: unit for side, (_, unit) in wanted.items()
            } or any(abs(groups[side][0] - area) > 0.01 for side, (area, _) in wanted.items()):
                yield f"{options}: {groups}, not {wanted}"


CLAIMS = [
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
]
