"""Measures the engine, stage by stage, on a folder of photos.

``python -m benchmarks.engine --images DIR [--max-side N] --json``: first each photo alone with all threads, then
all photos in parallel, each with one thread.
"""

import argparse
import dataclasses
import json
import resource
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.photos import read_photos
from cv.engine.config import EngineConfig
from cv.engine.runtime import get_engine
from cv.engine.types import AnalysisOptions, Timing

_WARM_UP = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of photos, searched recursively")
    parser.add_argument("--max-side", type=int, help="shrink larger photos to this many pixels first")
    parser.add_argument("--min-face-px", type=int, default=AnalysisOptions().min_face_px)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one line instead of a table")
    arguments = parser.parse_args()
    photos = read_photos(arguments.images, arguments.max_side)
    result = measure(photos, AnalysisOptions(min_face_px=arguments.min_face_px), arguments.threads)
    if arguments.json:
        print(json.dumps(result))
    else:
        _print_table(result)


def measure(photos: list[bytes], options: AnalysisOptions, threads: int) -> dict[str, Any]:
    """The benchmark's JSON object for photos as encoded bytes."""
    alone = get_engine(EngineConfig(threads=threads))
    for photo in photos[:_WARM_UP]:
        alone.analyze(photo, options)
    results = [alone.analyze(photo, options) for photo in tqdm(photos, desc="one by one", unit="img")]
    totals = sorted(result.timing_ms.total for result in results)

    return {
        "images": len(photos),
        "faces": sum(len(result.faces) for result in results),
        "total_ms_median": round(statistics.median(totals), 2),
        "total_ms_p95": round(totals[min(int(len(totals) * 0.95), len(totals) - 1)], 2),
        "stages_ms": {
            stage.name: round(statistics.median(getattr(result.timing_ms, stage.name) for result in results), 2)
            for stage in dataclasses.fields(Timing)
            if stage.name != "total"
        },
        "images_per_second": round(measure_parallel(photos, options, threads), 2),
        "images_per_second_one_by_one": round(1000 * len(photos) / sum(totals), 2),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def measure_parallel(photos: list[bytes], options: AnalysisOptions, threads: int) -> float:
    """Images per second, with one thread per photo and ``threads`` photos in parallel."""
    shared = get_engine(EngineConfig(threads=1))
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda photo: shared.analyze(photo, options), photos[:_WARM_UP]))
        started = time.perf_counter()
        list(pool.map(lambda photo: shared.analyze(photo, options), photos))
        return len(photos) / (time.perf_counter() - started)


def _print_table(result: dict[str, Any]) -> None:
    for name, value in result.items():
        if isinstance(value, dict):
            for stage, milliseconds in value.items():
                print(f"{name + ' ' + stage:32} {milliseconds:>10}")
        else:
            print(f"{name:32} {value:>10}")


if __name__ == "__main__":
    main()
