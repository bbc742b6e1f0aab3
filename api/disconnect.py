"""Checks whether the client still waits for the answer."""

import socket
from collections.abc import Callable
from typing import Protocol

from rest_framework.request import Request

from cv.serving.gate import ClientGone


class Peekable(Protocol):
    """A socket, or the server's replacement for it."""

    def recv(self, size: int, flags: int = 0) -> bytes: ...


def check_of(request: Request) -> Callable[[], None]:
    """A check that raises ClientGone if the client has closed the connection; without gunicorn it never does."""
    connection: Peekable | None = request.META.get("gunicorn.socket")

    def check() -> None:
        if connection is not None and _is_closed(connection):
            raise ClientGone("the client closed the connection before the analysis started")

    return check


def _is_closed(connection: Peekable) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
