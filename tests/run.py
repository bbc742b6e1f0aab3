"""Runs every check and test that this machine supports, and lists those that could not run."""

# ruff: noqa: T201 -- a command-line program that starts only the commands named below.

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from urllib.parse import urlsplit

from tests import node
from tests.chromium import NAMES, find_chromium

ROOT = Path(__file__).resolve().parent.parent
# Two clones on one machine must not share a test database.
DATABASE = f"xcloud_{zlib.crc32(str(ROOT).encode()):08x}"
DATABASE_TESTS = ["tests/cv", "tests/api", "tests/web"]
FAILURE_TESTS = "tests/failures"


@dataclass(frozen=True)
class Service:
    """A server that some tests need. ``url`` names its port; ``probe`` raises if ``url`` cannot be used."""

    name: str
    url: str
    programs: tuple[str, ...]
    probe: Callable[[str], None]

    def unusable(self) -> str:
        """Why the tests cannot use it; empty if they can."""
        try:
            self.probe(self.url)
        except Exception as error:
            return str(error).strip().splitlines()[0]
        return ""

    def expected(self) -> bool:
        """Whether this machine should be able to test against it: it is installed, or its port answers."""
        folders = [os.environ.get("PATH", ""), "/usr/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
        if any(shutil.which(program, path=os.pathsep.join(folders)) for program in self.programs):
            return True
        parts = urlsplit(self.url)
        try:
            socket.create_connection((parts.hostname, parts.port), timeout=3).close()
        except OSError:
            return False
        return True


def probe_postgresql(url: str) -> None:
    import psycopg

    psycopg.connect(url.replace(f"/{DATABASE}", "/postgres"), connect_timeout=3).close()


def probe_mariadb(url: str) -> None:
    import pymysql

    parts = urlsplit(url)
    pymysql.connect(
        host=parts.hostname, port=parts.port, user=parts.username, password=parts.password or "",
        connect_timeout=3,
    ).close()  # fmt: skip


def probe_program(name: str) -> Callable[[str], None]:
    """A probe for servers that the tests start themselves, because they kill them."""

    def probe(url: str) -> None:
        if not shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])):
            raise FileNotFoundError(f"{name} is not installed, and the tests start their own")

    return probe


BROKERS = {
    "redis": Service("Redis", "redis://127.0.0.1:6379", ("redis-server",), probe_program("redis-server")),
    "rabbitmq": Service("RabbitMQ", "amqp://127.0.0.1:5672", ("rabbitmq-server",), probe_program("rabbitmq-server")),
}
SERVICES = (
    Service(
        "PostgreSQL",
        os.environ.get("TEST_POSTGRESQL_URL", f"postgres://postgres@127.0.0.1:5432/{DATABASE}"),
        ("postgres",),
        probe_postgresql,
    ),
    Service(
        "MariaDB",
        os.environ.get("TEST_MARIADB_URL", f"mysql://root@127.0.0.1:3306/{DATABASE}"),
        ("mariadbd", "mysqld"),
        probe_mariadb,
    ),
)


@dataclass(frozen=True)
class Step:
    """A command, run as ``python -m COMMAND`` with ``environment`` added to this process's."""

    what: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


class Report:
    """Runs steps and records how each ended. Thread-safe."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.failed = False
        self._lock = Lock()

    def run(self, step: Step) -> None:
        """Prints the step's output in one piece when it has ended, because steps of another lane print too."""
        print(f"== {step.what}: started", flush=True)
        started = time.monotonic()
        command = [sys.executable, "-m", *step.command]
        environment = {**os.environ, **step.environment}
        with TemporaryFile() as output:
            code = subprocess.run(
                command, cwd=ROOT, env=environment, check=False, stdout=output, stderr=subprocess.STDOUT
            ).returncode
            output.seek(0)
            text = output.read().decode(errors="replace")
        with self._lock:
            self.failed |= code != 0
            self.lines.append(
                f"{'passed' if code == 0 else 'FAILED':8} {step.what} ({time.monotonic() - started:.0f} s)"
            )
            print(f"\n== {step.what}", text, sep="\n", flush=True)

    def skip(self, what: str, why: str, failure: bool) -> None:
        with self._lock:
            self.failed |= failure
            self.lines.append(f"{'FAILED' if failure else 'not run':8} {what}: {why}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strict", action="store_true", help="fail if a service is installed but was not tested")
    strict = parser.parse_args().strict

    report = Report()
    ignored = ("--ignore=tests/browser", f"--ignore={FAILURE_TESTS}")
    first = [
        Step("ruff check", ("ruff", "check", ".")),
        Step("ruff format", ("ruff", "format", "--check", ".")),
        Step("mypy", ("mypy",)),
        Step("mypy, the Python client", ("mypy", "clients/python/xcloud_client", "clients/python/examples")),
        Step("migrations match the models", ("manage", "makemigrations", "--check", "--dry-run")),
        Step("tests, SQLite", ("pytest", *ignored), {"DATABASE_URL": ""}),
    ]
    if why := node.unusable():
        # Part of the tests above. A registry that is away is no fault of this machine.
        report.skip("tests/clients, TypeScript", why, failure=False)
    second = []
    if find_chromium():
        second.append(Step("tests/browser, Chromium", ("pytest", "tests/browser")))
    else:
        report.skip("tests/browser", f"none of {', '.join(NAMES)} found on PATH", failure=strict)
    for service in SERVICES:
        what = f"database tests, {service.name}"
        if why := service.unusable():
            report.skip(what, f"not usable: {why}", failure=strict and service.expected())
        else:
            command = ("pytest", "--only-database", *DATABASE_TESTS)
            second.append(Step(what, command, {"DATABASE_URL": service.url}))
    second.append(Step(f"{FAILURE_TESTS}, SQLite", ("pytest", FAILURE_TESTS), {"DATABASE_URL": "", "TEST_BROKER": ""}))
    postgresql = SERVICES[0]
    for name, broker in BROKERS.items():
        what = f"{FAILURE_TESTS}, {postgresql.name} and {broker.name}"
        missing = [service for service in (postgresql, broker) if service.unusable()]
        if missing:
            why = "; ".join(f"{service.name} is not usable: {service.unusable()}" for service in missing)
            report.skip(what, why, failure=strict and all(service.expected() for service in missing))
        else:
            environment = {"DATABASE_URL": postgresql.url, "TEST_BROKER": name}
            second.append(Step(what, ("pytest", FAILURE_TESTS), environment))
    run_lanes(report, first, second)

    print("\n== Summary", *report.lines, sep="\n")
    return int(report.failed)


def run_lanes(report: Report, *lanes: list[Step]) -> None:
    """Runs the lanes at the same time, the steps of each one after another."""

    def run(lane: list[Step]) -> None:
        for step in lane:
            report.run(step)

    with ThreadPoolExecutor(len(lanes)) as pool:
        list(pool.map(run, lanes))


if __name__ == "__main__":
    sys.exit(main())
