"""How fast the server is: starts one of its own on a free port, loads it for a bounded time, and stops it.

``python -m benchmarks.http --images DIR [--max-side N] [--clients 1 8] [--requests N] --json``: for each number of
clients, requests a second and percentiles of ``POST /api/v1/analyses``; the server's memory before and after; the time
from start to first answer. Only the loopback address is ever asked.
"""

import argparse
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.photos import read_photos

ROOT = Path(__file__).resolve().parents[1]
_START_TIMEOUT_S = 60
_BOUNDARY = "benchmark-boundary-5b1d"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server with a key of its own."""

    url: str
    key: str
    pid: int
    first_answer_s: float

    def analyze(self, photo: bytes) -> float:
        """Milliseconds of one request. Raises RuntimeError on any answer but 201."""
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="photo"\r\n\r\n'
        request = urllib.request.Request(  # noqa: S310  (the address is this module's own server)
            f"{self.url}/api/v1/analyses",
            data=head.encode() + photo + f"\r\n--{_BOUNDARY}--\r\n".encode(),
            headers={
                "Authorization": f"Bearer {self.key}",
                "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
            },
        )
        started = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                answer.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{error.code}: {error.read()[:300]!r}") from error
        return (time.perf_counter() - started) * 1000

    def memory_mb(self) -> float:
        """Resident memory of the worker process."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        fields = (Path("/proc") / children[0] / "statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of photos, searched recursively")
    parser.add_argument("--max-side", type=int, help="shrink larger photos to this many pixels first")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--requests", type=int, default=200, help="requests for each number of clients")
    parser.add_argument("--json", action="store_true", help="one line instead of an indented report")
    arguments = parser.parse_args()
    photos = read_photos(arguments.images, arguments.max_side)
    with serving(photos[0]) as server:
        result = measure(server, photos, arguments.clients, arguments.requests)
    print(json.dumps(result, indent=None if arguments.json else 1))


def measure(server: Server, photos: list[bytes], clients: list[int], requests: int) -> dict[str, Any]:
    """The benchmark's JSON object."""
    result: dict[str, Any] = {"first_answer_s": round(server.first_answer_s, 2)}
    for photo in photos[:10]:
        server.analyze(photo)
    result["memory_mb_before"] = round(server.memory_mb(), 1)
    for count in clients:
        work = list(itertools.islice(itertools.cycle(photos), requests))
        started = time.perf_counter()
        with ThreadPoolExecutor(count) as pool:
            times = sorted(tqdm(pool.map(server.analyze, work), total=requests, desc=f"{count} clients", unit="req"))
        seconds = time.perf_counter() - started
        result[f"clients_{count}"] = {
            "requests_per_second": round(requests / seconds, 2),
            "ms_median": round(statistics.median(times), 1),
            "ms_p95": round(times[int(len(times) * 0.95)], 1),
            "ms_p99": round(times[int(len(times) * 0.99)], 1),
        }
    result["memory_mb_after"] = round(server.memory_mb(), 1)
    return result


@contextmanager
def serving(photo: bytes) -> Iterator[Server]:
    """A server on a free port of this machine, with an empty database of its own, stopped at the end."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        environment = {**os.environ, "XCLOUD_VAR_DIR": folder, "XCLOUD_LOG_LEVEL": "ERROR", "DATABASE_URL": ""}
        _manage(environment, "migrate", "--verbosity", "0")
        key = _manage(environment, "create_api_key", "benchmark").splitlines()[-1]
        started = time.perf_counter()
        command = [
            sys.executable, "-m", "gunicorn", "xcloud.wsgi:application", "--bind", f"127.0.0.1:{port}",
            "--worker-class", "gthread", "--workers", "1", "--threads", "24", "--no-control-socket",
        ]  # fmt: skip
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)  # noqa: S603
        try:
            server = Server(f"http://127.0.0.1:{port}", key, process.pid, 0)
            while True:
                try:
                    server.analyze(photo)
                    break
                except (urllib.error.URLError, ConnectionError):
                    if process.poll() is not None or time.perf_counter() - started > _START_TIMEOUT_S:
                        raise
                    time.sleep(0.02)
            yield Server(server.url, key, process.pid, time.perf_counter() - started)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _manage(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    ).stdout


if __name__ == "__main__":
    main()
