"""A WSGI application for the tests of the server: each address does one thing."""

import hashlib
import time
from collections.abc import Callable, Iterable
from typing import Any

BIG = bytes(range(256)) * 40_000


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    status, answer = "200 OK", b"here"
    match environ["PATH_INFO"]:
        case "/digest":
            digest = hashlib.sha256()
            while piece := environ["wsgi.input"].read(65536):
                digest.update(piece)
            answer = digest.hexdigest().encode()
        case "/refuses":
            status, answer = "401 Unauthorized", b"no"
        case "/sleeps":
            time.sleep(1)
        case "/big":
            answer = BIG
        case "/fails":
            raise RuntimeError("on purpose")
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]
