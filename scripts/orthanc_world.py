"""What orthanc_test.py runs and watches: an Orthanc with the configuration that we ship, the hook, a server, and the films between them."""

import base64
import hashlib
import http.client
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pydicom
from dicom_films import DICOM, Answer, dicom, draw
from pydicom import uid
from replicas import Failure, Replica, free_ports

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "deploy/orthanc/orthanc.json"
HOOK = ROOT / "deploy/orthanc/lungfield_hook.py"
# Debian keeps Orthanc where an ordinary user does not look.
ORTHANC = shutil.which("Orthanc", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
SIZE = (384, 448)
LIMIT_S = 40
LOOK_EVERY_S = 0.05
USER = "hook:of the test"
KEY = "a key of the test"
PATIENT = {"PatientName": "Secretissima^Phantom", "PatientID": "SECRET-4711", "AccessionNumber": "SECRET-0815"}
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"


def wait_until(what, ask):
    """What `ask` returns, once that is something."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        found = ask()
        if found:
            return found
        time.sleep(LOOK_EVERY_S)
    raise Failure(f"{what}: not within {LIMIT_S} s")


def ask(port, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    try:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def substituted(text, pattern, replacement, times=1):
    """The text with every place changed, of which there must be as many as said: the test follows the shipped file."""
    changed, found = re.subn(pattern, replacement, text)
    if found != times:
        raise Failure(f"{SHIPPED} has {found} places like {pattern!r}, and not {times}")
    return changed


class Orthanc:
    """Orthanc with the shipped configuration, its archive in a folder of the test."""

    def __init__(self, folder, port, dicom_port):
        self.folder, self.port, self.dicom_port = folder, port, dicom_port
        text = substituted(SHIPPED.read_text(), "/var/lib/orthanc/db-v6", f"{folder}/archive", 2)
        text = substituted(text, r'("HttpPort": )8042', rf"\g<1>{self.port}")
        text = substituted(text, r'("DicomPort": )4242', rf"\g<1>{self.dicom_port}")
        name, _, password = USER.partition(":")
        text = substituted(text, r'// "hook": "[^"]*"', f'"{name}": "{password}"')
        self.configuration = folder / "orthanc.json"
        self.configuration.write_text(text)
        self.process = None

    def start(self):
        with (self.folder / "orthanc.log").open("ab") as log:
            self.process = subprocess.Popen([ORTHANC, str(self.configuration)], stdout=log, stderr=log, cwd=self.folder)
        wait_until("Orthanc listens", self.is_there)

    def is_there(self):
        if self.process.poll() is not None:
            raise Failure("Orthanc ended:\n" + (self.folder / "orthanc.log").read_text()[-2000:])
        try:
            return self.ask("/system").status == 200
        except OSError:
            return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(LIMIT_S)

    def ask(self, path, body=None, **headers):
        return ask(self.port, path, body, Authorization="Basic " + base64.b64encode(USER.encode()).decode(), **headers)

    def json(self, path, body=None):
        return self.ask(path, body if body is None else json.dumps(body)).json()

    def send(self, *films, options=()):
        """By C-STORE, as a modality does."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        for number, film in enumerate(films):
            (folder / f"{number}.dcm").write_bytes(film.file)
        command = ["storescu", "--aetitle", "PHANTOM", "--call", "ORTHANC", *options, "127.0.0.1", str(self.dicom_port)]
        done = subprocess.run([*command, *map(str, sorted(folder.iterdir()))], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(f"storescu ended with code {done.returncode}: {done.stderr[-500:]}")

    def id_of(self, film):
        """Orthanc's name of an instance, or None while it is not there."""
        return next((found["ID"] for found in self.ask("/tools/lookup", film.uid).json() if found["Type"] == "Instance"), None)

    def find(self, study, sop_class=SEGMENTATION):
        """The ids of a study's instances of a class."""
        return sorted(self.json("/tools/find", {"Level": "Instance", "Query": {"StudyInstanceUID": study, "SOPClassUID": sop_class}}))

    def count(self):
        return self.json("/statistics")["CountInstances"]


class Film:
    """An object as a modality would send it."""

    def __init__(self, file):
        dataset = pydicom.dcmread(io.BytesIO(file), stop_before_pixels=True)
        self.file, self.uid = file, dataset.SOPInstanceUID
        self.study, self.series = dataset.StudyInstanceUID, dataset.SeriesInstanceUID


class Hook:
    """The hook as a process, and what it says."""

    def __init__(self, folder, orthanc, lungfield):
        self.folder, self.state, self.log = folder, folder / "place.json", folder / "hook.log"
        (folder / "user").write_text(USER + "\n")
        (folder / "key").write_text(KEY + "\n")
        self.command = [sys.executable, str(HOOK), "--verbose", "--interval", "0.1", "--begin", "start"]
        self.command += ["--orthanc", f"http://127.0.0.1:{orthanc.port}", "--orthanc-user-file", str(folder / "user")]
        self.command += ["--lungfield", f"http://127.0.0.1:{lungfield.port}", "--api-key-file", str(folder / "key")]
        self.process = None

    def start(self, *flags):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*self.command, "--state", str(self.state), *flags], stderr=log)

    def run_once(self, *flags):
        """Runs it to the end of Orthanc's log; returns its exit code."""
        self.start("--once", *flags)
        return self.process.wait(LIMIT_S)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            code = self.process.wait(LIMIT_S)
            if code:
                raise Failure(f"the hook ended with code {code} on SIGTERM")

    def lines(self, words):
        return [line for line in self.log.read_text().splitlines() if words in line]

    def wait_for(self, words, times=1):
        def said():
            found = self.lines(words)
            if self.process.poll() is not None and len(found) < times:
                raise Failure(f"the hook ended with code {self.process.returncode}:\n{self.log.read_text()[-2000:]}")
            return found if len(found) >= times else None

        return wait_until(f"the hook says {words!r}", said)


class World:
    def __init__(self, folder, arguments):
        self.folder, self.phantom, self.seed = folder, arguments.phantom, 0
        (folder / "keys").write_text(f"hook {hashlib.sha256(KEY.encode()).hexdigest()}\n")
        port, *ports = free_ports(3)
        flags = ["--api-keys", str(folder / "keys"), "--drain-delay", "0s"]
        self.lungfield = Replica("of the test", arguments.server, port, flags)
        self.orthanc = Orthanc(folder, *ports)
        self.hook = Hook(folder, self.orthanc, self.lungfield)

    def start(self):
        self.lungfield.start()
        self.orthanc.start()
        self.plugins = self.orthanc.json("/plugins")
        self.lungfield.wait_ready()
        self.hook.start()

    def close(self):
        for end in (self.hook.stop, self.orthanc.stop, self.lungfield.close):
            try:
                end()
            except (Failure, OSError, subprocess.TimeoutExpired) as failure:
                print(f"at the end: {failure}")
        for process in (self.hook.process, self.orthanc.process):
            if process and process.poll() is None:
                process.kill()

    def film(self, bits=8, syntax=uid.ExplicitVRLittleEndian, **attributes):
        """A phantom that nobody has seen yet, in a study of its own."""
        self.seed += 1
        drawn = draw(self.phantom, self.folder, self.seed, bits, SIZE)
        return Film(dicom(drawn, syntax, **{**PATIENT, **attributes}))

    def segment(self, film_body, content_type=DICOM, **options):
        query = "&".join(f"{name}={value}" for name, value in options.items())
        headers = {"Content_Type": content_type, "Authorization": f"Bearer {KEY}"}
        return ask(self.lungfield.port, f"/v1/segment?{query}", film_body, **headers)

    def wait_for_mask(self, film):
        """The one Segmentation of a film's study, once it is there."""
        found = wait_until("a Segmentation lies beside the film", lambda: self.orthanc.find(film.study))
        if len(found) != 1:
            raise Failure(f"there are {len(found)} Segmentations beside the film")
        return found[0]
