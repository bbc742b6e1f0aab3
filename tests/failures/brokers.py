"""Brokers of the test's own, as processes that are killed and started again with nothing in them."""

import abc
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import amqp
import redis

from tests.failures.waiting import wait_for

# Debian's wrapper on PATH changes the user and the folder; the script behind it does not.
RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


class Broker(abc.ABC):
    """A broker on a port of its own that keeps nothing beyond its death."""

    url: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    @abc.abstractmethod
    def _command(self, folder: Path) -> tuple[list[str], dict[str, str]]:
        """What starts it in an empty folder, and what it needs in its environment."""

    @abc.abstractmethod
    def answers(self) -> bool:
        """Whether a client can talk to it."""

    def start(self) -> None:
        """Starts it without anything that it knew before; does not wait for it."""
        self.starts += 1
        folder = self.folder / f"start-{self.starts}"
        folder.mkdir(parents=True)
        command, environment = self._command(folder)
        with (folder / "output.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, env={**os.environ, **environment}, cwd=folder, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self, seconds: float) -> None:
        wait_for(f"the broker at {self.url}", self._answers_or_died, seconds, self._told)

    def _answers_or_died(self) -> bool:
        assert self._process is None or self._process.poll() is None, self._told()
        return self.answers()

    def _told(self) -> str:
        return (self.folder / f"start-{self.starts}" / "output.log").read_text(errors="replace")[-2000:]

    def kill(self) -> None:
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        self.kill()


class Redis(Broker):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def _command(self, folder: Path) -> tuple[list[str], dict[str, str]]:
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        return ["redis-server", *options, "--dir", str(folder)], {}

    def answers(self) -> bool:
        try:
            with redis.Redis(port=self.port, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


class RabbitMQ(Broker):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        # A name server of its own too: the machine's, or one that Erlang would start, is left alone.
        self._names_port, self._distribution_port = free_port(), free_port()
        self._names = subprocess.Popen(
            ["epmd", "-port", str(self._names_port), "-address", "127.0.0.1"],  # noqa: S607 -- where the system has it
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _command(self, folder: Path) -> tuple[list[str], dict[str, str]]:
        # Its own, and not the machine's, which may name a port.
        settings = folder / "rabbitmq.conf"
        settings.write_text(f"listeners.tcp.default = 127.0.0.1:{self.port}\n")
        program = RABBITMQ if Path(RABBITMQ).exists() else shutil.which("rabbitmq-server") or "rabbitmq-server"
        return [program], {
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self._names_port),
            "RABBITMQ_NODENAME": f"xcloud-{self.port}@localhost",
            "RABBITMQ_CONFIG_FILE": str(settings),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            # Threads that spin would take the cores from the workers.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def answers(self) -> bool:
        options: dict[str, Any] = {"connect_timeout": 5, "read_timeout": 5}
        try:
            with amqp.Connection(f"127.0.0.1:{self.port}", userid="guest", password="guest", **options):
                return True
        except (OSError, amqp.AMQPError):
            return False

    def close(self) -> None:
        super().close()
        self._names.kill()
        self._names.wait()
