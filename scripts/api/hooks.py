"""What schemathesis calls: what to draw for /v1/segment, the check of each answer, and how often each answer was given.

check.py has schemathesis load it, and reads the counts from `answers.json` in the corpus's folder. That file also
holds what was wrong, since schemathesis shows one failure of a check and passes over the others. cases.py says what
is sent, judge.py what must come back.
"""

from __future__ import annotations

import atexit
import collections
import json
from typing import Any

import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData

from scripts.api.cases import FORMATS, INSTANCES, RELATED, bodies, every_example
from scripts.api.corpus import FOLDER
from scripts.api.judge import TIMEOUT, allowed_answers, answer_in, format_of, header, judge, sent_in

for kind, strategy in bodies():
    schemathesis.openapi.media_type(kind, strategy)


@schemathesis.hook
def before_add_examples(ctx: Any, examples: list[Any]) -> None:
    """Besides what chance draws, every file of the corpus is sent once, and every media type for every format."""
    if ctx.operation.label == "POST /v1/segment":
        examples += [
            ctx.operation.Case(media_type=kind, body=body, query=query, headers=dict(*headers))
            for kind, body, query, *headers in every_example()
        ]


@schemathesis.hook
def before_call(ctx: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Sets the media type of a body of parts with its boundary, which schemathesis leaves to us."""
    if case.media_type == RELATED:
        case.headers.setdefault("Content-Type", INSTANCES)


@schemathesis.check
def answers_keep_the_contract(ctx: Any, response: Any, case: Any) -> None:
    """Checks that a body gets the answer that it deserves, and that an answer agrees with its request."""
    try:
        judge(response, case)
    except AssertionError as wrong:
        WRONG[str(wrong)] += 1
        raise


@schemathesis.hook
def filter_failure(ctx: Any, failure: Any, case: Any, response: Any) -> bool:
    """Drops failures that only a schema sees: to it, bad files and timeouts of 1 ms are as good as any.

    The check above knows what they must be answered.
    """
    if response.status_code == 504 and TIMEOUT in response.request.headers:
        return False
    sent = sent_in(response, case) if isinstance(failure, RejectedPositiveData) else None
    return sent is None or answer_in(response) not in allowed_answers(response, case, sent)


@schemathesis.hook
def before_load_schema(ctx: Any, raw_schema: dict[str, Any]) -> None:
    """Clients must bear fields that they do not know; the server must send none that are not described."""
    for schema in raw_schema["components"]["schemas"].values():
        close(schema)


def close(schema: Any) -> None:
    if isinstance(schema, dict):
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            close(part)


# What was answered.

ANSWERS: collections.Counter[tuple[Any, ...]] = collections.Counter()
WRONG: collections.Counter[str] = collections.Counter()
WITH_REFERENCE = " + reference"


@schemathesis.hook
def after_call(ctx: Any, case: Any, response: Any) -> None:
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
def write_answers() -> None:
    answers = [[*key, count] for key, count in ANSWERS.items()]
    (FOLDER / "answers.json").write_text(json.dumps({"answers": answers, "wrong": list(WRONG)}))
