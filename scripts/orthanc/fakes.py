"""An Orthanc and a Lungfield that are made up, for the tests of the hook, and what those tests begin with."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import unittest
import unittest.mock
import urllib.parse
from email.message import Message
from pathlib import Path
from typing import Any

from deploy.orthanc import lungfield_hook as hook

DX = "1.2.840.10008.5.1.4.1.1.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
SEG = "1.2.840.10008.5.1.4.1.1.66.4"
CHEST = {"Modality": "DX", "BodyPartExamined": "CHEST", "PatientName": "Phantom^Secret"}


class Killed(BaseException):
    """The hook's process is gone, here and now."""


class Orthanc:
    """An archive that keeps instances by their names, and a log of what came. `failures` come before any answer."""

    def __init__(self) -> None:
        self.instances: dict[str, tuple[str, dict[str, Any]]] = {}
        self.log: list[tuple[str, str]] = []
        self.failures: list[Exception] = []
        self.requests = 0
        self.kills_after: int | None = None

    def store(self, name: str, sop_class: str = DX, tags: dict[str, Any] | None = None) -> str:
        known = name in self.instances
        self.instances[name] = (sop_class, CHEST if tags is None else tags)
        if not known:
            self.log += [("NewInstance", name), ("NewSeries", "series of " + name)]
        return "AlreadyStored" if known else "Success"

    def changes(self, query: dict[str, list[str]]) -> Any:
        since = int(query.get("since", [len(self.log)])[0])
        entries = [{"ChangeType": kind, "ID": name, "Seq": at} for at, (kind, name) in enumerate(self.log, 1)][since:]
        page = entries[: int(query.get("limit", [1])[0])]
        return {"Changes": page, "Done": len(page) == len(entries), "Last": page[-1]["Seq"] if page else len(self.log)}

    def answer(self, path: str, body: bytes) -> Any:
        place, _, query = path.partition("?")
        if place == "/changes":
            return self.changes(urllib.parse.parse_qs(query))
        if place == "/instances":
            return {"ID": body.decode(), "Status": self.store(body.decode(), SEG, {"Modality": "SEG"})}
        _, _, name, what = place.split("/", 3)
        if name not in self.instances:
            raise hook.failure("Orthanc", 404)
        return {
            "metadata/SopClassUid": self.instances[name][0],
            "simplified-tags": self.instances[name][1],
            "file": name,
        }[what]

    def ask_json(self, path: str, body: bytes = b"", **headers: str) -> Any:
        if self.failures:
            raise self.failures.pop(0)
        answer = self.answer(path, body)
        self.requests += 1
        if self.requests == self.kills_after:
            raise Killed
        return answer

    def ask(self, path: str, body: bytes = b"", **headers: str) -> tuple[Message, bytes]:
        return Message(), self.ask_json(path, body).encode()


class Lungfield:
    """Makes of a film a result that is named after it. `failures` come before any answer."""

    def __init__(self, warnings: str = "", media_type: str = "application/dicom") -> None:
        self.headers = Message()
        self.failures: list[Exception] = []
        self.asked: list[tuple[str, str, str]] = []
        self.headers["Content-Type"] = media_type
        self.headers["Lungfield-Warnings"] = warnings

    def ask(self, path: str, body: bytes = b"", **headers: str) -> tuple[Message, bytes]:
        self.asked.append((path, body.decode(), headers["X_Request_Id"]))
        if self.failures:
            raise self.failures.pop(0)
        return self.headers, f"{urllib.parse.parse_qs(path.partition('?')[2])['format'][0]} of {body.decode()}".encode()


def later(status: int, code: str, retry_after: str = "") -> hook.Later:
    """Returns the failure that an answer of Lungfield means, which may succeed at another time."""
    found = hook.failure("Lungfield", status, code, retry_after)
    assert isinstance(found, hook.Later)
    return found


class Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class HookTest(unittest.TestCase):
    """An archive, a server, and a place to keep; `waits` are what the hook would have waited."""

    def setUp(self) -> None:
        self.folder = self.enter(tempfile.TemporaryDirectory(prefix="lungfield-hook-test-"))
        self.state = Path(self.folder) / "state.json"
        self.orthanc, self.lungfield, self.heard = Orthanc(), Lungfield(), Log()
        self.waits: list[float] = []
        hook.log.addHandler(self.heard)
        self.addCleanup(hook.log.removeHandler, self.heard)
        hook.log.setLevel("DEBUG")
        hook.log.propagate = False

    def enter(self, context: contextlib.AbstractContextManager[Any]) -> Any:
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        return stack.enter_context(context)

    def run_once(self, *flags: str) -> None:
        settings = hook.read_settings(["--once", "--begin", "start", "--state", str(self.state), *flags], {})
        hook.Hook(settings, self.orthanc, self.lungfield, self.waits.append).follow()

    def results(self) -> list[str]:
        return sorted(name for name in self.orthanc.instances if " of " in name)
