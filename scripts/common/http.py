"""Bodies of several parts, as clients of the HTTP API send them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping


def join_parts(parts: Iterable[tuple[bytes, bytes]], boundary: str) -> bytes:
    """Returns a multipart body of (header lines with an empty line, content) pairs."""
    lines = [f"--{boundary}\r\n".encode() + head + data + b"\r\n" for head, data in parts]
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


def form_data(parts: Mapping[str, bytes]) -> tuple[str, bytes]:
    """Returns the media type and the body of a form with a file in each part."""
    boundary = uuid.uuid4().hex
    head = 'Content-Disposition: form-data; name="{}"; filename="x"\r\n\r\n'
    body = join_parts([(head.format(name).encode(), data) for name, data in parts.items()], boundary)
    return f"multipart/form-data; boundary={boundary}", body
