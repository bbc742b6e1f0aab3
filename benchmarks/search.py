"""Measures the search backends: time a query, recall, build time and memory; `python -m benchmarks.search --help`.

The vectors are random, in people: several faces around each of many directions. Exact search takes the same time for
any vectors, and so do the backends here.
"""

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np
import psutil
from threadpoolctl import threadpool_limits

from benchmarks.machine import machine
from benchmarks.yardstick import cpu_seconds
from cv.search import exact
from cv.search.base import VectorIndex, Vectors, as_keys
from cv.search.exact import ExactIndex

DIMENSIONS: Final = 128
FACES_A_PERSON: Final = 4
FOUND: Final = 10
CLIENTS: Final = 8
BUILT_AT_ONCE: Final = 20_000
OUTPUT: Final = Path(__file__).resolve().parent / "results" / "search.json"


def faces(count: int, seed: int = 0) -> Vectors:
    """Unit vectors, float32 (N, 128); every fourth one is a new person."""
    random = np.random.default_rng(seed)
    rows = random.standard_normal((count, DIMENSIONS), np.float32)
    people = rows[::FACES_A_PERSON]
    rows = people[np.arange(count) // FACES_A_PERSON] + 0.5 * rows
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


@contextmanager
def numpy_index() -> Iterator[VectorIndex]:
    bulk, exact.BULK = exact.BULK, 1 << 60  # type: ignore[misc]
    try:
        yield ExactIndex()
    finally:
        exact.BULK = bulk  # type: ignore[misc]


@contextmanager
def faiss_index() -> Iterator[VectorIndex]:
    yield ExactIndex()


@contextmanager
def pgvector_index() -> Iterator[VectorIndex]:
    import pgserver
    import psycopg

    from cv.search.pgvector import PgvectorIndex

    with tempfile.TemporaryDirectory() as folder:
        server = pgserver.get_server(folder)
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            yield PgvectorIndex(connection.cursor)
        server.cleanup()


@contextmanager
def milvus_index() -> Iterator[VectorIndex]:
    from cv.search.milvus import MilvusIndex

    with tempfile.TemporaryDirectory() as folder:
        yield MilvusIndex(f"{folder}/faces.db")


BACKENDS: Final[dict[str, Callable[[], Any]]] = {
    "numpy": numpy_index,
    "faiss": faiss_index,
    "pgvector": pgvector_index,
    "milvus-lite": milvus_index,
}


def measured(name: str, vectors: Vectors, queries: int) -> dict[str, Any]:
    """One backend with these vectors. Memory is of this process only."""
    probes, gallery = faces(queries, seed=1), uuid4()
    probes[::2] = vectors[:: max(1, len(vectors) * 2 // queries)][: len(probes[::2])]
    truth = np.argsort(-(probes @ vectors.T), axis=1)[:, :FOUND] + 1
    process, keys = psutil.Process(), as_keys(range(1, len(vectors) + 1))
    before = process.memory_info().rss
    with BACKENDS[name]() as index:
        began, cpu = time.perf_counter(), time.process_time()
        for start in range(0, len(vectors), BUILT_AT_ONCE):
            index.add(gallery, keys[start : start + BUILT_AT_ONCE], vectors[start : start + BUILT_AT_ONCE])
        built, built_cpu = time.perf_counter() - began, time.process_time() - cpu
        memory = process.memory_info().rss - before
        index.search(gallery, probes[:1], FOUND)
        walls, cpus, bare, found = [], [], [], []
        for probe in probes:
            wall, cpu = time.perf_counter(), time.process_time()
            (hits,) = index.search(gallery, probe[None], FOUND)
            walls.append(1000 * (time.perf_counter() - wall))
            cpus.append(1000 * (time.process_time() - cpu))
            found.append([hit.key for hit in hits])
            with threadpool_limits(1, "blas"):
                bare.append(1000 * cpu_seconds(lambda probe=probe: vectors @ probe))  # type: ignore[misc]
        at_once = clients_rate(index, gallery, probes)
    recall = np.mean([len(set(ours) & set(best)) / len(best) for ours, best in zip(found, truth.tolist(), strict=True)])
    return {
        "backend": name,
        "faces": len(vectors),
        "ms_p50": round(float(np.percentile(walls, 50)), 2),
        "ms_p95": round(float(np.percentile(walls, 95)), 2),
        "cpu_ms_p50": round(float(np.percentile(cpus, 50)), 2),
        # Of the processor time of one matrix product with all vectors, measured in turn.
        "of_bare_product": round(float(np.percentile(cpus, 50) / np.percentile(bare, 50)), 2),
        "queries_per_second_of_8_clients": round(at_once, 1),
        "recall_at_10": round(float(recall), 4),
        "build_s": round(built, 1),
        "build_cpu_s": round(built_cpu, 1),
        "memory_mb": round(memory / 1e6),
    }


def clients_rate(index: VectorIndex, gallery: Any, probes: Vectors) -> float:
    """Queries a second of eight threads that search at once."""

    def search(start: int) -> None:
        for probe in probes[start::CLIENTS]:
            index.search(gallery, probe[None], FOUND)

    threads = [threading.Thread(target=search, args=(start,)) for start in range(CLIENTS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(probes) / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--backends", nargs="+", choices=list(BACKENDS), default=list(BACKENDS))
    parser.add_argument("--queries", type=int, default=64)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    rows = []
    for size in options.sizes:
        vectors = faces(size)
        for name in options.backends:
            rows.append(measured(name, vectors, options.queries))
            print(json.dumps(rows[-1]), flush=True)
            options.output.write_text(json.dumps({"machine": machine(), "results": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
