"""HTTP to URLs that clients name: connects only to the IP address that was checked, and ends by a deadline."""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, quote

from cv.outbound.addresses import Address, UrlFetchFailed, resolve_public

TIMEOUT_S = 5.0
CHUNK = 64 * 1024
# A host with a hundred addresses that all time out must not cost a hundred time-outs.
MAX_ADDRESSES = 3


class Deadline:
    """A time limit for a whole request: name lookup, connection, and every byte of the response."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._until = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left. Raises UrlFetchFailed if none are left."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise UrlFetchFailed(f"the server took more than {self.seconds:g} s")
        return left


class _PinnedConnection(http.client.HTTPConnection):
    """Connects to the address that was checked, because a second lookup of the name could give another one."""

    def __init__(self, url: SplitResult, port: int, addresses: list[Address], deadline: Deadline) -> None:
        super().__init__(url.hostname or "", port, timeout=TIMEOUT_S)
        self._addresses = addresses[:MAX_ADDRESSES]
        self._deadline = deadline
        self._tls = ssl.create_default_context() if url.scheme == "https" else None
        self._plain: socket.socket | None = None

    def connect(self) -> None:
        self.sock = self._open_socket()
        # A second handle of the connection, which another thread can shut down at any time, with or without TLS.
        self._plain = self.sock.dup()
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)

    def _open_socket(self) -> socket.socket:
        failure: OSError | None = None
        for address in self._addresses:
            try:
                return socket.create_connection((str(address), self.port), min(TIMEOUT_S, self._deadline.left()))
            except OSError as error:
                failure = error
        raise failure or OSError("no address")

    def cut(self) -> None:
        """Shuts the connection down; the reader gets the end of the stream."""
        if self._plain is not None:
            with contextlib.suppress(OSError):
                self._plain.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        super().close()
        if self._plain is not None:
            self._plain.close()


@contextlib.contextmanager
def open_response(
    method: str,
    parts: SplitResult,
    port: int,
    deadline: Deadline,
    headers: Mapping[str, str],
    caller: str,
    body: bytes | None = None,
) -> Iterator[http.client.HTTPResponse]:
    """Makes one request, without following redirects. Raises UrlForbidden, UrlFetchFailed."""
    addresses = resolve_public(parts.hostname or "", port, min(TIMEOUT_S, deadline.left()), caller)
    connection = _PinnedConnection(parts, port, addresses, deadline)
    # The socket's time-out limits one read; a server that sends a byte every four seconds would never exceed it.
    cutter = threading.Timer(deadline.left(), connection.cut)
    cutter.daemon = True
    cutter.start()
    try:
        connection.request(method, _target(parts), body=body, headers=dict(headers))
        yield connection.getresponse()
    except (OSError, http.client.HTTPException, ValueError) as error:
        deadline.left()
        raise UrlFetchFailed(f"the URL could not be fetched: {_reason(error)}") from error
    finally:
        cutter.cancel()
        connection.close()


def _target(parts: SplitResult) -> str:
    """Path and query as they go over the wire, in ASCII."""
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/?%:@!$&'()*+,;=~-._[]")
    return f"{path}?{query}" if query else path


def read_up_to(response: http.client.HTTPResponse, max_bytes: int, deadline: Deadline) -> bytes | None:
    """The body, or None if it has more than ``max_bytes``. Raises UrlFetchFailed."""
    if response.length is not None and response.length > max_bytes:
        return None
    data = bytearray()
    while chunk := response.read1(CHUNK):
        data += chunk
        if len(data) > max_bytes:
            return None
        deadline.left()
    deadline.left()
    if response.length:
        raise UrlFetchFailed("the connection closed before the end of the file")
    return bytes(data)


def _reason(error: Exception) -> str:
    """What went wrong on the way, without names of ours or of addresses."""
    match error:
        case TimeoutError():
            return "the server took too long"
        case ssl.SSLCertVerificationError():
            return f"the server's certificate is not valid ({error.verify_message})"
        case ssl.SSLError():
            return "no secure connection (TLS) could be made"
        case http.client.HTTPException() | ValueError():
            return "the answer is not valid HTTP"
        case OSError():
            return (error.strerror or "the connection failed").lower()
    return "the connection failed"
