"""Has dicom3tools and DCMTK check the DICOM objects that lungfield-serve writes, and sends it what DCMTK has
compressed.

    python -m scripts.dicom.validate --server target/release/lungfield-serve --phantom target/release/lungfield-phantom

Needs the packages of scripts/dicom/requirements.txt; of Debian dicom3tools and dcmtk. Each of these is installed
where that is possible; else the claims that need it are skipped, and the test says so. dciodvfy judges each object of
ours beside the one that highdicom makes of the same film. The test fails where one of ours has an error that the
other does not have and that PERMITTED does not explain.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import highdicom
import numpy as np
import pydicom
from highdicom.sr.coding import CodedConcept
from pydicom import uid
from pydicom.sr.codedict import codes

from scripts.common.claims import Claims, Findings, RemarkedFindings
from scripts.common.command_line import parser
from scripts.common.phantoms import Kind
from scripts.common.repository import ROOT
from scripts.dicom.client import Service
from scripts.dicom.context import LEAST_DICE, NAMES, one_lung
from scripts.dicom.films import CR, Film, as_file, dice, dicom, draw, grey, new_uid, wrap
from scripts.dicom.objects import groups_of
from scripts.dicom.references import halves, reference

SIZE = (447, 511)
HIGHDICOM = {"series_number": 9, "instance_number": 1, "manufacturer": "Lungfield"}

# Errors of dciodvfy that are allowed: what its line holds, and the clause by which the object is right.
PERMITTED: dict[str, str] = {}

# What DCMTK's encoders are asked for: its program and flags, the phantom's bits, and whether the server has to read it.
ENCODERS = [
    ("dcmcjpeg +eb +q 98", 8, True),
    ("dcmcjpeg +ee +q 98", 8, True),
    ("dcmcjpeg +ee +bt +q 98", 12, False),
    ("dcmcjpeg +es", 8, False),
    ("dcmcjpeg +ep", 8, False),
    *[(f"dcmcjpeg {process}", bits, True) for process in ("+e1", "+el") for bits in (8, 12, 16)],
    *[(f"dcmcjpeg +el +sv {predictor}", 12, True) for predictor in (2, 3, 4, 5, 7)],
    *[("dcmcrle", bits, True) for bits in (8, 12, 16)],
    ("dcmcjpls", 12, False),
    *[(f"dcmconv {syntax}", 12, True) for syntax in ("+ti", "+te", "+tb", "+td")],
    *[(f"dcmconv {lengths}", 12, True) for lengths in ("+te -e", "+ti +e", "-F +ti", "-F +te")],
]


def debian(program: str, package: str) -> bool:
    """Returns whether a program of Debian's is there, or can be installed."""
    command = ["sh", str(ROOT / "scripts" / "debian.sh"), program, package]
    return subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0


def run(*command: object) -> tuple[bool, str]:
    """Returns what a program prints, and whether it was content."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace", timeout=60)
    return done.returncode == 0, done.stdout + done.stderr


class Context:
    """The server, its films, and the objects that it and highdicom made of them, as files."""

    def __init__(self, service: Service, phantom: Path, folder: Path) -> None:
        self.service, self.folder = service, folder
        self.films = {bits: draw(phantom, folder, seed, Kind(*SIZE, bits)) for seed, bits in enumerate((8, 12, 16), 1)}
        film = self.films[12]
        inverted = film._replace(pixels=4095 - film.pixels)
        # Neither DCMTK on glibc nor highdicom's writers know ISO 2022; check.py has a film in it.
        charset, name = NAMES["ISO_IR 192"]
        self.sources = {
            "DX": dicom(film),
            "DX, MONOCHROME1": dicom(inverted, photometric="MONOCHROME1"),
            "DX, one lung": dicom(one_lung(film)),
            "DX, UTF-8": dicom(film, SpecificCharacterSet=charset, PatientName=name),
            "CR without spacing": computed(film),
            "CR, implicit": as_file(computed_dataset(film), uid.ImplicitVRLittleEndian),
        }

    def save(self, name: str, content: bytes) -> Path:
        path = self.folder / f"{re.sub(r'[^A-Za-z0-9]+', '-', name)}.dcm"
        path.write_bytes(content)
        return path

    def ours(self) -> Iterator[tuple[str, str, Path]]:
        """Yields every kind of object of every source: (what it is, the source's name, how it was asked for, the
        file).
        """
        for name, source in self.sources.items():
            for query in QUERIES:
                answer = self.service.ask(source, **query).good()
                kind = " ".join(query.values())
                yield name, kind, self.save(f"{kind} of {name}", answer.body)


QUERIES: list[dict[str, Any]] = [
    {"format": "dicom-seg"},
    {"format": "dicom-seg", "segmentation": "fractional"},
    {"format": "dicom-sc"},
    {"format": "dicom-sr"},
]


# What a digital radiograph says of itself, and a computed one does not.
DIGITAL_ONLY = [
    "PresentationIntentType",
    "DetectorType",
    "PositionerType",
    "ImagerPixelSpacing",
    "ViewCodeSequence",
    "AnatomicRegionSequence",
    "PixelIntensityRelationship",
    "PixelIntensityRelationshipSign",
    "AcquisitionContextSequence",
    "PresentationLUTShape",
    "ImageLaterality",
]


def computed_dataset(film: Film) -> Any:
    """Returns a computed radiograph, which says less of itself."""
    without: dict[str, Any] = dict.fromkeys(DIGITAL_ONLY)
    return wrap(film.pixels, film.bits, sop_class=CR, **without)


def computed(film: Film) -> bytes:
    return as_file(computed_dataset(film))


# What highdicom makes of the same film.


def by_highdicom(context: Context, name: str, kind: str) -> Path:
    source = pydicom.dcmread(io.BytesIO(context.sources[name]))
    answer = context.service.ask(context.sources[name]).json()
    if kind.startswith("dicom-seg"):
        masks = dict(list(halves(context.films[12].mask).items())[: len(answer["lungs"])])
        content = reference(source, masks, "FRACTIONAL" if "fractional" in kind else "BINARY")
    else:
        made = capture(source) if kind == "dicom-sc" else report(source, answer["lungs"])
        file = io.BytesIO()
        made.save_as(file, enforce_file_format=True)
        content = file.getvalue()
    return context.save(f"highdicom {kind} of {name}", content)


def capture(source: Any) -> Any:
    return highdicom.sc.SCImage.from_ref_dataset(
        source,
        pixel_array=np.zeros((source.Rows, source.Columns, 3), np.uint8),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),
        series_instance_uid=new_uid(),
        sop_instance_uid=new_uid(),
        transfer_syntax_uid=uid.ExplicitVRLittleEndian,
        **HIGHDICOM,
    )


def report(source: Any, lungs: list[dict[str, Any]]) -> Any:
    device = highdicom.sr.DeviceObserverIdentifyingAttributes(uid=new_uid(), name="Lungfield")
    observer = highdicom.sr.ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=device)
    groups = []
    for lung in lungs:
        unit = codes.UCUM.SquareMillimeter if "area_mm2" in lung else CodedConcept("{pixels}", "UCUM", "pixels")
        area = highdicom.sr.Measurement(name=codes.SCT.Area, value=lung.get("area_mm2", lung["area_px"]), unit=unit)
        side = codes.SCT.Right if lung["side"] == "right" else codes.SCT.Left
        group = highdicom.sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=highdicom.sr.TrackingIdentifier(uid=new_uid(), identifier=f"{lung['side']} lung"),
            finding_sites=[highdicom.sr.FindingSite(anatomic_location=codes.SCT.Lung, laterality=side)],
            measurements=[area],
        )
        groups.append(group)
    content = highdicom.sr.MeasurementReport(
        observation_context=highdicom.sr.ObservationContext(observer_device_context=observer),
        procedure_reported=CodedConcept("399208008", "SCT", "Plain chest X-ray"),
        imaging_measurements=groups,
    )
    ids = {"series_instance_uid": new_uid(), "sop_instance_uid": new_uid()}
    return highdicom.sr.ComprehensiveSR(evidence=[source], content=content, **ids, **HIGHDICOM)


# dicom3tools.


def errors(path: Path) -> set[str]:
    """Returns what dciodvfy calls an error, without the numbers of items, which are not the same in two objects."""
    _, said = run("dciodvfy", "-new", path)
    if "Error" not in said and len(said.splitlines()) < 1:
        raise RuntimeError(f"dciodvfy says nothing of {path.name}")
    return {re.sub(r"\[\d+\]", "[]", line) for line in said.splitlines() if line.startswith("Error")}


def sources_are_valid(context: Context) -> Findings:
    """dciodvfy finds no error in the films that are sent, and does find one in a film that lacks what it has to have"""
    for name, source in context.sources.items():
        found = errors(context.save(name, source))
        if found and not name.startswith("CR"):
            yield f"{name}: {sorted(found)}"
    if not errors(context.save("without", dicom(context.films[12], DetectorType=None))):
        yield "dciodvfy does not find what it is to find"


def objects_are_as_valid_as_highdicoms(context: Context) -> RemarkedFindings:
    """dciodvfy finds no error in our objects that highdicom's do not have"""
    count, used = 0, set()
    for name, kind, path in context.ours():
        count += 1
        more = errors(path) - errors(by_highdicom(context, name, kind))
        permitted = {line for line in more for part in PERMITTED if part in line}
        used |= {part for part in PERMITTED for line in more if part in line}
        for line in sorted(more - permitted):
            yield f"{kind} of {name}: {line}"
    for part in PERMITTED.keys() - used:
        yield f"PERMITTED explains what is not found any more: {part}"
    return f"{count} objects"


def objects_and_films_agree(context: Context) -> Findings:
    """dcentvfy finds that our objects and the film that they were made of agree on patient, study, series and
    equipment
    """
    for name, source in context.sources.items():
        answers = [context.service.ask(source, **query).good().body for query in QUERIES]
        paths = [context.save(f"set {number}", content) for number, content in enumerate([source, *answers])]
        _, said = run("dcentvfy", *paths)
        for line in said.splitlines():
            if line.startswith("Error"):
                yield f"{name}: {line}"


# DCMTK.


def complaints(said: str) -> list[str]:
    """Returns what DCMTK finds fault with, but for what it says of itself: that it can't check names in UTF-8."""
    lines = [line for line in said.splitlines() if line.startswith(("W:", "E:", "F:"))]
    return [line for line in lines if "The VR checker does not support this Specific Character Set" not in line]


def dcmtk_reads_our_objects(context: Context) -> Findings:
    """dcmdump, dcm2xml and dcm2json read every object of ours without a word of warning, and dcm2json says what
    pydicom says
    """
    for name, kind, path in context.ours():
        for command in (["dcmdump", "+E"], ["dcm2xml"], ["dcm2json"]):
            content, said = run(*command, path)
            if not content or complaints(said):
                yield f"{command[0]}, {kind} of {name}: {complaints(said)[:3]}"
        parsed, written = json.loads(said), pydicom.dcmread(path)
        instance, patient = parsed["00080018"]["Value"], parsed["00100010"]["Value"][0]["Alphabetic"]
        if (instance, patient) != ([written.SOPInstanceUID], str(written.PatientName)):
            yield f"dcm2json, {kind} of {name}: {instance}, {patient}"


def dcmtk_reads_our_reports(context: Context) -> Findings:
    """dsrdump reads our reports, as ones of TID 1500, with the areas"""
    for name, source in context.sources.items():
        answer = context.service.ask(source, format="dicom-sr")
        content, said = run("dsrdump", "+Pc", "+Pu", context.save(f"report of {name}", answer.good().body))
        if not content or complaints(said) or "Imaging Measurement Report" not in said:
            yield f"{name}: {complaints(said) or said[:300]}"
        numbers = [float(number) for number in re.findall(r'NUM:.*?="([0-9.eE+-]+)"', said)]
        areas = [area for area, *_ in groups_of(answer.object()).values()]
        if sorted(numbers) != sorted(areas):
            yield f"{name}: areas {areas}, dsrdump says {numbers}"


def dcmtk_draws_our_captures(context: Context) -> Findings:
    """dcmj2pnm draws our secondary captures as the server draws the overlay"""
    for name in ("DX", "CR without spacing"):
        path = context.save("capture", context.service.ask(context.sources[name], format="dicom-sc").good().body)
        picture = context.folder / "capture.ppm"
        content, said = run("dcmj2pnm", "+op", path, picture)
        overlay = grey(context.service.ask(context.sources[name], format="overlay").good().body)
        if not content or not np.array_equal(grey(picture.read_bytes()), overlay):
            yield f"{name}: {said[:300] or 'other pixels'}"


def dcmtk_encodes_films(context: Context) -> RemarkedFindings:
    """what DCMTK has compressed or written anew has the mask of the PNG, or is refused as undecodable_image where it
    may be
    """
    masks = {
        bits: context.service.ask(film.png, "image/png", format="png").mask() for bits, film in context.films.items()
    }
    scores, refused = [], []
    for command, bits, must_be_read in ENCODERS:
        source, encoded = context.save("plain", dicom(context.films[bits])), context.folder / "encoded.dcm"
        encoded.unlink(missing_ok=True)
        content, said = run(*command.split(), source, encoded)
        if not content:
            yield f"{command}, {bits} bits: {said[:300]}"
            continue
        answer = context.service.ask(encoded.read_bytes(), format="png")
        if answer.status == 200:
            scores.append(dice(answer.mask(), masks[bits]))
            if not scores[-1] > LEAST_DICE:
                yield f"{command}, {bits} bits: Dice {scores[-1]:.5f}"
        elif must_be_read or (answer.status, answer.code) != (422, "undecodable_image"):
            yield f"{command}, {bits} bits: {answer.status} {answer.body[:300]!r}"
        else:
            refused.append(command)
    return f"{len(scores)} read, least Dice {min(scores):.5f}; refused: {', '.join(refused) or 'none'}"


BY_DICOM3TOOLS = [sources_are_valid, objects_are_as_valid_as_highdicoms, objects_and_films_agree]
BY_DCMTK = [dcmtk_reads_our_objects, dcmtk_reads_our_reports, dcmtk_draws_our_captures, dcmtk_encodes_films]


def available() -> Iterator[Callable[..., Findings]]:
    """Yields the claims that can be checked on this machine. Those that can't are said to be skipped."""
    for program, package, claims in [("dciodvfy", "dicom3tools", BY_DICOM3TOOLS), ("dcmcjpeg", "dcmtk", BY_DCMTK)]:
        if debian(program, package):
            version = run("dpkg-query", "--show", package)[1].split()
            print(" ".join(version), flush=True)
            yield from claims
        else:
            print(f"{package} is not there: {len(claims)} claims are skipped", flush=True)


def main() -> int:
    arguments = parser(__doc__, "server", "phantom").parse_args()
    started = time.monotonic()
    chosen, claims = list(available()), Claims()
    with (
        tempfile.TemporaryDirectory(prefix="lungfield-dicom-validate-") as folder,
        Service(arguments.server) as service,
    ):
        claims.check_all(chosen, Context(service, arguments.phantom, Path(folder)))
    print(f"the validation took {time.monotonic() - started:.0f} s")
    return claims.exit_code() if chosen else 0


if __name__ == "__main__":
    sys.exit(main())
