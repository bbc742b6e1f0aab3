"""Sends more than the server can take, and counts the answers.

``python -m benchmarks.storm --images DIR [--max-side N] [--clients 64] [--seconds 60] --json``: starts a server as
``make serve`` does, on the loopback address. Many clients of one key send photos without a pause for the given time,
while one client of another key sends a photo every second. Every request must be answered: 201, or 503 with
``Retry-After``.
"""

import argparse
import http.client
import itertools
import json
import statistics
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.photos import read_photos
from benchmarks.server import Server, start_server

MAX_CLIENTS: Final = 200
MAX_SECONDS: Final = 300
LOST: Final = "lost"
# What a refused client waits, although Retry-After asks for seconds: the storm is meant to be rude.
_PAUSE_S: Final = 0.2
_OTHER_EVERY_S: Final = 1.0
_ALONE: Final = 10


@dataclass(slots=True)
class Answers:
    """The answers of one key's clients. Thread-safe."""

    counts: Counter[str] = field(default_factory=Counter)
    ms: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, outcome: str, ms: float) -> None:
        with self.lock:
            self.counts[outcome] += 1
            if outcome == str(http.client.CREATED):
                self.ms.append(ms)

    def report(self) -> dict[str, Any]:
        median = round(statistics.median(self.ms), 1) if self.ms else None
        return {"answers": dict(sorted(self.counts.items())), "ms_median": median}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of photos, searched recursively")
    parser.add_argument("--max-side", type=int, help="shrink larger photos to this many pixels first")
    parser.add_argument("--clients", type=int, default=64, choices=range(1, MAX_CLIENTS + 1), metavar="N")
    parser.add_argument("--seconds", type=int, default=60, choices=range(1, MAX_SECONDS + 1), metavar="N")
    parser.add_argument("--json", action="store_true", help="one line instead of an indented report")
    arguments = parser.parse_args()
    photos = read_photos(arguments.images, arguments.max_side)
    with start_server(photos[0]) as server:
        result = measure(server, photos, arguments.clients, arguments.seconds)
    print(json.dumps(result, indent=None if arguments.json else 1))


def measure(server: Server, photos: list[bytes], clients: int, seconds: float) -> dict[str, Any]:
    """Sends the storm; gives the benchmark's JSON object."""
    other = Server(server.port, server.new_key("other"), server.pid)
    alone, stormed, beside = Answers(), Answers(), Answers()
    for photo in itertools.islice(itertools.cycle(photos), _ALONE):
        send(other, photo, alone)
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_storm, args=(server, photos[start:] + photos[:start], until, stormed))
        for start in (client % len(photos) for client in range(clients))
    ]
    for thread in threads:
        thread.start()
    for photo in itertools.cycle(photos):
        if time.monotonic() >= until:
            break
        send(other, photo, beside)
        # The server may close an idle connection at the moment when the next request is sent on it.
        other.close()
        time.sleep(_OTHER_EVERY_S)
    for thread in threads:
        thread.join()
    return {
        "clients": clients,
        "seconds": seconds,
        "storm": stormed.report(),
        "other_key_alone": alone.report(),
        "other_key_beside": beside.report(),
    }


def send(server: Server, photo: bytes, answers: Answers) -> str:
    """Sends a photo and counts its outcome: the status, or ``LOST`` if there was no whole answer."""
    started = time.perf_counter()
    try:
        status, body = server.post(photo)
        json.loads(body)
        outcome = str(status)
    except (OSError, http.client.HTTPException, ValueError):
        server.close()
        outcome = LOST
    answers.add(outcome, (time.perf_counter() - started) * 1000)
    return outcome


def _storm(server: Server, photos: list[bytes], until: float, answers: Answers) -> None:
    for photo in itertools.cycle(photos):
        if time.monotonic() >= until:
            return
        if send(server, photo, answers) != str(http.client.CREATED):
            time.sleep(_PAUSE_S)


if __name__ == "__main__":
    main()
