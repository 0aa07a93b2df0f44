"""Tests deploy/orthanc/lungfield_hook.py between a real Orthanc and a real server: films come by C-STORE, masks are
stored beside them.

    python -m scripts.orthanc.check --server target/release/lungfield-serve --phantom target/release/lungfield-phantom

Needs Orthanc and storescu (Debian: apt install orthanc orthanc-dicomweb dcmtk), and the packages of
scripts/dicom/requirements.txt. Orthanc runs with deploy/orthanc/orthanc.json, but for folders, ports and a user.
Without its DICOMweb plugin the claims on DICOMweb are skipped, and the test says so. A line is printed for each
claim; the test fails where one does not hold. It asks until what it waits for is there, and never waits for a fixed
time.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pydicom
from pydicom import uid

from scripts.common.claims import Claims, Findings, RemarkedFindings
from scripts.common.command_line import parser
from scripts.dicom.client import RELATED, Answer
from scripts.dicom.films import CR, CT, DX_FOR_PROCESSING, SECONDARY_CAPTURE, Pixels, as_file, new_uid, wrap
from scripts.orthanc.context import ORTHANC, PATIENT, SEGMENTATION, Context, Film, wait_until

SR = "1.2.840.10008.5.1.4.1.1.88.33"


def mask_of(file: bytes) -> Pixels:
    """Returns all segments of a Segmentation as one mask."""
    segmentation = pydicom.dcmread(io.BytesIO(file))
    frames = np.reshape(segmentation.pixel_array, (-1, segmentation.Rows, segmentation.Columns))
    return frames.any(axis=0)


def series_of(study: str, modality: str) -> str:
    return f"/dicom-web/studies/{study}/series?Modality={modality}"


def qido(context: Context, study: str, modality: str = "SEG") -> list[str]:
    answer = context.orthanc.ask(series_of(study, modality), Accept="application/dicom+json").good()
    return [found["0020000E"]["Value"][0] for found in json.loads(answer.body)]


def wado(context: Context, path: str) -> Answer:
    """Returns what WADO-RS gives, and its media type with the boundary."""
    return context.orthanc.ask(f"/dicom-web/studies/{path}", Accept=f"{RELATED}; transfer-syntax=*").good()


# The claims, in the order in which they are tried. What one yields is wrong; what it returns is a remark.


def stored_films_get_masks(context: Context) -> Findings:
    """a DX, a CR and a compressed DX that come by C-STORE each get one Segmentation, in their own study"""
    context.films = [context.film(), context.film(12, sop_class=CR), context.film(12, uid.JPEGLosslessSV1)]
    context.orthanc.send(*context.films[:2])
    context.orthanc.send(context.films[2], options=["--propose-lossless"])
    for film in context.films:
        made = context.wait_for_mask(film)
        parents = [
            context.orthanc.json(f"/instances/{which}/study")["ID"] for which in (made, context.orthanc.id_of(film))
        ]
        if len(set(parents)) != 1:
            yield "the Segmentation is in a study of its own"
    patients = context.orthanc.json("/statistics")["CountPatients"]
    if patients != 1:
        yield f"there are {patients} patients now"


def masks_are_the_servers(context: Context) -> RemarkedFindings:
    """read back from Orthanc, each is the server's PNG mask of that film, pixel for pixel"""
    pixels = 0
    for film in context.films:
        mask = context.segment(film.file, format="png").mask()
        stored = mask_of(context.orthanc.ask(f"/instances/{context.wait_for_mask(film)}/file").good().body)
        if mask.shape != stored.shape or not mask.any() or (mask != stored).any():
            yield f"a mask of {mask.shape} differs from what is stored, of {stored.shape}"
        pixels += mask.size
    return f"{pixels} pixels"


def qido_finds_them(context: Context) -> Findings:
    """QIDO-RS lists the Segmentation's series under the film's study, and WADO-RS gives the same mask"""
    for film in context.films:
        found = qido(context, film.study)
        if len(found) != 1 or film.series in found:
            yield f"QIDO-RS lists {len(found)} series of modality SEG"
            continue
        parts = wado(context, f"{film.study}/series/{found[0]}").parts()
        mask = context.segment(film.file, format="png").mask()
        if len(parts) != 1 or (mask_of(parts[0].body) != mask).any():
            yield "WADO-RS gives another mask"


def others_are_passed_over(context: Context) -> Findings:
    """a CT, a hand and a secondary capture that calls itself DX are passed over, and it is said for which attribute"""
    reasons = {"its SOP class": context.film(sop_class=CT), "BodyPartExamined": context.film(BodyPartExamined="HAND")}
    picture = context.film(sop_class=SECONDARY_CAPTURE, Modality="DX")
    context.orthanc.send(*reasons.values(), picture)
    for reason, film in [*reasons.items(), ("its SOP class", picture)]:
        context.hook.wait_for(f"{context.orthanc.id_of(film)} is passed over for {reason}")
        if context.orthanc.find(film.study):
            yield f"there is a Segmentation all the same, where {reason} speaks against it"


def lateral_films_are_withheld(context: Context) -> Findings:
    """of a lateral film and of one for processing nothing is stored, and the warning is in the log"""
    films = {
        "lateral_view": context.film(ViewPosition="LL"),
        "for_processing": context.film(sop_class=DX_FOR_PROCESSING),
    }
    context.orthanc.send(*films.values())
    for warning, film in films.items():
        (line,) = context.hook.wait_for(f"{context.orthanc.id_of(film)}: ")[:1]
        if "withheld" not in line or warning not in line:
            yield f"the hook says: {line}"
        if context.orthanc.find(film.study):
            yield f"the result with the warning {warning} is stored"


def a_film_without_a_part_is_taken(context: Context) -> Findings:
    """a film that says nothing of the part that it shows is taken"""
    film = context.film(BodyPartExamined=None, AnatomicRegionSequence=None)
    context.orthanc.send(film)
    context.wait_for_mask(film)
    yield from ()


def a_bad_film_is_given_up_once(context: Context) -> Findings:
    """a film that the server refuses is given up, which is said once, and the next one is served"""
    pixels = np.tile(np.arange(64, dtype=np.uint8), (2, 48, 1))
    bad = Film(as_file(wrap(pixels, 8, NumberOfFrames=2, **PATIENT)))
    good = context.film()
    context.orthanc.send(bad, good)
    context.wait_for_mask(good)
    said = context.hook.lines(f"{context.orthanc.id_of(bad)} is given up")
    if len(said) != 1 or not said[0].endswith("Lungfield answered 422 several_frames"):
        yield f"the hook said {said}"


def lungfield_may_be_away(context: Context) -> Findings:
    """films that come while Lungfield is down get their masks when it is back"""
    films = [context.film(), context.film()]
    context.lungfield.stop()
    try:
        context.orthanc.send(*films)
        context.hook.wait_for("Lungfield can't be reached", 2)
        if any(context.orthanc.find(film.study) for film in films):
            yield "there were masks without Lungfield"
    finally:
        context.lungfield.start()
        context.lungfield.wait_ready()
    for film in films:
        context.wait_for_mask(film)


def orthanc_may_be_away(context: Context) -> Findings:
    """Orthanc is stopped and started again, and the hook goes on"""
    context.orthanc.stop()
    try:
        context.hook.wait_for("Orthanc can't be reached")
    finally:
        context.orthanc.start()
    film = context.film()
    context.orthanc.send(film)
    context.wait_for_mask(film)
    yield from ()


def the_hook_may_be_killed(context: Context) -> Findings:
    """the hook is killed with a film in hand, and films come while it is gone: each has one mask in the end"""
    films = [context.film() for _ in range(3)]
    context.orthanc.send(*films[:2])
    wait_until("the first mask", lambda: any(context.orthanc.find(film.study) for film in films))
    context.hook.kill()
    context.orthanc.send(films[2])
    context.hook.start()
    for film in films:
        context.wait_for_mask(film)
    yield from ()


def a_wrong_key_loses_nothing(context: Context) -> Findings:
    """with a wrong key the hook ends with code 1; with the right one the film gets its mask"""
    context.hook.stop()
    film = context.film()
    context.orthanc.send(film)
    (context.folder / "wrong").write_text("another key\n")
    code = context.hook.run_once("--api-key-file", str(context.folder / "wrong"))
    if code != 1 or not context.hook.lines("Lungfield answered 401 unauthorized"):
        yield f"with a wrong key it ended with code {code}"
    if context.hook.run_once():
        yield f"with the right key it ended with code {context.hook.process.returncode}"
    context.wait_for_mask(film)


def running_it_again_changes_nothing(context: Context) -> RemarkedFindings:
    """run over the whole archive again, the hook stores nothing that is not there"""
    before, count = context.orthanc.count(), len(context.hook.lines("AlreadyStored"))
    code = context.hook.run_once("--state", str(context.folder / "again.json"))
    repeated = len(context.hook.lines("AlreadyStored")) - count
    if code or context.orthanc.count() != before:
        yield f"it ended with code {code}; instances: {before} before, {context.orthanc.count()} now"
    if repeated < 10:
        yield f"only {repeated} results were there already"
    return f"{repeated} films, {before} instances"


def other_formats_lie_beside(context: Context) -> Findings:
    """asked for all formats, it stores a picture and a report beside the mask that is there"""
    code = context.hook.run_once(
        "--state", str(context.folder / "formats.json"), "--formats", "dicom-seg,dicom-sc,dicom-sr"
    )
    if code:
        yield f"it ended with code {code}"
    for film in context.films:
        counts = [len(context.orthanc.find(film.study, kind)) for kind in (SEGMENTATION, SECONDARY_CAPTURE, SR)]
        if counts != [1, 1, 1]:
            yield f"beside a film are {counts} Segmentations, pictures and reports"
    before = context.orthanc.count()
    code = context.hook.run_once()
    if code or context.orthanc.count() != before:
        yield "the hook was set off by results of its own"


def wado_goes_in_and_stow_comes_out(context: Context) -> RemarkedFindings:
    """a series by WADO-RS is a body that Lungfield takes, and its answer is a body that STOW-RS takes, both as they
    are
    """
    same = {"StudyInstanceUID": new_uid(), "SeriesInstanceUID": new_uid()}
    films = [context.film(**same), context.film(**same)]
    context.orthanc.send(*films)
    series = wado(context, f"{films[0].study}/series/{films[0].series}")
    made = context.segment(series.body, series.headers["Content-Type"], format="dicom-seg").good()
    stored = context.orthanc.ask(
        "/dicom-web/studies", made.body, Content_Type=made.headers["Content-Type"], Accept="application/dicom+json"
    )
    referenced = json.loads(stored.good().body).get("00081199", {}).get("Value", [])
    if len(referenced) != 2:
        yield f"STOW-RS took {len(referenced)} of 2 objects: {stored.body[:300]!r}"
    segmentations = [
        context.orthanc.ask(f"/instances/{found}/file").good().body for found in context.orthanc.find(films[0].study)
    ]
    masks = sorted(context.segment(film.file, format="png").mask().tobytes() for film in films)
    if sorted(mask_of(file).tobytes() for file in segmentations) != masks:
        yield f"the {len(segmentations)} stored masks are not those of the two films"
    return f"{len(series.body)} bytes in, {len(made.body)} bytes out"


def nothing_of_a_header_is_told(context: Context) -> Findings:
    """neither the hook's log nor its place nor the server's log has a patient's name or number or a UID"""
    told = [
        context.hook.log.read_text(),
        *(path.read_text() for path in context.folder.glob("*.json*")),
        *context.lungfield.log,
    ]
    secrets = [
        *PATIENT.values(),
        "Secretissima",
        *(getattr(film, name) for film in context.films for name in ("uid", "study", "series")),
    ]
    for secret in secrets:
        if any(str(secret).lower() in text.lower() for text in told):
            yield f"{secret} is told"


CLAIMS = [
    stored_films_get_masks,
    masks_are_the_servers,
    others_are_passed_over,
    lateral_films_are_withheld,
    a_film_without_a_part_is_taken,
    a_bad_film_is_given_up_once,
    lungfield_may_be_away,
    orthanc_may_be_away,
    the_hook_may_be_killed,
    a_wrong_key_loses_nothing,
    running_it_again_changes_nothing,
    other_formats_lie_beside,
    nothing_of_a_header_is_told,
]
DICOMWEB_CLAIMS = [qido_finds_them, wado_goes_in_and_stow_comes_out]


def check_all(arguments: argparse.Namespace, folder: Path, claims: Claims) -> None:
    context = Context(folder, arguments)
    try:
        context.start()
        claims.check_all(CLAIMS, context)
        if "dicom-web" in context.plugins:
            claims.check_all(DICOMWEB_CLAIMS, context)
        else:
            print("skipped: DICOMweb, since Orthanc has no such plugin (Debian: apt install orthanc-dicomweb)")
        if claims.failed:
            print("\nthe end of the hook's log:", *context.hook.log.read_text().splitlines()[-40:], sep="\n  ")
    finally:
        context.close()


def main() -> int:
    arguments = parser(__doc__, "server", "phantom").parse_args()
    missing = [name for name, path in (("Orthanc", ORTHANC), ("storescu", shutil.which("storescu"))) if not path]
    if missing:
        sys.exit(f"FAILED: there is no {' and no '.join(missing)} (Debian: apt install orthanc orthanc-dicomweb dcmtk)")
    # An end from outside is an end of everything that was started here.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("FAILED: stopped"))
    started, claims = time.monotonic(), Claims()
    with tempfile.TemporaryDirectory(prefix="lungfield-orthanc-check-") as folder:
        check_all(arguments, Path(folder), claims)
    print(f"the test with Orthanc took {time.monotonic() - started:.0f} s")
    return claims.exit_code()


if __name__ == "__main__":
    sys.exit(main())
