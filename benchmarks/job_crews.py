"""Workers of a benchmark's own: started once, and stopped in their tracks while others are measured."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6
START_S, END_S = 120, 30
# A worker that waits for work looks for it once a second.
IDLE_SHARE = 0.05


class Crew:
    """``workers`` processes of ``manage.py run_worker`` with ``threads`` images at once in each."""

    def __init__(self, workers: int, threads: int, log: Path) -> None:
        self.workers, self.threads = workers, threads
        # As `make serve` and the container set it; and no slower than the engine that they are compared with.
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

    def settle(self) -> None:
        """Until all of them have loaded what they need and wait. Raises TimeoutError."""
        ends = time.monotonic() + START_S
        before = self.cpu_s()
        while True:
            time.sleep(1)
            now = self.cpu_s()
            if min(cpu_s(process.pid) for process in self._processes) > 1 and now - before < IDLE_SHARE * self.workers:
                return
            if time.monotonic() > ends:
                raise TimeoutError("the workers did not start")
            before = now

    def go_on(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGCONT)

    def pause(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        self.go_on()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(END_S)

    def cpu_s(self) -> float:
        return sum(cpu_s(process.pid) for process in self._processes)

    def rss_mb(self) -> float:
        return sum(_rss_mb(process.pid) for process in self._processes)


def cpu_s(pid: int) -> float:
    """Processor time of a process so far, its own and the system's for it, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cpu_s_of(program: str) -> float:
    """The same of all processes of a program, also of those that ended and were waited for by one of them."""
    total = 0.0
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and (folder / "comm").read_text().strip() == program:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                total += sum(map(int, fields[11:15])) / TICKS
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def _rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_MB
