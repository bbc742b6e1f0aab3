"""``make bench-jobs``: compares jobs with one, two and four workers with the engine alone, and measures memory.

``python -m benchmarks.jobs [--photos DIR] [--postgresql URL] [--redis URL]`` writes ``jobs.json``, ``jobs.svg`` and
``jobs.md``. It creates the named database and drops it; without PostgreSQL or Redis it measures only SQLite.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import psycopg.sql
import redis
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.machine import machine
from benchmarks.markdown import machine_table, table
from benchmarks.scenes import photos_or_scenes

SMALL_PX = 160
SHARED, ALONE = "PostgreSQL and Redis", "SQLite, no broker"
ONE = "1 worker × 2 threads"
CURVE = {1: "1 worker × 1 thread", 2: "2 workers × 1 thread", 4: "4 workers × 1 thread"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, help="folder of photos; without it, scenes made of packages' pictures")
    parser.add_argument("--postgresql", default="postgres://postgres@127.0.0.1:5432/xcloud_bench_jobs")
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/9")
    parser.add_argument("--items", type=int, default=160, help="images of each round's job")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-items", type=int, default=10_000)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    parser.add_argument(
        "--part", choices=["rates", "memory"], help="measure only this; the other part keeps its last result"
    )
    arguments = parser.parse_args()
    arguments.photos = photos_or_scenes(arguments.photos)
    arguments.output.mkdir(parents=True, exist_ok=True)
    file = arguments.output / "jobs.json"
    result = json.loads(file.read_text()) if arguments.part and file.exists() else {}
    if arguments.part != "memory":
        result |= {"machine": machine(), "rates": measure_rates(arguments)}
    if arguments.part != "rates":
        result |= {"machine_of_memory": machine(), "memory": measure_memory(arguments)}
    file.write_text(json.dumps(result) + "\n")
    draw(result, arguments.output / "jobs.svg")
    text = tables(result)
    (arguments.output / "jobs.md").write_text(text)
    print(text)


def measure_rates(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measures the rates of the engine and of each crew, by setup."""
    rounds = ["--images", str(arguments.photos), "--items", str(arguments.items), "--rounds", str(arguments.rounds)]
    rates: dict[str, Any] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if not (why := _explain_unusable(arguments)):
            _make_database(stack, arguments.postgresql)
            crews = ["--crews", "[[1, 2], [2, 1], [1, 1], [4, 1]]"]
            rates[SHARED] = _run_rounds(folder, arguments.postgresql, arguments.redis, [*rounds, *crews])
        else:
            print(f"only SQLite: {why}", file=sys.stderr)
        rates[ALONE] = _run_rounds(folder, _sqlite(folder), "", [*rounds, "--crews", "[[1, 2]]"])
    return rates


def measure_memory(arguments: argparse.Namespace) -> Any:
    """Measures one worker's memory over a long job, on SQLite."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _shrink(arguments.photos, folder / "small")
        options = ["--images", str(folder / "small"), "--items", "8", "--rounds", "0", "--crews", "[[1, 2]]"]
        long_job = ["--memory-items", str(arguments.memory_items)]
        return _run_rounds(folder, _sqlite(folder), "", [*options, *long_job])["memory"]


def _sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'xcloud.sqlite3'}"


def _run_rounds(folder: Path, database: str, broker: str, options: list[str]) -> Any:
    settings = {
        "DATABASE_URL": database,
        "XCLOUD_BROKER_URL": broker,
        "XCLOUD_VAR_DIR": str(folder),
        "XCLOUD_WEBHOOK_THREAD": "0",
        "XCLOUD_LOG_LEVEL": "WARNING",
    }
    finished = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-m", "benchmarks.job_rounds", *options],
        env={**os.environ, **settings},
        check=True,
        stdout=subprocess.PIPE,
    )
    return json.loads(finished.stdout.splitlines()[-1])


def _explain_unusable(arguments: argparse.Namespace) -> str:
    """Why PostgreSQL or Redis cannot be used; empty if both can."""
    try:
        psycopg.connect(_maintenance(arguments.postgresql), connect_timeout=3).close()
        with redis.Redis.from_url(arguments.redis, socket_timeout=3) as client:
            client.ping()
    except (psycopg.Error, redis.RedisError) as error:
        return str(error).strip().splitlines()[0]
    return ""


def _maintenance(url: str) -> str:
    return urlsplit(url)._replace(path="/postgres").geturl()


def _make_database(stack: ExitStack, url: str) -> None:
    name = psycopg.sql.Identifier(urlsplit(url).path.lstrip("/"))
    server = stack.enter_context(psycopg.connect(_maintenance(url), autocommit=True))
    drop = psycopg.sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name)
    server.execute(drop)
    server.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(name))
    stack.callback(server.execute, drop)


def _shrink(photos: Path, folder: Path) -> None:
    """Writes small copies of every photo, of different sizes as real photos are."""
    folder.mkdir()
    for number, path in enumerate(sorted(photos.rglob("*.jpg"))):
        with Image.open(path) as image:
            small = image.convert("RGB")
            small.thumbnail((SMALL_PX + number, SMALL_PX + number))
            small.save(folder / path.name, quality=90)


def draw(result: dict[str, Any], file: Path) -> None:
    """Draws three charts as SVG: rates beside the engine's, rate by workers, memory."""
    figure = Figure(figsize=(13, 4), layout="constrained")
    rates, workers, memory = figure.subplots(1, 3)
    setups = result.get("rates", {})
    at = range(len(setups))
    for shift, name, colour in ((-0.2, "the engine by itself", "#9aa5b1"), (0.2, "a job", "#3f7cac")):
        heights = [_of(setup, name == "a job")["images_per_second"] for setup in setups.values()]
        rates.bar([place + shift for place in at], heights, width=0.4, label=name, color=colour)
    rates.set_xticks(list(at), list(setups))
    rates.set(title="Two threads", ylabel="images a second")
    rates.legend(loc="lower right")
    if shared := setups.get(SHARED):
        counts = [shared["jobs"][name]["images_per_second"] for name in CURVE.values()]
        workers.plot(list(CURVE), counts, marker="o", color="#3f7cac")
        workers.axhline(shared["engine"]["images_per_second"], color="#444", linestyle="--", label="engine, 2 threads")
        workers.set(title="Workers of one thread, one broker and database", xlabel="workers", ylim=(0, None))
        workers.set_xticks(list(CURVE))
        workers.legend(loc="lower right")
    curve = result.get("memory", {}).get("curve", [])
    memory.plot([done for done, _ in curve], [mb for _, mb in curve], color="#e08e45")
    memory.set(title="One worker's memory", xlabel="images done", ylabel="MB", ylim=(0, None))
    figure.savefig(file, metadata={"Date": None})


def _of(measured: dict[str, Any], job: bool) -> dict[str, Any]:
    row: dict[str, Any] = measured["jobs"][ONE] if job else measured["engine"]
    return row


def tables(result: dict[str, Any]) -> str:
    """The results as Markdown."""
    parts = ["# Results of `make bench-jobs`", "![Rates, workers and memory](jobs.svg)"]
    described = result.get("machine") or result["machine_of_memory"]
    parts.append(machine_table(described))
    heads = (
        "workers",
        "images/s, median",
        "each round",
        "share of the engine",
        "processor ms per image",
        "servers' processor ms per image",
    )
    for setup, measured in result.get("rates", {}).items():
        engine = measured["engine"]
        rows = [("the engine, 2 threads", *_cells(engine, engine))]
        rows += [(name, *_cells(row, engine)) for name, row in measured["jobs"].items()]
        parts += [f"## {setup}", table(heads, rows)]
    if memory := result.get("memory"):
        parts.append(
            f"A worker's memory over a job of {memory['images']:,} small images, {memory['images_per_second']} per "
            f"second: {memory['mb_of_the_second_tenth']} MB in the second tenth of it, "
            f"{memory['mb_of_the_last_tenth']} MB in the last, {memory['growth']:+.1%}."
        )
    parts.append(
        "Every round runs the engine and then each crew on the same photos; the other crews idle. "
        "The last column is the processor time of PostgreSQL and Redis."
    )
    return "\n\n".join(parts) + "\n"


def _cells(row: dict[str, Any], engine: dict[str, Any]) -> tuple[Any, ...]:
    share = row["images_per_second"] / engine["images_per_second"]
    return (
        row["images_per_second"],
        ", ".join(map(str, row["rounds"])),
        f"{share:.0%}",
        row["cpu_ms_an_image"],
        row.get("servers_cpu_ms_an_image", ""),
    )


if __name__ == "__main__":
    main()
