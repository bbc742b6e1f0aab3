"""A client's connection: what came in, what is to go out, and whether it is too slow."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from enum import Enum, auto
from typing import IO, Any, Final

from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.parser import RequestParser

from telemetry.proxy import forwarded_address
from xcloud.server.spool import Outgoing, spooled

MAX_HEAD: Final = 64 * 1024
HEAD_S: Final = 10.0
# A body comes in, and an answer is read, at this rate or faster, measured over this time.
LEAST_BYTES_PER_S: Final = 1024
WINDOW_S: Final = 20.0
# How long a client may go on sending what was refused, so that it reads why.
LINGER_S: Final = 5.0
# Larger bodies are taken only where the application wants them: from someone it knows, at an address that takes them.
SMALL_BODY: Final = 64 * 1024
# Of someone who shows a key or a session, right or wrong, before it is looked at.
NAMED_BODY: Final = 1024 * 1024
SESSION: Final = re.compile(r"(?:^|;\s*)sessionid=([^;]+)")


class BodyAwaited(BaseException):
    """The application reads a body that is not there yet; it is asked again when it is. No error to be handled."""


class AwaitedBody:
    """Stands for a body that comes in only if the application reads it. ``awaited`` tells who has to know."""

    awaited = True

    def read(self, size: int = -1) -> bytes:
        raise BodyAwaited

    def readline(self, size: int = -1) -> bytes:
        raise BodyAwaited


class Doing(Enum):
    """What a connection waits for."""

    HEAD = auto()
    BODY = auto()
    # A thread, or its answer.
    WORK = auto()
    # The client, who has not read the last answer yet.
    READER = auto()
    # The end of what the client sends, none of which counts any more.
    END = auto()


class Connection:
    """``sock``, ``client`` and ``server`` are what gunicorn calls them; ``sock`` takes answers."""

    def __init__(self, opened: socket.socket, client: Any, server: Any, wake: Callable[[Connection], None]) -> None:
        opened.setblocking(False)
        self.opened = opened
        self.client = client
        self.server = server
        self.sock = Outgoing(opened, lambda: wake(self))
        self.address = client[0] if isinstance(client, tuple) else ""
        self.received = bytearray()
        self.request: Any = None
        self.body: IO[bytes] | None = None
        # Bytes of the body that are still to come, of how many; None where nobody says.
        self.missing: int | None = 0
        self.length = 0
        self.answered = 0
        # Whether the client wants to be told before it sends the body, and whether this answer is the last one.
        self.expects = self.closing = False
        self.doing = Doing.HEAD
        self.caller = ""
        # Gives back what this request holds of the server's room for bodies.
        self.release: Callable[[], None] | None = None
        self._since = self._counted_from = 0.0
        self._counted = self._taken = 0

    def begin(self, doing: Doing, now: float) -> None:
        """Goes over to what is next, with a time limit of its own."""
        self.doing = doing
        self._since = self._counted_from = now
        self._counted = self._moved()

    def read_head(self, config: Any) -> bool:
        """Whether a whole head was there, which is ``request`` now. Raises what gunicorn's parser raises."""
        end = self.received.find(b"\r\n\r\n")
        # Lines that end in a line feed alone never end a head; the parser says so.
        if end < 0 and b"\n\n" not in self.received:
            if len(self.received) > MAX_HEAD:
                raise LimitRequestHeaders("the head is too long")
            return False
        end = len(self.received) if end < 0 else end + 4
        head = bytes(self.received[:end])
        del self.received[:end]
        self.request = next(RequestParser(config, iter([head]), self.client))
        # Of a message in chunks nobody knows the length.
        self.missing = getattr(self.request.body.reader, "length", None)
        self.length = self.missing or 0
        self.expects, self.request._expected_100_continue = self.request._expected_100_continue, False
        self.body = spooled()
        self.caller = self._caller()
        return True

    def take_body(self) -> None:
        """Moves what has come in to the body. Raises OSError where there is no room."""
        if self.missing and self.body is not None:
            piece = self.received[: self.missing]
            self.body.write(piece)
            del self.received[: len(piece)]
            self.missing -= len(piece)

    def is_asked_first(self) -> bool:
        """Whether the application is to say if it wants the body."""
        if self.missing is None:
            return True
        return self.missing > (SMALL_BODY if self.caller.startswith("address:") else NAMED_BODY)

    def is_overdue(self, now: float, keepalive_s: float) -> bool:
        """Whether the client took too long for what it is to do next."""
        waited = now - self._since
        match self.doing:
            case Doing.HEAD:
                idle = self.answered and not self.received
                return waited > (keepalive_s if idle else HEAD_S)
            case Doing.END:
                return waited > LINGER_S
            case Doing.WORK if not self.sock.waiting:
                self._counted_from = now
                return False
        if now - self._counted_from < WINDOW_S:
            return False
        moved = self._moved()
        if moved - self._counted < LEAST_BYTES_PER_S * WINDOW_S:
            return True
        self._counted_from, self._counted = now, moved
        return False

    def count(self, data: bytes) -> None:
        """Takes what the client sent."""
        self._taken += len(data)
        self.received += data

    def finish_request(self) -> None:
        """Lets go of the request and what it held."""
        if self.body is not None:
            self.body.close()
        if self.release is not None:
            self.release()
        self.request = self.body = self.release = None

    def close(self) -> None:
        """Ends it; a thread that still works on its request is told when it writes the answer."""
        if self.doing is not Doing.WORK:
            self.finish_request()
        self.sock.close()
        self.opened.close()

    def _moved(self) -> int:
        return self._taken + self.sock.progress

    def _caller(self) -> str:
        """Who asks, as far as anyone can tell before the key or the session is looked up."""
        headers = dict(self.request.headers)
        if shown := headers.get("AUTHORIZATION"):
            return f"key:{hash(shown)}"
        if found := SESSION.search(headers.get("COOKIE", "")):
            return f"session:{hash(found[1])}"
        return f"address:{forwarded_address(self.address, headers.get('X-FORWARDED-FOR', ''))}"
