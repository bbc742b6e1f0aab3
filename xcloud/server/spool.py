"""Buffers received bodies and outgoing answers: small ones in memory, large ones in a file without a name.

The system deletes a file without a name when the process ends, even after a crash.
"""

import socket
import tempfile
import threading
from collections.abc import Callable
from typing import Final

from django.conf import settings

# Limit per direction of each connection; 1,000 connections use at most 128 MB.
IN_MEMORY: Final = 64 * 1024
# An answer up to this size is buffered, so that a slow reader does not hold a thread.
HELD_FOR_READER: Final = 64 * 1024 * 1024
PIECE: Final = 64 * 1024


def open_buffer() -> "tempfile.SpooledTemporaryFile[bytes]":
    """Opens an empty buffer for a body or an answer."""
    return tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, dir=str(settings.FILE_UPLOAD_TEMP_DIR))


class Outgoing:
    """The outgoing answers of a connection. Threads write to it as to a socket, which gunicorn takes it for; the loop
    sends as fast as the client reads.
    """

    def __init__(self, connection: socket.socket, wake: Callable[[], None]) -> None:
        self._connection = connection
        self._wake = wake
        self._file = open_buffer()
        self._written = self._sent = 0
        # All bytes sent so far; shows whether the client reads.
        self.progress = 0
        self._gone = False
        self._room = threading.Condition()

    @property
    def waiting(self) -> int:
        """Bytes that the client has not read yet."""
        return self._written - self._sent

    def sendall(self, data: bytes) -> None:
        """Buffers all data; waits only while more than HELD_FOR_READER is buffered. Raises BrokenPipeError."""
        view = memoryview(data)
        with self._room:
            if not self._gone and not self.waiting:
                view = view[self._send(view) :]
            while view and not self._gone:
                started = not self.waiting
                self._file.seek(self._written)
                self._written += self._file.write(view[:PIECE])
                view = view[PIECE:]
                if started:
                    self._wake()
                self._room.wait_for(lambda: self._gone or self.waiting < HELD_FOR_READER)
            if self._gone:
                raise BrokenPipeError("the client left or did not read")

    def send(self, data: bytes) -> int:
        self.sendall(data)
        return len(data)

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Lets the caller check whether the client is still connected (MSG_PEEK)."""
        return self._connection.recv(size, flags)

    def flush(self) -> None:
        """Sends as much as the client accepts now. Raises OSError."""
        with self._room:
            while self.waiting:
                self._file.seek(self._sent)
                piece = self._file.read(PIECE)
                sent = self._send(memoryview(piece))
                self._sent += sent
                if sent < len(piece):
                    break
            if not self.waiting and self._written:
                self._file.close()
                self._file = open_buffer()
                self._written = self._sent = 0
            self._room.notify_all()

    def close(self) -> None:
        """Discards all data; a thread that writes gets BrokenPipeError."""
        with self._room:
            self._gone = True
            self._file.close()
            self._written = self._sent = 0
            self._room.notify_all()

    def _send(self, view: memoryview) -> int:
        try:
            sent = self._connection.send(view)
        except BlockingIOError:
            return 0
        self.progress += sent
        return sent
