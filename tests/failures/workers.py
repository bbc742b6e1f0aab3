"""Those who work on jobs, as real processes: two workers beside a broker, or a server with a worker of its own."""

import abc
import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from tests.failures.brokers import free_port
from tests.failures.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
# To start Python, Django and the engine, or to finish two images, on a machine that has other things to do.
START_S = END_S = 60.0


class Workers(abc.ABC):
    """Processes with ``environment`` that write their logs below ``folder``."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment = {**os.environ, **environment}
        self._folder = folder
        self._logs: list[Path] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    @abc.abstractmethod
    def start(self) -> None: ...

    @abc.abstractmethod
    def kill_one(self, dice: random.Random) -> None:
        """SIGKILL, without a warning, and another in its place."""

    def finish(self) -> None:
        """SIGTERM to all, who end cleanly. Raises AssertionError where one does not."""
        going, self._processes = self._processes, []
        for process in going:
            wait_for("a process that listens to SIGTERM", lambda pid=process.pid: _listens(pid), START_S, self.told)  # type: ignore[misc]
            process.terminate()
        for process in going:
            assert process.wait(END_S) == 0, self.told()

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def told(self) -> str:
        """The ends of the processes' logs."""
        tails = (log.read_text(errors="replace")[-2000:] for log in self._logs[-4:])
        return "\n---\n".join(tails)

    def _run(self, *command: str) -> None:
        log = self._folder / f"process-{len(self._logs)}.log"
        self._logs.append(log)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *command], env=self._environment, cwd=ROOT, stdout=output, stderr=output
            )
        self._processes.append(process)


class Crew(Workers):
    """Two workers of one thread each."""

    def start(self) -> None:
        for _ in range(2):
            self._run("manage.py", "run_worker")

    def kill_one(self, dice: random.Random) -> None:
        process = self._processes.pop(dice.randrange(len(self._processes)))
        process.kill()
        process.wait()
        self._run("manage.py", "run_worker")


class Server(Workers):
    """What `make serve` starts: gunicorn, whose worker process starts one for jobs, again and again."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        super().__init__(environment, folder)
        self._kills = 0

    def start(self) -> None:
        bind = f"127.0.0.1:{free_port()}"
        self._run("-m", "gunicorn", "xcloud.wsgi:application", "--bind", bind, "--threads", "4")

    def kill_one(self, dice: random.Random) -> None:
        """The worker; every third time the server, which starts again: its worker sees that and gives back."""
        wait_for("the server's worker", lambda: self._at_work() != [], START_S, self.told)
        worker = self._at_work()[0]
        self._kills += 1
        if self._kills % 3:
            os.kill(worker, signal.SIGKILL)
            return
        server = self._processes.pop()
        for pid in [server.pid, *_children(server.pid)]:
            os.kill(pid, signal.SIGKILL)
        server.wait()
        self.start()
        wait_for("the end of a worker whose server is gone", lambda: not _alive(worker), END_S, self.told)

    def finish(self) -> None:
        workers = self._at_work()
        super().finish()
        wait_for("the end of the server's worker", lambda: not any(map(_alive, workers)), END_S, self.told)

    def close(self) -> None:
        workers = self._at_work()
        for process in self._processes:
            for pid in _children(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        super().close()
        wait_for("the end of the server's worker", lambda: not any(map(_alive, workers)), END_S, self.told)

    def _at_work(self) -> list[int]:
        """Processes that work on jobs: children of the server's children, beside the engines for requests."""
        below = [pid for server in self._processes for child in _children(server.pid) for pid in _children(child)]
        return [pid for pid in below if b"run_worker" in _command(pid)]


def _stat(pid: int) -> list[str]:
    """State and parent of a process, and so on; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _command(pid: int) -> bytes:
    """The command line of a process; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _listens(pid: int) -> bool:
    """Whether the process has a handler for SIGTERM; before, while it only starts, the signal simply ends it."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool(int(status["SigCgt"], 16) >> (signal.SIGTERM - 1) & 1)


def _children(parent: int) -> list[int]:
    pids = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [pid for pid in pids if (stat := _stat(pid)) and stat[1] == str(parent) and stat[0] != "Z"]


def _alive(pid: int) -> bool:
    stat = _stat(pid)
    return bool(stat) and stat[0] != "Z"
