"""What the Orthanc tests run and watch: an Orthanc with the shipped configuration, the hook, a server, and films."""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pydicom
from pydicom import uid

from scripts.common import waiting
from scripts.common.child import Child
from scripts.common.failure import Failure
from scripts.common.phantoms import Kind
from scripts.common.repository import ROOT
from scripts.common.server import SLEEPING_THREADS, Server
from scripts.common.substitution import substituted
from scripts.common.waiting import free_ports
from scripts.dicom.client import DICOM, Answer
from scripts.dicom.films import dicom, draw

SHIPPED = ROOT / "deploy/orthanc/orthanc.json"
HOOK = ROOT / "deploy/orthanc/lungfield_hook.py"
# Debian keeps Orthanc where an ordinary user does not look.
ORTHANC = shutil.which("Orthanc", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
SIZE = (384, 448)
LIMIT_S = 40
USER = "hook:of the test"
KEY = "a key of the test"
PATIENT = {"PatientName": "Secretissima^Phantom", "PatientID": "SECRET-4711", "AccessionNumber": "SECRET-0815"}
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"


def wait_until(what: str, ask: Callable[[], Any]) -> Any:
    """Returns what `ask` returns once that is something."""
    return waiting.wait_until(what, ask, LIMIT_S)


def ask(port: int, path: str, body: bytes | None = None, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    try:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


class Orthanc(Child):
    """Orthanc with the shipped configuration, its archive in a folder of the test."""

    def __init__(self, folder: Path, port: int, dicom_port: int) -> None:
        super().__init__()
        self.folder, self.port, self.dicom_port = folder, port, dicom_port
        text = substituted(SHIPPED.read_text(), "/var/lib/orthanc/db-v6", f"{folder}/archive", 2)
        text = substituted(text, r'("HttpPort": )8042', rf"\g<1>{self.port}")
        text = substituted(text, r'("DicomPort": )4242', rf"\g<1>{self.dicom_port}")
        name, _, password = USER.partition(":")
        text = substituted(text, r'// "hook": "[^"]*"', f'"{name}": "{password}"')
        self.configuration = folder / "orthanc.json"
        self.configuration.write_text(text)

    def start(self) -> None:
        with (self.folder / "orthanc.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(ORTHANC), str(self.configuration)], stdout=log, stderr=log, cwd=self.folder
            )
        wait_until("Orthanc listens", self.is_there)

    def is_there(self) -> bool:
        if not self.running:
            raise Failure("Orthanc ended:\n" + (self.folder / "orthanc.log").read_text()[-2000:])
        try:
            return self.ask("/system").status == 200
        except OSError:
            return False

    def stop(self) -> None:
        if self.running:
            self.process.terminate()
            self.process.wait(LIMIT_S)

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> Answer:
        return ask(self.port, path, body, Authorization="Basic " + base64.b64encode(USER.encode()).decode(), **headers)

    def json(self, path: str, body: Any = None) -> Any:
        return self.ask(path, None if body is None else json.dumps(body).encode()).json()

    def send(self, *films: Film, options: Sequence[str] = ()) -> None:
        """Sends films by C-STORE, as a modality does."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        for number, film in enumerate(films):
            (folder / f"{number}.dcm").write_bytes(film.file)
        command = ["storescu", "--aetitle", "PHANTOM", "--call", "ORTHANC", *options, "127.0.0.1", str(self.dicom_port)]
        done = subprocess.run(
            [*command, *map(str, sorted(folder.iterdir()))], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Failure(f"storescu ended with code {done.returncode}: {done.stderr[-500:]}")

    def id_of(self, film: Film) -> str | None:
        """Returns Orthanc's name of an instance, or None while it is not there."""
        return next(
            (
                found["ID"]
                for found in self.ask("/tools/lookup", film.uid.encode()).json()
                if found["Type"] == "Instance"
            ),
            None,
        )

    def find(self, study: str, sop_class: str = SEGMENTATION) -> list[str]:
        """Returns the ids of a study's instances of a class."""
        return sorted(
            self.json(
                "/tools/find", {"Level": "Instance", "Query": {"StudyInstanceUID": study, "SOPClassUID": sop_class}}
            )
        )

    def count(self) -> int:
        return self.json("/statistics")["CountInstances"]


class Film:
    """An object as a modality would send it."""

    def __init__(self, file: bytes) -> None:
        dataset = pydicom.dcmread(io.BytesIO(file), stop_before_pixels=True)
        self.file, self.uid = file, dataset.SOPInstanceUID
        self.study, self.series = dataset.StudyInstanceUID, dataset.SeriesInstanceUID


class Hook(Child):
    """The hook as a process, and what it says."""

    def __init__(self, folder: Path, orthanc: Orthanc, lungfield_port: int) -> None:
        super().__init__()
        self.folder, self.state, self.log = folder, folder / "place.json", folder / "hook.log"
        (folder / "user").write_text(USER + "\n")
        (folder / "key").write_text(KEY + "\n")
        self.command = [sys.executable, str(HOOK), "--verbose", "--interval", "0.1", "--begin", "start"]
        self.command += ["--orthanc", f"http://127.0.0.1:{orthanc.port}", "--orthanc-user-file", str(folder / "user")]
        self.command += ["--lungfield", f"http://127.0.0.1:{lungfield_port}", "--api-key-file", str(folder / "key")]

    def start(self, *flags: str) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([*self.command, "--state", str(self.state), *flags], stderr=log)

    def run_once(self, *flags: str) -> int:
        """Runs it to the end of Orthanc's log; returns its exit code."""
        self.start("--once", *flags)
        return self.process.wait(LIMIT_S)

    def stop(self) -> None:
        if self.running:
            self.process.terminate()
            code = self.process.wait(LIMIT_S)
            if code:
                raise Failure(f"the hook ended with code {code} on SIGTERM")

    def lines(self, words: str) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if words in line]

    def wait_for(self, words: str, times: int = 1) -> list[str]:
        def said() -> list[str] | None:
            found = self.lines(words)
            if not self.running and len(found) < times:
                raise Failure(f"the hook ended with code {self.process.returncode}:\n{self.log.read_text()[-2000:]}")
            return found if len(found) >= times else None

        return wait_until(f"the hook says {words!r}", said)


class Context:
    """Orthanc, the hook and the server, and the films between them."""

    def __init__(self, folder: Path, arguments: argparse.Namespace) -> None:
        self.folder, self.phantom, self.seed = folder, arguments.phantom, 0
        (folder / "keys").write_text(f"hook {hashlib.sha256(KEY.encode()).hexdigest()}\n")
        port, *ports = free_ports(3)
        self.lungfield_port = port
        # In 32 bits, since masks are compared.
        flags = [
            "--api-keys",
            str(folder / "keys"),
            "--drain-delay",
            "0s",
            "--log-format",
            "json",
            "--precision",
            "f32",
        ]
        self.lungfield = Server(
            [arguments.server, *flags],
            listen=f"127.0.0.1:{port}",
            metrics_listen="off",
            environment=SLEEPING_THREADS,
        )
        self.orthanc = Orthanc(folder, *ports)
        self.hook = Hook(folder, self.orthanc, port)
        self.films: list[Film] = []
        self.plugins: list[str] = []

    def start(self) -> None:
        self.lungfield.start()
        self.orthanc.start()
        self.plugins = self.orthanc.json("/plugins")
        self.lungfield.wait_ready()
        self.hook.start()

    def close(self) -> None:
        for end in (self.hook.stop, self.orthanc.stop, self.lungfield.close):
            try:
                end()
            except (Failure, OSError, subprocess.TimeoutExpired) as failure:
                print(f"at the end: {failure}")
        for child in (self.hook, self.orthanc):
            child.close()

    def film(self, bits: int = 8, syntax: Any = uid.ExplicitVRLittleEndian, **attributes: Any) -> Film:
        """Returns a phantom that nobody has seen yet, in a study of its own."""
        self.seed += 1
        drawn = draw(self.phantom, self.folder, self.seed, Kind(*SIZE, bits))
        return Film(dicom(drawn, syntax, **{**PATIENT, **attributes}))

    def segment(self, film_body: bytes, content_type: str = DICOM, **options: str) -> Answer:
        query = "&".join(f"{name}={value}" for name, value in options.items())
        headers = {"Content_Type": content_type, "Authorization": f"Bearer {KEY}"}
        return ask(self.lungfield_port, f"/v1/segment?{query}", film_body, **headers)

    def wait_for_mask(self, film: Film) -> str:
        """Returns the one Segmentation of a film's study, once it is there."""
        found = wait_until("a Segmentation lies beside the film", lambda: self.orthanc.find(film.study))
        if len(found) != 1:
            raise Failure(f"there are {len(found)} Segmentations beside the film")
        return found[0]
