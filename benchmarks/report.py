"""``make bench``: measures every number that the documentation gives about speed, in one run of a few minutes.

``python -m benchmarks.report [--photos DIR] [--output benchmarks/results]`` writes ``bench.json``, ``bench.svg``,
``growth.svg`` and ``README.md`` with their tables, and docs/performance.md. If something got slower than in the
``bench.json`` that is there, it writes them to ``.cache/bench`` instead and fails.
"""

import argparse
import hashlib
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import charts, engine, guard, http, scaling
from benchmarks.checks import check_costs
from benchmarks.floor import machine_rates, net_floors
from benchmarks.machine import machine
from benchmarks.markdown import machine_table, table
from benchmarks.photos import read_photos
from benchmarks.scenes import CACHE, photos_or_scenes
from benchmarks.server import ROOT, start_server
from benchmarks.yardstick import in_products
from cv.engine.config import EngineConfig
from cv.engine.runtime import get_engine
from cv.engine.types import AnalysisOptions
from training.measure.pages import replace_section

SMALL_PX = 640
CLIENTS = [1, 2, 4, 8, 16, 32, 64]
RESULTS = ROOT / "benchmarks" / "results"
REJECTED = CACHE / "bench"
PAGE = ROOT / "docs" / "performance.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, help="folder of photos; without it, scenes made of packages' pictures")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the server's benchmark")
    parser.add_argument("--soak", type=int, default=0, help="requests of the memory test")
    parser.add_argument("--result", type=Path, help="accept this bench.json, measured before, instead of measuring")
    arguments = parser.parse_args()
    if arguments.result:
        write(json.loads(arguments.result.read_text()), arguments.output)
        return
    result = measure(photos_or_scenes(arguments.photos), arguments.rounds, arguments.soak)
    file = arguments.output / "bench.json"
    worse, notes = guard.compare(json.loads(file.read_text()), result) if file.exists() else ([], [])
    write(result, REJECTED if worse else arguments.output)
    print(tables(result))
    print("\n".join(["Not compared with the earlier results:", *notes] if notes else []))
    if worse:
        sys.exit(
            "\n".join(
                [
                    f"Worse than {file} by more than {guard.ALLOWED:.0%}:",
                    *worse,
                    f"The results are in {REJECTED}. To accept them: python -m benchmarks.report --result "
                    f"{REJECTED / file.name}",
                ]
            )
        )


def write(result: dict[str, Any], output: Path) -> None:
    """Writes the results as JSON, pictures and tables; those of RESULTS into the documentation, too."""
    output.mkdir(parents=True, exist_ok=True)
    (output / "bench.json").write_text(json.dumps(result, indent=1) + "\n")
    charts.draw(result, output / "bench.svg")
    charts.draw_growth(result["growth"], output / "growth.svg")
    (output / "README.md").write_text(tables(result))
    if output.resolve() == RESULTS:
        replace_section(PAGE, "growth", growth_section(result))


def measure(folder: Path, rounds: int, soak: int) -> dict[str, Any]:
    """Runs every measurement; gives one JSON object."""
    config = EngineConfig()
    described = machine()
    clock = _Clock()
    rates = machine_rates()
    small, full = read_photos(folder, SMALL_PX), read_photos(folder, None)
    sets = {f"at most {SMALL_PX} px": small, "full size": full}
    result: dict[str, Any] = {
        "machine": described,
        "photos": hashlib.sha256(b"".join(full)).hexdigest(),
        "rates": rates,
    }
    # First, so that the peak of memory is the engine's alone.
    result["engine"] = {
        name: engine.measure(photos, AnalysisOptions(), config.threads) for name, photos in sets.items()
    }
    loaded, one = get_engine(config), get_engine(EngineConfig(threads=1))
    for name, photos in sets.items():
        result["engine"][name]["products"] = in_products([partial(one.analyze, photo) for photo in photos])
    clock.end("engine")
    result["floors"] = {
        name: net_floors(loaded, config.weights_dir, photos, rates["gemm_gmacs"]) for name, photos in sets.items()
    }
    result["checks"] = check_costs(one, small)
    clock.end("floors")
    result["by_pixels"] = scaling.by_pixels(loaded, one)
    clock.end("pixels")
    result["by_faces"] = scaling.by_faces(loaded, one)
    clock.end("faces")
    with start_server(small[0], max(CLIENTS)) as server:
        result["http"] = http.measure(server, small, CLIENTS, rounds)
        result["http_full_size"] = http.measure(server, full, [1, 4, 8], rounds)
        # The same photo each time, so that the remaining spread is waiting time.
        result["http_one_photo"] = http.measure(server, small[:1] * len(small), [1, 8], rounds)
        if soak:
            result["http"]["soak"] = http.soak(server, small, soak)
    clock.end("http")
    result["by_gallery"] = scaling.by_gallery()
    clock.end("gallery")
    return result | {"growth": scaling.growth(result), "seconds": clock.seconds}


class _Clock:
    """The seconds that each part took."""

    def __init__(self) -> None:
        self.seconds: dict[str, int] = {}
        self._began = time.monotonic()

    def end(self, part: str) -> None:
        began, self._began = self._began, time.monotonic()
        self.seconds[part] = round(self._began - began)


def growth_section(result: dict[str, Any]) -> str:
    """The table of exponents, as it stands in the documentation."""
    heads = ("what grows", "from – to", "cost", "from – to", "exponent", "of the upper half")
    rows = []
    for curve in result["growth"].values():
        sizes, costs = zip(*curve["points"], strict=True)
        ends = [f"{values[0]:,g} – {values[-1]:,g}" for values in (sizes, costs)]
        rows.append((curve["of"], ends[0], curve["cost"], ends[1], curve["exponent"], curve["exponent_upper_half"]))
    return f"\n{table(heads, rows)}\n\n"


def tables(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    parts = ["# Results of `make bench`", "![Stages, pixels, faces and clients](bench.svg)"]
    parts.append(machine_table(result["machine"]))
    for name, measured in result["engine"].items():
        floors, products = result["floors"][name], measured.get("products")
        rows = [(stage, ms) for stage, ms in measured["stages_ms"].items()]
        rows += [("all, median", measured["total_ms_median"]), ("all, p95", measured["total_ms_p95"])]
        parts.append(f"## Photos {name}: {measured['images']}, with {measured['faces']} faces")
        parts.append(table(("stage", "ms"), rows))
        parts.append(
            f"In parallel {measured['images_per_second']} images per second; one by one "
            f"{measured['images_per_second_one_by_one']}."
            + (f" A photo takes the processor time of {products} matrix products." if products else "")
        )
        heads = ("net", "calls", "rows", "10⁶ multiply-adds", "floor, ms", "measured, ms")
        parts.append(table(heads, [(net, *values.values()) for net, values in floors.items()]))
    parts.append(
        f"The floor is the time of the multiply-adds at {result['rates']['gemm_gmacs']} × 10⁹ per second, the rate of "
        f"a matrix product on this machine; copying memory reaches {result['rates']['copy_gb_per_second']} GB/s."
    )
    if checks := result.get("checks"):
        parts.append(
            f"A face costs {checks['together']} ms of a core beside its answers, on average of {checks['faces']}: "
            f"{checks['second crop']} for the chip of the last check, {checks['check']} for the check, "
            f"{checks['quality']} for its quality."
        )
    parts += [f"## Over HTTP, photos at most {SMALL_PX} px", _http_table(result["http"])]
    parts += ["## Over HTTP, photos full size", _http_table(result["http_full_size"])]
    parts += ["## Over HTTP, one photo of one face again and again", _http_table(result["http_one_photo"])]
    parts += ["## How cost grows", "![Curves and exponents](growth.svg)", growth_section(result).strip()]
    for name in ("by_pixels", "by_faces", "by_gallery"):
        if grown := result.get(name):
            heads = tuple(head.replace("_", " ") for head in grown[0])
            parts += [f"## {name.replace('_', ' ').capitalize()}", table(heads, [tuple(row.values()) for row in grown])]
    if seconds := result.get("seconds"):
        parts.append("The run took " + ", ".join(f"{n} s for {part}" for part, n in seconds.items()) + ".")
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
