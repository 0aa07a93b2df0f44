"""Claims on bodies of several instances, and on the status and code of what is refused."""

from __future__ import annotations

import io
from typing import Any

import pydicom

from scripts.common.claims import Findings, RemarkedFindings
from scripts.dicom.client import DICOM, RELATED
from scripts.dicom.context import FIXTURES, FORMATS, Context, blank, with_pixels
from scripts.dicom.films import as_file, dicom, wrap
from scripts.dicom.objects import groups_of, referenced

# Bodies of several instances.


def several_are_answered_in_kind(context: Context) -> Findings:
    """one and three instances, quoted boundary, chunked or not: a part for each, in their order, as if each had been
    sent alone
    """
    sent = [dicom(film) for film in (context.film, context.odd, context.films[16])]
    for count, chunked in [(1, False), (3, False), (3, True)]:
        sources = sent[:count]
        for format, sop_class in FORMATS.items():
            parts = context.service.ask_related(sources, chunked=chunked, format=format).parts()
            written = [pydicom.dcmread(io.BytesIO(part.body)) for part in parts]
            wanted = [(DICOM, sop_class, pydicom.dcmread(io.BytesIO(source)).SOPInstanceUID) for source in sources]
            found = [(part.kind, one.SOPClassUID, *referenced(one)) for part, one in zip(parts, written)]
            if found != wanted:
                yield f"{count} instances, {format}, chunked {chunked}: {found}"
        for format in ("png", "overlay"):
            parts = context.service.ask_related(sources, chunked=chunked, format=format).parts()
            alone = [context.service.ask(source, format=format).good().body for source in sources]
            if [part.kind for part in parts] != ["image/png"] * count or [part.body for part in parts] != alone:
                lengths = [(part.kind, len(part.body)) for part in parts]
                yield f"{count} instances, {format}, chunked {chunked}: {lengths}"
        answers = context.service.ask_related(sources, chunked=chunked, format="json").json()["instances"]
        one_by_one = [context.service.ask(source).json() for source in sources]
        if [answer["mask"] for answer in answers] != [answer["mask"] for answer in one_by_one]:
            yield f"{count} instances, json, chunked {chunked}: other masks than alone"


def bodies_of_several_are_said_to_be(context: Context) -> Findings:
    """a body of several is answered as multipart/related, or as JSON by default; its boundary may be unquoted, a
    preamble is passed over
    """
    source = dicom(context.film)
    answer = context.service.ask_related([source], format="dicom-seg").good()
    if answer.headers.get_content_type() != "multipart/related" or answer.headers.get_param("type") != DICOM:
        yield f"{answer.headers['Content-Type']}"
    answer = context.service.ask_related([source], format="png").good()
    if answer.headers.get_content_type() != "multipart/related" or answer.headers.get_param("type") != "image/png":
        yield f"{answer.headers['Content-Type']}"
    body = b"--plain\r\nContent-Type: application/dicom\r\n\r\n" + source + b"\r\n--plain--\r\n"
    if len(context.service.ask(body, f"{RELATED}; boundary=plain").json()["instances"]) != 1:
        yield "the boundary without quotes was not understood"
    with_preamble = b"What is before the first boundary is to be ignored.\r\n" + body
    if len(context.service.ask(with_preamble, f"{RELATED}; boundary=plain").json()["instances"]) != 1:
        yield "a preamble was not understood"


def one_bad_instance_refuses_all(context: Context) -> Findings:
    """one instance that can't be read makes the whole answer its problem, whose detail names its number"""
    good, bad = dicom(context.film), dicom(context.film)[:-20_000]
    for format in ("json", "png", "dicom-seg"):
        answer = context.service.ask_related([good, good, bad], format=format)
        if answer.code != "undecodable_image" or "3" not in answer.problem["detail"]:
            yield f"{format}: {answer.status} {answer.body[:300]!r}"


def eight_instances_are_the_most(context: Context) -> RemarkedFindings:
    """eight instances are answered; nine are too_many_instances, none is an error too"""
    small = dicom(with_pixels(context.film, context.film.pixels[::8, ::8]))
    if len(context.service.ask_related([small] * 8).json()["instances"]) != 8:
        yield "eight are not answered"
    nine, none = context.service.ask_related([small] * 9), context.service.ask_related([])
    if (nine.status, nine.code) != (413, "too_many_instances") or not 400 <= none.status < 500:
        yield f"nine: {nine.status} {nine.code}, none: {none.status} {none.code}"
    return f"none: {none.status} {none.code}"


# Refusals.


def refusals_have_their_codes(context: Context) -> RemarkedFindings:
    """each refusal has its status and its code"""
    film, source = context.film, dicom(context.film)
    huge = wrap(film.pixels, 12, Rows=65535, Columns=65535)
    without = wrap(film.pixels, 12, PixelData=None)
    small = dicom(with_pixels(film, film.pixels[:31, :31]))
    report = context.service.ask(source, format="dicom-sr").good().body
    fixtures = {path.stem: path.read_bytes() for path in FIXTURES.glob("*.dcm")}
    cases: list[tuple[str, Any, dict[str, Any], int, str]]
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
        answer = context.service.ask(body, **query)
        if (answer.status, answer.code) != (status, code):
            yield f"{name}: {answer.status} {answer.code}, not {status} {code}: {answer.body[:300]!r}"
    return f"{len(cases)} refusals"


def blank_films_are_answered_otherwise(context: Context) -> Findings:
    """a film without lungs is refused as a segmentation only: there is a report, a capture and JSON of it"""
    source = dicom(blank(context.film))
    for format in ("json", "png", "overlay", "dicom-sc", "dicom-sr"):
        answer = context.service.ask(source, format=format)
        if answer.status != 200:
            yield f"{format}: {answer.status} {answer.body[:300]!r}"
    groups = groups_of(context.service.ask(source, format="dicom-sr").object())
    if groups:
        yield f"the report has {groups}"


CLAIMS = [
    several_are_answered_in_kind,
    bodies_of_several_are_said_to_be,
    one_bad_instance_refuses_all,
    eight_instances_are_the_most,
    refusals_have_their_codes,
    blank_films_are_answered_otherwise,
]
