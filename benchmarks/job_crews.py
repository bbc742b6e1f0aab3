"""Crews of workers for the job benchmark: started once, and paused while another crew is measured."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
START_S, END_S = 120, 30
# An idle worker polls for work once a second.
IDLE_SHARE = 0.05


class Crew:
    """``workers`` processes of ``manage.py run_worker`` with ``threads`` images in parallel in each."""

    def __init__(self, workers: int, threads: int, log: Path) -> None:
        self.workers, self.threads = workers, threads
        # As `make serve` and the container set it, so that the workers are no slower than the engine alone.
        settings = {"XCLOUD_JOB_THREADS": str(threads), "XCLOUD_JOB_NICE": "0", "MALLOC_ARENA_MAX": "2"}
        with log.open("ab") as output:
            self._processes = [
                subprocess.Popen(
                    [sys.executable, "manage.py", "run_worker"],
                    env={**os.environ, **settings},
                    cwd=ROOT,
                    stdout=output,
                    stderr=output,
                )
                for _ in range(workers)
            ]

    @property
    def name(self) -> str:
        workers = f"{self.workers} worker{'s' if self.workers > 1 else ''}"
        return f"{workers} × {self.threads} thread{'s' if self.threads > 1 else ''}"

    def wait_until_idle(self) -> None:
        """Waits until all workers have started and are idle. Raises TimeoutError."""
        ends = time.monotonic() + START_S
        before = self.cpu_s()
        while True:
            time.sleep(1)
            now = self.cpu_s()
            if min(map(cpu_s, self._families())) > 1 and now - before < IDLE_SHARE * self.workers:
                return
            if time.monotonic() > ends:
                raise TimeoutError("the workers did not start")
            before = now

    def resume(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGCONT)

    def pause(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        self.resume()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(END_S)

    def cpu_s(self) -> float:
        return sum(map(cpu_s, self._families()))

    def rss_mb(self) -> float:
        return sum(process.memory_info().rss for family in self._families() for process in family) / 1e6

    def _families(self) -> list[list[psutil.Process]]:
        """Each worker with its engines."""
        workers = [psutil.Process(process.pid) for process in self._processes]
        return [[worker, *worker.children(recursive=True)] for worker in workers]


def cpu_s(processes: Iterable[psutil.Process]) -> float:
    """Processor time of the processes so far, user and system, in seconds."""
    return float(sum(sum(process.cpu_times()[:2]) for process in processes))


def measure_cpu_s(program: str) -> float:
    """Processor time of all processes of a program, and of ended children that a process of it has reaped."""
    running = psutil.process_iter(["name", "cpu_times"])
    # The times are None if the process has ended.
    times = [process.info["cpu_times"] for process in running if process.info["name"] == program]
    return float(sum(sum(known[:4]) for known in times if known))
