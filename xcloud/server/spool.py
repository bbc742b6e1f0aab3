"""Bytes on their way in or out, in memory while they are few and else in a file without a name.

Such a file is gone with the process, however that ends: nothing has to be cleaned up.
"""

import socket
import tempfile
import threading
from collections.abc import Callable
from typing import Final

from django.conf import settings

# Of each direction of each connection; 1,000 connections hold at most 128 MB.
IN_MEMORY: Final = 64 * 1024
# A thread goes on to the next request when its answer is here, however slowly the client reads, up to this size.
HELD_FOR_READER: Final = 64 * 1024 * 1024
PIECE: Final = 64 * 1024


def spooled() -> "tempfile.SpooledTemporaryFile[bytes]":
    """An empty file for a body or an answer."""
    return tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, dir=str(settings.FILE_UPLOAD_TEMP_DIR))


class Outgoing:
    """Answers on their way to a client. A thread writes here as to a socket; the loop sends what the client reads.

    Stands where gunicorn expects a socket.
    """

    def __init__(self, connection: socket.socket, wake: Callable[[], None]) -> None:
        self._connection = connection
        self._wake = wake
        self._file = spooled()
        self._written = self._sent = 0
        # Of all bytes ever sent, to tell who reads from who does not.
        self.progress = 0
        self._gone = False
        self._room = threading.Condition()

    @property
    def waiting(self) -> int:
        """Bytes that the client has not read yet."""
        return self._written - self._sent

    def sendall(self, data: bytes) -> None:
        """Takes all of it; waits only where more than HELD_FOR_READER lies here. Raises BrokenPipeError."""
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
        """For who wants to know whether the client is still there (MSG_PEEK)."""
        return self._connection.recv(size, flags)

    def flush(self) -> None:
        """Sends what the client takes at this moment. Raises OSError."""
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
                self._file = spooled()
                self._written = self._sent = 0
            self._room.notify_all()

    def close(self) -> None:
        """Gives everything up; a thread that writes here is told."""
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
