"""Claims on segmentations as reference masks: highdicom's, the server's own, damaged ones and those of something
else.
"""

from __future__ import annotations

import io
from typing import Any

import highdicom
import numpy as np
import pydicom
from highdicom.sr.coding import CodedConcept
from pydicom.sequence import Sequence

from scripts.common.claims import Findings
from scripts.dicom.context import LEAST_DICE, Context
from scripts.dicom.films import Pixels, as_file, as_png, dicom, new_uid


def reference(source: Any, masks: dict[str, Pixels], kind: str = "BINARY") -> bytes:
    """Returns a segmentation as highdicom writes it of the film, each mask with its side."""
    descriptions = []
    for number, side in enumerate(masks, 1):
        description = highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=f"{side} lung",
            segmented_property_category=CodedConcept("91723000", "SCT", "Anatomical Structure"),
            segmented_property_type=CodedConcept("39607008", "SCT", "Lung"),
            algorithm_type="MANUAL",
        )
        modifier = (
            CodedConcept("24028007", "SCT", "Right") if side == "Right" else CodedConcept("7771000", "SCT", "Left")
        )
        description.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = Sequence(
            [modifier]
        )
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
        manufacturer_model_name="scripts.dicom.check",
        software_versions="1",
        device_serial_number="1",
        **({"max_fractional_value": 255} if kind == "FRACTIONAL" else {}),
    )
    file = io.BytesIO()
    written.save_as(file)
    return file.getvalue()


def halves(mask: Pixels) -> dict[str, Pixels]:
    """Returns the phantom's exact mask, as one of its right and one of its left lung."""
    left = np.arange(mask.shape[1]) >= mask.shape[1] // 2
    return {"Right": mask & ~left, "Left": mask & left}


def references_are_segmentations_too(context: Context) -> Findings:
    """Dice with a segmentation as the reference is Dice with the same mask as PNG; with the server's own it is 1"""
    for film in (context.odd, context.film):
        source = dicom(film)
        dataset = pydicom.dcmread(io.BytesIO(source))
        by_png = context.service.ask_form(
            {"image": source, "ground_truth": as_png(film.mask.astype(np.uint8) * 255)}
        ).json()
        by_object = context.service.ask_form(
            {"image": source, "ground_truth": reference(dataset, halves(film.mask))}
        ).json()
        if (by_png["dice"], by_png["jaccard"]) != (by_object["dice"], by_object["jaccard"]) or by_png["dice"] < 0.8:
            yield f"{film.name}: {by_object['dice']} with the segmentation, {by_png['dice']} with the PNG"
        right = halves(film.mask)["Right"]
        by_png = context.service.ask_form(
            {"image": source, "ground_truth": as_png(right.astype(np.uint8) * 255)}
        ).json()
        by_object = context.service.ask_form(
            {"image": source, "ground_truth": reference(dataset, {"Right": right})}
        ).json()
        if by_png["dice"] != by_object["dice"]:
            yield f"{film.name}, one lung: {by_object['dice']} with the segmentation, {by_png['dice']} with the PNG"
        own = context.service.ask(source, format="dicom-seg").good().body
        again = context.service.ask_form({"image": source, "ground_truth": own}).json()
        if again["dice"] != 1:
            yield f"{film.name}: {again['dice']} with the server's own"
        on_png = context.service.ask_form({"image": film.png, "ground_truth": own}).json()
        if on_png["dice"] < LEAST_DICE:
            yield f"{film.name}: {on_png['dice']} of the PNG with the server's own"


def references_are_refused(context: Context) -> Findings:
    """a segmentation of another size, one without lungs and a report are no reference masks"""
    source = dicom(context.film)
    dataset = pydicom.dcmread(io.BytesIO(source))
    heart = pydicom.dcmread(io.BytesIO(reference(dataset, {"Right": context.film.mask})))
    heart.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeValue = "80891009"
    cases = [
        (
            "another size",
            context.service.ask(dicom(context.odd), format="dicom-seg").good().body,
            "reference_size_mismatch",
        ),
        ("a heart", as_file(heart), "undecodable_reference"),
        ("a report", context.service.ask(source, format="dicom-sr").good().body, "undecodable_reference"),
        ("cut short", reference(dataset, {"Right": context.film.mask})[:-10], "undecodable_reference"),
    ]
    for name, body, code in cases:
        answer = context.service.ask_form({"image": source, "ground_truth": body})
        if (answer.status, answer.code) != (422, code):
            yield f"{name}: {answer.status} {answer.code}, not 422 {code}"


CLAIMS = [
    references_are_segmentations_too,
    references_are_refused,
]
