"""What schemathesis draws for /v1/segment, what each answer must be, and how often each was given.

Loaded by schemathesis for scripts/api_test.py, which reads the counts from `answers.json` in the corpus's folder; and what was
wrong, since schemathesis shows one failure of a check and passes over the others.
"""

import atexit
import collections
import io
import json
import math
import random
import re
import struct
import urllib.parse

import requests
import schemathesis
from api_corpus import (
    ALL,
    CAPTURE,
    DICOM,
    FOLDER,
    GOOD,
    MALFORMED,
    MAX_INSTANCES,
    NO_LUNG,
    OTHER_TYPE,
    OTHERS,
    REPORT,
    RUN_LENGTHS,
    SEGMENTATION,
    TOO_MANY_INSTANCES,
    answer_to_names,
    answers_to,
    answers_to_instances,
    attribute,
    entry_of,
)
from hypothesis import strategies as st
from PIL import Image
from schemathesis.openapi.checks import RejectedPositiveData

FORM = "multipart/form-data"
RELATED = "multipart/related"
RAW = [*GOOD, "application/octet-stream"]
OBJECTS = {"dicom-seg": SEGMENTATION, "dicom-sc": CAPTURE, "dicom-sr": REPORT}
FORMATS = ["json", "png", "overlay", *OBJECTS]
DRAWN = 60
TIMEOUT = "Lungfield-Timeout-Ms"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OWN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

# Schemathesis draws no `Accept`, so that only these are sent, and its client's own; each with the format that it chooses.
ACCEPTED = {
    "*/*": "json",
    "image/png": "png",
    DICOM: "dicom-seg",
    f'{RELATED}; type="{DICOM}"': "dicom-seg",
    "text/html": "none",
}
BOUNDARY = "the-next-instance"
INSTANCES = f'{RELATED}; type="{DICOM}"; boundary={BOUNDARY}'
LAYOUT = {OTHER_TYPE, TOO_MANY_INSTANCES}
"""What a body of instances is refused for as a whole."""
MISLABELLED = {
    f"{RELATED}; boundary={BOUNDARY}": OTHER_TYPE,
    f'{RELATED}; type="image/png"; boundary={BOUNDARY}': OTHER_TYPE,
    f'{RELATED}; type="{DICOM}"': MALFORMED,
}


# What is drawn. The plainest value of a strategy is the first of its first branch, and some phases send only that one.


def files(good, others):
    good, others = ([entry.data for entry in entries] for entries in (good, others))
    return st.one_of(st.sampled_from(good), st.sampled_from(good), st.sampled_from(others), st.binary(max_size=64))


def related(files, kind=DICOM):
    """A body of several files, each said to be of that kind, or of none."""
    head = "Content-Location: film.dcm" if kind is None else f"Content-Type: {kind}"
    start = f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode()
    return b"".join(start + file + b"\r\n" for file in files) + f"--{BOUNDARY}--\r\n".encode()


def parts_of(body, boundary):
    """The (media type, bytes) of each part of a body that is laid out as `related` does it."""
    return [(headers.get("content-type"), data) for headers, data in headed_parts(body, boundary)]


def headed_parts(body, boundary):
    """The (headers, bytes) of each part; headers by their names in lower case."""
    delimiter = b"\r\n--" + boundary.encode()
    start, *parts, end = (b"\r\n" + body).split(delimiter)
    assert start == b"" and end.rstrip(b"\r\n") == b"--", f"a body of parts begins with {body[:40]} and ends with {end[:40]}"
    parts = [part.partition(b"\r\n\r\n") for part in parts]
    return [(headers_in(head.decode()), data) for head, _, data in parts]


def headers_in(head):
    lines = (line.partition(": ") for line in head.splitlines() if line)
    return {name.lower(): value for name, _, value in lines}


for kind, images in GOOD.items():
    schemathesis.openapi.media_type(kind, files(images, OTHERS))
schemathesis.openapi.media_type("application/octet-stream", files(sum(GOOD.values(), []), OTHERS))
schemathesis.openapi.media_type("application/json", files(RUN_LENGTHS[:3], RUN_LENGTHS))
# A bad instance spoils its body, so that there must be few of them.
few_bad = st.one_of(*[files(GOOD[DICOM], GOOD[DICOM])] * 3, files(GOOD[DICOM], OTHERS))
schemathesis.openapi.media_type(RELATED, st.lists(few_bad, min_size=1, max_size=3).map(related))


@schemathesis.hook
def before_add_examples(ctx, examples):
    """Besides what chance draws, every file of the corpus is sent once, and every media type for every format."""
    if ctx.operation.label == "POST /v1/segment":
        sent = [*every_format(), *every_file(), *every_object(), *several_instances(), *other_headers(), *other_forms(), *by_lot()]
        examples += [
            ctx.operation.Case(media_type=kind, body=body, query=query, headers=dict(*headers))
            for kind, body, query, *headers in sent
        ]


def every_format():
    film, scanned = GOOD["image/png"][0].data, GOOD[DICOM][0].data
    bodies = [(kind, GOOD[kind][0].data if kind in GOOD else scanned) for kind in RAW]
    bodies += [(FORM, {"image": image, "ground_truth": RUN_LENGTHS[0].data}) for image in (film, scanned)]
    bodies += [(FORM, {"image": scanned}), (RELATED, related([scanned]))]
    return [(kind, body, {"format": format}) for kind, body in bodies for format in FORMATS]


def every_file():
    film = GOOD["image/png"][0].data
    for entry in ALL:
        yield "application/octet-stream", entry.data, {"rle": "counts"}
        yield FORM, {"image": film, "ground_truth": entry.data}, {}
        if entry.as_film:
            yield FORM, {"image": entry.data}, {}
    for entry in GOOD["image/png"]:
        yield "image/png", entry.data, {"format": "png"}


def every_object():
    for entry in GOOD[DICOM]:
        yield DICOM, entry.data, {"format": "dicom-seg", "uids": "derived"}
    for entry in GOOD[DICOM][:4]:
        yield DICOM, entry.data, {"format": "dicom-seg", "segmentation": "fractional", "uids": "derived"}
        yield DICOM, entry.data, {"format": "dicom-sc", "uids": "derived"}
        yield from [(DICOM, entry.data, {"format": "dicom-sr", "uids": "derived"})] * 2
    for entry in OTHERS:
        if entry.stated:
            yield DICOM, entry.data, {"format": "dicom-seg"}
    # Above every probability, there is no lung.
    yield DICOM, GOOD[DICOM][0].data, {"format": "dicom-seg", "threshold": 0.9999999}


def several_instances():
    good, bad = ([entry.data for entry in entries] for entries in (GOOD[DICOM], OTHERS))
    bodies = [related(good[:3]), related(good[-3:], None), related([*good[:2], bad[-1]]), related([b"", good[0]]), related([])]
    yield from [(RELATED, body, {"format": format}) for body in bodies for format in ("json", "dicom-seg")]
    for format in FORMATS:
        yield RELATED, related(good[:2]), {"format": format}
    yield RELATED, related(good[:1] * MAX_INSTANCES), {}
    yield RELATED, related(good[:1] * (MAX_INSTANCES + 1)), {}
    yield RELATED, related([GOOD["image/png"][0].data], "image/png"), {}
    yield RELATED, b"", {}


def other_headers():
    for accept in ACCEPTED:
        for kind in ("image/png", DICOM):
            yield kind, GOOD[kind][0].data, {}, {"Accept": accept}
        yield RELATED, related([GOOD[DICOM][0].data]), {}, {"Accept": accept}
    for kind in MISLABELLED:
        yield RELATED, related([GOOD[DICOM][0].data]), {}, {"Content-Type": kind}


def other_forms():
    film = GOOD["image/png"][0].data
    for body in [{"ground_truth": film}, {"image": [film, film]}, {"image": film, "mask": film}]:
        yield FORM, body, {}


def by_lot():
    """Hypothesis likes to send one body again with another header; here all of a request is drawn anew each time."""
    lot = random.Random(DRAWN)
    several = {"threshold": [0.2, 0.5, 0.8], "rle": ["compressed", "counts"]}
    several |= {"segmentation": ["binary", "fractional"], "uids": ["random", "derived"]}
    for _ in range(DRAWN):
        query = {name: lot.choice(values) for name, values in several.items() if lot.random() < 0.5}
        files = [entry.data for entry in lot.choices(GOOD[DICOM], k=lot.randint(1, 3))]
        if lot.random() < 0.2:
            files[-1] = lot.choice(OTHERS).data
        kind, body = lot.choice([(DICOM, files[-1]), (FORM, {"image": files[-1]}), (RELATED, related(files))])
        yield kind, body, {"format": lot.choice(FORMATS), **query}


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """Whoever lays out a body of parts has to say how, and schemathesis leaves that to us."""
    if case.media_type == RELATED:
        case.headers.setdefault("Content-Type", INSTANCES)


# What must come back, beyond what JSON schemas can say.


@schemathesis.check
def answers_keep_the_contract(ctx, response, case):
    """A body gets the answer that it deserves, and an answer agrees with its request."""
    try:
        judge(response, case)
    except AssertionError as wrong:
        WRONG[str(wrong)] += 1
        raise


def judge(response, case):
    request_id = check_request_id(response)
    # A method that the path does not have never comes near a film.
    if case.path == "/v1/segment" and response.status_code != 405:
        assert header(response, "cache-control") == "no-store", "the answer may be kept by a cache"
    if response.request.method == "HEAD":
        return
    problem = check_problem(response, request_id) if response.status_code >= 400 else None
    sent = sent_in(response, case)
    if sent is None:
        return
    allowed, answer = allowed_answers(response, case, sent), (response.status_code, problem and problem["code"])
    assert answer in allowed, f"{answer} instead of {sorted(allowed, key=str)} to {sent}, asked for {format_of(response)}"
    film = sent.films[0] if sent.films else None
    if sent.related and answer[0] in (413, 415, 422) and answer not in LAYOUT:
        film = blamed(problem, sent)
        assert answer in answers_to(film, None, format_of(response)), f"{answer} is blamed on {film}"
    if answer == NO_LUNG:
        check_no_lung(response, film)
    if response.status_code == 200:
        check_answer(response, sent, request_id)


class Sent:
    """The films that were sent, with the reference mask or None for it; `parts` of a body of instances, else None.

    `refusal` is what a form is refused with for its parts alone, whatever is in them.
    """

    def __init__(self, films, reference=None, parts=None, refusal=None):
        self.films, self.reference, self.parts, self.refusal = films, reference, parts, refusal

    @property
    def related(self):
        return self.parts is not None

    def __str__(self):
        return ", ".join(map(str, [*self.films, *filter(None, [self.reference])]))


def sent_in(response, case):
    """What was sent, None where that was something else than the corpus has."""
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


def sent_as_form(body):
    parts = [(name, part) for name, value in body.items() for part in (value if isinstance(value, list) else [value])]
    if not parts or not all(isinstance(part, bytes) for _, part in parts):
        return None
    refusal = answer_to_names([name for name, _ in parts])
    if refusal:
        return Sent([], refusal=refusal)
    entries = {name: entry_of(part) for name, part in parts}
    return Sent([entries["image"]], entries.get("ground_truth"))


def allowed_answers(response, case, sent):
    """Every (status, code) that the request may be answered with."""
    format, kind = format_of(response), response.request.headers["Content-Type"]
    if format == ACCEPTED["text/html"]:
        allowed = {(406, "not_acceptable")}
    elif kind in MISLABELLED or sent.refusal:
        allowed = {sent.refusal or MISLABELLED[kind]}
    elif sent.related:
        allowed = answers_to_instances(sent.parts, format)
    else:
        allowed = answers_to(sent.films[0], sent.reference, format)
    if case.meta and case.meta.generation.mode.is_negative:
        allowed = allowed | {(400, "invalid_query"), (400, "invalid_timeout")}
    if TIMEOUT in response.request.headers:
        allowed = allowed | {(504, "deadline_exceeded")}
    return allowed


def format_of(response):
    """What the request asks for, by its query or else by `Accept`."""
    accept = response.request.headers.get("Accept", "*/*")
    return query_of(response).get("format") or ACCEPTED[accept]


def header(response, name):
    values = response.headers.get(name)
    return values[0] if values else None


def query_of(response):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(response.request.url).query, keep_blank_values=True))


def check_request_id(response):
    sent, given = response.request.headers.get("X-Request-Id"), header(response, "x-request-id")
    sent = sent.decode("latin-1") if isinstance(sent, bytes) else sent
    if sent is not None and OWN_ID.fullmatch(sent.strip(" \t")):
        assert given == sent.strip(" \t"), f"the request id {sent!r} came back as {given!r}"
    else:
        assert given and UUID.fullmatch(given), f"the request id {given!r} is no UUID"
    return given


def check_problem(response, request_id):
    assert header(response, "content-type") == "application/problem+json", "an error is no problem document"
    problem = json.loads(response.content)
    assert problem["status"] == response.status_code, "the problem's status is not the answer's"
    assert problem["request_id"] == request_id, "the problem's request id is not the answer's"
    return problem


def blamed(problem, sent):
    """The instance that a problem names."""
    found = re.search(r"instance (\d+) of (\d+)", problem["detail"])
    assert found, f"no instance is named: {problem['detail']}"
    number, count = map(int, found.groups())
    assert count == len(sent.films) and 0 < number <= count, f"{found[0]}, where {len(sent.films)} were sent"
    return sent.films[number - 1]


def check_no_lung(response, film):
    """Whoever is told that there is nothing to segment would have been told as JSON that there is no lung."""
    url, query = response.request.url.partition("?")[0], {**query_of(response), "format": "json"}
    answer = requests.post(url, data=film.data, params=query, headers={"Content-Type": DICOM}, timeout=30)
    assert answer.json()["lungs"] == [], "there is nothing to segment, and yet there is a lung"


def check_answer(response, sent, request_id):
    format, query = format_of(response), query_of(response)
    kind = {"json": "application/json", "png": "image/png", "overlay": "image/png"}.get(format, DICOM)
    if format == "json":
        assert header(response, "content-type") == kind, "the answer is not JSON"
        check_json(json.loads(response.content), sent, query, request_id)
        return
    assert header(response, "lungfield-model"), "files without Lungfield-Model"
    for film, (headers, content) in zip(sent.films, files_of(response, kind, sent), strict=True):
        check_headers(headers, film, sent.reference)
        if format in OBJECTS:
            check_object(content, film, format, query)
        else:
            check_image(content, film, format)
        if format == "png":
            same(("mask", film.shows, query.get("threshold")), content)


def files_of(response, kind, sent):
    """The (headers, bytes) of each file in an answer: it is one, or has one in each part, as the request had or asked for."""
    media = header(response, "content-type")
    asked = "format" not in query_of(response) and response.request.headers.get("Accept", "").startswith(RELATED)
    if not sent.related and not asked:
        assert media == kind, f"{media} instead of {kind}"
        return [({name: values[0] for name, values in response.headers.items()}, response.content)]
    boundary = re.fullmatch(rf'multipart/related; type="{kind}"; boundary=([\w-]+)', media)
    assert boundary, f"{media} answers instances as {kind}"
    parts = headed_parts(response.content, boundary[1])
    assert all(headers["content-type"] == kind for headers, _ in parts), "a part is of another type than the answer"
    return parts


def check_headers(headers, film, reference):
    """What is told beside a file."""
    assert headers.get("lungfield-model"), "a file without Lungfield-Model"
    for name in ("lungfield-dice", "lungfield-jaccard"):
        assert (name in headers) == (reference is not None), f"{name}, or none"
    warnings = headers.get("lungfield-warnings")
    check_warned(warnings.split(",") if warnings else [], film)


def check_warned(codes, film):
    """Warned is of what a DICOM object says of itself, and of nothing else of that kind."""
    stated = {"lateral_view", "for_processing", "unexpected_modality"} & set(codes)
    assert stated == (film.stated.warned if film.stated else set()), f"the warnings {codes}"


def check_json(answer, sent, query, request_id):
    assert ("instances" in answer) == sent.related, "a list for instances, and for nothing else"
    answers = answer["instances"] if sent.related else [answer]
    for film, of_film in zip(sent.films, answers, strict=True):
        check_segmentation(of_film, film, query, request_id)
        check_scores(of_film, film, sent.reference, query)


def check_segmentation(answer, film, query, request_id):
    width, height = film.size
    assert answer["request_id"] == request_id, "the answer's request id is not its header's"
    spacing = film.stated.spacing if film.stated else {}
    assert answer["image"] == {"width": width, "height": height, **spacing}, f"{answer['image']} of {film.size} and {spacing}"
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


def check_scores(answer, film, reference, query):
    scores = {name: answer[name] for name in ("dice", "jaccard") if name in answer}
    assert len(scores) == (2 if reference else 0), "scores, or none"
    if reference and reference.shows:
        same(("scores", film.shows, query.get("threshold"), reference.shows), scores)


def check_image(content, film, format):
    image = Image.open(io.BytesIO(content))
    image.load()
    assert image.format == "PNG" and image.size == film.size, f"{image.size} answers a film of {film.size}"
    if format == "png":
        assert image.mode == "L" and set(image.tobytes()) <= {0, 255}, "a mask is 0 or 255 in 8-bit grey"
    else:
        assert image.mode == "RGB", "an overlay is in colour"


def check_object(content, film, format, query):
    """The object is of its class, about this film, and has a name of its own or the one that it always has."""
    assert content[:132] == bytes(128) + b"DICM", "the file does not begin as DICOM files do"
    instance = own_uid(content)
    width, height = film.size
    segmentation = query.get("segmentation", "binary") if format == "dicom-seg" else None
    stated = {"SOPClassUID": OBJECTS[format], "SOPInstanceUID": instance, "StudyInstanceUID": film.stated.study}
    stated |= {"PatientID": film.stated.patient}
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


def own_uid(content):
    head = attribute("MetaInstanceUID", "")[:-2]
    start = content.index(head) + len(head) + 2
    (length,) = struct.unpack_from("<H", content, start - 2)
    uid = content[start : start + length].rstrip(b"\0").decode()
    assert re.fullmatch(r"2\.25\.[1-9]\d{0,38}", uid), f"the instance's UID is {uid!r}"
    return uid


SEEN = {}


def same(what, value):
    """What was answered before is answered again. Films that show nothing that is known are not compared."""
    if None not in what[:2]:
        assert SEEN.setdefault(what, value) == value, f"{what} was answered otherwise before"


@schemathesis.hook
def filter_failure(ctx, failure, case, response):
    """To a schema, bad files are as good as any, and so is a patience that no film is quick enough for; what becomes of them
    is judged by the check above."""
    if response.status_code == 504 and TIMEOUT in response.request.headers:
        return False
    sent = sent_in(response, case) if isinstance(failure, RejectedPositiveData) else None
    return sent is None or answer_in(response) not in allowed_answers(response, case, sent)


@schemathesis.hook
def before_load_schema(ctx, raw_schema):
    """Clients must bear fields that they do not know; the server must send none that are not described."""
    for schema in raw_schema["components"]["schemas"].values():
        close(schema)


def close(schema):
    if isinstance(schema, dict):
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            close(part)


# What was answered.

ANSWERS, WRONG = collections.Counter(), collections.Counter()
WITH_REFERENCE = " + reference"


def answer_in(response):
    """The status, and the code of a problem."""
    kind = header(response, "content-type")
    return response.status_code, json.loads(response.content)["code"] if kind == "application/problem+json" else None


@schemathesis.hook
def after_call(ctx, case, response):
    declared = response.request.method == case.operation.method.upper()
    label = case.operation.label if declared else f"{case.path} by another method"
    sent = case.media_type or "nothing"
    if isinstance(case.body, dict) and "ground_truth" in case.body:
        sent += WITH_REFERENCE
    format = format_of(response) if label == "POST /v1/segment" else ""
    answered = (header(response, "content-type") or "nothing").split(";")[0]
    status, code = answer_in(response) if response.request.method != "HEAD" else (response.status_code, None)
    ANSWERS[label, sent, format if format in FORMATS else "other", status, code or "", answered] += 1


@atexit.register
def write_answers():
    answers = [[*key, count] for key, count in ANSWERS.items()]
    (FOLDER / "answers.json").write_text(json.dumps({"answers": answers, "wrong": list(WRONG)}))
