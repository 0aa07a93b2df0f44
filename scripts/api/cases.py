"""What is sent to /v1/segment: the bodies that are drawn by chance, those that are sent once, and how a body of parts
is laid out.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from scripts.api.corpus import ALL, DICOM, GOOD, MALFORMED, MAX_INSTANCES, OTHER_TYPE, OTHERS, RUN_LENGTHS, Entry
from scripts.api.objects import CAPTURE, REPORT, SEGMENTATION

FORM = "multipart/form-data"
RELATED = "multipart/related"
RAW = [*GOOD, "application/octet-stream"]
OBJECTS = {"dicom-seg": SEGMENTATION, "dicom-sc": CAPTURE, "dicom-sr": REPORT}
FORMATS = ["json", "png", "overlay", "film", *OBJECTS]
DRAWN = 60

# Schemathesis draws no `Accept`, so that only these are sent, and its client's own; each with the format that it
# chooses.
ACCEPTED = {
    "*/*": "json",
    "image/png": "png",
    DICOM: "dicom-seg",
    f'{RELATED}; type="{DICOM}"': "dicom-seg",
    "text/html": "none",
}
Example = tuple[Any, ...]
"""Media type, body, query and, where there are any, headers."""

BOUNDARY = "the-next-instance"
INSTANCES = f'{RELATED}; type="{DICOM}"; boundary={BOUNDARY}'
MISLABELLED = {
    f"{RELATED}; boundary={BOUNDARY}": OTHER_TYPE,
    f'{RELATED}; type="image/png"; boundary={BOUNDARY}': OTHER_TYPE,
    f'{RELATED}; type="{DICOM}"': MALFORMED,
}


# The plainest value of a strategy is the first of its first branch, and some phases send only that one.


def files(good: Sequence[Entry], others: Sequence[Entry]) -> Any:
    drawn = [st.sampled_from([entry.data for entry in entries]) for entries in (good, good, others)]
    return st.one_of(*drawn, st.binary(max_size=64))


def related(files: Sequence[bytes], kind: str | None = DICOM) -> bytes:
    """Returns a body of several files, each said to be of that kind, or of none."""
    head = "Content-Location: film.dcm" if kind is None else f"Content-Type: {kind}"
    start = f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode()
    return b"".join(start + file + b"\r\n" for file in files) + f"--{BOUNDARY}--\r\n".encode()


def parts_of(body: bytes, boundary: str) -> list[tuple[str | None, bytes]]:
    """Returns the (media type, bytes) of each part of a body that is laid out as `related` does it."""
    return [(headers.get("content-type"), data) for headers, data in headed_parts(body, boundary)]


def headed_parts(body: bytes, boundary: str) -> list[tuple[dict[str, str], bytes]]:
    """Returns the (headers, bytes) of each part; headers by their names in lower case."""
    delimiter = b"\r\n--" + boundary.encode()
    start, *parts, end = (b"\r\n" + body).split(delimiter)
    assert start == b"" and end.rstrip(b"\r\n") == b"--", (
        f"a body of parts begins with {body[:40]!r} and ends with {end[:40]!r}"
    )
    divided = [part.partition(b"\r\n\r\n") for part in parts]
    return [(headers_in(head.decode()), data) for head, _, data in divided]


def headers_in(head: str) -> dict[str, str]:
    lines = (line.partition(": ") for line in head.splitlines() if line)
    return {name.lower(): value for name, _, value in lines}


def bodies() -> Iterator[tuple[str, Any]]:
    """Yields a strategy for each media type."""
    for kind, images in GOOD.items():
        yield kind, files(images, OTHERS)
    yield "application/octet-stream", files(list(itertools.chain(*GOOD.values())), OTHERS)
    yield "application/json", files(RUN_LENGTHS[:3], RUN_LENGTHS)
    # A bad instance spoils its body, so that there must be few of them.
    few_bad = st.one_of(*[files(GOOD[DICOM], GOOD[DICOM])] * 3, files(GOOD[DICOM], OTHERS))
    yield RELATED, st.lists(few_bad, min_size=1, max_size=3).map(related)


def every_example() -> list[Example]:
    """Returns the (media type, body, query, headers or none) of what is sent besides what chance draws."""
    return [
        *every_format(),
        *every_file(),
        *every_object(),
        *several_instances(),
        *other_headers(),
        *other_forms(),
        *by_lot(),
    ]


def every_format() -> list[Example]:
    film, scanned = GOOD["image/png"][0].data, GOOD[DICOM][0].data
    bodies: list[tuple[str, Any]] = [(kind, GOOD[kind][0].data if kind in GOOD else scanned) for kind in RAW]
    bodies += [(FORM, {"image": image, "ground_truth": RUN_LENGTHS[0].data}) for image in (film, scanned)]
    bodies += [(FORM, {"image": scanned}), (RELATED, related([scanned]))]
    return [(kind, body, {"format": format}) for kind, body in bodies for format in FORMATS]


def every_file() -> Iterator[Example]:
    film = GOOD["image/png"][0].data
    for entry in ALL:
        yield "application/octet-stream", entry.data, {"rle": "counts"}
        yield FORM, {"image": film, "ground_truth": entry.data}, {"reference": "echo"}
        if entry.as_film:
            yield FORM, {"image": entry.data}, {}
    for entry in GOOD["image/png"]:
        yield "image/png", entry.data, {"format": "png"}


def every_object() -> Iterator[Example]:
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


def several_instances() -> Iterator[Example]:
    good, bad = ([entry.data for entry in entries] for entries in (GOOD[DICOM], OTHERS))
    bodies = [
        related(good[:3]),
        related(good[-3:], None),
        related([*good[:2], bad[-1]]),
        related([b"", good[0]]),
        related([]),
    ]
    yield from [(RELATED, body, {"format": format}) for body in bodies for format in ("json", "dicom-seg")]
    for format in FORMATS:
        yield RELATED, related(good[:2]), {"format": format}
    yield RELATED, related(good[:1] * MAX_INSTANCES), {}
    yield RELATED, related(good[:1] * (MAX_INSTANCES + 1)), {}
    yield RELATED, related([GOOD["image/png"][0].data], "image/png"), {}
    yield RELATED, b"", {}


def other_headers() -> Iterator[Example]:
    for accept in ACCEPTED:
        for kind in ("image/png", DICOM):
            yield kind, GOOD[kind][0].data, {}, {"Accept": accept}
        yield RELATED, related([GOOD[DICOM][0].data]), {}, {"Accept": accept}
    for kind in MISLABELLED:
        yield RELATED, related([GOOD[DICOM][0].data]), {}, {"Content-Type": kind}


def other_forms() -> Iterator[Example]:
    film = GOOD["image/png"][0].data
    for body in [{"ground_truth": film}, {"image": [film, film]}, {"image": film, "mask": film}]:
        yield FORM, body, {}


def by_lot() -> Iterator[Example]:
    """Hypothesis likes to send one body again with another header; here all of a request is drawn anew each time."""
    lot = random.Random(DRAWN)
    several: dict[str, list[Any]] = {
        "threshold": [0.2, 0.5, 0.8],
        "rle": ["compressed", "counts"],
        "segmentation": ["binary", "fractional"],
        "uids": ["random", "derived"],
        "reference": ["compare", "echo"],
    }
    for _ in range(DRAWN):
        query = {name: lot.choice(values) for name, values in several.items() if lot.random() < 0.5}
        files = [entry.data for entry in lot.choices(GOOD[DICOM], k=lot.randint(1, 3))]
        if lot.random() < 0.2:
            files[-1] = lot.choice(OTHERS).data
        choices: list[tuple[str, Any]] = [(DICOM, files[-1]), (FORM, {"image": files[-1]}), (RELATED, related(files))]
        kind, body = lot.choice(choices)
        yield kind, body, {"format": lot.choice(FORMATS), **query}
