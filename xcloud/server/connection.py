"""A client's connection: the data received, the data to send, and whether the client is too slow."""

from __future__ import annotations

import socket
from collections.abc import Callable
from enum import Enum, auto
from typing import IO, Any, Final

from django.conf import settings
from django.http.cookie import parse_cookie
from gunicorn.http.errors import LimitRequestHeaders, UnsupportedTransferCoding
from gunicorn.http.parser import RequestParser

from cv.serving.shares import Share
from telemetry.proxy import forwarded_address
from xcloud.server.chunks import ChunkedBody
from xcloud.server.crowd import Call
from xcloud.server.spool import Outgoing, open_buffer

MAX_HEAD: Final = 64 * 1024
HEAD_S: Final = 10.0
# The lowest rate at which a client may send a body or read an answer, measured over this time.
LEAST_BYTES_PER_S: Final = 1024
WINDOW_S: Final = 20.0
# How long a refused client may continue to send, so that it can read the refusal.
LINGER_S: Final = 5.0
# Before a larger body is read, the application decides whether it knows the caller and whether the URL takes a body.
SMALL_BODY: Final = 64 * 1024
# The same limit for a request with a key or a session, which has not been checked yet.
NAMED_BODY: Final = 1024 * 1024
# A chunked body may double until this much more is allowed at a time. Each time its caller's space is asked for, and
# the application whether so large a body is welcome.
MOST_GROWTH: Final = 16 * 1024 * 1024


class BodyNeeded(BaseException):
    """Raised if the application reads a body that is not received yet; it is called again when it is. Not an error."""


class UnreadBody:
    """Stands for a body that is received only if the application reads it; ``awaited`` marks it."""

    awaited = True

    def read(self, size: int = -1) -> bytes:
        raise BodyNeeded

    def readline(self, size: int = -1) -> bytes:
        raise BodyNeeded


class Doing(Enum):
    """What a connection waits for."""

    HEAD = auto()
    BODY = auto()
    # A thread or its answer.
    WORK = auto()
    # The client, which has not read the last answer yet.
    READER = auto()
    # The end of the client's data, which is ignored.
    END = auto()


class Connection:
    """``sock``, ``client`` and ``server`` are gunicorn's names; answers are written to ``sock``."""

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
        # Bytes of the body that are still missing, and its length. A chunked body may grow up to ``length``.
        self.missing = 0
        self.length = 0
        self.chunks: ChunkedBody | None = None
        self.answered = 0
        # Whether the client waits for `100 Continue`, and whether this answer is the last one.
        self.expects = self.closing = False
        self.doing = Doing.HEAD
        self.caller = ""
        # The share at the engines that the last request asked for.
        self.asked: Share | None = None
        # This request's part of the server's space for bodies, and what frees it.
        self.reserved = 0
        self.release: Callable[[], None] | None = None
        self._since = self._counted_from = 0.0
        self._counted = self._taken = 0

    def begin(self, doing: Doing, now: float) -> None:
        """Begins to wait for something, with a new time limit."""
        self.doing = doing
        self._since = self._counted_from = now
        self._counted = self._moved()

    def waited_s(self, now: float) -> float:
        """For how long it has been doing what it does."""
        return now - self._since

    def read_head(self, config: Any) -> bool:
        """Parses the head into ``request`` if it is complete; returns whether it is. Raises gunicorn's errors."""
        end = self.received.find(b"\r\n\r\n")
        # The parser refuses lines that end in a line feed alone.
        if end < 0 and b"\n\n" not in self.received:
            if len(self.received) > MAX_HEAD:
                raise LimitRequestHeaders("the head is too long")
            return False
        end = len(self.received) if end < 0 else end + 4
        head = bytes(self.received[:end])
        del self.received[:end]
        self.request = next(RequestParser(config, iter([head]), self.client))
        codings = [value.lower() for name, value in self.request.headers if name == "TRANSFER-ENCODING"]
        if codings not in ([], ["chunked"]):
            raise UnsupportedTransferCoding(", ".join(codings))
        self.chunks = ChunkedBody() if codings else None
        self.missing = 0 if codings else self.request.body.reader.length
        self.length = SMALL_BODY if codings else self.missing
        self.expects, self.request._expected_100_continue = self.request._expected_100_continue, False
        self.body = open_buffer()
        self.caller = self._caller()
        return True

    def take_body(self) -> None:
        """Moves received bytes to the body. Raises BadChunk, and OSError if the disk is full."""
        if self.body is None:
            return
        if self.chunks is not None:
            self.chunks.decode(self.received, self.body, self.length)
        elif self.missing:
            piece = self.received[: self.missing]
            self.body.write(piece)
            del self.received[: len(piece)]
            self.missing -= len(piece)

    def has_body(self) -> bool:
        """Whether the whole body was received."""
        return self.chunks.whole if self.chunks is not None else not self.missing

    def is_full(self) -> bool:
        """Whether a chunked body needs more than was allowed."""
        return self.chunks is not None and not self.chunks.whole and self.chunks.taken >= self.length

    def allow_more(self) -> None:
        self.length += min(self.length, MOST_GROWTH)

    def is_asked_first(self) -> bool:
        """Whether the application decides if a body of this length is received."""
        return self.length > (SMALL_BODY if self.caller.startswith("address:") else NAMED_BODY)

    def announce_length(self) -> None:
        """Tells the application the length of a chunked body, as far as it is known, instead of its coding."""
        if self.chunks is not None:
            told = ("TRANSFER-ENCODING", "CONTENT-LENGTH")
            headers = [(name, value) for name, value in self.request.headers if name not in told]
            self.request.headers = [*headers, ("CONTENT-LENGTH", str(self.chunks.announced))]

    def is_overdue(self, now: float, keepalive_s: float) -> bool:
        """Whether the client has exceeded its time limit or is too slow."""
        waited = self.waited_s(now)
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
        """Records data that the client sent."""
        self._taken += len(data)
        self.received += data

    def finish_request(self) -> None:
        """Releases the request and its resources."""
        if self.body is not None:
            self.body.close()
        if self.release is not None:
            self.release()
        self.request = self.body = self.release = self.chunks = None
        self.reserved = 0

    def close(self) -> None:
        """Closes the connection; a thread that still works on its request gets an error when it writes the answer."""
        if self.doing is not Doing.WORK:
            self.finish_request()
        self.sock.close()
        self.opened.close()

    @property
    def call(self) -> Call:
        return self.caller, self.request.method, self.request.path

    def _moved(self) -> int:
        return self._taken + self.sock.progress

    def _caller(self) -> str:
        """The caller, as far as known before the key or the session is checked.

        Both are read as the application reads them. Otherwise a caller could look like many, with other spaces before
        its key, or something beside its session that the application ignores.
        """
        headers = dict(self.request.headers)
        scheme, _, key = headers.get("AUTHORIZATION", "").partition(" ")
        if scheme.lower() == "bearer":
            return f"key:{hash(key.strip())}"
        cookies = ",".join(value for name, value in self.request.headers if name == "COOKIE")
        if session := parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME):
            return f"session:{hash(session)}"
        return f"address:{forwarded_address(self.address, headers.get('X-FORWARDED-FOR', ''))}"
