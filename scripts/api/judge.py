"""What must come back to what was sent, beyond what JSON schemas can say: which problem, and what an answer has to
agree with.
"""

from __future__ import annotations

import io
import json
import math
import re
import struct
import urllib.parse
from collections.abc import Sequence
from typing import Any

import requests
from PIL import Image

from scripts.api.cases import ACCEPTED, BOUNDARY, FORM, MISLABELLED, OBJECTS, RAW, RELATED, headed_parts, parts_of
from scripts.api.corpus import (
    DICOM,
    NO_LUNG,
    OTHER_TYPE,
    TOO_MANY_INSTANCES,
    Answered,
    Entry,
    Refusal,
    answer_to_names,
    answers_to,
    answers_to_instances,
    entry_of,
)
from scripts.api.objects import attribute

TIMEOUT = "Lungfield-Timeout-Ms"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OWN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
LAYOUT = {OTHER_TYPE, TOO_MANY_INSTANCES}
"""What a body of instances is refused for as a whole."""


def judge(response: Any, case: Any) -> None:
    request_id = check_request_id(response)
    # A method that the path does not have never comes near a film.
    if case.path == "/v1/segment" and response.status_code != 405:
        assert header(response, "cache-control") == "no-store", "the answer may be kept by a cache"
    if response.request.method == "HEAD":
        return
    problem = check_problem(response, request_id) if response.status_code >= 400 else {}
    sent = sent_in(response, case)
    if sent is None:
        return
    allowed, answer = allowed_answers(response, case, sent), (response.status_code, problem.get("code"))
    assert answer in allowed, (
        f"{answer} instead of {sorted(allowed, key=str)} to {sent}, asked for {format_of(response)}"
    )
    film = sent.films[0] if sent.films else None
    if sent.related and answer[0] in (413, 415, 422) and answer not in LAYOUT:
        film = blamed(problem, sent)
        assert answer in answers_to(film, None, format_of(response)), f"{answer} is blamed on {film}"
    if answer == NO_LUNG:
        assert film, "a form without a film is refused"
        check_no_lung(response, film)
    if response.status_code == 200:
        check_answer(response, sent, request_id)


class Sent:
    """The films that were sent, with the reference mask or None for it; `parts` of a body of instances, else None.

    `refusal` is what a form is refused with for its parts alone, whatever is in them.
    """

    def __init__(
        self,
        films: list[Entry],
        reference: Entry | None = None,
        parts: list[tuple[str | None, bytes]] | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        self.films, self.reference, self.parts, self.refusal = films, reference, parts, refusal

    @property
    def related(self) -> bool:
        return self.parts is not None

    def __str__(self) -> str:
        return ", ".join(map(str, [*self.films, *filter(None, [self.reference])]))


def sent_in(response: Any, case: Any) -> Sent | None:
    """Returns what was sent, or None where the corpus has no such thing."""
    body, kind = case.body, case.media_type or "nothing"
    if case.operation.label != "POST /v1/segment" or response.request.method != "POST":
        return None
    if not response.request.headers.get("Content-Type", "").startswith(kind):
        return None
    if kind in RAW and isinstance(body, bytes):
        return Sent([entry_of(body)])
    if kind == RELATED and isinstance(body, bytes):
        parts = parts_of(body, BOUNDARY) if body else []
        return Sent([entry_of(data) for _, data in parts], parts=parts)
    if kind == FORM and isinstance(body, dict):
        return sent_as_form(body)
    return None


def sent_as_form(body: dict[str, Any]) -> Sent | None:
    parts = [(name, part) for name, value in body.items() for part in (value if isinstance(value, list) else [value])]
    if not parts or not all(isinstance(part, bytes) for _, part in parts):
        return None
    refusal = answer_to_names([name for name, _ in parts])
    if refusal:
        return Sent([], refusal=refusal)
    entries = {name: entry_of(part) for name, part in parts}
    return Sent([entries["image"]], entries.get("ground_truth"))


def allowed_answers(response: Any, case: Any, sent: Sent) -> set[Answered]:
    """Returns every (status, code) that the request may be answered with."""
    format, kind = format_of(response), response.request.headers["Content-Type"]
    if format == ACCEPTED["text/html"]:
        allowed: set[Answered] = {(406, "not_acceptable")}
    elif kind in MISLABELLED or sent.refusal:
        allowed = {sent.refusal or MISLABELLED[kind]}
    elif sent.parts is not None:
        allowed = answers_to_instances(sent.parts, format)
    else:
        allowed = answers_to(sent.films[0], sent.reference, format)
    if case.meta and case.meta.generation.mode.is_negative:
        allowed = allowed | {(400, "invalid_query"), (400, "invalid_timeout")}
    if TIMEOUT in response.request.headers:
        allowed = allowed | {(504, "deadline_exceeded")}
    return allowed


def format_of(response: Any) -> str:
    """Returns what the request asks for, by its query or else by `Accept`."""
    accept = response.request.headers.get("Accept", "*/*")
    return query_of(response).get("format") or ACCEPTED[accept]


def header(response: Any, name: str) -> str | None:
    values = response.headers.get(name)
    return values[0] if values else None


def query_of(response: Any) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(response.request.url).query, keep_blank_values=True))


def check_request_id(response: Any) -> str:
    sent, given = response.request.headers.get("X-Request-Id"), header(response, "x-request-id")
    sent = sent.decode("latin-1") if isinstance(sent, bytes) else sent
    assert given, "there is no request id"
    if sent is not None and OWN_ID.fullmatch(sent.strip(" \t")):
        assert given == sent.strip(" \t"), f"the request id {sent!r} came back as {given!r}"
    else:
        assert UUID.fullmatch(given), f"the request id {given!r} is no UUID"
    return given


def check_problem(response: Any, request_id: str) -> dict[str, Any]:
    assert header(response, "content-type") == "application/problem+json", "an error is no problem document"
    problem = json.loads(response.content)
    assert problem["status"] == response.status_code, "the problem's status is not the answer's"
    assert problem["request_id"] == request_id, "the problem's request id is not the answer's"
    return problem


def blamed(problem: dict[str, Any], sent: Sent) -> Entry:
    """Returns the instance that a problem names."""
    found = re.search(r"instance (\d+) of (\d+)", problem["detail"])
    assert found, f"no instance is named: {problem['detail']}"
    number, count = map(int, found.groups())
    assert count == len(sent.films) and 0 < number <= count, f"{found[0]}, where {len(sent.films)} were sent"
    return sent.films[number - 1]


def check_no_lung(response: Any, film: Entry) -> None:
    """Checks that the JSON of a film with nothing to segment has no lung."""
    url, query = response.request.url.partition("?")[0], {**query_of(response), "format": "json"}
    answer = requests.post(url, data=film.data, params=query, headers={"Content-Type": DICOM}, timeout=30)
    assert answer.json()["lungs"] == [], "there is nothing to segment, and yet there is a lung"


def check_answer(response: Any, sent: Sent, request_id: str) -> None:
    format, query = format_of(response), query_of(response)
    kind = "application/json" if format == "json" else DICOM if format in OBJECTS else "image/png"
    if format == "json":
        assert header(response, "content-type") == kind, "the answer is not JSON"
        check_json(json.loads(response.content), sent, query, request_id)
        return
    # A film is shown without the model's having seen it.
    of_model = format != "film"
    assert bool(header(response, "lungfield-model")) == of_model, "Lungfield-Model, or none"
    for film, (headers, content) in zip(sent.films, files_of(response, kind, sent), strict=True):
        if of_model:
            check_headers(headers, film, sent.reference)
        if format in OBJECTS:
            check_object(content, film, format, query)
        else:
            check_image(content, film, format)
        if format == "png":
            same(("mask", film.shows, query.get("threshold")), content)


def files_of(response: Any, kind: str, sent: Sent) -> list[tuple[dict[str, str], bytes]]:
    """Returns the (headers, bytes) of each file in an answer: it is one, or has one in each part, as the request had
    or asked for.
    """
    media = header(response, "content-type") or ""
    asked = "format" not in query_of(response) and response.request.headers.get("Accept", "").startswith(RELATED)
    if not sent.related and not asked:
        assert media == kind, f"{media} instead of {kind}"
        return [({name: values[0] for name, values in response.headers.items()}, response.content)]
    boundary = re.fullmatch(rf'multipart/related; type="{kind}"; boundary=([\w-]+)', media)
    assert boundary, f"{media} answers instances as {kind}"
    parts = headed_parts(response.content, boundary[1])
    assert all(headers["content-type"] == kind for headers, _ in parts), "a part is of another type than the answer"
    return parts


def check_headers(headers: dict[str, str], film: Entry, reference: Entry | None) -> None:
    """Checks the headers of a file."""
    assert headers.get("lungfield-model"), "a file without Lungfield-Model"
    for name in ("lungfield-dice", "lungfield-jaccard"):
        assert (name in headers) == (reference is not None), f"{name}, or none"
    warnings = headers.get("lungfield-warnings")
    check_warned(warnings.split(",") if warnings else [], film)


def check_warned(codes: Sequence[str], film: Entry) -> None:
    """Checks that warnings follow from what a DICOM object says of itself."""
    stated = {"lateral_view", "for_processing", "unexpected_modality"} & set(codes)
    assert stated == (film.stated.warned if film.stated else set()), f"the warnings {codes}"


def check_json(answer: dict[str, Any], sent: Sent, query: dict[str, str], request_id: str) -> None:
    assert ("instances" in answer) == sent.related, "a list for instances, and for nothing else"
    answers = answer["instances"] if sent.related else [answer]
    for film, of_film in zip(sent.films, answers, strict=True):
        check_segmentation(of_film, film, query, request_id)
        check_scores(of_film, film, sent.reference, query)
        echoed = query.get("reference") == "echo" and sent.reference is not None
        assert ("reference_mask" in of_film) == echoed, "the reference mask, or none"
        if echoed:
            assert of_film["reference_mask"]["size"] == of_film["mask"]["size"], "the reference mask is of another size"


def check_segmentation(answer: dict[str, Any], film: Entry, query: dict[str, str], request_id: str) -> None:
    assert film.size, "what is answered is a film"
    width, height = film.size
    assert answer["request_id"] == request_id, "the answer's request id is not its header's"
    spacing = film.stated.spacing if film.stated else {}
    assert answer["image"] == {"width": width, "height": height, **spacing}, (
        f"{answer['image']} of {film.size} and {spacing}"
    )
    for lung in answer["lungs"]:
        area = spacing and lung["area_px"] * math.prod(spacing["pixel_spacing_mm"])
        assert math.isclose(lung.get("area_mm2", 0), area or 0, rel_tol=1e-5), "an area that the spacing does not give"
    assert answer["mask"]["size"] == [height, width], "COCO's size is height, width"
    counts = answer["mask"]["counts"]
    assert isinstance(counts, list) == (query.get("rle") == "counts"), "the runs are not written as `rle` asked"
    if isinstance(counts, list):
        assert sum(counts) == width * height, "the runs do not cover the film"
        assert sum(counts[1::2]) == sum(lung["area_px"] for lung in answer["lungs"]), "the lungs are not the mask"
    if "threshold" in query:
        asked, used = (struct.pack("f", float(value)) for value in (query["threshold"], answer["threshold"]))
        assert asked == used, "another threshold was used"
    warned = [warning["code"] for warning in answer["warnings"]]
    assert ("no_lung" in warned) == (answer["lungs"] == []), "of an empty mask, and of no other, it is warned"
    check_warned(warned, film)
    same(("runs", film.shows, query.get("threshold"), query.get("rle")), counts)


def check_scores(answer: dict[str, Any], film: Entry, reference: Entry | None, query: dict[str, str]) -> None:
    scores = {name: answer[name] for name in ("dice", "jaccard") if name in answer}
    assert len(scores) == (2 if reference else 0), "scores, or none"
    if reference and reference.shows:
        same(("scores", film.shows, query.get("threshold"), reference.shows), scores)


def check_image(content: bytes, film: Entry, format: str) -> None:
    image = Image.open(io.BytesIO(content))
    image.load()
    assert image.format == "PNG" and image.size == film.size, f"{image.size} answers a film of {film.size}"
    if format == "png":
        assert image.mode == "L" and set(image.tobytes()) <= {0, 255}, "a mask is 0 or 255 in 8-bit grey"
    elif format == "film":
        assert image.mode == "L", "a film is in 8-bit grey"
    else:
        assert image.mode == "RGB", "an overlay is in colour"


def check_object(content: bytes, film: Entry, format: str, query: dict[str, str]) -> None:
    """Checks that the object is of its class, about this film, and has a new UID or the one that it always has."""
    assert content[:132] == bytes(128) + b"DICM", "the file does not begin as DICOM files do"
    instance = own_uid(content)
    assert film.size and film.stated, "what is answered is a DICOM film"
    width, height = film.size
    segmentation = query.get("segmentation", "binary") if format == "dicom-seg" else None
    stated: dict[str, Any] = {"SOPClassUID": OBJECTS[format], "SOPInstanceUID": instance}
    stated |= {"StudyInstanceUID": film.stated.study, "PatientID": film.stated.patient}
    stated |= {"Rows": height, "Columns": width} if format != "dicom-sr" else {}
    stated |= {"SegmentationType": segmentation.upper()} if segmentation else {}
    for name, value in stated.items():
        assert attribute(name, value) in content, f"there is no {name} of {value!r} in the object"
    if segmentation:
        labels = sum(attribute("SegmentLabel", label) in content for label in ("Right lung", "Left lung"))
        assert labels and attribute("NumberOfFrames", str(labels)) in content, "there is not a frame for each lung"
    kind = (film.stated.instance, format, segmentation, query.get("threshold"))
    if query.get("uids") == "derived":
        same(("derived", *kind), instance)
        same(("name", instance), kind[:-1])
    else:
        assert ("name", instance) not in SEEN, "a UID was given twice"
        SEEN["name", instance] = kind[:-1]


def own_uid(content: bytes) -> str:
    head = attribute("MetaInstanceUID", "")[:-2]
    start = content.index(head) + len(head) + 2
    (length,) = struct.unpack_from("<H", content, start - 2)
    uid = content[start : start + length].rstrip(b"\0").decode()
    assert re.fullmatch(r"2\.25\.[1-9]\d{0,38}", uid), f"the instance's UID is {uid!r}"
    return uid


SEEN: dict[tuple[Any, ...], Any] = {}


def same(what: tuple[Any, ...], value: Any) -> None:
    """Checks that what was answered before is answered again. Films that show nothing known are not compared."""
    if None not in what[:2]:
        assert SEEN.setdefault(what, value) == value, f"{what} was answered otherwise before"


def answer_in(response: Any) -> Answered:
    """Returns the status, and the code of a problem."""
    kind = header(response, "content-type")
    return response.status_code, json.loads(response.content)["code"] if kind == "application/problem+json" else None
