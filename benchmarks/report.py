"""``make bench``: measures every number that the documentation gives about speed, in one run of a few minutes.

``python -m benchmarks.report [--photos DIR] [--output benchmarks/results]`` writes ``bench.json``, ``bench.svg`` and
``README.md`` with their tables.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import charts, engine, http, scaling
from benchmarks.floor import machine_rates, net_floors
from benchmarks.machine import machine
from benchmarks.markdown import machine_table, table
from benchmarks.photos import read_photos
from benchmarks.scenes import photos_or_scenes
from benchmarks.server import start_server
from cv.engine.config import EngineConfig
from cv.engine.runtime import get_engine
from cv.engine.types import AnalysisOptions

SMALL_PX = 640
CLIENTS = [1, 2, 4, 8, 16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, help="folder of photos; without it, scenes made of packages' pictures")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the server's benchmark")
    parser.add_argument("--soak", type=int, default=0, help="requests of the memory test")
    arguments = parser.parse_args()
    result = measure(photos_or_scenes(arguments.photos), arguments.rounds, arguments.soak)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "bench.json").write_text(json.dumps(result, indent=1) + "\n")
    charts.draw(result, arguments.output / "bench.svg")
    text = tables(result)
    (arguments.output / "README.md").write_text(text)
    print(text)


def measure(folder: Path, rounds: int, soak: int) -> dict[str, Any]:
    """Runs every measurement; gives one JSON object."""
    config = EngineConfig()
    described = machine()
    rates = machine_rates()
    small, full = read_photos(folder, SMALL_PX), read_photos(folder, None)
    sets = {f"at most {SMALL_PX} px": small, "full size": full}
    result: dict[str, Any] = {"machine": described, "rates": rates}
    # First, so that the peak of memory is the engine's alone.
    result["engine"] = {
        name: engine.measure(photos, AnalysisOptions(), config.threads) for name, photos in sets.items()
    }
    loaded = get_engine(config)
    result["floors"] = {
        name: net_floors(loaded, config.weights_dir, photos, rates["gemm_gmacs"]) for name, photos in sets.items()
    }
    result["by_pixels"] = scaling.by_pixels(loaded)
    result["by_faces"] = scaling.by_faces(loaded)
    with start_server(small[0]) as server:
        result["http"] = http.measure(server, small, CLIENTS, rounds)
        result["http_full_size"] = http.measure(server, full, [1, 4, 8], rounds)
        # The same photo each time, so that the remaining spread is waiting time.
        result["http_one_photo"] = http.measure(server, small[:1] * len(small), [1, 8], rounds)
        if soak:
            result["http"]["soak"] = http.soak(server, small, soak)
    return result


def tables(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    parts = ["# Results of `make bench`", "![Stages, pixels, faces and clients](bench.svg)"]
    parts.append(machine_table(result["machine"]))
    for name, measured in result["engine"].items():
        floors = result["floors"][name]
        rows = [(stage, ms) for stage, ms in measured["stages_ms"].items()]
        rows += [("all, median", measured["total_ms_median"]), ("all, p95", measured["total_ms_p95"])]
        parts.append(f"## Photos {name}: {measured['images']}, with {measured['faces']} faces")
        parts.append(table(("stage", "ms"), rows))
        parts.append(
            f"In parallel {measured['images_per_second']} images per second; one by one "
            f"{measured['images_per_second_one_by_one']}."
        )
        heads = ("net", "calls", "rows", "10⁶ multiply-adds", "floor, ms", "measured, ms")
        parts.append(table(heads, [(net, *values.values()) for net, values in floors.items()]))
    parts.append(
        f"The floor is the time of the multiply-adds at {result['rates']['gemm_gmacs']} × 10⁹ per second, the rate of "
        f"a matrix product on this machine; copying memory reaches {result['rates']['copy_gb_per_second']} GB/s."
    )
    parts += [f"## Over HTTP, photos at most {SMALL_PX} px", _http_table(result["http"])]
    parts += ["## Over HTTP, photos full size", _http_table(result["http_full_size"])]
    parts += ["## Over HTTP, one photo of one face again and again", _http_table(result["http_one_photo"])]
    for name in ("by_pixels", "by_faces"):
        rows = result[name]
        parts += [
            f"## {name.replace('_', ' ').capitalize()}",
            table(tuple(rows[0]), [tuple(r.values()) for r in rows]),
        ]
    return "\n\n".join(parts) + "\n"


def _http_table(measured: dict[str, Any]) -> str:
    rows = [(name.removeprefix("clients_"), *row.values()) for name, row in measured.items() if "clients" in name]
    heads = ("clients", "requests/s", "share of the engine", "median ms", "p95", "p99", "p95 / median alone")
    facts = (
        f"The engine alone: {measured['engine_images_per_second']} images per second. First answer "
        f"{measured['first_answer_s']} s after the start. Memory {measured['memory_mb_before']} MB, then "
        f"{measured['memory_mb_after']} MB."
    )
    if soak := measured.get("soak"):
        facts += (
            f" Over {soak['requests']:,} requests it grew by {soak['growth']:.2%}, from {soak['memory_mb_warm']} to "
            f"{soak['memory_mb_after']} MB."
        )
    return f"{table(heads, rows)}\n\n{facts}"


if __name__ == "__main__":
    main()
