"""Starts a server for a benchmark as ``make serve`` does, with a client that keeps its connection open."""

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
_START_TIMEOUT_S = 60
_PATIENCE_S = 60
# Half of the threads of gunicorn.conf.py, or of XCLOUD_ENGINE_SLOTS and XCLOUD_ENGINE_QUEUE: the smaller.
_CLIENTS_BY_DEFAULT = 9
_BOUNDARY = "benchmark-boundary-5b1d"
_HEAD = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="photo"\r\n\r\n'.encode()
_TAIL = f"\r\n--{_BOUNDARY}--\r\n".encode()


@dataclass(frozen=True, slots=True)
class Server:
    """A running server with its own key; requests go only to the loopback address."""

    port: int
    key: str
    pid: int
    first_answer_s: float = 0.0
    environment: dict[str, str] = field(default_factory=dict)
    local: threading.local = field(default_factory=threading.local)

    def analyze(self, photo: bytes) -> float:
        """Sends a photo on the calling thread's connection; gives milliseconds. Raises RuntimeError if refused."""
        started = time.perf_counter()
        try:
            status, body = self.post(photo)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # The server closes idle connections; try once more on a new one.
            self.local.connection = None
            status, body = self.post(photo)
        if status != http.client.CREATED:
            raise RuntimeError(f"{status}: {body[:300]!r}")
        return (time.perf_counter() - started) * 1000

    def post(self, photo: bytes) -> tuple[int, bytes]:
        """Sends a photo on the calling thread's connection; gives status and body."""
        connection = getattr(self.local, "connection", None)
        if connection is None:
            connection = self.local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_S)
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
        }
        connection.request("POST", "/api/v1/analyses", _HEAD + photo + _TAIL, headers)
        with connection.getresponse() as answer:
            return answer.status, answer.read()

    def close(self) -> None:
        """Ends the calling thread's connection."""
        connection = getattr(self.local, "connection", None)
        if connection is not None:
            connection.close()
            self.local.connection = None

    def new_key(self, name: str) -> str:
        """Another API key for this server."""
        return _new_key(self.environment, name)

    def memory_mb(self) -> float:
        """Resident memory of the server with its engines."""
        return sum(process.memory_info().rss for process in psutil.Process(self.pid).children(recursive=True)) / 2**20


@contextmanager
def start_server(photo: bytes, clients: int = 1) -> Iterator[Server]:
    """Starts a server on a free port, with an empty database of its own; stops it at the end.

    If one key is to send from more ``clients`` at once than a key may by default, threads and queue are made larger.
    """
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        environment = {
            **os.environ,
            "XCLOUD_VAR_DIR": folder,
            "XCLOUD_LOG_LEVEL": "ERROR",
            "DATABASE_URL": "",
            # As the Makefile sets it.
            "MALLOC_ARENA_MAX": "2",
        }
        room = []
        if clients > _CLIENTS_BY_DEFAULT:
            # A key gets half of both. On a machine that is busy otherwise, its last image waits long.
            environment |= {"XCLOUD_ENGINE_QUEUE": str(2 * clients), "XCLOUD_ENGINE_PATIENCE_S": str(_PATIENCE_S)}
            room = ["--threads", str(4 * clients)]
        _manage(environment, "migrate", "--verbosity", "0")
        key = _new_key(environment, "benchmark")
        started = time.perf_counter()
        # All other options come from gunicorn.conf.py, which gunicorn reads in its working directory.
        command = [sys.executable, "-m", "gunicorn", "xcloud.wsgi:application", "--bind", f"127.0.0.1:{port}", *room]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)  # noqa: S603
        try:
            server = Server(port, key, process.pid, environment=environment)
            while True:
                try:
                    server.analyze(photo)
                    break
                except ConnectionRefusedError:
                    server.close()
                    if process.poll() is not None or time.perf_counter() - started > _START_TIMEOUT_S:
                        raise
                    time.sleep(0.02)
            first_answer_s = time.perf_counter() - started
            server.close()
            yield Server(port, key, process.pid, first_answer_s, environment)
        finally:
            process.terminate()
            process.wait(timeout=60)


def _new_key(environment: dict[str, str], name: str) -> str:
    return _manage(environment, "create_api_key", name).splitlines()[-1]


def _manage(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    ).stdout
