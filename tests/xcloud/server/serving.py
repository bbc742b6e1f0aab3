"""Starts the server with the tests' application."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
THREADS = 4


@contextlib.contextmanager
def served(folder: Path, upload_bytes: int = 2_000_000, threads: int = THREADS) -> Iterator[int]:
    """The port of a server with room for this many bytes of bodies, half of them for one caller."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    environment = {
        **os.environ,
        "XCLOUD_VAR_DIR": str(folder),
        "XCLOUD_UPLOAD_BYTES": str(upload_bytes),
        "DJANGO_SETTINGS_MODULE": "xcloud.settings",
    }
    command = ["gunicorn", "tests.xcloud.server.app", "--bind", f"127.0.0.1:{number}", "--threads", str(threads)]
    with subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=environment) as process:
        try:
            for _ in range(200):
                # gunicorn listens before its worker is ready: only an answer shows that it is.
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", number), 30) as probe:
                    probe.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                    if probe.recv(100):
                        break
                time.sleep(0.1)
            yield number
        finally:
            process.terminate()
