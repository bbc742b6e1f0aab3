"""Runs the peer in its own process and its own virtual environment."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "facenet-pytorch==2.6.0"
_SCRIPT = Path(__file__).with_name("facenet.py")


@dataclass(frozen=True, slots=True)
class Answer:
    """``ms`` of ``MTCNN.detect`` alone; boxes are xyxy in pixels of the upright photo."""

    ms: float
    boxes: list[list[float]]


@dataclass(frozen=True, slots=True)
class Peer:
    """A running peer; it uses no processor time while it waits for photos."""

    process: subprocess.Popen[str]

    def detect(self, photo: Path, min_face_px: int) -> Answer:
        """Raises RuntimeError if the peer has died."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"photo": str(photo), "min_face_px": min_face_px}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the peer died; its own message is above")
        return Answer(**json.loads(line))


def peer_python(folder: Path) -> Path:
    """The Python of the peer's environment, which is created on first use: its old PyTorch takes 5 GB."""
    python = folder / "bin" / "python"
    done = folder / ".installed"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)  # noqa: S603
        install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", PACKAGE]
        subprocess.run(install, check=True)  # noqa: S603
        done.write_text(PACKAGE)
    return python


@contextmanager
def start_peer(folder: Path, threads: int) -> Iterator[Peer]:
    """Starts the peer of an environment; stops it at the end."""
    command = [str(peer_python(folder)), str(_SCRIPT), str(threads)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            yield Peer(process)
        finally:
            process.terminate()
