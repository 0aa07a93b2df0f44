"""A client of lungfield-serve for the DICOM tests, and the answers that it gets."""

from __future__ import annotations

import email
import http.client
import io
import json
import subprocess
import urllib.parse
from collections.abc import Mapping, Sequence
from email.message import Message
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import pydicom

from scripts.common.failure import Failure
from scripts.common.http import form_data, join_parts
from scripts.common.server import Server
from scripts.dicom.films import Pixels, grey

ANSWER_LIMIT_S = 60
# How long a server that has closed a connection may take to end, if that is why.
END_S = 5

DICOM = "application/dicom"
RELATED = 'multipart/related; type="application/dicom"'


class Part(NamedTuple):
    """A part of a multipart answer."""

    kind: str
    body: bytes


class Answer(NamedTuple):
    """An answer. The methods that read its body raise `Failure` where its status is not 200."""

    status: int
    headers: Message
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The problem that it is, or one made of what it is instead."""
        kind = self.headers.get_content_type()
        return json.loads(self.body) if kind == "application/problem+json" else {"code": kind, "detail": ""}

    @property
    def code(self) -> str:
        return self.problem["code"]

    def good(self) -> Answer:
        if self.status != 200:
            raise Failure(f"status {self.status}: {self.body[:300]!r}")
        return self

    def json(self) -> Any:
        return json.loads(self.good().body)

    def mask(self) -> Pixels:
        return grey(self.good().body) > 0

    def object(self) -> Any:
        return pydicom.dcmread(io.BytesIO(self.good().body))

    def parts(self) -> list[Part]:
        """Returns the parts of a multipart answer, taken apart by Python's own parser of mail."""
        head = f"Content-Type: {self.good().headers['Content-Type']}\r\n\r\n".encode()
        message = email.message_from_bytes(head + self.body)
        if not message.is_multipart():
            raise Failure(f"the answer is {self.headers['Content-Type']}, and has no parts")
        parts: Any = message.get_payload()
        return [Part(part.get_content_type(), part.get_payload(decode=True)) for part in parts]


class Service:
    """A server and the requests that the tests make of it. A server that a request has ended is started again."""

    def __init__(self, program: Path) -> None:
        self.program = program
        self.server = self.start()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *error: Any) -> None:
        self.server.__exit__(*error)

    def start(self) -> Server:
        # Where a server may choose, it takes the faster precision of the hour, and masks differ by some pixels from
        # run to run.
        server = Server([self.program, "--precision", "f32"])
        server.start()
        server.wait_ready()
        return server

    def revive(self) -> NoReturn:
        try:
            code = self.server.process.wait(END_S)
        except subprocess.TimeoutExpired:
            raise Failure("the server hung up") from None
        self.server = self.start()
        raise Failure(f"the server ended with code {code}")

    def ask(
        self, body: bytes | Any, kind: str = DICOM, accept: str | None = None, chunked: bool = False, **query: Any
    ) -> Answer:
        headers = {"Content-Type": kind} | ({"Accept": accept} if accept else {})
        sent = (body[at : at + 10_000] for at in range(0, len(body), 10_000)) if chunked else body
        path = f"/v1/segment?{urllib.parse.urlencode(query)}" if query else "/v1/segment"
        connection = http.client.HTTPConnection(self.server.address, timeout=ANSWER_LIMIT_S)
        try:
            connection.request("POST", path, sent, headers, encode_chunked=chunked)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except (ConnectionError, http.client.IncompleteRead):
            self.revive()
        finally:
            connection.close()

    def ask_form(self, parts: Mapping[str, bytes], **options: Any) -> Answer:
        kind, body = form_data(parts)
        return self.ask(body, kind, **options)

    def ask_related(self, instances: Sequence[bytes], boundary: str = "----=_film.1", **options: Any) -> Answer:
        """As STOW-RS sends instances: parts of a body that is said to be of several. The boundary is quoted, as it
        has to be.
        """
        body = join_parts([(b"Content-Type: application/dicom\r\n\r\n", data) for data in instances], boundary)
        return self.ask(body, f'{RELATED}; boundary="{boundary}"', **options)
