"""Measures the server's speed and compares it with the engine alone in the same run.

``python -m benchmarks.http --images DIR [--max-side N] [--clients 1 8] [--rounds N] [--soak N] --json``: starts a
server as ``make serve`` does. In turns, the engine analyzes all photos, then each number of clients sends all photos to
``POST /api/v1/analyses``, so that other load on the machine slows both equally. ``--soak N`` then sends N more requests
and reports how memory grew.
"""

import argparse
import itertools
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.photos import read_photos
from benchmarks.server import Server, start_server
from cv.engine.config import EngineConfig
from cv.engine.pipeline import Engine
from cv.engine.runtime import get_engine

_AT_ONCE = 2
# How often each photo is sent in a turn, at least; and how many requests each client sends, at least.
_PASSES = 3
_OF_EACH = 4
_WARM_UP = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of photos, searched recursively")
    parser.add_argument("--max-side", type=int, help="shrink larger photos to this many pixels first")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    parser.add_argument(
        "--rounds", type=int, default=4, help="rounds of the engine and of each number of clients, in turn"
    )
    parser.add_argument("--soak", type=int, default=0, help="requests of the memory test")
    parser.add_argument("--json", action="store_true", help="one line instead of an indented report")
    arguments = parser.parse_args()
    photos = read_photos(arguments.images, arguments.max_side)
    with start_server(photos[0], max(arguments.clients)) as server:
        result = measure(server, photos, arguments.clients, arguments.rounds)
        if arguments.soak:
            result["soak"] = soak(server, photos, arguments.soak)
    print(json.dumps(result, indent=None if arguments.json else 1))


def measure(server: Server, photos: list[bytes], clients: list[int], rounds: int) -> dict[str, Any]:
    """Runs the rounds; gives the benchmark's JSON object."""
    engine = get_engine(EngineConfig(threads=1))
    for photo in itertools.islice(itertools.cycle(photos), _WARM_UP):
        server.analyze(photo)
        engine.analyze(photo)
    memory = server.memory_mb()
    turn = photos * _PASSES
    engine_s = 0.0
    seconds = dict.fromkeys(clients, 0.0)
    requests = dict.fromkeys(clients, 0)
    times: dict[int, list[float]] = {count: [] for count in clients}
    for _ in tqdm(range(rounds), desc="engine, then server", unit="round"):
        engine_s += _engine_seconds(engine, turn)
        for count in clients:
            sent = list(itertools.islice(itertools.cycle(photos), max(len(turn), _OF_EACH * count)))
            spent, answered = _send(server, sent, count)
            seconds[count] += spent
            requests[count] += len(sent)
            # The first request of each client finds the others only beginning.
            times[count] += answered[count:]
    engine_rate = rounds * len(turn) / engine_s
    result: dict[str, Any] = {
        "first_answer_s": round(server.first_answer_s, 2),
        "memory_mb_before": round(memory, 1),
        "memory_mb_after": round(server.memory_mb(), 1),
        "engine_images_per_second": round(engine_rate, 2),
    }
    alone = statistics.median(times[min(clients)])
    for count in clients:
        ordered = sorted(times[count])
        p95 = ordered[int(len(ordered) * 0.95)]
        result[f"clients_{count}"] = {
            "requests_per_second": round(requests[count] / seconds[count], 2),
            "share_of_engine": round(requests[count] / seconds[count] / engine_rate, 3),
            "ms_median": round(statistics.median(ordered), 1),
            "ms_p95": round(p95, 1),
            "ms_p99": round(ordered[int(len(ordered) * 0.99)], 1),
            "p95_over_median_alone": round(p95 / alone, 2),
        }
    return result


def soak(server: Server, photos: list[bytes], requests: int, clients: int = 4) -> dict[str, Any]:
    """Memory after a tenth of the requests, when every thread and buffer has been used, and after the last request."""
    warm = requests // 10
    _send(server, list(itertools.islice(itertools.cycle(photos), warm)), clients)
    before = server.memory_mb()
    _send(server, list(itertools.islice(itertools.cycle(photos), requests - warm)), clients)
    after = server.memory_mb()
    return {
        "requests": requests,
        "memory_mb_warm": round(before, 1),
        "memory_mb_after": round(after, 1),
        "growth": round(after / before - 1, 4),
    }


def _engine_seconds(engine: Engine, photos: list[bytes]) -> float:
    started = time.perf_counter()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(engine.analyze, photos))
    return time.perf_counter() - started


def _send(server: Server, photos: list[bytes], clients: int) -> tuple[float, list[float]]:
    """Sends all photos; gives the total seconds and each request's milliseconds."""
    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        times = list(pool.map(server.analyze, photos))
    return time.perf_counter() - started, times


if __name__ == "__main__":
    main()
