"""Is anybody still waiting for the answer?"""

import socket
import ssl
from collections.abc import Callable

from rest_framework.request import Request

from cv.serving.gate import ClientGone


def check_of(request: Request) -> Callable[[], None]:
    """A check that raises ClientGone where the client has closed the connection; it tells only under gunicorn."""
    connection = request.META.get("gunicorn.socket")

    def check() -> None:
        if isinstance(connection, socket.socket) and _is_closed(connection):
            raise ClientGone("the client closed the connection before the analysis started")

    return check


def _is_closed(connection: socket.socket) -> bool:
    if isinstance(connection, ssl.SSLSocket):
        # What is readable there is TLS records; they cannot be peeked at.
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
