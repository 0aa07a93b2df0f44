"""What schemathesis draws for /v1/segment, what each answer must be, and how often each was given.

Loaded by schemathesis for scripts/api_test.py, which reads the counts from `answers.json` in the corpus's folder.
"""

import atexit
import collections
import io
import json
import re
import struct
import urllib.parse

import schemathesis
from api_corpus import ALL, FOLDER, GOOD, OTHERS, RUN_LENGTHS, answers_to, entry_of
from hypothesis import strategies as st
from PIL import Image
from schemathesis.openapi.checks import RejectedPositiveData

FORM = "multipart/form-data"
RAW = [*GOOD, "application/octet-stream"]
FORMATS = ["json", "png", "overlay"]
TIMEOUT = "Lungfield-Timeout-Ms"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OWN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


# What is drawn. The plainest value of a strategy is the first of its first branch, and some phases send only that one.


def files(good, others):
    good, others = ([entry.data for entry in entries] for entries in (good, others))
    return st.one_of(st.sampled_from(good), st.sampled_from(good), st.sampled_from(others), st.binary(max_size=64))


for kind, images in GOOD.items():
    schemathesis.openapi.media_type(kind, files(images, OTHERS))
schemathesis.openapi.media_type("application/octet-stream", files(sum(GOOD.values(), []), OTHERS))
schemathesis.openapi.media_type("application/json", files(RUN_LENGTHS[:3], RUN_LENGTHS))


@schemathesis.hook
def before_add_examples(ctx, examples):
    """Besides what chance draws, every file of the corpus is sent once, and every media type for every format."""
    if ctx.operation.label != "POST /v1/segment":
        return
    film = GOOD["image/png"][0].data
    bodies = [(kind, GOOD.get(kind, GOOD["image/png"])[0].data) for kind in RAW]
    bodies += [(FORM, {"image": film}), (FORM, {"image": film, "ground_truth": RUN_LENGTHS[0].data})]
    sent = [(kind, body, {"format": format}) for kind, body in bodies for format in FORMATS]
    for entry in ALL:
        sent.append(("application/octet-stream", entry.data, {"rle": "counts"}))
        sent.append((FORM, {"image": film, "ground_truth": entry.data}, {}))
    sent += [(FORM, {"image": entry.data}, {}) for entry in ALL if entry.as_film]
    sent += [("image/png", entry.data, {"format": "png"}) for entry in GOOD["image/png"]]
    examples += [ctx.operation.Case(media_type=kind, body=body, query=query) for kind, body, query in sent]


# What must come back, beyond what JSON schemas can say.


@schemathesis.check
def answers_keep_the_contract(ctx, response, case):
    """A body gets the answer that it deserves, and an answer agrees with its request."""
    request_id = check_request_id(response)
    # A method that the path does not have never comes near a film.
    if case.path == "/v1/segment" and response.status_code != 405:
        assert header(response, "cache-control") == "no-store", "the answer may be kept by a cache"
    if response.request.method == "HEAD":
        return
    code = check_problem(response, request_id) if response.status_code >= 400 else None
    bodies = sent_bodies(response, case)
    if bodies is None:
        return
    allowed = answers_to(*bodies)
    if case.meta and case.meta.generation.mode.is_negative:
        allowed = allowed | {(400, "invalid_query"), (400, "invalid_timeout")}
    if TIMEOUT in response.request.headers:
        allowed = allowed | {(504, "deadline_exceeded")}
    answer = (response.status_code, code)
    assert answer in allowed, f"{answer} instead of {sorted(allowed)} to {[str(body) for body in bodies if body]}"
    if response.status_code == 200 and header(response, "content-type") == "application/json":
        check_json(response, *bodies, request_id)
    elif response.status_code == 200:
        check_image(response, *bodies)


def sent_bodies(response, case):
    """The film and the reference mask, or None for it, that were sent; None where something else was."""
    body, kind = case.body, case.media_type or "nothing"
    if case.operation.label != "POST /v1/segment" or response.request.method != "POST":
        return None
    if not response.request.headers.get("Content-Type", "").startswith(kind):
        return None
    if kind in RAW and isinstance(body, bytes):
        return entry_of(body), None
    if kind == FORM and isinstance(body, dict) and "image" in body and body.keys() <= {"image", "ground_truth"}:
        if all(isinstance(part, bytes) for part in body.values()):
            reference = entry_of(body["ground_truth"]) if "ground_truth" in body else None
            return entry_of(body["image"]), reference
    return None


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
    return problem["code"]


def check_json(response, film, reference, request_id):
    answer, query = json.loads(response.content), query_of(response)
    width, height = film.size
    assert answer["request_id"] == request_id, "the answer's request id is not its header's"
    assert (answer["image"]["width"], answer["image"]["height"]) == (width, height), "the film has another size"
    assert answer["mask"]["size"] == [height, width], "COCO's size is height, width"
    counts = answer["mask"]["counts"]
    assert isinstance(counts, list) == (query.get("rle") == "counts"), "the runs are not written as `rle` asked"
    if isinstance(counts, list):
        assert sum(counts) == width * height, "the runs do not cover the film"
        assert sum(counts[1::2]) == sum(lung["area_px"] for lung in answer["lungs"]), "the lungs are not the mask"
    if "threshold" in query:
        asked, used = (struct.pack("f", float(value)) for value in (query["threshold"], answer["threshold"]))
        assert asked == used, "another threshold was used"
    assert {"dice", "jaccard"} & answer.keys() == ({"dice", "jaccard"} if reference else set()), "scores, or none"
    no_lung = "no_lung" in [warning["code"] for warning in answer["warnings"]]
    assert no_lung == (answer["lungs"] == []), "of an empty mask, and of no other, it is warned"


def check_image(response, film, reference):
    image = Image.open(io.BytesIO(response.content))
    image.load()
    assert image.format == "PNG" and image.size == film.size, f"{image.size} answers a film of {film.size}"
    if query_of(response)["format"] == "png":
        assert image.mode == "L" and set(image.tobytes()) <= {0, 255}, "a mask is 0 or 255 in 8-bit grey"
    else:
        assert image.mode == "RGB", "an overlay is in colour"
    assert header(response, "lungfield-model"), "an image without Lungfield-Model"
    for name in ("lungfield-dice", "lungfield-jaccard"):
        assert (header(response, name) is not None) == (reference is not None), f"{name}, or none"


@schemathesis.hook
def filter_failure(ctx, failure, case, response):
    """To a schema, bad files are as good as any, and so is a patience that no film is quick enough for; what becomes of them
    is judged by the check above."""
    if response.status_code == 504 and TIMEOUT in response.request.headers:
        return False
    bodies = sent_bodies(response, case) if isinstance(failure, RejectedPositiveData) else None
    return bodies is None or (200, None) in answers_to(*bodies)


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

ANSWERS = collections.Counter()
WITH_REFERENCE = " + reference"


@schemathesis.hook
def after_call(ctx, case, response):
    declared = response.request.method == case.operation.method.upper()
    label = case.operation.label if declared else f"{case.path} by another method"
    sent = case.media_type or "nothing"
    if isinstance(case.body, dict) and "ground_truth" in case.body:
        sent += WITH_REFERENCE
    answered = (header(response, "content-type") or "nothing").split(";")[0]
    ANSWERS[label, sent, response.status_code, answered] += 1


@atexit.register
def write_answers():
    (FOLDER / "answers.json").write_text(json.dumps([[*key, count] for key, count in ANSWERS.items()]))
