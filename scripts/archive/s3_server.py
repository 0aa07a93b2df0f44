"""An S3 server, moto's, that counts how often each object is stored: no answer of S3 tells that.

    python -m scripts.archive.s3_server

It listens on a free port, which it prints. GET /stored answers the counts by path, as JSON.
"""

from __future__ import annotations

import collections
import json
from collections.abc import Iterable
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

STORED: collections.Counter[str] = collections.Counter()
MOTO = DomainDispatcherApplication(create_backend_app)


def application(environment: dict[str, Any], start: Any) -> Iterable[bytes]:
    if environment["REQUEST_METHOD"] == "PUT":
        STORED[environment["PATH_INFO"]] += 1
    if environment["PATH_INFO"] == "/stored":
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(STORED).encode()]
    answer: Iterable[bytes] = MOTO(environment, start)
    return answer


def main() -> None:
    server = make_server("127.0.0.1", 0, application, threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
