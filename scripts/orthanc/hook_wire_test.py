"""Tests what deploy/orthanc/lungfield_hook.py makes of answers and broken connections, and of its settings.

    python3 -m scripts.orthanc.hook_wire_test

Needs Python 3.9 or later, and nothing else.
"""

from __future__ import annotations

import contextlib
import http.server
import io
import socket
import tempfile
import threading
import unittest
import unittest.mock
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.orthanc import lungfield_hook as hook
from scripts.orthanc.fakes import HookTest


class WhatComesOverTheWire(HookTest):
    """A real listener, since what matters is how Python's client says that something went wrong."""

    def peer(self, answer: Callable[[Any], None]) -> hook.Peer:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return hook.Peer("Lungfield", f"http://127.0.0.1:{server.server_port}/", "Bearer key", None)

    def problem(self, status: int, body: bytes, **headers: str) -> Exception:
        def answer(request: Any) -> Any:
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name.replace("_", "-"), value)
            request.end_headers()
            request.wfile.write(body)

        with self.assertRaises((hook.Later, hook.Refused, hook.Unusable)) as caught:
            self.peer(answer).ask("/v1/segment", b"film")
        return caught.exception

    def test_what_is_sent_arrives_and_the_answer_too(self) -> None:
        def answer(request: Any) -> Any:
            said = f"{request.path} {request.headers['Authorization']} {request.headers['X-Request-Id']}"
            request.send_response(200)
            request.end_headers()
            request.wfile.write(said.encode())

        self.assertEqual(self.peer(answer).ask("/a?b=c", b"film", X_Request_Id="d")[1], b"/a?b=c Bearer key d")

    def test_a_problem_is_known_by_its_status_its_code_and_its_retry_after(self) -> None:
        problem = self.problem(503, b'{"code": "overloaded", "detail": "secret"}', Retry_After="5")
        assert isinstance(problem, hook.Later)
        self.assertEqual((problem.after_s, problem.counts), (5, False))
        self.assertEqual(str(problem), "Lungfield answered 503 overloaded")

    def test_of_a_body_that_is_no_problem_nothing_is_said(self) -> None:
        for body in (b"<p>Secret</p>", b"[1]", b'{"code": 7}', b'{"code": "Secret^Name"}', b"", b"\xff"):
            self.assertEqual(str(self.problem(422, body)), "Lungfield answered 422", body)

    def test_an_answer_that_breaks_off_may_be_the_films_fault(self) -> None:
        def breaks_off(request: Any) -> None:
            request.send_response(200)
            request.send_header("Content-Length", "100")
            request.end_headers()
            request.wfile.write(b"half")

        for answer in (breaks_off, lambda request: request.connection.close()):
            with self.assertRaises(hook.Later) as caught:
                self.peer(answer).ask("/", b"film")
            self.assertTrue(caught.exception.counts)

    def test_a_refused_connection_is_nobodys_fault(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            peer = hook.Peer("Lungfield", f"http://127.0.0.1:{unused.getsockname()[1]}", None, None)
            with self.assertRaises(hook.Later) as caught:
                peer.ask("/", b"film")
        self.assertFalse(caught.exception.counts)

    def test_a_proxy_of_the_environment_is_not_asked(self) -> None:
        self.enter(unittest.mock.patch.dict("os.environ", {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}))

        def answer(request: Any) -> Any:
            request.send_response(200)
            request.end_headers()

        self.assertEqual(self.peer(answer).ask("/", b"film")[1], b"")


class Settings(unittest.TestCase):
    def test_a_variable_is_a_flag_that_a_flag_goes_before(self) -> None:
        environment = {"LUNGFIELD_HOOK_ORTHANC": "http://a", "LUNGFIELD_HOOK_BODY_PARTS": "chest,spine", "HOME": "/"}
        settings = hook.read_settings(["--orthanc", "http://b"], environment)
        self.assertEqual((settings.orthanc, settings.body_parts), ("http://b", ["CHEST", "SPINE"]))

    def test_a_wrong_setting_is_refused(self) -> None:
        for flags, environment in (
            (["--begin", "never"], {}),
            ([], {"LUNGFIELD_HOOK_ORTHNC": "a"}),
            (["--tries", "x"], {}),
        ):
            with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
                hook.read_settings(flags, environment)

    def test_a_damaged_place_is_not_taken_for_a_first_start(self) -> None:
        with tempfile.TemporaryDirectory(prefix="lungfield-hook-test-") as folder:
            state = Path(folder) / "state.json"
            self.assertIsNone(hook.read_place(state))
            for text in ("", "{", "[]", '{"since": null}', '{"until": 3}'):
                state.write_text(text)
                self.assertRaises(hook.Unusable, hook.read_place, state)
            hook.write_place(state, 3)
            self.assertEqual((hook.read_place(state), list(Path(folder).iterdir())), (3, [state]))


if __name__ == "__main__":
    unittest.main()
