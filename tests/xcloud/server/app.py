"""A WSGI application for the tests of the server: each address does one thing."""

import hashlib
import time
from collections.abc import Callable, Iterable
from typing import Any

from cv.serving.gate import EngineGate, Overloaded

# Four places, two for one caller.
GATE = EngineGate(4, 4)
BIG = bytes(range(256)) * 40_000


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    status, answer = "200 OK", b"here"
    match environ["PATH_INFO"]:
        # The second is an address whose body nginx does not buffer.
        case "/digest" | "/api/v1/jobs":
            digest = hashlib.sha256()
            while piece := environ["wsgi.input"].read(65536):
                digest.update(piece)
            answer = digest.hexdigest().encode()
        case "/least":
            # Takes no body of more than 200,000 bytes, as far as it knows.
            if int(environ.get("CONTENT_LENGTH") or 0) > 200_000:
                status, answer = "413 Request Entity Too Large", b"no"
            else:
                answer = str(len(environ["wsgi.input"].read())).encode()
        case "/refuses":
            status, answer = "401 Unauthorized", b"no"
        case "/sleeps":
            time.sleep(1)
        case "/image" if environ["REQUEST_METHOD"] == "POST":
            try:
                with GATE.admitted(environ["HTTP_AUTHORIZATION"].split()[-1], 5):
                    time.sleep(0.5)
            except Overloaded:
                status, answer = "503 Service Unavailable", b"no"
        case "/big":
            answer = BIG
        case "/fails":
            raise RuntimeError("on purpose")
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]
