#!/usr/bin/env python3
"""A real Orthanc, a real server and deploy/orthanc/lungfield_hook.py between them: films come by C-STORE, masks lie beside them.

    python scripts/orthanc_test.py --server target/release/lungfield-serve --phantom target/release/lungfield-phantom

Needs Orthanc and storescu (Debian: apt install orthanc orthanc-dicomweb dcmtk), and the packages of scripts/requirements-dicom-test.txt.
Orthanc runs with deploy/orthanc/orthanc.json, but for folders, ports and a user. Without its DICOMweb plugin the claims on DICOMweb are
skipped, and it says so. A line for each claim; it fails where one does not hold. Everything is asked for until it is there, and nothing
waits for a fixed time.
"""

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
from dicom_films import CR, CT, DX_FOR_PROCESSING, RELATED, SECONDARY_CAPTURE, Claims, as_file, new_uid, wrap
from orthanc_world import ORTHANC, PATIENT, SEGMENTATION, Film, World, wait_until
from pydicom import uid

SR = "1.2.840.10008.5.1.4.1.1.88.33"


def mask_of(file):
    """All segments of a Segmentation as one mask."""
    segmentation = pydicom.dcmread(io.BytesIO(file))
    frames = np.reshape(segmentation.pixel_array, (-1, segmentation.Rows, segmentation.Columns))
    return frames.any(axis=0)


def series_of(study, modality):
    return f"/dicom-web/studies/{study}/series?Modality={modality}"


def qido(world, study, modality="SEG"):
    answer = world.orthanc.ask(series_of(study, modality), Accept="application/dicom+json").good()
    return [found["0020000E"]["Value"][0] for found in json.loads(answer.body)]


def wado(world, path):
    """What WADO-RS gives, and its media type with the boundary."""
    return world.orthanc.ask(f"/dicom-web/studies/{path}", Accept=f"{RELATED}; transfer-syntax=*").good()


# The claims, in the order in which they are tried. What one yields is wrong; what it returns is a remark.


def stored_films_get_masks(world):
    """a DX, a CR and a compressed DX that come by C-STORE each get one Segmentation, in their own study"""
    world.films = [world.film(), world.film(12, sop_class=CR), world.film(12, uid.JPEGLosslessSV1)]
    world.orthanc.send(*world.films[:2])
    world.orthanc.send(world.films[2], options=["--propose-lossless"])
    for film in world.films:
        made = world.wait_for_mask(film)
        parents = [world.orthanc.json(f"/instances/{which}/study")["ID"] for which in (made, world.orthanc.id_of(film))]
        if len(set(parents)) != 1:
            yield "the Segmentation is in a study of its own"
    patients = world.orthanc.json("/statistics")["CountPatients"]
    if patients != 1:
        yield f"there are {patients} patients now"


def masks_are_the_servers(world):
    """read back from Orthanc, each is the server's PNG mask of that film, pixel for pixel"""
    pixels = 0
    for film in world.films:
        mask = world.segment(film.file, format="png").mask()
        stored = mask_of(world.orthanc.ask(f"/instances/{world.wait_for_mask(film)}/file").good().body)
        if mask.shape != stored.shape or not mask.any() or (mask != stored).any():
            yield f"a mask of {mask.shape} differs from what is stored, of {stored.shape}"
        pixels += mask.size
    return f"{pixels} pixels"


def qido_finds_them(world):
    """QIDO-RS lists the Segmentation's series under the film's study, and WADO-RS gives the same mask"""
    for film in world.films:
        found = qido(world, film.study)
        if len(found) != 1 or film.series in found:
            yield f"QIDO-RS lists {len(found)} series of modality SEG"
            continue
        parts = wado(world, f"{film.study}/series/{found[0]}").parts()
        mask = world.segment(film.file, format="png").mask()
        if len(parts) != 1 or (mask_of(parts[0].body) != mask).any():
            yield "WADO-RS gives another mask"


def others_are_passed_over(world):
    """a CT, a hand and a secondary capture that calls itself DX are passed over, and it is said for which attribute"""
    reasons = {"its SOP class": world.film(sop_class=CT), "BodyPartExamined": world.film(BodyPartExamined="HAND")}
    picture = world.film(sop_class=SECONDARY_CAPTURE, Modality="DX")
    world.orthanc.send(*reasons.values(), picture)
    for reason, film in [*reasons.items(), ("its SOP class", picture)]:
        world.hook.wait_for(f"{world.orthanc.id_of(film)} is passed over for {reason}")
        if world.orthanc.find(film.study):
            yield f"there is a Segmentation all the same, where {reason} speaks against it"


def lateral_films_are_withheld(world):
    """of a lateral film and of one for processing nothing is stored, and the warning is in the log"""
    films = {"lateral_view": world.film(ViewPosition="LL"), "for_processing": world.film(sop_class=DX_FOR_PROCESSING)}
    world.orthanc.send(*films.values())
    for warning, film in films.items():
        (line,) = world.hook.wait_for(f"{world.orthanc.id_of(film)}: ")[:1]
        if "withheld" not in line or warning not in line:
            yield f"the hook says: {line}"
        if world.orthanc.find(film.study):
            yield f"the result with the warning {warning} is stored"


def a_film_without_a_part_is_taken(world):
    """a film that says nothing of the part that it shows is taken"""
    film = world.film(BodyPartExamined=None, AnatomicRegionSequence=None)
    world.orthanc.send(film)
    world.wait_for_mask(film)
    yield from ()


def a_bad_film_is_given_up_once(world):
    """a film that the server refuses is given up, which is said once, and the next one is served"""
    pixels = np.tile(np.arange(64, dtype=np.uint8), (2, 48, 1))
    bad = Film(as_file(wrap(pixels, 8, NumberOfFrames=2, **PATIENT)))
    good = world.film()
    world.orthanc.send(bad, good)
    world.wait_for_mask(good)
    said = world.hook.lines(f"{world.orthanc.id_of(bad)} is given up")
    if len(said) != 1 or not said[0].endswith("Lungfield answered 422 several_frames"):
        yield f"the hook said {said}"


def lungfield_may_be_away(world):
    """films that come while Lungfield is down get their masks when it is back"""
    films = [world.film(), world.film()]
    world.lungfield.leave()
    try:
        world.orthanc.send(*films)
        world.hook.wait_for("Lungfield can't be reached", 2)
        if any(world.orthanc.find(film.study) for film in films):
            yield "there were masks without Lungfield"
    finally:
        world.lungfield.start()
        world.lungfield.wait_ready()
    for film in films:
        world.wait_for_mask(film)


def orthanc_may_be_away(world):
    """Orthanc is stopped and started again, and the hook goes on"""
    world.orthanc.stop()
    try:
        world.hook.wait_for("Orthanc can't be reached")
    finally:
        world.orthanc.start()
    film = world.film()
    world.orthanc.send(film)
    world.wait_for_mask(film)
    yield from ()


def the_hook_may_be_killed(world):
    """the hook is killed with a film in hand, and films come while it is gone: each has one mask in the end"""
    films = [world.film() for _ in range(3)]
    world.orthanc.send(*films[:2])
    wait_until("the first mask", lambda: any(world.orthanc.find(film.study) for film in films))
    world.hook.process.kill()
    world.hook.process.wait()
    world.orthanc.send(films[2])
    world.hook.start()
    for film in films:
        world.wait_for_mask(film)
    yield from ()


def a_wrong_key_loses_nothing(world):
    """with a wrong key the hook ends with code 1; with the right one the film gets its mask"""
    world.hook.stop()
    film = world.film()
    world.orthanc.send(film)
    (world.folder / "wrong").write_text("another key\n")
    code = world.hook.run_once("--api-key-file", str(world.folder / "wrong"))
    if code != 1 or not world.hook.lines("Lungfield answered 401 unauthorized"):
        yield f"with a wrong key it ended with code {code}"
    if world.hook.run_once():
        yield f"with the right key it ended with code {world.hook.process.returncode}"
    world.wait_for_mask(film)


def running_it_again_changes_nothing(world):
    """run over the whole archive again, the hook stores nothing that is not there"""
    before, count = world.orthanc.count(), len(world.hook.lines("AlreadyStored"))
    code = world.hook.run_once("--state", str(world.folder / "again.json"))
    repeated = len(world.hook.lines("AlreadyStored")) - count
    if code or world.orthanc.count() != before:
        yield f"it ended with code {code}; instances: {before} before, {world.orthanc.count()} now"
    if repeated < 10:
        yield f"only {repeated} results were there already"
    return f"{repeated} films, {before} instances"


def other_formats_lie_beside(world):
    """asked for all formats, it stores a picture and a report beside the mask that is there"""
    code = world.hook.run_once("--state", str(world.folder / "formats.json"), "--formats", "dicom-seg,dicom-sc,dicom-sr")
    if code:
        yield f"it ended with code {code}"
    for film in world.films:
        counts = [len(world.orthanc.find(film.study, kind)) for kind in (SEGMENTATION, SECONDARY_CAPTURE, SR)]
        if counts != [1, 1, 1]:
            yield f"beside a film are {counts} Segmentations, pictures and reports"
    before = world.orthanc.count()
    code = world.hook.run_once()
    if code or world.orthanc.count() != before:
        yield "the hook was set off by results of its own"


def wado_goes_in_and_stow_comes_out(world):
    """a series by WADO-RS is a body that Lungfield takes, and its answer is a body that STOW-RS takes, both as they are"""
    same = {"StudyInstanceUID": new_uid(), "SeriesInstanceUID": new_uid()}
    films = [world.film(**same), world.film(**same)]
    world.orthanc.send(*films)
    series = wado(world, f"{films[0].study}/series/{films[0].series}")
    made = world.segment(series.body, series.headers["Content-Type"], format="dicom-seg").good()
    stored = world.orthanc.ask("/dicom-web/studies", made.body, Content_Type=made.headers["Content-Type"], Accept="application/dicom+json")
    referenced = json.loads(stored.good().body).get("00081199", {}).get("Value", [])
    if len(referenced) != 2:
        yield f"STOW-RS took {len(referenced)} of 2 objects: {stored.body[:300]!r}"
    segmentations = [world.orthanc.ask(f"/instances/{found}/file").good().body for found in world.orthanc.find(films[0].study)]
    masks = sorted(world.segment(film.file, format="png").mask().tobytes() for film in films)
    if sorted(mask_of(file).tobytes() for file in segmentations) != masks:
        yield f"the {len(segmentations)} stored masks are not those of the two films"
    return f"{len(series.body)} bytes in, {len(made.body)} bytes out"


def nothing_of_a_header_is_told(world):
    """neither the hook's log nor its place nor the server's log has a patient's name or number or a UID"""
    told = [world.hook.log.read_text(), *(path.read_text() for path in world.folder.glob("*.json*")), *world.lungfield.log]
    secrets = [*PATIENT.values(), "Secretissima", *(getattr(film, name) for film in world.films for name in ("uid", "study", "series"))]
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


def try_all(arguments, folder):
    claims, world = Claims(), World(folder, arguments)
    try:
        world.start()
        failed = claims.try_all(CLAIMS, world)
        if "dicom-web" in world.plugins:
            failed = claims.try_all(DICOMWEB_CLAIMS, world)
        else:
            print("skipped: DICOMweb, since Orthanc has no such plugin (Debian: apt install orthanc-dicomweb)")
        if failed:
            print("\nthe end of the hook's log:", *world.hook.log.read_text().splitlines()[-40:], sep="\n  ")
    finally:
        world.close()
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", type=lambda path: Path(path).resolve(strict=True), required=True)
    parser.add_argument("--phantom", type=lambda path: Path(path).resolve(strict=True), required=True)
    arguments = parser.parse_args()
    missing = [name for name, path in (("Orthanc", ORTHANC), ("storescu", shutil.which("storescu"))) if not path]
    if missing:
        sys.exit(f"FAILED: there is no {' and no '.join(missing)} (Debian: apt install orthanc orthanc-dicomweb dcmtk)")
    # An end from outside is an end of everything that was started here.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("FAILED: stopped"))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lungfield-orthanc-test-") as folder:
        failed = try_all(arguments, Path(folder))
    print(f"the test with Orthanc took {time.monotonic() - started:.0f} s; {failed} claims failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
