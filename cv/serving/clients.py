"""Whether the client of a request still waits for its answer."""

import socket
from typing import Protocol


class Peekable(Protocol):
    """A socket, or the server's replacement for it."""

    def recv(self, size: int, flags: int = 0, /) -> bytes: ...


def has_left(connection: Peekable) -> bool:
    """Whether the client has closed the connection, or its side of it. Never waits."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
